//! `bench-segments`: what live segments cost.
//!
//! One run prints ratios: applying a record with 10, 100, 1,000 and 10,000 live segments, when it touches the same few of them and
//! when all of them look at the same events; asking all stored users what a new segment wants to know, against plainly reading
//! the same rows; a timer of every user that is due at once; and the memory of all that.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is the program's output")]

mod change;
mod crowd;

use std::{collections::BTreeMap, fs, path::PathBuf};

use clap::Parser;

/// What live segments cost.
#[derive(Debug, Parser)]
struct Cli {
    /// Write the figures to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Stored users.
    #[arg(long, default_value_t = 1_000_000)]
    users: u64,
    /// Rounds of applying; the middle one counts.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

/// The server's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Figures by name, in the order of names.
type Figures = BTreeMap<String, f64>;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let mut figures = Figures::new();
    change::measure(cli.rounds, &mut figures)?;
    crowd::measure(cli.users, &mut figures).await?;
    if let Some(path) = &cli.json {
        fs::write(path, serde_json::to_string_pretty(&figures)?)?;
    }
    Ok(())
}
