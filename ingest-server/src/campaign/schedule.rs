//! When a campaign runs.

use jiff::{civil::DateTime, tz::TimeZone};
use kindling_core::{
    decode::{DecodeError, Fields, Path},
    time::Timestamp,
    value::Value,
};

/// When a campaign runs: from an instant on, and up to one.
///
/// In JSON: `starts_at` and `ends_at`, each in milliseconds since 1970, or as a clock shows it, like `"2026-12-01T09:00"` or
/// `"2026-12-01"`; and `time_zone`, whose clock that is: that of the IANA database of this name, or `"user"`, each user's own.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    starts: Option<Bound>,
    ends: Option<Bound>,
    zone: Zone,
}

/// When it starts, or ends.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Bound {
    At(Timestamp),
    /// When the clock shows this.
    Clock(DateTime),
}

/// Whose clock counts.
#[derive(Debug, Clone, PartialEq)]
enum Zone {
    /// The workspace's.
    Workspace,
    /// Each user's own, as far as it is known; otherwise the workspace's.
    User,
    /// That of this zone.
    Named(TimeZone),
}

/// The zones in which a schedule may have to be read for one user.
#[derive(Debug, Clone, Copy)]
pub struct Zones<'a> {
    /// The workspace's.
    pub workspace: &'a TimeZone,
    /// The user's, if it is known.
    pub user: Option<&'a TimeZone>,
}

impl Schedule {
    pub(super) fn read(fields: &Fields<'_>) -> Result<Self, DecodeError> {
        let zone = match fields.text("time_zone")? {
            None => Zone::Workspace,
            Some("user") => Zone::User,
            Some(name) => {
                let zone = TimeZone::get(name).map_err(|_| {
                    fields.error("time_zone", "\"user\", or the name of a time zone, like \"Europe/Vienna\"")
                })?;
                Zone::Named(zone)
            }
        };
        let (starts, ends) = (fields.read("starts_at", Bound::read)?, fields.read("ends_at", Bound::read)?);
        let is_empty = match (starts, ends) {
            (Some(Bound::At(starts)), Some(Bound::At(ends))) => ends <= starts,
            (Some(Bound::Clock(starts)), Some(Bound::Clock(ends))) => ends <= starts,
            // Which is first depends on the zone.
            _ => false,
        };
        if is_empty { Err(fields.error("ends_at", "a time after starts_at")) } else { Ok(Self { starts, ends, zone }) }
    }

    /// When it starts for a user.
    pub fn starts_at(&self, zones: Zones<'_>) -> Option<Timestamp> {
        self.starts.map(|bound| self.instant(bound, zones))
    }

    /// When it ends for a user.
    pub fn ends_at(&self, zones: Zones<'_>) -> Option<Timestamp> {
        self.ends.map(|bound| self.instant(bound, zones))
    }

    /// Whether it depends on the user's time zone.
    pub fn is_by_user(&self) -> bool {
        self.zone == Zone::User
    }

    fn instant(&self, bound: Bound, zones: Zones<'_>) -> Timestamp {
        let zone = match &self.zone {
            Zone::Workspace => zones.workspace,
            Zone::User => zones.user.unwrap_or(zones.workspace),
            Zone::Named(zone) => zone,
        };
        match bound {
            Bound::At(at) => at,
            // A time that a clock skips or shows twice is the one that it would show had it not been changed.
            Bound::Clock(shown) => {
                let instant = zone.to_ambiguous_zoned(shown).compatible().map(|zoned| zoned.timestamp());
                Timestamp::from_ms(instant.map_or(i64::MAX, |instant| instant.as_millisecond()))
            }
        }
    }
}

impl Bound {
    fn read(value: &Value, path: &Path<'_>) -> Result<Self, DecodeError> {
        let bound = match value {
            Value::Number(number) => number.as_integer().map(|ms| Self::At(Timestamp::from_ms(ms))),
            Value::String(text) => clock(text).map(Self::Clock),
            _ => None,
        };
        bound.ok_or_else(|| path.expected("milliseconds since 1970, or a time like \"2026-12-01T09:00\""))
    }
}

/// Reads `2026-12-01`, `2026-12-01T09:00` or `2026-12-01T09:00:30`.
fn clock(text: &str) -> Option<DateTime> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b':' | b'T'));
    text.parse().ok().filter(|_| is_plain && matches!(text.len(), 10 | 16 | 19))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Schedule, String> {
        let value = serde_json::from_str(json).unwrap();
        Fields::of(&value, &Path::Definition)
            .and_then(|fields| Schedule::read(&fields))
            .map_err(|error| error.to_string())
    }

    fn starts(json: &str, user: Option<&str>) -> i64 {
        let (vienna, user) = (TimeZone::get("Europe/Vienna").unwrap(), user.map(|name| TimeZone::get(name).unwrap()));
        read(json).unwrap().starts_at(Zones { workspace: &vienna, user: user.as_ref() }).unwrap().as_ms()
    }

    #[test]
    fn a_time_is_read_by_the_clock_that_it_is_meant_for() {
        const NINE_UTC: i64 = 1_796_115_600_000; // 2026-12-01T09:00:00Z
        const HOUR: i64 = 3_600_000;
        let by = |zone: &str| format!(r#"{{"starts_at":"2026-12-01T09:00"{zone}}}"#);
        assert_eq!(starts(&by(""), Some("Asia/Tokyo")), NINE_UTC - HOUR);
        assert_eq!(starts(&by(r#","time_zone":"UTC""#), None), NINE_UTC);
        assert_eq!(starts(&by(r#","time_zone":"user""#), Some("Asia/Tokyo")), NINE_UTC - 9 * HOUR);
        assert_eq!(starts(&by(r#","time_zone":"user""#), None), NINE_UTC - HOUR);
        assert_eq!(starts(r#"{"starts_at":5,"time_zone":"user"}"#, Some("Asia/Tokyo")), 5);
        assert_eq!(starts(r#"{"starts_at":"2026-12-01"}"#, None), NINE_UTC - 10 * HOUR);
        // The clock goes from 02:00 to 03:00.
        assert_eq!(
            starts(r#"{"starts_at":"2026-03-29T02:30"}"#, None),
            starts(r#"{"starts_at":"2026-03-29T03:30"}"#, None)
        );
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for bad in ["\"tomorrow\"", "\"2026-12-01T25:00\"", "\"2026-12-01T09:00Z\"", "\"2026-02-30\"", "1.5", "[]"] {
            assert!(read(&format!(r#"{{"starts_at":{bad}}}"#)).unwrap_err().contains("$.starts_at: expected"), "{bad}");
        }
    }
}
