//! What makes the SDK show a message.

use serde::Serialize;

use crate::{
    decode::Path,
    ids::CampaignId,
    segment::{Device, PropertyTest},
    value::{Object, Value},
};

/// What makes the SDK show a message.
///
/// In JSON: `{"type": "session_start"}`, `{"type": "custom_event", "name": "added", "where": [{"property": "price", "greater":
/// 10}]}`, `{"type": "purchase", "product_id": "mug"}`, `{"type": "message_click", "message": "welcome"}` and `{"type": "any", "of": […]}`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Trigger {
    /// A session began.
    SessionStart,
    /// The site logged this event.
    CustomEvent {
        /// Its name.
        name: String,
        /// All of these must hold.
        #[serde(skip_serializing_if = "Vec::is_empty", rename = "where")]
        tests: Vec<PropertyTest>,
    },
    /// The user bought something.
    Purchase {
        /// Only this product.
        #[serde(skip_serializing_if = "Option::is_none")]
        product_id: Option<String>,
        /// All of these must hold.
        #[serde(skip_serializing_if = "Vec::is_empty", rename = "where")]
        tests: Vec<PropertyTest>,
    },
    /// The user clicked another message.
    MessageClick {
        /// Only this one.
        #[serde(skip_serializing_if = "Option::is_none")]
        message: Option<CampaignId>,
    },
    /// Any of several.
    Any {
        /// From 1 to [`crate::limits::MESSAGE_TRIGGERS`], none of which is such a list itself.
        of: Vec<Trigger>,
    },
}

/// Whether tests of properties, as a trigger has them, all hold of these properties. `None`: they are not tests that this can read.
pub fn tests_hold(tests: &Value, properties: Option<&Object>) -> Option<bool> {
    let Value::Array(tests) = tests else { return None };
    let mut hold = true;
    for test in tests {
        hold &= PropertyTest::read(test, &Path::Wire, &Device).ok()?.holds(properties);
    }
    Some(hold)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_tests_must_hold() {
        let read = |json: &str| serde_json::from_str::<Value>(json).unwrap();
        let hold = |tests: &str, properties: &str| tests_hold(&read(tests), read(properties).as_object());
        let tests = r#"[{"property":"price","greater":10},{"property":"sku","in":["a"]}]"#;
        assert_eq!(hold(tests, r#"{"price":11,"sku":"a"}"#), Some(true));
        assert_eq!(hold(tests, r#"{"price":11,"sku":"b"}"#), Some(false));
        assert_eq!(hold(tests, "null"), Some(false));
        assert_eq!(hold("[]", "null"), Some(true));
        assert_eq!(hold(r#"[{"property":"price","above":10}]"#, "{}"), None);
        assert_eq!(hold("{}", "{}"), None);
    }
}
