//! When the messages that a device holds are shown: delays, hours, caps, the control group; and that no order of what happens on a device
//! shows more than may be shown.

use kindling_core::{ids::StreamId, time::Timestamp};
use proptest::prelude::*;

use super::browser::{Browser, Page, at};

/// A message that an event shows, with further members.
fn message(id: &str, event: &str, more: &str) -> String {
    let trigger = format!(r#"{{"type":"custom_event","name":"{event}"}}"#);
    format!(r#"{{"id":"{id}","priority":0,"trigger":{trigger}{more},"content":{{"type":"modal","body":"B"}}}}"#)
}

/// Has the page hold these messages, under these caps.
fn hold(page: &mut Page, items: &[String], caps: &str, now: Timestamp) {
    page.client.flush(1, now);
    let sent = page.sent_one();
    let last = sent.request().records.last().map_or(0, |record| record.seq.0);
    let version = format!("v{}", items.len());
    let set = format!(r#"{{"version":"{version}","items":[{}],"caps":[{caps}]}}"#, items.join(","));
    page.answer(&sent, &format!(r#"{{"acked":{last},"messages":{set}}}"#), now);
    page.shown();
}

/// Does all that is due up to an instant. Returns what was shown, and when.
fn wait(page: &mut Page, until: Timestamp) -> Vec<(Timestamp, String)> {
    let mut shown = Vec::new();
    while let Some(due) = page.client.next_wake().filter(|due| *due <= until) {
        page.client.tick(due);
        shown.extend(page.shown().into_iter().map(|id| (due, id)));
        for sent in page.sent() {
            page.acknowledge(&sent, due);
        }
    }
    shown
}

#[test]
fn a_message_is_shown_when_its_delay_is_over_also_on_the_next_page() {
    let browser = Browser::default();
    let mut page = browser.open(&[], at(0));
    hold(&mut page, &[message("a", "added", r#","delay_ms":20000"#)], "", at(0));
    page.log("added", at(5));
    assert!(page.shown().is_empty());
    page.log("added", at(15));
    drop(page);
    let mut page = browser.open(&[], at(16));
    assert_eq!(wait(&mut page, at(100)), [(at(25), "a".to_owned())], "the first time counts");
    drop(page);
    assert!(wait(&mut browser.open(&[], at(101)), at(1_000)).is_empty());
}

#[test]
fn what_is_overdue_for_longer_than_a_session_is_not_shown() {
    let browser = Browser::default();
    let mut page = browser.open(&[], at(0));
    hold(&mut page, &[message("a", "added", r#","delay_ms":20000"#)], "", at(0));
    page.log("added", at(0));
    drop(page);
    let mut page = browser.open(&[], at(20 + 1_800));
    page.client.tick(at(20 + 1_800));
    assert!(page.shown().is_empty());
    assert!(wait(&mut page, at(10_000)).is_empty());
}

#[test]
fn a_delay_ends_with_the_user_who_began_it() {
    let mut page = Browser::default().open(&[], at(0));
    hold(&mut page, &[message("a", "added", r#","delay_ms":20000"#)], "", at(0));
    page.log("added", at(0));
    page.client.change_user(super::alice(), None, at(1));
    assert!(wait(&mut page, at(1_000)).is_empty());
}

#[test]
fn what_triggers_a_message_comes_with_it_where_that_is_to_be_put_in() {
    let mut page = Browser::default().open(&[], at(0));
    let items = [
        message("filled", "added", r#","render":{"device":[]}"#),
        message("plain", "seen", ""),
        message("later", "bought", r#","render":"server","delay_ms":20000"#),
    ];
    hold(&mut page, &items, "", at(0));
    let event = r#"{"type":"custom_event","name":"added","properties":{"price":18}}"#;
    page.client.log(event, at(1)).unwrap();
    let with = |id: &str, event: &str| vec![(id.to_owned(), event.to_owned())];
    assert_eq!(page.shown_with_events(), with("filled", r#"{"name":"added","properties":{"price":18}}"#));
    page.log("seen", at(100));
    assert_eq!(page.shown_with_events(), with("plain", ""));
    page.log("bought", at(200));
    page.client.tick(at(220));
    assert_eq!(page.shown_with_events(), with("later", r#"{"name":"bought"}"#));
}

#[test]
fn a_message_that_could_not_be_made_whole_may_be_shown_again() {
    let browser = Browser::default();
    let mut page = browser.open(&[], at(0));
    hold(&mut page, &[message("a", "added", r#","render":"server""#)], "", at(0));
    page.log("added", at(0));
    assert_eq!(page.shown(), ["a"]);
    page.log("added", at(100));
    assert!(page.shown().is_empty());
    page.client.not_shown("a");
    drop(page);
    let mut page = browser.open(&[], at(200));
    page.log("added", at(200));
    assert_eq!(page.shown(), ["a"]);
}

#[test]
fn a_test_is_shown_when_it_comes_once_and_stands_in_nobodys_way() {
    let browser = Browser::default();
    let mut page = browser.open(&[], at(0));
    hold(&mut page, &[message("a", "added", "")], r#"{"count":1,"per_ms":1000000}"#, at(0));
    let test = message("kindling-test-1", "never", "");
    let flush = |page: &mut Page, now: Timestamp| {
        page.client.flush(2, now);
        let sent = page.sent_one();
        let last = sent.request().records.last().map_or(0, |record| record.seq.0);
        page.answer(&sent, &format!(r#"{{"acked":{last},"tests":[{test}]}}"#), now);
        page.shown()
    };
    assert_eq!(flush(&mut page, at(1)), ["kindling-test-1"]);
    assert!(flush(&mut page, at(2)).is_empty());
    page.log("added", at(3));
    assert_eq!(page.shown(), ["a"], "neither the pause nor a cap knows of it");
    drop(page);
    let mut page = browser.open(&[], at(4));
    assert!(flush(&mut page, at(4)).is_empty(), "not on the next page either");
    // Who shows nothing leaves it for those who do.
    let mut other = Browser::default().open(&[], at(0));
    other.client.set_shows_messages(false, at(0));
    assert!(flush(&mut other, at(1)).is_empty());
    other.client.set_shows_messages(true, at(2));
    assert_eq!(flush(&mut other, at(3)), ["kindling-test-1"]);
}

#[test]
fn a_message_is_shown_at_its_hours_only() {
    // The clock shows 22:13:20 at the beginning.
    let mut page = Browser::default().open(&[], at(0));
    let hours = r#","hours":{"from":1335,"to":60},"repeat_after_ms":1"#;
    hold(&mut page, &[message("a", "added", hours)], "", at(0));
    for (second, shows) in [(0, false), (99, false), (100, true), (9_999, true), (10_000, false)] {
        page.log("added", at(second));
        assert_eq!(!page.shown().is_empty(), shows, "{second}");
    }
}

#[test]
fn caps_are_kept_over_reloads_and_by_what_they_are_about() {
    let browser = Browser::default();
    let mut page = browser.open(&[], at(0));
    let tagged = |id: &str, event: &str| message(id, event, r#","tags":["promo"]"#);
    let items = [tagged("a", "first"), tagged("b", "second"), message("c", "third", "")];
    hold(&mut page, &items, r#"{"count":1,"per_ms":1000000,"tag":"promo"}"#, at(0));
    page.log("first", at(0));
    assert_eq!(page.shown(), ["a"]);
    drop(page);
    let mut page = browser.open(&[], at(100));
    page.log("second", at(100));
    assert!(page.shown().is_empty());
    page.log("third", at(200));
    assert_eq!(page.shown(), ["c"]);
    page.log("second", at(1_000));
    assert_eq!(page.shown(), ["b"]);
}

#[test]
fn the_control_group_is_chosen_and_uses_up_nothing() {
    let mut page = Browser::default().open(&[], at(0));
    let control = message("a", "added", "").replace("\"modal\",\"body\":\"B\"", "\"control\"");
    hold(&mut page, &[control, message("b", "other", "")], r#"{"count":1,"per_ms":1000000}"#, at(0));
    page.log("added", at(1));
    assert_eq!(page.shown(), ["a"]);
    // It has had its turn, and stands in nobody's way.
    page.log("added", at(2));
    assert!(page.shown().is_empty());
    page.log("other", at(3));
    assert_eq!(page.shown(), ["b"]);
}

/// A message as the property test makes it up.
#[derive(Debug, Clone)]
struct Made {
    event: usize,
    priority: i32,
    delay: i64,
    repeat: Option<i64>,
    expires: Option<i64>,
    hours: Option<(u16, u16)>,
    is_promo: bool,
    is_uncapped: bool,
}

/// What happens.
#[derive(Debug, Clone)]
enum Step {
    /// A page logs an event.
    Log(usize, usize),
    /// Time passes, and every page does what is due.
    Wait(i64),
    /// A page is left for another one.
    Reload(usize),
    /// A page hears that another changed something, which takes a while.
    Hear(usize),
}

const EVENTS: [&str; 3] = ["one", "two", "three"];

fn made() -> impl Strategy<Value = Made> {
    let delay = prop_oneof![3 => Just(0), 1 => 1_i64..90];
    let again = prop::option::of(prop_oneof![Just(0), 1_i64..200]);
    let of = (0..EVENTS.len(), -1..2, delay, again, prop::option::of(0_i64..2_000));
    (of, prop::option::weighted(0.2, (0_u16..1_440, 0_u16..1_440)), any::<bool>(), prop::bool::weighted(0.1)).prop_map(
        |((event, priority, delay, repeat, expires), hours, is_promo, is_uncapped)| Made {
            event,
            priority,
            delay,
            repeat,
            expires,
            hours,
            is_promo,
            is_uncapped,
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0..2_usize, 0..EVENTS.len()).prop_map(|(page, event)| Step::Log(page, event)),
        4 => prop_oneof![0_i64..5, 0_i64..60, 0_i64..600].prop_map(Step::Wait),
        1 => (0..2_usize).prop_map(Step::Reload),
        1 => (0..2_usize).prop_map(Step::Hear),
    ]
}

impl Made {
    fn json(&self, id: &str) -> String {
        let mut more = format!(r#","delay_ms":{}"#, self.delay * 1_000);
        if let Some(repeat) = self.repeat {
            more += &format!(r#","repeat_after_ms":{}"#, repeat * 1_000);
        }
        if let Some(expires) = self.expires {
            more += &format!(r#","expires_at":{}"#, at(expires).as_ms());
        }
        if let Some((from, to)) = self.hours {
            more += &format!(r#","hours":{{"from":{from},"to":{to}}}"#);
        }
        if self.is_promo {
            more += r#","tags":["promo"]"#;
        }
        if self.is_uncapped {
            more += r#","uncapped":true"#;
        }
        message(id, EVENTS[self.event], &more).replace(r#""priority":0"#, &format!(r#""priority":{}"#, self.priority))
    }
}

/// Something that was shown, and when, in seconds.
type Showing = (i64, usize);

/// What the rules say of all that was shown, read off the whole history.
fn expect_allowed(messages: &[Made], shown: &[Showing], (all, promos): ((u32, i64), (u32, i64))) {
    for (place, (now, message)) in shown.iter().enumerate() {
        let (before, of) = (&shown[..place], &messages[*message]);
        if let Some((last, _)) = before.last() {
            assert!(now - last >= 30, "within the interval: {shown:?}");
        }
        if let Some((last, _)) = before.iter().rev().find(|(_, other)| other == message) {
            let pause = of.repeat.expect("shown again, though it is shown once");
            assert!(now - last >= pause, "again too soon: {shown:?}");
        }
        assert!(of.expires.is_none_or(|end| *now < end), "after its end: {shown:?}");
        if let Some((from, to)) = of.hours {
            let minute = i64::from(u16::try_from(at(*now).as_ms() / 60_000 % 1_440).unwrap());
            let (from, to) = (i64::from(from), i64::from(to));
            let inside = if from <= to { from <= minute && minute < to } else { from <= minute || minute < to };
            assert!(inside, "not at this hour: {shown:?}");
        }
        if !of.is_uncapped {
            let within = |per: i64| before.iter().filter(move |(then, _)| then + per > *now);
            assert!(within(all.1).count() < all.0 as usize, "more than the cap of all: {shown:?}");
            let promotional = within(promos.1).filter(|(_, other)| messages[*other].is_promo).count();
            assert!(!of.is_promo || promotional < promos.0 as usize, "more than the cap of a tag: {shown:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever happens in whatever order on the pages of a device, also before they hear of one another: intervals, pauses, ends, hours and
    /// caps are kept.
    #[test]
    fn no_interleaving_shows_more_than_may_be_shown(
        messages in prop::collection::vec(made(), 1..8),
        caps in ((1_u32..4, 1_i64..500), (1_u32..3, 1_i64..1_000)),
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let browser = Browser::default();
        let mut pages = [browser.open(&[], at(0)), browser.open(&[], at(0))];
        let items: Vec<String> = messages.iter().enumerate().map(|(n, made)| made.json(&format!("m{n}"))).collect();
        let ((all, all_per), (promos, promos_per)) = caps;
        let held = format!(
            r#"{{"count":{all},"per_ms":{}}},{{"count":{promos},"per_ms":{},"tag":"promo"}}"#,
            all_per * 1_000, promos_per * 1_000,
        );
        for page in &mut pages {
            hold(page, &items, &held, at(0));
        }
        let (mut now, mut shown): (i64, Vec<Showing>) = (0, Vec::new());
        for step in steps {
            match step {
                Step::Log(page, event) => pages[page].log(EVENTS[event], at(now)),
                Step::Wait(seconds) => {
                    let until = at(now + seconds);
                    // In the order of time, whichever page it is.
                    while let Some((due, page)) = pages.iter().enumerate()
                        .filter_map(|(n, page)| Some((page.client.next_wake()?.max(at(now)), n)))
                        .min()
                        .filter(|(due, _)| *due <= until)
                    {
                        now = (due.as_ms() - at(0).as_ms() + 999) / 1_000;
                        let page = &mut pages[page];
                        page.client.tick(due);
                        for sent in page.sent() {
                            page.acknowledge(&sent, due);
                        }
                        shown.extend(page.shown().iter().map(|id| (now, id[1..].parse::<usize>().unwrap())));
                    }
                    now = (until.as_ms() - at(0).as_ms()) / 1_000;
                }
                Step::Reload(page) => {
                    let live: Vec<StreamId> = vec![pages[1 - page].client.stream()];
                    pages[page] = browser.open(&live, at(now));
                }
                Step::Hear(page) => pages[page].client.storage_changed(None),
            }
            for page in &mut pages {
                for sent in page.sent() {
                    page.acknowledge(&sent, at(now));
                }
                shown.extend(page.shown().iter().map(|id| (now, id[1..].parse::<usize>().unwrap())));
            }
        }
        expect_allowed(&messages, &shown, caps);
    }
}
