//! What a profile holds besides events: aliases, devices, and what the records of other types say.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on has failed")]

use std::fs;

use kindling_tests::{
    api::{Api, send},
    server::{Server, Setup, empty_workspace, workspace},
    visitor::{Visitor, event, now},
};
use serde_json::{Value, json};

async fn start() -> (Server, Api) {
    let server = Server::start(empty_workspace("shop")).await;
    let api = server.api();
    (server, api)
}

fn alias(label: &str, name: &str) -> Value {
    json!({"type": "alias", "label": label, "name": name})
}

#[tokio::test]
async fn an_alias_is_one_users_and_moves_with_them() {
    let (mut server, api) = start().await;
    let mut ada = Visitor::new();
    api.flush(ada.flush_of([alias("crm", "4711"), alias("shop", "a:b"), alias("crm", "4711")])).await;
    let visitor = api.user("alias:crm:4711").await;
    assert_eq!(visitor["aliases"], json!([{"label": "crm", "name": "4711"}, {"label": "shop", "name": "a:b"}]));
    assert_eq!(api.user("alias:shop:a:b").await["id"], visitor["id"]);

    let mut bob = Visitor::new();
    let answer = api.flush(bob.flush_of([event("first"), alias("crm", "4711"), alias("crm", "4712")])).await;
    assert_eq!(answer["acked"], 3);
    assert_eq!((&answer["rejected"][0]["seq"], &answer["rejected"][0]["code"]), (&json!(2), &json!("alias_taken")));
    assert_eq!(api.user("alias:crm:4712").await["events"]["first"]["count"], 1);

    // Ada is known by another device: the visitor is merged into her, and the alias finds her.
    let mut phone = Visitor::new().signed_in("ada");
    api.flush(phone.flush_of([event("known")])).await;
    let mut member = ada.signed_in("ada");
    api.flush(member.flush_of([alias("crm", "4713")])).await;
    let merged = api.user("alias:crm:4711").await;
    assert_eq!((&merged["external_id"], merged["aliases"].as_array().unwrap().len()), (&json!("ada"), 3));
    api.flush(ada.flush_of([alias("crm", "4711"), event("late")])).await;
    assert_eq!(api.user("alias:crm:4713").await["events"]["late"]["count"], 1);

    server.kill();
    server.start_again().await;
    let api = server.api();
    assert_eq!(api.user("alias:crm:4711").await["external_id"], "ada");
    let mut eve = Visitor::new();
    let answer = api.flush(eve.flush_of([alias("crm", "4713")])).await;
    assert_eq!(answer["rejected"][0]["code"], "alias_taken");
    api.get("/users/alias:crm:9").await.problem(404, "not_found");
    api.get("/users/alias:crm").await.problem(400, "invalid_user");
}

#[tokio::test]
async fn a_device_is_described_by_its_browser_and_by_itself() {
    let (mut server, api) = start().await;
    let mut visitor = Visitor::new();
    let agent = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:133.0) Gecko/20100101 Firefox/133.0";
    let flush = api.with_sdk_key(visitor.flush_of([event("opened")]));
    send(api.flush_request(flush.to_string()).header("user-agent", agent)).await.ok();
    let device = |user: Value| user["devices"][0].clone();
    let first = device(api.user(&visitor.device_ref()).await);
    assert_eq!((&first["browser"], &first["browser_version"]), (&json!("Firefox"), &json!("133")));
    assert_eq!((&first["os"], &first["os_version"]), (&json!("Mac OS X"), &json!("10.15")));

    let says =
        json!({"type": "device", "os": "macOS", "language": "de", "time_zone": "Europe/Berlin", "screen_width": 1440});
    let flush = api.with_sdk_key(visitor.flush_of([says]));
    send(api.flush_request(flush.to_string()).header("user-agent", agent)).await.ok();
    server.kill();
    server.start_again().await;
    let second = device(server.api().user(&visitor.device_ref()).await);
    assert_eq!((&second["browser"], &second["os"]), (&json!("Firefox"), &json!("macOS")));
    assert_eq!((&second["language"], &second["screen_width"]), (&json!("de"), &json!(1440)));
    assert_eq!(second["id"], visitor.device);
}

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0";

