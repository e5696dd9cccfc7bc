//! What a visitor does with messages, and what comes of it: clicks and what they do, answers, the keyboard, and what a page of its own
//! may ask for.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on has failed")]

use kindling_tests::{
    browser::Browser,
    engine::Engine,
    server::{Server, campaign, workspace},
    shown::{SHOWN, part},
    site::Pages,
    stage::{Stage, flush, start, visitor},
};
use serde_json::{Value, json};

/// A page that shows messages by itself, with no pause between them, and has visited the server once. Its messages are shown by an event
/// of their campaign's name.
async fn set(messages: &[(&str, Value)], script: &str) -> Stage {
    let campaigns = messages.iter().map(|(id, message)| {
        let mut campaign = campaign(id, None, id);
        campaign["message"] = message.clone();
        campaign
    });
    let server = Server::start(workspace("shop", json!([]), campaigns.collect())).await;
    let options = "minimumIntervalBetweenTriggerActionsInSeconds: 0, flushIntervalInSeconds: 600";
    let script = format!("kindling.automaticallyShowInAppMessages();{script}");
    let stage = Stage::set(server, Engine::Chromium, options, &script).await;
    stage.visit().await;
    stage.get_messages().await;
    stage.expect_empty_queue().await;
    stage
}

const OPEN: &str =
    "return document.querySelector('kindling-message')?.shadowRoot.querySelector('.frame') !== undefined";

/// The records that wait on the device, without their places and times.
async fn queued(stage: &Stage) -> Value {
    let script = "return kindling.getQueuedRecords().map(({ seq, stream, at, ...record }) => record)";
    stage.browser.run(script).await
}

async fn show(stage: &Stage, id: &str) {
    stage.log(id).await;
    stage.browser.until("the message", OPEN).await;
    stage.flush().await;
    stage.expect_empty_queue().await;
}

#[tokio::test]
async fn a_click_does_what_its_action_says() {
    let act = |action: Value| json!({"type": "modal", "header": "Header of x", "body": "B", "buttons": [{"id": "go", "text": "Go", "click_action": action}]});
    let messages = [
        ("event", act(json!({"type": "log_event", "name": "liked", "properties": {"n": 1}}))),
        ("attributes", act(json!({"type": "set_attributes", "attributes": {"plan": "gold", "trial": null}}))),
        ("push", act(json!({"type": "request_push"}))),
        (
            "all",
            act(
                json!({"type": "all", "of": [{"type": "log_event", "name": "a"}, {"type": "open_url", "url": "#there"}]}),
            ),
        ),
    ];
    let stage = set(&messages, "window.Notification = { requestPermission: async () => 'granted' };").await;
    let click = |id: &str| json!({"type": "message_click", "message": id, "button": "go"});
    for (id, wanted) in [
        ("event", json!([click("event"), {"type": "custom_event", "name": "liked", "properties": {"n": 1}}])),
        (
            "attributes",
            json!([
                click("attributes"),
                {"type": "custom_attribute", "name": "plan", "op": "set", "value": "gold"},
                {"type": "custom_attribute", "name": "trial", "op": "set", "value": null},
            ]),
        ),
        ("push", json!([click("push"), {"type": "subscription", "channel": "push", "state": "opted_in"}])),
        ("all", json!([click("all"), {"type": "custom_event", "name": "a"}])),
    ] {
        show(&stage, id).await;
        stage.browser.click_what(&part("button.action")).await;
        stage.expect_gone().await;
        let count = wanted.as_array().unwrap().len();
        stage.browser.until("the records", &format!("return kindling.getQueuedRecords().length >= {count}")).await;
        assert_eq!(queued(&stage).await, wanted, "{id}");
        stage.flush().await;
    }
    assert_eq!(stage.browser.run("return location.hash").await, "#there");
}

