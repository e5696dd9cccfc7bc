//! The management API: who may use it, definitions, users and their records, and that no workspace sees another.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on has failed")]

use kindling_tests::{
    api::{Api, send},
    raw::Raw,
    server::{Server, campaign, empty_workspace, workspace},
    visitor::{Visitor, attribute, event},
    wait,
};
use reqwest::{Method, header};
use serde_json::{Value, json};

async fn start() -> (Server, Api) {
    let server = Server::start(empty_workspace("shop")).await;
    let api = server.api();
    (server, api)
}

/// A definition of a campaign as it is put: without its id, which stands in the address.
fn definition(segment: Option<&str>, event: &str) -> Value {
    let mut definition = campaign("any", segment, event);
    definition.as_object_mut().unwrap().remove("id");
    definition
}

#[tokio::test]
async fn the_server_says_that_it_works() {
    let (_server, api) = start().await;
    let health = send(api.request(Method::GET, "/health")).await.ok();
    assert_eq!(health["status"], "ok");
    assert!(health["version"].is_string());
}

#[tokio::test]
async fn nothing_is_told_without_a_secret_key() {
    let (_server, api) = start().await;
    let mut visitor = Visitor::new();
    api.flush(visitor.flush_of([event("x")])).await;
    let user = format!("/api/v1/users/{}", visitor.device_ref());
    let filter = json!({"filter": {"event": "x"}}).to_string();
    let requests = [
        (Method::GET, "/api/v1/segments".to_owned()),
        (Method::GET, "/api/v1/segments/s".to_owned()),
        (Method::PUT, "/api/v1/segments/s".to_owned()),
        (Method::GET, "/api/v1/campaigns".to_owned()),
        (Method::GET, "/api/v1/campaigns/c".to_owned()),
        (Method::PUT, "/api/v1/campaigns/c".to_owned()),
        (Method::GET, user.clone()),
        (Method::GET, format!("{user}/records")),
    ];
    for (method, path) in requests {
        for authorization in
            ["", "Bearer ", "Bearer pk_shop", "Bearer sk_other", "Bearer SK_SHOP", "Basic sk_shop", "sk_shop"]
        {
            let mut request = api.request(method.clone(), &path).body(filter.clone());
            if !authorization.is_empty() {
                request = request.header(header::AUTHORIZATION, authorization);
            }
            send(request).await.problem(401, "unknown_key");
        }
        let in_the_address = format!("{path}?key=sk_shop&authorization=Bearer%20sk_shop");
        send(api.request(method, &in_the_address).body(filter.clone())).await.problem(401, "unknown_key");
    }
    assert_eq!(api.get("/segments").await.ok(), json!({"segments": []}));
}

#[tokio::test]
async fn errors_of_routing_are_problem_documents() {
    let (_server, api) = start().await;
    for path in ["/", "/api/v1/", "/api/v1/nothing", "/api/v2/segments", "/sdk/v1/flushes", "/health/x"] {
        send(api.request(Method::GET, path).bearer_auth(&api.secret_key)).await.problem(404, "not_found");
    }
}

#[tokio::test]
async fn refusals_of_the_framework_are_problem_documents_too() {
    let (_server, api) = start().await;
    let mut visitor = Visitor::new();
    api.flush(visitor.flush_of([event("x")])).await;
    let records = format!("/api/v1/users/{}/records", visitor.device_ref());
    for (method, path, status) in [
        (Method::GET, "/sdk/v1/flush", 405),
        (Method::DELETE, "/api/v1/segments/x", 405),
        (Method::POST, "/health", 405),
        (Method::GET, "/api/v1/users/%FF", 400),
        (Method::GET, "/api/v1/segments/%FF", 400),
        (Method::GET, &*format!("{records}?limit=many"), 400),
        (Method::GET, &*format!("{records}?limit=1&limit=2"), 400),
    ] {
        let answer = send(api.request(method, path).bearer_auth(&api.secret_key)).await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
        assert_eq!(answer.json()["status"], status, "{path}");
    }
}

