//! The queue before the store: batches that arrive while a commit is running share the next one.

use std::sync::Arc;

use kindling_core::protocol::FlushAnswer;
use tokio::{
    sync::{Mutex, Notify, mpsc, oneshot},
    task::JoinHandle,
};
use tracing::error;

use super::Batch;
use crate::store::{Store, StoreError};

/// Batches that wait. With a full queue of the largest bodies that is a gigabyte; with usual ones a few megabytes.
const QUEUE: usize = 1_024;
/// Batches that share a commit.
const GROUP: usize = 256;

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

/// The way into the store.
#[derive(Debug, Clone)]
pub struct Ingest {
    queue: mpsc::Sender<Waiting>,
    stop: Arc<Notify>,
    worker: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Ingest {
    /// Starts the worker that groups batches.
    pub fn start(store: Arc<dyn Store>) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let stop = Arc::new(Notify::new());
        let worker = tokio::spawn(work(store, waiting, Arc::clone(&stop)));
        Self { queue, stop, worker: Arc::new(Mutex::new(Some(worker))) }
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

/// Stores group after group, until it is told to stop and has stored what was taken before that.
async fn work(store: Arc<dyn Store>, mut waiting: mpsc::Receiver<Waiting>, stop: Arc<Notify>) {
    let mut group = Vec::with_capacity(GROUP);
    loop {
        tokio::select! {
            biased;
            () = stop.notified() => {
                waiting.close();
                continue;
            }
            batches = waiting.recv_many(&mut group, GROUP) => if batches == 0 {
                break;
            },
        }
        let (batches, answers): (Vec<_>, Vec<_>) = group.drain(..).unzip();
        match store.ingest(batches).await {
            Ok(outcomes) => {
                for (answer, outcome) in answers.into_iter().zip(outcomes) {
                    // A client that went away asks again.
                    let _ = answer.send(Ok(outcome));
                }
            }
            Err(failure) => {
                report(&failure, answers.len());
                for answer in answers {
                    let _ = answer.send(Err(IngestError::Unavailable));
                }
            }
        }
    }
}

fn report(failure: &StoreError, batches: usize) {
    error!(error = %failure, batches, "batches were not stored; their clients keep them");
}
