//! Filters say the same in a browser as on the server: the cases that the native evaluator is held to, in WebAssembly.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on has failed")]

use kindling_tests::{browser::Browser, programs, site::Pages};

#[tokio::test]
async fn filters_say_the_same_in_a_browser() {
    let pages = Pages::serve(None).await;
    let evaluator = programs::filter_cases();
    pages.copy(&evaluator.join("kindling.js"));
    pages.copy(&evaluator.join("kindling_bg.wasm"));
    pages.copy(&programs::root().join("tests/cases/filters.json"));
    pages.write(
        "filters.html",
        "<!doctype html><title>filters</title><script type=\"module\">
           import init, { run_cases } from './kindling.js';
           await init({ module_or_path: fetch('./kindling_bg.wasm') });
           window.said = run_cases(await (await fetch('./filters.json')).text());
         </script>",
    );
    let browser = Browser::open().await;
    browser.goto(&pages.page("filters")).await;
    let said = browser
        .run(
            "return new Promise((resolve) => {
               const look = () => window.said === undefined ? setTimeout(look, 10) : resolve(window.said);
               look();
             });",
        )
        .await;
    let said = said.as_str().expect("it says something");
    let verdicts = said.strip_prefix("ok ").unwrap_or_else(|| panic!("{said}"));
    assert!(verdicts.parse::<usize>().unwrap() >= 300, "{said}");
}
