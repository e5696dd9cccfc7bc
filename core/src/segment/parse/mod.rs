//! Reading filters from JSON values. Errors name the path inside the filter and say what was expected there.

mod occurrences;
mod time;
mod value;

use super::{
    filter::{AttributeRef, AttributeTest, Condition, DeviceField, Filter, Interaction, Near, OccurrenceTest, Source},
    host::Host,
    test::{Bounds, Test},
};
use crate::{
    decode::{DecodeError, Fields, Path},
    ids::{CampaignId, SegmentId},
    limits,
    profile::StandardAttribute,
    protocol::{Channel, GroupState, SubscriptionState},
    time::Duration,
    value::{Number, Value, is_name},
};

/// The keys of which a filter has one; they say of which form it is.
const FORMS: [&str; 20] = [
    "all",
    "any",
    "not",
    "segment",
    "attribute",
    "custom_attribute",
    "event",
    "purchase",
    "spent",
    "session",
    "session_time",
    "message",
    "first_seen",
    "last_seen",
    "near",
    "device",
    "subscription",
    "subscription_group",
    "anonymous",
    "random_bucket",
];
const EXPECTED_FORM: &str = "an object with one of: all, any, not, segment, attribute, custom_attribute, event, purchase, spent, \
                             session, session_time, message, first_seen, last_seen, near, device, subscription, \
                             subscription_group, anonymous, random_bucket";
const NAME: &str = "a name of 1 to 255 characters";
const DURATION: &str = "a duration of at most 731 days, like \"90s\", \"30m\", \"12h\", \"7d\" or \"2w\"";

/// Reads one filter.
struct Reader<'a> {
    host: &'a dyn Host,
    nodes: usize,
}

impl Filter {
    /// Reads a filter that is to be evaluated there. Unknown keys are errors.
    pub fn parse(value: &Value, host: &dyn Host) -> Result<Self, DecodeError> {
        Self::parse_within(value, &Path::Definition, host)
    }

    /// Reads a filter that stands somewhere inside a definition.
    pub fn parse_within(value: &Value, path: &Path<'_>, host: &dyn Host) -> Result<Self, DecodeError> {
        Reader { host, nodes: 0 }.filter(value, path, 0)
    }
}