#[tokio::test]
async fn a_segment_is_put_changed_and_listed() {
    let (_server, api) = start().await;
    let filter = json!({"all": [{"attribute": "country", "is": "DE"}, {"event": "bought", "within": "7d"}]});
    let put = api.put("/segments/germans", &json!({"name": "Germans", "filter": filter})).await.ok();
    for view in [put, api.get("/segments/germans").await.ok()] {
        assert_eq!((&view["id"], &view["name"], &view["filter"]), (&json!("germans"), &json!("Germans"), &filter));
        assert_eq!(view["size"], 0);
    }
    // Without a name it is called by its id.
    let put = api.put("/segments/all", &json!({"filter": {"all": []}})).await.ok();
    assert_eq!(put["name"], "all");
    let changed = json!({"name": "Buyers", "filter": {"event": "bought"}});
    api.put("/segments/germans", &changed).await.ok();
    let list = api.get("/segments").await.ok();
    let ids: Vec<&Value> = list["segments"].as_array().unwrap().iter().map(|segment| &segment["id"]).collect();
    assert_eq!(ids, ["all", "germans"]);
    assert_eq!(list["segments"][1]["filter"], json!({"event": "bought"}));
    api.get("/segments/nobody").await.problem(404, "not_found");
}

#[tokio::test]
async fn a_campaign_is_put_changed_and_listed() {
    let (_server, api) = start().await;
    api.put("/segments/buyers", &json!({"filter": {"event": "bought"}})).await.ok();
    let mut rich = definition(Some("buyers"), "bought");
    rich["name"] = json!("Thanks");
    rich["priority"] = json!(-5);
    rich["repeat_after"] = json!("7d");
    rich["starts_at"] = json!(1);
    rich["trigger"]["where"] = json!([{"property": "total", "greater": 50}]);
    rich["message"] = json!({
        "type": "modal", "header": "Thanks", "body": "For all of it", "image_url": "/img/a.svg", "image_alt": "A candle",
        "click_action": {"type": "open_url", "url": "/more", "new_tab": true}, "duration_ms": 8000, "extras": {"k": "v"},
        "buttons": [{"id": "go", "text": "Go", "click_action": {"type": "close"}}, {"id": "no", "text": "No"}],
    });
    let mut wanted = rich.clone();
    wanted["id"] = json!("thanks");
    assert_eq!(api.put("/campaigns/thanks", &rich).await.ok(), wanted);
    assert_eq!(api.get("/campaigns/thanks").await.ok(), wanted);
    api.put("/campaigns/another", &definition(None, "seen")).await.ok();
    rich["status"] = json!("paused");
    api.put("/campaigns/thanks", &rich).await.ok();
    let list = api.get("/campaigns").await.ok();
    let list = list["campaigns"].as_array().unwrap();
    assert_eq!(list.iter().map(|campaign| &campaign["id"]).collect::<Vec<_>>(), ["another", "thanks"]);
    assert_eq!(list[1]["status"], "paused");
    api.get("/campaigns/nothing").await.problem(404, "not_found");
}

