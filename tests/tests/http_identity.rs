//! Who is who: anonymous visitors, signing in, merging, and several people on one device.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on has failed")]

use kindling_tests::{
    api::Api,
    server::{Server, empty_workspace, workspace},
    visitor::{Visitor, attribute, event},
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

async fn start() -> (Server, Api) {
    let server = Server::start(empty_workspace("shop")).await;
    let api = server.api();
    (server, api)
}

fn identified() -> Value {
    json!({"type": "identified"})
}

#[tokio::test]
async fn signing_in_on_a_new_id_keeps_the_history() {
    let (_server, api) = start().await;
    let mut visitor = Visitor::new();
    api.flush(visitor.flush_of([event("looked"), event("looked"), attribute("country", "DE")])).await;
    let before = api.user(&visitor.device_ref()).await;

    let mut member = visitor.signed_in("ada");
    api.flush(member.flush_of([identified(), event("looked")])).await;
    let after = api.user("external_id:ada").await;
    assert_eq!(after["id"], before["id"]);
    assert_eq!(after["events"]["looked"]["count"], 3);
    assert_eq!(after["events"]["looked"]["first_at"], before["events"]["looked"]["first_at"]);
    assert_eq!(after["attributes"], json!({"country": "DE"}));
    assert_eq!(after["devices"][0]["id"], visitor.device);
    assert_eq!(api.records("external_id:ada", 50).await.len(), 5);
}

#[tokio::test]
async fn signing_in_on_a_known_id_merges() {
    let (_server, api) = start().await;
    let mut phone = Visitor::new().signed_in("ada");
    api.flush(phone.flush_of([
        identified(),
        event("looked"),
        attribute("first_name", "Ada"),
        attribute("country", "DE"),
    ]))
    .await;
    let known = api.user("external_id:ada").await;

    let mut laptop = Visitor::new();
    let purchase = json!({"type": "purchase", "product_id": "mug", "price": 2.5, "currency": "EUR", "quantity": 2});
    let anonymous =
        [event("looked"), event("dreamt"), attribute("first_name", "A."), attribute("language", "en"), purchase];
    api.flush(laptop.flush_of(anonymous)).await;
    let gone = api.user(&laptop.device_ref()).await;
    assert_ne!(gone["id"], known["id"]);

    let mut signed_in = laptop.signed_in("ada");
    api.flush(signed_in.flush_of([identified()])).await;
    let merged = api.user("external_id:ada").await;
    assert_eq!(merged["id"], known["id"], "the known user survives");
    assert_eq!((&merged["events"]["looked"]["count"], &merged["events"]["dreamt"]["count"]), (&json!(2), &json!(1)));
    assert_eq!(merged["purchases"]["revenue"], json!({"EUR": 5}));
    // What the identified user said stands above what they said before signing in, although that came later.
    assert_eq!(merged["attributes"], json!({"first_name": "Ada", "country": "DE", "language": "en"}));
    let mut devices: Vec<&str> =
        merged["devices"].as_array().unwrap().iter().map(|d| d["id"].as_str().unwrap()).collect();
    devices.sort_unstable();
    assert_eq!(devices, [&*phone.device, &*laptop.device]);
    // Whoever still has the number that is gone finds the survivor, with the records of both.
    assert_eq!(api.user(&gone["id"].to_string()).await, merged);
    assert_eq!(api.user(&laptop.device_ref()).await, merged);
    assert_eq!(api.records("external_id:ada", 3).await.len(), 10);
}

#[tokio::test]
async fn late_records_of_an_anonymous_visitor_reach_who_they_turned_out_to_be() {
    let (_server, api) = start().await;
    let mut known = Visitor::new().signed_in("ada");
    api.flush(known.flush_of([identified()])).await;

    let mut visitor = Visitor::new();
    api.flush(visitor.flush_of([event("early")])).await;
    let mut other_page = visitor.on_another_page();
    let mut third_page = visitor.on_another_page();
    api.flush(visitor.signed_in("ada").flush_of([identified()])).await;
    // Other pages had something to say before they knew of it; one of them was never heard of.
    api.flush(visitor.flush_of([event("late")])).await;
    api.flush(other_page.flush_of([event("late"), attribute("home_city", "Jena")])).await;
    api.flush(third_page.flush_of([event("late")])).await;
    let user = api.user("external_id:ada").await;
    assert_eq!((&user["events"]["early"]["count"], &user["events"]["late"]["count"]), (&json!(1), &json!(3)));
    assert_eq!(user["attributes"], json!({"home_city": "Jena"}));
    assert_eq!(api.user(&visitor.device_ref()).await["id"], user["id"]);
}

#[tokio::test]
async fn the_order_in_which_streams_arrive_does_not_matter() {
    let (_server, api) = start().await;
    // Who signs in is heard of before the visitor they were.
    let mut visitor = Visitor::new();
    let before = visitor.flush_of([event("looked"), attribute("first_name", "A.")]);
    let mut member = visitor.signed_in("ada");
    api.flush(member.flush_of([identified(), attribute("first_name", "Ada")])).await;
    api.flush(before).await;
    let user = api.user("external_id:ada").await;
    assert_eq!(user["events"]["looked"]["count"], 1);
    assert_eq!(user["attributes"], json!({"first_name": "Ada"}));
    assert_eq!(api.user(&visitor.device_ref()).await["id"], user["id"]);
}

#[tokio::test]
async fn another_id_on_the_same_device_starts_fresh() {
    let (_server, api) = start().await;
    let mut visitor = Visitor::new();
    api.flush(visitor.flush_of([event("looked")])).await;
    let mut ada = visitor.signed_in("ada");
    api.flush(ada.flush_of([identified(), event("ada_was_here")])).await;
    let mut bob = ada.signed_in("bob");
    api.flush(bob.flush_of([identified(), event("bob_was_here")])).await;

    let (ada_user, bob_user) = (api.user("external_id:ada").await, api.user("external_id:bob").await);
    assert_ne!(ada_user["id"], bob_user["id"]);
    assert_eq!(ada_user["events"].as_object().unwrap().keys().collect::<Vec<_>>(), ["ada_was_here", "looked"]);
    assert_eq!(bob_user["events"].as_object().unwrap().keys().collect::<Vec<_>>(), ["bob_was_here"]);
    // A device belongs to whoever used it last; a late record of the other one still reaches them.
    assert_eq!(api.user(&visitor.device_ref()).await["id"], bob_user["id"]);
    api.flush(ada.flush_of([event("ada_was_here")])).await;
    assert_eq!(api.event_count("external_id:ada", "ada_was_here").await, 2);
    assert_eq!(api.event_count("external_id:bob", "ada_was_here").await, 0);
}

#[tokio::test]
async fn a_visitor_who_turned_out_to_be_somebody_is_not_given_to_anybody_else() {
    let (_server, api) = start().await;
    let mut visitor = Visitor::new();
    api.flush(visitor.flush_of([event("looked")])).await;
    api.flush(visitor.signed_in("ada").flush_of([identified()])).await;
    // The same anonymous id is claimed a second time.
    api.flush(visitor.signed_in("bob").flush_of([identified()])).await;
    assert_eq!(api.event_count("external_id:ada", "looked").await, 1);
    assert_eq!(api.event_count("external_id:bob", "looked").await, 0);
    assert_eq!(api.user("external_id:bob").await["events"], json!({}));
}

#[tokio::test]
async fn many_visitors_who_turn_out_to_be_one_are_merged_whatever_happens_at_once() {
    let segments = json!([{"id": "keen", "filter": {"event": "looked", "count": {"at_least": 40}}}]);
    let server = Server::start(workspace("shop", segments, json!([]))).await;
    let api = server.api();
    let mut requests = JoinSet::new();
    let visitors: Vec<Visitor> = (0..20).map(|_| Visitor::new()).collect();
    for visitor in &visitors {
        let mut pages = [visitor.clone(), visitor.on_another_page()];
        let mut member = visitor.signed_in("ada");
        let mut flushes: Vec<Value> = pages.iter_mut().map(|page| page.flush_of([event("looked")])).collect();
        flushes.push(member.flush_of([identified(), event("signed_in")]));
        for flush in flushes {
            let api = api.clone();
            requests.spawn(async move { api.flush(flush).await });
        }
    }
    requests.join_all().await;
    let user = api.user("external_id:ada").await;
    assert_eq!((&user["events"]["looked"]["count"], &user["events"]["signed_in"]["count"]), (&json!(40), &json!(20)));
    assert_eq!(user["segments"], json!(["keen"]));
    assert_eq!(user["devices"].as_array().unwrap().len(), 20);
    assert_eq!(api.records("external_id:ada", 500).await.len(), 80);
    for visitor in &visitors {
        assert_eq!(api.user(&visitor.device_ref()).await["id"], user["id"]);
    }
}
