//! Reading conditions on time.

use super::{DURATION, Reader, duration};
use crate::{
    calendar::parse_instant,
    decode::{DecodeError, Fields, Path},
    segment::filter::{Anniversary, TimeTest, Window, Zone},
    time::Timestamp,
    value::Value,
};

const OPERATORS: [&str; 7] =
    ["before", "after", "between", "less_than_ago", "more_than_ago", "less_than_ahead", "more_than_ahead"];
pub(super) const TIME_TEST: &str = "exactly one of: before, after, between, less_than_ago, more_than_ago, less_than_ahead, \
                                    more_than_ahead";
const INSTANT: &str = "an instant, like \"2026-11-24T13:30:00Z\", \"2026-11-24\" or {\"$time\": ms}";
const DAYS: &str = "a whole number of days from 1 to 366";

/// Whether the operator is one of those of time. (`between` is also one of numbers.)
pub(super) fn is_time_test(fields: &Fields<'_>) -> bool {
    match fields.get("between") {
        Some(Value::Array(bounds)) => !bounds.iter().any(|bound| matches!(bound, Value::Number(_))),
        Some(_) => false,
        None => OPERATORS.into_iter().any(|operator| fields.has(operator)),
    }
}

/// A condition that is an object of its own.
pub(super) fn time_test(value: &Value, path: &Path<'_>) -> Result<TimeTest, DecodeError> {
    time_test_beside(&Fields::of(value, path)?, &[])
}

/// A condition whose operator stands beside the keys of its subject.
pub(super) fn time_test_beside(fields: &Fields<'_>, subject: &[&'static str]) -> Result<TimeTest, DecodeError> {
    let allowed: Vec<&str> = subject.iter().copied().chain(OPERATORS).collect();
    fields.only(&allowed, TIME_TEST)?;
    let mut given = OPERATORS.into_iter().filter(|operator| fields.has(operator));
    let (Some(operator), None) = (given.next(), given.next()) else { return Err(fields.error_here(TIME_TEST)) };
    let at = || fields.read(operator, instant)?.ok_or_else(|| fields.error(operator, INSTANT));
    let by = || fields.read(operator, duration)?.ok_or_else(|| fields.error(operator, DURATION));
    Ok(match operator {
        "before" => TimeTest::Before(at()?),
        "after" => TimeTest::NotBefore(at()?),
        "between" => {
            let (first, last) = between(fields)?.ok_or_else(|| fields.error("between", BETWEEN))?;
            TimeTest::Between(first, last)
        }
        "less_than_ago" => TimeTest::LessThanAgo(by()?),
        "more_than_ago" => TimeTest::MoreThanAgo(by()?),
        "less_than_ahead" => TimeTest::LessThanAhead(by()?),
        _ => TimeTest::MoreThanAhead(by()?),
    })
}

const BETWEEN: &str = "two instants, the first one first";

/// The two instants of `between`, if it is there.
pub(super) fn between(fields: &Fields<'_>) -> Result<Option<(Timestamp, Timestamp)>, DecodeError> {
    if !fields.has("between") {
        return Ok(None);
    }
    match fields.read_all("between", 2, instant)?.as_slice() {
        [first, last] if first <= last => Ok(Some((*first, *last))),
        _ => Err(fields.error("between", BETWEEN)),
    }
}

fn instant(value: &Value, path: &Path<'_>) -> Result<Timestamp, DecodeError> {
    let instant = match value {
        Value::Time(at) => Some(*at),
        Value::String(text) => parse_instant(text),
        _ => None,
    };
    instant.ok_or_else(|| path.expected(INSTANT))
}

impl Reader<'_> {
    pub(super) fn anniversary(
        &self,
        fields: &Fields<'_>,
        subject: &[&'static str],
    ) -> Result<Anniversary, DecodeError> {
        const EXPECTED: &str = "anniversary_within_days and time_zone only";
        let allowed: Vec<&str> = subject.iter().copied().chain(["anniversary_within_days", "time_zone"]).collect();
        fields.only(&allowed, EXPECTED)?;
        let days = fields.integer("anniversary_within_days")?;
        let days = days.and_then(|days| u16::try_from(days).ok()).filter(|days| *days <= 366);
        let days =
            days.ok_or_else(|| fields.error("anniversary_within_days", "a whole number of days from 0 to 366"))?;
        Ok(Anniversary { within_days: days, zone: self.zone(fields)? })
    }

    /// `within`, or `days` and `time_zone`.
    pub(super) fn window(&self, fields: &Fields<'_>) -> Result<Window, DecodeError> {
        let within = fields.read("within", duration)?;
        let days = fields.integer("days")?;
        match (within, days) {
            (Some(_), Some(_)) => Err(fields.error("days", "no days beside within")),
            (_, None) if fields.has("time_zone") => Err(fields.error("time_zone", "no time_zone without days")),
            (Some(within), None) => Ok(Window::Within(within)),
            (None, None) => Ok(Window::Ever),
            (None, Some(days)) => {
                let days = u16::try_from(days).ok().filter(|days| (1..=366).contains(days));
                Ok(Window::Days(days.ok_or_else(|| fields.error("days", DAYS))?, self.zone(fields)?))
            }
        }
    }

    fn zone(&self, fields: &Fields<'_>) -> Result<Zone, DecodeError> {
        match fields.text("time_zone")? {
            None | Some("user") => Ok(Zone::OfUser),
            Some(zone) if self.host.is_zone(zone) => Ok(Zone::Named(zone.to_owned())),
            Some(_) => Err(fields.error("time_zone", "\"user\", or a time zone like \"Europe/Vienna\"")),
        }
    }
}
