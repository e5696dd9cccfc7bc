//! A message as a device holds it.

use super::{
    hours::Hours,
    occurrence::{Occasion, Occurrence},
};
use crate::{
    ids::CampaignId,
    json::Json,
    time::{Duration, Timestamp},
};

/// A message as a device holds it: what choosing needs, and all of it as it came. What it says is for those who draw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The campaign that it belongs to.
    pub id: CampaignId,
    /// Of several messages that one occurrence triggers, the one with the greatest priority is shown.
    pub priority: i32,
    /// What shows it: any of these.
    pub triggers: Vec<HeldTrigger>,
    /// How long after that it is shown.
    pub delay: Duration,
    /// For whom it is, as JSON; empty: for whoever has it.
    pub filter: String,
    /// At which hours it may be shown; `None`: at any.
    pub hours: Option<Hours>,
    /// After how long it may be shown again; `None`: only once.
    pub repeat_after: Option<Duration>,
    /// At this instant and later it is shown no more.
    pub expires_at: Option<Timestamp>,
    /// By which tags caps count it, as a JSON list; empty: by none.
    pub tags: String,
    /// Whether no cap holds it back.
    pub uncapped: bool,
    /// Whether it shows nothing, and only says that it would have.
    pub is_control: bool,
    /// Whether something is still to be put into it when its trigger fires.
    pub renders: bool,
    /// The message as the server sent it.
    pub source: String,
}

/// What shows a message, as a device looks at it: names and tests are JSON as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldTrigger {
    /// What has to happen.
    pub occasion: Occasion,
    /// With which event, product or message; empty: with any.
    pub name: String,
    /// The tests that its properties must pass, all of them; empty: there are none.
    pub tests: String,
}

impl Held {
    /// The least of a message.
    pub const fn of(id: CampaignId, triggers: Vec<HeldTrigger>) -> Self {
        Self {
            id,
            priority: 0,
            triggers,
            delay: Duration::ZERO,
            filter: String::new(),
            hours: None,
            repeat_after: None,
            expires_at: None,
            tags: String::new(),
            uncapped: false,
            is_control: false,
            renders: false,
            source: String::new(),
        }
    }

    /// Reads a message as the server sends it. `None` if this SDK does not know how to choose or to draw it. Where it leads to is looked at
    /// by those who draw it: a browser knows best what an address is.
    pub fn read(source: Json<'_>) -> Option<Self> {
        let content = source.get("content")?;
        let is_control = content.get("type")?.plain()? == "control";
        match content.get("type")?.plain()? {
            // It is shown to nobody, and has no text.
            "control" => {}
            "slide_up" | "modal" | "full_screen" | "html" | "survey" if content.get("body")?.is_string() => {}
            _ => return None,
        }
        let optional = |name| match source.get(name) {
            Some(number) => number.integer().map(Some),
            None => Some(None),
        };
        let id = CampaignId::parse(source.get("id")?.plain()?).ok()?;
        Some(Self {
            priority: i32::try_from(optional("priority")?.unwrap_or(0)).ok()?,
            delay: Duration::from_ms(optional("delay_ms")?.unwrap_or(0)),
            filter: source.get("filter").map_or("", Json::text).to_owned(),
            hours: match source.get("hours") {
                Some(hours) => Some(Hours::read_held(hours)?),
                None => None,
            },
            repeat_after: optional("repeat_after_ms")?.map(Duration::from_ms),
            expires_at: optional("expires_at")?.map(Timestamp::from_ms),
            tags: source.get("tags").map_or("", Json::text).to_owned(),
            uncapped: source.get("uncapped").is_some(),
            is_control,
            renders: source.get("render").is_some(),
            source: source.text().to_owned(),
            ..Self::of(id, HeldTrigger::read_any(source.get("trigger")?)?)
        })
    }
}

impl Held {
    /// Whether the occurrence fires one of its triggers.
    pub fn fires(&self, occurrence: &Occurrence, hold: &dyn Fn(&str, &str) -> bool) -> bool {
        self.triggers.iter().any(|trigger| trigger.fires(occurrence, hold))
    }

    /// Whether it is for the user. `hold(filter, "")` says whether a filter holds of them.
    pub fn is_for_user(&self, hold: &dyn Fn(&str, &str) -> bool) -> bool {
        self.filter.is_empty() || hold(&self.filter, "")
    }
}

impl HeldTrigger {
    /// Reads a trigger, or a list of several. Of a list those are left out that this SDK does not know; of nothing nothing is left.
    fn read_any(trigger: Json<'_>) -> Option<Vec<Self>> {
        let mut triggers = Vec::new();
        match trigger.get("of") {
            Some(of) => of.members().for_each(|(_, trigger)| triggers.extend(Self::read(trigger))),
            None => triggers.extend(Self::read(trigger)),
        }
        (!triggers.is_empty()).then_some(triggers)
    }