/// Sends an event from a Firefox of whose header so much may be known; `None`: the flush does not say.
async fn send_from_firefox(api: &Api, visitor: &mut Visitor, allowed: Option<Value>) {
    let mut flush = api.with_sdk_key(visitor.flush_of([event("opened")]));
    if let Some(allowed) = allowed {
        flush["agent"] = allowed;
    }
    send(api.flush_request(flush.to_string()).header("user-agent", FIREFOX)).await.ok();
}

/// What is known of the browser and the system, and whether the user is in the segment of those who have this browser.
async fn known(server: &Server, visitor: &Visitor) -> Value {
    let user = server.api().user(&visitor.device_ref()).await;
    let device = &user["devices"][0];
    json!([device["browser"], device["browser_version"], device["os"], user["segments"] == json!(["foxes"])])
}

/// Whether a part of the header is in a file of the server: its data, or what it logs.
fn is_header_on_disk(server: &Server) -> bool {
    let data = fs::read_dir(server.data()).unwrap().map(|file| file.unwrap().path());
    data.chain([server.log_file()]).any(|file| String::from_utf8_lossy(&fs::read(file).unwrap()).contains("Gecko"))
}

#[tokio::test]
async fn of_the_user_agent_header_is_known_what_the_site_allows() {
    let foxes = json!([{"id": "foxes", "filter": {"device": "browser", "is": "Firefox"}}]);
    let setup = Setup { environment: vec![("RUST_LOG", "trace".to_owned())], ..Setup::default() };
    let mut server = Server::start_with(workspace("shop", foxes, json!([])), setup).await;
    let mut visitor = Visitor::new();
    // Of what a newer SDK may name, the server takes what it knows.
    let some = json!(["browser", "os", "engine"]);
    send_from_firefox(&server.api(), &mut visitor, Some(some)).await;
    let wanted = json!(["Firefox", null, "Linux", true]);
    assert_eq!(known(&server, &visitor).await, wanted);
    server.kill();
    server.start_again().await;
    assert_eq!(known(&server, &visitor).await, wanted);

    // The site allows less: what was known is forgotten, also by the one that comes after a crash.
    send_from_firefox(&server.api(), &mut visitor, Some(json!([]))).await;
    let nothing = json!([null, null, null, false]);
    assert_eq!(known(&server, &visitor).await, nothing);
    server.kill();
    server.start_again().await;
    assert_eq!(known(&server, &visitor).await, nothing);
    server.process().ask_to_stop();
    assert!(server.process().ended().await.success());
    assert!(!is_header_on_disk(&server));

    // And more again.
    server.start_again().await;
    send_from_firefox(&server.api(), &mut visitor, None).await;
    assert_eq!(known(&server, &visitor).await, json!(["Firefox", "133", "Linux", true]));
    assert!(is_header_on_disk(&server));
}

#[tokio::test]
async fn a_device_says_which_app_it_runs() {
    let filter = json!({"device": "app_version_number", "version_at_least": "1.10"});
    let server = Server::start(workspace("shop", json!([{"id": "new", "filter": filter}]), json!([]))).await;
    let api = server.api();
    let mut visitor = Visitor::new();
    let runs = |version: &str, number: &str| {
        let metadata = ["npm", "google_tag_manager"];
        json!({"type": "device", "app_version": version, "app_version_number": number, "sdk_metadata": metadata})
    };
    api.flush(visitor.flush_of([runs("spring", "1.9.0")])).await;
    let user = api.user(&visitor.device_ref()).await;
    let device = &user["devices"][0];
    assert_eq!((&device["app_version"], &device["app_version_number"]), (&json!("spring"), &json!("1.9.0")));
    assert_eq!(device["sdk_metadata"], json!(["npm", "google_tag_manager"]));
    assert_eq!(user["segments"], json!([]));

    let answer = api.flush(visitor.flush_of([runs("autumn", "1.10"), runs("winter", "2.0-beta")])).await;
    assert_eq!(answer["rejected"].as_array().unwrap().len(), 1);
    assert_eq!((&answer["rejected"][0]["seq"], &answer["rejected"][0]["code"]), (&json!(3), &json!("invalid_version")));
    let user = api.user(&visitor.device_ref()).await;
    assert_eq!((&user["devices"][0]["app_version"], &user["segments"]), (&json!("autumn"), &json!(["new"])));
}

