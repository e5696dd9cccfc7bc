//! What is played in more than one browser.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{
    browser::Browser,
    engine::Engine,
    server::{Server, campaign, empty_workspace, workspace},
    shown::part,
    site::Pages,
    stage::{Stage, flush, start, visitor},
    steps::STEPS,
};

/// Functions that put nothing on a profile. There are tests of their own for what they do, and for `logout`, after which the profile
/// is another one.
const SILENT: [&str; 24] = [
    "automaticallyShowInAppMessages",
    "carryOut",
    "destroy",
    "disableSDK",
    "enableSDK",
    "getDeviceId",
    "getHeldInAppMessages",
    "getQueuedRecords",
    "initialize",
    "isDisabled",
    "isInitialized",
    "logout",
    "previewInAppMessage",
    "ready",
    "removeAllSubscriptions",
    "removeSubscription",
    "requestImmediateDataFlush",
    "setLogger",
    "setSdkAuthenticationSignature",
    "showInAppMessage",
    "subscribeToActivity",
    "subscribeToSdkAuthenticationFailures",
    "toggleLogging",
    "wipeData",
];

/// Calls of every function that puts something on a profile. What is called is noted, so that none can be left out. It is the page that
/// calls them: a driver may run scripts beside the page, with a `Date` and an `Object` that are not the page's.
const CALLS: &str = r#"
    const called = new Set();
    const noted = (object) => new Proxy(object, {
      get(target, name) {
        called.add(name);
        const member = target[name];
        return typeof member === "function" ? member.bind(target) : member;
      },
    });
    const sdk = noted(kindling);
    const user = noted(sdk.getUser());
    let message;
    sdk.subscribeToInAppMessage((shown) => (message = shown));
    const results = [
      user.getUserId() === null,
      user.setEmail("ada@example.com"),
      user.setFirstName("Ada"),
      user.setLastName("Lovelace"),
      user.setPhoneNumber("+49 3641 1234"),
      user.setGender("f"),
      user.setDateOfBirth(1815, 12, 10),
      user.setCountry("de"),
      user.setHomeCity("Jena"),
      user.setLanguage("EN"),
      user.setCustomUserAttribute("plan", "free"),
      user.setCustomUserAttribute("since", new Date(86400000)),
      user.setCustomUserAttribute("nested", { a: [1, null, { b: true }], gone: undefined }),
      user.setCustomUserAttribute("cleared", 1),
      await new Promise((resolve) => setTimeout(resolve, 5, true)),
      user.setCustomUserAttribute("cleared", null),
      user.incrementCustomUserAttribute("visits"),
      user.incrementCustomUserAttribute("visits", 2.5),
      user.incrementCustomUserAttribute("visits", -1),
      user.addToCustomAttributeArray("tags", "a"),
      user.addToCustomAttributeArray("tags", "b"),
      user.addToCustomAttributeArray("tags", "a"),
      user.removeFromCustomAttributeArray("tags", "b"),
      user.addAlias("4711", "card"),
      user.setEmailNotificationSubscriptionType("opted_in"),
      user.setPushNotificationSubscriptionType("unsubscribed"),
      user.addToSubscriptionGroup("news"),
      user.addToSubscriptionGroup("offers"),
      user.removeFromSubscriptionGroup("offers"),
      user.setLastKnownLocation(48.2, 16.4, 10, 170),
      user.setCustomUserAttribute("pet", { name: "Rex", age: 3 }),
      user.setCustomUserAttribute("pet", { age: null, kind: "dog" }, true),
      user.setCustomLocationAttribute("home", 50.9, 11.6),
      user.setCustomLocationAttribute("gone", 1, 2),
      user.setCustomLocationAttribute("gone", null, null),
      sdk.logCustomEvent("plain"),
      sdk.logCustomEvent("rich", { text: "x", number: 1.5, flag: false, time: new Date(5), none: null, gone: undefined }),
      sdk.logCustomEvent("rich", {}),
      sdk.logPurchase("mug", 12.345),
      sdk.logPurchase("axe", 10, "eur", 3, { gift: true }),
      sdk.logInAppMessageImpression(message),
      sdk.logInAppMessageClick(message),
      sdk.logInAppMessageButtonClick(message.buttons[0], message),
      sdk.logInAppMessageHtmlClick(message, "spin"),
      sdk.logInAppMessageDismissal(message),
      sdk.deferInAppMessage(message),
      sdk.getDeferredInAppMessage().id === message.id,
      sdk.getDeferredInAppMessage() === undefined,
      sdk.logEcommerceEvent({ name: "ecommerce.order_placed", properties: { order_id: "o1", total_value: 12.5 } }),
    ];
    sdk.addSdkMetadata(["npm"]);
    sdk.openSession();
    sdk.changeUser("ada");
    results.push(user.getUserId() === "ada");
    const functions = Object.keys(kindling).filter((name) => !/^[A-Z]/.test(name));
    const missed = [...functions, ...Object.getOwnPropertyNames(kindling.User.prototype)].filter((name) => !called.has(name));
    return { results, missed: missed.sort() };"#;

