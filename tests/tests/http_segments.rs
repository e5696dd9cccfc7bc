//! Segments that are live, and the messages that a flush's answer carries because of them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on has failed")]

use kindling_tests::{
    api::Api,
    server::{Server, campaign, workspace},
    visitor::{Visitor, attribute, event, now},
    wait,
};
use serde_json::{Value, json};

async fn start(segments: Value, campaigns: Value) -> (Server, Api) {
    let server = Server::start(workspace("shop", segments, campaigns)).await;
    let api = server.api();
    (server, api)
}

/// The ids of the messages in an answer; `None` if it carries no set of messages.
fn messages(answer: &Value) -> Option<Vec<&str>> {
    let items = answer["messages"]["items"].as_array()?;
    Some(items.iter().map(|item| item["id"].as_str().unwrap()).collect())
}

#[tokio::test]
async fn membership_is_there_with_the_answer() {
    let segments = json!([
        {"id": "builders", "filter": {"event": "added", "count": {"at_least": 2}, "within": "7d"}},
        {"id": "germans", "filter": {"attribute": "country", "is": "DE"}},
        {"id": "rich", "filter": {"custom_attribute": "points", "greater": 100}},
        {"id": "strangers", "filter": {"not": {"attribute": "email", "exists": true}}},
        {"id": "both", "filter": {"all": [{"attribute": "country", "in": ["DE", "AT"]}, {"event": "added"}]}},
    ]);
    let (_server, api) = start(segments, json!([])).await;
    let mut visitor = Visitor::new();
    let points = |by: i64| json!({"type": "custom_attribute", "name": "points", "op": "increment", "by": by});
    let nothing = json!({"type": "attribute", "name": "country", "value": null});
    for (record, segments) in [
        (event("added"), json!(["strangers"])),
        (attribute("country", "DE"), json!(["both", "germans", "strangers"])),
        (event("added"), json!(["both", "builders", "germans", "strangers"])),
        (points(100), json!(["both", "builders", "germans", "strangers"])),
        (points(1), json!(["both", "builders", "germans", "rich", "strangers"])),
        (attribute("email", "a@b"), json!(["both", "builders", "germans", "rich"])),
        (nothing, json!(["builders", "rich"])),
        (points(-1), json!(["builders"])),
    ] {
        api.flush(visitor.flush_of([record.clone()])).await;
        assert_eq!(api.user(&visitor.device_ref()).await["segments"], segments, "after {record}");
    }
}

#[tokio::test]
async fn membership_with_a_window_ends_by_itself() {
    let segments = json!([
        {"id": "now", "filter": {"event": "looked", "count": {"at_least": 2}, "within": "2s"}},
        {"id": "rested", "filter": {"all": [{"event": "looked"}, {"not": {"event": "looked", "within": "2s"}}]}},
    ]);
    let (_server, api) = start(segments, json!([campaign("hurry", Some("now"), "looked")])).await;
    let mut visitor = Visitor::new();
    visitor.messages = Some(String::new());
    let answer = api.flush(visitor.flush_of([event("looked"), event("looked")])).await;
    assert_eq!(messages(&answer), Some(vec!["hurry"]));
    let answered_at = now();
    let left_at = wait::until("the end of the window", async || {
        let segments = api.user(&visitor.device_ref()).await["segments"].clone();
        if segments == json!(["rested"]) {
            return Some(now());
        }
        assert_eq!(segments, json!(["now"]));
        None
    })
    .await;
    assert!(left_at - answered_at >= 1_500, "it ended after {} ms", left_at - answered_at);
    // No record came; still the device is told that the message is no longer meant for it.
    visitor.messages = answer["messages"]["version"].as_str().map(ToOwned::to_owned);
    let answer = api.flush(visitor.flush(vec![])).await;
    assert_eq!(messages(&answer), Some(vec![]));
    visitor.messages = answer["messages"]["version"].as_str().map(ToOwned::to_owned);
    assert_eq!(messages(&api.flush(visitor.flush(vec![])).await), None);
}

#[tokio::test]
async fn what_happened_long_ago_is_outside_of_the_window() {
    let segments = json!([{"id": "week", "filter": {"event": "looked", "count": {"at_least": 2}, "within": "7d"}}]);
    let (_server, api) = start(segments, json!([])).await;
    let mut visitor = Visitor::new();
    let looked = |days: i64| {
        let mut record = event("looked");
        record["at"] = json!(now() - days * 86_400_000);
        record
    };
    let segments = async |visitor: &Visitor| api.user(&visitor.device_ref()).await["segments"].clone();
    api.flush(visitor.flush_of([looked(8), looked(9), looked(10), looked(1)])).await;
    assert_eq!(segments(&visitor).await, json!([]));
    // A record that was long on its way counts by when it happened.
    api.flush(visitor.flush_of([looked(6)])).await;
    assert_eq!(segments(&visitor).await, json!(["week"]));
}

