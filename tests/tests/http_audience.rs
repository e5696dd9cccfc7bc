//! Who is in segments: lists, sizes, the change feed, asking all users, previews and explanations.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on has failed")]

use std::{path::Path, process::Command};

use kindling_tests::{
    api::Api,
    programs,
    server::{Server, empty_workspace, workspace},
    visitor::{Visitor, attribute, event},
    wait,
};
use serde_json::{Value, json};

/// Visitors who sign in as `u0`, `u1` …, each with a record more than the one before.
async fn crowd(api: &Api, people: usize) -> Vec<Visitor> {
    let mut crowd = Vec::new();
    for person in 0..people {
        let mut visitor = Visitor::new().signed_in(&format!("u{person}"));
        for _ in 0..=person {
            api.flush(visitor.flush_of([event("looked")])).await;
        }
        crowd.push(visitor);
    }
    crowd
}

/// The feed from the beginning on, as `entered segment user`, page by page.
async fn feed(api: &Api, limit: usize) -> Vec<String> {
    let (mut after, mut changes) = (0, Vec::new());
    loop {
        let page = api.get(&format!("/segment_changes?after={after}&limit={limit}")).await.ok();
        let found = page["changes"].as_array().unwrap().clone();
        if found.is_empty() {
            return changes;
        }
        changes.extend(found.iter().map(|change| {
            format!("{} {} {}", change["change"].as_str().unwrap(), change["segment"].as_str().unwrap(), change["user"])
        }));
        after = page["next"].as_i64().unwrap();
    }
}

/// The segment, once all users have been asked.
async fn asked(api: &Api, id: &str) -> Value {
    wait::until("all users have been asked", async || {
        let segment = api.get(&format!("/segments/{id}")).await.ok();
        segment["backfill"].is_null().then_some(segment)
    })
    .await
}

#[tokio::test]
async fn entering_and_leaving_are_told_once_and_in_order() {
    let definitions =
        workspace("shop", json!([{"id": "keen", "filter": {"event": "looked", "count": {"at_least": 2}}}]), json!([]));
    let mut server = Server::start(definitions).await;
    let api = server.api();
    let mut people = crowd(&api, 4).await;
    assert_eq!(feed(&api, 2).await, ["entered keen 2", "entered keen 3", "entered keen 4"]);
    assert_eq!(api.get("/segments/keen").await.ok()["size"], 3);
    let members = api.get("/segments/keen/members?limit=2").await.ok();
    assert_eq!(members["members"], json!([{"id": 2, "external_id": "u1"}, {"id": 3, "external_id": "u2"}]));
    let rest = api.get(&format!("/segments/keen/members?limit=2&after={}", members["next"])).await.ok();
    assert_eq!(rest, json!({"members": [{"id": 4, "external_id": "u3"}], "next": null}));

    let growth = api.get("/segments/keen/growth").await.ok();
    assert_eq!(growth["size"], 3);

    // It becomes another question: some leave, somebody enters, and nobody who stays is told of.
    let filter = json!({"event": "looked", "count": {"at_most": 2}});
    api.put("/segments/keen", &json!({"filter": filter})).await.ok();
    assert_eq!(asked(&api, "keen").await["size"], 2);
    let told = ["entered keen 2", "entered keen 3", "entered keen 4", "entered keen 1", "left keen 3", "left keen 4"];
    assert_eq!(feed(&api, 50).await, told);

    // And so it is after a crash.
    server.kill();
    server.start_again_with(empty_workspace("shop")).await;
    let api = server.api();
    assert_eq!(feed(&api, 50).await, told);
    assert_eq!(api.get("/segments/keen").await.ok()["size"], 2);
    api.flush(people[1].flush_of([event("looked")])).await;
    let mut more: Vec<String> = told.map(str::to_owned).to_vec();
    more.push("left keen 2".to_owned());
    assert_eq!(feed(&api, 3).await, more);
    // With a stop everything is written down: the hours, of which two can have been.
    server.process().ask_to_stop();
    assert!(server.process().ended().await.success());
    server.start_again_with(empty_workspace("shop")).await;
    let api = server.api();
    let growth = api.get("/segments/keen/growth").await.ok();
    let hours = growth["hours"].as_array().unwrap();
    assert!((1..=2).contains(&hours.len()), "{growth}");
    assert_eq!((&hours[hours.len() - 1]["size"], &growth["size"]), (&json!(1), &json!(1)));
    let members = api.get("/segments/keen/members").await.ok();
    assert_eq!(members, json!({"members": [{"id": 1, "external_id": "u0"}], "next": null}));
}

