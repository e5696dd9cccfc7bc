//! What the SDK and the server say to each other, each type once. The protocol is described in the repository's
//! `docs/protocol.md`; fields are only ever added, and unknown ones are ignored.

mod flush;
mod money;
mod record;
mod request;
mod wire;

pub use flush::{FlushAnswer, FlushRequest, Identity, MessageSet, Rejected, join_records};
pub use money::{Currency, Hundredths};
pub use record::{AttributeChange, Record, RecordError, RecordKind};
