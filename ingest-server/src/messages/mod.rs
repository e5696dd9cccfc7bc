//! Which in-app messages a user is meant to have, and why not the others.

mod candidates;
mod decision;
#[cfg(test)]
mod remembered;
mod select;
mod selected;
mod wording;

pub use candidates::Candidates;
pub use decision::{Decision, decide, meant};
pub use select::{Reaching, Selection, select};
pub use selected::{Selected, may_select_others};
pub use wording::word_with;
