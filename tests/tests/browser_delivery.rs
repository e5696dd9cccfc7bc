//! Records made in a browser reach the server exactly once, whatever happens to the page, the network or the server.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on has failed")]

use kindling_tests::{
    browser::Browser,
    engine::Engine,
    server::{Server, empty_workspace},
    site::Pages,
    stage::Stage,
    steps::{STEPS, expect_once, numbers},
    wait,
};
use serde_json::Value;

/// A page that logs steps and counts what becomes of its flushes.
async fn set(options: &str) -> Stage {
    let script = format!(
        "{STEPS}
         window.outcomes = {{ ok: 0, failed: 0 }};
         kindling.subscribeToActivity(({{ type }}) => {{
           if (type === 'flush_succeeded') window.outcomes.ok += 1;
           if (type === 'flush_failed') window.outcomes.failed += 1;
         }});"
    );
    Stage::set(Server::start(empty_workspace("shop")).await, Engine::Chromium, options, &script).await
}

#[tokio::test]
async fn what_is_logged_right_before_leaving_arrives_once() {
    let stage = set("flushIntervalInSeconds: 600").await;
    let user = stage.visit().await;
    stage.browser.run("log(1, 2)").await;
    stage.flush().await;

    // The page is left in the same moment: the rest goes with a request that outlives it.
    stage.browser.run("log(3, 4); setTimeout(() => location.assign('about:blank'));").await;
    expect_once(&stage.api(), &user, 4).await;
    assert_eq!(stage.visit().await, user);
    stage.flush().await;
    stage.expect_once(&user, 4).await;

    // The same, but the answer is lost: the next visit sends it again.
    stage.gate.lose_answers(stage.server.url());
    stage.browser.run("log(5, 6); setTimeout(() => location.assign('about:blank'));").await;
    wait::until("a lost answer", async || (stage.gate.lost_answers() > 0).then_some(())).await;
    stage.open_gate();
    stage.visit().await;
    stage.expect_once(&user, 6).await;
}

#[tokio::test]
async fn what_is_left_without_a_network_is_sent_by_the_next_page() {
    let stage = set("flushIntervalInSeconds: 1").await;
    let user = stage.visit().await;
    stage.gate.shut();
    stage.browser.run("log(1, 2); setTimeout(() => location.assign('about:blank'));").await;
    stage.browser.until("the blank page", "return location.href === 'about:blank'").await;
    stage.open_gate();
    stage.visit().await;
    expect_once(&stage.api(), &user, 2).await;
}

#[tokio::test]
async fn what_a_closed_tab_leaves_is_sent_by_the_next() {
    let stage = set("flushIntervalInSeconds: 600").await;
    let user = stage.visit().await;
    let first = stage.browser.window().await;
    stage.browser.open_window().await;
    assert_eq!(stage.visit().await, user);
    stage.gate.shut();
    stage.browser.run("log(1, 5)").await;
    stage.browser.close_window().await;
    stage.browser.drive(&first).await;
    stage.open_gate();
    stage.visit().await;
    stage.expect_once(&user, 5).await;
}

#[tokio::test]
async fn two_windows_that_write_at_once_lose_nothing_and_repeat_nothing() {
    const EACH: u64 = 120;
    let stage = set("flushIntervalInSeconds: 1").await;
    let user = stage.visit().await;
    let first = stage.browser.window().await;
    let second = stage.browser.open_window().await;
    assert_eq!(stage.visit().await, user, "both are the same device");
    let write = |from: u64| {
        format!(
            "(async () => {{
               for (let n = {from}; n < {from} + {EACH}; n += 4) {{
                 log(n, n + 3);
                 if (n % 3 === 0) kindling.requestImmediateDataFlush();
                 await new Promise((resolve) => setTimeout(resolve, 5));
               }}
               window.written = true;
             }})();"
        )
    };
    stage.browser.run(&write(1)).await;
    stage.browser.drive(&first).await;
    stage.browser.run(&write(1 + EACH)).await;
    for window in [&first, &second] {
        stage.browser.drive(window).await;
        stage.browser.until("the end of writing", "return window.written").await;
        stage.flush().await;
    }
    stage.expect_once(&user, 2 * EACH).await;
    // Each window wrote a stream of its own, in order.
    let records = stage.api().records(&user, 500).await;
    let mut streams: Vec<&Value> = records.iter().map(|record| &record["stream"]).collect();
    streams.sort_unstable_by_key(|stream| stream.as_str());
    streams.dedup();
    assert_eq!(streams.len(), 2);
    for stream in streams {
        let places: Vec<u64> =
            records.iter().filter(|r| r["stream"] == *stream).map(|r| r["seq"].as_u64().unwrap()).collect();
        assert!(places.is_sorted_by(|newer, older| newer > older), "the order of {stream}: {places:?}");
    }
}

