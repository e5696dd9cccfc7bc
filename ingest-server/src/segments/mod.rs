//! Segments on the server: what their filters take from here, and how they stand on one another.

pub mod backfill;
mod host;
mod links;

pub use host::{Here, HereIn};
pub use links::{LinkError, link};
