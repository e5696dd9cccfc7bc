//! The npm package on a page made by hand, as its README shows: what its functions do, and what they never do.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on has failed")]

use std::process::Command;

use kindling_tests::{
    api::Api,
    browser::Browser,
    engine::Engine,
    programs, scenes,
    server::{Server, campaign, empty_workspace, workspace},
    site::Pages,
    stage::{self, start, visitor},
    visitor::now,
    wait,
};
use serde_json::{Value, json};

/// Sends what is queued and waits until it is taken.
async fn flush(browser: &Browser) {
    assert!(stage::flush(browser).await, "the flush was taken");
}

async fn open_with(definitions: Value) -> (Server, Api, Pages, Browser) {
    let server = Server::start(definitions).await;
    let (api, pages) = (server.api(), Pages::serve(None).await);
    (server, api, pages, Browser::open().await)
}

#[tokio::test]
async fn calls_made_before_the_module_is_there_arrive_with_the_time_of_the_call() {
    const LATE_MS: i64 = 2_000;
    let (server, api, pages, browser) = open_with(empty_workspace("shop")).await;
    let module = "./node_modules/@kindling/web-sdk/dist/kindling_bg.wasm";
    let late =
        format!("wasm: new Promise((resolve) => setTimeout(resolve, {LATE_MS})).then(() => fetch(\"{module}\"))");
    let script = format!(
        "{}
         window.events = 0;
         window.addEventListener('kindling.initialized', () => (window.events += 1));
         const properties = {{ n: 1, list: [1] }};
         window.results = [
           kindling.isInitialized(),
           kindling.getDeviceId() === undefined,
           kindling.getUser() instanceof kindling.User,
           kindling.logCustomEvent('early', properties),
           kindling.getUser().setCustomUserAttribute('early', properties),
           kindling.logPurchase('mug', 2, 'EUR', 3),
         ];
         kindling.changeUser('ada');
         kindling.logCustomEvent('early_too');
         properties.n = 2;
         properties.list.push(2);
         window.calledAt = Date.now();",
        start(server.url(), &late)
    );
    pages.write_page("early", &script);
    browser.goto(&pages.page("early")).await;
    assert_eq!(browser.run("return window.results").await, json!([false, true, true, true, true, true]));
    let called_at = browser.run("return window.calledAt").await.as_i64().unwrap();
    let anonymous = visitor(&browser).await;
    assert!(now() - called_at >= LATE_MS, "the module was not late");
    assert_eq!(browser.run("return [window.events, kindling.isInitialized()]").await, json!([1, true]));
    flush(&browser).await;

    let user = api.user("external_id:ada").await;
    assert_eq!(api.user(&anonymous).await["id"], user["id"]);
    for event in ["early", "early_too"] {
        let at = user["events"][event]["first_at"].as_i64().unwrap();
        assert!((at - called_at).abs() < LATE_MS / 2, "{event} lies {} ms after the call", at - called_at);
    }
    assert_eq!(user["custom_attributes"]["early"], json!({"n": 1, "list": [1]}), "as it was at the call");
    let records = api.records("external_id:ada", 50).await;
    let early = records.iter().find(|record| record["name"] == "early" && record["type"] == "custom_event").unwrap();
    assert_eq!(early["properties"], json!({"n": 1, "list": [1]}));
    assert_eq!(user["purchases"]["revenue"], json!({"EUR": 6}));
}

#[tokio::test]
async fn every_call_arrives_as_documented() {
    scenes::every_call_arrives_as_documented(Engine::Chromium).await;
}