impl Reader<'_> {
    fn filter(&mut self, value: &Value, path: &Path<'_>, depth: usize) -> Result<Filter, DecodeError> {
        self.nodes += 1;
        if depth > limits::FILTER_DEPTH {
            return Err(path.expected("less nesting (a filter has at most 16 levels)"));
        }
        if self.nodes > limits::FILTER_NODES {
            return Err(path.expected("fewer conditions (a filter has at most 256)"));
        }
        let Value::Object(members) = value else { return Err(path.expected(EXPECTED_FORM)) };
        let fields = Fields::of(value, path)?;
        let form = FORMS.into_iter().find(|form| fields.has(form)).ok_or_else(|| path.expected(EXPECTED_FORM))?;
        if fields.get(form).is_none() {
            return Err(fields.error(form, "something else than null"));
        }
        Ok(match form {
            "all" | "any" => {
                fields.only(&[form], "no other key beside all or any")?;
                if !matches!(members.get(form), Some(Value::Array(_))) {
                    return Err(fields.error(form, "an array of filters"));
                }
                let parts =
                    fields.read_all(form, limits::FILTER_NODES, |part, path| self.filter(part, path, depth + 1))?;
                if form == "all" { Filter::All(parts) } else { Filter::Any(parts) }
            }
            "not" => {
                fields.only(&["not"], "no other key beside not")?;
                let part = fields.read("not", |part, path| self.filter(part, path, depth + 1))?;
                Filter::Not(Box::new(part.ok_or_else(|| fields.error("not", EXPECTED_FORM))?))
            }
            "segment" => {
                fields.only(&["segment"], "no other key beside segment")?;
                const EXPECTED: &str = "the id of a segment";
                let id = SegmentId::parse(fields.required_text("segment", EXPECTED)?);
                Filter::Segment(id.map_err(|_| fields.error("segment", EXPECTED))?, None)
            }
            _ => Filter::Condition(self.condition(form, &fields)?),
        })
    }

    fn condition(&self, form: &'static str, fields: &Fields<'_>) -> Result<Condition, DecodeError> {
        Ok(match form {
            "attribute" => {
                let name = fields.required_text(form, STANDARD_NAMES)?;
                let attribute = StandardAttribute::parse(name).ok_or_else(|| fields.error(form, STANDARD_NAMES))?;
                self.attribute(fields, form, AttributeRef::Standard(attribute))?
            }
            "custom_attribute" => self.attribute(fields, form, AttributeRef::Custom(name(fields, form)?))?,
            "event" | "purchase" | "session" | "message" => self.occurrences(form, fields)?,
            "spent" => self.spent(fields)?,
            "session_time" => {
                fields.only(&[form], "no other key beside session_time")?;
                Condition::SessionTime(fields.read(form, session_time)?.unwrap_or(Bounds::at_least(0)))
            }
            "first_seen" | "last_seen" => {
                fields.only(&[form], "no other key beside first_seen or last_seen")?;
                let test = fields.read(form, time::time_test)?;
                let test = test.ok_or_else(|| fields.error(form, time::TIME_TEST))?;
                if form == "first_seen" { Condition::FirstSeen(test) } else { Condition::LastSeen(test) }
            }
            "near" => {
                fields.only(&[form], "no other key beside near")?;
                Condition::Near(fields.read(form, near)?.ok_or_else(|| fields.error(form, NEAR))?)
            }
            "device" => {
                const EXPECTED: &str = "browser, browser_version, os, os_version, model, language, time_zone, \
                                        screen_width, app_version, app_version_number or form";
                let field = device_field(fields.required_text(form, EXPECTED)?);
                Condition::Device(field.ok_or_else(|| fields.error(form, EXPECTED))?, self.test(fields, &[form])?)
            }
            "subscription" => {
                const EXPECTED: &str = "email or push";
                let channel = match fields.required_text(form, EXPECTED)? {
                    "email" => Channel::Email,
                    "push" => Channel::Push,
                    _ => return Err(fields.error(form, EXPECTED)),
                };
                let states =
                    states(fields, form, "opted_in, subscribed, unsubscribed or unknown", |state| match state {
                        "opted_in" => Some(Some(SubscriptionState::OptedIn)),
                        "subscribed" => Some(Some(SubscriptionState::Subscribed)),
                        "unsubscribed" => Some(Some(SubscriptionState::Unsubscribed)),
                        "unknown" => Some(None),
                        _ => None,
                    })?;
                Condition::Subscription(channel, states)
            }
            "subscription_group" => {
                let states = states(fields, form, "subscribed, unsubscribed or unknown", |state| match state {
                    "subscribed" => Some(Some(GroupState::Subscribed)),
                    "unsubscribed" => Some(Some(GroupState::Unsubscribed)),
                    "unknown" => Some(None),
                    _ => None,
                })?;
                Condition::SubscriptionGroup(name(fields, form)?, states)
            }
            "anonymous" => {
                fields.only(&[form], "no other key beside anonymous")?;
                Condition::Anonymous(fields.boolean(form)?.ok_or_else(|| fields.error(form, "true or false"))?)
            }
            _ => {
                fields.only(&["random_bucket"], "no other key beside random_bucket")?;
                const EXPECTED: &str = "the first and the last of the numbers from 0 to 9999, like [0, 999]";
                let bound = |value: &Value, path: &Path<'_>| {
                    let number = if let Value::Number(number) = value { number.as_integer() } else { None };
                    let number = number.and_then(|number| u16::try_from(number).ok()).filter(|number| *number <= 9_999);
                    number.ok_or_else(|| path.expected(EXPECTED))
                };
                match fields.read_all("random_bucket", 2, bound)?.as_slice() {
                    [first, last] if first <= last => Condition::RandomBucket(*first, *last),
                    _ => return Err(fields.error("random_bucket", EXPECTED)),
                }
            }
        })
    }

    fn attribute(
        &self,
        fields: &Fields<'_>,
        form: &'static str,
        attribute: AttributeRef,
    ) -> Result<Condition, DecodeError> {
        let path = path_of(fields)?;
        let test = if fields.has("anniversary_within_days") {
            AttributeTest::Anniversary(self.anniversary(fields, &[form, "path"])?)
        } else if time::is_time_test(fields) {
            AttributeTest::Time(time::time_test_beside(fields, &[form, "path"])?)
        } else {
            AttributeTest::Value(self.test(fields, &[form, "path"])?)
        };
        Ok(Condition::Attribute { attribute, path, test })
    }

    /// A test of a value, whose operator stands beside the keys of its subject.
    fn test(&self, fields: &Fields<'_>, subject: &[&'static str]) -> Result<Test, DecodeError> {
        Test::parse(fields, subject, self.host)
    }
}

