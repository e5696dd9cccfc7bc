//! The queue before the store: batches that arrive while the store is busy go to it as one group.

use std::{pin::Pin, sync::Arc};

use kindling_core::protocol::FlushAnswer;
use tokio::{
    sync::{Mutex, Notify, OwnedSemaphorePermit, Semaphore, mpsc, oneshot},
    task::{JoinHandle, JoinSet},
};
use tracing::error;

use super::Batch;
use crate::store::{Store, StoreError};

/// Batches that wait.
const QUEUE: usize = 1_024;
/// Batches in a group.
const GROUP: usize = 256;
/// Groups that the store has at a time: it can apply one while another is on its way to disk.
const GROUPS: usize = 3;
/// KiB of bodies that are worked on, from when they have arrived until they are answered. Decoded they take about three times that.
const ROOM_KIB: usize = 64 * 1024;

/// Why a batch was not taken. Nothing of it was stored, and the SDK keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IngestError {
    /// More came in than can be written.
    #[error("the server is busy")]
    Busy,
    /// The store failed.
    #[error("the server can't store anything at the moment")]
    Unavailable,
}

type Waiting = (Batch, oneshot::Sender<Result<FlushAnswer, IngestError>>);

/// Writes a group, later.
type Written = Pin<Box<dyn Future<Output = Result<Vec<FlushAnswer>, StoreError>> + Send>>;

/// The way into the store.
#[derive(Debug, Clone)]
pub struct Ingest {
    queue: mpsc::Sender<Waiting>,
    room: Arc<Semaphore>,
    stop: Arc<Notify>,
    worker: Arc<Mutex<Option<JoinHandle<()>>>>,
}

/// A share of the memory that bodies may take, held while one is worked on.
#[derive(Debug)]
pub struct Room {
    _share: OwnedSemaphorePermit,
}

impl Ingest {
    /// Starts the worker that groups batches.
    pub fn start(store: Arc<dyn Store>) -> Self {
        Self::start_with(move |group| {
            let store = Arc::clone(&store);
            Box::pin(async move { store.ingest(group).await })
        })
    }

    fn start_with(write: impl Fn(Vec<Batch>) -> Written + Send + Sync + 'static) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let stop = Arc::new(Notify::new());
        let worker = tokio::spawn(work(write, waiting, Arc::clone(&stop)));
        let room = Arc::new(Semaphore::new(ROOM_KIB));
        Self { queue, room, stop, worker: Arc::new(Mutex::new(Some(worker))) }
    }

    /// Room to work on a body of so many bytes; refused at once if there is none.
    pub fn room(&self, bytes: usize) -> Result<Room, IngestError> {
        let kib = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX);
        let share = Arc::clone(&self.room).try_acquire_many_owned(kib);
        share.map(|share| Room { _share: share }).map_err(|_| IngestError::Busy)
    }

    /// Stores a batch. Resolves when it is durable.
    pub async fn submit(&self, batch: Batch) -> Result<FlushAnswer, IngestError> {
        let (answer, answered) = oneshot::channel();
        self.queue.try_send((batch, answer)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => IngestError::Busy,
            mpsc::error::TrySendError::Closed(_) => IngestError::Unavailable,
        })?;
        answered.await.unwrap_or(Err(IngestError::Unavailable))
    }

    /// Takes nothing more, and returns when everything that was taken is stored.
    pub async fn finish(&self) {
        self.stop.notify_one();
        if let Some(worker) = self.worker.lock().await.take() {
            // A panic in it has been reported by its task.
            let _ = worker.await;
        }
    }
}

/// Hands group after group to the store, until it is told to stop and what was taken before that is stored.
async fn work(write: impl Fn(Vec<Batch>) -> Written, mut waiting: mpsc::Receiver<Waiting>, stop: Arc<Notify>) {
    let mut groups = JoinSet::new();
    let mut group = Vec::with_capacity(GROUP);
    loop {
        tokio::select! {
            biased;
            () = stop.notified() => {
                waiting.close();
                continue;
            }
            // A panic in it has been reported, and its clients were told.
            Some(_) = groups.join_next() => continue,
            batches = waiting.recv_many(&mut group, GROUP), if groups.len() < GROUPS => if batches == 0 {
                break;
            },
        }
        let (batches, answers): (Vec<_>, Vec<_>) = group.drain(..).unzip();
        groups.spawn(answer(write(batches), answers));
    }
    while groups.join_next().await.is_some() {}
}

