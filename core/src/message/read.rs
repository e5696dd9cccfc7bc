//! Reading messages from JSON values, and writing what a derive can't.

use serde::{Serialize, Serializer};

use super::{trigger::Trigger, url::SafeUrl};
use crate::{
    decode::{DecodeError, Fields, Path},
    ids::CampaignId,
    limits,
    segment::{Device, PropertyTest},
    time::Duration,
    value::{Map, Value, is_name},
};

/// Reads the priority of a message or of its campaign; a missing one is 0.
pub fn priority(fields: &Fields<'_>) -> Result<i32, DecodeError> {
    let priority = fields.integer("priority")?.unwrap_or(0);
    i32::try_from(priority).map_err(|_| fields.error("priority", "a whole number of at most nine digits"))
}

fn campaign_id(fields: &Fields<'_>, name: &str) -> Result<Option<CampaignId>, DecodeError> {
    let text = fields.text(name)?;
    text.map(|text| CampaignId::parse(text).map_err(|e| fields.error(name, e.expected))).transpose()
}

pub(super) fn name(fields: &Fields<'_>, key: &str) -> Result<Option<String>, DecodeError> {
    const EXPECTED: &str = "a name of 1 to 255 characters";
    match fields.text(key)? {
        None => Ok(None),
        Some(name) if is_name(name) => Ok(Some(name.to_owned())),
        Some(_) => Err(fields.error(key, EXPECTED)),
    }
}

impl Trigger {
    /// Reads a trigger.
    pub fn read(value: &Value, path: &Path<'_>) -> Result<Self, DecodeError> {
        const TYPES: &str = "session_start, custom_event, purchase, message_click or any";
        let fields = Fields::of(value, path)?;
        let tests =
            || fields.read_all("where", limits::FILTER_NODES, |test, path| PropertyTest::read(test, path, &Device));
        match fields.required_text("type", TYPES)? {
            "session_start" => {
                fields.only(&["type"], "no other key beside type")?;
                Ok(Self::SessionStart)
            }
            "custom_event" => {
                fields.only(&["type", "name", "where"], "type, name and where only")?;
                let name = name(&fields, "name")?.ok_or_else(|| fields.error("name", "the name of an event"))?;
                Ok(Self::CustomEvent { name, tests: tests()? })
            }
            "purchase" => {
                fields.only(&["type", "product_id", "where"], "type, product_id and where only")?;
                Ok(Self::Purchase { product_id: name(&fields, "product_id")?, tests: tests()? })
            }
            "message_click" => {
                fields.only(&["type", "message"], "type and message only")?;
                Ok(Self::MessageClick { message: campaign_id(&fields, "message")? })
            }
            "any" => {
                fields.only(&["type", "of"], "type and of only")?;
                let of = fields.read_all("of", limits::MESSAGE_TRIGGERS, |trigger, path| {
                    match Self::read(trigger, path)? {
                        Self::Any { .. } => Err(path.expected("a trigger that is no list of triggers")),
                        trigger => Ok(trigger),
                    }
                })?;
                if of.is_empty() { Err(fields.error("of", "1 to 16 triggers")) } else { Ok(Self::Any { of }) }
            }
            _ => Err(fields.error("type", TYPES)),
        }
    }
}

impl Serialize for PropertyTest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.source.serialize(serializer)
    }
}

pub(super) fn text(fields: &Fields<'_>, key: &str) -> Result<Option<String>, DecodeError> {
    match fields.text(key)? {
        None => Ok(None),
        Some(text) if text.len() <= limits::MESSAGE_TEXT_BYTES => Ok(Some(text.to_owned())),
        Some(_) => Err(fields.error(key, "at most 4096 bytes of text")),
    }
}

/// A text that must be there.
pub(super) fn required(fields: &Fields<'_>, key: &str, what: &'static str) -> Result<String, DecodeError> {
    text(fields, key)?.filter(|text| !text.is_empty()).ok_or_else(|| fields.error(key, what))
}

pub(super) fn url(value: &Value, path: &Path<'_>) -> Result<SafeUrl, DecodeError> {
    let url = value.as_str().and_then(SafeUrl::parse);
    url.ok_or_else(|| path.expected("an address: relative, or with https, http, mailto, tel or sms"))
}

pub(super) fn duration(value: &Value, path: &Path<'_>) -> Result<Duration, DecodeError> {
    let ms = if let Value::Number(number) = value { number.as_integer() } else { None };
    let ms = ms.filter(|ms| (1_000..=86_400_000).contains(ms));
    ms.map(Duration::from_ms).ok_or_else(|| path.expected("a whole number of milliseconds from 1000 to 86400000"))
}

