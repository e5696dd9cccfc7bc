//! What the SDK and the server say to each other, each type once. The protocol is described in the repository's
//! `docs/protocol.md`; fields are only ever added, and unknown ones are ignored.

mod agent;
mod device;
mod flush;
mod location;
mod money;
mod record;
mod request;
mod subscription;
mod wire;

pub use agent::{AgentPart, AgentParts};
pub use device::DeviceInfo;
pub use flush::{
    AUTH_FAILED, Answer, AuthFailure, FlushAnswer, FlushRequest, HeldSet, Identity, MessageSet, Rejected, join_records,
};
pub use location::{Location, check_place};
pub use money::{Currency, Hundredths};
pub use record::{AttributeChange, Record, RecordError, RecordKind};
pub use subscription::{Channel, GroupState, SubscriptionState};
