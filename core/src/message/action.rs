//! What a click does.

use serde::Serialize;

use super::{
    read::{name, url},
    url::SafeUrl,
};
use crate::{
    decode::{DecodeError, Fields, Path},
    limits,
    value::{Object, Properties as _, Value, is_name},
};

/// What a click does.
///
/// In JSON: `{"type": "none"}`, `{"type": "close"}`, `{"type": "open_url", "url": "/sale", "new_tab": false}`, `{"type": "log_event", "name":
/// "liked", "properties": {…}}`, `{"type": "set_attributes", "attributes": {"plan": "gold", "trial": null}}`, `{"type": "request_push"}` and
/// `{"type": "all", "of": [ … ]}`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClickAction {
    /// Nothing.
    #[default]
    None,
    /// It closes the message.
    Close,
    /// It opens an address.
    OpenUrl {
        /// Which.
        url: SafeUrl,
        /// In a new tab.
        new_tab: bool,
    },
    /// It logs an event, as the site would.
    LogEvent {
        /// The event's name.
        name: String,
        /// Facts about it.
        #[serde(skip_serializing_if = "Option::is_none")]
        properties: Option<Object>,
    },
    /// It sets custom attributes of the user; null removes one.
    SetAttributes {
        /// From 1 to [`limits::MESSAGE_ATTRIBUTES`].
        attributes: Object,
    },
    /// It asks the visitor whether the site may send push notifications.
    RequestPush,
    /// Several of these, in this order.
    All {
        /// From 1 to [`limits::MESSAGE_ACTIONS`], none of which is such a list itself.
        of: Vec<ClickAction>,
    },
}

impl ClickAction {
    /// Whether a click does nothing.
    pub const fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// Reads an action.
    pub(super) fn read(value: &Value, path: &Path<'_>) -> Result<Self, DecodeError> {
        const TYPES: &str = "none, close, open_url, log_event, set_attributes, request_push or all";
        let fields = Fields::of(value, path)?;
        match fields.required_text("type", TYPES)? {
            "none" => Ok(Self::None),
            "close" => Ok(Self::Close),
            "open_url" => {
                fields.only(&["type", "url", "new_tab"], "type, url and new_tab only")?;
                let url = fields.read("url", url)?.ok_or_else(|| fields.error("url", "an address"))?;
                Ok(Self::OpenUrl { url, new_tab: fields.boolean("new_tab")?.unwrap_or(false) })
            }
            "log_event" => {
                fields.only(&["type", "name", "properties"], "type, name and properties only")?;
                let name = recorded_name(&fields, "name", "the name of an event")?;
                Ok(Self::LogEvent { name, properties: fields.read("properties", properties)? })
            }
            "set_attributes" => {
                fields.only(&["type", "attributes"], "type and attributes only")?;
                let attributes = fields.read("attributes", attributes)?;
                Ok(Self::SetAttributes { attributes: attributes.ok_or_else(|| fields.error("attributes", SET))? })
            }
            "request_push" => {
                fields.only(&["type"], "no other key beside type")?;
                Ok(Self::RequestPush)
            }
            "all" => {
                fields.only(&["type", "of"], "type and of only")?;
                let of =
                    fields.read_all("of", limits::MESSAGE_ACTIONS, |action, path| match Self::read(action, path)? {
                        Self::All { .. } => Err(path.expected("an action that is no list of actions")),
                        action => Ok(action),
                    })?;
                if of.is_empty() { Err(fields.error("of", "1 to 8 actions")) } else { Ok(Self::All { of }) }
            }
            _ => Err(fields.error("type", TYPES)),
        }
    }
}

const SET: &str = "an object of 1 to 32 custom attributes, null to remove one";

/// A name of an event or an attribute, by which something is recorded: it must keep the rules of records.
pub(super) fn recorded_name(fields: &Fields<'_>, key: &str, what: &'static str) -> Result<String, DecodeError> {
    let name = name(fields, key)?.ok_or_else(|| fields.error(key, what))?;
    if name.starts_with('$') { Err(fields.error(key, "a name that does not begin with $")) } else { Ok(name) }
}

fn properties(value: &Value, path: &Path<'_>) -> Result<Object, DecodeError> {
    let properties = value.as_object().filter(|properties| properties.check().is_ok());
    properties.cloned().ok_or_else(|| path.expected("properties as an event may have them, at most 50 KiB as JSON"))
}

fn attributes(value: &Value, path: &Path<'_>) -> Result<Object, DecodeError> {
    let attributes = value.as_object().ok_or_else(|| path.expected(SET))?;
    if !(1..=limits::MESSAGE_ATTRIBUTES).contains(&attributes.len()) {
        return Err(path.expected(SET));
    }
    for (name, value) in attributes {
        let fits = !matches!(value, Value::Array(items) if items.len() > limits::ARRAY_ELEMENTS);
        if !is_name(name) || name.starts_with('$') || !fits || value.check().is_err() {
            return Err(Path::Member(path, name).expected("a value as a custom attribute may have it"));
        }
    }
    Ok(attributes.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<ClickAction, String> {
        let value = serde_json::from_str(json).unwrap();
        ClickAction::read(&value, &Path::Definition).map_err(|error| error.to_string())
    }

    #[test]
    fn an_action_is_read_as_it_was_written() {
        for json in [
            r#"{"type":"none"}"#,
            r#"{"type":"close"}"#,
            r#"{"type":"open_url","url":"/sale","new_tab":true}"#,
            r#"{"type":"log_event","name":"liked"}"#,
            r#"{"type":"log_event","name":"liked","properties":{"at":{"$time":5},"n":1}}"#,
            r#"{"type":"set_attributes","attributes":{"plan":"gold","tags":["a"],"trial":null}}"#,
            r#"{"type":"request_push"}"#,
            r#"{"type":"all","of":[{"type":"log_event","name":"liked"},{"type":"open_url","url":"/","new_tab":false}]}"#,
        ] {
            assert_eq!(serde_json::to_string(&read(json).unwrap()).unwrap(), json);
        }
    }

    #[test]
    fn what_could_not_be_done_is_refused_when_it_is_written() {
        for (json, wanted) in [
            (r#"{"type":"open_url","url":"javascript:x"}"#, "$.url: expected an address"),
            (r#"{"type":"open_url"}"#, "$.url: expected an address"),
            (r#"{"type":"log_event"}"#, "$.name: expected the name of an event"),
            (r#"{"type":"log_event","name":"$set"}"#, "$.name: expected a name that does not begin"),
            (r#"{"type":"log_event","name":"a","properties":[1]}"#, "$.properties: expected properties"),
            (r#"{"type":"log_event","name":"a","value":1}"#, "$.value: expected type, name and properties"),
            (r#"{"type":"set_attributes","attributes":{}}"#, "$.attributes: expected an object of 1 to 32"),
            (r#"{"type":"set_attributes"}"#, "$.attributes: expected an object of 1 to 32"),
            (r#"{"type":"all","of":[]}"#, "$.of: expected 1 to 8"),
            (r#"{"type":"all","of":[{"type":"all","of":[{"type":"close"}]}]}"#, "$.of[0]: expected an action"),
            (r#"{"type":"jump"}"#, "$.type: expected none, close"),
        ] {
            let error = read(json).unwrap_err();
            assert!(error.contains(wanted), "{json}: {error}");
        }
        let long = "x".repeat(limits::STRING_BYTES + 1);
        let error = read(&format!(r#"{{"type":"set_attributes","attributes":{{"a":"{long}"}}}}"#)).unwrap_err();
        assert!(error.contains("$.attributes.a: expected a value as a custom attribute"), "{error}");
    }
}
