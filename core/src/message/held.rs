//! A message as a device holds it.

use super::{trigger::Trigger, url::is_safe};
use crate::{
    decode::{Fields, Path},
    ids::CampaignId,
    time::Duration,
    value::{Object, Value},
};

/// A message as a device holds it: what choosing needs, and all of it as it came. What it says is for those who draw it.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// The campaign that it belongs to.
    pub id: CampaignId,
    /// Of several messages that one occurrence triggers, the one with the greatest priority is shown.
    pub priority: i32,
    /// What shows it.
    pub trigger: Trigger,
    /// After how long it may be shown again; `None`: only once.
    pub repeat_after: Option<Duration>,
    /// The message as the server sent it.
    pub source: Value,
}

impl Held {
    /// Reads a message as the server sends it. `None` if this SDK does not know how to choose or to draw it, or if it leads to an
    /// address that is not safe.
    pub fn read(source: &Value) -> Option<Self> {
        let fields = Fields::of(source, &Path::Wire).ok()?;
        let trigger = fields.get("trigger")?;
        if !is_drawable(fields.get("content")?.as_object()?) {
            return None;
        }
        Some(Self {
            id: CampaignId::parse(fields.get("id")?.as_str()?).ok()?,
            priority: i32::try_from(fields.integer("priority").ok()?.unwrap_or(0)).ok()?,
            trigger: Trigger::read(trigger, &Path::Wire).ok()?,
            repeat_after: fields.integer("repeat_after_ms").ok()?.map(Duration::from_ms),
            source: source.clone(),
        })
    }
}

/// Whether the content is of a form that is known, and all its addresses are safe.
fn is_drawable(content: &Object) -> bool {
    let edge = text(content, "slide_from");
    let form = match text(content, "type") {
        Some("slide_up") => edge.is_none_or(|edge| edge == "top" || edge == "bottom"),
        Some("modal") => true,
        _ => false,
    };
    form && text(content, "body").is_some()
        && has_safe(content, "image_url")
        && has_drawable_click(content)
        && match content.get("buttons") {
            Some(Value::Array(buttons)) => {
                buttons.iter().all(|button| button.as_object().is_some_and(has_drawable_click))
            }
            buttons => buttons.is_none_or(Value::is_null),
        }
}

fn has_drawable_click(members: &Object) -> bool {
    match members.get("click_action") {
        None | Some(Value::Null) => true,
        Some(Value::Object(action)) => match text(action, "type") {
            Some("none" | "close") => true,
            Some("open_url") => text(action, "url").is_some_and(is_safe),
            _ => false,
        },
        Some(_) => false,
    }
}

/// Whether the address is safe, if there is one.
fn has_safe(members: &Object, name: &str) -> bool {
    match members.get(name) {
        None | Some(Value::Null) => true,
        Some(url) => url.as_str().is_some_and(is_safe),
    }
}

fn text<'a>(members: &'a Object, name: &str) -> Option<&'a str> {
    members.get(name)?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::read::tests::FULL;

    fn read(json: &str) -> Option<Held> {
        Held::read(&serde_json::from_str(json).unwrap())
    }

    #[test]
    fn a_device_keeps_a_message_as_it_came_with_what_it_does_not_know() {
        let newer = FULL.replacen("\"header\"", "\"theme\":{\"dark\":true},\"header\"", 1);
        let held = read(&newer).unwrap();
        assert_eq!((held.id.as_str(), held.priority), ("free_shipping", 10));
        assert_eq!(held.repeat_after, Some(Duration::from_days(1)));
        assert_eq!(held.source, serde_json::from_str::<Value>(&newer).unwrap());
    }

    #[test]
    fn what_can_not_be_drawn_safely_is_not_held() {
        for (from, to) in [
            ("\"/x\"", "\"javascript:x\""),
            ("\"/i.png\"", "\"data:x\""),
            ("\"slide_up\"", "\"hologram\""),
            ("\"top\"", "\"left\""),
            ("\"body\"", "\"text\""),
            ("{\"type\":\"close\"}", "{\"type\":\"open_url\",\"url\":\"javascript:x\"}"),
            ("{\"type\":\"close\"}", "{\"type\":\"call\"}"),
            ("\"greater\"", "\"above\""),
            ("\"custom_event\"", "\"event\""),
            ("\"free_shipping\"", "\"Free\""),
            ("\"content\"", "\"contents\""),
        ] {
            assert_eq!(read(&FULL.replacen(from, to, 1)), None, "{to}");
        }
    }
}
