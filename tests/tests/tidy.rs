//! Rules of the house that a program can check.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on has failed")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use kindling_tests::programs::root;

/// Folders that are made, not written.
const MADE: [&str; 4] = ["target", "node_modules", "pkg", ".git"];
const LINES: usize = 700;

/// Every file below `folder` with one of these endings.
fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            if !MADE.contains(&name) {
                found.extend(files(&path, endings));
            }
        } else if path.extension().is_some_and(|ending| endings.iter().any(|wanted| ending == *wanted)) {
            found.push(path);
        }
    }
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn files_are_short_enough_to_be_read() {
    let sources = files(&root(), &["rs", "js", "ts", "css"]);
    assert!(sources.len() > 100, "only {} sources were found", sources.len());
    for path in sources {
        let lines = read(&path).lines().count();
        assert!(lines <= LINES, "{} has {lines} lines; at most {LINES} are read with pleasure", path.display());
    }
}

#[test]
fn nothing_is_left_for_later() {
    // Put together here, so that this file is not found.
    let marks = ["todo", "unimplemented", "dbg"].map(|name| format!("{name}!("));
    let notes = [["TO", "DO"], ["FIX", "ME"]].map(|parts| parts.concat());
    for path in files(&root(), &["rs", "js", "ts", "css", "html"]) {
        for (number, line) in read(&path).lines().enumerate() {
            let found = marks.iter().chain(&notes).find(|mark| line.contains(mark.as_str()));
            assert_eq!(found, None, "{}:{}", path.display(), number + 1);
        }
    }
}

#[test]
fn core_depends_on_no_other_crate_of_the_workspace() {
    let manifest = read(&root().join("core/Cargo.toml"));
    for other in ["kindling-sdk", "ingest-server", "demo-web", "kindling-tests", "xtask", "path ="] {
        assert!(!manifest.contains(other), "core/Cargo.toml names {other}");
    }
}

#[test]
fn core_has_no_clock_no_randomness_and_no_input_or_output() {
    let banned = [
        "SystemTime",
        "Instant::",
        "std::time",
        "std::fs",
        "std::net",
        "std::env",
        "std::thread",
        "println!",
        "static mut",
    ];
    let sources = files(&root().join("core/src"), &["rs"]);
    assert!(!sources.is_empty());
    for path in sources {
        let text = read(&path);
        // What stands below is the module's own tests.
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for name in banned {
            assert!(!code.contains(name), "{} has {name}", path.display());
        }
    }
}

#[test]
fn the_state_machine_of_the_sdk_knows_no_browser() {
    for path in files(&root().join("sdk/src/client"), &["rs"]) {
        let text = read(&path);
        for name in ["web_sys", "js_sys", "wasm_bindgen", "gloo", "SystemTime", "Instant::"] {
            assert!(!text.contains(name), "{} has {name}", path.display());
        }
    }
}

#[test]
fn the_black_box_tests_see_no_crate_from_inside() {
    let manifest = read(&root().join("tests/Cargo.toml"));
    for other in ["kindling-core", "kindling-sdk", "ingest-server", "demo-web", "xtask"] {
        assert!(!manifest.contains(other), "tests/Cargo.toml names {other}");
    }
}
