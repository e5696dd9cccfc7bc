//! Which message an occurrence shows.

use std::rc::Rc;

use super::{
    cap::{HeldCap, Seen},
    held::Held,
    occurrence::Occurrence,
};
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
    /// What was shown lately, where there are caps.
    pub seen: Vec<Seen>,
}

impl History {
    /// When the message was shown last.
    pub fn shown(&self, id: &CampaignId) -> Option<Timestamp> {
        let entry = self.shown.iter().find(|(shown, _)| shown == id.as_str());
        entry.map(|(_, at)| *at)
    }
}

/// By what it is decided whether a message may be shown, beside the message itself.
pub struct Rules<'a> {
    /// What was shown.
    pub history: &'a History,
    /// At least this long lies between two messages.
    pub interval: Duration,
    /// The caps that hold.
    pub caps: &'a [HeldCap],
    /// Now.
    pub now: Timestamp,
    /// The minute of the day that the clock of the device shows.
    pub minute: &'a dyn Fn() -> u16,
}

impl Rules<'_> {
    /// A clock that was set back must not silence messages for ever: a "last time" in the future does not count.
    fn passed(&self, at: Timestamp, pause: Duration) -> bool {
        at > self.now || self.now >= at.plus(pause)
    }

    /// Whether enough time has passed since the last message.
    fn is_quiet(&self) -> bool {
        self.history.last.is_none_or(|last| self.passed(last, self.interval))
    }

    /// Whether the message may be shown, still or again, apart from the distance that messages keep.
    fn allows(&self, message: &Held) -> bool {
        let again = match (self.history.shown(&message.id), message.repeat_after) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(last), Some(pause)) => self.passed(last, pause),
        };
        again
            && message.expires_at.is_none_or(|end| self.now < end)
            && message.hours.is_none_or(|hours| hours.contain((self.minute)()))
            && !self.is_capped(message)
    }

    fn is_capped(&self, message: &Held) -> bool {
        !message.uncapped
            && self.caps.iter().any(|cap| cap.is_about(&message.tags) && cap.is_used_up(&self.history.seen, self.now))
    }
}

/// Chooses what the occurrence shows: of the messages whose trigger it fires and that may (still, or again) be shown, the one with the
/// greatest priority; of equals the one with the lesser id, so that every device chooses the same. Nothing is shown within
/// the rules' interval after the last message. `hold(tests, properties)` says whether a trigger's tests hold of properties, and
/// `hold(filter, "")` whether a message's filter holds of the user, which is asked last: to find out takes longest.
///
/// Without an occurrence it is about messages whose trigger has fired before, and whose time has come.
pub fn choose<'a>(
    messages: &mut dyn Iterator<Item = &'a Rc<Held>>,
    occurrence: Option<&Occurrence>,
    rules: &Rules<'_>,
    hold: &dyn Fn(&str, &str) -> bool,
) -> Option<&'a Rc<Held>> {
    let mut chosen: Option<&Rc<Held>> = None;
    if !rules.is_quiet() {
        return chosen;
    }
    for message in messages {
        if chosen.is_none_or(|best| is_before(message, best))
            && rules.allows(message)
            && occurrence.is_none_or(|occurrence| message.fires(occurrence, hold))
            && message.is_for_user(hold)
        {
            chosen = Some(message);
        }
    }
    chosen
}

fn is_before(message: &Held, other: &Held) -> bool {
    message.priority > other.priority || (message.priority == other.priority && message.id < other.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{HeldTrigger, Hours, Occasion};

    fn message(id: &str, priority: i32, repeat_after: Option<Duration>) -> Rc<Held> {
        let trigger = HeldTrigger { occasion: Occasion::SessionStart, name: String::new(), tests: String::new() };
        let id = CampaignId::parse(id).unwrap();
        Rc::new(Held { priority, repeat_after, ..Held::of(id, vec![trigger]) })
    }

    fn chosen(messages: &[Rc<Held>], history: &History, now: i64) -> Option<String> {
        chosen_under(messages, history, &[], now)
    }

    fn chosen_under(messages: &[Rc<Held>], history: &History, caps: &[HeldCap], now: i64) -> Option<String> {
        let (interval, occurrence) = (Duration::from_seconds(30), Occurrence::session_start());
        // A day has a hundred minutes here, of a millisecond each.
        let minute = || u16::try_from(now % 100).unwrap();
        let rules = Rules { history, interval, caps, now: Timestamp::from_ms(now), minute: &minute };
        choose(&mut messages.iter(), Some(&occurrence), &rules, &|condition, _| condition == "{}")
            .map(|m| m.id.to_string())
    }

    #[test]
    fn priority_decides_then_the_id() {
        let messages = [message("b", 1, None), message("a", 1, None), message("c", 0, None)];
        assert_eq!(chosen(&messages, &History::default(), 0).as_deref(), Some("a"));
    }

    #[test]
    fn a_message_is_shown_once_or_again_after_its_pause() {
        let entry = |id: &str| (id.to_owned(), Timestamp::from_ms(0));
        let history = History { shown: vec![entry("once"), entry("again")], ..History::default() };
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

    #[test]
    fn a_message_has_its_hours() {
        let mut first = Rc::unwrap_or_clone(message("a", 1, None));
        first.hours = Hours::read_held(crate::json::Json::of(r#"{"from":20,"to":40}"#));
        let messages = [Rc::new(first)];
        let shown = [119, 120, 139, 140].map(|now| chosen(&messages, &History::default(), now).is_some());
        assert_eq!(shown, [false, true, true, false]);
    }

    #[test]
    fn a_message_for_others_leaves_its_place_to_the_next() {
        let mut first = Rc::unwrap_or_clone(message("first", 9, None));
        first.filter = r#"{"anonymous":true}"#.to_owned();
        let mut second = Rc::unwrap_or_clone(message("second", 8, None));
        second.filter = "{}".to_owned();
        let messages = [Rc::new(first), Rc::new(second), message("third", 7, None)];
        assert_eq!(chosen(&messages, &History::default(), 0).as_deref(), Some("second"));
    }

    #[test]
    fn caps_hold_back_what_they_are_about() {
        let cap = |tag: &str| HeldCap { count: 1, per: Duration::from_ms(100), tag: tag.to_owned() };
        let history = History { seen: vec![(Timestamp::from_ms(0), r#"["promo"]"#.to_owned())], ..History::default() };
        let plain = [message("a", 1, None)];
        let mut tagged = Rc::unwrap_or_clone(message("b", 1, None));
        tagged.tags = r#"["x","promo"]"#.to_owned();
        let mut uncapped = tagged.clone();
        uncapped.uncapped = true;
        let (tagged, uncapped) = ([Rc::new(tagged)], [Rc::new(uncapped)]);
        let shown = |of: &[Rc<Held>], tag, now| chosen_under(of, &history, &[cap(tag)], now).is_some();
        assert_eq!([99, 100].map(|now| shown(&plain, "", now)), [false, true]);
        assert_eq!([99, 100].map(|now| shown(&tagged, "promo", now)), [false, true]);
        assert!(shown(&plain, "promo", 99) && shown(&tagged, "other", 99) && shown(&uncapped, "promo", 99));
    }
}