/// Calls with arguments that are not right. Each must return `false`, throw nothing and leave the SDK at work.
const WRONG: &[&str] = &[
    "kindling.logCustomEvent()",
    "kindling.logCustomEvent(null)",
    "kindling.logCustomEvent(7)",
    "kindling.logCustomEvent('')",
    "kindling.logCustomEvent('x'.repeat(256))",
    "kindling.logCustomEvent('x', 'text')",
    "kindling.logCustomEvent('x', [1])",
    "kindling.logCustomEvent('x', { f() {} })",
    "kindling.logCustomEvent('x', { s: Symbol('s') })",
    "kindling.logCustomEvent('x', { n: NaN })",
    "kindling.logCustomEvent('x', { n: Infinity })",
    "kindling.logCustomEvent('x', { n: 10n })",
    "kindling.logCustomEvent('x', { d: new Date(NaN) })",
    "kindling.logCustomEvent('x', { $set: 1 })",
    "kindling.logCustomEvent('x', { '': 1 })",
    "kindling.logCustomEvent('x', { long: 'x'.repeat(8 * 1024 + 1) })",
    "kindling.logCustomEvent('x', { large: Array(60).fill('x'.repeat(1000)) })",
    "(() => { const me = {}; me.me = me; return kindling.logCustomEvent('x', me); })()",
    "(() => { let deep = 1; for (let i = 0; i < 20000; i += 1) deep = [deep]; return kindling.logCustomEvent('x', { deep }); })()",
    "kindling.logPurchase()",
    "kindling.logPurchase('')",
    "kindling.logPurchase('mug')",
    "kindling.logPurchase('mug', '1')",
    "kindling.logPurchase('mug', NaN)",
    "kindling.logPurchase('mug', -1)",
    "kindling.logPurchase('mug', 1e9)",
    "kindling.logPurchase('mug', 1, 'EURO')",
    "kindling.logPurchase('mug', 1, 'XYZ')",
    "kindling.logPurchase('mug', 1, null)",
    "kindling.logPurchase('mug', 1, 'EUR', 0)",
    "kindling.logPurchase('mug', 1, 'EUR', 101)",
    "kindling.logPurchase('mug', 1, 'EUR', 1.5)",
    "kindling.logPurchase('mug', 1, 'EUR', 'many')",
    "kindling.logPurchase('mug', 1, 'EUR', 1, 'text')",
    "kindling.getUser().setEmail('nobody')",
    "kindling.getUser().setEmail('')",
    "kindling.getUser().setEmail(7)",
    "kindling.getUser().setEmail(undefined)",
    "kindling.getUser().setFirstName({})",
    "kindling.getUser().setFirstName('')",
    "kindling.getUser().setGender('x')",
    "kindling.getUser().setDateOfBirth(2023, 2, 29)",
    "kindling.getUser().setDateOfBirth(23, 2)",
    "kindling.getUser().setDateOfBirth('1815', 'December', '10')",
    "kindling.getUser().setDateOfBirth(null, 2, 3)",
    "kindling.getUser().setDateOfBirth(1815.5, 12, 10)",
    "kindling.getUser().setCountry('Germany')",
    "kindling.getUser().setLanguage('english')",
    "kindling.getUser().setCustomUserAttribute()",
    "kindling.getUser().setCustomUserAttribute('', 1)",
    "kindling.getUser().setCustomUserAttribute(7, 1)",
    "kindling.getUser().setCustomUserAttribute('x', () => 1)",
    "kindling.getUser().incrementCustomUserAttribute('x', NaN)",
    "kindling.getUser().incrementCustomUserAttribute('x', 'a')",
    "kindling.getUser().incrementCustomUserAttribute()",
    "kindling.getUser().addToCustomAttributeArray(null, 'x')",
    "kindling.getUser().addAlias('x')",
    "kindling.getUser().addAlias('', 'card')",
    "kindling.getUser().setEmailNotificationSubscriptionType('yes')",
    "kindling.getUser().setPushNotificationSubscriptionType()",
    "kindling.getUser().addToSubscriptionGroup()",
    "kindling.getUser().removeFromSubscriptionGroup('')",
    "kindling.getUser().setLastKnownLocation(91, 0)",
    "kindling.getUser().setLastKnownLocation('48', '16')",
    "kindling.getUser().setCustomLocationAttribute('x', 1)",
    "kindling.getUser().setCustomLocationAttribute('x', null, 1)",
    "kindling.showInAppMessage()",
    "kindling.showInAppMessage({ id: 'x' })",
    "kindling.logInAppMessageImpression({ id: 'x' })",
    "kindling.logInAppMessageClick(null)",
    "kindling.logInAppMessageButtonClick({ id: 'x' }, { id: 'y' })",
];

