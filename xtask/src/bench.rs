//! Benchmarks: programs that print ratios. They are built for release, and have the machine to themselves.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::cargo;
use crate::process;
use crate::progress;
use crate::project::Project;

#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The durable write path, as a share of a handler that only reads the body
    Ingest(IngestOptions),
    /// Live segments: a record with many of them, asking all users, timers, memory
    Segments(SegmentsOptions),
}

#[derive(Debug, Args)]
struct SegmentsOptions {
    /// Write the figures to this file, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Stored users
    #[arg(long, default_value_t = 1_000_000)]
    users: u64,
}

#[derive(Debug, Args)]
struct IngestOptions {
    /// Write the figures to this file, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Rounds of each subject; the middle one counts
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Seconds of a round
    #[arg(long, default_value_t = 5)]
    seconds: u32,
    /// Users whose records are sent
    #[arg(long, default_value_t = 100_000)]
    users: u64,
}

/// Builds and runs a benchmark.
pub(crate) fn run(project: &Project, options: &Options) -> Result<ExitCode> {
    let mut build = cargo::command(project);
    build.args([
        "build",
        "--locked",
        "--release",
        "--bins",
        "--package",
        "ingest-server",
        "--package",
        "kindling-bench",
    ]);
    let artifacts = progress::timed("building for release", || cargo::build("the build for release", &mut build))?;
    let extension = std::env::consts::EXE_EXTENSION;
    let (name, json) = match &options.what {
        What::Ingest(ingest) => ("bench-ingest", &ingest.json),
        What::Segments(segments) => ("bench-segments", &segments.json),
    };
    let mut bench = Command::new(cargo::artifact(&artifacts, name, extension)?);
    match &options.what {
        What::Ingest(ingest) => {
            bench.arg("--server").arg(cargo::artifact(&artifacts, "kindling", extension)?);
            bench.args(["--rounds", &ingest.rounds.to_string(), "--seconds", &ingest.seconds.to_string()]);
            bench.args(["--users", &ingest.users.to_string()]);
        }
        What::Segments(segments) => drop(bench.args(["--users", &segments.users.to_string()])),
    }
    if let Some(path) = json {
        bench.arg("--json").arg(path);
    }
    process::run(name, &mut bench)?;
    Ok(ExitCode::SUCCESS)
}