pub(super) fn extras(value: &Value, path: &Path<'_>) -> Result<Map<String>, DecodeError> {
    const EXPECTED: &str = "an object of at most 32 short texts";
    let members = value.as_object().filter(|members| members.len() <= limits::MESSAGE_EXTRAS);
    let members = members.ok_or_else(|| path.expected(EXPECTED))?;
    let mut extras = Map::new();
    for (name, value) in members {
        let text = value.as_str().filter(|text| text.len() <= limits::MESSAGE_TEXT_BYTES && is_name(name));
        let text = text.ok_or_else(|| Path::Member(path, name).expected(EXPECTED))?;
        extras.insert(name.to_owned(), text.to_owned());
    }
    Ok(extras)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::{
        message::{Content, InAppMessage, Shown},
        time::Timestamp,
    };

    fn read(json: &str) -> Result<InAppMessage, String> {
        let value = serde_json::from_str(json).unwrap();
        let read = || {
            let fields = Fields::of(&value, &Path::Definition)?;
            Ok(InAppMessage {
                id: campaign_id(&fields, "id")?.unwrap(),
                variant: None,
                priority: priority(&fields)?,
                trigger: fields.read("trigger", Trigger::read)?.unwrap(),
                delay: None,
                filter: None,
                hours: None,
                tags: vec![],
                uncapped: false,
                repeat_after: fields.integer("repeat_after_ms")?.map(Duration::from_ms),
                expires_at: fields.integer("expires_at")?.map(Timestamp::from_ms),
                render: None,
                content: Shown::Message(Box::new(fields.read("content", Content::read)?.unwrap())),
            })
        };
        read().map_err(|e: DecodeError| e.to_string())
    }

    /// The wire form of a message with everything in it.
    pub(in crate::message) const FULL: &str = r#"{"id":"free_shipping","priority":10,"trigger":{"type":"custom_event","name":"added","where":[{"greater":10,"property":"price"},{"in":["a",1],"property":"sku"},{"exists":false,"property":"x"}]},"repeat_after_ms":86400000,"expires_at":1763917561000,"content":{"type":"slide_up","slide_from":"top","header":"H","body":"B","image_url":"/i.png","image_alt":"I","click_action":{"type":"open_url","url":"/x","new_tab":true},"buttons":[{"id":"go","text":"Go","click_action":{"type":"close"}}],"duration_ms":8000,"extras":{"k":"v"}}}"#;

    #[test]
    fn a_message_is_read_as_it_was_written() {
        let message = read(FULL).unwrap();
        assert_eq!(serde_json::to_string(&message).unwrap(), FULL);
        let small = r#"{"id":"a","priority":0,"trigger":{"type":"purchase","product_id":"mug"},"content":{"type":"modal","body":"B"}}"#;
        assert_eq!(serde_json::to_string(&read(small).unwrap()).unwrap(), small);
        let any = r#"{"id":"a","priority":0,"trigger":{"type":"any","of":[{"type":"session_start"},{"type":"custom_event","name":"b"}]},"content":{"type":"modal","body":"B"}}"#;
        assert_eq!(serde_json::to_string(&read(any).unwrap()).unwrap(), any);
        for (bad, wanted) in [
            (r#"{"type":"any","of":[]}"#, "$.trigger.of: expected 1 to 16"),
            (r#"{"type":"any"}"#, "$.trigger.of: expected 1 to 16"),
            (
                r#"{"type":"any","of":[{"type":"any","of":[{"type":"session_start"}]}]}"#,
                "$.trigger.of[0]: expected a trigger",
            ),
        ] {
            let message =
                format!(r#"{{"id":"a","priority":0,"trigger":{bad},"content":{{"type":"modal","body":"B"}}}}"#);
            let error = read(&message).unwrap_err();
            assert!(error.contains(wanted), "{bad}: {error}");
        }
        let click = r#"{"id":"a","priority":0,"trigger":{"type":"message_click","message":"b"},"content":{"type":"modal","body":"B"}}"#;
        assert_eq!(serde_json::to_string(&read(click).unwrap()).unwrap(), click);
    }

    #[test]
    fn errors_name_the_path() {
        for (from, to, wanted) in [
            ("\"/x\"", "\"javascript:x\"", "$.content.click_action.url: expected an address"),
            ("\"slide_up\"", "\"slideup\"", "$.content.type: expected slide_up, modal"),
            ("\"header\"", "\"heading\"", "$.content.heading: expected what such a message has"),
            ("8000", "5", "$.content.duration_ms: expected"),
            ("\"greater\"", "\"above\"", "$.trigger.where[0].above: expected exactly one of"),
            ("\"custom_event\"", "\"event\"", "$.trigger.type: expected session_start"),
            ("\"free_shipping\"", "\"Free\"", "$.id: expected 1 to 64"),
            ("\"v\"", "1", "$.content.extras.k: expected"),
        ] {
            let error = read(&FULL.replacen(from, to, 1)).unwrap_err();
            assert!(error.contains(wanted), "{to}: {error}");
        }
    }
}