#[tokio::test]
async fn wrong_arguments_return_false_and_throw_nothing() {
    let (server, api, pages, browser) = open_with(empty_workspace("shop")).await;
    pages.write_page("wrong", &start(server.url(), "flushIntervalInSeconds: 600"));
    browser.goto(&pages.page("wrong")).await;
    let user = visitor(&browser).await;
    // Nothing of them may reach the page, also not later.
    browser
        .run("window.errors = []; window.addEventListener('error', (event) => window.errors.push(event.message));")
        .await;
    for call in WRONG {
        let script = format!("try {{ return {call}; }} catch (error) {{ return `threw ${{error}}`; }}");
        assert_eq!(browser.run(&script).await, false, "{call}");
        assert_eq!(browser.run("return kindling.isInitialized()").await, true, "{call} stopped the SDK");
    }
    let script = r"
        kindling.changeUser(7);
        kindling.changeUser('');
        kindling.changeUser('a\nb');
        kindling.changeUser('x'.repeat(998));
        kindling.removeSubscription('nothing');
        kindling.setLogger('nobody');
        return [
          kindling.subscribeToInAppMessage('nobody') ?? null,
          kindling.subscribeToActivity() ?? null,
          kindling.getUser().getUserId(),
          kindling.getQueuedRecords().length,
          kindling.logCustomEvent('right'),
          window.errors.length,
        ];";
    assert_eq!(browser.run(script).await, json!([null, null, null, 0, true, 0]));
    flush(&browser).await;
    let profile = api.user(&user).await;
    assert_eq!(profile["events"].as_object().unwrap().keys().collect::<Vec<_>>(), ["right"]);
    assert_eq!((&profile["attributes"], &profile["custom_attributes"]), (&json!({}), &json!({})));
}

#[tokio::test]
async fn an_argument_that_throws_when_it_is_read_does_not_stop_the_sdk() {
    let (server, _api, pages, browser) = open_with(empty_workspace("shop")).await;
    pages.write_page("throwing", &start(server.url(), ""));
    for call in [
        "kindling.logCustomEvent('x', { get a() { throw new Error('no'); } })",
        "kindling.logCustomEvent('x', new Proxy({}, { ownKeys() { throw new Error('no'); } }))",
        "(() => { const gone = Proxy.revocable({}, {}); gone.revoke(); return kindling.logCustomEvent('x', { a: gone.proxy }); })()",
        "kindling.logPurchase('mug', 1, Symbol('EUR'))",
        "kindling.logPurchase('mug', 1, { toString() { throw new Error('no'); } })",
        "kindling.logPurchase('mug', 1, 'EUR', Symbol('1'))",
        "kindling.getUser().incrementCustomUserAttribute('x', Symbol('1'))",
        "kindling.getUser().addToCustomAttributeArray('x', Symbol('a'))",
        "kindling.getUser().removeFromCustomAttributeArray('x', Symbol('a'))",
    ] {
        browser.goto(&pages.page("throwing")).await;
        visitor(&browser).await;
        let script = format!("return [{call}, kindling.isInitialized(), kindling.logCustomEvent('right')];");
        assert_eq!(browser.run(&script).await, json!([false, true, true]), "{call}");
    }
}

#[tokio::test]
async fn a_number_that_the_sdk_takes_is_taken_by_the_server() {
    let (server, api, pages, browser) = open_with(empty_workspace("shop")).await;
    pages.write_page("numbers", &start(server.url(), ""));
    browser.goto(&pages.page("numbers")).await;
    let user = visitor(&browser).await;
    let script = "
        const numbers = [2 ** 53 - 1, 2 ** 53, 2 ** 60, 1e20, 1e21, 1e300, 5e-324, -(2 ** 60)];
        return numbers.filter((n) => kindling.logCustomEvent('number', { n })).length;";
    let taken = browser.run(script).await;
    flush(&browser).await;
    assert_eq!(json!(api.event_count(&user, "number").await), taken);
}

