//! What a site's own servers record for a user.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on has failed")]

use kindling_tests::{
    api::{Answer, Api, send},
    server::{Server, campaign, empty_workspace, workspace},
    visitor::{Visitor, attribute, event, new_uuid, now},
};
use reqwest::Method;
use serde_json::{Value, json};

async fn post(api: &Api, user: &str, key: &str, body: &Value) -> Answer {
    let request = api.management(Method::POST, &format!("/users/{user}/records")).header("idempotency-key", key);
    send(request.json(body)).await
}

fn order(price: f64) -> Value {
    json!({"type": "purchase", "product_id": "mug", "price": price, "currency": "EUR", "quantity": 1})
}

#[tokio::test]
async fn a_server_records_for_a_user_once_however_often_it_asks() {
    let mut server = Server::start(empty_workspace("shop")).await;
    let api = server.api();
    let records = json!({"records": [
        order(12.5),
        {"type": "custom_event", "name": "delivered", "at": now() - 86_400_000, "properties": {"by": "bike"}},
        attribute("first_name", "Ada"),
        {"type": "custom_attribute", "name": "orders", "op": "increment", "by": 1},
    ]});
    for _ in 0..2 {
        let answer = post(&api, "external_id:ada", "order-4711", &records).await.ok();
        assert_eq!(answer, json!({"acked": 4}));
    }
    server.kill();
    server.start_again().await;
    let api = server.api();
    assert_eq!(post(&api, "external_id:ada", "order-4711", &records).await.ok(), json!({"acked": 4}));

    let ada = api.user("external_id:ada").await;
    assert_eq!((&ada["purchases"]["count"], &ada["custom_attributes"]["orders"]), (&json!(1), &json!(1)), "{ada}");
    assert_eq!(ada["attributes"]["first_name"], "Ada");
    assert_eq!(ada["devices"], json!([]), "a server is none of her devices");
    let delivered = ada["events"]["delivered"]["last_at"].as_i64().unwrap();
    assert!((now() - delivered - 86_400_000).abs() < 60_000, "it happened when it says");
    let stored = api.records("external_id:ada", 10).await;
    assert_eq!(stored.len(), 4);
    assert!(stored.iter().all(|record| record["device"].is_null()), "{stored:?}");

    // The same key means another request for another user, and another key for the same.
    assert_eq!(post(&api, "external_id:bob", "order-4711", &records).await.ok(), json!({"acked": 4}));
    post(&api, "external_id:ada", "order-4712", &json!({"records": [order(1.0)]})).await.ok();
    assert_eq!(api.user("external_id:bob").await["purchases"]["count"], 1);
    assert_eq!(api.user("external_id:ada").await["purchases"]["count"], 2);
}

#[tokio::test]
async fn a_server_may_keep_a_queue_of_its_own() {
    let server = Server::start(empty_workspace("shop")).await;
    let api = server.api();
    let stream = new_uuid();
    let path = "/users/external_id:ada/records";
    let numbered = |seq: u64| json!({"seq": seq, "type": "custom_event", "name": "step"});
    let batch = |records: Value| json!({"stream": stream, "records": records});
    assert_eq!(api.post(path, &batch(json!([numbered(1), numbered(2)]))).await.ok(), json!({"acked": 2}));
    assert_eq!(api.post(path, &batch(json!([numbered(2), numbered(3)]))).await.ok(), json!({"acked": 3}));
    assert_eq!(api.event_count("external_id:ada", "step").await, 3);
    // A queue that two users share by mistake is two queues.
    let other = api.post("/users/external_id:bob/records", &batch(json!([numbered(1)]))).await.ok();
    assert_eq!(other, json!({"acked": 1}));
    assert_eq!(api.event_count("external_id:bob", "step").await, 1);
}

