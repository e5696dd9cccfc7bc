//! Days of the calendar (proleptic Gregorian), and the instants that people write.

use std::fmt;

use crate::time::Timestamp;

const DAY_MS: i64 = 86_400_000;

/// A day of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    /// The year, from 0 to 9999 when it was read from text.
    pub year: i64,
    /// The month, from 1.
    pub month: u8,
    /// The day of the month, from 1.
    pub day: u8,
}

impl Date {
    /// Reads `YYYY-MM-DD`. `None` if there is no such day.
    pub fn parse(text: &str) -> Option<Self> {
        let separated = text.len() == 10 && text.get(4..5) == Some("-") && text.get(7..8) == Some("-");
        if !separated {
            return None;
        }
        let (year, month, day) = (digits(text, 0..4)?, digits(text, 5..7)?, digits(text, 8..10)?);
        let date = Self { year: year.into(), month: u8::try_from(month).ok()?, day: u8::try_from(day).ok()? };
        (date.day >= 1 && date.day <= days_of(date.year, date.month)).then_some(date)
    }

    /// Days since 1970-01-01. (After Howard Hinnant, "chrono-compatible low-level date algorithms": years begin in March, so that
    /// the leap day is their last.)
    pub fn days(self) -> i64 {
        let year = if self.month <= 2 { self.year - 1 } else { self.year };
        let era = year.div_euclid(400);
        let of_era = year.rem_euclid(400);
        let month = (i64::from(self.month) + 9) % 12;
        let of_year = (153 * month + 2) / 5 + i64::from(self.day) - 1;
        era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
    }

    /// The day so many days after 1970-01-01.
    pub fn from_days(days: i64) -> Self {
        let days = days + 719_468;
        let era = days.div_euclid(146_097);
        let of_era = days.rem_euclid(146_097);
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        let year = era * 400 + year + i64::from(month <= 2);
        // Both are small by what they were made of.
        Self { year, month: u8::try_from(month).unwrap_or(1), day: u8::try_from(day).unwrap_or(1) }
    }

    /// The day on which this one is kept in another year: the 29th of February is the 28th where there is none.
    #[must_use]
    pub fn in_year(self, year: i64) -> Self {
        Self { year, day: self.day.min(days_of(year, self.month)), ..self }
    }

    /// The day that an instant falls on, where clocks show so many seconds more than UTC.
    pub fn of(at: Timestamp, offset: i32) -> Self {
        Self::from_days(at.as_ms().saturating_add(i64::from(offset) * 1_000).div_euclid(DAY_MS))
    }

    /// When the day begins where clocks show what UTC shows.
    pub fn begins(self) -> Timestamp {
        Timestamp::from_ms(self.days().saturating_mul(DAY_MS))
    }
}

/// `YYYY-MM-DD`.
impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

fn days_of(year: i64, month: u8) -> u8 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u8::from(leap),
        1..=12 => 31,
        _ => 0,
    }
}

fn digits(text: &str, range: std::ops::Range<usize>) -> Option<u32> {
    let part = text.get(range)?;
    part.bytes().try_fold(0_u32, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 { None } else { number.checked_mul(10)?.checked_add(digit.into()) }
    })
}

/// Reads an instant of RFC 3339, as in `2026-11-24T13:30:00Z`, `2026-11-24T13:30:00.250+01:00` or, for the beginning of a day in UTC,
/// `2026-11-24`.
pub fn parse_instant(text: &str) -> Option<Timestamp> {
    let date = Date::parse(text.get(..10)?)?;
    let rest = text.get(10..)?;
    if rest.is_empty() {
        return Some(date.begins());
    }
    let separated = matches!(rest.as_bytes().first()?, b'T' | b't' | b' ')
        && rest.get(3..4) == Some(":")
        && rest.get(6..7) == Some(":");
    if !separated {
        return None;
    }
    let (hour, minute, second) = (digits(rest, 1..3)?, digits(rest, 4..6)?, digits(rest, 7..9)?);
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let mut zone = rest.get(9..)?;
    let mut ms = 0;
    if let Some(fraction) = zone.strip_prefix('.') {
        let end = fraction.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(fraction.len());
        if end == 0 {
            return None;
        }
        // What is finer than a millisecond does not count.
        let counted = digits(fraction, 0..end.min(3))?;
        ms = i64::from(counted) * [100, 10, 1][end.min(3) - 1];
        zone = fraction.get(end..)?;
    }
    let offset = match zone.as_bytes().first()? {
        b'Z' | b'z' if zone.len() == 1 => 0,
        sign @ (b'+' | b'-') if zone.len() == 6 && zone.get(3..4) == Some(":") => {
            let (hours, minutes) = (digits(zone, 1..3)?, digits(zone, 4..6)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let seconds = i64::from(hours) * 3_600 + i64::from(minutes) * 60;
            if *sign == b'-' { -seconds } else { seconds }
        }
        _ => return None,
    };
    let seconds = i64::from(hour) * 3_600 + i64::from(minute) * 60 + i64::from(second) - offset;
    Some(Timestamp::from_ms(date.begins().as_ms() + seconds * 1_000 + ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_eight_centuries_comes_after_the_one_before() {
        let mut before = Date::from_days(-146_098);
        for days in -146_097..146_097 {
            let date = Date::from_days(days);
            assert_eq!(date.days(), days);
            let text = format!("{:04}-{:02}-{:02}", date.year, date.month, date.day);
            assert_eq!(Date::parse(&text), Some(date));
            assert!(before < date && (date.day == before.day + 1 || date.day == 1));
            before = date;
        }
        assert_eq!(Date::from_days(0), Date { year: 1970, month: 1, day: 1 });
        assert_eq!(Date::parse("2024-02-29").unwrap().days(), 19_782);
    }

    #[test]
    fn what_is_no_day_is_not_read() {
        for bad in [
            "2023-02-29",
            "1900-02-29",
            "2024-13-01",
            "2024-00-01",
            "2024-04-31",
            "2024-4-31",
            "24-04-30",
            "2024/04/30",
            "",
        ] {
            assert_eq!(Date::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_leap_day_is_kept_on_the_28th() {
        let born = Date::parse("2004-02-29").unwrap();
        assert_eq!(born.in_year(2025), Date { year: 2025, month: 2, day: 28 });
        assert_eq!(born.in_year(2028), Date { year: 2028, month: 2, day: 29 });
    }

    #[test]
    fn instants_are_read() {
        for (text, ms) in [
            ("1970-01-01", 0),
            ("2025-11-23T17:06:01Z", 1_763_917_561_000),
            ("2025-11-23T18:06:01+01:00", 1_763_917_561_000),
            ("2025-11-23t09:36:01.25-07:30", 1_763_917_561_250),
            ("2025-11-23T17:06:01.123456789Z", 1_763_917_561_123),
            ("2025-11-23 17:06:01.1Z", 1_763_917_561_100),
        ] {
            assert_eq!(parse_instant(text), Some(Timestamp::from_ms(ms)), "{text}");
        }
        for bad in [
            "2025-11-23T17:06:01",
            "2025-11-23T17:06Z",
            "2025-11-23T24:00:00Z",
            "2025-11-23T17:06:01.Z",
            "2025-11-23T17:06:01+1:00",
            "2025-11-23T17:06:01Zx",
            "2025-11-31T00:00:00Z",
            "tomorrow",
            "2025-11-23é",
            "",
        ] {
            assert_eq!(parse_instant(bad), None, "{bad}");
        }
    }
}