#[tokio::test]
async fn what_a_callback_of_the_page_throws_is_the_affair_of_the_page() {
    let (server, api, pages, browser) =
        open_with(workspace("shop", json!([]), json!([campaign("hi", None, "seen")]))).await;
    let script = "
        window.errors = [];
        window.addEventListener('error', (event) => { window.errors.push(event.error.message); event.preventDefault(); });
        kindling.subscribeToActivity(() => { throw new Error('of an activity'); });
        kindling.subscribeToInAppMessage(() => { throw new Error('of a message'); });
        kindling.setLogger(() => { throw new Error('of a logger'); });";
    pages.write_page("throwing", &format!("{}{script}", start(server.url(), "")));
    browser.goto(&pages.page("throwing")).await;
    let user = visitor(&browser).await;
    let script = "
        kindling.logCustomEvent('seen');
        kindling.requestImmediateDataFlush(() => { window.called = true; throw new Error('of a flush'); });";
    browser.run(script).await;
    browser.until("the callback of the flush", "return window.called").await;
    browser.until("all errors", "return ['an activity', 'a message', 'a logger', 'a flush'].every((of) => window.errors.includes(`of ${of}`))").await;
    assert_eq!(
        browser.run("return [kindling.isInitialized(), kindling.logCustomEvent('seen')]").await,
        json!([true, true])
    );
    browser.run("kindling.removeAllSubscriptions()").await;
    flush(&browser).await;
    assert_eq!(api.event_count(&user, "seen").await, 2);
}

#[tokio::test]
async fn before_initialize_calls_are_kept_and_nothing_happens() {
    let (server, api, pages, browser) = open_with(empty_workspace("shop")).await;
    pages.write_page("idle", "");
    browser.goto(&pages.page("idle")).await;
    let script = "
        kindling.changeUser('ada');
        kindling.openSession();
        kindling.destroy();
        kindling.removeSubscription('x');
        kindling.removeAllSubscriptions();
        kindling.automaticallyShowInAppMessages();
        kindling.requestImmediateDataFlush((flushed) => (window.flushed = flushed));
        return [
          kindling.getUser().setEmail('ada@example.com'), kindling.getUser().getUserId() ?? null,
          await kindling.ready(), kindling.isInitialized(), kindling.getDeviceId() ?? null,
          kindling.logCustomEvent('x'), kindling.logPurchase('x', 1), kindling.getHeldInAppMessages().length,
          kindling.getQueuedRecords().length, typeof kindling.subscribeToActivity(() => {}),
          typeof kindling.subscribeToInAppMessage(() => {}), localStorage.length,
          performance.getEntriesByType('resource').filter((entry) => /flush|wasm|kindling[.]js/.test(entry.name)).length,
        ];";
    let wanted = json!([true, null, false, false, null, true, true, 0, 0, "string", "string", 0, 0]);
    assert_eq!(browser.run(script).await, wanted);

    let script = format!(
        "return [
          kindling.initialize(), kindling.initialize(''), kindling.initialize('pk_shop'), kindling.initialize('pk_shop', {{}}),
          kindling.initialize(7, {{ baseUrl: '{url}' }}), kindling.initialize('pk_shop', {{ baseUrl: 7 }}),
          kindling.initialize('pk_shop', null), kindling.isInitialized(), await kindling.ready(), localStorage.length,
          kindling.initialize('pk_shop', {{ baseUrl: '{url}/' }}), kindling.initialize('pk_other', {{ baseUrl: 'x' }}),
          await kindling.ready(),
        ];",
        url = server.url()
    );
    let refused = json!([false, false, false, false, false, false, false, false, false, 0, true, true, true]);
    assert_eq!(browser.run(&script).await, refused);
    flush(&browser).await;
    assert_eq!(browser.run("return window.flushed").await, true);
    let ada = api.user("external_id:ada").await;
    assert_eq!((&ada["events"]["x"]["count"], &ada["attributes"]["email"]), (&json!(1), &json!("ada@example.com")));

    // Destroyed, it is as before; started again, it goes on as the same device.
    let script = format!(
        "const id = kindling.getDeviceId();
         kindling.logCustomEvent('kept');
         kindling.destroy();
         const stopped = [kindling.isInitialized(), kindling.logCustomEvent('x'), kindling.getUser() ?? null];
         // The browser takes the lock of the stream back in its own time.
         while ((await navigator.locks.query()).held.length > 0) await new Promise((resolve) => setTimeout(resolve, 5));
         kindling.initialize('pk_shop', {{ baseUrl: '{url}' }});
         return [...stopped, await kindling.ready(), kindling.getDeviceId() === id];",
        url = server.url()
    );
    assert_eq!(browser.run(&script).await, json!([false, false, null, true, true]));
    let user = visitor(&browser).await;
    wait::until("the record of before", async || (server.api().event_count(&user, "kept").await == 1).then_some(()))
        .await;
}

