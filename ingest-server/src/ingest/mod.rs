//! The write path: batches in, answers out, everything durable in between.

mod apply;
mod batch;
mod clock;
mod counters;
#[cfg(test)]
mod interleaving;
mod memberships;
mod properties;
mod queue;
mod reporting;
mod resident;
mod user_agents;
mod user_devices;

pub use apply::{LogEntry, Person, Position, ReplayError, Settled, UserState, Working, apply, replay};
pub use batch::{Batch, DecodeBatchError, Incoming, decode, decode_logged, from_server};
pub use counters::{Counters, WorkspaceCounters};
pub use memberships::{Change, Memberships};
pub use properties::Properties;
pub use queue::{Ingest, IngestError, Room};
pub use reporting::{ReportChanges, ReportKey};
pub use resident::Resident;
pub use user_agents::UserAgent;
pub use user_devices::{UserDevice, UserDevices};
