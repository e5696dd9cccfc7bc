//! The shell around [`crate::client`] in a browser: storage, network, page events, timers, display, and the surface that the
//! JavaScript facade calls. It converts and delegates.

mod convert;
mod display;
mod host;
mod locks;
mod network;
mod page;
mod shell;
mod surface;
