//! What holds for all campaigns of a workspace.

use jiff::tz::TimeZone;
use kindling_core::{
    decode::{DecodeError, Fields, Path},
    limits,
    message::Cap,
    value::Value,
};
use sha2::{Digest as _, Sha256};

/// What holds for all campaigns of a workspace.
///
/// In JSON: `{"time_zone": "Europe/Vienna", "frequency_caps": [{"count": 3, "per": "7d"}, {"count": 1, "per": "1d", "tag": "promo"}]}`.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Whose clock counts where nothing else is said.
    pub time_zone: TimeZone,
    /// How many messages a user is shown in a while.
    pub frequency_caps: Vec<Cap>,
    /// As it was written.
    pub definition: Value,
    /// Names this state of them.
    pub digest: [u8; 32],
}

impl Default for Settings {
    fn default() -> Self {
        let (time_zone, frequency_caps) = (TimeZone::UTC, Vec::new());
        Self {
            time_zone,
            frequency_caps,
            definition: Value::Object(kindling_core::value::Object::new()),
            digest: [0; 32],
        }
    }
}

impl Settings {
    /// Reads a definition. The error names the path and says what was expected; unknown keys are errors.
    pub fn parse(definition: &Value) -> Result<Self, DecodeError> {
        let fields = Fields::of(definition, &Path::Definition)?;
        fields.only(&["time_zone", "frequency_caps"], "time_zone or frequency_caps")?;
        let time_zone = match fields.text("time_zone")? {
            None => TimeZone::UTC,
            Some(name) => TimeZone::get(name)
                .map_err(|_| fields.error("time_zone", "the name of a time zone, like \"Europe/Vienna\""))?,
        };
        let frequency_caps = fields.read_all("frequency_caps", limits::CAPS, Cap::read)?;
        let digest = Sha256::digest(serde_json::to_vec(definition).unwrap_or_default()).into();
        Ok(Self { time_zone, frequency_caps, definition: definition.clone(), digest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read() {
        let parse = |json: &str| Settings::parse(&serde_json::from_str(json).unwrap());
        let settings = parse(r#"{"time_zone":"Europe/Vienna","frequency_caps":[{"count":3,"per":"7d"}]}"#).unwrap();
        assert_eq!(settings.time_zone.iana_name(), Some("Europe/Vienna"));
        assert_eq!(settings.frequency_caps.len(), 1);
        assert_eq!(parse("{}").unwrap().time_zone, TimeZone::UTC);
        for (json, wanted) in [
            (r#"{"time_zone":"Vienna"}"#, "$.time_zone: expected the name of a time zone"),
            (r#"{"frequency_caps":[{"count":3}]}"#, "$.frequency_caps[0].per: expected a duration"),
            (r#"{"caps":[]}"#, "$.caps: expected time_zone or frequency_caps"),
        ] {
            let error = parse(json).unwrap_err().to_string();
            assert!(error.contains(wanted), "{json}: {error}");
        }
    }
}