const STANDARD_NAMES: &str = "a standard attribute: email, first_name, last_name, phone_number, gender, date_of_birth, \
                              country, home_city, language or time_zone (others are custom_attribute)";

fn name(fields: &Fields<'_>, key: &str) -> Result<String, DecodeError> {
    let name = fields.required_text(key, NAME)?;
    if is_name(name) { Ok(name.to_owned()) } else { Err(fields.error(key, NAME)) }
}

/// The names that lead to a value, if there are any.
fn path_of(fields: &Fields<'_>) -> Result<Vec<String>, DecodeError> {
    let path = fields.read_all("path", limits::PATH_NAMES, |value, path| {
        value.as_str().filter(|name| is_name(name)).map(str::to_owned).ok_or_else(|| path.expected(NAME))
    })?;
    if path.is_empty() && fields.has("path") { Err(fields.error("path", "an array of names")) } else { Ok(path) }
}

fn duration(value: &Value, path: &Path<'_>) -> Result<Duration, DecodeError> {
    let duration = value.as_str().and_then(Duration::parse).filter(|duration| *duration <= limits::FILTER_WINDOW);
    duration.ok_or_else(|| path.expected(DURATION))
}

fn session_time(value: &Value, path: &Path<'_>) -> Result<Bounds, DecodeError> {
    const EXPECTED: &str = "at_least or at_most, with a duration";
    let fields = Fields::of(value, path)?;
    fields.only(&["at_least", "at_most"], EXPECTED)?;
    let ms = |duration: Duration| u64::try_from(duration.as_ms()).unwrap_or_default();
    let bounds = (fields.read("at_least", duration)?, fields.read("at_most", duration)?);
    if bounds == (None, None) {
        return Err(path.expected(EXPECTED));
    }
    Ok(Bounds { least: bounds.0.map(ms).unwrap_or_default(), most: bounds.1.map(ms) })
}

const NEAR: &str = "latitude, longitude and within_km";

fn near(value: &Value, path: &Path<'_>) -> Result<Near, DecodeError> {
    let fields = Fields::of(value, path)?;
    fields.only(&["latitude", "longitude", "within_km"], NEAR)?;
    let number = |key: &str, expected, most: f64| match fields.get(key) {
        Some(Value::Number(number)) if number.get().abs() <= most => Ok(*number),
        _ => Err(fields.error(key, expected)),
    };
    let (latitude, longitude) =
        (number("latitude", "degrees from -90 to 90", 90.0)?, number("longitude", "degrees from -180 to 180", 180.0)?);
    const KILOMETRES: &str = "kilometres, more than 0 and at most 20038";
    let kilometres: Number = number("within_km", KILOMETRES, 20_038.0)?;
    if kilometres.get() <= 0.0 {
        return Err(fields.error("within_km", KILOMETRES));
    }
    Ok(Near { latitude, longitude, kilometres })
}

fn device_field(name: &str) -> Option<DeviceField> {
    Some(match name {
        "browser" => DeviceField::Browser,
        "browser_version" => DeviceField::BrowserVersion,
        "os" => DeviceField::Os,
        "os_version" => DeviceField::OsVersion,
        "model" => DeviceField::Model,
        "language" => DeviceField::Language,
        "time_zone" => DeviceField::TimeZone,
        "screen_width" => DeviceField::ScreenWidth,
        "app_version" => DeviceField::AppVersion,
        "app_version_number" => DeviceField::AppVersionNumber,
        "form" => DeviceField::Form,
        _ => return None,
    })
}

/// The states after `is`, `is_not` or `in`.
fn states<T: Copy + PartialEq>(
    fields: &Fields<'_>,
    form: &'static str,
    expected: &'static str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, DecodeError> {
    const OPERATORS: &str = "exactly one of: is, in";
    fields.only(&[form, "is", "in"], OPERATORS)?;
    let state = |value: &Value, path: &Path<'_>| value.as_str().and_then(&read).ok_or_else(|| path.expected(expected));
    match (fields.read("is", state)?, fields.read_all("in", 4, state)?) {
        (Some(state), others) if others.is_empty() => Ok(vec![state]),
        (None, states) if !states.is_empty() => Ok(states),
        _ => Err(fields.error_here(OPERATORS)),
    }
}

#[cfg(test)]
mod tests;
