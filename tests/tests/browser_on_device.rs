//! Filters that the device evaluates: who enters a segment without a network sees its message at once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on has failed")]

use kindling_tests::{
    engine::Engine,
    server::{Server, campaign, workspace},
    shown::{SHOWN, part},
    stage::Stage,
};
use serde_json::{Value, json};

/// A campaign whose message an event shows to those of whom the filter holds.
fn on_device(id: &str, event: &str, filter: Value) -> Value {
    let mut campaign = campaign(id, None, event);
    campaign["filter"] = filter;
    campaign["evaluate"] = json!("device");
    campaign
}

#[tokio::test]
async fn who_enters_a_segment_without_a_network_sees_its_message_at_once() {
    let thrice = json!({"all": [
        {"event": "viewed", "count": {"exactly": 3}, "within": "1h"},
        {"custom_attribute": "plan", "is": "gold"},
        {"anonymous": true},
    ]});
    let campaigns = json!([on_device("thrice", "viewed", thrice), on_device("anybody", "asked", json!({"all": []}))]);
    let server = Server::start(workspace("shop", json!([]), campaigns)).await;
    let options = "minimumIntervalBetweenTriggerActionsInSeconds: 0, flushIntervalInSeconds: 600";
    let stage = Stage::set(server, Engine::Chromium, options, "kindling.automaticallyShowInAppMessages();").await;
    let user = stage.visit().await;
    // The first is acknowledged: the server says so, and the queue does not.
    stage.log("viewed").await;
    stage.get_messages().await;
    stage.expect_empty_queue().await;
    // What filters are evaluated by is there when the first of them has been.
    stage.log("asked").await;
    stage.expect_shown("anybody").await;
    stage.browser.click_what(&part(".close")).await;
    stage.expect_gone().await;

    stage.gate.shut();
    stage.log("viewed").await;
    assert_eq!(stage.browser.run(SHOWN).await, Value::Null);
    // On the next page, which has no network either.
    stage.visit().await;
    stage.log("asked").await;
    let said = stage.browser.run("return kindling.getUser().setCustomUserAttribute('plan', 'gold')").await;
    assert_eq!(said, true);
    stage.log("viewed").await;
    stage.expect_shown("thrice").await;
    stage.browser.click_what(&part(".close")).await;
    stage.expect_gone().await;

    stage.open_gate();
    stage.flush().await;
    stage.expect_empty_queue().await;
    assert_eq!(stage.message_counts("thrice").await[0], 1);
    let decisions = stage.api().get(&format!("/users/{user}/decisions")).await.json();
    let of = |id: &str| decisions["decisions"].as_array().unwrap().iter().find(|d| d["campaign"] == id).cloned();
    assert_eq!(of("thrice").unwrap()["verdict"], "seen", "{decisions}");
    // Nobody is in it who did it four times, nor did the server lose count.
    let counted = stage.api().get(&format!("/users/{user}")).await.json();
    assert_eq!(counted["events"]["viewed"]["count"], 3, "{counted}");
}
