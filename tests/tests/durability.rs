//! What was answered is there, once, whatever happens to the server.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on has failed")]

use kindling_tests::{
    api::Api,
    raw::Raw,
    server::{Server, campaign, empty_workspace, workspace},
    traffic::{Page, Sent, expect_all_once, expect_once},
    visitor::{Visitor, event},
    wait,
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

#[tokio::test]
async fn an_answer_is_followed_by_nothing_that_could_be_lost() {
    let mut server = Server::start(empty_workspace("shop")).await;
    let mut visitor = Visitor::new();
    for round in 1..=5 {
        let api = server.api();
        let flush = api.with_sdk_key(visitor.flush_of([event("answered")]));
        let answer = api.flush_request(flush.to_string()).send().await.unwrap();
        // The status is the answer; the server does not get the time to finish the body.
        assert_eq!(answer.status(), 200);
        server.kill();
        server.start_again().await;
        let api = server.api();
        assert_eq!(api.event_count(&visitor.device_ref(), "answered").await, round);
        // The client lost the answer, and asks again.
        assert_eq!(api.flush(flush).await["acked"], round);
        assert_eq!(api.event_count(&visitor.device_ref(), "answered").await, round);
    }
}

#[tokio::test]
async fn definitions_and_memberships_survive_a_crash() {
    let mut server = Server::start(empty_workspace("shop")).await;
    let api = server.api();
    let mut visitor = Visitor::new();
    visitor.messages = Some(String::new());
    api.put("/segments/now", &json!({"filter": {"event": "looked", "within": "2s"}})).await.ok();
    let mut hello = campaign("hello", Some("now"), "looked");
    hello.as_object_mut().unwrap().remove("id");
    api.put("/campaigns/hello", &hello).await.ok();
    let answer = api.flush(visitor.flush_of([event("looked")])).await;
    assert_eq!(answer["messages"]["items"][0]["id"], "hello");
    visitor.messages = answer["messages"]["version"].as_str().map(ToOwned::to_owned);
    server.kill();
    server.start_again().await;
    let api = server.api();
    assert_eq!(api.get("/segments/now").await.ok()["filter"]["within"], "2s");
    assert_eq!(api.get("/campaigns/hello").await.ok()["segment"], "now");
    // The end of the window is not lost, also when it passed while nobody was there.
    wait::until("the end of the window", async || {
        (api.user(&visitor.device_ref()).await["segments"] == json!([])).then_some(())
    })
    .await;
    let answer = api.flush(visitor.flush(vec![])).await;
    assert_eq!(answer["messages"]["items"], json!([]));
}

#[tokio::test]
async fn applying_the_definitions_again_changes_nothing() {
    let segments = json!([{"id": "lookers", "name": "Lookers", "filter": {"event": "looked"}}]);
    let mut server =
        Server::start(workspace("shop", segments, json!([campaign("hello", Some("lookers"), "looked")]))).await;
    let mut visitor = Visitor::new();
    visitor.messages = Some(String::new());
    let answer = server.api().flush(visitor.flush_of([event("looked")])).await;
    visitor.messages = answer["messages"]["version"].as_str().map(ToOwned::to_owned);
    let before = server.api().user(&visitor.device_ref()).await;
    server.start_again().await;
    assert_eq!(server.api().user(&visitor.device_ref()).await, before);
    assert_eq!(server.api().flush(visitor.flush(vec![])).await["messages"], Value::Null, "the version is the same");
}

/// Makes records and flushes them until the server is gone.
async fn send_until_the_server_is_gone(api: Api, mut page: Page) -> Page {
    loop {
        page.make(3);
        match page.send_rest(&api).await {
            Sent::Acked => {}
            Sent::Refused => panic!("nothing is wrong with the store"),
            Sent::NoAnswer => return page,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_asked_to_stop_answers_what_it_has_taken_and_exits_with_0() {
    let mut server = Server::start(empty_workspace("shop")).await;
    let mut pages: Vec<Page> = (0..4).map(|_| Page::new(Visitor::new())).collect();
    for _ in 0..3 {
        let api = server.api();
        let mut clients = JoinSet::new();
        for page in pages.drain(..) {
            clients.spawn(send_until_the_server_is_gone(api.clone(), page));
        }
        let before = api.event_count("1", "step").await;
        wait::until("traffic", async || (api.event_count("1", "step").await >= before + 30).then_some(())).await;
        server.process().ask_to_stop();
        assert_eq!(server.process().ended().await.code(), Some(0));
        pages.extend(clients.join_all().await);
        let log_before = server.process().log().len();
        server.start_again().await;
        // All of it was written down, and none of it has to be read again from the log.
        let log = server.process().log().split_off(log_before);
        assert!(!log.contains("applied again"), "{log}");
        expect_once(&server.api(), &pages).await;
    }
    expect_all_once(&server.api(), &mut pages).await;
    // Unlike after a crash.
    pages[0].make(1);
    expect_all_once(&server.api(), &mut pages).await;
    server.start_again().await;
    assert!(server.process().log().contains("the rest of the log was applied again"));
    expect_all_once(&server.api(), &mut pages).await;
}

#[tokio::test]
async fn clients_that_say_nothing_do_not_keep_the_server_from_stopping() {
    let mut server = Server::start(empty_workspace("shop")).await;
    let silent = Raw::connect(&server.api()).await;
    let mut idle = Raw::connect(&server.api()).await;
    idle.head(&["GET /health HTTP/1.1"]).await;
    assert!(idle.answer().await.starts_with("HTTP/1.1 200 OK"));
    server.process().ask_to_stop();
    assert_eq!(server.process().ended().await.code(), Some(0));
    drop((silent, idle));
}

#[tokio::test]
async fn clients_that_stall_do_not_keep_the_server_from_stopping() {
    let mut server = Server::start(empty_workspace("shop")).await;
    let mut half_a_head = Raw::connect(&server.api()).await;
    half_a_head.write(b"POST /sdk/v1/flush HTTP/1.1\r\nhost: a").await;
    let mut half_a_body = Raw::connect(&server.api()).await;
    half_a_body.head(&["POST /sdk/v1/flush HTTP/1.1", "content-length: 99"]).await;
    half_a_body.write(b"{").await;
    // Both have arrived before the server is asked to stop.
    server.api().expect_healthy().await;
    server.process().ask_to_stop();
    assert_eq!(server.process().ended().await.code(), Some(0));
    drop((half_a_head, half_a_body));
}
