//! The embedded store: two SQLite files in WAL mode, flushed to disk at every commit.
//!
//! `kindling.db` has the record log and everything that is defined. An answer waits for it, and for nothing else. `profiles.db` has
//! what the log comes to: users and all that finds them. It is written in checkpoints, each one transaction that also says up to
//! where in the log it goes; what the log has beyond that is held in memory, and applied again after a crash.
//!
//! | module | what it does |
//! |---|---|
//! | `engine` | the one thread that applies, and what it holds |
//! | `log` | the record log |
//! | `appender` | the threads that append to it |
//! | `profiles` | users, and writing checkpoints |
//! | `keeper` | the thread that writes checkpoints |
//! | `timers` | timers of users who are held in memory |
//! | `read` | pages of records |
//! | `reports` | the numbers of campaigns' reports |
//! | `segments` | who is in which segment, and asking all users |
//! | `counting` | counting from the log what segments ask for |
//! | `overview` | what there is, for a process beside the server |
//! | `definitions` | workspaces, keys, segments, campaigns |
//! | `simulated` | the same without threads, for simulations |
//! | `lock` | one process at a time |

#[cfg(test)]
mod agents;
mod appender;
mod connection;
mod counting;
mod definitions;
mod engine;
mod keeper;
mod lock;
mod log;
mod migrate;
#[cfg(test)]
mod old_data;
mod overview;
mod profiles;
mod read;
mod reports;
mod rows;
mod segments;
mod simulated;
mod timers;

use std::{
    collections::HashMap,
    fs,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use kindling_core::{
    calendar::Date,
    ids::{CampaignId, SegmentId, UserId, WorkspaceId},
    protocol::FlushAnswer,
    segment::Filter,
    time::Timestamp,
    value::Value,
};
use rusqlite::Connection;
use tokio::{
    sync::{Semaphore, mpsc, oneshot},
    time::sleep,
    try_join,
};

pub use self::overview::{SegmentOverview, WorkspaceOverview, overview};
pub use self::simulated::{MemoryDisk, Moment, SimulatedStore};

use self::{
    appender::Reply,
    engine::{Engine, Files},
    log::LoggedBatch,
};
use super::{
    Answer, AskStep, Backfill, ChangePage, CountStep, Preview, RecordPage, RecordQuery, ReportRows, SizeAt, Store,
    StoreError, StoreOptions, StoredUser, UserRef, WorkspaceKey,
};
use crate::{
    catalog::{Catalog, KeyHash},
    ingest::{Batch, WorkspaceCounters},
    sdk_authentication::SdkAuthentication,
};

/// The file of the log, in the data directory.
const LOG_FILE: &str = "kindling.db";
/// The file of the profiles.
const PROFILES_FILE: &str = "profiles.db";
/// Jobs that wait for the engine's thread. Batches wait in the ingest queue, which hands over a few groups at a time.
const JOBS: usize = 16;
/// Reads at the same time. Each is short; more would only compete for the same two or four cores.
const READERS: usize = 4;
/// Pairs of pages of users that are asked in one go: two at the same time, as most machines have two cores to spare.
const ASKED_PAIRS: usize = 8;
/// How long to wait before it is looked again whether a checkpoint is written.
const CHECKPOINT_POLL: Duration = Duration::from_millis(20);

type Job = Box<dyn FnOnce(&mut Engine) + Send>;

/// The embedded store.
#[derive(Debug)]
pub struct SqliteStore {
    jobs: mpsc::Sender<Job>,
    readers: Arc<Readers>,
}

#[derive(Debug)]
struct Readers {
    files: Files,
    permits: Semaphore,
    idle: Mutex<Vec<Reader>>,
}

/// A connection to each of the files.
#[derive(Debug)]
struct Reader {
    log: Connection,
    profiles: Connection,
}

impl SqliteStore {
    /// Opens the database in the directory, and makes both if they are missing.
    pub fn open(directory: &Path, options: &StoreOptions) -> anyhow::Result<Self> {
        fs::create_dir_all(directory)?;
        let lock = lock::take(directory)?;
        let files = Files::within(directory);
        let mut engine = Engine::open(&files, options)?;
        let (jobs, mut waiting) = mpsc::channel::<Job>(JOBS);
        thread::Builder::new().name("store-engine".to_owned()).spawn(move || {
            while let Some(job) = waiting.blocking_recv() {
                job(&mut engine);
            }
            drop(engine);
            // Only now may another process come.
            drop(lock);
        })?;
        let readers = Readers { files, permits: Semaphore::new(READERS), idle: Mutex::new(Vec::new()) };
        Ok(Self { jobs, readers: Arc::new(readers) })
    }

    /// Runs `job` on the engine's thread, when all that came before it is durable.
    fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Engine) -> Result<T, StoreError> + Send + 'static,
    ) -> Answer<'_, T> {
        Box::pin(async move {
            let (answer, answered) = oneshot::channel();
            let job: Job = Box::new(move |engine| {
                let done = engine.settle().and_then(|()| job(engine)).inspect_err(|error| engine.judge(error));
                // Whoever asked may be gone; what was asked is done all the same.
                let _ = answer.send(done);
            });
            self.jobs.send(job).await.map_err(|_| StoreError::Closed)?;
            answered.await.map_err(|_| StoreError::Closed)?
        })
    }

    /// Runs `job` on connections of its own, beside the writer.
    fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Reader) -> Result<T, StoreError> + Send + 'static,
    ) -> Answer<'_, T> {
        Box::pin(async move {
            let _permit = self.readers.permits.acquire().await.map_err(|_| StoreError::Closed)?;
            let readers = Arc::clone(&self.readers);
            let done = tokio::task::spawn_blocking(move || {
                let reader = readers.take()?;
                let result = job(&reader);
                readers.put(reader);
                result
            });
            done.await.map_err(|_| StoreError::Closed)?
        })
    }
}

