//! The packed package in projects of customers: installed, built by the usual bundlers, opened under a strict policy.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on has failed")]

use kindling_tests::{
    browser::Browser,
    programs,
    project::{self, Project},
    server::{Server, empty_workspace},
    site::Pages,
};
use serde_json::{Value, json};

/// What the SDK's README promises to be enough.
const POLICY: &str = "script-src 'self' 'wasm-unsafe-eval'; style-src 'self'";

const WHOLE: &str = "@kindling/web-sdk";
const INLINE: &str = "@kindling/web-sdk/inline";

/// An app that logs an event and sends it. `import` is where it has the SDK from, `more` further imports and `options` further
/// options.
fn app(import: &str, more: &str, options: &str) -> String {
    format!(
        "import {{ initialize, ready, logCustomEvent, requestImmediateDataFlush, getDeviceId }} from \"{import}\";
         {more}
         window.violations = [];
         document.addEventListener(\"securitypolicyviolation\", (event) => window.violations.push(event.violatedDirective));
         initialize(\"pk_shop\", {{ baseUrl: new URLSearchParams(location.search).get(\"server\"), {options} }});
         logCustomEvent(\"built\");
         const flushed = () => new Promise((resolve) => requestImmediateDataFlush(resolve));
         window.sent = ready().then(flushed).then((taken) => taken && getDeviceId());\n"
    )
}

/// The page of an app, which its bundler may change.
fn page(script: &str) -> String {
    format!("<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Shop</title>\n{script}\n</html>\n")
}

/// Opens the built app, and sees that its event arrives. Returns what the page has loaded beside itself.
async fn check(project: Project) -> Vec<String> {
    let server = Server::start(empty_workspace("shop")).await;
    let (pages, browser) = (Pages::serve_built(project, "dist", Some(POLICY)).await, Browser::open().await);
    browser.goto(&format!("{}/?server={}", pages.url(), server.url())).await;
    let device = browser.run("return await window.sent").await;
    let device = device.as_str().expect("the event was taken");
    assert_eq!(server.api().event_count(&format!("device_id:{device}"), "built").await, 1);
    assert_eq!(browser.run("return window.violations").await, json!([]));
    let loaded = browser.run("return performance.getEntriesByType('resource').map((entry) => entry.name)").await;
    serde_json::from_value(loaded).unwrap()
}

/// Modules for WebAssembly in the package. All but one are loaded when a message needs them.
const MODULES: usize = 3;

/// How many of these files are modules for WebAssembly.
fn modules(files: &[String]) -> usize {
    files.iter().filter(|file| file.contains(".wasm")).count()
}

#[tokio::test]
async fn vite_builds_it_without_configuration() {
    for (import, loaded) in [(WHOLE, 1), (INLINE, 0)] {
        let project = Project::with_package();
        project.write("index.html", &page("<script type=\"module\" src=\"/main.js\"></script>"));
        project.write("main.js", &app(import, "", ""));
        project.node(&programs::bundlers().join("node_modules/vite/bin/vite.js"), &["build"]);
        assert_eq!(project.built(".wasm").len(), MODULES, "{import}");
        assert_eq!(modules(&check(project).await), loaded, "{import}");
    }
}

#[tokio::test]
async fn webpack_builds_it_without_configuration() {
    for (import, loaded) in [(WHOLE, 1), (INLINE, 0)] {
        let project = Project::with_package();
        project.write("dist/index.html", &page("<script defer src=\"main.js\"></script>"));
        project.write("main.js", &app(import, "", ""));
        project.node(&programs::bundlers().join("webpack.mjs"), &[project.path().to_str().unwrap()]);
        assert_eq!(project.built(".wasm").len(), MODULES, "{import}");
        assert_eq!(modules(&check(project).await), loaded, "{import}");
    }
}

#[tokio::test]
async fn esbuild_builds_it_as_the_readme_says() {
    let wasm = [("wasm", ""), ("filtersWasm", "_filters"), ("segmentsWasm", "_segments")]
        .map(|(name, which)| format!("import {name} from \"{WHOLE}/kindling{which}_bg.wasm\";"))
        .join("\n");
    let named = "wasm, filtersWasm, segmentsWasm";
    for (import, more, options, loaded) in [(WHOLE, wasm.as_str(), named, 1), (INLINE, "", "", 0)] {
        let project = Project::with_package();
        project.write("dist/index.html", &page("<script type=\"module\" src=\"main.js\"></script>"));
        project.write("main.js", &app(import, more, options));
        let arguments = ["main.js", "--bundle", "--minify", "--format=esm", "--loader:.wasm=file", "--outdir=dist"];
        project.node(&programs::bundlers().join("node_modules/esbuild/bin/esbuild"), &arguments);
        assert_eq!(project.built(".wasm").len(), loaded * MODULES, "{import}");
        assert_eq!(modules(&check(project).await), loaded, "{import}");
    }
}

#[test]
fn types_are_found_for_every_import() {
    let project = Project::with_package();
    project.write(
        "main.ts",
        "import * as kindling from '@kindling/web-sdk';
         import * as inline from '@kindling/web-sdk/inline';
         import type {} from '@kindling/web-sdk/loader';
         export const stored: boolean = kindling.logCustomEvent('x', { n: 1 }) && inline.logCustomEvent('y');
         window.kindling.initialize('pk_shop', { baseUrl: 'https://engage.example.com' });
         kindling.subscribeToInAppMessage((message) => {
           message.buttons[0]?.subscribeToClickedEvent((button) => button.text.length);
           if (message instanceof kindling.SurveyMessage && message.question.type === 'rating') message.question.to.toFixed();
           if (!message.isControl) kindling.showInAppMessage(message, document.body, () => {});
         });
         kindling.previewInAppMessage({ type: 'modal', body: '' }, { colorScheme: 'dark' }).then((shown) => shown?.close());
         // @ts-expect-error Only the SDK makes messages.
         new kindling.InAppMessage();
         // @ts-expect-error There is no such export.
         kindling.Clickable;
         // @ts-expect-error A user's id is text.
         kindling.changeUser(7);
         // @ts-expect-error There is no such function.
         inline.carryOut();\n",
    );
    let tsc = programs::bundlers().join("node_modules/typescript/bin/tsc");
    for (module, resolution) in [("esnext", "bundler"), ("nodenext", "nodenext")] {
        let arguments = ["--noEmit", "--strict", "--target", "es2022", "--lib", "es2022,dom", "--module", module];
        project.node(&tsc, &[&arguments[..], &["--moduleResolution", resolution, "main.ts"]].concat());
    }
}

#[test]
fn on_a_server_importing_any_of_it_does_nothing() {
    let project = Project::with_package();
    project.write(
        "main.js",
        "const before = Object.keys(globalThis);
         for (const name of ['', '/inline']) {
           const kindling = await import(`@kindling/web-sdk${name}`);
           const results = [
             kindling.initialize('pk_shop', { baseUrl: 'http://127.0.0.1:1' }), kindling.initialize(), await kindling.ready(),
             kindling.isInitialized(), kindling.getUser() === undefined,
           ];
           if (JSON.stringify(results) !== '[false,false,false,false,true]') throw new Error(`${name}: ${results}`);
         }
         await import('@kindling/web-sdk/loader');
         const added = Object.keys(globalThis).filter((name) => !before.includes(name));
         if (added.length > 0) throw new Error(`these are new: ${added}`);
         console.log(import.meta.resolve('@kindling/web-sdk/kindling_bg.wasm'));",
    );
    let module = project.node("main.js".as_ref(), &[]);
    assert!(module.trim_end().ends_with("/dist/kindling_bg.wasm"), "{module}");
}

#[test]
fn exactly_what_is_meant_is_packed() {
    let packed = project::pack(&["--dry-run".as_ref()]);
    let mut files: Vec<&str> =
        packed["files"].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap()).collect();
    files.sort_unstable();
    let wanted = [
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "README.md",
        "dist/display.js",
        "dist/filters-module.js",
        "dist/filters.js",
        "dist/forms.js",
        "dist/frame.html",
        "dist/index.d.ts",
        "dist/index.js",
        "dist/inline.js",
        "dist/kindling_bg.wasm",
        "dist/kindling_filters_bg.wasm",
        "dist/kindling_segments_bg.wasm",
        "dist/left.js",
        "dist/live.js",
        "dist/loader.d.ts",
        "dist/loader.js",
        "dist/preview.js",
        "dist/render.js",
        "dist/segments-module.js",
        "dist/segments.js",
        "dist/wrongs.js",
        "package.json",
    ];
    assert_eq!(files, wanted);
    let version: &Value = &packed["version"];
    assert_eq!(*version, env!("CARGO_PKG_VERSION"));
}
