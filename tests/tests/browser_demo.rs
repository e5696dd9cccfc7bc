//! The demo shop in a real browser, from the first visit to signing in.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on has failed")]

use kindling_tests::{api::Api, browser::Browser, gate::Gate, server::Server, site::Shop, wait};
use serde_json::{Value, json};

/// The text of the message that is on the page.
const MESSAGE: &str = "return document.querySelector('body > kindling-message')?.shadowRoot.textContent ?? null;";

/// Opens the shop and waits until its SDK is ready. Returns the device's id, as the developer panel shows it.
async fn enter(browser: &Browser, shop: &Shop) -> String {
    browser.goto(shop.url()).await;
    device(browser).await
}

async fn device(browser: &Browser) -> String {
    let script = "const text = document.querySelector('[data-testid=panel-device-id]').textContent;
                  return text.length === 36 ? text : null;";
    browser.until("the device's id in the panel", script).await.as_str().unwrap().to_owned()
}

async fn add_to_basket(browser: &Browser, product: &str) {
    browser.click(&format!("[data-testid=product-card][data-product={product}] [data-testid=add-to-basket]")).await;
}

async fn text(browser: &Browser, test_id: &str) -> String {
    let script = "return document.querySelector(`[data-testid=${argument}]`)?.textContent ?? null;";
    browser.run_with(script, json!(test_id)).await.as_str().unwrap_or_default().to_owned()
}

/// Waits until the text of a part of the page is this.
async fn expect_text(browser: &Browser, test_id: &str, wanted: &str) {
    let what = format!("{test_id} with the text {wanted}");
    wait::until(&what, async || (text(browser, test_id).await == wanted).then_some(())).await;
}

/// Waits until the server's profile of a user passes the test.
async fn expect_profile(api: &Api, user: &str, what: &str, test: impl Fn(&Value) -> bool) -> Value {
    wait::until(what, async || api.find_user(user).await.filter(|profile| test(profile))).await
}

#[tokio::test]
async fn two_things_in_the_basket_bring_a_message_and_a_click_on_it_opens_the_basket() {
    let server = Server::start(Shop::definitions()).await;
    let (api, shop, browser) = (server.api(), Shop::start(server.url()).await, Browser::open().await);
    let user = format!("device_id:{}", enter(&browser, &shop).await);
    add_to_basket(&browser, "enamel-mug").await;
    add_to_basket(&browser, "long-matches").await;
    expect_text(&browser, "basket-count", "2").await;

    let message = browser.until("the message", MESSAGE).await;
    assert!(message.as_str().unwrap().contains("Shipping is on us"), "{message}");
    browser
        .click_what("return document.querySelector('kindling-message')?.shadowRoot.querySelector('.card') ?? null")
        .await;
    browser.until("the basket", "return document.querySelector('[data-testid=basket-drawer]').open").await;
    assert_eq!(browser.run(MESSAGE).await, Value::Null, "the click took the message away");

    let profile = expect_profile(&api, &user, "the click at the server", |profile| {
        profile["messages"]["free_shipping"]["clicks"]["count"] == 1
    })
    .await;
    assert_eq!(profile["messages"]["free_shipping"]["impressions"]["count"], 1);
    assert_eq!(profile["events"]["added_to_basket"]["count"], 2);
    assert!(profile["segments"].as_array().unwrap().contains(&json!("basket_builders")), "{profile}");
    assert_eq!(profile["external_id"], Value::Null);

    // The developer panel shows the same.
    browser.element("[data-testid=panel-profile][data-loaded=true]").await;
    browser.element("[data-testid=segment-chip][data-segment=basket_builders]").await;
    browser.element("[data-testid=profile-event][data-name=added_to_basket][data-count='2']").await;
    browser.element("[data-testid=flush-entry][data-state=ok]").await;
}

