//! The browsers that tests are driven in, and what is particular to each.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Map, Value, json};

use crate::programs;

/// What a browser is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Blink and V8, in Chromium.
    Chromium,
    /// Gecko and SpiderMonkey, in Firefox.
    Firefox,
}

impl Engine {
    /// What the program is called that remote-controls it.
    pub const fn driver_name(self) -> &'static str {
        match self {
            Self::Chromium => "chromedriver",
            Self::Firefox => "geckodriver",
        }
    }

    /// How that program is started, on a port that is free.
    pub(crate) fn driver(self) -> Command {
        let (program, arguments): (PathBuf, &[&str]) = match self {
            Self::Chromium => (programs::chromedriver(), &["--port=0"]),
            Self::Firefox => (programs::geckodriver(), &["--port", "0"]),
        };
        let mut command = Command::new(program);
        command.args(arguments);
        command
    }

    /// The port in the line by which the driver says that it is ready.
    pub(crate) fn port(self, line: &str) -> Option<u16> {
        let before = match self {
            Self::Chromium => "started successfully on port ",
            Self::Firefox => "Listening on 127.0.0.1:",
        };
        let (_, rest) = line.split_once(before)?;
        rest.trim_end_matches('.').parse().ok()
    }

    /// What the driver is asked for: a browser without a window on a screen, that has never been anywhere and works in this folder.
    pub(crate) fn capabilities(self, folder: &Path) -> Map<String, Value> {
        let mut capabilities = match self {
            Self::Chromium => chromium(folder),
            Self::Firefox => firefox(),
        };
        capabilities["timeouts"] = json!({"script": 20_000, "pageLoad": 20_000, "implicit": 0});
        capabilities.as_object().cloned().expect("it is an object")
    }
}

fn chromium(folder: &Path) -> Value {
    let mut arguments: Vec<String> = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
        // A page that scrolls smoothly is still on its way when a click is to land.
        "--force-prefers-reduced-motion",
        "--window-size=1400,1000",
    ]
    .map(ToOwned::to_owned)
    .into();
    arguments.push(format!("--user-data-dir={}", folder.join("profile").display()));
    json!({
        "browserName": "chrome",
        "goog:chromeOptions": {"binary": programs::chrome(), "args": arguments},
    })
}

/// The driver makes a profile in the folder for temporary files, and asks for nothing from the network that nobody asked for.
fn firefox() -> Value {
    json!({
        "browserName": "firefox",
        "moz:firefoxOptions": {
            "binary": programs::firefox(),
            "args": ["-headless", "-width", "1400", "-height", "1000"],
            "prefs": {"ui.prefersReducedMotion": 1},
        },
    })
}
