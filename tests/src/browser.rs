//! Headless Chromium.

use std::{
    fs,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use fantoccini::{
    Client, ClientBuilder, Locator,
    elements::{Element, ElementRef},
    wd::WindowHandle,
};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};

use crate::{process::Process, programs, wait};

/// One browser at a time: two of them on two cores would slow each other down until deadlines pass.
static TURN: Mutex<()> = Mutex::const_new(());

/// How WebDriver marks an element among other values.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// How long the processes of a browser may take to be gone after they were killed.
const LAST_BREATH: Duration = Duration::from_secs(5);

/// A browser with a profile of its own. It is gone, with all of its processes and files, when this is dropped.
#[derive(Debug)]
pub struct Browser {
    client: Client,
    _programs: Programs,
    _turn: MutexGuard<'static, ()>,
}

impl Browser {
    /// Starts a browser that has never been anywhere.
    pub async fn open() -> Self {
        let turn = TURN.lock().await;
        let folder = tempfile::Builder::new().prefix("kindling-browser-").tempdir().expect("a temporary folder");
        let mut command = Command::new(programs::chromedriver());
        // Everything that the browser leaves lying about goes with the folder.
        command.arg("--port=0").env("TMPDIR", folder.path()).env("HOME", folder.path());
        for variable in ["XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"] {
            command.env_remove(variable);
        }
        let log = folder.path().join("chromedriver.log");
        let (driver, port) = Process::start("chromedriver", &mut command, log, port).await;
        let programs = Programs { driver, folder: Some(folder) };
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(programs.capabilities())
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .unwrap_or_else(|error| panic!("the browser does not start: {error}"));
        Self { client, _programs: programs, _turn: turn }
    }

    /// Goes to a page and waits until it is loaded.
    pub async fn goto(&self, url: &str) {
        self.client.goto(url).await.unwrap_or_else(|error| panic!("{url} does not load: {error}"));
    }

    /// Loads the page again.
    pub async fn reload(&self) {
        self.client.refresh().await.expect("the page loads again");
    }

    /// Runs the body of a function in the page and gives what it returns. A promise is waited for.
    pub async fn run(&self, script: &str) -> Value {
        self.run_with(script, json!(null)).await
    }

    /// Like [`Self::run`]; the script finds `argument`.
    pub async fn run_with(&self, script: &str, argument: Value) -> Value {
        let body = format!("const [argument] = arguments; return (async () => {{ {script} }})();");
        let result = self.client.execute(&body, vec![argument]).await;
        result.unwrap_or_else(|error| panic!("in the page: {error}\n{script}"))
    }

    /// Runs the script again and again until what it returns is neither null nor false.
    pub async fn until(&self, what: &str, script: &str) -> Value {
        wait::until(what, async || {
            let value = self.run(script).await;
            (!value.is_null() && value != false).then_some(value)
        })
        .await
    }

    /// The element with this `data-testid`, as soon as it is there.
    pub async fn part(&self, test_id: &str) -> Element {
        self.element(&format!("[data-testid={test_id}]")).await
    }

    /// The first element that the selector finds, as soon as it is there.
    pub async fn element(&self, selector: &str) -> Element {
        wait::until(&format!("an element {selector}"), async || self.client.find(Locator::Css(selector)).await.ok())
            .await
    }

    /// Clicks the element, as soon as that can be done: it may be covered or moving.
    pub async fn click(&self, selector: &str) {
        self.click_found(selector, async || self.client.find(Locator::Css(selector)).await.ok()).await;
    }

    /// Clicks the element that the script returns, as soon as that can be done. It may lie in a shadow root.
    pub async fn click_what(&self, script: &str) {
        let find = async || {
            let found = self.run(script).await;
            let id = found.get(ELEMENT)?.as_str()?.to_owned();
            Some(Element::from_element_id(self.client.clone(), ElementRef::from(id)))
        };
        self.click_found(script, find).await;
    }

    async fn click_found(&self, what: &str, find: impl AsyncFn() -> Option<Element>) {
        let mut trouble = String::from("it is not there");
        let click = wait::find(async || {
            let element = find().await?;
            element.click().await.map_err(|error| trouble = error.to_string()).ok()
        });
        assert!(click.await.is_some(), "no click on {what}: {trouble}");
    }

