//! What is measured: servers, each a process of its own.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use axum::{Router, body::Bytes, extract::DefaultBodyLimit, routing::post};
use clap::ValueEnum;
use ingest_server::{
    catalog::{Catalog, Workspace},
    settings::Settings,
};
use kindling_core::ids::WorkspaceId;
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::TcpListener,
    process::{Child, Command},
};

use crate::load::{self, Measured, Plan};

/// The simple servers, which this program itself can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Simple {
    /// Reads the body and answers a constant.
    Bare,
    /// Decodes the body too.
    Parse,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Simple(Simple),
    /// The whole server, with so many live segments.
    Full(u32),
}

impl Kind {
    pub(crate) const ALL: [Self; 4] =
        [Self::Simple(Simple::Bare), Self::Simple(Simple::Parse), Self::Full(10), Self::Full(1_000)];

    pub(crate) fn name(self) -> String {
        match self {
            Self::Simple(Simple::Bare) => "bare".to_owned(),
            Self::Simple(Simple::Parse) => "parse".to_owned(),
            Self::Full(segments) => format!("full_{segments}"),
        }
    }
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Subject {
    kind: Kind,
    address: SocketAddr,
    process: Child,
    sent: u64,
    data: TempDir,
}

impl Subject {
    pub(crate) async fn start(kind: Kind, server: &Path) -> anyhow::Result<Self> {
        let data = TempDir::new()?;
        if let Kind::Full(segments) = kind {
            fs::write(data.path().join(DEFINITIONS), definitions_with(segments).to_string())?;
        }
        let (process, address) = spawn(kind, server, data.path()).await?;
        Ok(Self { kind, address, process, sent: 0, data })
    }

    /// Ends the server, at once or in order, and starts it again on the same data. Returns how long the start took.
    pub(crate) async fn restart(&mut self, server: &Path, how: Ending) -> anyhow::Result<Duration> {
        match (how, self.process.id()) {
            (Ending::InOrder, Some(id)) => {
                let status = Command::new("kill").arg(id.to_string()).status().await?;
                anyhow::ensure!(status.success(), "the server can't be asked to stop");
            }
            _ => self.process.start_kill()?,
        }
        self.process.wait().await?;
        let started = Instant::now();
        (self.process, self.address) = spawn(self.kind, server, self.data.path()).await?;
        Ok(started.elapsed())
    }

    pub(crate) const fn kind(&self) -> Kind {
        self.kind
    }

    /// Sends to it, and goes on where it was stopped the last time.
    pub(crate) async fn load(&mut self, plan: &Plan) -> anyhow::Result<Measured> {
        let worked = self.worked_us();
        let mut measured = load::run(self.address, plan, self.sent).await?;
        measured.server_us = self.worked_us() - worked;
        // Connections take a number before they look at the clock: leave a gap, so that none is used twice.
        self.sent += measured.requests + 1_000;
        Ok(measured)
    }

    /// How long its threads have run, in microseconds. 0 where the system does not say.
    fn worked_us(&self) -> u64 {
        /// The kernel counts hundredths of a second here, whatever its own clock does.
        const TICK_US: u64 = 10_000;
        let stat = self.process.id().and_then(|id| fs::read_to_string(format!("/proc/{id}/stat")).ok());
        // After the name, which may have blanks: the state, then numbers.
        let fields = stat.as_deref().and_then(|stat| stat.rsplit_once(") ")).map_or("", |(_, fields)| fields);
        let ticks = fields.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok());
        ticks.sum::<u64>() * TICK_US
    }

    /// The most memory that it had, in MiB. 0 where the system does not say.
    pub(crate) fn peak_rss_mib(&self) -> u64 {
        let status = self.process.id().and_then(|id| fs::read_to_string(format!("/proc/{id}/status")).ok());
        let peak = status.as_deref().and_then(|status| status.lines().find_map(|line| line.strip_prefix("VmHWM:")));
        peak.and_then(|kib| kib.trim().trim_end_matches(" kB").parse::<u64>().ok()).map_or(0, |kib| kib / 1024)
    }

    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        self.process.start_kill()?;
        self.process.wait().await?;
        Ok(())
    }
}

/// How a server ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ending {
    /// As by a failure of power, but for the disk's caches.
    AtOnce,
    /// Asked to.
    InOrder,
}

const DEFINITIONS: &str = "definitions.json";

/// Starts a server. Returns when it is ready.
async fn spawn(kind: Kind, server: &Path, data: &Path) -> anyhow::Result<(Child, SocketAddr)> {
    let mut command = match kind {
        Kind::Simple(simple) => {
            let mut command = Command::new(std::env::current_exe()?);
            command.arg("serve").arg(simple.to_possible_value().context("a name")?.get_name());
            command
        }
        Kind::Full(_) => {
            let mut command = Command::new(server);
            command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data);
            command.arg("--definitions").arg(data.join(DEFINITIONS)).env("RUST_LOG", "error");
            command
        }
    };
    let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut process = command.spawn().with_context(|| format!("starting {}", kind.name()))?;
    let mut lines = BufReader::new(process.stdout.take().context("no output")?).lines();
    let line = lines.next_line().await?.context("the server stopped")?;
    let address = line.strip_prefix("ready http://").context("an unexpected first line")?.parse()?;
    Ok((process, address))
}

/// Segments that the sent events touch in part: each looks at one event, most at one that is never sent.
fn definitions_with(segments: u32) -> serde_json::Value {
    let names = ["viewed_product", "added_to_basket", "searched", "opened_page"];
    let segment = |i: u32| {
        let event = names.get(usize::try_from(i).unwrap_or(0)).map_or(format!("never_{i}"), |name| (*name).to_owned());
        let filter = json!({"event": event, "count": {"at_least": 1 + i % 5}, "within": format!("{}d", 1 + i % 30)});
        json!({"id": format!("segment-{i}"), "filter": filter})
    };
    json!({
        "workspace": {"id": "bench"},
        "keys": {"sdk": ["pk_bench"]},
        "segments": (0..segments).map(segment).collect::<Vec<_>>(),
    })
}

/// Is a simple server.
pub(crate) async fn serve(kind: Simple) -> anyhow::Result<()> {
    let handler = match kind {
        Simple::Bare => post(async |_: Bytes| "{\"acked\":1000000}"),
        Simple::Parse => {
            let catalog: &'static Catalog = Box::leak(Box::new(catalog()?));
            post(async |body: Bytes| match ingest_server::ingest::decode(body, catalog, ingest_server::now()) {
                Ok(batch) if batch.records.iter().all(|record| record.record.is_ok()) => "{\"acked\":1000000}",
                _ => "",
            })
        }
    };
    let router = Router::new().route("/sdk/v1/flush", handler).layer(DefaultBodyLimit::max(1024 * 1024));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("ready http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, router).await?)
}

fn catalog() -> anyhow::Result<Catalog> {
    let name = (ingest_server::store::WorkspaceKey(1), WorkspaceId::parse("bench")?, String::new());
    let workspace = Workspace::new(name, 1, Vec::new(), Vec::new(), Settings::default());
    let mut catalog = Catalog::default();
    catalog.insert(workspace, vec!["pk_bench".to_owned()], Vec::new());
    Ok(catalog)
}