#[tokio::test]
async fn a_wrong_definition_is_refused_with_the_place_of_the_mistake() {
    let (_server, api) = start().await;
    for (filter, path) in [
        (json!({"all": [{"event": "a"}, {"event": "b", "within": "7 days"}]}), "$.filter.all[1].within"),
        (json!({"event": "a", "count": {"more": 1}}), "$.filter.count.more"),
        (json!({"attribute": "email", "matches": "("}), "$.filter.matches"),
        (json!({"not": {"segment": "nobody_wrote_this"}}), "$.filter"),
        (json!({"all": [{"segment": "wrong"}]}), "$.filter"),
        (json!({"attribute": "plan", "is": "free"}), "$.filter.attribute"),
        (json!({"not": {"custom_attribute": "plan", "equals": 1}}), "$.filter.not.equals"),
        (json!({"foo": 1}), "$.filter"),
        (json!([]), "$.filter"),
        (Value::Null, "$.filter"),
    ] {
        let answer = api.put("/segments/wrong", &json!({"filter": filter})).await;
        assert_eq!(answer.problem(422, "invalid_definition")["path"], path, "{filter}");
    }
    let answer = api.put("/segments/wrong", &json!({"filter": {"event": "a"}, "colour": "red"})).await;
    assert_eq!(answer.problem(422, "invalid_definition")["path"], "$.colour");
    api.get("/segments/wrong").await.problem(404, "not_found");

    let sound = definition(None, "seen");
    for (member, value, path) in [
        ("channel", json!("pigeon"), "$.channel"),
        ("status", json!("live"), "$.status"),
        ("segment", json!("No Slug"), "$.segment"),
        ("priority", json!(1.5), "$.priority"),
        ("repeat_after", json!("soon"), "$.repeat_after"),
        ("trigger", json!({"type": "custom_event"}), "$.trigger.name"),
        ("trigger", json!({"type": "full_moon"}), "$.trigger.type"),
        ("message", json!({"type": "slide_up"}), "$.message.body"),
        ("message", json!({"type": "banner", "body": "x"}), "$.message.type"),
        (
            "message",
            json!({"type": "modal", "body": "x", "click_action": {"type": "open_url", "url": "javascript:alert(1)"}}),
            "$.message.click_action.url",
        ),
        (
            "message",
            json!({"type": "modal", "body": "x", "buttons": [{"id": "a", "text": "a"}, 7]}),
            "$.message.buttons[1]",
        ),
        ("id", json!("wrong"), "$.id"),
    ] {
        let mut wrong = sound.clone();
        wrong[member] = value.clone();
        let answer = api.put("/campaigns/wrong", &wrong).await;
        assert_eq!(answer.problem(422, "invalid_definition")["path"], path, "{member}: {value}");
    }
    api.get("/campaigns/wrong").await.problem(404, "not_found");
}

#[tokio::test]
async fn a_campaign_for_an_unknown_segment_is_refused() {
    let (_server, api) = start().await;
    let answer = api.put("/campaigns/lost", &definition(Some("nobody"), "seen")).await;
    let problem = answer.problem(400, "unknown_segment");
    assert!(problem["detail"].as_str().unwrap().contains("nobody"), "{problem}");
    api.get("/campaigns/lost").await.problem(404, "not_found");
}

#[tokio::test]
async fn a_definition_that_can_not_be_read_is_refused() {
    let (_server, api) = start().await;
    for kind in ["segments", "campaigns"] {
        let put = |id: &str, body: String| send(api.management(Method::PUT, &format!("/{kind}/{id}")).body(body));
        for body in ["", "{", "{\"filter\":{\"a\":1,\"a\":2}}", "NaN", "\"\\ud800\"", "{} {}"] {
            put("x", body.to_owned()).await.problem(400, "not_json");
        }
        put("x", "[".repeat(100_000)).await.problem(400, "not_json");
        let mut long = Raw::connect(&api).await;
        let key = format!("authorization: Bearer {}", api.secret_key);
        long.head(&[&format!("PUT /api/v1/{kind}/x HTTP/1.1"), &key, "content-length: 262145"]).await;
        long.expect_too_large().await;
        for id in ["No-Slug", "a%20b", &"x".repeat(65)] {
            put(id, "{}".to_owned()).await.problem(400, "invalid_id");
        }
    }
    api.expect_healthy().await;
}

