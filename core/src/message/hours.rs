//! The hours of the day at which a message may be shown.

use serde::Serialize;

use crate::{
    decode::{DecodeError, Fields, Path},
    json::Json,
    value::Value,
};

/// Minutes of a day.
const DAY: u16 = 24 * 60;

/// The hours of the day, by the clock of the device, at which a message may be shown.
///
/// In a definition: `{"from": "09:00", "to": "18:00"}`; past midnight if `to` is the earlier one. On the wire: minutes since midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Hours {
    from: u16,
    to: u16,
}

impl Hours {
    /// Reads them as a definition has them.
    pub fn read(value: &Value, path: &Path<'_>) -> Result<Self, DecodeError> {
        let fields = Fields::of(value, path)?;
        fields.only(&["from", "to"], "from and to only")?;
        let time = |name| {
            let text = fields.required_text(name, TIME)?;
            time_of_day(text).ok_or_else(|| fields.error(name, TIME))
        };
        let hours = Self { from: time("from")?, to: time("to")? };
        if hours.from == hours.to { Err(fields.error("to", "another time than from")) } else { Ok(hours) }
    }

    /// Reads them as they come to a device.
    pub fn read_held(hours: Json<'_>) -> Option<Self> {
        let minute = |name| u16::try_from(hours.get(name)?.integer()?).ok().filter(|minute| *minute < DAY);
        Some(Self { from: minute("from")?, to: minute("to")? })
    }

    /// Whether a minute of the day, counted from midnight, lies in them.
    pub const fn contain(self, minute: u16) -> bool {
        if self.from <= self.to {
            self.from <= minute && minute < self.to
        } else {
            minute >= self.from || minute < self.to
        }
    }
}

const TIME: &str = "a time of day, like \"09:30\"";

fn time_of_day(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let number = |digits: &str, most: u16| {
        let is_plain = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<u16>().ok().filter(|number| is_plain && *number <= most)
    };
    Some(number(hour, 23)? * 60 + number(minute, 59)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Hours, String> {
        Hours::read(&serde_json::from_str(json).unwrap(), &Path::Definition).map_err(|error| error.to_string())
    }

    #[test]
    fn hours_are_of_one_day_or_go_past_midnight() {
        let day = read(r#"{"from":"09:00","to":"18:30"}"#).unwrap();
        assert_eq!([539, 540, 1_109, 1_110].map(|minute| day.contain(minute)), [false, true, true, false]);
        let night = read(r#"{"from":"22:00","to":"06:00"}"#).unwrap();
        assert_eq!([1_319, 1_320, 0, 359, 360].map(|minute| night.contain(minute)), [false, true, true, true, false]);
    }

    #[test]
    fn a_device_reads_what_is_written() {
        let hours = read(r#"{"from":"22:00","to":"06:00"}"#).unwrap();
        let wire = serde_json::to_string(&hours).unwrap();
        assert_eq!(wire, r#"{"from":1320,"to":360}"#);
        assert_eq!(Hours::read_held(Json::of(&wire)), Some(hours));
        for other in [r#"{"from":1320}"#, r#"{"from":1440,"to":1}"#, r#"{"from":-1,"to":1}"#, "[]"] {
            assert_eq!(Hours::read_held(Json::of(other)), None, "{other}");
        }
    }

    #[test]
    fn errors_name_the_path() {
        for (json, wanted) in [
            (r#"{"from":"9:00","to":"18:00"}"#, "$.from: expected a time of day"),
            (r#"{"from":"09:00","to":"24:00"}"#, "$.to: expected a time of day"),
            (r#"{"from":"09:00"}"#, "$.to: expected a time of day"),
            (r#"{"from":"09:00","to":"09:00"}"#, "$.to: expected another time"),
            (r#"{"from":"09:00","to":"10:00","zone":"UTC"}"#, "$.zone: expected from and to only"),
        ] {
            let error = read(json).unwrap_err();
            assert!(error.contains(wanted), "{json}: {error}");
        }
    }
}