#[tokio::test]
async fn a_page_with_a_strict_policy_shows_messages_without_a_violation() {
    scenes::a_page_with_a_strict_policy_shows_messages_without_a_violation(Engine::Chromium).await;
}

#[tokio::test]
async fn a_page_that_blocks_web_assembly_goes_on_without_the_sdk() {
    let server = Server::start(empty_workspace("shop")).await;
    let policy = format!("default-src 'self'; connect-src 'self' {}", server.url());
    let (pages, browser) = (Pages::serve(Some(&policy)).await, Browser::open().await);
    let script = "
        window.errors = [];
        window.addEventListener('error', (event) => window.errors.push(event.message));
        window.addEventListener('unhandledrejection', (event) => window.errors.push(String(event.reason)));
        window.early = kindling.logCustomEvent('early');";
    pages.write_page("blocked", &format!("{}{script}", start(server.url(), "")));
    browser.goto(&pages.page("blocked")).await;
    let script = "
        const ready = await kindling.ready();
        const flushed = await new Promise((resolve) => kindling.requestImmediateDataFlush(resolve));
        kindling.openSession();
        return [
          window.started, window.early, ready, flushed, kindling.isInitialized(), kindling.logCustomEvent('x'),
          kindling.getUser().setEmail('a@b'), kindling.getQueuedRecords().length, window.errors.length,
        ];";
    assert_eq!(browser.run(script).await, json!([true, true, false, false, false, false, false, 0, 0]));
}

#[tokio::test]
async fn without_storage_or_with_a_full_one_records_still_arrive() {
    let (server, api, pages, browser) = open_with(empty_workspace("shop")).await;
    let blocked = "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('blocked', 'SecurityError'); } });";
    let full = "
        let piece = 'x'.repeat(1 << 20);
        for (let i = 0; piece.length > 0; i += 1) {
          try { localStorage.setItem(`filling-${i}`, piece); } catch { piece = piece.slice(piece.length >> 1 || 1); }
        }";
    for (name, spoil) in [("blocked", blocked), ("full", full)] {
        let start = start(server.url(), "enableLogging: false");
        pages.write_page(name, &format!("{spoil}\n{start}\nwindow.early = kindling.logCustomEvent('early');"));
        browser.goto(&pages.page(name)).await;
        let user = visitor(&browser).await;
        let script = "return [window.early, kindling.logCustomEvent('later'), kindling.getQueuedRecords().length > 0];";
        assert_eq!(browser.run(script).await, json!([true, true, true]), "{name}");
        flush(&browser).await;
        let counts = [api.event_count(&user, "early").await, api.event_count(&user, "later").await];
        assert_eq!(counts, [1, 1], "{name}");
    }
}

#[test]
fn on_a_server_importing_does_nothing_and_breaks_nothing() {
    let script = format!(
        "const kindling = await import('file://{}');
         kindling.openSession();
         kindling.changeUser('ada');
         kindling.destroy();
         const results = [
           kindling.initialize('pk_shop', {{ baseUrl: 'http://127.0.0.1:1' }}), await kindling.ready(), kindling.isInitialized(),
           kindling.logCustomEvent('x'), kindling.getUser() ?? null, kindling.getQueuedRecords().length, Object.keys(globalThis).filter((name) => /kindling/i.test(name)).length,
         ];
         console.log(JSON.stringify(results));",
        programs::package().join("dist/index.js").display()
    );
    let output = Command::new(programs::node()).args(["--input-type=module", "--eval", &script]).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let results: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(results, json!([false, false, false, false, null, 0, 0]));
    assert!(!errors.contains("Error"), "{errors}");
}
