//! Flushes of workspaces that want proof of who their users are.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on has failed")]

use kindling_tests::{
    api::{Answer, Api},
    server::{Server, empty_workspace},
    tokens::{FIRST, KeyPair, SECOND, WEAK, sdk_authentication},
    visitor::{Visitor, event},
};
use serde_json::{Value, json};

const SETTINGS: &str = "/sdk_authentication";

async fn start(mode: &str, keys: &[KeyPair]) -> (Server, Api) {
    let mut definitions = empty_workspace("shop");
    definitions["sdk_authentication"] = sdk_authentication(mode, keys);
    let server = Server::start(definitions).await;
    let api = server.api();
    (server, api)
}

/// Sends a flush with this proof.
async fn send(api: &Api, flush: &Value, auth: Option<&str>) -> Answer {
    let mut flush = api.with_sdk_key(flush.clone());
    if let Some(auth) = auth {
        flush["auth"] = auth.into();
    }
    api.post_flush(flush.to_string()).await
}

fn refused(answer: &Answer, error_code: u32, reason: &str) {
    let problem = answer.problem(401, "sdk_authentication_failed");
    assert_eq!((&problem["error_code"], &problem["reason"]), (&json!(error_code), &json!(reason)));
    // A page must be able to read it.
    assert_eq!(answer.header("access-control-allow-origin"), "*");
}

#[tokio::test]
async fn where_it_is_required_only_proven_users_are_taken() {
    let (_server, api) = start("required", &[FIRST]).await;
    let mut visitor = Visitor::new();
    assert_eq!(api.flush(visitor.flush_of([event("looked")])).await["acked"], 1, "a visitor proves nothing");
    let mut ada = visitor.signed_in("ada");
    let flush = ada.flush_of([event("bought"), event("bought")]);
    refused(&send(&api, &flush, None).await, 26, "missing");
    refused(&send(&api, &flush, Some("abc")).await, 20, "malformed");
    refused(&send(&api, &flush, Some(&"a".repeat(10_000))).await, 20, "malformed");
    refused(&send(&api, &flush, Some(&FIRST.sign("bob", 60))).await, 21, "wrong_subject");
    refused(&send(&api, &flush, Some(&FIRST.sign("ada", -61))).await, 22, "expired");
    refused(&send(&api, &flush, Some(&SECOND.sign("ada", 60))).await, 27, "bad_signature");
    refused(&send(&api, &flush, Some(&FIRST.sign_claims(&json!({"sub": "ada"})))).await, 10, "no_expiry");
    assert_eq!(api.find_user("external_id:ada").await, None, "nothing of it was stored");
    // The same records, once there is proof: counted once, however often they come.
    for seconds in [60, 60, 600] {
        let answer = send(&api, &flush, Some(&FIRST.sign("ada", seconds))).await.ok();
        assert_eq!(answer, json!({"acked": 2}));
    }
    assert_eq!(api.event_count("external_id:ada", "bought").await, 2);
    assert_eq!(api.event_count("external_id:ada", "looked").await, 1, "the visitor turned out to be them");
}

#[tokio::test]
async fn where_it_is_optional_all_is_taken_and_failures_are_told() {
    let (server, api) = start("optional", &[FIRST]).await;
    let mut ada = Visitor::new().signed_in("ada");
    let answer = send(&api, &ada.flush_of([event("bought")]), None).await.ok();
    assert_eq!(answer, json!({"acked": 1, "auth": {"error_code": 26, "reason": "missing"}}));
    let answer = send(&api, &ada.flush_of([event("bought")]), Some(&SECOND.sign("ada", 60))).await.ok();
    assert_eq!(answer["auth"], json!({"error_code": 27, "reason": "bad_signature"}));
    let answer = send(&api, &ada.flush_of([event("bought")]), Some(&FIRST.sign("ada", 60))).await.ok();
    assert_eq!(answer, json!({"acked": 3}));
    assert_eq!(api.event_count("external_id:ada", "bought").await, 3);
    let log = std::fs::read_to_string(server.log_file()).unwrap();
    let lines = log.lines().filter(|line| line.contains("do not prove who their users are")).count();
    assert_eq!(lines, 1, "{log}");
    assert!(!log.contains("ada"), "{log}");
}

