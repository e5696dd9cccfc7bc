//! The package where a workspace wants proof of who its users are.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on has failed")]

use kindling_tests::{
    browser::Browser,
    server::{Server, empty_workspace},
    site::Pages,
    tokens::{FIRST, SECOND, sdk_authentication},
};
use serde_json::json;

#[tokio::test]
async fn a_refused_user_waits_for_a_new_signature_and_arrives_once() {
    let mut definitions = empty_workspace("shop");
    definitions["sdk_authentication"] = sdk_authentication("required", &[FIRST]);
    let server = Server::start(definitions).await;
    let (pages, browser) = (Pages::serve(None).await, Browser::open().await);
    let start = format!(
        "kindling.initialize(\"pk_shop\", {{ baseUrl: \"{}\", flushIntervalInSeconds: 1, enableSdkAuthentication: true }});
         window.failures = [];
         kindling.subscribeToSdkAuthenticationFailures((failure) => window.failures.push(failure));",
        server.url()
    );
    pages.write_page("shop", &start);
    browser.goto(&pages.page("shop")).await;
    // Signed by a key that the workspace does not have.
    let wrong = SECOND.sign("ada", 600);
    let script = "
        await kindling.ready();
        kindling.changeUser('ada', argument);
        return [kindling.logCustomEvent('bought'), kindling.setSdkAuthenticationSignature(7)];";
    assert_eq!(browser.run_with(script, json!(wrong)).await, json!([true, false]));
    browser.until("the page is told", "return window.failures.length === 1 || null").await;
    let told = browser.run("return window.failures[0]").await;
    assert_eq!(told, json!({"errorCode": 27, "reason": "bad_signature", "userId": "ada", "signature": wrong}));
    // After a reload the signature is still known, and still not taken; nothing is lost.
    browser.goto(&pages.page("shop")).await;
    browser.until("the page is told", "return window.failures.length === 1 || null").await;
    assert_eq!(browser.run("return window.failures[0].signature").await, wrong);
    let flush = "return new Promise((resolve) => kindling.requestImmediateDataFlush(resolve));";
    assert_eq!(browser.run(flush).await, false);
    let api = server.api();
    assert_eq!(api.find_user("external_id:ada").await, None);
    let set = "return kindling.setSdkAuthenticationSignature(argument)";
    assert_eq!(browser.run_with(set, json!(FIRST.sign("ada", 600))).await, true);
    browser.until("all is taken", "return kindling.getQueuedRecords().length === 0 || null").await;
    assert_eq!(api.event_count("external_id:ada", "bought").await, 1);
    // Whoever uses the device next has to bring their own.
    let script = "
        kindling.logout();
        kindling.logCustomEvent('of_nobody');
        return [kindling.setSdkAuthenticationSignature('a'), Object.keys(localStorage).some((key) => key.endsWith('.signature'))];";
    assert_eq!(browser.run(script).await, json!([false, false]));
    assert_eq!(browser.run(flush).await, true);
    assert_eq!(browser.run("return window.failures.length").await, 1);
}
