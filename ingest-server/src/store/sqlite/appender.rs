//! The thread that appends to the log and flushes it to disk. While it does, the next groups are applied already; those that
//! wait share its next transaction. A second thread folds the write-ahead log into the file beside it.

use std::{
    fmt, iter, mem,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, Ordering},
        mpsc::{self, Receiver, Sender, SyncSender},
    },
    thread::{self, JoinHandle},
};

use kindling_core::protocol::FlushAnswer;
use rusqlite::Connection;
use tracing::{error, warn};

use super::{
    connection,
    log::{self, Appended},
};
use crate::{
    ingest::{Change, LogEntry},
    store::StoreError,
};

/// Bytes that the write-ahead log may take before it is folded into the file, and before that is done whatever it holds up.
const FOLD_AT: usize = 16 * 1024 * 1024;
const FOLD_NOW: usize = 256 * 1024 * 1024;

/// Takes the answers to a group, once it is on disk or has failed.
pub(super) type Reply = Box<dyn FnOnce(Result<Vec<FlushAnswer>, StoreError>) + Send>;

/// A group that has been applied.
pub(super) struct Group {
    /// The number that the first of its batches gets.
    pub(super) first: i64,
    /// The batches. None: everything in it had been taken before, which may be on its way to disk itself.
    pub(super) entries: Vec<LogEntry>,
    /// The number that the first of its changes gets, and the changes.
    pub(super) first_change: i64,
    pub(super) changes: Vec<Change>,
    pub(super) answers: Vec<FlushAnswer>,
    pub(super) reply: Reply,
}

impl Group {
    fn appended(&self) -> Appended<'_> {
        let Self { first, entries, first_change, changes, .. } = self;
        Appended { first: *first, entries, first_change: *first_change, changes }
    }

    fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.changes.is_empty()
    }
}

/// Whether groups are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum State {
    /// They are.
    Taking,
    /// One could not be written, and so none after it, until [`Appender::resume`].
    Refusing,
    /// The disk has failed in a way after which nothing must be written any more.
    Dead,
}

#[derive(Debug)]
struct SharedState(AtomicU8);

impl SharedState {
    fn get(&self) -> State {
        match self.0.load(Ordering::Acquire) {
            0 => State::Taking,
            1 => State::Refusing,
            _ => State::Dead,
        }
    }

    fn set(&self, state: State) {
        // What is dead stays so.
        self.0.fetch_max(state as u8, Ordering::AcqRel);
    }

    fn resume(&self) {
        let _ =
            self.0.compare_exchange(State::Refusing as u8, State::Taking as u8, Ordering::AcqRel, Ordering::Relaxed);
    }

    fn judge(&self, error: &StoreError) {
        self.set(if error.is_fatal() { State::Dead } else { State::Refusing });
    }
}

/// The way to the log.
#[derive(Debug)]
pub(super) struct Appender {
    state: Arc<SharedState>,
    worker: Worker,
    /// Whether something may be on its way.
    is_settled: bool,
}

enum Worker {
    Thread {
        messages: Option<Sender<Message>>,
        threads: Vec<JoinHandle<()>>,
    },
    /// In a simulation nothing is done before it is asked for.
    Nobody(Vec<Group>),
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Thread { .. } => "Thread",
            Self::Nobody(_) => "Nobody",
        })
    }
}

enum Message {
    Append(Group),
    /// Everything before this is to be settled when it is answered.
    Settle(SyncSender<()>),
}

/// Groups of which it is decided whether they are on disk, and that have not been answered.
pub(super) struct Settled {
    groups: Vec<Group>,
    outcome: Result<(), StoreError>,
}

impl Settled {
    /// Whether something was written.
    pub(super) fn is_written(&self) -> bool {
        self.outcome.is_ok() && !self.groups.iter().all(Group::is_empty)
    }

    /// Tells everybody.
    pub(super) fn answer(self) {
        let is_written = self.outcome.is_ok();
        // Errors can't be copied: the first group is told why.
        let mut error = self.outcome.err();
        for Group { answers, reply, .. } in self.groups {
            reply(if is_written { Ok(answers) } else { Err(error.take().unwrap_or(StoreError::Unwritten)) });
        }
    }
}

