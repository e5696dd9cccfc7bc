//! Benchmarks: programs that print ratios. They are built for release, and have the machine to themselves.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use tempfile::TempDir;

use crate::bench_sdk;
use crate::browser;
use crate::cargo;
use crate::process;
use crate::progress;
use crate::project::Project;
use crate::wasm;

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
    /// What a thousand campaigns cost a flush
    Messages(MessagesOptions),
    /// Counting for campaigns' reports: an event with none and with many of them
    Reports(ReportsOptions),
    /// The SDK in a browser, beside its open-source peers: size, start, cost of a call, what is sent
    Sdk(SdkOptions),
}

impl What {
    /// The program that measures.
    const fn program(&self) -> &'static str {
        match self {
            Self::Ingest(_) => "bench-ingest",
            Self::Segments(_) => "bench-segments",
            Self::Messages(_) => "bench-messages",
            Self::Reports(_) => "bench-reports",
            Self::Sdk(_) => "bench-sdk",
        }
    }

    /// What is built: packages, and the programs of them.
    const fn builds(&self) -> &'static [&'static str] {
        match self {
            Self::Ingest(_) => &[
                "--package",
                "ingest-server",
                "--bin",
                "kindling",
                "--package",
                "kindling-bench",
                "--bin",
                "bench-ingest",
            ],
            Self::Segments(_) => &["--package", "kindling-bench", "--bin", "bench-segments"],
            Self::Messages(_) => &["--package", "kindling-bench", "--bin", "bench-messages"],
            Self::Reports(_) => &["--package", "kindling-bench", "--bin", "bench-reports"],
            Self::Sdk(_) => &["--package", "kindling-bench-sdk", "--bin", "bench-sdk"],
        }
    }

    const fn json(&self) -> Option<&PathBuf> {
        match self {
            Self::Ingest(IngestOptions { json, .. })
            | Self::Segments(SegmentsOptions { json, .. })
            | Self::Messages(MessagesOptions { json, .. })
            | Self::Reports(ReportsOptions { json })
            | Self::Sdk(SdkOptions { json, .. }) => json.as_ref(),
        }
    }
}

#[derive(Debug, Args)]
struct SdkOptions {
    /// Write the figures to this file, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Rounds of each SDK; the middle one counts
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Measure only these peers (posthog, segment …) beside it
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
}

#[derive(Debug, Args)]
struct MessagesOptions {
    /// Write the figures to this file, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Active campaigns
    #[arg(long, default_value_t = 1_000)]
    campaigns: usize,
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
struct ReportsOptions {
    /// Write the figures to this file, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
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
pub(crate) fn run(project: &Project, choice: wasm::Choice, options: &Options) -> Result<ExitCode> {
    let what = &options.what;
    let mut build = cargo::command(project);
    build.args(["build", "--locked", "--release"]).args(what.builds());
    let artifacts = progress::timed("building for release", || cargo::build("the build for release", &mut build))?;
    let extension = std::env::consts::EXE_EXTENSION;
    let name = what.program();
    let mut bench = Command::new(cargo::artifact(&artifacts, name, extension)?);
    let mut scratch = None;
    match what {
        What::Ingest(ingest) => {
            bench.arg("--server").arg(cargo::artifact(&artifacts, "kindling", extension)?);
            bench.args(["--rounds", &ingest.rounds.to_string(), "--seconds", &ingest.seconds.to_string()]);
            bench.args(["--users", &ingest.users.to_string()]);
        }
        What::Segments(segments) => drop(bench.args(["--users", &segments.users.to_string()])),
        What::Messages(messages) => drop(bench.args(["--campaigns", &messages.campaigns.to_string()])),
        What::Reports(_) => {}
        What::Sdk(sdk) => {
            let prepared = bench_sdk::prepare(project, choice, &sdk.only)?;
            bench.arg("--subjects").arg(prepared.subjects).arg("--scratch").arg(prepared.scratch.path());
            scratch = Some(prepared.scratch);
            bench.arg("--chrome").arg(browser::chromium(project)?.program);
            bench.args(["--rounds", &sdk.rounds.to_string()]);
        }
    }
    if let Some(path) = what.json() {
        bench.arg("--json").arg(path);
    }
    let ended = process::run(name, &mut bench);
    // Also after an interrupt, which leaves it no time for that.
    let cleared = scratch.map_or(Ok(()), TempDir::close);
    ended.and(cleared.context("the browsers' folder stays behind")).map(|()| ExitCode::SUCCESS)
}