#[tokio::test]
async fn a_new_segment_is_put_to_everybody() {
    let server = Server::start(empty_workspace("shop")).await;
    let api = server.api();
    crowd(&api, 5).await;
    api.put("/segments/first", &json!({"filter": {"event": "looked", "count": {"at_least": 4}}})).await.ok();
    assert_eq!(asked(&api, "first").await["size"], 2);
    // One that stands on another is asked again when that changes.
    api.put("/segments/others", &json!({"filter": {"not": {"segment": "first"}}})).await.ok();
    assert_eq!(asked(&api, "others").await["size"], 3);
    api.put("/segments/first", &json!({"filter": {"event": "looked", "count": {"at_least": 2}}})).await.ok();
    assert_eq!(asked(&api, "first").await["size"], 4);
    assert_eq!(asked(&api, "others").await["size"], 1);
    let members = api.get("/segments/others/members").await.ok();
    assert_eq!(members["members"], json!([{"id": 1, "external_id": "u0"}]));
    assert_eq!(api.get("/segments/nobody/members").await.problem(404, "not_found")["status"], 404);
}

#[tokio::test]
async fn a_preview_counts_exactly_and_stores_nothing() {
    let server = Server::start(empty_workspace("shop")).await;
    let api = server.api();
    crowd(&api, 5).await;
    let filter = json!({"event": "looked", "count": {"at_least": 4}});
    let preview = api.post("/segments/preview", &json!({"filter": filter})).await.ok();
    let sample = json!([{"id": 4, "external_id": "u3"}, {"id": 5, "external_id": "u4"}]);
    assert_eq!(preview, json!({"count": 2, "users": 5, "sample": sample}));
    assert_eq!(api.get("/segments").await.ok()["segments"], json!([]));
    let wrong = api.post("/segments/preview", &json!({"filter": {"event": "looked", "count": {"more": 1}}})).await;
    assert_eq!(wrong.problem(422, "invalid_definition")["path"], "$.filter.count.more");
    let unknown = api.post("/segments/preview", &json!({"filter": {"segment": "nobody"}})).await;
    unknown.problem(422, "invalid_definition");
}

#[tokio::test]
async fn it_is_explained_why_somebody_is_not_in_a_segment() {
    let filter = json!({"all": [
        {"event": "looked", "count": {"at_least": 2}, "within": "7d"},
        {"not": {"attribute": "country", "is": "AT"}},
    ]});
    let definitions = workspace("shop", json!([{"id": "keen", "filter": filter}]), json!([]));
    let server = Server::start(definitions).await;
    let api = server.api();
    let mut people = crowd(&api, 1).await;
    api.flush(people[0].flush_of([attribute("country", "AT")])).await;
    let told = api.get("/segments/keen/explain/external_id:u0").await.ok();
    assert_eq!((&told["matches"], &told["filter"]), (&json!(false), &json!("all")));
    let (looked, not) = (&told["parts"][0], &told["parts"][1]);
    assert_eq!(
        (&looked["matches"], &looked["seen"]["count"], &looked["filter"]),
        (&json!(false), &json!(1), &filter["all"][0])
    );
    assert_eq!(
        (&not["matches"], &not["filter"], &not["parts"][0]["seen"]),
        (&json!(false), &json!("not"), &json!("AT"))
    );
    let question = json!({"filter": {"any": [{"segment": "keen"}, {"anonymous": false}]}, "user": "external_id:u0"});
    let told = api.post("/segments/explain", &question).await.ok();
    assert_eq!((&told["matches"], &told["parts"][0]["matches"]), (&json!(true), &json!(false)));
    // The segment that it stands on is explained as well.
    assert_eq!(told["parts"][0]["parts"][0]["filter"], "all");
    api.get("/segments/keen/explain/external_id:nobody").await.problem(404, "not_found");
}

