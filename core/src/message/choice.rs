//! Which message an occurrence shows.

use std::rc::Rc;

use super::{held::Held, occurrence::Occurrence};
use crate::{
    ids::CampaignId,
    time::{Duration, Timestamp},
};

/// What a device showed, and when.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// When each message was shown last, by its id, each once.
    pub shown: Vec<(String, Timestamp)>,
    /// When a trigger last showed any message.
    pub last: Option<Timestamp>,
}

impl History {
    /// When the message was shown last.
    pub fn shown(&self, id: &CampaignId) -> Option<Timestamp> {
        let entry = self.shown.iter().find(|(shown, _)| shown == id.as_str());
        entry.map(|(_, at)| *at)
    }
}

/// Chooses what the occurrence shows: of the messages whose trigger it fires and that may (still, or again) be shown, the one with the
/// greatest priority; of equals the one with the lesser id, so that every device chooses the same. Nothing is shown within
/// `interval` of the last message. `hold(tests, properties)` says whether a trigger's tests hold of properties.
pub fn choose<'a>(
    messages: &mut dyn Iterator<Item = &'a Rc<Held>>,
    occurrence: &Occurrence,
    history: &History,
    interval: Duration,
    now: Timestamp,
    hold: &dyn Fn(&str, &str) -> bool,
) -> Option<&'a Rc<Held>> {
    // A clock that was set back must not silence messages for ever: a "last time" in the future does not count.
    let passed = |at: Timestamp, pause: Duration| at > now || now >= at.plus(pause);
    if history.last.is_some_and(|last| !passed(last, interval)) {
        return None;
    }
    let may_show = |message: &Held| {
        let again = match (history.shown(&message.id), message.repeat_after) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(last), Some(pause)) => passed(last, pause),
        };
        again && message.expires_at.is_none_or(|end| now < end)
    };
    let mut chosen: Option<&Rc<Held>> = None;
    for message in messages {
        let is_better = chosen.is_none_or(|best| {
            message.priority > best.priority || (message.priority == best.priority && message.id < best.id)
        });
        if is_better && may_show(message) && message.triggers.iter().any(|trigger| trigger.fires(occurrence, hold)) {
            chosen = Some(message);
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{HeldTrigger, Occasion};

    fn message(id: &str, priority: i32, repeat_after: Option<Duration>) -> Rc<Held> {
        let id = CampaignId::parse(id).unwrap();
        let trigger = HeldTrigger { occasion: Occasion::SessionStart, name: String::new(), tests: String::new() };
        Rc::new(Held { id, priority, triggers: vec![trigger], repeat_after, expires_at: None, source: String::new() })
    }

    fn chosen(messages: &[Rc<Held>], history: &History, now: i64) -> Option<String> {
        let interval = Duration::from_seconds(30);
        let (occurrence, now) = (Occurrence::session_start(), Timestamp::from_ms(now));
        choose(&mut messages.iter(), &occurrence, history, interval, now, &|_, _| true).map(|m| m.id.to_string())
    }

    #[test]
    fn priority_decides_then_the_id() {
        let messages = [message("b", 1, None), message("a", 1, None), message("c", 0, None)];
        assert_eq!(chosen(&messages, &History::default(), 0).as_deref(), Some("a"));
    }

    #[test]
    fn a_message_is_shown_once_or_again_after_its_pause() {
        let entry = |id: &str| (id.to_owned(), Timestamp::from_ms(0));
        let history = History { shown: vec![entry("once"), entry("again")], last: None };
        let messages = [message("once", 9, None), message("again", 1, Some(Duration::from_ms(100)))];
        assert_eq!(chosen(&messages, &history, 99), None);
        assert_eq!(chosen(&messages, &history, 100).as_deref(), Some("again"));
    }

    #[test]
    fn a_message_that_has_expired_leaves_its_place_to_the_next() {
        let mut first = Rc::unwrap_or_clone(message("first", 9, None));
        first.expires_at = Some(Timestamp::from_ms(100));
        let messages = [Rc::new(first), message("next", 1, None)];
        assert_eq!(chosen(&messages, &History::default(), 99).as_deref(), Some("first"));
        assert_eq!(chosen(&messages, &History::default(), 100).as_deref(), Some("next"));
    }

    #[test]
    fn messages_keep_their_distance_even_when_the_clock_is_set_back() {
        let messages = [message("a", 1, None)];
        let history = History { last: Some(Timestamp::from_ms(1_000_000)), ..History::default() };
        assert_eq!(chosen(&messages, &history, 1_029_999), None);
        assert!(chosen(&messages, &history, 1_030_000).is_some());
        assert!(chosen(&messages, &history, 5_000).is_some());
    }
}