#[tokio::test]
async fn what_happens_without_a_network_arrives_once_and_belongs_to_who_signs_in() {
    let server = Server::start(Shop::definitions()).await;
    let (api, shop, browser) = (server.api(), Shop::start(server.url()).await, Browser::open().await);
    let id = enter(&browser, &shop).await;
    let user = format!("device_id:{id}");
    expect_profile(&api, &user, "the session at the server", |profile| profile["sessions"]["count"] == 1).await;
    expect_text(&browser, "queued-count", "0").await;

    browser.press("network-switch").await;
    browser.element("[data-testid=network-switch][aria-checked=false]").await;
    browser.press("log-ten").await;
    expect_text(&browser, "queued-count", "10").await;
    browser.element("[data-testid=flush-entry][data-state=failed]").await;
    browser.reload().await;
    browser.element("[data-testid=network-switch][aria-checked=false]").await;
    assert_eq!(device(&browser).await, id, "it is the same device after a reload");
    expect_text(&browser, "queued-count", "10").await;
    browser.element("[data-testid=flush-entry][data-state=failed]").await;
    assert_eq!(api.event_count(&user, "demo_ping").await, 0);

    browser.press("network-switch").await;
    browser.element("[data-testid=network-switch][aria-checked=true]").await;
    expect_profile(&api, &user, "the pings at the server", |profile| profile["events"]["demo_ping"]["count"] == 10)
        .await;
    expect_text(&browser, "queued-count", "0").await;
    // Whatever is sent from now on, they stay ten.
    for _ in 0..2 {
        browser.press("flush-now").await;
        browser.element("[data-testid=flush-entry][data-state=ok]").await;
        browser.reload().await;
        device(&browser).await;
    }
    assert_eq!(pings(&api, &user).await, (1..=10).collect::<Vec<_>>());

    browser.press("sign-in-open").await;
    browser.fill("sign-in-id", "ada@example.com").await;
    browser.fill("sign-in-first-name", "Ada").await;
    browser.press("sign-in-submit").await;
    expect_text(&browser, "account-name", "Ada").await;
    let ada = "external_id:ada@example.com";
    let profile = expect_profile(&api, ada, "Ada's attributes", |profile| {
        profile["attributes"]["email"] == "ada@example.com" && profile["attributes"]["first_name"] == "Ada"
    })
    .await;
    assert_eq!(profile["events"]["demo_ping"]["count"], 10, "what the visitor did is Ada's");
    assert_eq!(profile["devices"][0]["id"], id);
    assert!(
        profile["devices"][0]["browser"].as_str().is_some_and(|name| name.contains("Chrome")),
        "{}",
        profile["devices"]
    );
    assert_eq!(pings(&api, ada).await, (1..=10).collect::<Vec<_>>());
    expect_text(&browser, "panel-user", "ada@example.com").await;
    browser.element("[data-testid=profile-event][data-name=demo_ping][data-count='10']").await;
}

/// The numbers of the pings that the server has, in order.
async fn pings(api: &Api, user: &str) -> Vec<u64> {
    let records = api.records(user, 20).await;
    let mut numbers: Vec<u64> = records.iter().filter_map(|record| record["properties"]["n"].as_u64()).collect();
    numbers.sort_unstable();
    numbers
}

#[tokio::test]
async fn an_order_is_recorded_and_thanked_for_even_when_the_server_comes_back_late() {
    let mut server = Server::start(Shop::definitions()).await;
    let gate = Gate::to(server.url()).await;
    let (shop, browser) = (Shop::start(gate.url()).await, Browser::open().await);
    let user = format!("device_id:{}", enter(&browser, &shop).await);
    expect_profile(&server.api(), &user, "the session at the server", |profile| profile["sessions"]["count"] == 1)
        .await;

    gate.shut();
    server.kill();
    add_to_basket(&browser, "kindling-axe").await;
    browser.press("open-basket").await;
    browser.press("checkout").await;
    browser.part("thank-you").await;
    server.start_again().await;
    gate.open(server.url());

    let profile = expect_profile(&server.api(), &user, "the order at the server", |profile| {
        profile["events"]["ordered"]["count"] == 1
    })
    .await;
    assert_eq!(profile["purchases"]["revenue"], json!({"EUR": 79}));
    assert_eq!(profile["purchases"]["products"]["kindling-axe"]["count"], 1);
    let message = browser.until("the message", MESSAGE).await;
    assert!(message.as_str().unwrap().contains("Thank you. Truly."), "{message}");
    let button =
        "return document.querySelector('kindling-message')?.shadowRoot.querySelectorAll('button.action')[1] ?? null";
    browser.click_what(button).await;
    browser.until("the end of the message", "return !document.querySelector('kindling-message')").await;
    let records = wait::until("the click at the server", async || {
        let records = server.api().records(&user, 100).await;
        records.iter().any(|record| record["type"] == "message_click").then_some(records)
    })
    .await;
    let click = records.iter().find(|record| record["type"] == "message_click").unwrap();
    assert_eq!((&click["message"], &click["button"]), (&json!("thank_you"), &json!("close")));
}

#[tokio::test]
async fn a_device_that_is_wiped_is_a_new_visitor() {
    let server = Server::start(Shop::definitions()).await;
    let (api, shop, browser) = (server.api(), Shop::start(server.url()).await, Browser::open().await);
    let before = enter(&browser, &shop).await;
    browser.press("log-ten").await;
    let user = format!("device_id:{before}");
    expect_profile(&api, &user, "the pings at the server", |profile| profile["events"]["demo_ping"]["count"] == 10)
        .await;
    browser.press("wipe").await;
    let after = wait::until("another id", async || Some(device(&browser).await).filter(|id| *id != before)).await;
    browser.press("log-ten").await;
    let fresh = format!("device_id:{after}");
    expect_profile(&api, &fresh, "the new visitor", |profile| profile["events"]["demo_ping"]["count"] == 10).await;
    assert_ne!(api.user(&fresh).await["id"], api.user(&user).await["id"]);
    assert_eq!(api.event_count(&user, "demo_ping").await, 10);
}

