//! Instants and durations, in whole milliseconds. There is no clock here: "now" is always an argument.

use serde::{Deserialize, Serialize};

/// An instant: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The instant `ms` milliseconds after 1970.
    pub const fn from_ms(ms: i64) -> Self {
        Self(ms)
    }

    /// Milliseconds since 1970.
    pub const fn as_ms(self) -> i64 {
        self.0
    }

    /// The instant `by` later; stops at the end of time instead of wrapping.
    #[must_use]
    pub const fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(by.0))
    }

    /// The instant `by` earlier; stops at the beginning of time instead of wrapping.
    #[must_use]
    pub const fn minus(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(by.0))
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub const fn since(self, earlier: Timestamp) -> Duration {
        let ms = self.0.saturating_sub(earlier.0);
        Duration(if ms < 0 { 0 } else { ms })
    }
}

/// A length of time, never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
#[serde(transparent)]
pub struct Duration(i64);

impl Duration {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// `ms` milliseconds; a negative number gives zero.
    pub const fn from_ms(ms: i64) -> Self {
        Self(if ms < 0 { 0 } else { ms })
    }

    /// `seconds` seconds; a negative number gives zero.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self::from_ms(seconds.saturating_mul(1_000))
    }

    /// `days` days of 24 hours; a negative number gives zero.
    pub const fn from_days(days: i64) -> Self {
        Self::from_seconds(days.saturating_mul(86_400))
    }

    /// The length in milliseconds.
    pub const fn as_ms(self) -> i64 {
        self.0
    }

    /// Reads a whole number and a unit: `90s`, `30m`, `12h`, `7d`, `2w`. `None` for anything else, and for zero.
    pub fn parse(text: &str) -> Option<Self> {
        let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let unit_ms = match unit {
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 604_800_000,
            _ => return None,
        };
        if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let ms = number.parse::<i64>().ok()?.checked_mul(unit_ms)?;
        (ms > 0).then_some(Self(ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_a_number_and_a_unit() {
        assert_eq!(Duration::parse("7d"), Some(Duration::from_days(7)));
        assert_eq!(Duration::parse("2w"), Some(Duration::from_days(14)));
        assert_eq!(Duration::parse("90s"), Some(Duration::from_ms(90_000)));
        for bad in [
            "",
            "d",
            "7",
            "7 d",
            "-7d",
            "+7d",
            "0d",
            "1.5h",
            "7D",
            "99999999999999999999d",
            "9223372036854775807w",
            "é",
        ] {
            assert_eq!(Duration::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn arithmetic_stops_at_the_ends_of_time() {
        let last = Timestamp::from_ms(i64::MAX);
        assert_eq!(last.plus(Duration::from_days(1)), last);
        assert_eq!(Timestamp::from_ms(5).since(Timestamp::from_ms(9)), Duration::ZERO);
    }
}