#[tokio::test]
async fn a_record_that_can_not_be_taken_is_rejected_alone() {
    let server = Server::start(empty_workspace("shop")).await;
    let api = server.api();
    let records = json!({"records": [
        event("kept"),
        {"type": "message_impression", "message": "hello"},
        {"type": "session_start", "session": new_uuid()},
        {"type": "identified"},
        {"type": "device", "os": "Windows"},
        order(-1.0),
        7,
        {},
        {"type": "custom_event", "name": "$no"},
        event("kept"),
    ]});
    let answer = post(&api, "external_id:ada", "k", &records).await.ok();
    let rejected: Vec<(u64, &str)> = answer["rejected"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rejected| (rejected["seq"].as_u64().unwrap(), rejected["code"].as_str().unwrap()))
        .collect();
    let wanted = [
        (2, "only_of_devices"),
        (3, "only_of_devices"),
        (4, "only_of_devices"),
        (5, "only_of_devices"),
        (6, "invalid_price"),
        (7, "malformed_record"),
        (8, "malformed_record"),
        (9, "invalid_name"),
    ];
    assert_eq!((answer["acked"].as_u64(), rejected.as_slice()), (Some(10), wanted.as_slice()));
    assert_eq!(api.event_count("external_id:ada", "kept").await, 2);
    assert_eq!(api.records("external_id:ada", 10).await.len(), 2);
}

#[tokio::test]
async fn a_user_is_found_by_every_name_but_must_have_signed_in() {
    let server = Server::start(empty_workspace("shop")).await;
    let api = server.api();
    let mut visitor = Visitor::new();
    let alias = json!({"type": "alias", "label": "crm", "name": "4711"});
    api.flush(visitor.flush_of([event("seen"), alias])).await;
    let device = visitor.device_ref();
    let records = json!({"records": [event("told")]});
    post(&api, &device, "a", &records).await.problem(409, "anonymous_user");
    post(&api, "alias:crm:nobody", "a", &records).await.problem(404, "not_found");
    let mut ada = visitor.signed_in("ada");
    api.flush(ada.flush_of([json!({"type": "identified"})])).await;
    let number = api.user("external_id:ada").await["id"].to_string();
    for (key, user) in [("a", device.as_str()), ("b", "alias:crm:4711"), ("c", &number)] {
        post(&api, user, key, &records).await.ok();
    }
    assert_eq!(api.event_count("external_id:ada", "told").await, 3);
}

#[tokio::test]
async fn a_request_that_is_wrong_as_a_whole_is_refused() {
    let server = Server::start(empty_workspace("shop")).await;
    let api = server.api();
    let path = "/users/external_id:ada/records";
    let one = json!({"records": [event("x")]});
    api.post(path, &one).await.problem(400, "no_idempotency_key");
    post(&api, "external_id:ada", "", &one).await.problem(400, "no_idempotency_key");
    post(&api, "external_id:ada", &"k".repeat(256), &one).await.problem(400, "no_idempotency_key");
    let both = json!({"stream": new_uuid(), "records": []});
    post(&api, "external_id:ada", "k", &both).await.problem(400, "no_idempotency_key");
    for body in [json!({}), json!([]), json!({"records": [], "more": 1}), json!({"records": {}})] {
        post(&api, "external_id:ada", "k", &body).await.problem(400, "not_records");
    }
    let numbered = json!({"records": [{"seq": 1, "type": "custom_event", "name": "x"}]});
    post(&api, "external_id:ada", "k", &numbered).await.problem(400, "not_records");
    api.post(path, &json!({"stream": new_uuid(), "records": [event("x")]})).await.problem(400, "no_seq");
    let many = json!({"records": vec![event("x"); 501]});
    post(&api, "external_id:ada", "k", &many).await.problem(413, "too_many_records");
    post(&api.with_keys("pk_shop", "sk_wrong"), "external_id:ada", "k", &one).await.problem(401, "unknown_key");
    assert!(api.find_user("external_id:ada").await.is_none(), "nothing of it made a user");
    assert_eq!(post(&api, "external_id:ada", "k", &json!({"records": []})).await.ok(), json!({"acked": 0}));
}

#[tokio::test]
async fn what_a_server_records_makes_messages_eligible() {
    let buyers = json!([{"id": "buyers", "filter": {"event": "paid"}}]);
    let campaigns = json!([campaign("thanks", Some("buyers"), "seen")]);
    let server = Server::start(workspace("shop", buyers, campaigns)).await;
    let api = server.api();
    let mut ada = Visitor::new().signed_in("ada");
    ada.messages = Some(String::new());
    assert_eq!(api.flush(ada.flush_of([event("seen")])).await["messages"], Value::Null);
    post(&api, "external_id:ada", "paid-1", &json!({"records": [event("paid")]})).await.ok();
    let answer = api.flush(ada.flush(Vec::new())).await;
    assert_eq!(answer["messages"]["items"][0]["id"], "thanks");
}
