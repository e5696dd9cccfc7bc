//! The package when a visitor does not take part, leaves, or something in it breaks.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on has failed")]

use kindling_tests::{
    browser::Browser,
    server::{Server, empty_workspace},
    site::Pages,
    wait,
};
use serde_json::json;

async fn open() -> (Server, Pages, Browser) {
    (Server::start(empty_workspace("shop")).await, Pages::serve(None).await, Browser::open().await)
}

/// The same, with a page open that starts the SDK.
async fn open_shop() -> (Server, Pages, Browser) {
    let (server, pages, browser) = open().await;
    pages.write_page("shop", &start(server.url(), "flushIntervalInSeconds: 600"));
    browser.goto(&pages.page("shop")).await;
    (server, pages, browser)
}

fn start(url: &str, options: &str) -> String {
    format!("window.started = kindling.initialize(\"pk_shop\", {{ baseUrl: \"{url}\", {options} }});")
}

const FLUSH: &str = "return new Promise((resolve) => kindling.requestImmediateDataFlush(resolve));";

#[tokio::test]
async fn before_consent_nothing_is_loaded_or_stored() {
    let (server, pages, browser) = open().await;
    pages.write_page("asking", &start(server.url(), "requireConsent: true"));
    browser.goto(&pages.page("asking")).await;
    let script = "return [
        window.started, kindling.isDisabled(), kindling.isInitialized(), kindling.logCustomEvent('early'), localStorage.length,
        performance.getEntriesByType('resource').filter((entry) => /flush|wasm|kindling[.]js/.test(entry.name)).length,
    ];";
    assert_eq!(browser.run(script).await, json!([false, true, false, false, 0, 0]));
    let script = "
        kindling.enableSDK();
        kindling.changeUser('ada');
        const logged = kindling.logCustomEvent('agreed');
        return [kindling.isDisabled(), logged, await kindling.ready()];";
    assert_eq!(browser.run(script).await, json!([false, true, true]));
    assert_eq!(browser.run(FLUSH).await, true);
    assert_eq!(server.api().event_count("external_id:ada", "agreed").await, 1);
    assert_eq!(server.api().event_count("external_id:ada", "early").await, 0);
    // It is remembered.
    browser.goto(&pages.page("asking")).await;
    assert_eq!(browser.run("return [window.started, await kindling.ready()]").await, json!([true, true]));
}

#[tokio::test]
async fn who_opts_out_is_not_recorded_until_they_opt_in() {
    let (server, pages, browser) = open_shop().await;
    let script = "
        await kindling.ready();
        kindling.changeUser('ada');
        kindling.logCustomEvent('last');
        kindling.disableSDK({ flush: true });
        return [kindling.isDisabled(), kindling.logCustomEvent('not')];";
    assert_eq!(browser.run(script).await, json!([true, false]));
    // What was recorded before goes out.
    let api = server.api();
    wait::until("the last event", async || match api.find_user("external_id:ada").await {
        Some(user) => (user["events"]["last"]["count"] == 1).then_some(()),
        None => None,
    })
    .await;
    browser.goto(&pages.page("shop")).await;
    let script =
        "return [window.started, kindling.isDisabled(), await kindling.ready(), kindling.logCustomEvent('not')]";
    assert_eq!(browser.run(script).await, json!([false, true, false, false]));
    let script = "kindling.enableSDK(); return [await kindling.ready(), kindling.logCustomEvent('again')]";
    assert_eq!(browser.run(script).await, json!([true, true]));
    assert_eq!(browser.run(FLUSH).await, true);
    let events = &api.user("external_id:ada").await["events"];
    assert_eq!((&events["again"]["count"], &events["not"]), (&json!(1), &json!(null)));
}

#[tokio::test]
async fn logging_out_begins_anew_and_loses_nothing() {
    let (server, _pages, browser) = open_shop().await;
    let script = "
        await kindling.ready();
        kindling.changeUser('ada');
        kindling.logCustomEvent('of_ada');
        const outcome = new Promise((resolve) => kindling.logout(() => resolve('taken'), () => resolve('failed')));
        kindling.logCustomEvent('of_nobody');
        return [await outcome, kindling.getUser().getUserId()];";
    assert_eq!(browser.run(script).await, json!(["taken", null]));
    assert_eq!(browser.run(FLUSH).await, true);
    let api = server.api();
    let events = &api.user("external_id:ada").await["events"];
    assert_eq!((&events["of_ada"]["count"], &events["of_nobody"]), (&json!(1), &json!(null)));
    let device = browser.run("return kindling.getDeviceId()").await;
    let visitor = api.user(&format!("device_id:{}", device.as_str().unwrap())).await;
    assert_eq!((&visitor["external_id"], &visitor["events"]["of_nobody"]["count"]), (&json!(null), &json!(1)));
    // Whoever signs in next is who they were not.
    browser.run("kindling.changeUser('bob')").await;
    assert_eq!(browser.run(FLUSH).await, true);
    assert_eq!(api.event_count("external_id:bob", "of_nobody").await, 1);
}

/// Makes the next look at the clock a trap, as a broken module would have one.
const TRAP: &str = "
    const now = Date.now;
    Date.now = () => {
      Date.now = now;
      throw new WebAssembly.RuntimeError('unreachable');
    };";

#[tokio::test]
async fn after_a_trap_the_module_is_made_anew_once() {
    let (server, pages, browser) = open_shop().await;
    let script = format!(
        "await kindling.ready();
         kindling.changeUser('ada');
         kindling.logCustomEvent('before');
         window.device = kindling.getDeviceId();
         {TRAP}
         const trapped = kindling.logCustomEvent('trapped');
         const after = kindling.logCustomEvent('after');
         return [trapped, after, await kindling.ready(), kindling.getDeviceId() === window.device, kindling.getUser().getUserId()];"
    );
    assert_eq!(browser.run(&script).await, json!([false, true, true, true, "ada"]));
    // What was stored before is still sent, once.
    let api = server.api();
    assert_eq!(browser.run(FLUSH).await, true);
    wait::until("both events", async || {
        let events = &api.user("external_id:ada").await["events"];
        (events["before"]["count"] == 1 && events["after"]["count"] == 1).then_some(())
    })
    .await;
    let script = format!(
        "{TRAP}
         const trapped = kindling.logCustomEvent('trapped');
         return [trapped, kindling.logCustomEvent('silent'), kindling.isInitialized()];"
    );
    assert_eq!(browser.run(&script).await, json!([false, false, false]));
    browser.goto(&pages.page("shop")).await;
    assert_eq!(
        browser.run("return [await kindling.ready(), kindling.logCustomEvent('next')]").await,
        json!([true, true])
    );
}