#[tokio::test]
async fn every_type_of_record_shows_on_the_profile() {
    let (_server, api) = start().await;
    let mut visitor = Visitor::new();
    let custom = |name: &str, mut change: Value| {
        change["type"] = "custom_attribute".into();
        change["name"] = name.into();
        change
    };
    let records = [
        custom("visits", json!({"op": "increment", "by": 2})),
        custom("visits", json!({"op": "increment", "by": 0.5})),
        custom("tags", json!({"op": "add", "value": "a"})),
        custom("tags", json!({"op": "add", "value": "b"})),
        custom("tags", json!({"op": "remove", "value": "a"})),
        custom("home", json!({"op": "merge", "value": {"city": "Kiel", "floor": 2}})),
        custom("home", json!({"op": "merge", "value": {"floor": null, "zip": "24103"}})),
        custom("home", json!({"op": "set_path", "path": ["garden", "trees"], "value": 3})),
        custom("office", json!({"op": "set_location", "latitude": 54.3, "longitude": 10.1})),
        json!({"type": "location", "latitude": 1.5, "longitude": -2}),
        json!({"type": "subscription", "channel": "email", "state": "opted_in"}),
        json!({"type": "subscription_group", "group": "news", "state": "unsubscribed"}),
        json!({"type": "purchase", "product_id": "mug", "price": 2.5, "currency": "EUR", "quantity": 2}),
        json!({"type": "message_dismissal", "message": "welcome"}),
    ];
    let answer = api.flush(visitor.flush_of(records)).await;
    assert_eq!((&answer["acked"], answer.get("rejected")), (&json!(14), None));
    let user = api.user(&visitor.device_ref()).await;
    assert_eq!(
        user["custom_attributes"],
        json!({
            "visits": 2.5,
            "tags": ["b"],
            "home": {"city": "Kiel", "garden": {"trees": 3}, "zip": "24103"},
            "office": {"latitude": 54.3, "longitude": 10.1},
        })
    );
    assert_eq!((&user["location"]["latitude"], &user["location"]["longitude"]), (&json!(1.5), &json!(-2)));
    assert_eq!(user["subscriptions"], json!({"email": "opted_in"}));
    assert_eq!(user["subscription_groups"], json!({"news": "unsubscribed"}));
    let mug = &user["purchases"]["products"]["mug"];
    assert_eq!((&mug["count"], &mug["quantity"], &mug["revenue"]), (&json!(1), &json!(2), &json!({"EUR": 5})));
    assert_eq!(user["messages"]["welcome"]["dismissals"]["count"], 1);
    assert!(user["bucket"].as_u64().is_some_and(|bucket| bucket < 10_000));
}

#[tokio::test]
async fn records_are_found_by_time() {
    let (_server, api) = start().await;
    let mut visitor = Visitor::new();
    let base = now() - 3_600_000;
    let records = (0..6).map(|i| json!({"type": "custom_event", "name": format!("e{i}"), "at": base + i * 600_000}));
    api.flush(visitor.flush_of(records)).await;
    let names = async |range: String| -> Vec<String> {
        let page = api.get(&format!("/users/{}/records?{range}", visitor.device_ref())).await.ok();
        page["records"].as_array().unwrap().iter().map(|record| record["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(String::new()).await, ["e5", "e4", "e3", "e2", "e1", "e0"]);
    assert_eq!(names(format!("from={}", base + 2_400_000)).await, ["e5", "e4"]);
    assert_eq!(names(format!("from={}&to={}", base + 600_000, base + 1_800_000)).await, ["e2", "e1"]);
    assert_eq!(names(format!("to={base}")).await, [""; 0]);
    let first = api.get(&format!("/users/{}/records?limit=2&to={}", visitor.device_ref(), base + 1_800_001)).await.ok();
    assert_eq!(first["records"].as_array().unwrap().len(), 2);
    let rest = names(format!("limit=9&to={}&before={}", base + 1_800_001, first["next"].as_str().unwrap())).await;
    assert_eq!(rest, ["e1", "e0"]);
}
