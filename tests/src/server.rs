//! A Kindling server with a folder of its own.

use std::{
    fs,
    path::PathBuf,
    process::{Command, ExitStatus},
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::sleep;

use crate::{api::Api, process::Process, programs};

/// How a server is run.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// Variables of its environment.
    pub environment: Vec<(&'static str, String)>,
    /// A program that runs it, with arguments; the server and its own arguments come after them.
    pub launcher: Vec<String>,
}

/// A running server. Its data lies in a temporary folder and stays there while it is stopped, killed and started again.
#[derive(Debug)]
pub struct Server {
    // Before the folder: the process must be gone when its folder is removed.
    process: Option<Process>,
    folder: TempDir,
    definitions: Value,
    setup: Setup,
    url: String,
}

impl Server {
    /// Starts a server with an empty database and these definitions, on a port that is free.
    pub async fn start(definitions: Value) -> Self {
        Self::start_with(definitions, Setup::default()).await
    }

    /// Starts a server that is run in a particular way, now and later.
    pub async fn start_with(definitions: Value, setup: Setup) -> Self {
        let mut server = Self::not_started(definitions, setup);
        server.start_again().await;
        server
    }

    /// A server that has not been started, with no data.
    pub fn not_started(definitions: Value, setup: Setup) -> Self {
        let folder = tempfile::Builder::new().prefix("kindling-tests-").tempdir().expect("a temporary folder");
        Self { process: None, folder, definitions, setup, url: String::new() }
    }

    /// Starts it on the data that it left, on another port.
    pub async fn start_again(&mut self) {
        if let Err((status, log)) = self.try_start_again().await {
            panic!("kindling ended before it was ready, with {status}:\n{log}");
        }
    }

    /// Like [`Self::start_again`]; when it refuses to start, this is its end and what it said.
    pub async fn try_start_again(&mut self) -> Result<(), (ExitStatus, String)> {
        let mut command = self.command();
        let ready = |line: &str| line.strip_prefix("ready ").map(ToOwned::to_owned);
        let (process, url) = Process::try_start("kindling", &mut command, self.log_file(), ready).await?;
        self.url = url;
        self.process = Some(process);
        Ok(())
    }

    /// Expects that it refuses to start: with an exit code that says so and a last line that names `culprit`, which is returned.
    pub async fn expect_refusal(&mut self, culprit: &str) -> String {
        let Err((status, log)) = self.try_start_again().await else { panic!("it started, in spite of {culprit}") };
        assert_eq!(status.code(), Some(1), "{log}");
        let errors: Vec<&str> = log.lines().filter(|line| !line.contains(" INFO ")).collect();
        assert_eq!(errors.len(), 1, "one line says why: {log}");
        assert!(errors[0].contains("ERROR") && errors[0].contains(culprit), "{culprit} is not named: {log}");
        errors[0].to_owned()
    }

    /// Starts it and kills it after this time, whether it is ready by then or not.
    pub async fn start_and_kill(&mut self, after: Duration) {
        let mut command = self.command();
        let starting = Process::try_start("kindling", &mut command, self.log_file(), |_| None::<()>);
        // It ends with the future that holds it.
        tokio::select! {
            ended = starting => panic!("it never says so: {ended:?}"),
            () = sleep(after) => {}
        }
    }

    /// How it is started, after it was killed.
    fn command(&mut self) -> Command {
        self.kill();
        let definitions = self.folder.path().join("definitions.json");
        fs::write(&definitions, self.definitions.to_string()).expect("the definitions can be written");
        let mut command = match self.setup.launcher.split_first() {
            Some((launcher, arguments)) => {
                let mut command = Command::new(launcher);
                command.args(arguments).arg(programs::kindling());
                command
            }
            None => Command::new(programs::kindling()),
        };
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(self.data());
        command.arg("--definitions").arg(definitions);
        // What the machine has set must not change what is tested.
        for variable in [
            "KINDLING_LISTEN",
            "KINDLING_DATA",
            "KINDLING_DEFINITIONS",
            "KINDLING_CACHE_MIB",
            "KINDLING_OLDEST_RECORD",
            "KINDLING_LOG_FORMAT",
            "RUST_LOG",
        ] {
            command.env_remove(variable);
        }
        command.envs(self.setup.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// The file that its standard error goes to, of all its starts.
    pub fn log_file(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// How it is run from the next start on.
    pub fn setup(&mut self) -> &mut Setup {
        &mut self.setup
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
