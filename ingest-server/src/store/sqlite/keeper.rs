//! The thread that writes checkpoints, which no answer waits for.

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
    /// The disk has failed in a way after which nothing must be written any more.
    Failed,
}

/// Who does it.
#[derive(Debug)]
pub(super) struct Keeper {
    worker: Worker,
    done: Receiver<Done>,
}

#[derive(Debug)]
enum Worker {
    Thread(Thread),
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
struct Thread {
    checkpoints: Option<Sender<Checkpoint>>,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Opens the profiles, makes them if they are missing, and starts the thread.
    pub(super) fn start(file: &Path, log: &mut Connection, log_file: &Path) -> anyhow::Result<Self> {
        let profiles = open(file, log, log_file)?;
        let stopping = Arc::new(AtomicBool::new(false));
        let (finished, done) = mpsc::channel();
        let (checkpoints, to_write) = mpsc::channel();
        let keep = {
            let stopping = Arc::clone(&stopping);
            move || keep(profiles, &to_write, &finished, &stopping)
        };
        let thread = thread::Builder::new().name("store-keeper".to_owned()).spawn(keep)?;
        let thread = Thread { checkpoints: Some(checkpoints), stopping, thread: Some(thread) };
        Ok(Self { worker: Worker::Thread(thread), done })
    }

    /// Opens the profiles, and starts nothing.
    pub(super) fn without_thread(file: &Path, log: &mut Connection, log_file: &Path) -> anyhow::Result<Self> {
        let profiles = open(file, log, log_file)?;
        let (finished, done) = mpsc::channel();
        Ok(Self { worker: Worker::Nobody(Box::new(Nobody { profiles, waiting: None, finished })), done })
    }

    /// Without a thread: writes what waits.
    pub(super) fn write_now(&mut self) {
        if let Worker::Nobody(nobody) = &mut self.worker
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
        match &mut self.worker {
            Worker::Thread(thread) => {
                if let Some(thread) = &thread.checkpoints {
                    // The thread ends only when this is dropped, or when the disk has failed, which it has told.
                    let _ = thread.send(checkpoint);
                }
            }
            Worker::Nobody(nobody) => nobody.waiting = Some(checkpoint),
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

impl Drop for Thread {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        self.checkpoints = None;
        if let Some(thread) = self.thread.take() {
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

fn fail(error: &StoreError, finished: &Sender<Done>) {
    error!(%error, "the disk failed; nothing more is written");
    // If nobody listens any more, nothing more is answered either.
    let _ = finished.send(Done::Failed);
}