/// Tells everybody in a group what became of their batch.
async fn answer(written: Written, answers: Vec<oneshot::Sender<Result<FlushAnswer, IngestError>>>) {
    match written.await {
        Ok(outcomes) => {
            for (answer, outcome) in answers.into_iter().zip(outcomes) {
                // A client that went away asks again.
                let _ = answer.send(Ok(outcome));
            }
        }
        Err(failure) => {
            let refusal =
                if matches!(failure, StoreError::Behind) { IngestError::Busy } else { IngestError::Unavailable };
            report(&failure, answers.len());
            for answer in answers {
                let _ = answer.send(Err(refusal));
            }
        }
    }
}

fn report(failure: &StoreError, batches: usize) {
    error!(error = %failure, batches, "batches were not stored; their clients keep them");
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex as StdMutex, PoisonError};

    use bytes::Bytes;
    use kindling_core::{
        ids::{Seq, WorkspaceId},
        time::Timestamp,
    };
    use tokio::task::JoinSet;

    use super::*;
    use crate::{
        catalog::{Catalog, Workspace},
        ingest::decode,
        settings::Settings,
        store::WorkspaceKey,
    };

    fn batch() -> Batch {
        let mut catalog = Catalog::default();
        let name = (WorkspaceKey(1), WorkspaceId::parse("w").unwrap(), String::new());
        let workspace = Workspace::new(name, 1, Vec::new(), Vec::new(), Settings::default());
        catalog.insert(workspace, vec!["pk".to_owned()], Vec::new());
        let body = r#"{"key":"pk","sdk":"t","device":"00000000-0000-4000-8000-000000000001",
            "stream":"00000000-0000-4000-8000-000000000002","identity":{"external_id":"a"},"sent_at":0,"records":[]}"#;
        decode(Bytes::from_static(body.as_bytes()), &catalog, Timestamp::from_ms(0)).unwrap()
    }

    /// A store that takes groups, and writes one whenever it is let.
    fn gated() -> (Ingest, Arc<Semaphore>, Arc<StdMutex<Vec<usize>>>) {
        let gate = Arc::new(Semaphore::new(0));
        let groups = Arc::new(StdMutex::new(Vec::new()));
        let (opened, written) = (Arc::clone(&gate), Arc::clone(&groups));
        let ingest = Ingest::start_with(move |group: Vec<Batch>| {
            let (gate, groups) = (Arc::clone(&opened), Arc::clone(&written));
            Box::pin(async move {
                groups.lock().unwrap_or_else(PoisonError::into_inner).push(group.len());
                gate.acquire().await.unwrap().forget();
                let answer =
                    FlushAnswer { acked: Seq(1), rejected: Vec::new(), messages: None, tests: Vec::new(), auth: None };
                Ok(vec![answer; group.len()])
            })
        });
        (ingest, gate, groups)
    }

    #[tokio::test]
    async fn what_waits_shares_a_commit_and_what_is_too_much_is_refused_at_once() {
        let (ingest, gate, groups) = gated();
        let mut waiting = JoinSet::new();
        let submit = |waiting: &mut JoinSet<_>| {
            let ingest = ingest.clone();
            waiting.spawn(async move { ingest.submit(batch()).await });
        };
        // The first ones go to the store at once, each by itself, and are held up there; the queue fills behind them.
        let taken = || groups.lock().unwrap_or_else(PoisonError::into_inner).len();
        for group in 1..=GROUPS {
            submit(&mut waiting);
            while taken() < group {
                tokio::task::yield_now().await;
            }
        }
        (0..QUEUE).for_each(|_| submit(&mut waiting));
        while ingest.queue.capacity() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(ingest.submit(batch()).await, Err(IngestError::Busy));
        assert_eq!(taken(), GROUPS);
        gate.add_permits(10);
        while let Some(answer) = waiting.join_next().await {
            assert!(answer.unwrap().is_ok());
        }
        let groups = groups.lock().unwrap_or_else(PoisonError::into_inner).clone();
        assert_eq!(groups.iter().sum::<usize>(), QUEUE + GROUPS);
        assert!(groups.len() <= GROUPS + QUEUE / GROUP, "{groups:?}");
        // There is room again.
        assert!(ingest.submit(batch()).await.is_ok());
        ingest.finish().await;
        assert_eq!(ingest.submit(batch()).await, Err(IngestError::Unavailable));
    }

    #[tokio::test]
    async fn bodies_have_a_bounded_share_of_memory() {
        let (ingest, _gate, _groups) = gated();
        let large = 1024 * 1024;
        let rooms: Vec<_> = (0..ROOM_KIB / 1024).map(|_| ingest.room(large).unwrap()).collect();
        assert_eq!(ingest.room(1).unwrap_err(), IngestError::Busy);
        drop(rooms);
        assert!(ingest.room(large).is_ok());
    }
}
