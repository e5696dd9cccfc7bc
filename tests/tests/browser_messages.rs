//! In-app messages on a page: what shows them, what they look like, and what a visitor can do with them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on has failed")]

use kindling_tests::{
    server::{campaign, workspace},
    shown::{SHOWN, part},
    stage::Stage,
    wait,
};
use serde_json::{Value, json};

async fn set(campaigns: Value) -> Stage {
    Stage::with_messages(workspace("shop", json!([]), campaigns), "").await
}

#[tokio::test]
async fn a_message_is_shown_once_and_a_dismissal_is_no_click() {
    let mut again = campaign("again", None, "looked");
    again["repeat_after"] = json!("1s");
    let stage = set(json!([campaign("once", None, "seen"), again])).await;
    stage.log("seen").await;
    stage.expect_shown("once").await;
    stage.browser.click_what(&part(".close")).await;
    stage.expect_gone().await;
    stage.log("seen").await;
    assert_eq!(
        stage.browser.run(SHOWN).await,
        Value::Null,
        "a trigger shows its message before the call returns, or not"
    );
    stage.visit().await;
    stage.log("seen").await;
    assert_eq!(stage.browser.run(SHOWN).await, Value::Null, "not on the next page either");
    stage.flush().await;
    assert_eq!(stage.message_counts("once").await, [json!(1), json!(0)]);
    let held = stage.browser.run("return kindling.getHeldInAppMessages().map((message) => message.id)").await;
    assert_eq!(held, json!(["again"]), "what was seen is not held any more");

    for _ in 0..2 {
        wait::until("the message again", async || {
            stage.log("looked").await;
            (stage.browser.run(SHOWN).await == "again").then_some(())
        })
        .await;
        stage.browser.click_what(&part(".close")).await;
        stage.expect_gone().await;
    }
    stage.flush().await;
    assert_eq!(stage.message_counts("again").await, [json!(2), json!(0)]);
}

#[tokio::test]
async fn messages_come_by_priority_one_at_a_time_and_without_a_network() {
    let mut campaigns: Vec<Value> = ["low", "high"].map(|id| campaign(id, None, "seen")).into();
    campaigns[1]["priority"] = json!(10);
    let mut wanted = campaign("only_large", None, "ordered");
    wanted["trigger"]["where"] = json!([{"property": "total", "greater": 50}]);
    let mut bought = campaign("bought", None, "x");
    bought["trigger"] = json!({"type": "purchase", "product_id": "mug"});
    let mut session = campaign("session", None, "x");
    session["trigger"] = json!({"type": "session_start"});
    let mut after = campaign("after_high", None, "x");
    after["trigger"] = json!({"type": "message_click", "message": "high"});
    campaigns.extend([wanted, bought, session, after]);
    campaigns[1]["message"]["click_action"] = json!({"type": "close"});
    let stage = set(json!(campaigns)).await;

    // Everything below needs no server.
    stage.gate.shut();
    stage.log("seen").await;
    stage.expect_shown("high").await;
    stage.log("seen").await;
    assert_eq!(stage.browser.run("return document.querySelectorAll('kindling-message').length").await, 1);
    // The click shows the next, which had to wait, and brings one more by its trigger.
    stage.browser.click_what(&part(".card")).await;
    stage.expect_shown("low").await;
    stage.browser.click_what(&part(".close")).await;
    stage.expect_shown("after_high").await;
    stage.browser.click_what(&part(".close")).await;
    stage.expect_gone().await;
    stage.browser.run("kindling.logCustomEvent('ordered', { total: 50 }); kindling.logPurchase('axe', 1)").await;
    assert_eq!(stage.browser.run(SHOWN).await, Value::Null);
    for (call, id) in [
        ("kindling.logCustomEvent('ordered', { total: 50.5 })", "only_large"),
        ("kindling.logPurchase('mug', 1)", "bought"),
        ("kindling.openSession()", "session"),
    ] {
        stage.browser.run(call).await;
        stage.expect_shown(id).await;
        stage.browser.click_what(&part(".close")).await;
        stage.expect_gone().await;
    }
    stage.open_gate();
    stage.flush().await;
    for (id, clicks) in [("high", 1), ("low", 0), ("after_high", 0), ("only_large", 0), ("bought", 0), ("session", 0)] {
        assert_eq!(stage.message_counts(id).await, [json!(1), json!(clicks)], "{id}");
    }
}

#[tokio::test]
async fn a_modal_is_a_dialog_and_its_text_never_becomes_markup() {
    let text = "<img src=x onerror=\"window.hacked = 1\"><script>window.hacked = 1</script>&amp;";
    let mut modal = campaign("modal", None, "seen");
    modal["message"] = json!({
        "type": "modal", "header": "Header of modal", "body": text, "image_url": "/picture.svg", "image_alt": text,
        "buttons": [
            {"id": "yes", "text": text, "click_action": {"type": "open_url", "url": "#yes"}},
            {"id": "no", "text": "No", "click_action": {"type": "close"}},
        ],
        "extras": {"k": text},
    });
    modal["repeat_after"] = json!("1s");
    let stage = set(json!([modal])).await;
    let picture = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"16\" height=\"9\"/>";
    stage.pages.write("picture.svg", picture);
    let show = async || {
        wait::until("the dialog", async || {
            stage.log("seen").await;
            (stage.browser.run(SHOWN).await == "modal").then_some(())
        })
        .await;
    };
    show().await;
    let script = "
        const root = document.querySelector('kindling-message').shadowRoot;
        return [
          root.querySelector('dialog').matches(':modal'), root.querySelector('p').textContent, root.querySelector('img').alt,
          root.querySelectorAll('script').length, root.querySelectorAll('img').length, window.hacked ?? null,
          [...root.querySelectorAll('button.action')].map((button) => button.textContent),
        ];";
    assert_eq!(stage.browser.run(script).await, json!([true, text, text, 0, 1, null, [text, "No"]]));
    stage.browser.click_what(&part("button.action:nth-of-type(1)")).await;
    stage.expect_gone().await;
    assert_eq!(stage.browser.run("return location.hash").await, "#yes");
    show().await;
    stage.browser.element("body").await.send_keys("\u{e00c}").await.expect("the Escape key");
    stage.expect_gone().await;
    show().await;
    stage.browser.click_what(&part("button.action:nth-of-type(2)")).await;
    stage.expect_gone().await;
    stage.flush().await;
    assert_eq!(stage.message_counts("modal").await, [json!(3), json!(2)], "Escape is no click");
    let records = stage.api().records(&stage.visitor().await, 100).await;
    let buttons: Vec<&Value> = records.iter().filter(|r| r["type"] == "message_click").map(|r| &r["button"]).collect();
    assert_eq!(buttons, ["no", "yes"]);
}

