//! A headless browser.

use std::{
    str::FromStr,
    thread,
    time::{Duration, Instant},
};

use fantoccini::{
    Client, ClientBuilder, Locator,
    elements::{Element, ElementRef},
    wd::{WebDriverCompatibleCommand, WindowHandle},
};
use hyper_util::client::legacy::connect::HttpConnector;
use reqwest::{Method, Url};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};

use crate::{engine::Engine, process::Process, processes, wait};

/// How often a driver is started that ends before it is ready.
const DRIVER_STARTS: usize = 3;

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
        Self::open_in(Engine::Chromium).await
    }

    /// The same, made of this.
    pub async fn open_in(engine: Engine) -> Self {
        let turn = TURN.lock().await;
        let folder = tempfile::Builder::new().prefix("kindling-browser-").tempdir().expect("a temporary folder");
        let mut command = engine.driver();
        // Everything that the browser leaves lying about goes with the folder.
        command.env("TMPDIR", folder.path()).env("HOME", folder.path());
        for variable in ["XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"] {
            command.env_remove(variable);
        }
        let log = folder.path().join("driver.log");
        let ready = |line: &str| engine.port(line);
        // chromedriver takes a port of one protocol and then wants the same of another, which somebody else may have.
        let mut started = Process::try_start(engine.driver_name(), &mut command, log.clone(), ready).await;
        for _ in 0..DRIVER_STARTS - 1 {
            if started.is_err() {
                started = Process::try_start(engine.driver_name(), &mut command, log.clone(), ready).await;
            }
        }
        let (driver, port) = started
            .unwrap_or_else(|(status, log)| panic!("the driver ended before it was ready, with {status}:\n{log}"));
        let capabilities = engine.capabilities(folder.path());
        let programs = Programs { driver, folder: Some(folder) };
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
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

    /// Ends the process of the page that is open, as running out of memory would. Another window has to be driven then.
    pub async fn crash_page(&self) {
        // The driver says that the page is gone.
        let gone = self.client.goto("chrome://crash").await;
        assert!(gone.is_err(), "the page lives");
    }

    /// Has Chromium carry out a command of its developer tools.
    pub(crate) async fn devtools(&self, command: &'static str, parameters: Value) -> Value {
        let result = self.client.issue_cmd(DevTools { command, parameters }).await;
        result.unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    /// Closes the window that is driven now. Another has to be driven then.
    pub async fn close_window(&self) {
        self.client.close_window().await.expect("the window closes");
    }
}

/// A command of Chromium's developer tools.
#[derive(Debug)]
struct DevTools {
    command: &'static str,
    parameters: Value,
}

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, <Url as FromStr>::Err> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({"cmd": self.command, "params": self.parameters}).to_string()))
    }
}

/// The driver, which starts the browser, and their files.
#[derive(Debug)]
struct Programs {
    driver: Process,
    folder: Option<TempDir>,
}

impl Drop for Programs {
    /// A driver that is killed leaves its browser running, and a browser that is asked to close may take its time. So each
    /// process is ended by its number.
    fn drop(&mut self) {
        let Some(folder) = self.folder.take() else { return };
        let started = processes::below(self.driver.id(), folder.path());
        self.driver.kill();
        started.iter().for_each(|process| processes::kill(*process));
        let began = Instant::now();
        while started.iter().any(|process| processes::is_running(*process)) && began.elapsed() < LAST_BREATH {
            thread::sleep(Duration::from_millis(10));
        }
        if let Err(error) = folder.close() {
            eprintln!("the files of a browser stay behind: {error}");
        }
    }
}