#[tokio::test]
async fn a_user_is_found_by_every_name() {
    let (_server, api) = start().await;
    let mut anonymous = Visitor::new();
    api.flush(anonymous.flush_of([event("looked")])).await;
    let mut member = anonymous.signed_in("ada@example.com");
    api.flush(member.flush_of([json!({"type": "identified"}), attribute("first_name", "Ada")])).await;

    let user = api.user("external_id:ada@example.com").await;
    let id = user["id"].as_i64().unwrap();
    for name in [format!("external_id:{}", "ada%40example.com"), anonymous.device_ref(), id.to_string()] {
        assert_eq!(api.user(&name).await, user, "{name}");
        assert_eq!(api.records(&name, 50).await.len(), 3, "{name}");
    }
    let bucket = user["bucket"].as_u64().unwrap();
    assert!(bucket < 10_000);
    for unknown in
        ["external_id:bob", "external_id:ADA@example.com", "device_id:00000000-0000-4000-8000-ffffffffffff", "0", "99"]
    {
        api.get(&format!("/users/{unknown}")).await.problem(404, "not_found");
        api.get(&format!("/users/{unknown}/records")).await.problem(404, "not_found");
    }
    for malformed in ["ada", "device_id:7", "external_id:", "1.5", "-", "email:a"] {
        api.get(&format!("/users/{malformed}")).await.problem(400, "invalid_user");
        api.get(&format!("/users/{malformed}/records")).await.problem(400, "invalid_user");
    }
}

#[tokio::test]
async fn an_external_id_may_be_any_text() {
    let (_server, api) = start().await;
    for (id, in_address) in [
        ("a/b", "a%2Fb"),
        ("50% off", "50%25%20off"),
        ("Zoë ✓", "Zo%C3%AB%20%E2%9C%93"),
        ("external_id:x", "external_id:x"),
    ] {
        let mut visitor = Visitor::new().signed_in(id);
        api.flush(visitor.flush_of([event("x")])).await;
        assert_eq!(api.user(&format!("external_id:{in_address}")).await["external_id"], id);
    }
}

#[tokio::test]
async fn pages_of_records_hold_each_once_newest_first() {
    let (_server, api) = start().await;
    let mut visitor = Visitor::new();
    let mut other = visitor.on_another_page();
    let mut expected = Vec::new();
    for n in 0..7 {
        let page = if n % 2 == 0 { &mut visitor } else { &mut other };
        let flush = page
            .flush_of((0..=n).map(|i| json!({"type": "custom_event", "name": "n", "properties": {"n": n * 10 + i}})));
        expected.extend((0..=n).map(|i| n * 10 + i));
        api.flush(flush).await;
    }
    expected.reverse();
    let device = visitor.device_ref();
    for limit in [1, 3, 7, 28, 500] {
        let records = api.records(&device, limit).await;
        let found: Vec<i64> = records.iter().map(|record| record["properties"]["n"].as_i64().unwrap()).collect();
        assert_eq!(found, expected, "in pages of {limit}");
    }
    // What comes in while somebody turns the pages moves none of them.
    let first = api.get(&format!("/users/{device}/records?limit=5")).await.ok();
    api.flush(visitor.flush_of([event("late")])).await;
    let next = first["next"].as_str().unwrap();
    let second = api.get(&format!("/users/{device}/records?limit=5&before={next}")).await.ok();
    let numbers: Vec<&Value> = second["records"].as_array().unwrap().iter().map(|r| &r["properties"]["n"]).collect();
    assert_eq!(numbers, expected[5..10].iter().collect::<Vec<_>>());

    let record = &first["records"][0];
    assert_eq!(record["type"], "custom_event");
    assert_eq!(record["seq"].as_u64(), Some(16));
    for member in ["at", "received_at"] {
        assert!(record[member].is_i64(), "{record}");
    }
    assert_eq!((&record["device"], &record["stream"]), (&json!(visitor.device), &json!(visitor.stream)));
    api.get(&format!("/users/{device}/records?before=nonsense")).await.problem(400, "invalid_cursor");
}