#[tokio::test]
async fn a_page_may_draw_messages_itself() {
    let mut own = campaign("own", None, "seen");
    own["message"]["buttons"] = json!([{"id": "go", "text": "Go"}]);
    own["message"]["extras"] = json!({"k": "v"});
    own["message"]["slide_from"] = json!("top");
    let stage = set(json!([own])).await;
    let script = "
        kindling.removeAllSubscriptions();
        window.got = [];
        const id = kindling.subscribeToInAppMessage((message) => window.got.push(message));
        kindling.logCustomEvent('seen');
        const [message] = window.got;
        const results = [
          typeof id, window.got.length, message instanceof kindling.SlideUpMessage, message instanceof kindling.InAppMessage,
          message.id, message.type, message.slideFrom, message.header, message.message, message.extras, message.buttons.length,
          kindling.logInAppMessageImpression(message), kindling.logInAppMessageClick(message),
          kindling.logInAppMessageButtonClick(message.buttons[0], message),
        ];
        kindling.removeSubscription(id);
        return results;";
    let wanted = json!([
        "string", 1, true, true, "own", "slide_up", "top", "Header of own", "Body of own", {"k": "v"}, 1, true, true, true
    ]);
    assert_eq!(stage.browser.run(script).await, wanted);
    assert_eq!(stage.browser.run(SHOWN).await, Value::Null, "nobody asked for it to be shown");
    stage.flush().await;
    assert_eq!(stage.message_counts("own").await, [json!(1), json!(2)]);
    // It can still be shown by hand, and taken away.
    assert_eq!(stage.browser.run("return kindling.showInAppMessage(window.got[0])").await, true);
    stage.expect_shown("own").await;
    stage.browser.run("window.got[0].closeMessage()").await;
    stage.expect_gone().await;
}

#[tokio::test]
async fn a_message_goes_by_itself_and_with_the_sdk() {
    let mut short = campaign("short", None, "seen");
    short["message"]["duration_ms"] = json!(1000);
    let stage = set(json!([short, campaign("long", None, "looked")])).await;
    stage.log("seen").await;
    stage.expect_shown("short").await;
    stage.expect_gone().await;
    stage.log("looked").await;
    stage.expect_shown("long").await;
    stage.browser.run("kindling.destroy()").await;
    assert_eq!(stage.browser.run(SHOWN).await, Value::Null);
}

#[tokio::test]
async fn a_trigger_may_test_properties() {
    let mut dear = campaign("dear", None, "seen");
    dear["trigger"]["where"] =
        json!([{"property": "price", "greater": 10}, {"property": "kind", "in": ["mug", "axe"]}]);
    let stage = set(json!([campaign("plain", None, "other"), dear])).await;
    let see = |price: u32, kind: &str| {
        format!(
            "return kindling.logCustomEvent('seen', {{ price: {price}, kind: '{kind}', n: {{ deep: [null, 1.5] }} }})"
        )
    };
    // The first may come before the module is there that knows the language of tests; what it shows is told then.
    for (price, kind) in [(10, "mug"), (11, "hat"), (11, "axe")] {
        assert_eq!(stage.browser.run(&see(price, kind)).await, true);
    }
    stage.expect_shown("dear").await;
    stage.flush().await;
    assert_eq!(stage.message_counts("dear").await, [json!(1), json!(0)]);

    // By now it is there, and tells at once.
    let mut again = campaign("again", None, "seen");
    let cheap = json!({"type": "custom_event", "name": "seen", "where": [{"property": "price", "less": 10}]});
    again["trigger"] = json!({"type": "any", "of": [{"type": "purchase", "product_id": "axe"}, cheap]});
    again["repeat_after"] = json!("1s");
    again.as_object_mut().unwrap().remove("id");
    assert_eq!(stage.api().put("/campaigns/again", &again).await.status, 200);
    stage.browser.click_what(&part(".close")).await;
    stage.get_messages().await;
    for (price, shown) in [(10, Value::Null), (9, json!("again"))] {
        stage.browser.run(&see(price, "mug")).await;
        assert_eq!(stage.browser.run(SHOWN).await, shown, "{price}");
    }
    stage.browser.click_what(&part(".close")).await;
    stage.expect_gone().await;
    // And the other of its triggers, when it may be shown again.
    wait::until("the message again", async || {
        stage.browser.run("return kindling.logPurchase('axe', 5)").await;
        (stage.browser.run(SHOWN).await == "again").then_some(())
    })
    .await;
}