#[tokio::test]
async fn what_a_killed_tab_of_three_leaves_arrives_once() {
    const EACH: u64 = 100;
    let stage = set("flushIntervalInSeconds: 1").await;
    let user = stage.visit().await;
    let mut windows = vec![stage.browser.window().await];
    for _ in 0..2 {
        windows.push(stage.browser.open_window().await);
        stage.visit().await;
    }
    let write = |from: u64| {
        format!(
            "(async () => {{
               for (let n = {from}; n < {from} + {EACH}; n += 4) {{
                 log(n, n + 3);
                 await new Promise((resolve) => setTimeout(resolve, 2));
               }}
               window.written = true;
             }})();"
        )
    };
    stage.gate.shut();
    for (place, window) in (0..).zip(&windows) {
        stage.browser.drive(window).await;
        stage.browser.run(&write(1 + place * EACH)).await;
    }
    stage.browser.until("the end of writing", "return window.written").await;
    stage.browser.crash_page().await;
    for window in &windows[..2] {
        stage.browser.drive(window).await;
        stage.browser.until("the end of writing", "return window.written").await;
    }
    stage.open_gate();
    // It takes over what nobody takes care of any more.
    stage.visit().await;
    stage.flush().await;
    stage.browser.drive(&windows[0]).await;
    stage.flush().await;
    stage.expect_once(&user, 3 * EACH).await;
}

#[tokio::test]
async fn a_server_that_is_killed_again_and_again_gets_everything_once() {
    let mut stage = set("flushIntervalInSeconds: 1").await;
    let user = stage.visit().await;
    stage.browser.run("log(1, 1)").await;
    stage.flush().await;
    let script = "
        window.last = 1;
        window.writing = setInterval(() => {
          log(window.last + 1, window.last + 3);
          window.last += 3;
          kindling.requestImmediateDataFlush();
        }, 10);";
    stage.browser.run(script).await;
    for _ in 0..3 {
        let before = stage.api().event_count(&user, "step").await;
        let api = stage.api();
        wait::until("more records", async || (api.event_count(&user, "step").await > before + 10).then_some(())).await;
        stage.server.kill();
        stage.gate.shut();
        stage.browser.until("a flush that fails", "return window.outcomes.failed > 0").await;
        stage.browser.run("window.outcomes.failed = 0").await;
        stage.server.start_again().await;
        stage.open_gate();
    }
    let last = stage.browser.run("clearInterval(window.writing); return window.last;").await.as_u64().unwrap();
    stage.flush().await;
    stage.expect_once(&user, last).await;
}

#[tokio::test]
async fn lost_answers_make_no_record_count_twice() {
    let stage = set("flushIntervalInSeconds: 600").await;
    let user = stage.visit().await;
    for round in 1..=3_u32 {
        stage.gate.lose_answers(stage.server.url());
        let (from, to) = (round * 10 - 9, round * 10);
        stage.browser.run(&format!("log({from}, {to}); kindling.requestImmediateDataFlush();")).await;
        let lost = usize::try_from(round).unwrap();
        wait::until("a lost answer", async || (stage.gate.lost_answers() >= lost).then_some(())).await;
        assert_eq!(stage.api().event_count(&user, "step").await, u64::from(to), "the server has them");
        let queued = stage.browser.run("return kindling.getQueuedRecords().length").await;
        assert_eq!(queued, 10, "the device keeps what was not answered");
        stage.open_gate();
        stage.flush().await;
        stage.expect_once(&user, u64::from(to)).await;
    }
}

#[tokio::test]
async fn signing_in_without_a_network_brings_the_history_along() {
    let stage = set("flushIntervalInSeconds: 600").await;
    stage.visit().await;
    stage.gate.shut();
    stage.browser.run("log(1, 2); kindling.changeUser('ada'); log(3, 4); kindling.changeUser('bob'); log(5, 6);").await;
    stage.browser.reload().await;
    stage.visitor().await;
    assert_eq!(stage.browser.run("return kindling.getUser().getUserId()").await, "bob");
    stage.open_gate();
    stage.flush().await;
    stage.expect_empty_queue().await;
    let api = stage.api();
    assert_eq!(numbers(&api, "external_id:ada").await, [1, 2, 3, 4], "the visitor turned out to be Ada");
    assert_eq!(numbers(&api, "external_id:bob").await, [5, 6], "Bob starts fresh");
}

