//! Pages that hear at once what is recorded of their user elsewhere.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on has failed")]

use kindling_tests::{
    api::send,
    engine::Engine,
    server::{Server, campaign, workspace},
    stage::Stage,
    visitor::{Visitor, event},
    wait,
};
use reqwest::Method;
use serde_json::{Value, json};

/// Once an hour is never, in a test.
const OPTIONS: &str =
    "minimumIntervalBetweenTriggerActionsInSeconds: 0, flushIntervalInSeconds: 3600, enableLiveUpdates: true";

/// Which messages the page holds.
const HELD: &str = "return kindling.getHeldInAppMessages().map((message) => message.id)";
/// Whether the page has asked to be told.
const LISTENS: &str =
    "return performance.getEntriesByType('resource').some((entry) => entry.name.endsWith('/live.js'))";

async fn set(options: &str, script: &str) -> Stage {
    let segments = json!([
        {"id": "paying", "filter": {"event": "paid"}},
        {"id": "calling", "filter": {"event": "called"}},
    ]);
    let campaigns = json!([campaign("thanks", Some("paying"), "seen"), campaign("hello", Some("calling"), "seen")]);
    let server = Server::start(workspace("shop", segments, campaigns)).await;
    let script = format!("kindling.automaticallyShowInAppMessages(); {script}");
    Stage::set(server, Engine::Chromium, options, &script).await
}

async fn record(stage: &Stage, user: &str, name: &str, key: &str) {
    let api = stage.api();
    let request = api.management(Method::POST, &format!("/users/{user}/records")).header("idempotency-key", key);
    send(request.json(&json!({"records": [event(name)]}))).await.ok();
}

async fn expect_held(stage: &Stage, ids: Value) {
    wait::until("the page to hold its messages", async || (stage.browser.run(HELD).await == ids).then_some(())).await;
}

#[tokio::test]
async fn what_a_server_or_another_device_records_is_on_the_page_at_once() {
    let stage = set(OPTIONS, "kindling.changeUser('ada'); kindling.openSession();").await;
    stage.visit().await;
    stage.flush().await;
    assert_eq!(stage.browser.run(HELD).await, json!([]));
    stage.browser.until("the page to listen", LISTENS).await;

    record(&stage, "external_id:ada", "paid", "order-1").await;
    expect_held(&stage, json!(["thanks"])).await;
    stage.log("seen").await;
    stage.expect_shown("thanks").await;

    let mut phone = Visitor::new().signed_in("ada");
    stage.api().flush(phone.flush_of([event("called")])).await;
    // The impression of the first message went with that flush.
    expect_held(&stage, json!(["hello"])).await;

    // Another user is told of themselves.
    stage.browser.run("kindling.changeUser('bob')").await;
    stage.flush().await;
    expect_held(&stage, json!([])).await;
    record(&stage, "external_id:bob", "called", "call-1").await;
    expect_held(&stage, json!(["hello"])).await;
}

#[tokio::test]
async fn a_page_listens_again_when_the_server_is_back_and_has_missed_nothing() {
    let mut stage = set(OPTIONS, "kindling.changeUser('ada'); kindling.openSession();").await;
    stage.visit().await;
    stage.flush().await;
    stage.browser.until("the page to listen", LISTENS).await;
    stage.gate.shut();
    record(&stage, "external_id:ada", "paid", "order-1").await;
    stage.server.kill();
    stage.server.start_again().await;
    stage.open_gate();
    expect_held(&stage, json!(["thanks"])).await;
    record(&stage, "external_id:ada", "called", "call-1").await;
    expect_held(&stage, json!(["hello", "thanks"])).await;
}

#[tokio::test]
async fn nothing_of_it_is_loaded_where_it_is_not_wanted() {
    let stage = set("flushIntervalInSeconds: 3600", "kindling.openSession();").await;
    stage.visit().await;
    stage.flush().await;
    assert_eq!(stage.browser.run(LISTENS).await, false);
}