/// Every public function that records something has on the profile the effect that is documented.
pub async fn every_call_arrives_as_documented(engine: Engine) {
    let mut hello = campaign("hello", None, "plain");
    hello["message"]["buttons"] = json!([{"id": "go", "text": "Go"}]);
    let server = Server::start(workspace("shop", json!([]), json!([hello]))).await;
    let options = "appVersion: '2.1', appVersionNumber: '2.1.0.7', devicePropertyAllowlist: ['timeZone', 'resolution']";
    let stage = Stage::set(server, engine, options, &format!("window.play = async () => {{ {CALLS} }};")).await;
    let visitor = stage.visit().await;
    stage.get_messages().await;
    let outcome = stage.browser.run("return window.play()").await;
    let results = outcome["results"].as_array().expect("there is a list");
    assert!(results.iter().all(|result| *result == true), "{results:?}");
    let missed: BTreeSet<&str> =
        outcome["missed"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    let silent: BTreeSet<&str> = SILENT.into_iter().chain(["constructor"]).collect();
    assert_eq!(missed, silent, "a function that no test calls");
    stage.flush().await;
    stage.expect_empty_queue().await;

    let api = stage.api();
    let profile = api.user("external_id:ada").await;
    assert_eq!(api.user(&visitor).await["id"], profile["id"], "the visitor turned out to be Ada");
    let attributes = json!({
        "email": "ada@example.com", "first_name": "Ada", "last_name": "Lovelace", "phone_number": "+49 3641 1234",
        "gender": "f", "date_of_birth": "1815-12-10", "country": "DE", "home_city": "Jena", "language": "en",
    });
    assert_eq!(profile["attributes"], attributes);
    let custom = json!({
        "plan": "free", "since": {"$time": 86_400_000}, "nested": {"a": [1, null, {"b": true}]}, "visits": 2.5, "tags": ["a"],
        "pet": {"name": "Rex", "kind": "dog"}, "home": {"latitude": 50.9, "longitude": 11.6},
    });
    assert_eq!(profile["custom_attributes"], custom);
    assert_eq!((&profile["events"]["plain"]["count"], &profile["events"]["rich"]["count"]), (&json!(1), &json!(2)));
    assert_eq!(profile["purchases"]["revenue"], json!({"USD": 12.35, "EUR": 30}));
    assert_eq!(profile["sessions"]["count"], 2, "the visitor's, and the one of the user who signed in");
    assert_eq!(api.user("alias:card:4711").await["id"], profile["id"]);
    assert_eq!(profile["subscriptions"], json!({"email": "opted_in", "push": "unsubscribed"}));
    assert_eq!(profile["subscription_groups"], json!({"news": "subscribed", "offers": "unsubscribed"}));
    let message = &profile["messages"]["hello"];
    let counts = ["impressions", "clicks", "dismissals"].map(|what| message[what]["count"].clone());
    assert_eq!(json!(counts), json!([1, 3, 1]), "{message}");
    assert_eq!(message["buttons"], json!({"go": 1, "spin": 1}), "{message}");
    let device = &profile["devices"][0];
    assert!(device["time_zone"].is_string() && device["screen_width"].as_i64() > Some(0), "{device}");
    assert_eq!((&device["app_version"], &device["app_version_number"]), (&json!("2.1"), &json!("2.1.0.7")));
    assert_eq!(device["sdk_metadata"], json!(["npm"]));
    let unsaid = ["browser", "browser_version", "os", "language"].map(|part| device[part].clone());
    assert_eq!(json!(unsaid), json!([null, null, null, null]), "the site does not let it say so");
    assert_eq!(profile["events"]["ecommerce.order_placed"]["count"], 1);
    let place = ["latitude", "longitude", "altitude", "accuracy"].map(|part| profile["location"][part].clone());
    assert_eq!(json!(place), json!([48.2, 16.4, 170, 10]));
    let records = api.records("external_id:ada", 100).await;
    let rich: Vec<&Value> =
        records.iter().filter(|record| record["name"] == "rich").map(|r| &r["properties"]).collect();
    let wanted = json!({"text": "x", "number": 1.5, "flag": false, "time": {"$time": 5}, "none": null});
    assert_eq!(rich, [&json!({}), &wanted]);

    let script = r#"
        const user = kindling.getUser();
        return [user.setEmail(null), user.setDateOfBirth(null, null, null), user.setGender(null), user.setCountry(null)];"#;
    assert_eq!(stage.browser.run(script).await, json!([true, true, true, true]));
    stage.flush().await;
    let cleared = json!({
        "first_name": "Ada", "last_name": "Lovelace", "phone_number": "+49 3641 1234", "home_city": "Jena", "language": "en",
    });
    assert_eq!(api.user("external_id:ada").await["attributes"], cleared);
}

/// What is logged without a network over two reloads arrives, once, when there is one again.
pub async fn what_is_logged_offline_over_two_reloads_arrives_once(engine: Engine) {
    const PAGES: [[u64; 2]; 3] = [[1, 200], [201, 400], [401, 500]];
    let server = Server::start(empty_workspace("shop")).await;
    // Each page tries to send, again and again, while there is nobody to answer.
    let stage = Stage::set(server, engine, "flushIntervalInSeconds: 1", STEPS).await;
    let user = stage.visit().await;
    stage.gate.shut();
    for (number, [from, to]) in PAGES.into_iter().enumerate() {
        if number > 0 {
            stage.browser.reload().await;
            assert_eq!(stage.visitor().await, user, "it is the same device after a reload");
        }
        assert_eq!(stage.browser.run(&format!("return log({from}, {to})")).await, to - from + 1);
        assert_eq!(stage.browser.run("return kindling.getQueuedRecords().length").await, to, "all of them wait");
    }
    assert_eq!(stage.api().event_count(&user, "step").await, 0);
    stage.open_gate();
    stage.flush().await;
    stage.expect_once(&user, 500).await;
}

/// A message is shown, dismissed or clicked, and the server knows.
pub async fn a_message_is_shown_and_what_the_visitor_does_with_it_arrives(engine: Engine) {
    let mut campaigns = ["first", "second"].map(|id| campaign(id, None, "seen"));
    campaigns[0]["priority"] = json!(10);
    campaigns[1]["message"]["click_action"] = json!({"type": "open_url", "url": "#clicked"});
    let server = Server::start(workspace("shop", json!([]), json!(campaigns))).await;
    let options = "minimumIntervalBetweenTriggerActionsInSeconds: 0";
    let stage = Stage::set(server, engine, options, "kindling.automaticallyShowInAppMessages();").await;
    stage.visit().await;
    stage.get_messages().await;
    stage.log("seen").await;
    stage.expect_shown("first").await;
    stage.browser.click_what(&part(".close")).await;
    stage.expect_gone().await;
    stage.log("seen").await;
    stage.expect_shown("second").await;
    stage.browser.click_what(&part(".card")).await;
    stage.expect_gone().await;
    assert_eq!(stage.browser.run("return location.hash").await, "#clicked");
    stage.flush().await;
    assert_eq!(stage.message_counts("first").await, [json!(1), json!(0)]);
    assert_eq!(stage.message_counts("second").await, [json!(1), json!(1)]);
}

/// A page with a strict policy shows messages without a violation of it.
pub async fn a_page_with_a_strict_policy_shows_messages_without_a_violation(engine: Engine) {
    let mut hello = campaign("hello", None, "seen");
    hello["message"]["type"] = json!("modal");
    hello["message"]["buttons"] = json!([{"id": "go", "text": "Go"}]);
    let server = Server::start(workspace("shop", json!([]), json!([hello]))).await;
    let policy = format!(
        "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self' {}; style-src 'self'; \
         require-trusted-types-for 'script'",
        server.url()
    );
    let (pages, browser) = (Pages::serve(Some(&policy)).await, Browser::open_in(engine).await);
    let script = "
        window.violations = [];
        document.addEventListener('securitypolicyviolation', (event) => window.violations.push(event.violatedDirective));
        kindling.automaticallyShowInAppMessages();
        kindling.openSession();
        kindling.logCustomEvent('seen');";
    pages.write_page("strict", &format!("{}{script}", start(server.url(), "")));
    browser.goto(&pages.page("strict")).await;
    let user = visitor(&browser).await;
    let looks = "
        const dialog = document.querySelector('kindling-message')?.shadowRoot.querySelector('dialog');
        if (!dialog) return null;
        const style = getComputedStyle(dialog);
        return { open: dialog.open, text: dialog.textContent, radius: style.borderTopLeftRadius, position: style.position };";
    let looks = browser.until("the message", looks).await;
    assert_eq!((&looks["open"], &looks["position"]), (&json!(true), &json!("fixed")), "{looks}");
    assert_ne!(looks["radius"], "0px", "the style is applied: {looks}");
    assert!(looks["text"].as_str().is_some_and(|text| text.contains("Body of hello")), "{looks}");
    browser.click_what(&part("button.action")).await;
    browser.until("the end of the message", "return !document.querySelector('kindling-message')").await;
    assert!(flush(&browser).await, "the flush was taken");
    assert_eq!(server.api().user(&user).await["messages"]["hello"]["clicks"]["count"], 1);
    assert_eq!(browser.run("return window.violations").await, json!([]));
}