/// Finds a part of the message that is shown.
fn part(selector: &str) -> String {
    format!("return document.querySelector('body > kindling-message')?.shadowRoot.querySelector('{selector}') ?? null")
}

#[tokio::test]
async fn what_visitors_do_brings_messages_of_every_type() {
    let server = Server::start(Shop::definitions()).await;
    let (api, shop, browser) = (server.api(), Shop::start(server.url()).await, Browser::open().await);
    let user = format!("device_id:{}", enter(&browser, &shop).await);
    expect_profile(&api, &user, "the session at the server", |profile| profile["sessions"]["count"] == 1).await;

    // A survey about what was taken out again.
    add_to_basket(&browser, "enamel-mug").await;
    browser.press("open-basket").await;
    browser.press("remove-line").await;
    let question = browser.until("the survey", MESSAGE).await;
    assert!(question.as_str().unwrap().contains("It costs too much"), "{question}");
    browser.click_what(&part("label")).await;
    browser.click_what(&part("[type=submit]")).await;
    browser.click_what(&part(".close")).await;
    browser.click("[data-testid=basket-drawer] [data-close]").await;
    expect_profile(&api, &user, "the answer at the server", |profile| {
        profile["events"]["said_why_taken_out"]["count"] == 1
    })
    .await;
    let records = api.records(&user, 50).await;
    let answer = records.iter().find(|record| record["name"] == "said_why_taken_out").unwrap();
    assert_eq!(answer["properties"], json!({"answer": "price", "message": "taken_out"}));

    // A page of its own, in the server's frame: the shop allows no inline scripts. It comes five seconds after the survey at the
    // earliest.
    let settled = format!("await new Promise((resolve) => setTimeout(resolve, 100)); {MESSAGE}");
    wait::until("the page of its own", async || {
        browser.click("[data-testid=category]:nth-child(2)").await;
        Some(browser.run(&settled).await).filter(|text| !text.is_null())
    })
    .await;
    let height =
        "return document.querySelector('kindling-message').shadowRoot.querySelector('iframe')?.clientHeight > 200";
    browser.until("its height", height).await;
    browser.click_what(&part(".close")).await;
    expect_profile(&api, &user, "the dismissal at the server", |profile| {
        profile["messages"]["draw_an_evening"]["dismissals"]["count"] == 1
    })
    .await;
}

#[tokio::test]
async fn the_gallery_shows_any_message_and_records_nothing() {
    let server = Server::start(Shop::definitions()).await;
    let (api, shop, browser) = (server.api(), Shop::start(server.url()).await, Browser::open().await);
    let user = format!("device_id:{}", enter(&browser, &shop).await);
    expect_profile(&api, &user, "the session at the server", |profile| profile["sessions"]["count"] == 1).await;

    let samples =
        browser.run("return document.querySelectorAll('#gallery-sample option').length").await.as_u64().unwrap();
    assert!(samples >= 10, "{samples} messages to begin with");
    let choose = "
        const sample = document.getElementById('gallery-sample');
        sample.value = String(argument);
        sample.dispatchEvent(new Event('change'));
        return JSON.parse(document.getElementById('gallery-editor').value).type;";
    let shown = "return document.querySelector('body > kindling-message')?.shadowRoot.querySelector('.frame')?.className ?? null";
    for place in 0..samples {
        let kind = browser.run_with(choose, json!(place)).await;
        browser.press("gallery-show").await;
        let class = browser.until("the message", shown).await;
        assert!(class.as_str().unwrap().split(' ').any(|class| class == kind), "{class} for {kind}");
        browser.click_what(&part(".close")).await;
        browser.element("[data-testid=gallery-event][data-type=dismissed]").await;
    }

    // What somebody writes, in another language and on a phone.
    let write = "
        const editor = document.getElementById('gallery-editor');
        editor.value = argument;
        editor.dispatchEvent(new Event('input'));
        return document.getElementById('gallery-wrong').textContent;";
    assert_ne!(browser.run_with(write, json!("{")).await, "");
    let own = json!({"type": "modal", "body": "Mine", "translations": {"he": {"body": "שלי"}}}).to_string();
    assert_eq!(browser.run_with(write, json!(own)).await, "");
    browser.run("document.getElementById('gallery-language').value = 'he'").await;
    browser.press("gallery-phone").await;
    browser.press("gallery-show").await;
    let phone = "
        const page = document.getElementById('phone-frame').contentDocument;
        const frame = page?.querySelector('kindling-message')?.shadowRoot.querySelector('dialog');
        return frame ? [page.defaultView.innerWidth, frame.dir, frame.querySelector('p').textContent] : null;";
    assert_eq!(browser.until("the message on the phone", phone).await, json!([390, "rtl", "שלי"]));

    assert_eq!(browser.run("return document.querySelector('[data-testid=queued-count]').textContent").await, "0");
    let profile = api.user(&user).await;
    assert_eq!((&profile["messages"], profile["events"].as_object().map(serde_json::Map::len)), (&json!({}), Some(0)));
}