impl Appender {
    /// Starts the threads.
    pub(super) fn start(log_file: &Path) -> anyhow::Result<Self> {
        let connection = connection::open_to_write(log_file, connection::LOG_PAGE)?;
        // Folding would hold up the groups that come next: it is done beside.
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        let beside = connection::open_to_write(log_file, connection::LOG_PAGE)?;
        let state = Arc::new(SharedState(AtomicU8::new(State::Taking as u8)));
        let (messages, waiting) = mpsc::channel();
        let (wanted, to_fold) = mpsc::channel();
        let is_done = Arc::new(AtomicBool::new(false));
        let folding = Folding { unfolded: FOLD_AT, wanted, is_wanted: false, is_done: Arc::clone(&is_done) };
        let append = {
            let state = Arc::clone(&state);
            move || work(connection, &waiting, &state, folding)
        };
        let fold = {
            let state = Arc::clone(&state);
            move || fold_beside(&beside, &to_fold, &is_done, &state)
        };
        let threads = vec![
            thread::Builder::new().name("store-appender".to_owned()).spawn(append)?,
            thread::Builder::new().name("store-folder".to_owned()).spawn(fold)?,
        ];
        Ok(Self { state, worker: Worker::Thread { messages: Some(messages), threads }, is_settled: true })
    }

    /// Starts nothing.
    pub(super) fn without_threads() -> Self {
        let state = Arc::new(SharedState(AtomicU8::new(State::Taking as u8)));
        Self { state, worker: Worker::Nobody(Vec::new()), is_settled: true }
    }

    /// Whether groups are written.
    pub(super) fn state(&self) -> State {
        self.state.get()
    }

    /// Goes on after a group that could not be written. Nothing may be on its way.
    pub(super) fn resume(&self) {
        self.state.resume();
    }

    /// Has a group written, after all that came before, and answered.
    pub(super) fn append(&mut self, group: Group) {
        self.is_settled = false;
        match &mut self.worker {
            Worker::Nobody(waiting) => waiting.push(group),
            Worker::Thread { messages, .. } => {
                let sent = messages.as_ref().map(|messages| messages.send(Message::Append(group)));
                if sent.is_none_or(|sent| sent.is_err()) {
                    // The thread is gone, which only a panic can have done.
                    self.state.set(State::Dead);
                }
            }
        }
    }

    /// Returns when nothing is on its way any more. Without threads, writes what waits with the connection given, and returns it for
    /// the caller to answer.
    pub(super) fn settle(&mut self, connection: &mut Connection) -> Option<Settled> {
        if mem::replace(&mut self.is_settled, true) {
            return None;
        }
        match &mut self.worker {
            Worker::Nobody(waiting) => Some(write(connection, mem::take(waiting), &self.state)),
            Worker::Thread { messages, .. } => {
                let (settled, wait) = mpsc::sync_channel(1);
                let sent = messages.as_ref().map(|messages| messages.send(Message::Settle(settled)));
                if sent.is_none_or(|sent| sent.is_err()) || wait.recv().is_err() {
                    self.state.set(State::Dead);
                }
                None
            }
        }
    }
}

impl Drop for Appender {
    fn drop(&mut self) {
        if let Worker::Thread { messages, threads } = &mut self.worker {
            *messages = None;
            for thread in threads.drain(..) {
                // A panic in it has been reported.
                let _ = thread.join();
            }
        }
    }
}

fn work(mut connection: Connection, messages: &Receiver<Message>, state: &SharedState, mut folding: Folding) {
    while let Ok(message) = messages.recv() {
        let mut groups = Vec::new();
        let mut settled = Vec::new();
        for message in iter::once(message).chain(messages.try_iter()) {
            match message {
                Message::Append(group) => groups.push(group),
                Message::Settle(done) => settled.push(done),
            }
        }
        let bytes: usize = groups.iter().flat_map(|group| &group.entries).map(LogEntry::bytes).sum();
        write(&mut connection, groups, state).answer();
        for done in settled {
            // Whoever waits for it is still there, or nobody is.
            let _ = done.send(());
        }
        folding.keep_up(&connection, bytes, state);
    }
}

