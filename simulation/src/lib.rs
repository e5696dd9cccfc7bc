//! A world in which everything fails, and which is the same each time: SDK clients on several devices, in several tabs, against the
//! real store, over a network that loses, doubles, delays and reorders, with storage that fills up or is wiped, clocks that are wrong,
//! and a server that crashes between any two steps.
//!
//! One number decides everything ([`Dice`]). [`run`] plays a world to its end, and says what does not hold.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "this is a test, and shares the browser of the SDK's tests"
)]

#[path = "../../sdk/tests/client/browser.rs"]
mod browser;
mod dice;
mod server;
mod truth;
mod world;

pub use dice::Dice;
pub use world::{Outcome, run};