    fn read(trigger: Json<'_>) -> Option<Self> {
        let occasion = Occasion::of(trigger)?;
        let text = |name| trigger.get(name).map_or("", Json::text).to_owned();
        Some(Self { occasion, name: text(occasion.name_key()), tests: text("where") })
    }

    /// Whether the occurrence fires the trigger. `hold(tests, properties)` says whether tests hold of properties.
    pub fn fires(&self, occurrence: &Occurrence, hold: &dyn Fn(&str, &str) -> bool) -> bool {
        self.occasion == occurrence.occasion
            && (self.name.is_empty() || self.name == occurrence.name)
            && (self.tests.is_empty() || hold(&self.tests, &occurrence.properties))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::read::tests::FULL;

    fn read(json: &str) -> Option<Held> {
        Held::read(Json::of(json))
    }

    #[test]
    fn a_device_keeps_a_message_as_it_came_with_what_it_does_not_know() {
        let newer = FULL.replacen("\"header\"", "\"theme\":{\"dark\":true},\"header\"", 1);
        let held = read(&newer).unwrap();
        assert_eq!((held.id.as_str(), held.priority), ("free_shipping", 10));
        assert_eq!(held.repeat_after, Some(Duration::from_days(1)));
        assert_eq!(held.expires_at, Some(Timestamp::from_ms(1_763_917_561_000)));
        assert_eq!(held.source, newer);
        let [trigger] = held.triggers.as_slice() else { panic!("{held:?}") };
        assert_eq!((trigger.occasion, trigger.name.as_str()), (Occasion::CustomEvent, "\"added\""));
        assert!(trigger.tests.starts_with(r#"[{"greater":10"#));
    }

    #[test]
    fn every_type_is_held_and_what_is_for_comparison_only() {
        for content in [
            r#"{"type":"full_screen","body":"B"}"#,
            r#"{"type":"html","body":"B","html":"<p>B"}"#,
            r#"{"type":"survey","body":"B"}"#,
            r#"{"type":"control"}"#,
        ] {
            let held = read(&format!(
                r#"{{"id":"a","trigger":{{"type":"session_start"}},"variant":"v","content":{content}}}"#
            ));
            assert!(held.is_some_and(|held| held.source.contains(content)), "{content}");
        }
    }

    #[test]
    fn what_can_not_be_chosen_or_drawn_is_not_held() {
        for (from, to) in [
            ("\"slide_up\"", "\"hologram\""),
            ("\"body\"", "\"text\""),
            ("\"custom_event\"", "\"event\""),
            ("\"free_shipping\"", "\"Free\""),
            ("\"content\"", "\"contents\""),
            ("86400000", "\"soon\""),
        ] {
            assert_eq!(read(&FULL.replacen(from, to, 1)), None, "{to}");
        }
    }

    #[test]
    fn of_several_triggers_those_are_held_that_are_known() {
        let triggers = |of: &str| {
            let any = format!(r#"{{"type":"any","of":[{of}]}}"#);
            HeldTrigger::read_any(Json::of(&any))
                .map(|triggers| triggers.iter().map(|t| t.occasion).collect::<Vec<_>>())
        };
        let (start, newer) = (r#"{"type":"session_start"}"#, r#"{"type":"full_moon"}"#);
        let bought = r#"{"type":"purchase","where":[{"property":"of","is":1}]}"#;
        let both = vec![Occasion::SessionStart, Occasion::Purchase];
        assert_eq!(triggers(&format!("{start},{newer},{bought}")), Some(both));
        assert_eq!((triggers(newer), triggers("")), (None, None));
    }

    #[test]
    fn occurrences_fire_their_triggers() {
        let trigger = |json: &str| HeldTrigger::read(Json::of(json)).unwrap();
        let occurrence = |json: &str| Occurrence::of(Json::of(json)).unwrap();
        let fires = |of: &str, by: &str| trigger(of).fires(&occurrence(by), &|tests, with| tests.len() == with.len());
        let added = r#"{"type":"custom_event","name":"added","properties":{"a":1}}"#;
        assert!(fires(r#"{"type":"custom_event","name":"added"}"#, added));
        assert!(!fires(r#"{"type":"custom_event","name":"removed"}"#, added));
        assert!(fires(r#"{"type":"custom_event","name":"added","where":[12345]}"#, added));
        assert!(!fires(r#"{"type":"custom_event","name":"added","where":[1]}"#, added));
        let bought = r#"{"type":"purchase","product_id":"mug","price":1}"#;
        assert!(fires(r#"{"type":"purchase"}"#, bought) && fires(r#"{"type":"purchase","product_id":"mug"}"#, bought));
        assert!(!fires(r#"{"type":"purchase","product_id":"cup"}"#, bought));
        assert!(!fires(r#"{"type":"message_click"}"#, bought));
        assert!(fires(r#"{"type":"message_click","message":"a"}"#, r#"{"type":"message_click","message":"a"}"#));
        assert!(trigger(r#"{"type":"session_start"}"#).fires(&Occurrence::session_start(), &|_, _| false));
    }
}
