//! What a client does while a server does not take its user for proven.

use kindling_core::ids::ExternalId;
use kindling_sdk::client::Reply;

use crate::{
    alice,
    browser::{Browser, Page, Sent, at},
    names,
};

fn bob() -> ExternalId {
    ExternalId::parse("bob").unwrap()
}

fn text(signature: &str) -> Option<String> {
    Some(signature.to_owned())
}

/// A page on which alice signs in with this signature, and the flush that this sends.
fn with_alice(browser: &Browser, signature: Option<&str>) -> (Page, Sent) {
    let mut page = browser.open(&[], at(0));
    page.client.change_user(alice(), signature.map(ToOwned::to_owned), at(0));
    let sent = page.sent_one();
    (page, sent)
}

#[test]
fn a_signature_goes_with_flushes_of_its_user_only() {
    let browser = Browser::default();
    let (mut page, sent) = with_alice(&browser, Some("a1"));
    assert_eq!(sent.request().auth, text("a1"));
    page.acknowledge(&sent, at(0));
    page.log("of_alice", at(1));
    // Another user, and the one before: each with their own.
    page.client.change_user(bob(), text("b1"), at(2));
    let old = page.sent_one();
    assert_eq!((old.request().identity.external_id, old.request().auth), (Some(alice()), text("a1")));
    page.acknowledge(&old, at(3));
    let new = page.sent_one();
    assert_eq!((new.request().identity.external_id, new.request().auth), (Some(bob()), text("b1")));
    page.acknowledge(&new, at(4));
    page.client.log_out(at(5));
    assert_eq!(page.sent_one().request().auth, None);
    assert!(!browser.disk.borrow().items.contains_key("signature"));
}

#[test]
fn a_reload_knows_the_signature_and_nobody_else_gets_it() {
    let browser = Browser::default();
    let (mut page, sent) = with_alice(&browser, Some("a1"));
    page.acknowledge(&sent, at(0));
    page.log("left", at(1));
    drop(page);
    let mut page = browser.open(&[], at(2));
    let left = page.sent_one();
    assert_eq!((names(&left.request().records), left.request().auth), (vec!["left".to_owned()], text("a1")));
    page.acknowledge(&left, at(2));
    page.client.change_user(bob(), None, at(3));
    let sent = page.sent_one();
    assert_eq!(sent.request().auth, None);
    page.acknowledge(&sent, at(3));
    // Whoever says that they are alice has to prove it again.
    page.client.change_user(alice(), None, at(4));
    assert_eq!(page.sent_one().request().auth, None);
    page.client.wipe();
    assert!(!browser.disk.borrow().items.contains_key("signature"));
}

#[test]
fn the_same_user_with_another_signature_only_gets_that() {
    let browser = Browser::default();
    let (mut page, sent) = with_alice(&browser, None);
    page.acknowledge(&sent, at(0));
    let stream = page.client.stream();
    page.client.change_user(alice(), text("a2"), at(1));
    assert_eq!((page.client.stream(), page.client.queued()), (stream, 0));
    assert!(page.sent().is_empty());
    page.client.change_user(alice(), None, at(1));
    page.log("a", at(2));
    page.client.tick(at(12));
    assert_eq!(page.sent_one().request().auth, text("a2"));
    // A tab that has been open all along, and one that opens later.
    let mut other = browser.open(&[stream], at(12));
    page.client.set_signature("a3".to_owned(), at(13)).unwrap();
    other.client.storage_changed(Some("signature"));
    other.log("b", at(14));
    other.client.tick(at(24));
    assert_eq!(other.sent_one().request().auth, text("a3"));
}

#[test]
fn what_is_no_signature_is_refused() {
    let browser = Browser::default();
    let mut page = browser.open(&[], at(0));
    assert_eq!(page.client.set_signature("a".to_owned(), at(0)), Err(kindling_sdk::client::SignatureError::Nobody));
    page.client.change_user(alice(), None, at(0));
    assert!(page.client.set_signature(String::new(), at(0)).is_err());
    assert!(page.client.set_signature("a".repeat(8193), at(0)).is_err());
    assert!(page.client.set_signature("a".repeat(8192), at(0)).is_ok());
}

#[test]
fn a_refused_user_rests_and_a_new_signature_ends_that_at_once() {
    let browser = Browser::default();
    let (mut page, sent) = with_alice(&browser, Some("a1"));
    page.client.flush(7, at(0));
    page.doubt(&sent, at(1));
    assert_eq!(page.doubted(), [("alice".to_owned(), text("a1"))]);
    assert_eq!(page.flushed(), [(7, false)], "nobody waits for what rests");
    assert!(page.sent().is_empty());
    page.log("a", at(1));
    page.client.flush(8, at(1));
    assert_eq!(page.flushed(), [(8, false)]);
    assert!(page.sent().is_empty(), "nor does asking for it help");
    page.client.hidden(at(1));
    assert!(page.sent().is_empty());
    page.client.set_signature("a1".to_owned(), at(1)).unwrap();
    assert!(page.sent().is_empty(), "the same signature is no new one");
    page.client.set_signature("a2".to_owned(), at(1)).unwrap();
    let again = page.sent_one();
    assert_eq!(
        (names(&again.request().records), again.request().auth),
        (vec!["(identified)".into(), "a".into()], text("a2"))
    );
    page.acknowledge(&again, at(2));
    assert_eq!(page.client.queued(), 0);
    assert!(page.doubted().is_empty());
}

