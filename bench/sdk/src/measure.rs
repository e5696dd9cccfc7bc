//! A round of a subject: what is measured in two browsers that have never been anywhere.

use std::{
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use serde_json::json;
use tokio::time::sleep;

use crate::{
    browser::Browser,
    stub::{Calls, Stub},
    subjects::Subject,
};

/// Events that are sent and counted.
pub(crate) const EVENTS: usize = 1_000;
/// Events of the longer loop.
pub(crate) const MANY_EVENTS: usize = 10_000;

/// How long the loops may take. A longer one is cut: the calls that it did not come to would hardly have been cheaper.
const LOOP_LIMIT: Duration = Duration::from_secs(20);
const LONG_LOOP_LIMIT: Duration = Duration::from_secs(5);
/// How long a single call may take.
const CALL_LIMIT: Duration = Duration::from_secs(10);
/// How long events may take to arrive.
const ARRIVAL_LIMIT: Duration = Duration::from_secs(30);
/// A page that has just started, or has just sent its last event, comes to rest.
const REST: Duration = Duration::from_millis(500);

/// Where measuring takes place.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) chrome: PathBuf,
    /// For the browsers' profiles.
    pub(crate) scratch: PathBuf,
}

/// What is left out of a round, because another one has shown that it takes too long.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Omitted {
    /// Waiting until the events have arrived.
    sending: bool,
    /// The longer loop.
    many_calls: bool,
}

impl Omitted {
    /// What is left out after this round.
    pub(crate) fn after(round: &Round) -> Self {
        Self {
            sending: round.sent.as_ref().is_none_or(|sent| sent.arrived < EVENTS),
            many_calls: round.many_calls.is_none_or(|calls| calls.number < MANY_EVENTS),
        }
    }
}

/// What a round came to.
#[derive(Debug, Clone)]
pub(crate) struct Round {
    /// From the import to the moment when the SDK is ready to send, in milliseconds.
    pub(crate) init_ms: f64,
    /// [`EVENTS`] in a loop.
    pub(crate) calls: Calls,
    /// Until all of them had arrived.
    pub(crate) sent: Option<Sent>,
    /// [`MANY_EVENTS`] in a loop.
    pub(crate) many_calls: Option<Calls>,
}

/// What came of tracked events.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    /// What the page's main thread was busy with an event, from its call until it had arrived, in microseconds.
    pub(crate) busy_us: f64,
    pub(crate) requests: u64,
    pub(crate) bytes: u64,
    pub(crate) arrived: usize,
    /// What the page had loaded by then, in bytes as brotli has them.
    pub(crate) brotli_loaded: u64,
}

impl Calls {
    /// Microseconds of a call.
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    pub(crate) fn microseconds(self) -> f64 {
        self.milliseconds * 1_000.0 / self.number as f64
    }
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ready in {:.0} ms, {:.1} us a call", self.init_ms, self.calls.microseconds())?;
        if let Some(calls) = self.many_calls {
            write!(f, ", {:.1} of {}", calls.microseconds(), calls.number)?;
        }
        if let Some(Sent { busy_us, requests, bytes, arrived, .. }) = &self.sent {
            write!(f, ", {busy_us:.1} us busy an event, {arrived} arrived in {requests} requests and {bytes} bytes")?;
        }
        Ok(())
    }
}

/// Measures a round. The browsers are gone when it returns, whatever came of it.
pub(crate) async fn round(place: &Place, subject: &Subject, omitted: Omitted) -> anyhow::Result<Round> {
    let mut page = Page::open(place, subject).await?;
    let measured = send(&mut page, subject, omitted).await;
    page.close().await?;
    let mut round = measured?;
    if !omitted.many_calls {
        let mut page = Page::open(place, subject).await?;
        let measured = call_often(&mut page).await;
        page.close().await?;
        round.many_calls = Some(measured?);
    }
    Ok(round)
}

/// Starts the SDK, tracks events and waits until they have arrived.
async fn send(page: &mut Page, subject: &Subject, omitted: Omitted) -> anyhow::Result<Round> {
    let init_ms = page.begin().await?;
    page.stub.forget();
    let busy = page.browser.busy_ms().await?;
    let calls = page.track(EVENTS, LOOP_LIMIT).await?;
    let mut round = Round { init_ms, calls, sent: None, many_calls: None };
    if !omitted.sending {
        page.stub.wait_for(calls.number, ARRIVAL_LIMIT).await;
        sleep(REST).await;
        let busy = Calls { milliseconds: page.browser.busy_ms().await? - busy, ..calls };
        let seen = page.stub.seen();
        round.sent = Some(Sent {
            busy_us: busy.microseconds(),
            requests: seen.requests,
            bytes: seen.bytes,
            arrived: seen.arrived.len(),
            brotli_loaded: seen.loaded.iter().filter_map(|file| subject.files.get(file)).sum(),
        });
    }
    Ok(round)
}

/// Events in a round of choosing, and rounds: few enough that the queue never comes near its bound.
const CHOICES: (usize, usize) = (300, 9);

/// Microseconds of a call while no messages are held, and while [`crate::answers::MESSAGES`] are.
pub(crate) async fn choose(place: &Place, subject: &Subject) -> anyhow::Result<[f64; 2]> {
    let mut page = Page::open(place, subject).await?;
    let measured = choose_on(&mut page).await;
    page.close().await?;
    measured
}

async fn choose_on(page: &mut Page) -> anyhow::Result<[f64; 2]> {
    page.begin().await?;
    let times = page.browser.run(&format!("bench.choose({}, {})", CHOICES.0, CHOICES.1)).await?;
    let time = |which: usize| times[which].as_f64().context("no time");
    Ok([time(0)?, time(1)?])
}

/// Starts the SDK and tracks many events.
async fn call_often(page: &mut Page) -> anyhow::Result<Calls> {
    page.begin().await?;
    page.track(MANY_EVENTS, LONG_LOOP_LIMIT).await
}

/// A page with the subject, and its servers.
#[derive(Debug)]
struct Page {
    browser: Browser,
    stub: Stub,
}

impl Page {
    async fn open(place: &Place, subject: &Subject) -> anyhow::Result<Self> {
        let stub = Stub::start(subject).await?;
        let mut browser = Browser::open(&place.chrome, &place.scratch).await?;
        match browser.goto(stub.page()).await {
            Ok(()) => sleep(REST).await,
            Err(error) => {
                browser.close().await?;
                return Err(error);
            }
        }
        Ok(Self { browser, stub })
    }

    /// Starts the SDK. Milliseconds until it is ready.
    async fn begin(&mut self) -> anyhow::Result<f64> {
        let call = format!("bench.begin({}, {})", json!(self.stub.entry()), json!(self.stub.server()));
        let milliseconds = self.browser.run(&call).await?.as_f64().context("no time")?;
        sleep(REST).await;
        Ok(milliseconds)
    }

    /// Tracks events in a loop.
    async fn track(&mut self, events: usize, limit: Duration) -> anyhow::Result<Calls> {
        self.browser.start(&format!("bench.track({events}, {})", limit.as_millis())).await?;
        self.stub.calls(limit + CALL_LIMIT).await
    }

    async fn close(self) -> anyhow::Result<()> {
        self.browser.close().await
    }
}

/// Makes an empty folder for the profiles. What a run that was killed has left there goes.
pub(crate) fn prepare(scratch: &Path) -> anyhow::Result<()> {
    if scratch.exists() {
        std::fs::remove_dir_all(scratch).with_context(|| format!("cannot remove {}", scratch.display()))?;
    }
    std::fs::create_dir_all(scratch).with_context(|| format!("cannot create {}", scratch.display()))
}
