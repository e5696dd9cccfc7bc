//! Headless Chromium, spoken to over a pipe: messages of its DevTools protocol, each ended by a zero byte. So there is no port, and no
//! driver; and it ends by itself if this program does.

use std::{
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::{sleep, timeout},
};

/// How long an answer of the browser may take: there are subjects that keep their page busy for many seconds.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long it may take to end, and its files to be let go of.
const LAST_BREATH: Duration = Duration::from_secs(5);

/// The browser reads what is sent to it from the descriptor 3 and answers on 4.
const WITH_PIPES: &str = "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1";

const ARGUMENTS: [&str; 15] = [
    "--headless",
    "--remote-debugging-pipe",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--disable-dev-shm-usage",
    "--disable-breakpad",
    // Some SDKs drop what happens in a browser that is driven.
    "--disable-blink-features=AutomationControlled",
    // Whatever a page wants of other machines, it does not get.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];

/// A browser with a profile of its own, and one page in it. It ends when this is dropped; [`Self::close`] waits for that.
#[derive(Debug)]
pub(crate) struct Browser {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    profile: TempDir,
    /// Of the last message that was sent.
    number: u64,
    /// The page, once there is one.
    session: Option<String>,
}

impl Browser {
    /// Starts a browser that has never been anywhere. Its profile lies in the folder `scratch`.
    pub(crate) async fn open(chrome: &Path, scratch: &Path) -> anyhow::Result<Self> {
        let profile = tempfile::Builder::new().prefix("profile-").tempdir_in(scratch)?;
        let mut command = Command::new("sh");
        command.args(["-c", WITH_PIPES]).arg(chrome).args(ARGUMENTS);
        command.arg(format!("--user-data-dir={}", profile.path().display())).arg("about:blank");
        // Everything that the browser leaves lying about goes with its profile.
        command.env("TMPDIR", profile.path()).env("HOME", profile.path());
        for variable in ["XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"] {
            command.env_remove(variable);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut process = command.spawn().context("starting the browser")?;
        let input = process.stdin.take().context("no way to the browser")?;
        let output = BufReader::new(process.stdout.take().context("no way from the browser")?);
        let mut browser = Self { process, input, output, profile, number: 0, session: None };
        browser.make_page().await.context("the browser does not start")?;
        Ok(browser)
    }

    /// Makes the page, which looks like a visitor's: some SDKs drop what happens in a headless browser.
    async fn make_page(&mut self) -> anyhow::Result<()> {
        let version = self.call("Browser.getVersion", json!({})).await?;
        let target = self.call("Target.createTarget", json!({"url": "about:blank"})).await?;
        let attached =
            self.call("Target.attachToTarget", json!({"targetId": target["targetId"], "flatten": true})).await?;
        self.session = Some(text(&attached["sessionId"])?);
        let user_agent = text(&version["userAgent"])?.replace("Headless", "");
        let product = text(&version["product"])?;
        let major = product.rsplit('/').next().and_then(|version| version.split('.').next()).unwrap_or_default();
        let brands = json!([{"brand": "Chromium", "version": major}]);
        let metadata = json!({
            "brands": brands, "platform": "Linux", "platformVersion": "", "architecture": "x86", "model": "", "mobile": false,
        });
        let visitor = json!({"userAgent": user_agent, "userAgentMetadata": metadata});
        self.call("Emulation.setUserAgentOverride", visitor).await?;
        self.call("Performance.enable", json!({"timeDomain": "timeTicks"})).await?;
        Ok(())
    }

    /// Goes to a page and waits until it is loaded.
    pub(crate) async fn goto(&mut self, url: &str) -> anyhow::Result<()> {
        let answer = self.call("Page.navigate", json!({"url": url})).await?;
        if let Some(error) = answer["errorText"].as_str() {
            bail!("{url} does not load: {error}");
        }
        let loaded = "new Promise((done) => document.readyState === 'complete' ? done() : addEventListener('load', () => done()))";
        self.run(loaded).await.map(drop)
    }

    /// Evaluates an expression in the page and gives its value. A promise is waited for.
    pub(crate) async fn run(&mut self, expression: &str) -> anyhow::Result<Value> {
        let request = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let mut answer = self.call("Runtime.evaluate", request).await?;
        if let Some(exception) = answer.get("exceptionDetails") {
            let thrown = [&exception["exception"]["description"], &exception["exception"]["value"], &exception["text"]];
            let thrown = thrown.into_iter().find(|thrown| !thrown.is_null()).map(ToString::to_string);
            bail!("the page threw {}", thrown.unwrap_or_default());
        }
        Ok(answer["result"]["value"].take())
    }

    /// Has an expression evaluated, and does not wait for it. It is not heard what came of it.
    pub(crate) async fn start(&mut self, expression: &str) -> anyhow::Result<()> {
        self.send("Runtime.evaluate", json!({"expression": expression})).await
    }

    /// How long the page's main thread has been busy, with whatever it was, in milliseconds.
    pub(crate) async fn busy_ms(&mut self) -> anyhow::Result<f64> {
        let answer = self.call("Performance.getMetrics", json!({})).await?;
        let metrics = answer["metrics"].as_array().context("no metrics")?;
        let busy = metrics.iter().find(|metric| metric["name"] == "TaskDuration");
        Ok(busy.and_then(|busy| busy["value"].as_f64()).context("no duration of tasks")? * 1_000.0)
    }

    /// Sends a message and waits for its answer; what the browser tells meanwhile is nobody's concern.
    async fn call(&mut self, method: &str, params: Value) -> anyhow::Result<Value> {
        timeout(PATIENCE, self.exchange(method, params))
            .await
            .unwrap_or_else(|_| bail!("no answer within {} s", PATIENCE.as_secs()))
            .with_context(|| method.to_owned())
    }

    async fn exchange(&mut self, method: &str, params: Value) -> anyhow::Result<Value> {
        self.send(method, params).await?;
        self.receive().await
    }

    async fn send(&mut self, method: &str, params: Value) -> anyhow::Result<()> {
        self.number += 1;
        let mut message = json!({"id": self.number, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.input.write_all(&bytes).await?;
        Ok(self.input.flush().await?)
    }

    /// The answer to the message that was sent last.
    async fn receive(&mut self) -> anyhow::Result<Value> {
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            if self.output.read_until(0, &mut bytes).await? == 0 {
                bail!("the browser is gone");
            }
            let mut answer: Value = serde_json::from_slice(bytes.strip_suffix(&[0]).unwrap_or(&bytes))?;
            if answer["id"] == self.number {
                if let Some(error) = answer.get("error") {
                    bail!("{error}");
                }
                return Ok(answer["result"].take());
            }
        }
    }

    /// Ends the browser and removes its profile. Both are certain when this returns without an error.
    pub(crate) async fn close(mut self) -> anyhow::Result<()> {
        self.session = None;
        // It may be gone before it answers, or hang: then it is ended by its number.
        let asked = timeout(LAST_BREATH, self.exchange("Browser.close", json!({}))).await;
        if asked.is_err() || timeout(LAST_BREATH, self.process.wait()).await.is_err() {
            self.process.start_kill()?;
            self.process.wait().await?;
        }
        remove(self.profile).await
    }
}

/// Removes a profile, in which processes of the browser may still be writing for a moment.
async fn remove(profile: TempDir) -> anyhow::Result<()> {
    let folder = profile.keep();
    let began = Instant::now();
    loop {
        match std::fs::remove_dir_all(&folder) {
            Err(error) if folder.exists() && began.elapsed() >= LAST_BREATH => {
                return Err(error)
                    .with_context(|| format!("the files of a browser stay behind in {}", folder.display()));
            }
            Err(_) if folder.exists() => sleep(Duration::from_millis(50)).await,
            _ => return Ok(()),
        }
    }
}

fn text(value: &Value) -> anyhow::Result<String> {
    value.as_str().map(ToOwned::to_owned).with_context(|| format!("not a text: {value}"))
}
