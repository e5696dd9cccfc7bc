//! The client's behaviour, with a simulated clock, storage and network.

#![allow(
    clippy::cast_precision_loss,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    missing_docs,
    unreachable_pub,
    reason = "tests"
)]

mod authentication;
mod browser;
mod exactly_once;
mod messages;
mod on_device;

use browser::{Browser, at, call};
use kindling_core::{ids::ExternalId, limits, protocol::RecordKind};
use kindling_sdk::client::{Activity, Effect, Reply};

fn names(records: &[kindling_core::protocol::Record]) -> Vec<String> {
    records
        .iter()
        .map(|record| match &record.kind {
            RecordKind::CustomEvent { name, .. } => name.clone(),
            RecordKind::SessionStart { .. } => "(session start)".into(),
            RecordKind::SessionEnd { duration_ms, .. } => format!("(session end {duration_ms})"),
            RecordKind::Identified => "(identified)".into(),
            RecordKind::MessageImpression { message, .. } => format!("(impression {message})"),
            other => format!("{other:?}"),
        })
        .collect()
}

fn alice() -> ExternalId {
    ExternalId::parse("alice").unwrap()
}

#[test]
fn a_record_is_stored_at_once_sent_after_the_interval_and_forgotten_when_acknowledged() {
    let browser = Browser::default();
    let mut page = browser.open(&[], at(0));
    page.log("a", at(1));
    assert_eq!(browser.disk.borrow().items.keys().filter(|key| key.starts_with("record.")).count(), 1);
    assert!(page.sent().is_empty());
    assert_eq!(page.client.next_wake(), Some(at(11)));
    page.log("b", at(5));
    page.client.tick(at(11));
    let sent = page.sent_one();
    assert_eq!(names(&sent.request().records), ["a", "b"]);
    assert_eq!(sent.request().sent_at, at(11));
    page.log("c", at(12));
    page.acknowledge(&sent, at(12));
    assert_eq!(page.client.queued(), 1);
    page.client.tick(at(22));
    assert_eq!(names(&page.sent_one().request().records), ["c"]);
}

#[test]
fn many_records_are_sent_at_once_and_one_flush_is_under_way_at_a_time() {
    let mut page = Browser::default().open(&[], at(0));
    for _ in 0..limits::FLUSH_DUE_RECORDS + 5 {
        page.log("a", at(1));
    }
    let sent = page.sent_one();
    assert_eq!(sent.request().records.len(), limits::FLUSH_DUE_RECORDS);
    assert_eq!(page.client.next_wake(), None);
}

#[test]
fn the_next_page_sends_what_the_last_one_left_before_its_own() {
    let browser = Browser::default();
    let mut first = browser.open(&[], at(0));
    first.log("a", at(1));
    let stream = first.client.stream();
    drop(first);
    let mut second = browser.open(&[], at(2));
    let sent = second.sent_one();
    assert_eq!(sent.request().stream, stream);
    assert_eq!(names(&sent.request().records), ["a"]);
    second.log("b", at(3));
    second.acknowledge(&sent, at(4));
    second.client.tick(at(14));
    let own = second.sent_one().request();
    assert_ne!(own.stream, stream);
    assert_eq!((own.records[0].seq.0, names(&own.records)), (1, vec!["b".to_owned()]));
    let left = browser.disk.borrow().items.keys().any(|key| key.contains(&stream.to_string()));
    assert!(!left, "a stream that is done leaves nothing behind");
}

#[test]
fn a_page_leaves_the_streams_of_live_pages_alone() {
    let browser = Browser::default();
    let mut first = browser.open(&[], at(0));
    first.log("a", at(1));
    let mut second = browser.open(&[first.client.stream()], at(2));
    assert!(second.sent().is_empty());
}

#[test]
fn a_page_whose_stream_another_one_cleaned_up_loses_nothing() {
    let browser = Browser::default();
    let mut first = browser.open(&[], at(0));
    first.log("a", at(1));
    // Without locks, the second page takes the first one for gone.
    let mut second = browser.open(&[], at(2));
    let sent = second.sent_one();
    second.acknowledge(&sent, at(3));
    first.log("b", at(4));
    drop(first);
    let mut third = browser.open(&[], at(5));
    assert_eq!(names(&third.sent_one().request().records), ["b"]);
}