/// That something of this price was viewed.
fn viewed(price: i64) -> Value {
    json!({"type": "custom_event", "name": "viewed", "properties": {"price": price}})
}

#[tokio::test]
async fn what_has_conditions_on_properties_is_counted_from_the_log_and_once() {
    let mut server = Server::start(empty_workspace("shop")).await;
    let api = server.api();
    let mut people: Vec<Visitor> = (0..4).map(|person| Visitor::new().signed_in(&format!("u{person}"))).collect();
    // The person of number n views n dear things, and a cheap one.
    for (person, visitor) in people.iter_mut().enumerate() {
        api.flush(visitor.flush_of([viewed(1)])).await;
        for _ in 0..person {
            api.flush(visitor.flush_of([viewed(100)])).await;
        }
    }
    let dear = json!({
        "event": "viewed", "where": [{"property": "price", "at_least": 50}], "count": {"at_least": 2, "at_most": 3},
    });
    // Without a segment that asks for it, the log tells.
    let preview = api.post("/segments/preview", &json!({"filter": dear})).await.ok();
    let sample = json!([{"id": 3, "external_id": "u2"}, {"id": 4, "external_id": "u3"}]);
    assert_eq!(preview, json!({"count": 2, "users": 4, "sample": sample}));
    let told = api.post("/segments/explain", &json!({"filter": dear, "user": "external_id:u3"})).await.ok();
    assert_eq!((&told["matches"], &told["seen"]["count"]), (&json!(true), &json!(3)));

    let put = api.put("/segments/dear", &json!({"filter": dear})).await.ok();
    assert_eq!(put["backfill"]["stage"], "counting");
    // What comes meanwhile counts as well, and a crash doubles nothing.
    api.flush(people[1].flush_of([viewed(100)])).await;
    server.kill();
    server.start_again_with(empty_workspace("shop")).await;
    let api = server.api();
    assert_eq!(asked(&api, "dear").await["size"], 3);
    assert_eq!(feed(&api, 50).await, ["entered dear 2", "entered dear 3", "entered dear 4"]);
    server.kill();
    server.start_again_with(empty_workspace("shop")).await;
    let api = server.api();
    let told = api.get("/segments/dear/explain/external_id:u1").await.ok();
    assert_eq!((&told["matches"], &told["seen"]["count"]), (&json!(true), &json!(2)));
    api.flush(people[3].flush_of([viewed(100)])).await;
    assert_eq!(feed(&api, 50).await.last().unwrap(), "left dear 4");

    // While it becomes another question that has to be counted, everybody stays where they are.
    let other = json!({"event": "viewed", "where": [{"property": "price", "less": 50}], "count": {"at_least": 2}});
    api.flush(people[0].flush_of([viewed(2)])).await;
    api.put("/segments/dear", &json!({"filter": other})).await.ok();
    assert_eq!(asked(&api, "dear").await["size"], 1);
    let told = feed(&api, 50).await;
    assert_eq!(told[4..], ["entered dear 1", "left dear 2", "left dear 3"]);
}

/// What `kindling segments` says, and whether it succeeds.
fn shown_segments(data: &Path) -> (bool, String) {
    let mut command = Command::new(programs::kindling());
    let output = command.args(["segments", "--data"]).arg(data).output().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

#[tokio::test]
async fn the_command_line_shows_segments_beside_the_server() {
    let segments = json!([{"id": "keen", "filter": {"event": "looked", "count": {"at_least": 2}}}]);
    let mut server = Server::start(workspace("shop", segments, json!([]))).await;
    let api = server.api();
    crowd(&api, 3).await;
    // A preview has everything written down.
    api.post("/segments/preview", &json!({"filter": {"all": []}})).await.ok();
    let shown = "WORKSPACE  SEGMENT        SIZE  STATE\nshop       keen              2  live\n";
    assert_eq!(shown_segments(&server.data()), (true, shown.to_owned()));
    server.kill();
    assert_eq!(shown_segments(&server.data()), (true, shown.to_owned()));
    assert!(!shown_segments(&server.data().join("nowhere")).0);
}
