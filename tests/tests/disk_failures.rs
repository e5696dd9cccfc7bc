//! The disk is full, or can't be relied on: nothing is acknowledged that is not there, and nothing that was is lost.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on has failed")]
#![allow(clippy::print_stderr, reason = "it says why a test was skipped")]

use std::{process::Command, time::Instant};

use kindling_tests::{
    api::{Api, send},
    faults::{Fault, Faults},
    server::{Server, Setup, empty_workspace},
    traffic::{Page, Sent, expect_all_once, expect_once},
    visitor::Visitor,
    wait,
};
use reqwest::Method;
use serde_json::json;

fn pages(count: usize) -> Vec<Page> {
    (0..count).map(|_| Page::new(Visitor::new())).collect()
}

/// Sends something of each.
async fn send_all(api: &Api, pages: &mut [Page]) {
    for page in pages {
        page.make(2);
        assert_eq!(page.send_rest(api).await, Sent::Acked);
    }
}

async fn health(api: &Api) -> u16 {
    send(api.request(Method::GET, "/health")).await.status
}

/// Expects what a server answers that can't store anything: that, and when to try again.
async fn expect_refusal(api: &Api, page: &mut Page) {
    page.make(1);
    let answer = api.post_flush(page.flush(api, page.acked + 1, page.made())).await;
    page.sent = page.made();
    answer.problem(503, "unavailable");
    let seconds: u64 = answer.header("retry-after").parse().expect("it says when to try again");
    assert!((1..=60).contains(&seconds), "{seconds}");
    send(api.request(Method::GET, "/health")).await.problem(503, "unavailable");
    // Definitions can't be stored either.
    api.put("/segments/late", &json!({"filter": {"event": "late"}})).await.problem(503, "unavailable");
    // Reading works, or it is said that it does not.
    let user = api.get(&format!("/users/{}", page.visitor.device_ref())).await;
    assert!(user.status == 200 || user.status == 503, "{user:?}");
    if user.status == 503 {
        user.problem(503, "unavailable");
    }
}

/// Limits the size of files that a process may write, or lifts the limit. The hard limit stays, so that this needs no rights.
fn limit_files(process: u32, bytes: Option<u64>) -> bool {
    let limit = bytes.map_or_else(|| "unlimited".to_owned(), |bytes| bytes.to_string());
    let done = Command::new("prlimit").args(["--pid", &process.to_string(), &format!("--fsize={limit}:")]).status();
    done.is_ok_and(|status| status.success())
}

#[tokio::test]
async fn a_server_whose_files_may_not_grow_says_so_and_recovers_by_itself() {
    // Else the signal ends a process that writes too much. Who is started inherits that it is ignored.
    let launcher = ["/bin/sh", "-c", "trap '' XFSZ; exec \"$0\" \"$@\""].map(ToOwned::to_owned).into();
    let mut server = Server::start_with(empty_workspace("shop"), Setup { launcher, ..Setup::default() }).await;
    let process = server.process().id();
    if !limit_files(process, None) {
        eprintln!("skipped: there is no program `prlimit` that limits files here");
        return;
    }
    let api = server.api();
    let mut pages = pages(3);
    send_all(&api, &mut pages).await;
    // Nothing at all can be written (not even the log of the process), or the end of a large flush can't.
    for limit in [0, 150_000] {
        assert!(limit_files(process, Some(limit)));
        let mut refused = false;
        for _ in 0..100 {
            pages[0].make(300);
            refused = pages[0].send_rest(&api).await == Sent::Refused;
            if refused {
                break;
            }
        }
        assert!(refused, "everything was taken");
        // Of a smaller flush all of it may still fit in.
        if limit == 0 {
            for page in &mut pages {
                expect_refusal(&api, page).await;
            }
        }
        assert!(limit_files(process, None));
        wait::until("recovery", async || (health(&api).await == 200).then_some(())).await;
        assert_eq!(server.process().id(), process);
        expect_once(&api, &pages).await;
        expect_all_once(&api, &mut pages).await;
    }
    assert_eq!(api.get("/segments/late").await.status, 404);
    server.start_again().await;
    expect_all_once(&server.api(), &mut pages).await;
}

