//! A page with the SDK in a browser, whose server is behind a gate.

use serde_json::{Value, json};

use crate::{api::Api, browser::Browser, engine::Engine, gate::Gate, server::Server, site::Pages, wait};

/// The name of the stage's own page.
const PAGE: &str = "page";

/// The stage. Whoever looks at the page finds the SDK as `kindling`.
#[derive(Debug)]
pub struct Stage {
    /// The server.
    pub server: Server,
    /// The address by which pages know it.
    pub gate: Gate,
    /// The site.
    pub pages: Pages,
    /// Where it is visited.
    pub browser: Browser,
}

impl Stage {
    /// Sets the stage for a server that runs. `options` are further ones for `initialize`; `script` is what the page does then.
    pub async fn set(server: Server, engine: Engine, options: &str, script: &str) -> Self {
        let gate = Gate::to(server.url()).await;
        let pages = Pages::serve(None).await;
        pages.write_page(PAGE, &format!("{}{script}", start(gate.url(), options)));
        Self { server, gate, pages, browser: Browser::open_in(engine).await }
    }

    /// Sets the stage for a server with these definitions, and a page that shows messages by itself with no pause between them; then visits
    /// it, and has it get what there is for its visitor. `options` are further ones for `initialize`.
    pub async fn with_messages(definitions: Value, options: &str) -> Self {
        let options = format!("minimumIntervalBetweenTriggerActionsInSeconds: 0, {options}");
        let script = "kindling.automaticallyShowInAppMessages();";
        let stage = Self::set(Server::start(definitions).await, Engine::Chromium, &options, script).await;
        stage.visit().await;
        stage.get_messages().await;
        stage
    }

    /// Requests to the server, past the gate.
    pub fn api(&self) -> Api {
        self.server.api()
    }

    /// Opens the page anew and gives its visitor, as the management API names them.
    pub async fn visit(&self) -> String {
        self.browser.goto(&self.pages.page(PAGE)).await;
        self.visitor().await
    }

    /// The visitor of the page, as soon as the SDK is ready.
    pub async fn visitor(&self) -> String {
        visitor(&self.browser).await
    }

    /// Sends what is queued, again and again until it is taken.
    pub async fn flush(&self) {
        wait::until("a flush that is taken", async || flush(&self.browser).await.then_some(())).await;
    }

    /// Logs an event without properties.
    pub async fn log(&self, event: &str) {
        assert_eq!(self.browser.run_with("return kindling.logCustomEvent(argument)", json!(event)).await, true);
    }

    /// Waits until nothing is queued any more.
    pub async fn expect_empty_queue(&self) {
        self.browser.until("an empty queue", "return kindling.getQueuedRecords().length === 0").await;
    }

    /// Opens the gate to the server where it is now.
    pub fn open_gate(&self) {
        self.gate.open(self.server.url());
    }
}

/// A script that starts the SDK with these further options, and notes what came of that.
pub fn start(url: &str, options: &str) -> String {
    format!("window.started = kindling.initialize('pk_shop', {{ baseUrl: '{url}', {options} }});\n")
}

/// The visitor of the page that is open, as the management API names them, as soon as the SDK is ready.
pub async fn visitor(browser: &Browser) -> String {
    let id = browser.run("return await kindling.ready() && kindling.getDeviceId();").await;
    format!("device_id:{}", id.as_str().expect("the SDK is ready"))
}

/// Has the page that is open send what is queued, and says whether it was taken.
pub async fn flush(browser: &Browser) -> bool {
    let script = "return new Promise((resolve) => kindling.requestImmediateDataFlush(resolve));";
    browser.run(script).await == Value::Bool(true)
}
