//! The threads that do what no answer should wait for: writing checkpoints, and folding the log's write-ahead log into its file.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, Sender},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::Context as _;
use rusqlite::Connection;
use tracing::{debug, error};

use super::{
    connection::{self, PROFILE_PAGE},
    migrate,
    profiles::{self, Checkpoint},
};
use crate::store::StoreError;

/// How long to wait before a checkpoint that could not be written is tried again.
const RETRY: Duration = Duration::from_millis(500);

/// Something was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Done {
    /// The checkpoint of that batch is on disk.
    Checkpoint(i64),
    /// What was in the write-ahead log is in the file.
    Folded,
    /// The disk has failed in a way after which nothing must be written any more.
    Failed,
}

/// Who does it.
#[derive(Debug)]
pub(super) struct Keeper {
    workers: Workers,
    done: Receiver<Done>,
}

#[derive(Debug)]
enum Workers {
    Threads(Threads),
    /// In a simulation nothing is done before it is asked for.
    Nobody(Box<Nobody>),
}

#[derive(Debug)]
struct Nobody {
    profiles: Connection,
    waiting: Option<Checkpoint>,
    finished: Sender<Done>,
}

#[derive(Debug)]
struct Threads {
    checkpoints: Option<Sender<Checkpoint>>,
    folding: Option<Sender<()>>,
    stopping: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Keeper {
    /// Opens the profiles, makes them if they are missing, and starts the threads.
    pub(super) fn start(file: &Path, log: &mut Connection, log_file: &Path) -> anyhow::Result<Self> {
        let profiles = open(file, log, log_file)?;
        let log = connection::open_to_write(log_file, connection::LOG_PAGE)?;
        let stopping = Arc::new(AtomicBool::new(false));
        let (finished, done) = mpsc::channel();
        let (checkpoints, to_write) = mpsc::channel();
        let (folding, to_fold) = mpsc::channel();
        let keep = {
            let (finished, stopping) = (finished.clone(), Arc::clone(&stopping));
            move || keep(profiles, &to_write, &finished, &stopping)
        };
        let threads = vec![
            thread::Builder::new().name("store-keeper".to_owned()).spawn(keep)?,
            thread::Builder::new().name("store-folder".to_owned()).spawn(move || fold(&log, &to_fold, &finished))?,
        ];
        let threads = Threads { checkpoints: Some(checkpoints), folding: Some(folding), stopping, threads };
        Ok(Self { workers: Workers::Threads(threads), done })
    }

    /// Opens the profiles, and starts nothing.
    pub(super) fn without_threads(file: &Path, log: &mut Connection, log_file: &Path) -> anyhow::Result<Self> {
        let profiles = open(file, log, log_file)?;
        let (finished, done) = mpsc::channel();
        Ok(Self { workers: Workers::Nobody(Box::new(Nobody { profiles, waiting: None, finished })), done })
    }

    /// Without threads: writes what waits.
    pub(super) fn write_now(&mut self) {
        if let Workers::Nobody(nobody) = &mut self.workers
            && let Nobody { profiles, waiting, finished } = nobody.as_mut()
            && let Some(mut checkpoint) = waiting.take()
        {
            let done = match profiles::write(profiles, &mut checkpoint) {
                Ok(()) => Done::Checkpoint(checkpoint.batch),
                Err(_) => Done::Failed,
            };
            let _ = finished.send(done);
        }
    }

    /// Has a checkpoint written. It is tried until it is on disk.
    pub(super) fn write(&mut self, checkpoint: Checkpoint) {
        match &mut self.workers {
            Workers::Threads(threads) => {
                if let Some(thread) = &threads.checkpoints {
                    // The thread ends only when this is dropped, or when the disk has failed, which it has told.
                    let _ = thread.send(checkpoint);
                }
            }
            Workers::Nobody(nobody) => nobody.waiting = Some(checkpoint),
        }
    }

    /// Has the write-ahead log folded.
    pub(super) fn fold(&self) {
        match &self.workers {
            Workers::Threads(threads) => drop(threads.folding.as_ref().map(|thread| thread.send(()))),
            // What lives in memory has none.
            Workers::Nobody(_) => {}
        }
    }

    /// What was done since this was last asked.
    pub(super) fn poll(&self) -> Option<Done> {
        self.done.try_recv().ok()
    }

    /// Waits until something is done.
    pub(super) fn wait(&mut self, patience: Duration) -> Option<Done> {
        self.write_now();
        self.done.recv_timeout(patience).ok()
    }
}

/// Opens the profiles, and brings them up to date.
fn open(file: &Path, log: &mut Connection, log_file: &Path) -> anyhow::Result<Connection> {
    let name = || file.display().to_string();
    let mut profiles = connection::open_to_write(file, PROFILE_PAGE)?;
    profiles.pragma_update(None, "cache_size", -16_384).with_context(name)?;
    migrate::migrate(&mut profiles, migrate::PROFILES).with_context(name)?;
    migrate::move_users(log, &mut profiles, log_file).with_context(name)?;
    Ok(profiles)
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        self.checkpoints = None;
        self.folding = None;
        for thread in self.threads.drain(..) {
            // A panic in it has been reported.
            let _ = thread.join();
        }
    }
}

fn keep(mut profiles: Connection, to_write: &Receiver<Checkpoint>, finished: &Sender<Done>, stopping: &AtomicBool) {
    while let Ok(mut checkpoint) = to_write.recv() {
        loop {
            match profiles::write(&mut profiles, &mut checkpoint) {
                Ok(()) => break,
                Err(error) if error.is_fatal() => return fail(&error, finished),
                Err(error) => {
                    // Nothing is lost: the log has it all. But it grows, and in the end no more is taken.
                    error!(%error, "the profiles can't be written down; it is tried again");
                    if stopping.load(Ordering::Relaxed) {
                        return;
                    }
                    thread::sleep(RETRY);
                }
            }
        }
        debug!(batch = checkpoint.batch, users = checkpoint.users.len(), "profiles written down");
        if finished.send(Done::Checkpoint(checkpoint.batch)).is_err() {
            return;
        }
    }
}

fn fold(log: &Connection, to_fold: &Receiver<()>, finished: &Sender<Done>) {
    while to_fold.recv().is_ok() {
        match connection::fold(log).map_err(StoreError::from) {
            Err(error) if error.is_fatal() => return fail(&error, finished),
            Err(error) => error!(%error, "the write-ahead log can't be folded"),
            Ok(()) => {}
        }
        if finished.send(Done::Folded).is_err() {
            return;
        }
    }
}

fn fail(error: &StoreError, finished: &Sender<Done>) {
    error!(%error, "the disk failed; nothing more is written");
    // If nobody listens any more, nothing more is answered either.
    let _ = finished.send(Done::Failed);
}
