//! The rules that Kindling's SDK and server share.
//!
//! Everything here is pure: no I/O, no clock, no randomness, no globals. Time and identifiers come in as arguments, so that a
//! rule gives the same answer in the browser, on the server and in a simulation. The crate compiles natively and to
//! WebAssembly, where every byte counts: decoding from [`value::Value`] is written by hand (it is also what gives errors that
//! name the path), and nothing formats floating-point numbers.
//!
//! | module | what it owns |
//! |---|---|
//! | [`ids`] | the identifiers, each a type of its own |
//! | [`time`] | instants and durations |
//! | [`calendar`] | days of the calendar, and instants as people write them |
//! | [`value`] | attribute and property values |
//! | [`limits`] | every bound, once, with its reason |
//! | [`json`] | JSON that is looked at where it lies, without a tree |
//! | [`decode`] | reading typed things out of values, with errors that name the path |
//! | [`protocol`] | every wire type, once |
//! | [`profile`] | what is known of a user: applying records, event activity, merging |
//! | [`segment`] | the filter language: parse, evaluate, index |
//! | [`message`] | in-app messages: content, triggers, choice |
//! | [`conversion`] | what follows from messages: definitions, attribution, comparing rates |

pub mod calendar;
pub mod conversion;
pub mod decode;
pub mod ids;
pub mod json;
pub mod limits;
pub mod message;
pub mod profile;
pub mod protocol;
pub mod segment;
mod text;
pub mod time;
pub mod value;
mod version;
