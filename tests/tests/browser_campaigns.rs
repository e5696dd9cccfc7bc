//! What a page does with what campaigns say of when and to whom: without a network, over pages, and for the control group.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on has failed")]

use kindling_tests::{
    server::{campaign, workspace},
    shown::{SHOWN, part},
    stage::Stage,
    wait,
};
use serde_json::{Value, json};

async fn set(campaigns: Value, settings: Value) -> Stage {
    let mut definitions = workspace("shop", json!([]), campaigns);
    definitions["settings"] = settings;
    Stage::with_messages(definitions, "").await
}

#[tokio::test]
async fn without_a_network_a_message_is_seen_and_clicked_once_and_the_cap_holds() {
    let mut first = campaign("first", None, "seen");
    first["message"]["buttons"] = json!([{"id": "go", "text": "Go", "click_action": {"type": "close"}}]);
    let campaigns = json!([first, campaign("second", None, "looked")]);
    let stage = set(campaigns, json!({"frequency_caps": [{"count": 1, "per": "1d"}]})).await;
    stage.gate.shut();
    stage.log("seen").await;
    stage.expect_shown("first").await;
    stage.browser.click_what(&part(".action")).await;
    stage.expect_gone().await;
    stage.log("looked").await;
    assert_eq!(stage.browser.run(SHOWN).await, Value::Null, "one a day is enough");
    stage.visit().await;
    stage.log("looked").await;
    assert_eq!(stage.browser.run(SHOWN).await, Value::Null, "also on the next page, which has heard of no server");

    // The server takes it all, and the device does not hear of that: it sends it again.
    stage.gate.lose_answers(&stage.api().url);
    stage.browser.run("kindling.requestImmediateDataFlush()").await;
    wait::until("a lost answer", async || (stage.gate.lost_answers() > 0).then_some(())).await;
    stage.open_gate();
    stage.flush().await;
    assert_eq!(stage.message_counts("first").await, [json!(1), json!(1)]);
    let decisions = stage.api().get(&format!("/users/{}/decisions", stage.visitor().await)).await.json();
    let verdicts: Vec<&Value> = decisions["decisions"].as_array().unwrap().iter().map(|d| &d["verdict"]).collect();
    assert_eq!(verdicts, ["seen", "capped"], "{decisions}");
}

#[tokio::test]
async fn a_delay_goes_on_while_the_visitor_goes_from_page_to_page() {
    let mut later = campaign("later", None, "seen");
    later["delay"] = json!("1s");
    let stage = set(json!([later]), json!({})).await;
    stage.log("seen").await;
    stage.visit().await;
    stage.expect_shown("later").await;
}

#[tokio::test]
async fn the_control_group_counts_and_sees_nothing() {
    let mut split = campaign("split", None, "seen");
    let message = split.as_object_mut().unwrap().remove("message").unwrap();
    split["variants"] = json!([
        {"id": "shown", "percentage": 0, "message": message},
        {"id": "none", "percentage": 100, "control": true},
    ]);
    let stage = set(json!([split]), json!({})).await;
    stage.log("seen").await;
    stage.flush().await;
    assert_eq!(stage.browser.run(SHOWN).await, Value::Null);
    assert_eq!(stage.message_counts("split").await, [json!(1), json!(0)]);
    let records = stage.api().records(&stage.visitor().await, 50).await;
    let impression = records.iter().find(|record| record["type"] == "message_impression").unwrap();
    assert_eq!(impression["variant"], "none");
}
