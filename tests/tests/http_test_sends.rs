//! Messages that somebody wants to see on a user's devices.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on has failed")]

use kindling_tests::{
    server::{Server, campaign, workspace},
    visitor::{Visitor, attribute, event},
};
use serde_json::{Value, json};

/// A campaign that reaches nobody: a draft for a segment that nobody is in, of which half are the control group.
fn draft() -> Value {
    let mut campaign = campaign("hello", Some("nobody"), "seen");
    let message =
        json!({"type": "modal", "body": "Hi {{ user.first_name }}, {{ event.properties.product | default: 'thing' }}"});
    campaign.as_object_mut().unwrap().remove("message");
    campaign["status"] = json!("draft");
    campaign["variants"] = json!([
        {"id": "control", "percentage": 50, "control": true},
        {"id": "short", "percentage": 25, "message": message},
        {"id": "long", "percentage": 25, "message": {"type": "modal", "body": "Hello, and welcome"}},
    ]);
    campaign
}

async fn start() -> Server {
    let nobody = json!([{"id": "nobody", "filter": {"event": "never"}}]);
    Server::start(workspace("shop", nobody, json!([draft()]))).await
}

fn tests(answer: &Value) -> Vec<&str> {
    let tests = answer["tests"].as_array().map(Vec::as_slice).unwrap_or_default();
    tests.iter().map(|test| test["content"]["body"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_test_comes_with_the_next_flush_until_it_is_seen_and_counts_nowhere() {
    let server = start().await;
    let api = server.api();
    let mut ada = Visitor::new().signed_in("ada");
    ada.messages = Some(String::new());
    api.flush(ada.flush_of([attribute("first_name", "Ada")])).await;
    let sent = api.post("/campaigns/hello/test", &json!({"user": "external_id:ada"})).await.ok();
    assert_eq!(sent["variant"], "short");
    let id = sent["id"].as_str().unwrap();
    assert!(id.starts_with("kindling-test-"), "{sent}");
    api.post("/campaigns/hello/test", &json!({"user": "external_id:ada", "variant": "long"})).await.ok();

    let answer = api.flush(ada.flush(Vec::new())).await;
    assert_eq!(tests(&answer), ["Hi Ada, thing", "Hello, and welcome"]);
    assert_eq!((&answer["tests"][0]["id"], &answer["messages"]), (&json!(id), &Value::Null));
    // Her phone as well, another page that wants no messages not, and nobody else.
    let mut phone = Visitor::new().signed_in("ada");
    assert!(tests(&api.flush(phone.flush(Vec::new())).await).is_empty());
    phone.messages = Some(String::new());
    assert_eq!(tests(&api.flush(phone.flush(Vec::new())).await).len(), 2);
    let mut bob = Visitor::new().signed_in("bob");
    bob.messages = Some(String::new());
    assert!(tests(&api.flush(bob.flush_of([event("seen")])).await).is_empty());

    let done = |kind: &str| json!({"type": kind, "message": id});
    let records = [done("message_impression"), done("message_click"), done("message_dismissal")];
    let answer = api.flush(ada.flush_of(records)).await;
    assert_eq!((&answer["acked"], &answer["rejected"]), (&json!(4), &Value::Null));
    assert_eq!(tests(&answer), ["Hello, and welcome"], "once it was seen");
    assert_eq!(tests(&api.flush(phone.flush(Vec::new())).await), ["Hello, and welcome"]);
    let profile = api.user("external_id:ada").await;
    assert_eq!(profile["messages"], json!({}), "{profile}");
    assert_eq!(api.records("external_id:ada", 10).await.len(), 4, "the log has what was sent");
    let decisions = api.get("/users/external_id:ada/decisions").await.ok();
    assert_eq!(decisions["decisions"][0]["verdict"], "draft");
}

#[tokio::test]
async fn a_visitor_is_reached_on_the_device_that_is_named() {
    let server = start().await;
    let api = server.api();
    let mut visitor = Visitor::new();
    visitor.messages = Some(String::new());
    api.flush(visitor.flush_of([event("seen")])).await;
    api.post("/campaigns/hello/test", &json!({"user": visitor.device_ref()})).await.ok();
    let mut ada = visitor.signed_in("ada");
    ada.messages = Some(String::new());
    assert_eq!(tests(&api.flush(visitor.flush(Vec::new())).await), ["Hi , thing"]);
    assert!(tests(&api.flush(ada.flush_of([json!({"type": "identified"})])).await).is_empty());
}

#[tokio::test]
async fn what_can_not_be_shown_is_said() {
    let server = start().await;
    let api = server.api();
    let mut ada = Visitor::new().signed_in("ada");
    api.flush(ada.flush_of([event("seen")])).await;
    let test = async |campaign: &str, body: Value| api.post(&format!("/campaigns/{campaign}/test"), &body).await;
    let user = "external_id:ada";
    test("other", json!({"user": user})).await.problem(404, "not_found");
    test("hello", json!({"user": "external_id:eve"})).await.problem(404, "not_found");
    test("hello", json!({"user": user, "variant": "b"})).await.problem(404, "not_found");
    test("hello", json!({"user": user, "variant": "control"})).await.problem(400, "control");
    test("hello", json!({"user": "ada"})).await.problem(400, "invalid_user");
    let problem = test("hello", json!({"user": user, "segment": "x"})).await.problem(422, "invalid_definition");
    assert_eq!(problem["path"], "$.segment");
    test("hello", json!({})).await.problem(422, "invalid_definition");
    let mut aborting = draft();
    aborting["variants"][1]["message"]["body"] = json!("{% abort_message 'never' %}");
    aborting.as_object_mut().unwrap().remove("id");
    api.put("/campaigns/hello", &aborting).await.ok();
    assert_eq!(test("hello", json!({"user": user})).await.problem(422, "aborted")["detail"], "never");
    // No campaign can be taken for a test.
    let mut mine = campaign("kindling-test-1", None, "seen");
    mine.as_object_mut().unwrap().remove("id");
    api.put("/campaigns/kindling-test-1", &mine).await.problem(422, "invalid_definition");
}