#[tokio::test]
async fn a_full_disk_is_survived_when_it_has_room_again() {
    let Some(faults) = Faults::make() else { return };
    let mut server = Server::start_with(empty_workspace("shop"), faults.setup()).await;
    let api = server.api();
    let mut pages = pages(3);
    // The whole disk, with the log of the process; then only the record log.
    for full in ["", "kindling.db-wal"] {
        send_all(&api, &mut pages).await;
        faults.begin(Fault::Write, full);
        for page in &mut pages {
            expect_refusal(&api, page).await;
        }
        faults.end(Fault::Write);
        wait::until("recovery", async || (health(&api).await == 200).then_some(())).await;
        expect_once(&api, &pages).await;
        expect_all_once(&api, &mut pages).await;
    }
    // Once more, and this time it does not live to see the end of it.
    faults.begin(Fault::Write, "");
    expect_refusal(&api, &mut pages[0]).await;
    server.kill();
    faults.end(Fault::Write);
    server.start_again().await;
    expect_once(&server.api(), &pages).await;
    expect_all_once(&server.api(), &mut pages).await;
}

#[tokio::test]
async fn profiles_that_cannot_be_written_hold_up_nothing_until_memory_is_full() {
    let Some(faults) = Faults::make() else { return };
    let mut setup = faults.setup();
    setup.environment.push(("KINDLING_CACHE_MIB", "1".to_owned()));
    let mut server = Server::start_with(empty_workspace("shop"), setup).await;
    let api = server.api();
    faults.begin(Fault::Write, "profiles.db-wal");
    let mut pages = pages(8_000);
    let mut taken = 0;
    for page in &mut pages {
        page.make(1);
        match page.send_rest(&api).await {
            Sent::Acked => taken += 1,
            Sent::Refused => break,
            Sent::NoAnswer => panic!("no answer"),
        }
    }
    pages.truncate(taken + 1);
    assert!(taken < 8_000, "memory has no end");
    assert!(taken > 500, "only {taken} were taken");
    let log = server.process().log();
    assert!(log.contains("the profiles can't be written down"), "{log}");
    assert_eq!(health(&api).await, 503);
    // They can be written again, and everything is taken again, without a start.
    faults.end(Fault::Write);
    wait::until("recovery", async || (health(&api).await == 200).then_some(())).await;
    expect_all_once(&api, &mut pages[taken - 10..]).await;
    expect_once(&api, pages.iter().step_by(20)).await;
    server.start_again().await;
    expect_once(&server.api(), pages.iter().step_by(20)).await;
}

#[tokio::test]
async fn a_flush_to_disk_that_fails_ends_the_server() {
    let Some(faults) = Faults::make() else { return };
    let mut server = Server::start_with(empty_workspace("shop"), faults.setup()).await;
    let mut pages = pages(3);
    // Of a batch; then of a definition, while nobody sends anything.
    for idle in [false, true] {
        let api = server.api();
        send_all(&api, &mut pages).await;
        faults.begin(Fault::Sync, "kindling.db-wal");
        let began = Instant::now();
        if idle {
            api.put("/segments/unsure", &json!({"filter": {"event": "x"}})).await.problem(503, "unavailable");
            faults.end(Fault::Sync);
        } else {
            pages[0].make(1);
            assert_eq!(pages[0].send_rest(&api).await, Sent::Refused);
            // It works again, as far as the system says. But who knows what it has lost?
            faults.end(Fault::Sync);
            for page in &mut pages {
                page.make(1);
                assert_ne!(page.send_rest(&api).await, Sent::Acked, "it goes on as if nothing had happened");
            }
            // Nor is anything else stored.
            let put = api.management(Method::PUT, "/segments/late").body(r#"{"filter":{"event":"x"}}"#).send().await;
            assert!(put.is_err() || put.is_ok_and(|answer| answer.status() == 503));
        }
        let status = server.process().ended().await;
        assert_eq!(status.code(), Some(1), "after {:?}", began.elapsed());
        let log = server.process().log();
        assert!(log.lines().last().unwrap().contains("the store has failed for good"), "{log}");
        server.start_again().await;
        expect_once(&server.api(), &pages).await;
        expect_all_once(&server.api(), &mut pages).await;
    }
}

#[tokio::test]
async fn a_flush_of_profiles_to_disk_that_fails_ends_the_server() {
    let Some(faults) = Faults::make() else { return };
    let mut setup = faults.setup();
    setup.environment.push(("KINDLING_CACHE_MIB", "1".to_owned()));
    let mut server = Server::start_with(empty_workspace("shop"), setup).await;
    let api = server.api();
    faults.begin(Fault::Sync, "profiles.db-wal");
    let mut pages = pages(8_000);
    let mut sent = 0;
    for page in &mut pages {
        page.make(1);
        sent += 1;
        if page.send_rest(&api).await != Sent::Acked {
            break;
        }
    }
    pages.truncate(sent);
    assert_eq!(server.process().ended().await.code(), Some(1));
    faults.end(Fault::Sync);
    server.start_again().await;
    expect_once(&server.api(), pages.iter().step_by(50)).await;
    let last = pages.split_off(sent.saturating_sub(20));
    expect_all_once(&server.api(), &mut { last }).await;
}