#[tokio::test]
async fn a_survey_asks_and_its_answer_is_recorded_once() {
    let survey = |question: Value, answer: Value, thanks: Value| {
        json!({"type": "survey", "header": "Header of x", "body": "B", "question": question, "answer": answer, "submit": "Send",
            "thanks": thanks, "buttons": [{"id": "later", "text": "Later"}]})
    };
    let options = json!([{"id": "friends", "text": "From friends"}, {"id": "market", "text": "At a market"}]);
    let messages = [
        (
            "choice",
            survey(json!({"type": "choice", "options": options}), json!({"attribute": "heard_of_us"}), Value::Null),
        ),
        ("rating", survey(json!({"type": "rating", "from": 0, "to": 10}), json!({"event": "rated"}), json!("Thanks"))),
        ("text", survey(json!({"type": "text"}), json!({"event": "said"}), Value::Null)),
        ("put_off", survey(json!({"type": "text"}), json!({"event": "said"}), Value::Null)),
    ];
    let stage = set(&messages, "").await;
    let click = |id: &str| json!({"type": "message_click", "message": id, "button": "submit"});

    show(&stage, "choice").await;
    stage.browser.click_what(&part("[type=submit]")).await;
    assert_eq!(queued(&stage).await, json!([]), "there is no answer yet");
    stage.browser.click_what(&part("label:nth-of-type(2)")).await;
    stage.browser.click_what(&part("[type=submit]")).await;
    stage.expect_gone().await;
    let set = json!({"type": "custom_attribute", "name": "heard_of_us", "op": "set", "value": "market"});
    assert_eq!(queued(&stage).await, json!([click("choice"), set]));
    stage.flush().await;

    show(&stage, "rating").await;
    stage.browser.click_what(&part("label:nth-of-type(8)")).await;
    stage.browser.click_what(&part("[type=submit]")).await;
    stage
        .browser
        .until(
            "thanks",
            "return document.querySelector('kindling-message').shadowRoot.querySelector('.thanks') !== null",
        )
        .await;
    stage.browser.click_what(&part(".close")).await;
    stage.expect_gone().await;
    let rated = json!({"type": "custom_event", "name": "rated", "properties": {"answer": 7, "message": "rating"}});
    assert_eq!(queued(&stage).await, json!([click("rating"), rated]), "to close what thanks is no dismissal");
    stage.flush().await;

    show(&stage, "text").await;
    let write = "
        const field = document.querySelector('kindling-message').shadowRoot.querySelector('textarea');
        window.keys = 0;
        document.addEventListener('keydown', () => (window.keys += 1));
        field.focus();
        return field;";
    stage.browser.run(write).await;
    stage.browser.key("Space", false).await;
    stage.browser.key("Enter", false).await;
    stage
        .browser
        .run("document.querySelector('kindling-message').shadowRoot.querySelector('textarea').value += 'More blue'")
        .await;
    stage.browser.click_what(&part("[type=submit]")).await;
    stage.expect_gone().await;
    let said =
        json!({"type": "custom_event", "name": "said", "properties": {"answer": "More blue", "message": "text"}});
    assert_eq!(queued(&stage).await, json!([click("text"), said]));
    assert_eq!(stage.browser.run("return window.keys").await, 0, "what is typed is not for the site's shortcuts");
    stage.flush().await;

    show(&stage, "put_off").await;
    stage.browser.click_what(&part(r#"[data-button="0"]"#)).await;
    stage.expect_gone().await;
    assert_eq!(queued(&stage).await, json!([{"type": "message_click", "message": "put_off", "button": "later"}]));
}

#[tokio::test]
async fn the_keyboard_goes_into_a_dialog_and_comes_back() {
    let modal = json!({"type": "modal", "header": "Header of modal", "body": "B", "buttons": [{"id": "a", "text": "A"}, {"id": "b", "text": "B"}]});
    let note = json!({"type": "slide_up", "header": "Header of note", "body": "B", "click_action": {"type": "close"}});
    let script = "document.body.insertAdjacentHTML('beforeend', '<button id=mine>Mine</button>');";
    let stage = set(&[("modal", modal), ("note", note)], script).await;
    let active = "return document.activeElement.shadowRoot?.activeElement?.className ?? document.activeElement.id";

    stage.browser.run("document.getElementById('mine').focus()").await;
    show(&stage, "modal").await;
    assert_eq!(stage.browser.run(active).await, "frame modal", "the dialog itself, so that it is read out");
    let overflow = "return document.documentElement.style.overflow";
    assert_eq!(stage.browser.run(overflow).await, "hidden", "the page behind it stays where it is");
    let mut reached = Vec::new();
    for _ in 0..7 {
        stage.browser.key("Tab", false).await;
        reached.push(stage.browser.run(active).await);
    }
    assert_eq!(reached, ["action", "action", "close", "action", "action", "close", "action"]);
    stage.browser.key("Escape", false).await;
    stage.expect_gone().await;
    assert_eq!(stage.browser.run(active).await, "mine");
    assert_eq!(stage.browser.run(overflow).await, "");
    assert_eq!(queued(&stage).await, json!([{"type": "message_dismissal", "message": "modal"}]));
    stage.flush().await;

    show(&stage, "note").await;
    assert_eq!(stage.browser.run(active).await, "mine", "a note leaves the keyboard where it is");
    stage
        .browser
        .until(
            "what is read out",
            "return document.querySelector('kindling-message').shadowRoot
        .querySelector('[role=status]').textContent === 'Header of note. B'",
        )
        .await;
    stage.browser.key("Tab", false).await;
    assert_eq!(stage.browser.run(active).await, "cover");
    stage.browser.key("Enter", false).await;
    stage.expect_gone().await;
    assert_eq!(stage.browser.run(active).await, "mine");
    assert_eq!(queued(&stage).await, json!([{"type": "message_click", "message": "note"}]));
}

#[tokio::test]
async fn a_page_of_its_own_reaches_nothing_but_the_bridge() {
    let html = r#"<!doctype html><html><body><h1>Hi</h1><a id=link href="/there" data-button="terms">Terms</a><script>
        const attempt = (what) => { try { return String(what()); } catch (error) { return error.name; } };
        kindling.logCustomEvent("probe", {
          document: attempt(() => parent.document.title),
          storage: attempt(() => localStorage.length),
          cookie: attempt(() => document.cookie),
          origin: attempt(() => origin),
          frozen: attempt(() => { "use strict"; kindling.logClick = 1; return typeof kindling.logClick; }),
        });
        kindling.setCustomUserAttribute("spun", true);
        kindling.openUrl("javascript:parent.hacked = 1");
        const key = /key: "(.*?)"/.exec(document.scripts[0].textContent)[1];
        parent.postMessage({ kindling: "constructor", key, said: [] }, "*");
        parent.postMessage({ kindling: "logCustomEvent", key, said: 1 }, "*");
        parent.postMessage({ kindling: "logCustomEvent", said: ["forged"] }, "*");
        fetch("https://example.invalid/").catch(() => kindling.logCustomEvent("no_network"));
        for (let n = 0; n < 200; n += 1) kindling.logCustomEvent("flood");
    </script></body></html>"#;
    let stage = set(&[("html", json!({"type": "html", "body": "Hi", "html": html}))], "").await;
    // All of it stays where it can be looked at.
    stage.gate.shut();
    stage.log("html").await;
    let enough = "return kindling.getQueuedRecords().filter(({ name }) => name === 'flood').length > 50";
    stage.browser.until("what the page asked for", enough).await;
    // What was asked for later is not done any more.
    let records = queued(&stage).await;
    let records = records.as_array().unwrap();
    let probe = records.iter().find(|record| record["name"] == "probe").unwrap();
    assert_eq!(
        probe["properties"],
        json!({"document": "SecurityError", "storage": "SecurityError", "cookie": "SecurityError", "origin": "null", "frozen": "TypeError"})
    );
    assert!(records.contains(&json!({"type": "custom_attribute", "name": "spun", "op": "set", "value": true})));
    let made =
        records.iter().filter(|record| record["type"] != "message_impression" && record["name"] != "html").count();
    assert!(made <= 100, "{made} records of one message");
    assert_eq!(stage.browser.run("return window.hacked ?? null").await, Value::Null);

    // Others can't speak for it: neither the site itself nor a frame of somebody else's.
    let forge = "
        const said = { kindling: 'logCustomEvent', said: ['forged'] };
        window.postMessage(said, '*');
        const frame = document.createElement('iframe');
        frame.sandbox = 'allow-scripts';
        frame.srcdoc = `<script>parent.postMessage(${JSON.stringify(said)}, '*')</script>`;
        document.body.append(frame);
        await new Promise((resolve) => (frame.onload = resolve));
        await new Promise((resolve) => setTimeout(resolve));
        return kindling.getQueuedRecords().some(({ name }) => name === 'forged');";
    assert_eq!(stage.browser.run(forge).await, false);
    let sandbox =
        "return document.querySelector('kindling-message').shadowRoot.querySelector('iframe').getAttribute('sandbox')";
    assert_eq!(stage.browser.run(sandbox).await, "allow-scripts");
}

#[tokio::test]
async fn clicks_in_a_page_of_its_own_are_clicks_of_the_message() {
    let html = r#"<h1>Hi</h1><button autofocus onclick="kindling.logClick('spin'); kindling.close()">Spin</button>
        <script>addEventListener("load", () => document.querySelector("button").click());</script>"#;
    let stage = set(&[("html", json!({"type": "html", "body": "Hi", "html": html}))], "").await;
    stage.log("html").await;
    stage
        .browser
        .until("the click", "return kindling.getQueuedRecords().some(({ type }) => type === 'message_click')")
        .await;
    stage.expect_gone().await;
    let records = queued(&stage).await;
    let of_message: Vec<&Value> = records.as_array().unwrap().iter().filter(|r| r["message"] == "html").collect();
    let wanted = [
        json!({"type": "message_impression", "message": "html"}),
        json!({"type": "message_click", "message": "html", "button": "spin"}),
    ];
    assert_eq!(of_message, wanted.iter().collect::<Vec<_>>(), "what was clicked is not dismissed");
}

#[tokio::test]
async fn a_strict_site_has_the_servers_frame_or_the_text() {
    let html = r#"<!doctype html><h1>Hi</h1><p><a href="/there" data-button="terms">Terms</a></p>
        <script>document.querySelector("a").click()</script>"#;
    let mut campaign = campaign("html", None, "html");
    campaign["message"] = json!({"type": "html", "header": "Header of html", "body": "As text", "html": html});
    let server = Server::start(workspace("shop", json!([]), json!([campaign]))).await;
    let browser = Browser::open().await;
    for (frames, is_frame) in [(server.url(), true), ("'none'", false)] {
        let policy =
            format!("script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; base-uri 'none'; frame-src {frames}");
        let pages = Pages::serve(Some(&policy)).await;
        pages.write_page("there", "");
        let script = "
            kindling.automaticallyShowInAppMessages();
            window.opened = [];
            navigation.addEventListener('navigate', (event) => (event.preventDefault(), opened.push(event.destination.url)));";
        pages.write_page("page", &format!("{}{script}", start(server.url(), "flushIntervalInSeconds: 600")));
        browser.goto(&pages.page("page")).await;
        visitor(&browser).await;
        browser.run("kindling.logCustomEvent('arrived')").await;
        assert!(flush(&browser).await);
        browser.run("kindling.logCustomEvent('html')").await;
        if is_frame {
            let clicked =
                "return kindling.getQueuedRecords().find(({ type }) => type === 'message_click')?.button ?? null";
            assert_eq!(browser.until("the click", clicked).await, "terms");
            let opened = browser.until("the address", "return opened[0] ?? null").await;
            assert_eq!(opened, format!("{}/there", pages.url()), "of the site, not of the server");
            let high = "return document.querySelector('kindling-message').shadowRoot.querySelector('iframe').clientHeight > 50";
            browser.until("its height", high).await;
        } else {
            let text = "return document.querySelector('kindling-message')?.shadowRoot.querySelector('dialog.modal p')?.textContent ?? null";
            assert_eq!(browser.until("the text", text).await, "As text");
        }
    }
}

#[tokio::test]
async fn what_is_for_comparison_is_counted_and_not_shown() {
    let mut compared = campaign("x", None, "x");
    compared.as_object_mut().unwrap().remove("message");
    compared["variants"] = json!([
        {"id": "nothing", "percentage": 100, "control": true},
        {"id": "modal", "percentage": 0, "message": {"type": "modal", "body": "B"}},
    ]);
    let server = Server::start(workspace("shop", json!([]), json!([compared]))).await;
    let script = "
        kindling.automaticallyShowInAppMessages();
        kindling.subscribeToInAppMessage((message) => (window.got = message));";
    let stage = Stage::set(server, Engine::Chromium, "flushIntervalInSeconds: 600", script).await;
    stage.visit().await;
    stage.get_messages().await;
    stage.expect_empty_queue().await;
    stage.log("x").await;
    let got =
        "return [got.isControl, got instanceof kindling.ControlMessage, got.type, got.message, got.buttons.length]";
    assert_eq!(stage.browser.run(got).await, json!([true, true, "control", "", 0]));
    let impression = json!({"type": "message_impression", "message": "x", "variant": "nothing"});
    assert_eq!(queued(&stage).await, json!([{"type": "custom_event", "name": "x"}, impression]));
    assert_eq!(stage.browser.run(SHOWN).await, Value::Null);
}

#[tokio::test]
async fn a_page_may_take_part_in_how_a_message_is_shown() {
    let modal = json!({"type": "modal", "header": "Header of x", "body": "B", "buttons": [{"id": "go", "text": "Go"}],
        "click_action": {"type": "close"}});
    let script = "
        kindling.removeAllSubscriptions();
        document.body.insertAdjacentHTML('beforeend', '<main id=place></main>');
        window.told = [];
        kindling.subscribeToInAppMessage((message) => {
          window.message = message;
          message.subscribeToClickedEvent((what) => told.push(['message', what === message]));
          message.subscribeToDismissedEvent((what) => told.push(['dismissed', what === message]));
          const [button] = message.buttons;
          button.subscribeToClickedEvent((what) => told.push(['button', what === button]));
          message.removeSubscription(message.subscribeToClickedEvent(() => told.push('not any more')));
          kindling.showInAppMessage(message, document.getElementById('place'), () => told.push('displayed'));
        });";
    let messages = ["a", "b", "c"].map(|id| (id, modal.clone()));
    let stage = set(&messages, script).await;
    for (id, selector, wanted) in [
        ("a", "button.action", json!(["displayed", ["button", true]])),
        ("b", ".close", json!(["displayed", ["dismissed", true]])),
        ("c", ".cover", json!(["displayed", ["message", true]])),
    ] {
        stage.browser.run("window.told = []").await;
        stage.log(id).await;
        stage
            .browser
            .until("the message in its place", "return document.querySelector('#place > kindling-message') !== null")
            .await;
        stage.browser.click_what(&part(selector)).await;
        stage.expect_gone().await;
        assert_eq!(stage.browser.run("return told").await, wanted, "{selector}");
    }
    stage.browser.run("window.told = []; message.removeAllSubscriptions(); kindling.showInAppMessage(message); message.closeMessage();").await;
    assert_eq!(stage.browser.run("return [told, document.querySelector('kindling-message')]").await, json!([[], null]));
}

#[tokio::test]
async fn a_message_that_can_not_be_drawn_keeps_no_other_from_it() {
    let broken = json!({"type": "modal", "header": "Header of broken", "body": "B"});
    let whole = json!({"type": "modal", "header": "Header of whole", "body": "B"});
    let script = "
        CSSStyleSheet.prototype.replaceSync = new Proxy(CSSStyleSheet.prototype.replaceSync, {
          apply(replace, sheet, args) {
            if (!window.broke) throw (window.broke = new Error('the browser does not want it'));
            return Reflect.apply(replace, sheet, args);
          },
        });";
    let stage = set(&[("broken", broken), ("whole", whole)], script).await;
    stage.log("broken").await;
    stage.log("whole").await;
    stage.expect_shown("whole").await;
    assert_eq!(stage.browser.run("return window.broke.message").await, "the browser does not want it");
}
