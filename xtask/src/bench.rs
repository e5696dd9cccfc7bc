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
    let What::Ingest(ingest) = &options.what;
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
    let mut bench = Command::new(cargo::artifact(&artifacts, "bench-ingest", extension)?);
    bench.arg("--server").arg(cargo::artifact(&artifacts, "kindling", extension)?);
    bench.args(["--rounds", &ingest.rounds.to_string(), "--seconds", &ingest.seconds.to_string()]);
    bench.args(["--users", &ingest.users.to_string()]);
    if let Some(path) = &ingest.json {
        bench.arg("--json").arg(path);
    }
    process::run("bench-ingest", &mut bench)?;
    Ok(ExitCode::SUCCESS)
}
