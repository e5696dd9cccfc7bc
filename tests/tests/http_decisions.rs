//! Why somebody gets a message, and why not: of each campaign, for one user.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on has failed")]

use kindling_tests::{
    server::{Server, campaign, workspace},
    visitor::{Visitor, event, now},
};
use serde_json::{Value, json};

/// The decision about a campaign.
fn about<'a>(answer: &'a Value, id: &str) -> &'a Value {
    let decisions = answer["decisions"].as_array().unwrap();
    decisions.iter().find(|decision| decision["campaign"] == id).unwrap_or_else(|| panic!("{id} in {answer}"))
}

#[tokio::test]
async fn each_campaign_has_its_reason() {
    let with = |id: &str, segment: Option<&str>, more: Value| {
        let mut campaign = campaign(id, segment, "seen");
        more.as_object().unwrap().iter().for_each(|(name, value)| campaign[name] = value.clone());
        campaign
    };
    let end = now() + 86_400_000;
    let campaigns = json!([
        with("waiting", None, json!({"name": "It waits"})),
        with("draft", None, json!({"status": "draft"})),
        with("paused", None, json!({"status": "paused"})),
        with("archived", None, json!({"status": "archived"})),
        with("early", None, json!({"starts_at": now() + 86_400_000})),
        with("late", None, json!({"ends_at": 1_000})),
        with("others", Some("buyers"), json!({})),
        with("once", None, json!({"priority": 7})),
        with("again", None, json!({"repeat_after": "7d", "priority": 9, "ends_at": end})),
    ]);
    let buyers = json!([{"id": "buyers", "filter": {"all": [{"event": "seen"}, {"event": "bought", "within": "7d"}]}}]);
    let server = Server::start(workspace("shop", buyers, campaigns)).await;
    let api = server.api();
    let mut visitor = Visitor::new();
    let impression = |id: &str| json!({"type": "message_impression", "message": id});
    let seen_at = now();
    api.flush(visitor.flush_of([event("seen"), impression("once"), impression("again")])).await;
    let path = format!("/users/{}/decisions", visitor.device_ref());
    let answer = api.get(&path).await.json();

    let verdict = |id: &str| about(&answer, id)["verdict"].as_str().unwrap().to_owned();
    let wanted = [
        ("waiting", "waiting_for_trigger"),
        ("draft", "draft"),
        ("paused", "paused"),
        ("archived", "archived"),
        ("early", "not_started"),
        ("late", "ended"),
        ("others", "not_in_segment"),
        ("once", "seen"),
        ("again", "resting"),
    ];
    for (id, wanted) in wanted {
        assert_eq!(verdict(id), wanted, "{id}");
        assert!(about(&answer, id)["reason"].as_str().unwrap().len() > 10, "{id}");
    }
    assert_eq!(about(&answer, "waiting")["name"], "It waits");
    assert_eq!(answer["decisions"][0]["campaign"], "again", "those first that a device would rather have");
    assert_eq!(about(&answer, "late")["ended_at"], 1_000);
    let again = about(&answer, "again");
    let pause = again["again_at"].as_i64().unwrap() - again["seen_at"].as_i64().unwrap();
    assert_eq!(pause, 7 * 86_400_000);
    assert!((about(&answer, "once")["seen_at"].as_i64().unwrap() - seen_at).abs() < 60_000, "{answer}");

    // Which condition it is that does not hold.
    let others = about(&answer, "others");
    let parts: Vec<bool> =
        others["explanation"]["parts"].as_array().unwrap().iter().map(|part| part["matches"] == true).collect();
    assert_eq!((&others["segment"], parts), (&json!("buyers"), vec![true, false]), "{others}");

    visitor.messages = Some(String::new());
    // The answer to a flush carries the messages that are said to be sent.
    let flush = api.flush(visitor.flush_of([event("bought")])).await;
    let sent: Vec<&str> =
        flush["messages"]["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect();
    assert_eq!(sent, ["again", "others", "waiting"]);
    assert_eq!(flush["messages"]["items"][0]["expires_at"], end, "the device must know when it is over");
    assert_eq!(about(&api.get(&path).await.json(), "others")["verdict"], "waiting_for_trigger");
    api.get("/users/external_id:nobody/decisions").await.problem(404, "not_found");
}

#[tokio::test]
async fn what_a_device_can_not_hold_is_crowded_out() {
    let campaigns: Vec<Value> = (0..103).map(|n| campaign(&format!("c{n:03}"), None, "seen")).collect();
    let server = Server::start(workspace("shop", json!([]), json!(campaigns))).await;
    let api = server.api();
    let mut visitor = Visitor::new();
    api.flush(visitor.flush_of([event("seen")])).await;
    let answer = api.get(&format!("/users/{}/decisions", visitor.device_ref())).await.json();
    let verdicts: Vec<&str> =
        answer["decisions"].as_array().unwrap().iter().map(|decision| decision["verdict"].as_str().unwrap()).collect();
    assert!(verdicts[..100].iter().all(|verdict| *verdict == "waiting_for_trigger"));
    assert_eq!(verdicts[100..], ["crowded"; 3]);
    assert_eq!(about(&answer, "c102")["held"], 100);
}
