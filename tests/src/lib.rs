//! The harness of Kindling's black-box tests.
//!
//! The tests stand in `tests/`, a file for each subject. They know nothing of the inside of any crate: they start the real
//! `kindling` and `demo-web` binaries, drive real browsers against the built npm package, and look at what comes out.
//! `cargo xtask test` builds all of that and says where it is.
//!
//! | module | what it owns |
//! |---|---|
//! | [`programs`] | finding binaries, the package and the browsers |
//! | [`process`] | a child process that ends with its owner |
//! | [`processes`] | processes that such a child has started |
//! | [`server`] | a Kindling server with a folder of its own |
//! | [`api`] | requests to it, and what the answers must look like |
//! | [`raw`] | requests byte by byte |
//! | [`visitor`] | making flushes, as an SDK would |
//! | [`tokens`] | JWTs as a site's server would sign them |
//! | [`traffic`] | clients that send again what was not answered, and what a server must have of them |
//! | [`faults`] | a disk that fails on command |
//! | [`gate`] | an address that stays while the server behind it goes and comes |
//! | [`project`] | a customer's project: the packed package installed, and an app that is built |
//! | [`site`] | the demo shop, and pages that a test makes itself |
//! | [`browser`] | a headless browser |
//! | [`engine`] | which browser that is |
//! | [`emulation`] | what it pretends to be: a phone, a dark system, hands on a keyboard |
//! | [`stage`] | a page with the SDK in a browser, whose server is behind a gate |
//! | [`steps`] | events with a number, to see that each arrived once |
//! | [`shown`] | in-app messages as a page shows them |
//! | [`scenes`] | what is played in more than one browser |
//! | [`wait`] | waiting for something with a bound |

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on has failed")]
#![allow(clippy::print_stderr, reason = "shown with the output of a test that failed")]

pub mod api;
pub mod browser;
pub mod emulation;
pub mod engine;
pub mod faults;
pub mod gate;
pub mod process;
pub mod processes;
pub mod programs;
pub mod project;
pub mod raw;
pub mod scenes;
pub mod server;
pub mod shown;
pub mod site;
pub mod stage;
pub mod steps;
pub mod tokens;
pub mod traffic;
pub mod visitor;
pub mod wait;
