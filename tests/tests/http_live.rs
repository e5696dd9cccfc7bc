//! Open pages that are told that something of their user changed elsewhere.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on has failed")]

use std::time::{Duration, Instant};

use kindling_tests::{
    api::{Api, send},
    server::{Server, empty_workspace},
    tokens::{FIRST, sdk_authentication},
    visitor::{Visitor, event},
};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::json;

fn request(api: &Api, page: &Visitor) -> RequestBuilder {
    let head = api.with_sdk_key(page.flush(Vec::new()));
    let request = api.request(Method::POST, "/sdk/v1/live").header("origin", "http://shop.example");
    request.header("content-type", "text/plain;charset=UTF-8").body(head.to_string())
}

/// A page that listens.
async fn listen(api: &Api, page: &Visitor) -> Response {
    let response = request(api, page).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
    assert_eq!(response.headers()["cache-control"], "no-cache");
    response
}

/// The next event that a page is told.
async fn told(page: &mut Response) -> String {
    let chunk = tokio::time::timeout(Duration::from_secs(10), page.chunk()).await.expect("it is told something");
    String::from_utf8(chunk.unwrap().expect("the stream goes on").to_vec()).unwrap()
}

/// Whether a page that listens is told nothing, as far as that can be seen when another one has been told something after it.
async fn is_silent(page: &mut Response) -> bool {
    tokio::time::timeout(Duration::from_millis(50), page.chunk()).await.is_err()
}

async fn record(api: &Api, user: &str, key: &str) {
    let request = api.management(Method::POST, &format!("/users/{user}/records")).header("idempotency-key", key);
    send(request.json(&json!({"records": [event("paid")]}))).await.ok();
}

#[tokio::test]
async fn a_page_is_told_what_others_record_of_its_user() {
    let mut server = Server::start(empty_workspace("shop")).await;
    let api = server.api();
    let mut ada = Visitor::new().signed_in("ada");
    let mut phone = Visitor::new().signed_in("ada");
    api.flush(ada.flush_of([event("seen")])).await;
    let (mut page, mut other) = (listen(&api, &ada).await, listen(&api, &Visitor::new().signed_in("bob")).await);

    record(&api, "external_id:ada", "1").await;
    assert_eq!(told(&mut page).await, "data: changed\n\n");
    // What the page itself sends, and what only asks, is no news.
    api.flush(ada.flush_of([event("seen")])).await;
    api.flush(phone.flush(Vec::new())).await;
    assert!(is_silent(&mut page).await && is_silent(&mut other).await);
    api.flush(phone.flush_of([event("seen")])).await;
    assert_eq!(told(&mut page).await, "data: changed\n\n");
    assert!(is_silent(&mut other).await);

    // A server that stops waits for nobody who listens.
    let started = Instant::now();
    server.process().ask_to_stop();
    assert!(server.process().ended().await.success());
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    let end = tokio::time::timeout(Duration::from_secs(10), page.chunk()).await.expect("it ends");
    assert!(end.is_ok_and(|chunk| chunk.is_none()), "in order");
}

#[tokio::test]
async fn whoever_listens_is_asked_for_the_same_proof_as_a_flush() {
    let server = Server::start(empty_workspace("shop")).await;
    let api = server.api();
    let page = Visitor::new().signed_in("ada");
    api.put("/sdk_authentication", &sdk_authentication("required", &[FIRST])).await.ok();
    send(request(&api, &page)).await.problem(401, "sdk_authentication_failed");
    send(request(&api.with_keys("pk_wrong", ""), &page)).await.problem(401, "unknown_key");
    let ask = async |mut head: serde_json::Value, auth: &str| {
        head["auth"] = auth.into();
        let body = api.with_sdk_key(head).to_string();
        api.request(Method::POST, "/sdk/v1/live").body(body).send().await.unwrap().status().as_u16()
    };
    assert_eq!(ask(page.flush(Vec::new()), &FIRST.sign("bob", 60)).await, 401);
    assert_eq!(ask(page.flush(Vec::new()), &FIRST.sign("ada", 60)).await, 200);
    // A visitor proves nothing; and records are not to be lost here.
    let mut visitor = Visitor::new();
    listen(&api, &visitor).await;
    assert_eq!(ask(visitor.flush_of([event("lost")]), "").await, 400);
}

#[tokio::test]
async fn only_so_many_pages_of_one_user_listen() {
    let server = Server::start(empty_workspace("shop")).await;
    let api = server.api();
    let page = Visitor::new().signed_in("ada");
    let mut pages = Vec::new();
    for _ in 0..20 {
        pages.push(listen(&api, &page).await);
    }
    let full = send(request(&api, &page)).await;
    full.problem(503, "busy");
    assert_eq!(full.header("retry-after"), "60");
    listen(&api, &Visitor::new()).await;
}