#[tokio::test]
async fn messages_come_with_an_answer_only_when_they_differ() {
    let segments = json!([{"id": "builders", "filter": {"event": "added", "count": {"at_least": 2}}}]);
    let mut first = campaign("first", Some("builders"), "added");
    first["priority"] = json!(10);
    let mut paused = campaign("paused", None, "added");
    paused["status"] = json!("paused");
    let mut over = campaign("over", None, "added");
    over["ends_at"] = json!(now() - 1);
    let mut later = campaign("later", None, "added");
    later["starts_at"] = json!(now() + 3_600_000);
    let campaigns = json!([campaign("everybody", None, "added"), first, paused, over, later]);
    let (_server, api) = start(segments, campaigns).await;

    let mut visitor = Visitor::new();
    let answer = api.flush(visitor.flush_of([event("added")])).await;
    assert_eq!(messages(&answer), None, "it did not ask for messages");
    visitor.messages = Some(String::new());
    let answer = api.flush(visitor.flush(vec![])).await;
    assert_eq!(messages(&answer), Some(vec!["everybody"]));
    let message = &answer["messages"]["items"][0];
    assert_eq!(message["trigger"], json!({"type": "custom_event", "name": "added"}));
    assert_eq!(message["content"]["body"], "Body of everybody");

    visitor.messages = answer["messages"]["version"].as_str().map(ToOwned::to_owned);
    assert_eq!(messages(&api.flush(visitor.flush(vec![])).await), None, "it has them");
    // The very flush that makes the visitor a member brings the message.
    let flush = visitor.flush_of([event("added")]);
    let answer = api.flush(flush.clone()).await;
    assert_eq!(messages(&answer), Some(vec!["first", "everybody"]));
    // If that answer is lost, the repeated flush brings it again.
    assert_eq!(messages(&api.flush(flush).await), Some(vec!["first", "everybody"]));
    visitor.messages = answer["messages"]["version"].as_str().map(ToOwned::to_owned);
    assert_eq!(messages(&api.flush(visitor.flush_of([event("added")])).await), None);
}

#[tokio::test]
async fn a_message_that_was_seen_is_not_offered_again() {
    let mut again = campaign("again", None, "added");
    again["repeat_after"] = json!("1d");
    let (_server, api) = start(json!([]), json!([campaign("once", None, "added"), again])).await;
    let mut visitor = Visitor::new().signed_in("ada");
    visitor.messages = Some(String::new());
    let answer = api.flush(visitor.flush_of([event("added")])).await;
    assert_eq!(messages(&answer), Some(vec!["again", "once"]));
    let seen = |message: &str| json!({"type": "message_impression", "message": message});
    let answer = api.flush(visitor.flush_of([seen("once"), seen("again")])).await;
    assert_eq!(messages(&answer), Some(vec!["again"]));
    // Nor on another device of the same user.
    let mut other = Visitor::new().signed_in("ada");
    other.messages = Some(String::new());
    assert_eq!(messages(&api.flush(other.flush_of([event("added")])).await), Some(vec!["again"]));
    let user = api.user("external_id:ada").await;
    assert_eq!(user["messages"]["once"]["impressions"]["count"], 1);
}

#[tokio::test]
async fn a_merge_brings_segments_and_messages_up_to_date() {
    let segments = json!([{"id": "builders", "filter": {"event": "added", "count": {"at_least": 2}, "within": "1h"}}]);
    let (_server, api) = start(segments, json!([campaign("hello", Some("builders"), "added")])).await;
    let mut known = Visitor::new().signed_in("ada");
    api.flush(known.flush_of([event("added")])).await;
    let mut visitor = Visitor::new();
    visitor.messages = Some(String::new());
    assert_eq!(messages(&api.flush(visitor.flush_of([event("added")])).await), None);
    let mut member = visitor.signed_in("ada");
    let answer = api.flush(member.flush_of([json!({"type": "identified"})])).await;
    assert_eq!(messages(&answer), Some(vec!["hello"]));
    assert_eq!(api.user("external_id:ada").await["segments"], json!(["builders"]));
}
