//! What was answered is there, once, whatever happens to the server.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on has failed")]

use std::collections::BTreeMap;

use kindling_tests::{
    api::Api,
    raw::Raw,
    server::{Server, campaign, empty_workspace, workspace},
    visitor::{Visitor, event},
    wait,
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// A client that keeps what was not answered and sends it again, as the SDK does.
struct Sender {
    visitor: Visitor,
    /// What was made and not answered for.
    waiting: Vec<Value>,
    /// Up to which place the server has answered.
    answered: u64,
    /// Up to which place records were ever sent.
    sent: u64,
}

impl Sender {
    fn new() -> Self {
        Self { visitor: Visitor::new(), waiting: Vec::new(), answered: 0, sent: 0 }
    }

    /// Makes records and flushes, until the server is gone. Each flush has a few new records and all that is unanswered.
    async fn send_until_the_server_is_gone(mut self, api: Api) -> Self {
        loop {
            for _ in 0..3 {
                self.sent += 1;
                let n = self.sent;
                let record = json!({"type": "custom_event", "name": "step", "properties": {"n": n}});
                self.waiting.push(self.visitor.record(record));
            }
            if !self.flush(&api).await {
                return self;
            }
        }
    }

    /// Sends what waits. `false`: no answer.
    async fn flush(&mut self, api: &Api) -> bool {
        let flush = api.with_sdk_key(self.visitor.flush(self.waiting.clone()));
        let Ok(response) = api.flush_request(flush.to_string()).send().await else { return false };
        let status = response.status();
        let Ok(answer) = response.json::<Value>().await else { return false };
        assert_eq!(status, 200, "{answer}");
        self.answered = answer["acked"].as_u64().unwrap();
        assert_eq!(answer["rejected"], Value::Null);
        self.waiting.retain(|record| record["seq"].as_u64().unwrap() > self.answered);
        true
    }
}

/// The places of the records that the server has of a sender, in order; each must be there once.
async fn stored(api: &Api, visitor: &Visitor) -> Vec<u64> {
    let device = visitor.device_ref();
    if api.find_user(&device).await.is_none() {
        return Vec::new();
    }
    let mut places: Vec<u64> = api.records(&device, 500).await.iter().map(|r| r["seq"].as_u64().unwrap()).collect();
    places.reverse();
    assert_eq!(places.len() as u64, api.event_count(&device, "step").await, "the profile and the records differ");
    places
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_survives_every_crash_once() {
    const CLIENTS: usize = 8;
    let mut server = Server::start(empty_workspace("shop")).await;
    let mut senders: Vec<Sender> = (0..CLIENTS).map(|_| Sender::new()).collect();
    for round in 1..=6_u64 {
        let enough = 25 * round;
        let mut clients = JoinSet::new();
        for sender in senders.drain(..) {
            clients.spawn(sender.send_until_the_server_is_gone(server.api()));
        }
        // The crash comes in the middle of the traffic: after a number of flushes, not after a time.
        let api = server.api();
        wait::until("traffic", async || {
            let user = api.find_user("1").await?;
            (user["events"]["step"]["count"].as_u64()? >= enough).then_some(())
        })
        .await;
        server.kill();
        senders = clients.join_all().await;
        server.start_again().await;
        let api = server.api();
        for sender in &senders {
            let stored = stored(&api, &sender.visitor).await;
            let kept = stored.len() as u64;
            assert_eq!(stored, (1..=kept).collect::<Vec<_>>(), "round {round}: twice, or with gaps");
            assert!(kept >= sender.answered, "round {round}: {} were answered, {kept} are there", sender.answered);
            assert!(kept <= sender.sent, "round {round}: {} were sent, {kept} are there", sender.sent);
        }
    }
    let api = server.api();
    for sender in &mut senders {
        assert!(sender.waiting.is_empty() || sender.flush(&api).await);
        assert!(sender.waiting.is_empty());
        let all = (1..=sender.sent).collect::<Vec<_>>();
        assert_eq!(stored(&api, &sender.visitor).await, all);
        let records = api.records(&sender.visitor.device_ref(), 500).await;
        let numbers: BTreeMap<u64, u64> =
            records.iter().map(|r| (r["seq"].as_u64().unwrap(), r["properties"]["n"].as_u64().unwrap())).collect();
        assert!(numbers.iter().all(|(seq, n)| seq == n), "records changed places");
    }
}

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

#[tokio::test]
async fn a_server_that_is_asked_to_stop_answers_what_it_has_taken_and_exits_with_0() {
    let mut server = Server::start(empty_workspace("shop")).await;
    let api = server.api();
    let mut clients = JoinSet::new();
    for _ in 0..4 {
        clients.spawn(Sender::new().send_until_the_server_is_gone(api.clone()));
    }
    wait::until("traffic", async || api.find_user("1").await).await;
    server.process().ask_to_stop();
    let status = server.process().ended().await;
    assert_eq!(status.code(), Some(0));
    let senders = clients.join_all().await;
    server.start_again().await;
    let api = server.api();
    for mut sender in senders {
        let kept = stored(&api, &sender.visitor).await.len() as u64;
        assert!(kept >= sender.answered && kept <= sender.sent);
        assert!(sender.flush(&api).await);
        assert_eq!(stored(&api, &sender.visitor).await, (1..=sender.sent).collect::<Vec<_>>());
    }
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