#[test]
fn a_lost_answer_means_sending_the_same_again() {
    let mut page = Browser::default().open(&[], at(0));
    page.log("a", at(1));
    page.client.tick(at(11));
    let sent = page.sent_one();
    page.client.reply(sent.flush, Reply::Unreachable, at(12));
    let retry = page.client.next_wake().unwrap();
    assert!(retry > at(12) && retry <= at(13));
    page.client.tick(retry);
    let again = page.sent_one().request();
    let first = sent.request();
    assert_eq!((again.stream, again.records), (first.stream, first.records));
}

#[test]
fn the_server_decides_how_long_to_wait() {
    let mut page = Browser::default().open(&[], at(0));
    page.log("a", at(1));
    page.client.tick(at(11));
    let sent = page.sent_one();
    page.fail(&sent, 503, Some(60), at(12));
    assert_eq!(page.client.next_wake(), Some(at(72)));
    page.client.tick(at(71));
    assert!(page.sent().is_empty());
    page.client.tick(at(72));
    assert_eq!(page.sent().len(), 1);
}

#[test]
fn an_answer_from_something_else_is_not_an_acknowledgement() {
    let mut page = Browser::default().open(&[], at(0));
    page.log("a", at(1));
    page.client.tick(at(11));
    let sent = page.sent_one();
    page.answer(&sent, "<html>Welcome to our hotel</html>", at(12));
    assert_eq!(page.client.queued(), 1);
    assert!(page.client.next_wake().is_some());
}

