//! The embedded store: one SQLite file in WAL mode, flushed to disk at every commit, written by one thread.

mod definitions;
mod ingest;
mod migrate;
mod read;
mod rows;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use kindling_core::{
    ids::{CampaignId, SegmentId, WorkspaceId},
    protocol::FlushAnswer,
    time::Timestamp,
    value::Value,
};
use rusqlite::{Connection, OpenFlags};
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::{Answer, RecordCursor, RecordPage, Store, StoreError, StoredUser, UserRef, WorkspaceKey};
use crate::{
    catalog::{Catalog, KeyHash},
    ingest::Batch,
};

/// The name of the file in the data directory.
const FILE: &str = "kindling.db";
/// Jobs that wait for the writing thread. Batches wait in the ingest queue, which hands over one group at a time.
const JOBS: usize = 16;
/// Reads at the same time. Each is short; more would only compete for the same two or four cores.
const READERS: usize = 4;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// The embedded store.
#[derive(Debug)]
pub struct SqliteStore {
    jobs: mpsc::Sender<Job>,
    readers: Arc<Readers>,
}

#[derive(Debug)]
struct Readers {
    file: PathBuf,
    permits: Semaphore,
    idle: Mutex<Vec<Connection>>,
}

impl SqliteStore {
    /// Opens the database in the directory, and makes both if they are missing.
    pub fn open(directory: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(directory)?;
        let file = directory.join(FILE);
        let mut connection = Connection::open(&file)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        // Every commit is on disk before it returns: that is what an answer promises.
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "foreign_keys", "on")?;
        connection.pragma_update(None, "cache_size", -65_536)?;
        connection.pragma_update(None, "wal_autocheckpoint", 4_000)?;
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        connection.set_prepared_statement_cache_capacity(64);
        migrate::migrate(&mut connection)?;
        let (jobs, mut waiting) = mpsc::channel::<Job>(JOBS);
        thread::Builder::new().name("store-writer".to_owned()).spawn(move || {
            while let Some(job) = waiting.blocking_recv() {
                job(&mut connection);
            }
        })?;
        let readers = Readers { file, permits: Semaphore::new(READERS), idle: Mutex::new(Vec::new()) };
        Ok(Self { jobs, readers: Arc::new(readers) })
    }

    /// Runs `job` on the writing thread.
    fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Answer<'_, T> {
        Box::pin(async move {
            let (answer, answered) = oneshot::channel();
            let job: Job = Box::new(move |connection| {
                // Whoever asked may be gone; what was asked is done all the same.
                let _ = answer.send(job(connection));
            });
            self.jobs.send(job).await.map_err(|_| StoreError::Closed)?;
            answered.await.map_err(|_| StoreError::Closed)?
        })
    }

    /// Runs `job` on a connection of its own, beside the writer.
    fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Answer<'_, T> {
        Box::pin(async move {
            let _permit = self.readers.permits.acquire().await.map_err(|_| StoreError::Closed)?;
            let readers = Arc::clone(&self.readers);
            let done = tokio::task::spawn_blocking(move || {
                let connection = readers.take()?;
                let result = job(&connection);
                readers.put(connection);
                result
            });
            done.await.map_err(|_| StoreError::Closed)?
        })
    }
}

impl Readers {
    fn take(&self) -> Result<Connection, StoreError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(connection) = idle {
            return Ok(connection);
        }
        let connection = Connection::open_with_flags(
            &self.file,
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        Ok(connection)
    }

    fn put(&self, connection: Connection) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
    }
}

impl Store for SqliteStore {
    fn ingest(&self, group: Vec<Batch>) -> Answer<'_, Vec<FlushAnswer>> {
        self.write(move |connection| ingest::ingest(connection, &group))
    }

    fn fire_timers(&self, catalog: Arc<Catalog>, now: Timestamp, limit: usize) -> Answer<'_, usize> {
        self.write(move |connection| ingest::fire_timers(connection, &catalog, now, limit))
    }

    fn check(&self) -> Answer<'_, ()> {
        // The writing thread is the one that can be gone.
        self.write(|connection| Ok(connection.query_row("SELECT 1", [], |_| Ok(()))?))
    }

    fn load_catalog(&self) -> Answer<'_, Catalog> {
        self.read(definitions::load)
    }

    fn put_workspace(&self, id: WorkspaceId, name: String) -> Answer<'_, WorkspaceKey> {
        self.write(move |connection| definitions::put_workspace(connection, &id, &name))
    }

    fn put_sdk_key(&self, workspace: WorkspaceKey, key: String) -> Answer<'_, ()> {
        self.write(move |connection| definitions::put_sdk_key(connection, workspace, &key))
    }

    fn put_secret_key(&self, workspace: WorkspaceKey, key: KeyHash) -> Answer<'_, ()> {
        self.write(move |connection| definitions::put_secret_key(connection, workspace, key))
    }

    fn put_segment(&self, workspace: WorkspaceKey, id: SegmentId, name: String, filter: Value) -> Answer<'_, ()> {
        self.write(move |connection| definitions::put_segment(connection, workspace, &id, &name, &filter))
    }

    fn put_campaign(&self, workspace: WorkspaceKey, id: CampaignId, definition: Value) -> Answer<'_, ()> {
        self.write(move |connection| definitions::put_campaign(connection, workspace, &id, &definition))
    }

    fn user(&self, workspace: WorkspaceKey, user: UserRef) -> Answer<'_, Option<StoredUser>> {
        self.read(move |connection| read::user(connection, workspace, &user))
    }

    fn records(
        &self,
        workspace: WorkspaceKey,
        user: UserRef,
        before: Option<RecordCursor>,
        limit: usize,
    ) -> Answer<'_, Option<RecordPage>> {
        self.read(move |connection| read::records(connection, workspace, &user, before, limit))
    }
}
