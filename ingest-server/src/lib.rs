//! Kindling's server: it ingests what SDKs send, keeps a profile for each user, knows which segments each user is in, and
//! answers a flush with the in-app messages that match.
//!
//! # The path of a flush
//!
//! 1. [`http`] reads the body, finds the workspace by its key and decodes the batch ([`ingest::decode`]). Records that can't be
//!    read are marked, not thrown away with their neighbours.
//! 2. [`ingest::Ingest`] queues the batch. Batches that arrive while a commit is running share the next one.
//! 3. The [`store`] loads what the group touches, [`ingest::apply`] applies the rules of `kindling-core` to it, and the store
//!    writes records, profiles, memberships and watermarks in one transaction.
//! 4. Only when that is on disk is the request answered.

pub mod campaign;
pub mod campaign_report;
pub mod catalog;
pub mod config;
pub mod definitions;
pub mod http;
pub mod ingest;
pub mod live;
pub mod messages;
pub mod personalization;
pub mod report;
pub mod sdk_authentication;
pub mod segments;
pub mod settings;
pub mod store;
pub mod sweeps;
pub mod telemetry;
pub mod test_sends;
pub mod timers;

use std::{
    future::Future,
    sync::Arc,
    time::{Duration, SystemTime},
};

use anyhow::Context as _;
use kindling_core::time::Timestamp;
use tokio::{net::TcpListener, sync::Notify, time::sleep};
use tower::make::Shared;
use tracing::{info, warn};

use crate::{
    catalog::Catalogs,
    config::ServeConfig,
    definitions::Definitions,
    http::{App, Front},
    ingest::Ingest,
    live::Live,
    store::{SqliteStore, Store},
};

/// A server that is ready to serve: its store is open and its definitions are loaded.
#[derive(Debug)]
pub struct Server {
    app: App,
}

impl Server {
    /// Opens the store and applies the definitions file.
    pub async fn open(config: &ServeConfig) -> anyhow::Result<Self> {
        let store = SqliteStore::open(&config.data, &config.store())
            .with_context(|| format!("opening {}", config.data.display()))?;
        let store: Arc<dyn Store> = Arc::new(store);
        if let Some(path) = &config.definitions {
            let definitions = Definitions::read(path)?;
            definitions.apply(store.as_ref()).await.with_context(|| format!("applying {}", path.display()))?;
        }
        let catalogs = Arc::new(Catalogs::load(store.as_ref()).await?);
        let ingest = Ingest::start(Arc::clone(&store));
        let live = Arc::new(Live::new(config.live_pages));
        Ok(Self { app: App { store, catalogs, ingest, verifier: Arc::default(), live, tests: Arc::default() } })
    }

    /// Serves on `listener` until `shutdown` resolves; then stops accepting, answers what it has accepted, and returns. Fails when
    /// the store has failed for good: what is on the disk must be read anew, by a new process.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> anyhow::Result<()> {
        let App { store, catalogs, ingest, .. } = self.app.clone();
        let mut timers = tokio::spawn(timers::run(Arc::clone(&store), catalogs));
        let sweeps = tokio::spawn(sweeps::run(Arc::clone(&store)));
        let backfill = tokio::spawn(segments::backfill::run(Arc::clone(&store), Arc::clone(&self.app.catalogs)));
        let asked = Arc::new(Notify::new());
        let asked_too = Arc::clone(&asked);
        let live = Arc::clone(&self.app.live);
        let serving = axum::serve(listener, Shared::new(Front::new(self.app))).with_graceful_shutdown(async move {
            shutdown.await;
            info!("no longer accepting; finishing what was accepted");
            live.close();
            asked_too.notify_one();
        });
        tokio::select! {
            served = serving => served?,
            dead = &mut timers => {
                let cause = dead.map_or_else(anyhow::Error::from, anyhow::Error::from);
                return Err(cause.context("the store has failed for good; start again to read what is really on the disk"));
            }
            () = async {
                asked.notified().await;
                sleep(GRACE).await;
            } => warn!("some clients did not finish their requests; they will send them again"),
        }
        timers.abort();
        sweeps.abort();
        backfill.abort();
        ingest.finish().await;
        store.close().await?;
        info!("stopped");
        Ok(())
    }
}

/// How long clients may take to finish a request when the server stops.
const GRACE: Duration = Duration::from_secs(5);

/// The server's clock.
pub fn now() -> Timestamp {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_ms(i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX))
}
