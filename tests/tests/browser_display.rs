//! Drawing messages: the file that does it, and what it does with each type.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on has failed")]

use kindling_tests::{
    browser::Browser,
    gate::Gate,
    server::{Server, campaign, workspace},
    shown::SHOWN,
    site::Pages,
    stage::{flush, start, visitor},
    wait,
};
use serde_json::{Value, json};

/// How often a page has loaded what draws messages.
const LOADED: &str =
    "return performance.getEntriesByType('resource').filter((entry) => entry.name.endsWith('/display.js')
    && entry.responseStatus === 200).length;";

/// A server with one campaign for those who have arrived, and a page behind a gate of its own.
async fn page(script: &str) -> (Server, Pages, Gate, Browser, String) {
    let arrived = json!([{"id": "arrived", "filter": {"event": "arrived", "count": {"at_least": 1}}}]);
    let server = Server::start(workspace("shop", arrived, json!([campaign("hi", Some("arrived"), "seen")]))).await;
    let pages = Pages::serve(None).await;
    let gate = Gate::to(pages.url()).await;
    pages.write_page("page", &format!("{}{script}", start(server.url(), "")));
    let address = format!("{}/page.html", gate.url());
    (server, pages, gate, Browser::open().await, address)
}

#[tokio::test]
async fn what_draws_messages_is_loaded_when_there_is_one_and_is_there_without_a_network() {
    let (_server, _pages, gate, browser, address) = page("kindling.automaticallyShowInAppMessages();").await;
    browser.goto(&address).await;
    visitor(&browser).await;
    assert!(flush(&browser).await);
    assert_eq!(browser.run(LOADED).await, 0, "nobody needs it yet");
    browser.run("kindling.logCustomEvent('arrived')").await;
    assert!(flush(&browser).await);
    wait::until("what draws messages", async || (browser.run(LOADED).await == 1).then_some(())).await;
    gate.shut();
    browser.run("kindling.logCustomEvent('seen')").await;
    wait::until("the message", async || (browser.run(SHOWN).await == "hi").then_some(())).await;
}

#[tokio::test]
async fn the_image_of_a_message_is_there_without_a_network() {
    let (server, pages, gate, browser, address) = page("kindling.automaticallyShowInAppMessages();").await;
    let picture = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"16\" height=\"9\"/>";
    pages.write("picture.svg", picture);
    let mut pictured = campaign("hi", None, "seen");
    pictured.as_object_mut().unwrap().remove("id");
    pictured["message"]["image_url"] = json!("/picture.svg");
    assert_eq!(server.api().put("/campaigns/hi", &pictured).await.status, 200);
    browser.goto(&address).await;
    visitor(&browser).await;
    browser.run("kindling.logCustomEvent('arrived')").await;
    assert!(flush(&browser).await);
    let fetched = "return performance.getEntriesByType('resource').some(({ name }) => name.endsWith('/picture.svg'))";
    browser.until("the image", fetched).await;
    gate.shut();
    browser.run("kindling.logCustomEvent('seen')").await;
    let shown =
        "return document.querySelector('kindling-message')?.shadowRoot.querySelector('img')?.naturalWidth ?? null";
    assert_eq!(browser.until("the message with its image", shown).await, 16);
}

#[tokio::test]
async fn a_page_that_shows_no_messages_loads_nothing_to_draw_them() {
    let (_server, _pages, _gate, browser, address) = page("").await;
    browser.goto(&address).await;
    visitor(&browser).await;
    browser.run("kindling.logCustomEvent('arrived')").await;
    assert!(flush(&browser).await);
    assert_eq!(browser.run("return kindling.getHeldInAppMessages().length").await, 1);
    assert_eq!(browser.run(LOADED).await, 0);
    browser.run("kindling.automaticallyShowInAppMessages()").await;
    wait::until("what draws messages", async || (browser.run(LOADED).await == 1).then_some(())).await;
}

#[tokio::test]
async fn a_message_waits_for_what_draws_it() {
    let script = "
        window.warnings = [];
        console.warn = (...args) => window.warnings.push(args.join(' '));
        kindling.automaticallyShowInAppMessages();";
    let (_server, pages, gate, browser, address) = page(script).await;
    browser.goto(&address).await;
    visitor(&browser).await;
    gate.shut();
    browser.run("kindling.logCustomEvent('arrived')").await;
    assert!(flush(&browser).await);
    let warned = "return window.warnings.some((line) => line.includes('could not load display.js'))";
    browser.until("a warning", warned).await;
    browser.run("kindling.logCustomEvent('seen')").await;
    assert_eq!(browser.run(SHOWN).await, Value::Null);
    gate.open(pages.url());
    wait::until("the message", async || {
        browser.run("window.dispatchEvent(new Event('online'))").await;
        (browser.run(SHOWN).await == "hi").then_some(())
    })
    .await;
    let seen = browser.run("return kindling.getQueuedRecords().map((record) => record.type)").await;
    assert!(seen.as_array().unwrap().contains(&json!("message_impression")), "{seen}");
}