#[tokio::test]
async fn calls_of_a_page_that_is_left_before_the_module_is_there_arrive_once() {
    let server = Server::start(empty_workspace("shop")).await;
    let (pages, browser) = (Pages::serve(None).await, Browser::open().await);
    let start =
        |options: &str| format!("kindling.initialize('pk_shop', {{ baseUrl: '{}', {options} }});", server.url());
    let calls = "
        window.calledAt = Date.now();
        kindling.changeUser('ada');
        kindling.logCustomEvent('early', { since: new Date(5), none: null });
        kindling.getUser().setCustomUserAttribute('plan', 'pro');";
    pages.write_page("slow", &format!("{}{calls}", start("wasm: new Promise(() => {})")));
    pages.write_page("page", &start(""));
    browser.goto(&pages.page("slow")).await;
    let called_at = browser.run("return window.calledAt").await.as_i64().unwrap();
    // Somebody's damage is not in the way.
    browser
        .run("localStorage.setItem('kindling.early.x.1000', '{'); localStorage.setItem('kindling.early.x.1001', '7')")
        .await;
    // Later than the clock is precise.
    browser.run("await new Promise((resolve) => setTimeout(resolve, 300))").await;
    for _ in 0..2 {
        browser.goto(&pages.page("page")).await;
        assert_eq!(browser.run("return await kindling.ready() && kindling.getUser().getUserId()").await, "ada");
        let flush = "return new Promise((resolve) => kindling.requestImmediateDataFlush(resolve));";
        assert_eq!(browser.run(flush).await, true);
        let user = server.api().user("external_id:ada").await;
        assert_eq!((&user["events"]["early"]["count"], &user["custom_attributes"]["plan"]), (&1.into(), &"pro".into()));
        let at = user["events"]["early"]["first_at"].as_i64().unwrap();
        assert!((at - called_at).abs() < 200, "{} ms after the call", at - called_at);
        let records = server.api().records("external_id:ada", 50).await;
        let early = records.iter().find(|record| record["name"] == "early").unwrap();
        assert_eq!(early["properties"], serde_json::json!({"since": {"$time": 5}, "none": null}));
        let left = "return Object.keys(localStorage).filter((name) => name.startsWith('kindling.early')).length";
        assert_eq!(browser.run(left).await, 0);
    }
}

#[tokio::test]
async fn large_flushes_are_compressed_and_need_no_preflight() {
    let stage = set("flushIntervalInSeconds: 600").await;
    let visitor = stage.visit().await;
    let script = "
        window.sent = [];
        const send = window.fetch;
        window.fetch = (url, options) => {
          window.sent.push([typeof options.body === 'string' ? 'text' : 'bytes', options.body.size ?? options.body.length, Object.keys(options.headers ?? {}).length]);
          return send(url, options);
        };
        window.log(1, 1);";
    stage.browser.run(script).await;
    stage.flush().await;
    stage.browser.run("window.log(2, 200)").await;
    stage.flush().await;
    let sent = stage.browser.run("return window.sent").await;
    let (small, large) = (&sent[0], &sent.as_array().unwrap()[1]);
    assert_eq!((&small[0], &large[0], &large[2]), (&"text".into(), &"bytes".into(), &0.into()), "{sent}");
    assert!(large[1].as_i64().unwrap() < 4_000, "{sent}");
    assert_eq!(stage.api().event_count(&visitor, "step").await, 200);
}

#[tokio::test]
async fn a_server_that_asks_to_wait_or_is_slow_is_asked_one_at_a_time() {
    let stage = set("flushIntervalInSeconds: 1").await;
    let user = stage.visit().await;
    let script = "
        const send = window.fetch;
        const answers = [503, 429];
        window.tries = [];
        window.mostAtOnce = 0;
        let atOnce = 0;
        window.fetch = async (...request) => {
          window.tries.push(performance.now());
          window.mostAtOnce = Math.max(window.mostAtOnce, (atOnce += 1));
          try {
            const status = answers.shift();
            if (status) return new Response('{}', { status, headers: { 'retry-after': '1' } });
            const answer = await send(...request);
            await new Promise((resolve) => setTimeout(resolve, 700));
            return answer;
          } finally {
            atOnce -= 1;
          }
        };
        log(1, 60);
        await new Promise((resolve) => setTimeout(resolve, 2500));
        return log(61, 120);";
    assert_eq!(stage.browser.run(script).await, 60);
    stage.expect_once(&user, 120).await;
    let pauses =
        stage.browser.run("return window.tries.slice(1, 3).map((at, place) => at - window.tries[place])").await;
    let pauses: Vec<f64> = pauses.as_array().unwrap().iter().map(|pause| pause.as_f64().unwrap()).collect();
    assert!(pauses.len() == 2 && pauses.iter().all(|pause| *pause > 990.0), "as long as it asks for: {pauses:?}");
    assert_eq!(stage.browser.run("return window.mostAtOnce").await, 1);
}

#[tokio::test]
async fn a_clock_that_is_set_back_delays_and_loses_nothing() {
    let stage = set("flushIntervalInSeconds: 1").await;
    let user = stage.visit().await;
    let script = "
        const clock = Date.now;
        log(1, 20);
        Date.now = () => clock() - 3_600_000;
        log(21, 40);
        Date.now = () => clock() + 3_600_000;
        log(41, 60);
        Date.now = clock;
        return log(61, 80);";
    assert_eq!(stage.browser.run(script).await, 20);
    stage.expect_once(&user, 80).await;
}