#[tokio::test]
async fn no_workspace_sees_another() {
    let segments = |event: &str| json!([{"id": "looked", "name": "Looked", "filter": {"event": event}}]);
    let a = workspace("a", segments("looked"), json!([campaign("hello", None, "looked")]));
    let b = workspace("b", segments("never"), json!([]));
    let mut server = Server::start(a).await;
    server.start_again_with(b).await;
    let b = server.api();
    let a = b.with_keys("pk_a", "sk_a");

    // The very same device, stream and ids come to both.
    let mut visitor = Visitor::new();
    visitor.messages = Some(String::new());
    let mut member = visitor.signed_in("ada");
    let anonymous = visitor.flush_of([event("looked"), event("looked")]);
    let identified = member.flush_of([json!({"type": "identified"}), attribute("first_name", "Ada")]);
    let answer = a.flush(anonymous.clone()).await;
    assert_eq!(answer["messages"]["items"][0]["id"], "hello");
    a.flush(identified.clone()).await;

    for name in ["external_id:ada", &visitor.device_ref(), &a.user("external_id:ada").await["id"].to_string()] {
        b.get(&format!("/users/{name}")).await.problem(404, "not_found");
        b.get(&format!("/users/{name}/records")).await.problem(404, "not_found");
    }
    // What one has taken is new to the other; the messages of one are not for the users of the other.
    let mut fewer = anonymous.clone();
    fewer["records"].as_array_mut().unwrap().pop();
    assert_eq!(b.flush(fewer).await, json!({"acked": 1}));
    b.flush(identified).await;
    let (in_a, in_b) = (a.user("external_id:ada").await, b.user("external_id:ada").await);
    assert_ne!(in_a["id"], in_b["id"]);
    assert_eq!((&in_a["events"]["looked"]["count"], &in_b["events"]["looked"]["count"]), (&json!(2), &json!(1)));
    assert_eq!((&in_a["segments"], &in_b["segments"]), (&json!(["looked"]), &json!([])));

    // Definitions of the same id are two definitions.
    assert_eq!(a.get("/segments/looked").await.ok()["filter"], json!({"event": "looked"}));
    assert_eq!(b.get("/segments/looked").await.ok()["filter"], json!({"event": "never"}));
    a.put("/segments/only_a", &json!({"filter": {"event": "x"}})).await.ok();
    b.get("/segments/only_a").await.problem(404, "not_found");
    b.put("/campaigns/for_a", &definition(Some("only_a"), "x")).await.problem(400, "unknown_segment");
    b.get("/campaigns/hello").await.problem(404, "not_found");
    assert_eq!(b.get("/campaigns").await.ok(), json!({"campaigns": []}));
}

#[tokio::test]
async fn a_changed_segment_counts_for_users_who_are_known_already() {
    let (_server, api) = start().await;
    let mut visitor = Visitor::new();
    api.flush(visitor.flush_of([event("looked")])).await;
    let segments = async || api.user(&visitor.device_ref()).await["segments"].clone();
    assert_eq!(segments().await, json!([]));
    api.put("/segments/lookers", &json!({"filter": {"event": "looked"}})).await.ok();
    assert_eq!(segments().await, json!(["lookers"]));
    api.put("/segments/lookers", &json!({"filter": {"event": "looked", "count": {"at_least": 2}}})).await.ok();
    assert_eq!(segments().await, json!([]));
    // A new campaign reaches a device with its next flush.
    api.put("/campaigns/hello", &definition(None, "looked")).await.ok();
    visitor.messages = Some(String::new());
    let answer = api.flush(visitor.flush(vec![])).await;
    assert_eq!(answer["messages"]["items"][0]["id"], "hello");
}

#[tokio::test]
async fn many_changes_at_once_are_all_kept() {
    let (_server, api) = start().await;
    let mut requests = tokio::task::JoinSet::new();
    for n in 0..12 {
        let api = api.clone();
        requests
            .spawn(async move { api.put(&format!("/segments/s{n}"), &json!({"filter": {"event": "x"}})).await.ok() });
    }
    requests.join_all().await;
    wait::until("all twelve segments in the list", async || {
        let list = api.get("/segments").await.ok();
        (list["segments"].as_array().map(Vec::len) == Some(12)).then_some(())
    })
    .await;
}
