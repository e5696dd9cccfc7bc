//! Messages that say what triggered them, and messages that somebody wants to see.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on has failed")]

use kindling_tests::{
    server::{campaign, workspace},
    stage::Stage,
    wait,
};
use serde_json::{Value, json};

async fn set(campaigns: Value, options: &str) -> Stage {
    Stage::with_messages(workspace("shop", json!([]), campaigns), options).await
}

fn saying(id: &str, event: &str, message: Value) -> Value {
    let mut campaign = campaign(id, None, event);
    campaign["message"] = message;
    campaign
}

/// What the message that is shown says, and where its button leads to.
const SAID: &str = "const root = document.querySelector('kindling-message')?.shadowRoot;
    return root ? root.querySelector('p').textContent : null;";

async fn expect_said(stage: &Stage, text: &str) {
    let said = async || (stage.browser.run(SAID).await == text).then_some(());
    wait::until(&format!("a message that says {text}"), said).await;
}

fn log(name: &str, properties: Value) -> String {
    format!("return kindling.logCustomEvent('{name}', {properties});")
}

#[tokio::test]
async fn what_a_device_can_put_in_is_shown_without_a_network() {
    let message = json!({
        "type": "modal", "header": "{{ user.first_name | default: 'friend' }}",
        "body": "{{ event.name }}: {{ event.properties.product.name | default: 'it' }} for {{ event.properties.price }}",
        "buttons": [{"id": "go", "text": "Go to {{ event.properties.product.name }}",
            "click_action": {"type": "open_url", "url": "#/p?of={{ event.properties.product.name }}"}}],
    });
    let mut told = saying("told", "added", message);
    told["repeat_after"] = json!("1s");
    let stage = set(json!([told]), "").await;
    stage
        .browser
        .until(
            "what completes messages to be there",
            "return performance.getEntriesByType('resource')
        .some((entry) => entry.name.endsWith('/render.js') && entry.responseEnd > 0)",
        )
        .await;
    stage.gate.shut();
    let mug = json!({"product": {"name": "mug & <b>co</b>"}, "price": 12.5});
    stage.browser.run(&log("added", mug)).await;
    expect_said(&stage, "added: mug & <b>co</b> for 12.5").await;
    let parts = stage
        .browser
        .run(
            "const root = document.querySelector('kindling-message').shadowRoot;
        return [root.querySelector('h2').textContent, root.querySelector('button.action').textContent];",
        )
        .await;
    assert_eq!(parts, json!(["friend", "Go to mug & <b>co</b>"]));
    let button = kindling_tests::shown::part("button.action");
    stage.browser.click_what(&button).await;
    stage
        .browser
        .until("the page that the button leads to", "return location.hash === '#/p?of=mug%20%26%20%3Cb%3Eco%3C%2Fb%3E'")
        .await;
    // When it may be shown again, which is a second later.
    wait::until("the message again", async || {
        stage.browser.run(&log("added", json!({}))).await;
        (stage.browser.run(SAID).await == "added: it for ").then_some(())
    })
    .await;
    stage.open_gate();
    stage.flush().await;
    assert_eq!(stage.message_counts("told").await, [json!(2), json!(1)]);
}

#[tokio::test]
async fn what_the_server_has_to_put_in_is_asked_for_and_waits_for_a_network() {
    let body = "{% if event.properties.price > 10 %}{{ event.properties.product | upcase }}{% else %}{% abort_message 'cheap' %}{% endif %}";
    let stage = set(json!([saying("asked", "added", json!({"type": "modal", "body": body}))]), "").await;
    stage.gate.shut();
    let logged = "const logs = []; kindling.setLogger((line) => logs.push(line)); window.logs = logs;";
    stage.browser.run(logged).await;
    stage.browser.run(&log("added", json!({"product": "mug", "price": 18}))).await;
    let refused = "return window.logs.some((line) => line.includes('asked could not be completed'))";
    stage.browser.until("it to be given up", refused).await;
    assert_eq!(stage.browser.run(SAID).await, Value::Null, "without a network it is not shown");
    stage.open_gate();
    stage.browser.run("window.logs.length = 0").await;
    stage.browser.run(&log("added", json!({"product": "mug", "price": 9}))).await;
    stage.browser.until("it to be given up", refused).await;
    stage.browser.run(&log("added", json!({"product": "mug", "price": 18}))).await;
    expect_said(&stage, "MUG").await;
    stage.flush().await;
    assert_eq!(stage.message_counts("asked").await, [json!(1), json!(0)]);
}

#[tokio::test]
async fn a_page_that_says_nothing_of_events_loads_nothing_for_it() {
    let stage = set(json!([campaign("plain", None, "seen")]), "").await;
    stage.log("seen").await;
    stage.expect_shown("plain").await;
    let loaded = "return performance.getEntriesByType('resource').some((entry) => entry.name.endsWith('/render.js'))";
    assert_eq!(stage.browser.run(loaded).await, false);
}

#[tokio::test]
async fn a_test_send_is_seen_at_once_on_a_page_that_hears_of_it() {
    let mut draft = saying("draft", "never", json!({"type": "modal", "body": "Only a test"}));
    draft["status"] = json!("draft");
    let stage = set(json!([draft]), "enableLiveUpdates: true, flushIntervalInSeconds: 3600").await;
    let visitor = stage.visitor().await;
    stage
        .browser
        .until(
            "the page to listen",
            "return performance.getEntriesByType('resource')
        .some((entry) => entry.name.endsWith('/live.js'))",
        )
        .await;
    let sent = stage.api().post("/campaigns/draft/test", &json!({"user": visitor})).await.ok();
    assert!(sent["id"].as_str().unwrap().starts_with("kindling-test-"));
    expect_said(&stage, "Only a test").await;
    stage.flush().await;
    let profile = stage.api().user(&visitor).await;
    assert_eq!(profile["messages"], json!({}), "{profile}");
    // Neither on the next page.
    stage.visit().await;
    stage.flush().await;
    assert_eq!(stage.browser.run(SAID).await, Value::Null);
}
