//! What is known only when a trigger fires: the event that fired it.

use kindling_core::{
    message::EventValue,
    value::{Object, Value},
};

/// The event that triggers a message.
#[derive(Debug, Clone, Copy, Default)]
pub struct Event<'e> {
    /// Its name, or a product's; empty if that is nothing of the kind.
    pub name: &'e str,
    /// Its properties.
    pub properties: Option<&'e Object>,
}

impl Event<'_> {
    /// What it says, as a device writes it.
    pub(super) fn say(self, value: &EventValue) -> String {
        let mut names = value.path.iter().map(String::as_str);
        let said = match names.next() {
            Some("name") => Some(self.name.to_owned()).filter(|name| !name.is_empty()),
            _ => {
                let mut value = names.next().and_then(|name| self.properties?.get(name));
                for name in names {
                    value = value.and_then(Value::as_object).and_then(|members| members.get(name));
                }
                value.and_then(plain)
            }
        };
        said.unwrap_or_else(|| value.default.clone())
    }
}

/// What is empty says nothing, nor does what is no text.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::Bool(true) => Some("true".to_owned()),
        Value::Number(number) => {
            Some(number.as_integer().map_or_else(|| number.get().to_string(), |whole| whole.to_string()))
        }
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_event_says_is_put_in_or_its_default() {
        let properties: Value =
            serde_json::from_str(r#"{"a":{"b":12.5},"n":18,"t":"x","f":false,"e":"","l":[1],"y":true}"#).unwrap();
        let event = Event { name: "added", properties: properties.as_object() };
        let of = |path: &str| {
            let path = path.split('.').map(ToOwned::to_owned).collect();
            event.say(&EventValue { path, default: "-".to_owned() })
        };
        for (path, wanted) in [
            ("name", "added"),
            ("properties.a.b", "12.5"),
            ("properties.n", "18"),
            ("properties.t", "x"),
            ("properties.y", "true"),
            ("properties.f", "-"),
            ("properties.e", "-"),
            ("properties.l", "-"),
            ("properties.a", "-"),
            ("properties.t.x", "-"),
            ("properties", "-"),
        ] {
            assert_eq!(of(path), wanted, "{path}");
        }
        let nothing = EventValue { path: vec!["name".to_owned()], default: String::new() };
        assert_eq!(Event::default().say(&nothing), "");
    }
}
