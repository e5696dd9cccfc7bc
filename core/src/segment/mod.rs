//! Segments: filters over users, and when their verdict can change by itself.
//!
//! | module | what it owns |
//! |---|---|
//! | `filter` | the language, as data |
//! | `test` | tests of one value |
//! | `parse` | reading filters |
//! | `host` | what evaluating takes from where it runs |
//! | `verdict` | whether something holds, and until when |
//! | `evaluate`, `occurrences`, `when` | evaluating |
//! | `explain` | why a filter holds, or does not |
//! | `tracked` | what profiles count only because a filter asks for it |
//! | `on_device` | what devices can evaluate, and on what |
//! | `index` | from what changed to the segments that it can touch |

mod evaluate;
mod explain;
mod filter;
mod host;
mod index;
mod occurrences;
mod on_device;
mod parse;
mod test;
mod tracked;
mod verdict;
mod when;

pub use evaluate::evaluate;
pub use explain::{Explanation, explain};
pub use filter::{
    Anniversary, AttributeRef, AttributeTest, Condition, DeviceField, Filter, Interaction, Near, OccurrenceTest,
    PropertyTest, Source, Spent, TimeTest, Window, Zone,
};
pub use host::{Device, Devices, Host, Pattern, PatternError, Subject, Zones};
pub use index::SegmentIndex;
pub use on_device::Mirror;
pub use test::{Bounds, Operator, Test};
pub use tracked::{Tracked, TrackedIndex, TrackedSource};
pub use verdict::Verdict;
