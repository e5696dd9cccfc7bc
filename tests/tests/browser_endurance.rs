//! A page that calls far more often than any should.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on has failed")]

use kindling_tests::{
    engine::Engine,
    server::{Server, empty_workspace},
    stage::Stage,
};

/// As `sdk/README.md` has it.
const QUEUE_RECORDS: u64 = 10_000;

#[tokio::test]
async fn a_hundred_thousand_calls_neither_freeze_the_page_nor_grow_the_queue() {
    let script = "
        window.dropped = 0;
        kindling.subscribeToActivity((activity) => {
          if (activity.type === 'records_dropped') window.dropped += activity.lastSeq - activity.firstSeq + 1;
        });
        window.run = (calls) => {
          let longest = 0;
          let accepted = 0;
          const began = performance.now();
          for (let n = 0; n < calls; n += 1) {
            const before = performance.now();
            accepted += kindling.logCustomEvent('step', { n });
            longest = Math.max(longest, performance.now() - before);
          }
          return { accepted, longest, spent: performance.now() - began };
        };";
    let stage = Stage::set(Server::start(empty_workspace("shop")).await, Engine::Chromium, "", script).await;
    let user = stage.visit().await;
    stage.gate.shut();
    let mut spent = Vec::new();
    for _ in 0..10 {
        let run = stage.browser.run("return run(10_000)").await;
        assert_eq!(run["accepted"], 10_000, "{run}");
        // A call takes a tenth of a millisecond. The bound is for what a busy machine does to one.
        assert!(run["longest"].as_f64().unwrap() < 1_000.0, "no call holds the page up: {run}");
        spent.push(run["spent"].as_f64().unwrap());
    }
    // The first fill the queue; from then on each call makes room for itself.
    assert!(spent[9] < 3.0 * spent[1..5].iter().sum::<f64>() / 4.0 + 100.0, "calls cost more and more: {spent:?}");
    let queued = stage.browser.run("return kindling.getQueuedRecords().length").await;
    let dropped = stage.browser.run("return window.dropped").await;
    assert_eq!((queued.as_u64(), dropped.as_u64()), (Some(QUEUE_RECORDS), Some(100_000 - QUEUE_RECORDS)));
    stage.open_gate();
    stage.flush().await;
    stage.expect_empty_queue().await;
    assert_eq!(stage.api().event_count(&user, "step").await, QUEUE_RECORDS);
}