#[test]
fn an_answer_never_forgets_more_than_was_sent() {
    let mut page = Browser::default().open(&[], at(0));
    page.log("a", at(1));
    page.client.tick(at(11));
    let sent = page.sent_one();
    page.log("b", at(12));
    page.answer(&sent, r#"{"acked":99}"#, at(13));
    assert_eq!(page.client.queued(), 1);
}

#[test]
fn an_unknown_key_stops_sending_but_keeps_the_records() {
    let mut page = Browser::default().open(&[], at(0));
    page.log("a", at(1));
    page.client.tick(at(11));
    let sent = page.sent_one();
    page.fail(&sent, 401, None, at(12));
    assert_eq!(page.client.next_wake(), None);
    page.client.flush(7, at(13));
    assert_eq!(page.flushed(), [(7, false)]);
    assert!(page.sent().is_empty());
    assert_eq!(page.client.queued(), 1);
}

#[test]
fn a_poison_record_is_found_and_dropped_and_its_neighbours_arrive() {
    let mut page = Browser::default().open(&[], at(0));
    for i in 0..40 {
        page.log(if i == 17 { "poison" } else { "fine" }, at(1));
    }
    let mut now = at(11);
    let mut arrived = Vec::new();
    for _ in 0..60 {
        page.client.tick(now);
        for sent in page.sent() {
            let taken = names(&sent.request().records);
            if taken.iter().any(|name| name == "poison") {
                page.fail(&sent, 400, None, now);
            } else {
                arrived.extend(taken);
                page.acknowledge(&sent, now);
            }
        }
        now = page.client.next_wake().unwrap_or(now).max(now);
    }
    assert_eq!(arrived.len(), 39);
    assert_eq!(page.client.queued(), 0);
    page.run();
    let dropped = |effect: &&Effect| matches!(effect, Effect::Activity(Activity::RecordsDropped { first_seq, .. }) if first_seq.0 == 18);
    assert_eq!(page.effects.iter().filter(dropped).count(), 1);
}

#[test]
fn whoever_asks_for_a_flush_learns_what_came_of_it() {
    let mut page = Browser::default().open(&[], at(0));
    page.client.flush(1, at(0));
    let empty = page.sent_one();
    assert!(empty.request().records.is_empty());
    page.log("a", at(1));
    page.client.flush(2, at(1));
    page.answer(&empty, r#"{"acked":0}"#, at(1));
    assert_eq!(page.flushed(), [(1, true)]);
    let sent = page.sent_one();
    page.acknowledge(&sent, at(2));
    assert_eq!(page.flushed(), [(2, true)]);
    page.log("b", at(3));
    page.client.flush(3, at(3));
    let sent = page.sent_one();
    page.client.reply(sent.flush, Reply::Unreachable, at(4));
    assert_eq!(page.flushed(), [(3, false)]);
}

#[test]
fn a_hidden_page_sends_what_outlives_it() {
    let mut page = Browser::default().open(&[], at(0));
    for _ in 0..limits::FLUSH_DUE_RECORDS {
        page.log(&"x".repeat(200), at(1));
    }
    let first = page.sent_one();
    assert!(!first.keepalive);
    for _ in 0..400 {
        page.log(&"y".repeat(200), at(2));
    }
    page.client.hidden(at(3));
    let last = page.sent_one();
    assert!(last.keepalive && last.body.len() <= limits::KEEPALIVE_BYTES);
    // Sent twice, taken once: the records of the first flush are in the second too.
    assert_eq!(last.request().records[0].seq.0, 1);
    page.acknowledge(&last, at(4));
    page.acknowledge(&first, at(4));
    assert!(page.client.queued() > 0);
}

#[test]
fn signing_in_closes_the_stream_of_the_visitor_and_names_them() {
    let mut page = Browser::default().open(&[], at(0));
    page.client.open_session(at(0));
    let started = page.sent_one();
    let visitor = started.request().identity;
    page.acknowledge(&started, at(0));
    page.log("a", at(1));
    page.client.change_user(alice(), None, at(2));
    let old = page.sent_one();
    assert_eq!(old.request().identity, visitor);
    assert_eq!(names(&old.request().records), ["a", "(session end 0)"]);
    assert_eq!(old.request().messages, None, "messages of the visitor are not wanted any more");
    page.acknowledge(&old, at(3));
    let new = page.sent_one().request();
    assert_eq!(new.identity.external_id, Some(alice()));
    assert_eq!(new.identity.anonymous_id, visitor.anonymous_id);
    assert_eq!(names(&new.records), ["(identified)", "(session start)"]);
    assert_ne!(new.stream, old.request().stream);
}

#[test]
fn signing_in_again_does_nothing_and_somebody_else_starts_fresh() {
    let mut page = Browser::default().open(&[], at(0));
    page.client.change_user(alice(), None, at(0));
    let first = page.sent_one();
    page.acknowledge(&first, at(0));
    page.client.change_user(alice(), None, at(1));
    assert_eq!(page.client.queued(), 0);
    page.client.change_user(ExternalId::parse("bob").unwrap(), None, at(2));
    let sent = page.sent_one().request();
    assert_eq!(sent.identity.external_id.unwrap().as_str(), "bob");
    assert_eq!(sent.identity.anonymous_id, None, "alice's visitor is not bob");
}

#[test]
fn a_sign_in_in_one_tab_counts_in_the_other() {
    let browser = Browser::default();
    let mut first = browser.open(&[], at(0));
    let mut second = browser.open(&[first.client.stream()], at(0));
    first.client.change_user(alice(), None, at(1));
    second.log("a", at(2));
    second.client.tick(at(12));
    assert_eq!(second.sent_one().request().identity.external_id, Some(alice()));
}

#[test]
fn a_session_ends_after_a_pause_and_tabs_share_it() {
    let browser = Browser::default();
    let mut first = browser.open(&[], at(0));
    first.client.open_session(at(0));
    let mut second = browser.open(&[first.client.stream()], at(60));
    second.client.open_session(at(60));
    assert_eq!(second.client.queued(), 0, "resumed");
    second.log("a", at(100));
    first.client.open_session(at(1_800));
    assert_eq!(first.client.queued(), 1, "the other tab was active");
    first.log("b", at(1_800 + 1_800));
    let queued = first.client.queued_records();
    let kinds: Vec<serde_json::Value> = serde_json::from_str(&queued).unwrap();
    let kinds: Vec<_> = kinds.iter().map(|record| record["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["session_start", "session_end", "session_start", "custom_event"]);
}

const MESSAGES: &str = r#"{"acked":99,"messages":{"version":"v1","items":[
    {"id":"high","priority":9,"trigger":{"type":"custom_event","name":"a"},"content":{"type":"modal","body":"B"}},
    {"id":"low","priority":1,"trigger":{"type":"custom_event","name":"a"},"content":{"type":"slide_up","body":"B"}},
    {"id":"broken","priority":99,"trigger":{"type":"custom_event","name":"a"},"content":{"type":"hologram"}}]}}"#;

#[test]
fn an_event_shows_a_message_that_its_own_flush_brings() {
    let mut page = Browser::default().open(&[], at(0));
    page.log("a", at(1));
    page.client.tick(at(11));
    let sent = page.sent_one();
    assert_eq!(sent.request().messages.as_deref(), Some(""));
    page.answer(&sent, MESSAGES, at(12));
    assert_eq!(page.shown(), ["high"]);
    // Once per message, and not too soon after the last one.
    page.log("a", at(20));
    assert!(page.shown().is_empty());
    page.log("a", at(42));
    assert_eq!(page.shown(), ["low"]);
    page.log("a", at(100));
    assert!(page.shown().is_empty());
}

#[test]
fn messages_are_held_without_a_network_and_over_reloads() {
    let browser = Browser::default();
    let mut page = browser.open(&[], at(0));
    page.client.flush(1, at(0));
    let sent = page.sent_one();
    page.answer(&sent, MESSAGES, at(1));
    assert!(page.shown().is_empty(), "nothing happened that would show one");
    drop(page);
    let mut page = browser.open(&[], at(100));
    page.log("a", at(101));
    assert_eq!(page.shown(), ["high"]);
    drop(page);
    let mut page = browser.open(&[], at(200));
    page.log("a", at(201));
    assert_eq!(page.shown(), ["low"], "what was shown before the reload is remembered");
    page.client.tick(at(211));
    assert_eq!(page.sent_one().request().messages.as_deref(), Some("v1"));
}

#[test]
fn a_campaign_that_is_over_shows_nothing_where_there_is_no_network() {
    let mut page = Browser::default().open(&[], at(0));
    page.client.flush(1, at(0));
    let sent = page.sent_one();
    let end = at(50).as_ms();
    let messages = MESSAGES.replacen(r#""id":"high""#, &format!(r#""id":"high","expires_at":{end}"#), 1);
    page.answer(&sent, &messages, at(1));
    page.log("a", at(50));
    assert_eq!(page.shown(), ["low"]);
}

#[test]
fn messages_belong_to_the_user_they_were_sent_to() {
    let mut page = Browser::default().open(&[], at(0));
    page.client.flush(1, at(0));
    let sent = page.sent_one();
    page.client.change_user(alice(), None, at(1));
    page.answer(&sent, MESSAGES, at(2));
    assert_eq!(page.client.held_messages().count(), 0);
    page.log("a", at(3));
    assert!(page.shown().is_empty());
}

#[test]
fn what_happens_before_properties_can_be_tested_shows_its_message_then() {
    let tests = r#"{"type":"custom_event","name":"a","where":[{"property":"price","greater":10}]}"#;
    let messages = MESSAGES.replacen(r#"{"type":"custom_event","name":"a"}"#, tests, 1);
    let bought = |price: u32| format!(r#"{{"type":"custom_event","name":"a","properties":{{"price":{price}}}}}"#);
    for ready in [true, false] {
        let browser = Browser::default();
        browser.disk.borrow_mut().without_filters = !ready;
        let mut page = browser.open(&[], at(0));
        page.client.flush(1, at(0));
        let sent = page.sent_one();
        page.answer(&sent, &messages, at(1));
        page.client.log(&bought(11), at(2)).unwrap();
        assert_eq!(page.shown().is_empty(), !ready, "nothing less is shown instead");
        let sent = {
            page.client.tick(at(12));
            page.sent_one()
        };
        page.acknowledge(&sent, at(13));
        browser.disk.borrow_mut().without_filters = false;
        page.client.can_test(at(14));
        page.client.can_test(at(15));
        assert_eq!(page.shown().len(), usize::from(!ready), "and once");
        page.client.log(&bought(5), at(100)).unwrap();
        assert_eq!(page.shown(), ["low"]);
    }
}

#[test]
fn a_message_can_be_put_off_and_taken_once() {
    let browser = Browser::default();
    let mut page = browser.open(&[], at(0));
    let high = kindling_core::ids::CampaignId::parse("high").unwrap();
    assert!(page.client.defer(&high).is_err(), "it is not held");
    page.client.flush(1, at(0));
    let sent = page.sent_one();
    page.answer(&sent, MESSAGES, at(1));
    page.client.defer(&high).unwrap();
    drop(page);
    let mut page = browser.open(&[], at(100));
    assert!(page.client.take_deferred().unwrap().contains(r#""id":"high""#));
    assert_eq!(page.client.take_deferred(), None);
    page.client.defer(&high).unwrap();
    page.client.change_user(alice(), None, at(101));
    assert_eq!(page.client.take_deferred(), None, "it was somebody else's");
}

#[test]
fn a_site_may_name_the_device() {
    let browser = Browser::default();
    let device = kindling_core::ids::DeviceId(kindling_core::ids::Uuid::from_u128(7));
    let before = browser.open(&[], at(0)).client.device();
    let named = browser.open_as(Some(device), &[], at(1)).client.device();
    assert_eq!((before == named, named), (false, device));
    assert_eq!(browser.open(&[], at(2)).client.device(), device, "it is remembered");
}

#[test]
fn a_trigger_that_nobody_would_show_uses_up_nothing() {
    let mut page = Browser::default().open(&[], at(0));
    page.client.flush(1, at(0));
    let sent = page.sent_one();
    page.answer(&sent, MESSAGES, at(1));
    page.client.set_shows_messages(false, at(2));
    page.log("a", at(2));
    page.client.set_shows_messages(true, at(2));
    page.log("a", at(3));
    assert_eq!(page.shown(), ["high"]);
}

#[test]
fn full_storage_means_memory_and_nothing_is_lost_while_the_page_lives() {
    let browser = Browser::default();
    let mut page = browser.open(&[], at(0));
    browser.disk.borrow_mut().full = true;
    page.log("a", at(1));
    page.client.open_session(at(1));
    page.client.tick(at(11));
    assert_eq!(names(&page.sent_one().request().records), ["a", "(session start)"]);
}

#[test]
fn damaged_storage_is_cleaned_up() {
    let browser = Browser::default();
    let mut page = browser.open(&[], at(0));
    page.log("a", at(1));
    page.log("b", at(1));
    let stream = page.client.stream();
    drop(page);
    {
        let items = &mut browser.disk.borrow_mut().items;
        let damaged = items[&format!("record.{stream}.1")].chars().take(70).collect();
        items.insert(format!("record.{stream}.1"), damaged);
        items.insert("record.nonsense".into(), "x".into());
        items.insert("identity".into(), "{{{".into());
        items.insert("messages".into(), "[]".into());
        items.insert("session".into(), "7".into());
        items.insert("device".into(), "not a uuid".into());
    }
    let mut page = browser.open(&[], at(2));
    assert_eq!(names(&page.sent_one().request().records), ["b"]);
    page.client.open_session(at(3));
    assert_eq!(page.client.queued(), 2);
}

#[test]
fn the_queue_is_bounded_and_the_oldest_records_make_room() {
    let mut page = Browser::default().open(&[], at(0));
    for _ in 0..limits::QUEUE_RECORDS + 3 {
        page.log("a", at(1));
    }
    assert_eq!(page.client.queued(), limits::QUEUE_RECORDS);
    let first: serde_json::Value = serde_json::from_str(&page.client.queued_records()).unwrap();
    assert_eq!(first[0]["seq"], 4);
    // What the user says of themselves stays when events of before must go, until there is nothing else.
    let set =
        || RecordKind::Attribute { name: kindling_core::profile::StandardAttribute::FirstName, value: "Ada".into() };
    page.client.log(&call(&set()), at(2)).unwrap();
    for _ in 0..limits::QUEUE_RECORDS {
        page.log("a", at(3));
    }
    let kept: serde_json::Value = serde_json::from_str(&page.client.queued_records()).unwrap();
    assert_eq!((&kept[0]["type"], &kept[1]["type"]), (&"attribute".into(), &"custom_event".into()));
    assert_eq!(page.client.queued(), limits::QUEUE_RECORDS);
    for _ in 0..limits::QUEUE_RECORDS {
        page.client.log(&call(&set()), at(4)).unwrap();
    }
    let kept: serde_json::Value = serde_json::from_str(&page.client.queued_records()).unwrap();
    assert!(kept.as_array().unwrap().iter().all(|record| record["type"] == "attribute"));
    assert_eq!(page.client.queued(), limits::QUEUE_RECORDS);
}

#[test]
fn a_page_may_say_that_it_shows_messages_after_the_session_began() {
    let shown_after = |seconds: i64| {
        let mut page = Browser::default().open(&[], at(0));
        page.client.set_shows_messages(false, at(0));
        page.client.flush(1, at(0));
        let sent = page.sent_one();
        page.answer(
            &sent,
            &MESSAGES.replace(r#"{"type":"custom_event","name":"a"}"#, r#"{"type":"session_start"}"#),
            at(1),
        );
        page.client.open_session(at(2));
        page.client.set_shows_messages(true, at(2 + seconds));
        page.client.set_shows_messages(true, at(2 + seconds));
        page.shown()
    };
    assert_eq!(shown_after(3), ["high"]);
    assert!(shown_after(11).is_empty());
}

#[test]
fn what_is_not_a_record_is_refused_at_once() {
    let mut page = Browser::default().open(&[], at(0));
    for wrong in [r#"{"type":"custom_event","name":""}"#, "7", "", r#"{"type":"session_start"}"#] {
        assert!(page.client.log(wrong, at(1)).is_err(), "{wrong}");
    }
    assert_eq!(page.client.queued(), 0);
}

#[test]
fn wiping_forgets_everything_and_begins_anew() {
    let browser = Browser::default();
    let mut page = browser.open(&[], at(0));
    page.log("a", at(1));
    page.client.flush(5, at(1));
    let (device, sent) = (page.client.device(), page.sent_one());
    page.client.change_user(alice(), None, at(1));
    page.client.wipe();
    assert_eq!(page.flushed(), [(5, false)]);
    assert_ne!(page.client.device(), device);
    assert_eq!((page.client.queued(), page.client.external_id()), (0, None));
    page.acknowledge(&sent, at(2));
    page.log("b", at(3));
    page.client.tick(at(13));
    let request = page.sent_one().request();
    assert_eq!((names(&request.records), request.identity.external_id), (vec!["b".to_owned()], None));
}

#[test]
fn a_clock_that_is_set_back_delays_nothing() {
    let mut page = Browser::default().open(&[], at(0));
    page.log("a", at(100_000));
    page.client.tick(at(0));
    assert!(page.client.next_wake().unwrap() <= at(10));
    page.client.tick(at(10));
    assert_eq!(page.sent().len(), 1);
}

#[test]
fn a_device_says_of_itself_what_is_new_once_for_each_user() {
    let browser = Browser::default();
    let said = |page: &mut browser::Page| {
        let waiting: serde_json::Value = serde_json::from_str(&page.client.queued_records()).unwrap();
        let devices = waiting.as_array().unwrap().iter().filter(|record| record["type"] == "device");
        devices.map(|record| record["language"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let mut page = browser.open(&[], at(0));
    page.client.describe(r#"{"type":"device","language":"de","screen_width":400}"#.to_owned(), at(0));
    assert!(said(&mut page).is_empty(), "not without a session");
    page.client.open_session(at(1));
    assert_eq!(said(&mut page), ["de"]);
    page.client.change_user(alice(), None, at(2));
    assert_eq!(said(&mut page), ["de", "de"]);
    let live = page.client.stream();
    let mut second = browser.open(&[live], at(3));
    // It takes over what the visitor said, whose stream is nobody's any more.
    assert_eq!(said(&mut second), ["de"]);
    second.client.describe(r#"{"type":"device","language":"de","screen_width":400}"#.to_owned(), at(3));
    assert_eq!(said(&mut second), ["de"]);
    second.client.describe(r#"{"type":"device","language":"en"}"#.to_owned(), at(4));
    assert_eq!(said(&mut second), ["de", "en"]);
    second.client.describe(r#"{"type":"device"}"#.to_owned(), at(5));
    assert_eq!(said(&mut second), ["de", "en"]);
}
