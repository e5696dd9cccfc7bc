//! Messages whose filter the device evaluates: for whom they are is told by what the server said of the user and by what waits for it.

use kindling_core::time::Timestamp;

use super::browser::{Browser, Page, Sent, at, call, event};

/// A message that the event `viewed` shows to those of whom the filter holds, with further members.
fn message(id: &str, filter: &str, more: &str) -> String {
    let trigger = r#"{"type":"custom_event","name":"viewed"}"#;
    format!(
        r#"{{"id":"{id}","priority":0,"trigger":{trigger},"filter":{filter},"repeat_after_ms":1{more},"content":{{"type":"modal","body":"B"}}}}"#
    )
}

const THRICE: &str = r#"{"event":"viewed","count":{"at_least":3}}"#;

/// What a server says of a user who did it so often.
fn profile(viewed: u32) -> String {
    let events = if viewed == 0 {
        String::new()
    } else {
        format!(r#","events":{{"viewed":{{"count":{viewed},"first":1,"times":[1]}}}}"#)
    };
    format!(r#"{{"first_seen":0,"last_seen":0{events}}}"#)
}

fn answer_with(page: &mut Page, sent: &Sent, messages: &str, now: Timestamp) {
    let last = sent.request().records.last().map_or(0, |record| record.seq.0);
    page.answer(sent, &format!(r#"{{"acked":{last},"messages":{messages}}}"#), now);
}

fn set(version: &str, items: &[String], viewed: u32) -> String {
    format!(r#"{{"version":"{version}","items":[{}],"profile":{}}}"#, items.join(","), profile(viewed))
}

/// A page that holds the message, of a user who has done nothing yet.
fn page_with(browser: &Browser, items: &[String]) -> Page {
    let mut page = browser.open(&[], at(0));
    page.client.flush(1, at(0));
    let sent = page.sent_one();
    answer_with(&mut page, &sent, &set("a.0", items, 0), at(0));
    page
}

#[test]
fn who_enters_the_segment_without_a_network_sees_the_message_at_once() {
    let browser = Browser::default();
    let mut page = page_with(&browser, &[message("m", THRICE, "")]);
    page.log("viewed", at(1));
    page.log("viewed", at(2));
    assert!(page.shown().is_empty());
    page.log("viewed", at(3));
    assert_eq!(page.shown(), ["m"]);
}

#[test]
fn what_waits_counts_on_the_next_page_and_in_another_tab() {
    let browser = Browser::default();
    let mut first = page_with(&browser, &[message("m", THRICE, "")]);
    first.log("viewed", at(1));
    let mut second = browser.open(&[first.client.stream()], at(2));
    second.log("viewed", at(2));
    assert!(second.shown().is_empty());
    drop((first, second));
    let mut third = browser.open(&[], at(3));
    third.log("viewed", at(3));
    assert_eq!(third.shown(), ["m"]);
}

#[test]
fn who_leaves_the_segment_sees_it_no_more() {
    let lately = r#"{"all":[{"event":"viewed","count":{"at_most":2},"within":"1m"},{"not":{"event":"bought"}}]}"#;
    let mut page = page_with(&Browser::default(), &[message("m", lately, "")]);
    page.log("viewed", at(0));
    assert_eq!(page.shown(), ["m"]);
    page.log("viewed", at(40));
    assert_eq!(page.shown(), ["m"]);
    // The third within a minute, counted from the first.
    page.log("viewed", at(50));
    assert!(page.shown().is_empty());
    page.log("viewed", at(111));
    assert_eq!(page.shown(), ["m"], "time brings one into a segment as well");
    page.log("bought", at(112));
    page.log("viewed", at(1_000));
    assert!(page.shown().is_empty());
}

#[test]
fn what_was_acknowledged_is_counted_once() {
    let mut page = page_with(&Browser::default(), &[message("m", THRICE, "")]);
    page.log("viewed", at(1));
    page.client.flush(2, at(1));
    let sent = page.sent_one();
    // It happens while the flush is on its way: the answer is not of it.
    page.log("viewed", at(2));
    answer_with(&mut page, &sent, &format!(r#"{{"version":"a.1","profile":{}}}"#, profile(1)), at(2));
    assert!(page.shown().is_empty());
    page.client.flush(3, at(3));
    let sent = page.sent_one();
    assert_eq!(sent.request().messages.as_deref(), Some("a.1"));
    answer_with(&mut page, &sent, &format!(r#"{{"version":"a.2","profile":{}}}"#, profile(2)), at(3));
    assert!(page.shown().is_empty());
    page.log("viewed", at(4));
    assert_eq!(page.shown(), ["m"]);
}

#[test]
fn an_answer_that_is_lost_makes_nothing_count_twice() {
    let mut page = page_with(&Browser::default(), &[message("m", THRICE, "")]);
    page.log("viewed", at(1));
    page.client.flush(2, at(1));
    let sent = page.sent_one();
    page.client.reply(sent.flush, kindling_sdk::client::Reply::Unreachable, at(1));
    page.log("viewed", at(2));
    assert!(page.shown().is_empty());
    page.log("viewed", at(3));
    assert_eq!(page.shown(), ["m"]);
}

#[test]
fn the_server_knows_better_also_of_what_just_happened() {
    let mut page = page_with(&Browser::default(), &[message("m", THRICE, "")]);
    page.log("viewed", at(1));
    page.client.flush(2, at(1));
    let sent = page.sent_one();
    // On other devices they did it twice.
    answer_with(&mut page, &sent, &format!(r#"{{"version":"a.3","profile":{}}}"#, profile(3)), at(2));
    assert_eq!(page.shown(), ["m"]);
    page.client.flush(3, at(100));
    let sent = page.sent_one();
    answer_with(&mut page, &sent, &format!(r#"{{"version":"a.4","profile":{}}}"#, profile(4)), at(100));
    assert!(page.shown().is_empty(), "what happened has shown what it shows");
}

#[test]
fn a_profile_is_not_taken_for_other_messages_than_it_is_of() {
    let mut page = page_with(&Browser::default(), &[message("m", THRICE, "")]);
    page.client.flush(2, at(1));
    let sent = page.sent_one();
    answer_with(&mut page, &sent, &format!(r#"{{"version":"b.3","profile":{}}}"#, profile(3)), at(1));
    page.log("viewed", at(2));
    assert!(page.shown().is_empty());
    page.client.flush(3, at(3));
    assert_eq!(page.sent_one().request().messages.as_deref(), Some("a.0"), "so that all of it comes");
}

#[test]
fn what_the_server_said_is_kept_over_reloads() {
    let browser = Browser::default();
    let mut page = page_with(&browser, &[message("m", THRICE, "")]);
    page.client.flush(2, at(1));
    let sent = page.sent_one();
    answer_with(&mut page, &sent, &format!(r#"{{"version":"a.2","profile":{}}}"#, profile(2)), at(1));
    drop(page);
    let mut page = browser.open(&[], at(2));
    page.log("viewed", at(2));
    assert_eq!(page.shown(), ["m"]);
}

#[test]
fn a_filter_is_looked_at_again_when_a_delay_is_over() {
    let filter = r#"{"not":{"event":"bought"}}"#;
    let items = [message("m", filter, r#","delay_ms":5000"#)];
    for (buys, shows) in [(false, true), (true, false)] {
        let mut page = page_with(&Browser::default(), &items);
        page.log("viewed", at(1));
        if buys {
            page.log("bought", at(2));
        }
        page.client.tick(at(6));
        assert_eq!(!page.shown().is_empty(), shows, "{buys}");
    }
}

#[test]
fn what_can_not_be_told_yet_waits() {
    let browser = Browser::default();
    browser.disk.borrow_mut().without_filters = true;
    let first = r#"{"event":"viewed","count":{"at_most":1}}"#;
    let mut page = page_with(&browser, &[message("m", first, "")]);
    page.log("viewed", at(1));
    assert!(page.shown().is_empty());
    browser.disk.borrow_mut().without_filters = false;
    page.client.can_test(at(2));
    assert_eq!(page.shown(), ["m"]);
    // Also what was only to be shown later.
    let browser = Browser::default();
    let mut page = page_with(&browser, &[message("m", first, r#","delay_ms":5000"#)]);
    page.log("viewed", at(1));
    browser.disk.borrow_mut().without_filters = true;
    page.client.tick(at(6));
    assert!(page.shown().is_empty());
    browser.disk.borrow_mut().without_filters = false;
    page.client.tick(page.client.next_wake().unwrap());
    assert_eq!(page.shown(), ["m"]);
}

#[test]
fn signing_in_is_part_of_what_a_filter_sees() {
    let browser = Browser::default();
    let anonymous = message("m", r#"{"anonymous":true}"#, "");
    let mut page = page_with(&browser, std::slice::from_ref(&anonymous));
    page.log("viewed", at(1));
    assert_eq!(page.shown(), ["m"]);
    page.client.change_user(super::alice(), None, at(2));
    for sent in page.sent() {
        answer_with(&mut page, &sent, &set("a.0", std::slice::from_ref(&anonymous), 0), at(2));
    }
    for sent in page.sent() {
        answer_with(&mut page, &sent, &set("a.0", std::slice::from_ref(&anonymous), 0), at(2));
    }
    assert_eq!(page.client.held_messages().count(), 1);
    page.client.log(&call(&event("viewed")), at(100)).unwrap();
    assert!(page.shown().is_empty());
}