impl Readers {
    fn take(&self) -> Result<Reader, StoreError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(reader) = idle {
            return Ok(reader);
        }
        let log = connection::open_to_read(&self.files.log)?;
        Ok(Reader { log, profiles: connection::open_to_read(&self.files.profiles)? })
    }

    fn put(&self, reader: Reader) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
    }
}

impl Store for SqliteStore {
    fn ingest(&self, group: Vec<Batch>) -> Answer<'_, Vec<FlushAnswer>> {
        Box::pin(async move {
            let (answer, answered) = oneshot::channel();
            // A client that went away asks again.
            let reply: Reply = Box::new(move |done| drop(answer.send(done)));
            let job: Job = Box::new(move |engine| engine.ingest(&group, reply));
            self.jobs.send(job).await.map_err(|_| StoreError::Closed)?;
            answered.await.map_err(|_| StoreError::Closed)?
        })
    }

    fn fire_timers(&self, catalog: Arc<Catalog>, now: Timestamp, limit: usize) -> Answer<'_, usize> {
        self.write(move |engine| engine.fire_timers(&catalog, now, limit))
    }

    fn sweep(&self, now: Timestamp, limit: usize) -> Answer<'_, usize> {
        self.write(move |engine| engine.sweep(now, limit))
    }

    fn check(&self) -> Answer<'_, ()> {
        // The writing thread is the one that can be gone.
        self.write(Engine::check)
    }

    fn close(&self) -> Answer<'_, ()> {
        self.write(|engine| {
            engine.close();
            Ok(())
        })
    }

    fn load_catalog(&self) -> Answer<'_, Catalog> {
        self.read(|reader| definitions::load(&reader.log))
    }

    fn put_workspace(&self, id: WorkspaceId, name: String) -> Answer<'_, WorkspaceKey> {
        self.write(move |engine| definitions::put_workspace(engine.definitions(), &id, &name))
    }

    fn put_sdk_key(&self, workspace: WorkspaceKey, key: String) -> Answer<'_, ()> {
        self.write(move |engine| definitions::put_sdk_key(engine.definitions(), workspace, &key))
    }

    fn put_secret_key(&self, workspace: WorkspaceKey, key: KeyHash) -> Answer<'_, ()> {
        self.write(move |engine| definitions::put_secret_key(engine.definitions(), workspace, key))
    }

    fn put_sdk_authentication(&self, workspace: WorkspaceKey, settings: SdkAuthentication) -> Answer<'_, ()> {
        self.write(move |engine| definitions::put_sdk_authentication(engine.definitions(), workspace, &settings))
    }

    fn put_segment(&self, workspace: WorkspaceKey, id: SegmentId, name: String, filter: Value) -> Answer<'_, ()> {
        self.write(move |engine| engine.put_segment(workspace, &id, &name, &filter, crate::now()))
    }

    fn put_settings(&self, workspace: WorkspaceKey, definition: Value) -> Answer<'_, ()> {
        self.write(move |engine| definitions::put_settings(engine.definitions(), workspace, &definition))
    }

    fn put_campaign(&self, workspace: WorkspaceKey, id: CampaignId, definition: Value) -> Answer<'_, ()> {
        self.write(move |engine| definitions::put_campaign(engine.definitions(), workspace, &id, &definition))
    }

    fn user(&self, workspace: WorkspaceKey, user: UserRef) -> Answer<'_, Option<StoredUser>> {
        self.write(move |engine| {
            let found = engine.find(workspace, &user)?;
            Ok(found.map(|(id, state)| StoredUser { id, state }))
        })
    }

    fn segment_changes(&self, workspace: WorkspaceKey, after: i64, limit: usize) -> Answer<'_, ChangePage> {
        self.read(move |reader| segments::changes(&reader.log, workspace, after, limit))
    }

    fn segment_sizes(&self, workspace: WorkspaceKey) -> Answer<'_, HashMap<u32, u64>> {
        self.write(move |engine| Ok(engine.segment_sizes(workspace)))
    }

    fn segment_history(&self, workspace: WorkspaceKey, segment: u32, limit: usize) -> Answer<'_, Vec<SizeAt>> {
        self.read(move |reader| profiles::history(&reader.profiles, workspace, segment, limit))
    }

    fn members(&self, workspace: WorkspaceKey, segment: u32, after: UserId, limit: usize) -> Answer<'_, Vec<UserId>> {
        Box::pin(async move {
            let recent = self.write(move |engine| Ok(engine.recent_changes(workspace, segment))).await?;
            let members = self
                .read(move |reader| segments::members(&reader.profiles, (workspace, segment), &recent, after, limit));
            members.await
        })
    }

    fn count(&self, catalog: Arc<Catalog>, now: Timestamp, limit: usize) -> Answer<'_, CountStep> {
        Box::pin(async move {
            let Some(plan) = self.write(Engine::plan_counting).await? else { return Ok(CountStep::Idle) };
            let plan = Arc::new(plan);
            let planned = Arc::clone(&plan);
            let found = self.read(move |reader| counting::count(&reader.log, &catalog, &planned, limit)).await?;
            self.write(move |engine| engine.take_counted(&plan, found, now)).await
        })
    }

    fn backfill(&self, catalog: Arc<Catalog>, now: Timestamp, limit: usize) -> Answer<'_, AskStep> {
        Box::pin(async move {
            let Some(row) = self.write(Engine::next_backfill).await? else { return Ok(AskStep::Idle) };
            let Some(workspace) = segments::ready_for(&catalog, &row) else { return Ok(AskStep::Waiting) };
            let ask = |page: usize| {
                let (numbers, workspace) = (row.range(page, limit), Arc::clone(&workspace));
                self.read(move |reader| segments::ask(&reader.profiles, &workspace, numbers, now))
            };
            let mut asked = 0;
            let mut pages = Some(try_join!(ask(0), ask(1))?);
            for pair in 1..=ASKED_PAIRS {
                let Some((first, second)) = pages.take() else { break };
                let take = async {
                    for page in [first, second] {
                        let (row, workspace) = (row.clone(), Arc::clone(&workspace));
                        match self.write(move |engine| engine.take_page(&row, &page, &workspace, now)).await? {
                            // A page can be all another workspace's.
                            AskStep::Asked(users) => asked += users,
                            other => return Ok(Some(other)),
                        }
                    }
                    Ok(None)
                };
                // While these are taken, the next ones are asked.
                let ask_next = async {
                    if pair < ASKED_PAIRS { try_join!(ask(2 * pair), ask(2 * pair + 1)).map(Some) } else { Ok(None) }
                };
                let (end, next) = try_join!(take, ask_next)?;
                match end {
                    None => pages = next,
                    Some(AskStep::Waiting) if asked == 0 => return Ok(AskStep::Waiting),
                    Some(_) => break,
                }
            }
            Ok(AskStep::Asked(asked))
        })
    }

    fn preview(
        &self,
        catalog: Arc<Catalog>,
        workspace: WorkspaceKey,
        filter: Filter,
        now: Timestamp,
        sample: usize,
    ) -> Answer<'_, Preview> {
        Box::pin(async move {
            // What is in memory only is written down first.
            let wanted = self.write(|engine| Ok(engine.hasten_checkpoint())).await?;
            while self.read(|reader| profiles::progress(&reader.profiles)).await? < wanted {
                sleep(CHECKPOINT_POLL).await;
                self.write(|engine| Ok(engine.hasten_checkpoint())).await?;
            }
            let counters = catalog.workspace(workspace).map(|workspace| workspace.uncounted(&filter));
            let question = Arc::new(segments::Question {
                catalog,
                workspace,
                filter,
                counters: counters.unwrap_or_default(),
                now,
            });
            let mut preview = Preview::default();
            let mut after = UserId(0);
            // In steps: a long reading would keep the write-ahead log from being folded.
            loop {
                let question = Arc::clone(&question);
                let step = self.read(move |reader| segments::holds(&reader.log, &reader.profiles, &question, after));
                let (users, last, members) = step.await?;
                preview.users += users;
                preview.count += members.len() as u64;
                let room = sample.saturating_sub(preview.sample.len());
                preview.sample.extend(members.into_iter().take(room));
                match last {
                    Some(last) => after = last,
                    None => return Ok(preview),
                }
            }
        })
    }

    fn count_for(
        &self,
        catalog: Arc<Catalog>,
        workspace: WorkspaceKey,
        user: UserRef,
        counters: WorkspaceCounters,
    ) -> Answer<'_, Vec<(u64, Timestamp)>> {
        Box::pin(async move {
            let Some(of) = self.write(move |engine| engine.batches_of(workspace, &user)).await? else {
                return Ok(Vec::new());
            };
            let count = move |reader: &Reader| {
                let Reader { log, profiles } = reader;
                let mut found = Vec::new();
                for batch in read::all_batches(profiles, workspace, &of)? {
                    if let Some(logged) = LoggedBatch::find(log, &catalog, batch)? {
                        counting::count_batch(&logged, &counters, |number, at| found.push((number, at)));
                    }
                }
                Ok(found)
            };
            self.read(count).await
        })
    }

    fn report(&self, workspace: WorkspaceKey, campaign: CampaignId, days: (Date, Date)) -> Answer<'_, ReportRows> {
        Box::pin(async move {
            let wanted = Arc::new(reports::Wanted { workspace, campaign, days });
            loop {
                let (asked, read) = (Arc::clone(&wanted), Arc::clone(&wanted));
                let recent = self.write(move |engine| engine.recent_of_report(&asked)).await?;
                // Seconds lie between two checkpoints: the second time at the latest, none has come between.
                if let Some(rows) = self.read(move |reader| reports::read(&reader.profiles, &read, &recent)).await? {
                    return Ok(rows);
                }
            }
        })
    }

    fn backfill_of(&self, workspace: WorkspaceKey) -> Answer<'_, Backfill> {
        Box::pin(async move {
            let counting = self.write(move |engine| engine.counted(workspace)).await?;
            let asking = self.read(move |reader| segments::asking(&reader.log, &reader.profiles, workspace)).await?;
            Ok(Backfill { counting, asking })
        })
    }

    fn records(&self, workspace: WorkspaceKey, user: UserRef, query: RecordQuery) -> Answer<'_, Option<RecordPage>> {
        Box::pin(async move {
            let found = self.write(move |engine| engine.batches_of(workspace, &user)).await?;
            let Some(batches) = found else { return Ok(None) };
            let page =
                self.read(move |reader| read::records(&reader.log, &reader.profiles, workspace, &batches, &query));
            page.await.map(Some)
        })
    }
}
