//! Segments: filters over profiles, and when their verdict can change by itself.

mod evaluate;
mod filter;
mod index;
mod parse;

pub use evaluate::{Verdict, evaluate};
pub use filter::{AttributeRef, Bound, EventCount, Filter, Test};
pub use index::SegmentIndex;