#[test]
fn a_refused_user_is_tried_again_with_growing_pauses_and_told_of_once() {
    let browser = Browser::default();
    let (mut page, mut sent) = with_alice(&browser, None);
    let mut now = at(0);
    let mut longest = 0;
    for refusals in 1..50 {
        page.doubt(&sent, now);
        assert_eq!(page.doubted().len(), usize::from(refusals == 1));
        let wake = page.client.next_wake().expect("it is tried again");
        longest = longest.max(wake.since(now).as_ms());
        assert!(wake > now && wake.since(now).as_ms() <= 300_000);
        page.client.tick(wake);
        sent = page.sent_one();
        assert_eq!(names(&sent.request().records), ["(identified)"]);
        now = wake;
    }
    assert!(longest > 60_000);
    // The fiftieth: not before the next session.
    page.doubt(&sent, now);
    assert_eq!(page.client.next_wake(), None);
    page.log("a", now);
    page.client.tick(now.plus(kindling_core::time::Duration::from_days(1)));
    assert!(page.sent().is_empty());
    page.client.open_session(now);
    assert_eq!(names(&page.sent_one().request().records), ["(identified)", "a", "(session start)"]);
    assert!(page.doubted().is_empty());
}

#[test]
fn others_go_on_while_a_user_rests() {
    let browser = Browser::default();
    let (mut page, sent) = with_alice(&browser, Some("a1"));
    page.log("of_alice", at(0));
    page.doubt(&sent, at(1));
    page.client.log_out(at(1));
    let asking = page.sent_one();
    assert!(asking.request().records.is_empty(), "it asks for the messages of the visitor");
    page.acknowledge(&asking, at(1));
    page.log("of_nobody", at(1));
    page.client.flush(7, at(1));
    let sent = page.sent_one();
    assert_eq!((names(&sent.request().records), sent.request().auth), (vec!["of_nobody".to_owned()], None));
    page.acknowledge(&sent, at(1));
    assert_eq!(page.flushed(), [(7, false)], "not all of it was taken");
    // A quarter of an hour, with a server that never takes alice: no request goes out but those that try her again.
    let mut tries = 0;
    while let Some(wake) = page.client.next_wake().filter(|wake| *wake < at(900)) {
        page.client.tick(wake);
        for sent in page.sent() {
            assert_eq!(sent.request().identity.external_id, Some(alice()));
            page.doubt(&sent, wake);
            tries += 1;
        }
    }
    assert!((3..60).contains(&tries), "{tries}");
    // She comes back: what she left goes out with the new signature, once.
    page.client.change_user(alice(), text("a2"), at(900));
    let mut arrived = Vec::new();
    for _ in 0..3 {
        for sent in page.sent() {
            assert_eq!(sent.request().auth, text("a2"));
            arrived.extend(names(&sent.request().records));
            page.acknowledge(&sent, at(900));
        }
    }
    assert_eq!(arrived, ["(identified)", "of_alice", "(identified)"]);
    assert_eq!(page.client.queued(), 0);
}

#[test]
fn a_refusal_of_an_old_signature_says_nothing_of_the_new_one() {
    let browser = Browser::default();
    let (mut page, sent) = with_alice(&browser, Some("a1"));
    page.client.set_signature("a2".to_owned(), at(1)).unwrap();
    page.doubt(&sent, at(2));
    assert!(page.doubted().is_empty());
    assert_eq!(page.sent_one().request().auth, text("a2"));
}

#[test]
fn where_all_is_taken_the_page_is_told_and_nothing_rests() {
    let browser = Browser::default();
    let (mut page, mut sent) = with_alice(&browser, Some("a1"));
    for round in 0..3 {
        let last = sent.request().records.last().unwrap().seq.0;
        let body = format!(r#"{{"acked":{last},"auth":{{"error_code":22,"reason":"expired"}}}}"#);
        page.answer(&sent, &body, at(20 * round));
        assert_eq!(page.doubted().len(), usize::from(round == 0));
        assert_eq!(page.client.queued(), 0);
        page.log("a", at(20 * round + 1));
        page.client.tick(at(20 * round + 11));
        sent = page.sent_one();
    }
}

#[test]
fn the_network_fails_as_ever_while_a_user_rests() {
    let browser = Browser::default();
    let (mut page, sent) = with_alice(&browser, Some("a1"));
    page.doubt(&sent, at(1));
    page.client.log_out(at(1));
    let asking = page.sent_one();
    page.log("of_nobody", at(1));
    page.client.reply(asking.flush, Reply::Unreachable, at(2));
    assert!(page.client.next_wake().is_some_and(|wake| wake > at(2)));
    let mut arrived = Vec::new();
    for second in 3..30 {
        page.client.tick(at(second));
        for sent in page.sent() {
            arrived.extend(names(&sent.request().records));
            page.acknowledge(&sent, at(second));
        }
    }
    arrived.sort();
    assert_eq!(arrived, ["(identified)", "of_nobody"]);
}
