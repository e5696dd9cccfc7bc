//! Flushes over a real socket: what is counted, what is rejected, what is refused, and what can't hurt the server.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on has failed")]

use kindling_tests::{
    api::{Api, send},
    raw::Raw,
    server::{Server, empty_workspace},
    visitor::{Visitor, attribute, event, new_uuid, now},
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

async fn start() -> (Server, Api) {
    let server = Server::start(empty_workspace("shop")).await;
    let api = server.api();
    (server, api)
}

/// An event with this at the place of its properties. It is text, because much of it is no JSON that a program would write.
fn with_properties(seq: u64, properties: &str) -> String {
    format!(r#"{{"seq":{seq},"at":{},"type":"custom_event","name":"odd","properties":{properties}}}"#, now())
}

/// The body of a flush with these records, as they stand.
fn body_of(api: &Api, visitor: &Visitor, records: &[String]) -> String {
    let empty = api.with_sdk_key(visitor.flush(vec![])).to_string();
    empty.replace(r#""records":[]"#, &format!(r#""records":[{}]"#, records.join(",")))
}

#[tokio::test]
async fn a_flush_is_answered_and_stands_on_the_profile() {
    let (_server, api) = start().await;
    let mut visitor = Visitor::new();
    let (before, flush) = (now(), visitor.flush_of([event("opened"), event("opened"), attribute("country", "DE")]));
    let answer = api.post_flush(api.with_sdk_key(flush).to_string()).await;
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.ok(), json!({"acked": 3}));

    let user = api.user(&visitor.device_ref()).await;
    let opened = &user["events"]["opened"];
    assert_eq!(opened["count"], 2);
    let (first, last) = (opened["first_at"].as_i64().unwrap(), opened["last_at"].as_i64().unwrap());
    assert!(before - 1_000 <= first && first <= last && last <= now() + 1_000, "{opened} is not about {before}");
    assert_eq!(user["attributes"], json!({"country": "DE"}));
    assert_eq!(user["external_id"], Value::Null);
    assert_eq!(user["devices"][0]["id"], visitor.device);
}

#[tokio::test]
async fn every_kind_of_record_has_its_effect() {
    let (_server, api) = start().await;
    let mut visitor = Visitor::new();
    let session = new_uuid();
    let custom = |name: &str, op: &str, value: Value| {
        json!({"type": "custom_attribute", "name": name, "op": op,
               if op == "increment" { "by" } else { "value" }: value})
    };
    let purchase = |product: &str, price: f64, currency: &str, quantity: u32| json!({"type": "purchase", "product_id": product, "price": price, "currency": currency, "quantity": quantity});
    let flush = visitor.flush_of([
        json!({"type": "session_start", "session": session}),
        purchase("mug", 12.5, "EUR", 2),
        purchase("mug", 0.1, "EUR", 1),
        purchase("axe", 79.0, "USD", 1),
        attribute("email", "a@b.example"),
        attribute("first_name", "Ada"),
        json!({"type": "attribute", "name": "first_name", "value": null, "at": now() + 1_000}),
        custom("visits", "increment", json!(2)),
        custom("visits", "increment", json!(-0.5)),
        custom("tags", "add", json!("new")),
        custom("tags", "add", json!("loyal")),
        custom("tags", "add", json!("new")),
        custom("tags", "remove", json!("loyal")),
        custom("born", "set", json!({"$time": 86_400_000})),
        json!({"type": "message_impression", "message": "welcome"}),
        json!({"type": "message_click", "message": "welcome", "button": "go"}),
        json!({"type": "session_end", "session": session, "duration_ms": 1500}),
    ]);
    assert_eq!(api.flush(flush).await, json!({"acked": 17}));

    let user = api.user(&visitor.device_ref()).await;
    let purchases = &user["purchases"];
    assert_eq!(purchases["count"], 3);
    assert_eq!(purchases["revenue"], json!({"EUR": 25.1, "USD": 79}));
    assert_eq!(purchases["products"]["mug"]["count"], 2);
    assert_eq!(user["attributes"], json!({"email": "a@b.example"}));
    let wanted = json!({"visits": 1.5, "tags": ["new"], "born": {"$time": 86_400_000}});
    assert_eq!(user["custom_attributes"], wanted);
    assert_eq!((&user["sessions"]["count"], &user["sessions"]["total_ms"]), (&json!(1), &json!(1500)));
    let messages = &user["messages"]["welcome"];
    assert_eq!((&messages["impressions"]["count"], &messages["clicks"]["count"]), (&json!(1), &json!(1)));
}

#[tokio::test]
async fn a_repeated_or_overlapping_flush_is_counted_once() {
    let (_server, api) = start().await;
    let mut visitor = Visitor::new();
    let records: Vec<Value> = (1..=6).map(|_| visitor.record(event("step"))).collect();
    let part = |range: std::ops::Range<usize>| visitor.flush(records[range].to_vec());
    for (range, acked) in [(0..3, 3), (0..3, 3), (1..5, 5), (0..1, 5), (4..6, 6), (0..6, 6)] {
        assert_eq!(api.flush(part(range.clone())).await["acked"], acked, "{range:?}");
    }
    let device = visitor.device_ref();
    assert_eq!(api.event_count(&device, "step").await, 6);
    let stored: Vec<u64> = api.records(&device, 50).await.iter().map(|r| r["seq"].as_u64().unwrap()).collect();
    assert_eq!(stored, [6, 5, 4, 3, 2, 1]);
}

#[tokio::test]
async fn identical_flushes_at_the_same_time_are_counted_once() {
    let (_server, api) = start().await;
    let mut visitor = Visitor::new();
    for round in 1..=5 {
        let flush = visitor.flush_of([event("at_once"), event("at_once")]);
        let mut requests = JoinSet::new();
        for _ in 0..16 {
            let (api, flush) = (api.clone(), flush.clone());
            requests.spawn(async move { api.flush(flush).await["acked"].clone() });
        }
        let answers = requests.join_all().await;
        assert_eq!(answers, vec![json!(2 * round); 16]);
    }
    assert_eq!(api.event_count(&visitor.device_ref(), "at_once").await, 10);
}

#[tokio::test]
async fn records_are_applied_in_the_order_of_their_places() {
    let (_server, api) = start().await;
    let mut visitor = Visitor::new();
    let change = |op: &str| json!({"type": "custom_attribute", "name": "tags", "op": op, "value": "x"});
    let (add, remove) = (visitor.record(change("add")), visitor.record(change("remove")));
    assert_eq!(api.flush(visitor.flush(vec![remove, add])).await["acked"], 2);
    assert_eq!(api.user(&visitor.device_ref()).await["custom_attributes"], json!({"tags": []}));
}

#[tokio::test]
async fn of_two_values_set_in_the_same_millisecond_the_later_stands() {
    let (_server, api) = start().await;
    let at = now();
    let name = |value: Value| json!({"type": "attribute", "name": "first_name", "value": value, "at": at});
    let plan =
        |value: Value| json!({"type": "custom_attribute", "name": "plan", "op": "set", "value": value, "at": at});
    for (records, attributes, custom) in [
        ([name(json!("Zoe")), name(json!("Ada"))], json!({"first_name": "Ada"}), json!({})),
        ([name(json!("Ada")), name(json!(null))], json!({}), json!({})),
        ([plan(json!("paid")), plan(json!("free"))], json!({}), json!({"plan": "free"})),
        ([plan(json!(1)), plan(json!(null))], json!({}), json!({})),
    ] {
        let mut visitor = Visitor::new();
        api.flush(visitor.flush_of(records.clone())).await;
        let user = api.user(&visitor.device_ref()).await;
        assert_eq!((&user["attributes"], &user["custom_attributes"]), (&attributes, &custom), "{records:?}");
    }
}

#[tokio::test]
async fn a_record_that_can_not_be_taken_is_rejected_alone() {
    let (_server, api) = start().await;
    let long = "x".repeat(256);
    let longer = "x".repeat(8 * 1024 + 1);
    let large: Vec<String> = (0..60).map(|_| "x".repeat(1_000)).collect();
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(17), "]".repeat(17));
    let deeper = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let at = now();
    let named = |name: &str| json!({"seq": 2, "at": at, "type": "custom_event", "name": name}).to_string();
    let purchase = |price: Value, currency: &str, quantity: Value| {
        json!({"seq": 2, "at": at, "type": "purchase", "product_id": "mug", "price": price, "currency": currency,
               "quantity": quantity})
        .to_string()
    };
    let attribute = |name: &str, value: Value| {
        json!({"seq": 2, "at": at, "type": "attribute", "name": name, "value": value}).to_string()
    };
    let custom = |name: &str, change: Value| {
        let mut record = json!({"seq": 2, "at": at, "type": "custom_attribute", "name": name});
        record.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        record.to_string()
    };
    let malformed = "malformed_record";
    let cases = [
        (named(""), "invalid_name"),
        (named(&long), "invalid_name"),
        (with_properties(2, r#"{"":1}"#), "invalid_name"),
        (with_properties(2, r#"{"$set":1}"#), "invalid_name"),
        (with_properties(2, &format!(r#"{{"a":"{longer}"}}"#)), "string_too_long"),
        (with_properties(2, &json!({"a": large}).to_string()), "too_large"),
        (with_properties(2, &deep), "too_deep"),
        (with_properties(2, &deeper), malformed),
        (with_properties(2, "[]"), malformed),
        (with_properties(2, r#"{"a":1,"a":2}"#), malformed),
        (with_properties(2, r#"{"a":"\ud800"}"#), malformed),
        (with_properties(2, r#"{"a":1e999}"#), malformed),
        (purchase(json!(-0.01), "EUR", json!(1)), "invalid_price"),
        (purchase(json!(10_000_001), "EUR", json!(1)), "invalid_price"),
        (purchase(json!("1"), "EUR", json!(1)), malformed),
        (purchase(json!(1), "euro", json!(1)), malformed),
        (purchase(json!(1), "EUR", json!(0)), "invalid_quantity"),
        (purchase(json!(1), "EUR", json!(101)), "invalid_quantity"),
        (purchase(json!(1), "EUR", json!(1.5)), malformed),
        (attribute("email", json!("nobody")), "invalid_attribute"),
        (attribute("country", json!("Germany")), "invalid_attribute"),
        (attribute("date_of_birth", json!("2023-02-29")), "invalid_attribute"),
        (attribute("first_name", json!(7)), "invalid_attribute"),
        (attribute("shoe_size", json!("44")), malformed),
        (custom("tags", json!({"op": "multiply", "by": 1})), malformed),
        (custom("tags", json!({"op": "set", "value": vec![0; 501]})), "too_large"),
        (json!({"seq": 2, "at": at, "type": "teleported"}).to_string(), malformed),
        (json!({"seq": 2, "at": at}).to_string(), malformed),
        (json!({"seq": 2, "type": "custom_event", "name": "no_time"}).to_string(), malformed),
        (json!({"seq": 2, "at": "now", "type": "custom_event", "name": "x"}).to_string(), malformed),
        (json!({"seq": 2, "at": at, "type": "session_start", "session": "s"}).to_string(), malformed),
        (json!({"seq": 2, "at": at, "type": "message_click", "message": "No Campaign"}).to_string(), malformed),
        (r#"{"seq":2,"at":5,"type":"custom_event","type":"identified","name":"twice"}"#.to_owned(), malformed),
    ];
    for (record, code) in cases {
        let visitor = Visitor::new();
        let good = |seq: u64| json!({"seq": seq, "at": at, "type": "custom_event", "name": "neighbour"}).to_string();
        let plan =
            json!({"seq": 1, "at": at, "type": "custom_attribute", "name": "plan", "op": "set", "value": "free"});
        let head: String = record.chars().take(120).collect();
        let answer = api.post_flush(body_of(&api, &visitor, &[plan.to_string(), record, good(3), good(4)])).await.ok();
        assert_eq!(answer["acked"], 4, "{head}");
        let rejected = answer["rejected"].as_array().unwrap_or_else(|| panic!("nothing was rejected of {head}"));
        assert_eq!(rejected.len(), 1, "{head}");
        assert_eq!((&rejected[0]["seq"], &rejected[0]["code"]), (&json!(2), &json!(code)), "{head}");
        assert!(rejected[0]["detail"].as_str().is_some_and(|detail| detail.len() > 10), "{answer}");

        let user = api.user(&visitor.device_ref()).await;
        assert_eq!(user["events"].as_object().map(|events| events.len()), Some(1), "{head}: {user}");
        assert_eq!(user["events"]["neighbour"]["count"], 2, "{head}");
        assert_eq!(user["custom_attributes"], json!({"plan": "free"}), "{head}");
    }
    api.expect_healthy().await;
}

#[tokio::test]
async fn a_rejected_record_is_not_judged_again() {
    let (_server, api) = start().await;
    let mut visitor = Visitor::new();
    let flush = visitor.flush_of([event("good"), event("")]);
    assert_eq!(api.flush(flush.clone()).await["rejected"][0]["seq"], 2);
    assert_eq!(api.flush(flush).await, json!({"acked": 2}));
    let mut corrected = event("corrected");
    corrected["seq"] = json!(2);
    let corrected = visitor.record(corrected);
    assert_eq!(api.flush(visitor.flush(vec![corrected])).await, json!({"acked": 2}));
    assert_eq!(api.event_count(&visitor.device_ref(), "corrected").await, 0);
}

#[tokio::test]
async fn what_a_newer_sdk_may_add_is_ignored() {
    let (_server, api) = start().await;
    let mut visitor = Visitor::new();
    let mut newer = event("known");
    newer["weather"] = json!({"sky": "clear"});
    let mut flush = visitor.flush_of([newer]);
    flush["battery"] = json!([{"charge": 0.5}]);
    flush["identity"]["alias"] = json!("a");
    assert_eq!(api.flush(flush).await, json!({"acked": 1}));
    assert_eq!(api.event_count(&visitor.device_ref(), "known").await, 1);
}

#[tokio::test]
async fn a_record_without_a_place_refuses_the_flush() {
    let (_server, api) = start().await;
    for record in [
        json!({"at": 5, "type": "custom_event", "name": "x"}),
        json!({"seq": 0, "at": 5, "type": "custom_event", "name": "x"}),
        json!({"seq": -1, "at": 5, "type": "custom_event", "name": "x"}),
        json!({"seq": 1.5, "at": 5, "type": "custom_event", "name": "x"}),
        json!({"seq": "2", "at": 5, "type": "custom_event", "name": "x"}),
        json!({"seq": null}),
        json!("record"),
        json!([]),
        json!(null),
    ] {
        let mut visitor = Visitor::new();
        let neighbour = visitor.record(event("neighbour"));
        let flush = api.with_sdk_key(visitor.flush(vec![neighbour, record.clone()]));
        let answer = api.post_flush(flush.to_string()).await;
        let problem = answer.problem(400, "no_seq");
        assert!(problem["detail"].as_str().unwrap().contains("record 1"), "{record}: {problem}");
        assert_eq!(api.find_user(&visitor.device_ref()).await, None, "{record}");
    }
    api.expect_healthy().await;
}

#[tokio::test]
async fn a_body_that_is_no_flush_is_refused() {
    let (_server, api) = start().await;
    let mut visitor = Visitor::new();
    let sound = api.with_sdk_key(visitor.flush_of([event("x")]));
    let changed = |member: &str, value: Value| {
        let mut flush = sound.clone();
        flush[member] = value;
        flush.to_string().into_bytes()
    };
    let without = |member: &str| {
        let mut flush = sound.clone();
        flush.as_object_mut().unwrap().remove(member);
        flush.to_string().into_bytes()
    };
    let text = sound.to_string();
    let bodies = [
        Vec::new(),
        b" ".to_vec(),
        b"{".to_vec(),
        b"null".to_vec(),
        b"[]".to_vec(),
        b"\"flush\"".to_vec(),
        b"\xff\xfe".to_vec(),
        b"\0".repeat(1_000),
        "[".repeat(100_000).into_bytes(),
        format!("{{\"key\":{}", "[".repeat(100_000)).into_bytes(),
        text[..text.len() - 1].into(),
        format!("{text}{text}").into(),
        text.replacen("\"sent_at\":", "\"sent_at\":NaN,\"x\":", 1).into(),
        text.replacen("\"sent_at\":", "\"sent_at\":1e999,\"x\":", 1).into(),
        text.replacen("\"sdk\":", "\"sdk\":\"a\",\"sdk\":", 1).into(),
        text.replacen("tests/1", "\\ud800", 1).into(),
        [b"{\"key\":\"\xff\"".as_slice(), &text.as_bytes()[1..]].concat(),
        without("key"),
        without("device"),
        without("stream"),
        without("identity"),
        without("sent_at"),
        without("records"),
        changed("device", json!("not-a-uuid")),
        changed("stream", json!(7)),
        changed("sent_at", json!("yesterday")),
        changed("records", json!({})),
        changed("identity", json!("alice")),
        changed("identity", json!({"external_id": ""})),
        changed("identity", json!({"external_id": "x".repeat(998)})),
        changed("identity", json!({"external_id": "a\nb"})),
        changed("messages", json!(7)),
        changed("agent", json!("os")),
        changed("agent", json!([["os"]])),
        changed("agent", json!(vec!["os"; 17])),
    ];
    for body in bodies {
        let head = String::from_utf8_lossy(&body[..body.len().min(120)]).into_owned();
        let answer = api.post_flush(body).await;
        assert_eq!(answer.status, 400, "{head}");
        answer.problem(400, "not_a_flush");
    }
    api.post_flush(changed("identity", json!({}))).await.problem(400, "no_identity");
    assert_eq!(api.find_user(&visitor.device_ref()).await, None);
    api.expect_healthy().await;
}

#[tokio::test]
async fn an_unknown_key_is_refused() {
    let (_server, api) = start().await;
    let mut visitor = Visitor::new();
    let flush = visitor.flush_of([event("x")]);
    for key in ["", "pk_other", "PK_SHOP", "pk_shop ", "sk_shop"] {
        let api = api.with_keys(key, "");
        api.post_flush(api.with_sdk_key(flush.clone()).to_string()).await.problem(401, "unknown_key");
    }
    assert_eq!(api.find_user(&visitor.device_ref()).await, None);
}

#[tokio::test]
async fn a_flush_has_at_most_500_records() {
    let (_server, api) = start().await;
    let mut visitor = Visitor::new();
    let most = visitor.flush_of((0..500).map(|_| event("many")));
    assert_eq!(api.flush(most).await, json!({"acked": 500}));
    let more = visitor.flush_of((0..501).map(|_| event("many")));
    api.post_flush(api.with_sdk_key(more).to_string()).await.problem(413, "too_many_records");
    assert_eq!(api.event_count(&visitor.device_ref(), "many").await, 500);
}

#[tokio::test]
async fn a_body_over_1_mib_is_refused() {
    const MIB: usize = 1024 * 1024;
    const LINES: [&str; 2] = ["POST /sdk/v1/flush HTTP/1.1", "origin: http://shop.example"];
    let (_server, api) = start().await;
    // Announced: it is refused before a byte of it was sent.
    let mut announced = Raw::connect(&api).await;
    announced.head(&[LINES[0], LINES[1], &format!("content-length: {}", MIB + 1)]).await;
    let answer = announced.expect_too_large().await;
    assert!(answer.contains("access-control-allow-origin: *\r\n"), "a page may read it: {answer}");
    // In chunks: nobody knows before it is too much.
    let mut chunked = Raw::connect(&api).await;
    chunked.head(&[LINES[0], LINES[1], "transfer-encoding: chunked"]).await;
    chunked.write(format!("{:x}\r\n", MIB + 1).as_bytes()).await;
    chunked.write(&vec![b' '; MIB + 1]).await;
    let answer = chunked.expect_too_large().await;
    assert!(answer.contains("access-control-allow-origin: *\r\n"), "a page may read it: {answer}");
    // Just as long as allowed, and sound.
    let mut visitor = Visitor::new();
    let mut body = api.with_sdk_key(visitor.flush_of([event("padded")])).to_string();
    body.push_str(&" ".repeat(MIB - body.len()));
    assert_eq!(api.post_flush(body).await.ok()["acked"], 1);
    api.expect_healthy().await;
}

#[tokio::test]
async fn a_client_that_sends_too_much_reads_why_it_is_refused() {
    let (_server, api) = start().await;
    for bytes in [1_100_000, 2_000_000, 4_000_000] {
        for _ in 0..10 {
            api.post_flush(" ".repeat(bytes)).await.problem(413, "body_too_large");
        }
    }
}

#[tokio::test]
async fn requests_that_stop_in_the_middle_do_no_harm() {
    let (_server, api) = start().await;
    let mut visitor = Visitor::new();
    let body = api.with_sdk_key(visitor.flush_of([event("half")])).to_string();
    let mut silent = Vec::new();
    for sent in [0, 1, body.len() / 2, body.len() - 1] {
        for stays in [true, false] {
            let mut request = Raw::connect(&api).await;
            request.head(&["POST /sdk/v1/flush HTTP/1.1", &format!("content-length: {}", body.len())]).await;
            request.write(&body.as_bytes()[..sent]).await;
            if stays {
                silent.push(request);
            }
        }
    }
    api.expect_healthy().await;
    assert_eq!(api.find_user(&visitor.device_ref()).await, None);
}

#[tokio::test]
async fn a_page_of_any_origin_needs_no_preflight_and_may_read_every_answer() {
    let (_server, api) = start().await;
    let mut visitor = Visitor::new();
    let sound = api.with_sdk_key(visitor.flush_of([event("x")])).to_string();
    let foreign = api.with_keys("pk_other", "").with_sdk_key(visitor.flush_of([event("x")])).to_string();
    for (body, status) in [(sound.clone(), 200), ("{".to_owned(), 400), (foreign, 401)] {
        let answer = api.post_flush(body).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{status}");
        assert_eq!(answer.header("access-control-allow-credentials"), "", "{status}");
    }
    // What a body says of itself does not matter; only the first three kinds need no preflight.
    for kind in [Some("text/plain"), Some("application/x-www-form-urlencoded"), None, Some("application/json")] {
        let mut request = api.request(Method::POST, "/sdk/v1/flush").body(sound.clone());
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        assert_eq!(send(request).await.ok()["acked"], 1, "{kind:?}");
    }
    // The management API is for servers: no page of another origin may read it.
    let request = api.management(Method::GET, "/segments").header("origin", "http://a.example");
    assert_eq!(send(request).await.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn the_clock_of_a_device_may_be_wrong() {
    const YEAR: i64 = 365 * 86_400_000;
    let (_server, api) = start().await;
    for off in [-10 * YEAR, 10 * YEAR, -now()] {
        let mut visitor = Visitor::new();
        let (truth, device_now) = (now(), now() + off);
        let mut record = event("skewed");
        record["at"] = json!(device_now - 60_000);
        let mut flush = visitor.flush_of([record]);
        flush["sent_at"] = json!(device_now);
        api.flush(flush).await;
        let user = api.user(&visitor.device_ref()).await;
        let at = user["events"]["skewed"]["first_at"].as_i64().unwrap();
        assert!((at - (truth - 60_000)).abs() < 5_000, "off by {off}: a minute ago became {} ms", at - truth);
    }
    // Nonsense is held to what can be: at most 400 days ago, at most five minutes ahead.
    for (at, sent_at) in [(i64::MIN, i64::MAX), (i64::MAX, i64::MIN), (0, now()), (now() + YEAR, now())] {
        let mut visitor = Visitor::new();
        let mut record = event("nonsense");
        record["at"] = json!(at);
        let mut flush = visitor.flush_of([record]);
        flush["sent_at"] = json!(sent_at);
        assert_eq!(api.flush(flush).await, json!({"acked": 1}), "{at} {sent_at}");
        let at = api.user(&visitor.device_ref()).await["last_seen_at"].as_i64().unwrap();
        assert!(at >= now() - 401 * 86_400_000 && at <= now() + 301_000, "{at}");
    }
}

/// A small generator of numbers that look random, the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(below).unwrap()).unwrap()
    }
}

#[tokio::test]
async fn no_damaged_body_makes_the_server_fail() {
    const PIECES: [&[u8]; 16] = [
        b"{",
        b"}",
        b"[",
        b"]",
        b"\"",
        b"\\",
        b"\\u0000",
        b"\\ud83d",
        b"-1",
        b"1e400",
        b"99999999999999999999",
        b"null",
        b"\xc3",
        b"\0",
        b",",
        b":",
    ];
    let (_server, api) = start().await;
    let mut dice = Dice(0x6b69_6e64_6c69_6e67);
    for round in 0..400 {
        let mut visitor = Visitor::new();
        let flush = visitor.flush_of([
            json!({"type": "purchase", "product_id": "mug", "price": 1.5, "currency": "EUR", "quantity": 1}),
            json!({"type": "custom_event", "name": "x", "properties": {"a": [1, {"b": "é"}], "t": {"$time": 5}}}),
            json!({"type": "custom_attribute", "name": "n", "op": "increment", "by": 1}),
        ]);
        let mut body = api.with_sdk_key(flush).to_string().into_bytes();
        for _ in 0..=dice.roll(3) {
            let place = dice.roll(body.len());
            let piece = PIECES[dice.roll(PIECES.len())];
            match dice.roll(4) {
                0 => body.truncate(place),
                1 => drop(body.remove(place)),
                2 => drop(body.splice(place..place, piece.iter().copied())),
                _ => drop(body.splice(place..(place + piece.len()).min(body.len()), piece.iter().copied())),
            }
            if body.is_empty() {
                break;
            }
        }
        let text = String::from_utf8_lossy(&body).into_owned();
        let answer = api.post_flush(body).await;
        match answer.status {
            200 => assert!(answer.json()["acked"].is_u64(), "round {round}: {text}"),
            400 | 401 => assert_eq!(answer.header("content-type"), "application/problem+json", "round {round}: {text}"),
            status => panic!("round {round}: {status}: {}\n{text}", answer.text),
        }
    }
    api.expect_healthy().await;
}
