//! A Kindling server with a folder of its own.

use std::{fs, path::PathBuf, process::Command};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{api::Api, process::Process, programs};

/// A running server. Its data lies in a temporary folder and stays there while it is stopped, killed and started again.
#[derive(Debug)]
pub struct Server {
    // Before the folder: the process must be gone when its folder is removed.
    process: Option<Process>,
    folder: TempDir,
    definitions: Value,
    url: String,
}

impl Server {
    /// Starts a server with an empty database and these definitions, on a port that is free.
    pub async fn start(definitions: Value) -> Self {
        let folder = tempfile::Builder::new().prefix("kindling-tests-").tempdir().expect("a temporary folder");
        let mut server = Self { process: None, folder, definitions, url: String::new() };
        server.start_again().await;
        server
    }

    /// Starts it on the data that it left, on another port.
    pub async fn start_again(&mut self) {
        self.kill();
        let definitions = self.folder.path().join("definitions.json");
        fs::write(&definitions, self.definitions.to_string()).expect("the definitions can be written");
        let mut command = Command::new(programs::kindling());
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(self.data());
        command.arg("--definitions").arg(definitions);
        // What the machine has set must not change what is tested.
        for variable in ["KINDLING_LISTEN", "KINDLING_DATA", "KINDLING_DEFINITIONS", "KINDLING_LOG_FORMAT", "RUST_LOG"]
        {
            command.env_remove(variable);
        }
        let ready = |line: &str| line.strip_prefix("ready ").map(ToOwned::to_owned);
        let (process, url) = Process::start("kindling", &mut command, self.folder.path().join("log"), ready).await;
        self.url = url;
        self.process = Some(process);
    }

    /// Starts it on the data that it left, with other definitions. What the earlier ones put into the data stays there.
    pub async fn start_again_with(&mut self, definitions: Value) {
        self.definitions = definitions;
        self.start_again().await;
    }

    /// Kills it: SIGKILL, as a crash would.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// The running process.
    pub fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("the server runs")
    }

    /// Its address, like `http://127.0.0.1:40123`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The folder of its database.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Requests to it, with the first keys of its definitions.
    pub fn api(&self) -> Api {
        let key =
            |kind: &str| self.definitions["keys"][kind][0].as_str().expect("the definitions have keys").to_owned();
        Api::new(self.url.clone(), key("sdk"), key("secret"))
    }
}

/// The definitions of a workspace with one key of each kind.
pub fn workspace(id: &str, segments: Value, campaigns: Value) -> Value {
    json!({
        "workspace": {"id": id, "name": format!("Workspace {id}")},
        "keys": {"sdk": [format!("pk_{id}")], "secret": [format!("sk_{id}")]},
        "segments": segments,
        "campaigns": campaigns,
    })
}

/// The definitions of a workspace in which nothing is defined.
pub fn empty_workspace(id: &str) -> Value {
    workspace(id, json!([]), json!([]))
}

/// A campaign whose message an event shows: for everybody, or for a segment.
pub fn campaign(id: &str, segment: Option<&str>, event: &str) -> Value {
    json!({
        "id": id, "channel": "in_app", "status": "active", "segment": segment,
        "trigger": {"type": "custom_event", "name": event},
        "message": {"type": "slide_up", "header": format!("Header of {id}"), "body": format!("Body of {id}")},
    })
}
