//! The write path: batches in, answers out, everything durable in between.

mod apply;
mod batch;
mod clock;
mod memberships;
mod queue;

pub use apply::{LogEntry, Position, UserState, Working, apply};
pub use batch::{Batch, DecodeBatchError, Incoming, decode};
pub use memberships::Memberships;
pub use queue::{Ingest, IngestError};