#[tokio::test]
async fn where_it_is_off_nobody_looks_and_no_proof_is_kept() {
    let server = Server::start(empty_workspace("shop")).await;
    let api = server.api();
    assert_eq!(api.get(SETTINGS).await.ok(), json!({"mode": "off", "public_keys": []}));
    let mut ada = Visitor::new().signed_in("ada");
    let secret = "do-not-keep-this-proof";
    assert_eq!(send(&api, &ada.flush_of([event("bought")]), Some(secret)).await.ok(), json!({"acked": 1}));
    assert_eq!(api.event_count("external_id:ada", "bought").await, 1);
    let is_stored = |text: &str| {
        let files =
            std::fs::read_dir(server.data()).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
        files.into_iter().any(|content| content.windows(text.len()).any(|part| part == text.as_bytes()))
    };
    assert!(is_stored(&ada.stream), "what is stored can be read here");
    assert!(!is_stored(secret));
}

#[tokio::test]
async fn keys_change_without_a_gap_and_the_change_survives_a_crash() {
    let mut server = Server::start(empty_workspace("shop")).await;
    let api = server.api();
    let mut ada = Visitor::new().signed_in("ada");
    let (old, new) = (FIRST.sign("ada", 600), SECOND.sign("ada", 600));
    for keys in [&[FIRST][..], &[FIRST, SECOND]] {
        let settings = sdk_authentication("required", keys);
        assert_eq!(api.put(SETTINGS, &settings).await.ok(), settings);
        send(&api, &ada.flush_of([event("bought")]), Some(&old)).await.ok();
    }
    send(&api, &ada.flush_of([event("bought")]), Some(&new)).await.ok();
    // What is gone counts no longer, though it has been verified before; and what was put is there after a crash.
    let settings = sdk_authentication("required", &[SECOND]);
    api.put(SETTINGS, &settings).await.ok();
    server.kill();
    server.start_again().await;
    let api = server.api();
    assert_eq!(api.get(SETTINGS).await.ok(), settings);
    let flush = ada.flush_of([event("bought")]);
    refused(&send(&api, &flush, Some(&old)).await, 27, "bad_signature");
    send(&api, &flush, Some(&new)).await.ok();
    assert_eq!(api.event_count("external_id:ada", "bought").await, 4);
    // Without keys, nobody is proven; off, nobody needs to be.
    api.put(SETTINGS, &json!({"mode": "required"})).await.ok();
    let flush = ada.flush_of([event("bought")]);
    refused(&send(&api, &flush, Some(&new)).await, 25, "no_key");
    api.put(SETTINGS, &json!({"mode": "off"})).await.ok();
    send(&api, &flush, None).await.ok();
    assert_eq!(api.event_count("external_id:ada", "bought").await, 5);
}

#[tokio::test]
async fn a_definition_that_is_not_right_changes_nothing() {
    let (mut server, api) = start("required", &[FIRST]).await;
    let before = api.get(SETTINGS).await.ok();
    for (definition, path) in [
        (json!({}), "$.mode"),
        (json!({"mode": "maybe"}), "$.mode"),
        (json!({"mode": "off", "keys": []}), "$.keys"),
        (json!({"mode": "off", "public_keys": [FIRST.public, WEAK]}), "$.public_keys[1]"),
        (json!({"mode": "off", "public_keys": ["ssh-rsa AAAA"]}), "$.public_keys[0]"),
        (sdk_authentication("off", &[FIRST; 4]), "$.public_keys"),
    ] {
        let problem = api.put(SETTINGS, &definition).await.problem(422, "invalid_definition");
        assert_eq!(problem["path"], path, "{problem}");
    }
    api.with_keys("pk_shop", "sk_unknown").get(SETTINGS).await.problem(401, "unknown_key");
    assert_eq!(api.get(SETTINGS).await.ok(), before);
    let mut definitions = empty_workspace("shop");
    definitions["sdk_authentication"] = json!({"mode": "required", "public_keys": [WEAK]});
    server.kill();
    let mut other = Server::not_started(definitions, kindling_tests::server::Setup::default());
    other.expect_refusal("$.public_keys[0]").await;
}