    /// Clicks the element with this `data-testid`.
    pub async fn press(&self, test_id: &str) {
        self.click(&format!("[data-testid={test_id}]")).await;
    }

    /// Writes into the field with this `data-testid`.
    pub async fn fill(&self, test_id: &str, text: &str) {
        self.part(test_id).await.send_keys(text).await.expect("the field can be written in");
    }

    /// The window that is driven now.
    pub async fn window(&self) -> WindowHandle {
        self.client.window().await.expect("there is a window")
    }

    /// Opens another window of the same browser and drives it from now on.
    pub async fn open_window(&self) -> WindowHandle {
        let window = self.client.new_window(false).await.expect("another window").handle;
        self.drive(&window).await;
        window
    }

    /// Drives this window from now on.
    pub async fn drive(&self, window: &WindowHandle) {
        self.client.switch_to_window(window.clone()).await.expect("the window is there");
    }

    /// Closes the window that is driven now. Another has to be driven then.
    pub async fn close_window(&self) {
        self.client.close_window().await.expect("the window closes");
    }
}

/// The driver, which starts the browser, and their files.
#[derive(Debug)]
struct Programs {
    driver: Process,
    folder: Option<TempDir>,
}

impl Programs {
    fn capabilities(&self) -> serde_json::Map<String, Value> {
        let profile = self.folder.as_ref().expect("it is there").path().join("profile");
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
        arguments.push(format!("--user-data-dir={}", profile.display()));
        let capabilities = json!({
            "browserName": "chrome",
            "timeouts": {"script": 20_000, "pageLoad": 20_000, "implicit": 0},
            "goog:chromeOptions": {"binary": programs::chrome(), "args": arguments},
        });
        capabilities.as_object().cloned().expect("it is an object")
    }
}

impl Drop for Programs {
    /// Chromedriver that is killed leaves its browser running, and a browser that is asked to close may take its time. So each
    /// process is ended by its number.
    fn drop(&mut self) {
        let Some(folder) = self.folder.take() else { return };
        let processes = browser_processes(self.driver.id(), folder.path());
        self.driver.kill();
        processes.iter().for_each(|process| kill(*process));
        let began = Instant::now();
        while processes.iter().any(|process| is_running(*process)) && began.elapsed() < LAST_BREATH {
            thread::sleep(Duration::from_millis(10));
        }
        if let Err(error) = folder.close() {
            eprintln!("the files of a browser stay behind: {error}");
        }
    }
}

/// The port in the line by which chromedriver says that it is ready.
fn port(line: &str) -> Option<u16> {
    let (_, rest) = line.split_once("started successfully on port ")?;
    rest.trim_end_matches('.').parse().ok()
}

/// The processes that come from the driver, and those that have let go of it but work in the browser's folder.
fn browser_processes(driver: u32, folder: &Path) -> Vec<u32> {
    let folder = folder.to_string_lossy();
    let all: Vec<u32> = fs::read_dir("/proc")
        .map(|entries| entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect())
        .unwrap_or_default();
    let mut found = vec![driver];
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        found.extend(all.iter().filter(|process| parent_of(**process) == Some(parent)));
        next += 1;
    }
    found.extend(all.iter().filter(|process| command_line(**process).contains(&*folder)));
    found.retain(|process| *process != driver);
    found.sort_unstable();
    found.dedup();
    found
}

/// State and parent, which stand behind the name of the program in parentheses.
fn status(process: u32) -> Option<(String, u32)> {
    let status = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, rest) = status.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    Some((fields.next()?.to_owned(), fields.next()?.parse().ok()?))
}

fn parent_of(process: u32) -> Option<u32> {
    status(process).map(|(_, parent)| parent)
}

fn is_running(process: u32) -> bool {
    status(process).is_some_and(|(state, _)| state != "Z")
}

fn command_line(process: u32) -> String {
    fs::read(format!("/proc/{process}/cmdline"))
        .map(|line| String::from_utf8_lossy(&line).into_owned())
        .unwrap_or_default()
}

#[cfg(unix)]
fn kill(process: u32) {
    use nix::{
        sys::signal::{Signal, kill},
        unistd::Pid,
    };
    if let Ok(process) = i32::try_from(process) {
        // It may have ended by itself.
        let _ = kill(Pid::from_raw(process), Signal::SIGKILL);
    }
}

#[cfg(not(unix))]
fn kill(_: u32) {}
