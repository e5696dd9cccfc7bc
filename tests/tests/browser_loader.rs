//! Pages without a bundler: one classic script, calls made before the SDK is there, and a strict policy.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on has failed")]

use std::fs;

use kindling_tests::{
    api::Api,
    browser::Browser,
    programs,
    server::{Server, empty_workspace},
    site::Pages,
};
use serde_json::json;

/// What the SDK's README promises to be enough.
const POLICY: &str = "script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; require-trusted-types-for 'script'";

/// Where the pages have the package's loader.
const LOADER: &str = "./node_modules/@kindling/web-sdk/dist/loader.js";

/// How long a page keeps the browser busy after its calls, so that the SDK can't be there before.
const LATE_MS: i64 = 2_000;

/// A page with the loader and a script of its own, `name`.js, as classic scripts.
fn write_page(pages: &Pages, name: &str, loader: &str, script: &str) {
    let page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>{name}</title>\n<script src=\"violations.js\"></script>\n\
         {loader}\n<script src=\"{name}.js\"></script>\n</html>\n"
    );
    pages.write(format!("{name}.html"), &page);
    pages.write(
        "violations.js",
        "window.violations = [];
         document.addEventListener('securitypolicyviolation', (event) => window.violations.push(event.violatedDirective));",
    );
    pages.write(format!("{name}.js"), script);
}

/// Calls of all kinds, and then nothing for a while.
fn early_calls() -> String {
    format!(
        "const properties = {{ n: 1 }};
         const user = kindling.getUser();
         window.results = [
           kindling.isInitialized(), kindling.getDeviceId() === undefined, kindling.getQueuedRecords().length,
           kindling.subscribeToActivity(({{ type }}) => (window.seen = [...(window.seen ?? []), type])) === undefined,
           kindling.logCustomEvent('early', properties), user.setEmail('ada@example.com'),
           kindling.logPurchase('mug', 2, 'EUR', 3), kindling.logCustomEvent(7),
         ];
         properties.n = 2;
         String(kindling);
         String(user);
         Promise.resolve(kindling).then((same) => (window.same = same === kindling));
         kindling.changeUser('ada');
         kindling.requestImmediateDataFlush((taken) => (window.taken = taken));
         window.heldBack = kindling.logCustomEvent;
         window.user = user;
         window.calledAt = Date.now();
         window.isReady = kindling.ready();
         while (Date.now() < window.calledAt + {LATE_MS});"
    )
}

/// Sees that all of [`early_calls`] has happened, when it was called, and that the page can go on.
async fn check(api: &Api, browser: &Browser) {
    assert_eq!(browser.run("return await window.isReady").await, true);
    browser.until("the answer to the flush", "return window.taken").await;
    assert_eq!(browser.run("return window.results").await, json!([false, true, 0, true, true, true, true, true]));
    let called_at = browser.run("return window.calledAt").await.as_i64().unwrap();

    let user = api.user("external_id:ada").await;
    let event = &user["events"]["early"];
    assert_eq!(event["count"], 1);
    let late = event["first_at"].as_i64().unwrap() - called_at;
    assert!(late.abs() < LATE_MS / 2, "{late} ms after the call");
    assert_eq!(user["attributes"]["email"], "ada@example.com");
    assert_eq!(user["purchases"]["revenue"], json!({"EUR": 6}));
    let records = api.records("external_id:ada", 50).await;
    let early = records.iter().find(|record| record["name"] == "early").unwrap();
    assert_eq!(early["properties"], json!({"n": 1}), "as it was at the call");

    // From now on it is the SDK, also for those who took a function or the user before.
    let script = "
        window.heldBack('later');
        const results = [
          kindling.isInitialized(), window.user.setFirstName('Ada'), window.user.setFirstName(7), kindling.logCustomEvent(7),
          kindling.nothing === undefined, window.same && (await kindling) === kindling, kindling.getUser() instanceof kindling.User,
          window.seen.includes('record_queued'),
        ];
        await new Promise((resolve) => kindling.requestImmediateDataFlush(resolve));
        return [results, window.violations];";
    let wanted = json!([[true, true, false, false, true, true, true, true], []]);
    assert_eq!(browser.run(script).await, wanted);
    let user = api.user("external_id:ada").await;
    assert_eq!((&user["events"]["later"]["count"], &user["attributes"]["first_name"]), (&json!(1), &json!("Ada")));
}

#[tokio::test]
async fn calls_made_before_the_sdk_is_there_arrive_with_the_time_of_the_call() {
    let server = Server::start(empty_workspace("shop")).await;
    let (pages, browser) = (Pages::serve(Some(POLICY)).await, Browser::open().await);
    let start = format!("kindling.initialize('pk_shop', {{ baseUrl: '{}' }});", server.url());
    write_page(&pages, "early", &format!("<script src=\"{LOADER}\"></script>"), &(start + &early_calls()));
    browser.goto(&pages.page("early")).await;
    check(&server.api(), &browser).await;
}