/// Writes groups in one transaction, unless one before them could not be.
fn write(connection: &mut Connection, groups: Vec<Group>, state: &SharedState) -> Settled {
    let outcome = match state.get() {
        State::Taking => {
            log::append(connection, groups.iter().map(Group::appended)).inspect_err(|error| state.judge(error))
        }
        State::Refusing | State::Dead => Err(StoreError::Unwritten),
    };
    Settled { groups, outcome }
}

/// When the write-ahead log is folded.
struct Folding {
    /// Bytes written since it was.
    unfolded: usize,
    /// To the thread that does most of it.
    wanted: Sender<()>,
    is_wanted: bool,
    is_done: Arc<AtomicBool>,
}

impl Folding {
    /// Between two transactions.
    fn keep_up(&mut self, connection: &Connection, bytes: usize, state: &SharedState) {
        self.unfolded += bytes;
        if self.is_done.swap(false, Ordering::AcqRel) {
            self.is_wanted = false;
            self.fold(connection, state);
        } else if self.unfolded >= FOLD_NOW {
            self.fold(connection, state);
        } else if self.unfolded >= FOLD_AT && !self.is_wanted {
            self.is_wanted = self.wanted.send(()).is_ok();
        }
    }

    /// Folds the rest, so that the write-ahead log begins anew with the next transaction. Quick when most of it was just folded.
    fn fold(&mut self, connection: &Connection, state: &SharedState) {
        fold(connection, state);
        self.unfolded = 0;
    }
}

fn fold_beside(connection: &Connection, wanted: &Receiver<()>, is_done: &AtomicBool, state: &SharedState) {
    while wanted.recv().is_ok() {
        fold(connection, state);
        is_done.store(true, Ordering::Release);
    }
}

fn fold(connection: &Connection, state: &SharedState) {
    match connection::fold(connection).map_err(StoreError::from) {
        Err(error) if error.is_fatal() => {
            error!(%error, "the disk failed; nothing more is written");
            state.set(State::Dead);
        }
        Err(error) => warn!(%error, "the write-ahead log can't be folded"),
        Ok(()) => {}
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use kindling_core::{
        ids::{Seq, UserId},
        time::Timestamp,
    };

    use super::*;
    use crate::{ingest, store::WorkspaceKey};

    fn entry() -> LogEntry {
        LogEntry {
            workspace: WorkspaceKey(1),
            user: UserId(1),
            received_at: Timestamp::from_ms(1),
            settled: ingest::Settled { seq: Seq(1), lost: 0, times: None },
            user_agent: None,
            span: None,
            body: Bytes::from_static(b"{}"),
        }
    }

    /// Has a group of one batch appended under that number, and says how it will be known what came of it.
    fn append(appender: &mut Appender, first: i64) -> Receiver<Result<Vec<FlushAnswer>, StoreError>> {
        let (reply, replied) = mpsc::channel();
        let reply: Reply = Box::new(move |done| drop(reply.send(done)));
        appender.append(Group {
            first,
            entries: vec![entry()],
            first_change: 1,
            changes: Vec::new(),
            answers: Vec::new(),
            reply,
        });
        replied
    }

    #[test]
    fn after_a_group_that_fails_none_is_written_until_it_is_said_so() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("log.db");
        let mut log = log::Log::open(&file).unwrap();
        definitions(&log.connection);
        let mut appender = Appender::start(&file).unwrap();
        assert!(append(&mut appender, 1).recv().unwrap().is_ok());
        // Its number is taken.
        assert!(matches!(append(&mut appender, 1).recv().unwrap(), Err(StoreError::Database(_))));
        assert_eq!(appender.state(), State::Refusing);
        assert!(matches!(append(&mut appender, 2).recv().unwrap(), Err(StoreError::Unwritten)));
        assert!(appender.settle(&mut log.connection).is_none());
        appender.resume();
        let replied = append(&mut appender, 3);
        appender.settle(&mut log.connection);
        // It has been answered by now.
        assert!(replied.try_recv().unwrap().is_ok());
        let ids: Vec<i64> = {
            let mut batches = log.connection.prepare("SELECT id FROM batches").unwrap();
            batches.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
        };
        assert_eq!(ids, [1, 3]);
    }

    fn definitions(connection: &Connection) {
        connection.execute("INSERT INTO workspaces (key, id, name, revision) VALUES (1, 'w', '', 1)", []).unwrap();
    }
}
