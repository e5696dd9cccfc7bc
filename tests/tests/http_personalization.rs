//! Messages with templates: what a user gets, and what becomes of those for whom nothing comes of them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on has failed")]

use kindling_tests::{
    api::{Answer, Api, send},
    server::{Server, campaign, workspace},
    visitor::{Visitor, attribute, event},
};
use reqwest::Method;
use serde_json::{Value, json};

/// A campaign for everybody whose message says this.
fn saying(id: &str, body: &str) -> Value {
    let mut campaign = campaign(id, None, "seen");
    campaign["message"] = json!({"type": "modal", "body": body});
    campaign
}

/// A campaign as it is put.
fn definition(mut campaign: Value) -> Value {
    campaign.as_object_mut().unwrap().remove("id");
    campaign
}

fn custom(name: &str, value: &Value) -> Value {
    json!({"type": "custom_attribute", "name": name, "op": "set", "value": value})
}

/// The messages of an answer, by id.
fn bodies(answer: &Value) -> Vec<(&str, &str)> {
    let items = answer["messages"]["items"].as_array().unwrap_or_else(|| panic!("no messages in {answer}"));
    items.iter().map(|item| (item["id"].as_str().unwrap(), item["content"]["body"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn a_message_says_what_is_known_and_comes_again_when_that_changes() {
    let mut hello = saying("hello", "Hi {{ user.first_name | default: 'friend' }}, {{ custom.plan.name }}!");
    let url = "/plans/{{ custom.plan.name }}?hi={{ user.first_name }}";
    hello["message"]["click_action"] = json!({"type": "open_url", "url": url});
    let server = Server::start(workspace("shop", json!([]), json!([hello, saying("plain", "Hello")]))).await;
    let api = server.api();
    let mut visitor = Visitor::new();
    visitor.messages = Some(String::new());
    let first = api.flush(visitor.flush_of([event("seen")])).await;
    assert_eq!(bodies(&first), [("hello", "Hi friend, !"), ("plain", "Hello")]);

    let version = |answer: &Value| Some(answer["messages"]["version"].as_str().unwrap().to_owned());
    visitor.messages = version(&first);
    let same = api.flush(visitor.flush_of([custom("shoe_size", &json!(42))])).await;
    assert_eq!(same["messages"], Value::Null, "nothing that it says has changed");

    let plan = custom("plan", &json!({"name": "gold & more"}));
    let other = api.flush(visitor.flush_of([attribute("first_name", "Ada"), plan])).await;
    assert_eq!(bodies(&other), [("hello", "Hi Ada, gold & more!"), ("plain", "Hello")]);
    let action = &other["messages"]["items"][0]["content"]["click_action"];
    assert_eq!(action["url"], "/plans/gold%20%26%20more?hi=Ada");
    assert_ne!(version(&other), version(&first));
    assert_eq!(other["messages"]["items"][0]["render"], Value::Null);
    visitor.messages = version(&other);
    assert_eq!(api.flush(visitor.flush_of([event("seen")])).await["messages"], Value::Null);

    // Somebody else's message says something else.
    let mut bob = Visitor::new();
    bob.messages = version(&other);
    let his = api.flush(bob.flush_of([attribute("first_name", "Bob")])).await;
    assert_eq!(bodies(&his)[0], ("hello", "Hi Bob, !"));
}

#[tokio::test]
async fn what_comes_to_nothing_is_taken_out_said_and_counted() {
    let link = json!({"type": "open_url", "url": "{{ custom.link }}"});
    let mut linked = saying("linked", "Look");
    linked["message"]["click_action"] = link;
    let grown_up = "{% if custom.age < 18 %}{% abort_message('too young') %}{% endif %}Cheers";
    let campaigns = json!([saying("cheers", grown_up), linked, saying("plain", "Hello")]);
    let server = Server::start(workspace("shop", json!([]), campaigns)).await;
    let api = server.api();
    let mut visitor = Visitor::new();
    visitor.messages = Some(String::new());
    let records = [custom("age", &json!(17)), custom("link", &json!("javascript:alert(1)"))];
    let answer = api.flush(visitor.flush_of(records)).await;
    assert_eq!(bodies(&answer), [("plain", "Hello")]);

    let decisions = api.get(&format!("/users/{}/decisions", visitor.device_ref())).await.ok();
    let about = |id: &str| {
        let all = decisions["decisions"].as_array().unwrap();
        all.iter().find(|decision| decision["campaign"] == id).unwrap().clone()
    };
    assert_eq!((&about("cheers")["verdict"], &about("cheers")["because"]), (&json!("aborted"), &json!("too young")));
    assert_eq!(about("linked")["verdict"], "not_rendered");
    assert!(about("linked")["error"].as_str().unwrap().contains("$.click_action.url"), "{decisions}");
    assert_eq!(about("plain")["verdict"], "waiting_for_trigger");

    let counted = |id: &'static str| {
        let api = api.clone();
        async move { api.get(&format!("/campaigns/{id}")).await.ok()["not_rendered"].clone() }
    };
    assert_eq!(counted("cheers").await, json!({"aborted": 1, "failed": 0}));
    assert_eq!(counted("plain").await, Value::Null);
    let linked = counted("linked").await;
    assert_eq!((&linked["aborted"], &linked["failed"]), (&json!(0), &json!(1)), "{linked}");
    assert!(!linked.to_string().contains("alert"), "what is the user's stays where it is: {linked}");

    // Counts stay when another definition changes, and it goes on when what was wrong is mended.
    api.put("/campaigns/plain", &definition(saying("plain", "Hello again"))).await.ok();
    assert_eq!(counted("cheers").await, json!({"aborted": 1, "failed": 0}));
    let records = [custom("age", &json!(18)), custom("link", &json!("https://shop.example/x"))];
    let answer = api.flush(visitor.flush_of(records)).await;
    assert_eq!(bodies(&answer), [("cheers", "Cheers"), ("linked", "Look"), ("plain", "Hello again")]);
}

#[tokio::test]
async fn a_template_is_checked_when_it_is_written() {
    let server = Server::start(workspace("shop", json!([]), json!([]))).await;
    let api = server.api();
    for (body, wanted) in [
        ("{{ user.firstname }}", "there is no user.firstname"),
        ("{{ custom.plan | shout }}", "shout"),
        ("{% if custom.plan %}", "if"),
        ("{{ custom.plan", "{{ has no }}"),
    ] {
        let answer = api.put("/campaigns/bad", &definition(saying("bad", body))).await;
        let problem = answer.problem(422, "invalid_definition");
        assert_eq!(problem["path"], "$.message.body", "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(wanted), "{body}: {problem}");
    }
    api.get("/campaigns/bad").await.problem(404, "not_found");
}

/// Asks for a message with an event, as a device does.
async fn render(api: &Api, page: &Visitor, wanted: Value) -> Answer {
    let mut head = api.with_sdk_key(page.flush(Vec::new()));
    head["render"] = wanted;
    let request = api.request(Method::POST, "/sdk/v1/render").header("origin", "http://shop.example");
    send(request.header("content-type", "text/plain;charset=UTF-8").body(head.to_string())).await
}

#[tokio::test]
async fn what_an_event_says_is_put_in_by_the_device_or_by_the_server() {
    let simple = "{{ user.first_name }}, your {{ event.properties.product | default: 'thing' }}";
    let other = "{{ user.first_name }}: {% if event.properties.price > 10 %}{{ event.name | upcase }}{% else %}\
                 {% abort_message 'too cheap' %}{% endif %}";
    let campaigns = json!([saying("other", other), saying("simple", simple)]);
    let server = Server::start(workspace("shop", json!([]), campaigns)).await;
    let api = server.api();
    let mut visitor = Visitor::new();
    visitor.messages = Some(String::new());
    let answer = api.flush(visitor.flush_of([attribute("first_name", "Ada")])).await;
    let items = &answer["messages"]["items"];
    assert_eq!((&items[0]["id"], &items[0]["render"]), (&json!("other"), &json!("server")));
    assert!(!items[0]["content"].to_string().contains("{{"), "{items}");
    let values = json!({"device": [{"path": ["properties", "product"], "default": "thing"}]});
    assert_eq!((&items[1]["id"], &items[1]["render"]), (&json!("simple"), &values));
    assert_eq!(items[1]["content"]["body"], "Ada, your \u{e000}0\u{e001}");

    let wanted = |campaign: &str, price: i32| json!({"campaign": campaign, "event": {"name": "added", "properties": {"price": price, "product": "mug"}}});
    let made = render(&api, &visitor, wanted("other", 11)).await;
    assert_eq!(made.header("access-control-allow-origin"), "*");
    assert_eq!(made.ok()["content"]["body"], "Ada: ADDED");
    assert_eq!(render(&api, &visitor, wanted("simple", 1)).await.ok()["content"]["body"], "Ada, your mug");
    let aborted = render(&api, &visitor, wanted("other", 9)).await.problem(422, "aborted");
    assert_eq!(aborted["detail"], "too cheap");
    assert_eq!(api.get("/campaigns/other").await.ok()["not_rendered"]["aborted"], 1);

    // Only what the user is meant to have, and only for the user who it is.
    render(&api, &visitor, wanted("unknown", 11)).await.problem(404, "not_found");
    render(&api, &Visitor::new(), wanted("other", 11)).await.problem(404, "not_found");
    let mut variant = wanted("other", 11);
    variant["variant"] = json!("b");
    render(&api, &visitor, variant).await.problem(404, "not_found");
    render(&api, &visitor, json!("other")).await.problem(400, "not_a_flush");
    let mut paused = definition(saying("other", other));
    paused["status"] = json!("paused");
    api.put("/campaigns/other", &paused).await.ok();
    render(&api, &visitor, wanted("other", 11)).await.problem(404, "not_found");
}