#[tokio::test]
async fn a_page_goes_on_when_the_sdk_does_not_load() {
    let (pages, browser) = (Pages::serve(Some(POLICY)).await, Browser::open().await);
    let script = "
        window.errors = [];
        window.addEventListener('error', (event) => window.errors.push(event.message));
        window.addEventListener('unhandledrejection', (event) => window.errors.push(String(event.reason)));
        kindling.initialize('pk_shop', { baseUrl: 'http://127.0.0.1:1' });
        kindling.logCustomEvent('lost');";
    write_page(&pages, "alone", "<script src=\"loader.js\"></script>", script);
    pages.copy(&programs::package().join("dist/loader.js"));
    browser.goto(&pages.page("alone")).await;
    let script = "
        const ready = await kindling.ready();
        kindling.openSession();
        return [
          ready, kindling.isInitialized(), kindling.logCustomEvent('x'), kindling.getUser().setEmail('a@b'),
          kindling.getHeldInAppMessages().length, window.errors.length,
        ];";
    assert_eq!(browser.run(script).await, json!([false, false, false, false, 0, 0]));
}

#[tokio::test]
async fn a_tag_can_start_the_sdk_by_itself() {
    let server = Server::start(empty_workspace("shop")).await;
    let (pages, browser) = (Pages::serve(Some(POLICY)).await, Browser::open().await);
    let tag = format!("<script src=\"{LOADER}\" data-key=\"pk_shop\" data-base-url=\"{}\"></script>", server.url());
    write_page(&pages, "tag", &tag, &early_calls());
    browser.goto(&pages.page("tag")).await;
    check(&server.api(), &browser).await;
    // The visitor's, and the one of the user who signed in.
    assert_eq!(server.api().user("external_id:ada").await["sessions"]["count"], 2);
}

#[tokio::test]
async fn one_tag_with_an_address_of_the_server_is_enough() {
    let server = Server::start(empty_workspace("shop")).await;
    let policy = format!("script-src 'self' {} 'wasm-unsafe-eval'; style-src 'self'", server.url());
    let (pages, browser) = (Pages::serve(Some(&policy)).await, Browser::open().await);
    let tag = format!("<script src=\"{}/sdk/kindling.js\" data-key=\"pk_shop\"></script>", server.url());
    write_page(&pages, "tag", &tag, &early_calls());
    browser.goto(&pages.page("tag")).await;
    check(&server.api(), &browser).await;
    assert_eq!(server.api().user("external_id:ada").await["sessions"]["count"], 2);

    // A page may have the loader of a server of before.
    let script = format!(
        "const old = await import('{url}/sdk/0.0.1-00000000/index.js');
         old.initialize('pk_shop', {{ baseUrl: '{url}' }});
         return await old.ready();",
        url = server.url()
    );
    assert_eq!(browser.run(&script).await, true);
}

/// What stands in the README between two marks, the first time.
fn in_readme(begin: &str, end: &str) -> String {
    let readme = fs::read_to_string(programs::root().join("README.md")).unwrap();
    let (_, rest) = readme.split_once(begin).unwrap_or_else(|| panic!("the README has no {begin:?}"));
    rest.split_once(end).unwrap_or_else(|| panic!("the README has no {end:?}")).0.to_owned()
}

#[tokio::test]
async fn the_page_in_the_readme_shows_the_message() {
    let definitions = serde_json::from_str(&in_readme("workspace.json <<'EOF'\n", "\nEOF")).unwrap();
    let server = Server::start(definitions).await;
    let (pages, browser) = (Pages::serve(None).await, Browser::open().await);
    let page = in_readme("```html\n", "```").replace("http://127.0.0.1:7575", server.url());
    assert!(page.contains(server.url()), "the page names the server: {page}");
    pages.write("index.html", &page);
    browser.goto(&format!("{}/", pages.url())).await;
    browser.click("#add").await;
    browser.click("#add").await;
    browser.until("the message", "return document.querySelector('kindling-message')").await;
}

#[tokio::test]
async fn under_a_strict_policy_each_variant_works() {
    let server = Server::start(empty_workspace("shop")).await;
    let (pages, browser) = (Pages::serve(Some(POLICY)).await, Browser::open().await);
    for (name, loaded) in [("index", 1), ("inline", 0)] {
        let page = format!(
            "import * as kindling from \"./node_modules/@kindling/web-sdk/dist/{name}.js\";
             window.kindling = kindling;
             window.started = kindling.initialize(\"pk_shop\", {{ baseUrl: \"{}\" }});
             kindling.logCustomEvent(\"{name}\");",
            server.url()
        );
        write_page(&pages, name, &format!("<script type=\"module\" src=\"{name}-page.js\"></script>"), "");
        pages.write(format!("{name}-page.js"), &page);
        browser.goto(&pages.page(name)).await;
        let script = "
            const ready = await kindling.ready();
            const taken = await new Promise((resolve) => kindling.requestImmediateDataFlush(resolve));
            const modules = performance.getEntriesByType('resource').filter((entry) => entry.name.includes('.wasm'));
            return [window.started, ready, taken, modules.length, window.violations];";
        assert_eq!(browser.run(script).await, json!([true, true, true, loaded, []]), "{name}");
        let device = browser.run("return kindling.getDeviceId()").await;
        let device = format!("device_id:{}", device.as_str().unwrap());
        assert_eq!(server.api().event_count(&device, name).await, 1);
    }
}
