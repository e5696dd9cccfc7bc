//! Kindling's SDK for web apps.
//!
//! [`client`] is the SDK itself: a state machine with no I/O of its own, which is all that this crate contains when it is
//! built natively, so that tests and simulations run the code that runs in browsers. `web` is the thin shell around it in
//! WebAssembly: it converts and delegates, and decides nothing.

mod calls;
pub mod client;
mod json;
mod wrong;

#[cfg(target_arch = "wasm32")]
mod web;
