//! `bench-ingest`: what the durable write path costs, as a share of a handler that does nothing.
//!
//! One run measures, side by side and with the same client and the same bodies: a bare axum handler that reads the body and
//! answers a constant; the same with decoding; and the whole server with 10 and with 1,000 live segments. Rounds take turns, so
//! that a noisy machine is noisy for all of them; the middle round counts.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is the program's output")]

mod bodies;
mod load;
mod report;
mod subject;

use std::{path::PathBuf, time::Duration};

use clap::{Parser, Subcommand};

use load::Until;
use report::Report;
use subject::{Ending, Kind, Subject};

/// What the durable write path costs, as a share of a handler that does nothing.
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// Write the figures to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Rounds of each subject.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds of a round.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Connections that send at the same time.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Users whose records are sent.
    #[arg(long, default_value_t = 100_000)]
    users: u64,
    /// Measure only these.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// The server.
    #[arg(long, env = "KINDLING_BIN", default_value = "target/release/kindling")]
    server: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Be one of the simple servers.
    #[command(hide = true)]
    Serve {
        #[arg(value_enum)]
        kind: subject::Simple,
    },
}

/// The server's allocator, so that the simple servers have no worse one.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match cli.command {
        Some(Command::Serve { kind }) => runtime.block_on(subject::serve(kind)),
        None => runtime.block_on(measure(&cli)),
    }
}

async fn measure(cli: &Cli) -> anyhow::Result<()> {
    let mut report = Report::default();
    let mut subjects = Vec::new();
    let (connections, users) = (cli.connections, cli.users);
    for kind in Kind::ALL.into_iter().filter(|kind| cli.only.is_empty() || cli.only.contains(&kind.name())) {
        let mut subject = Subject::start(kind, &cli.server).await?;
        // Each user is heard of once before anything is measured: files grow, caches fill.
        let warm_up = load::Plan { connections, users, until: Until::Sent(users) };
        subject.load(&warm_up).await?;
        subjects.push(subject);
    }
    let plan = load::Plan { connections, users, until: Until::Elapsed(Duration::from_secs(cli.seconds)) };
    for round in 1..=cli.rounds {
        for subject in &mut subjects {
            let measured = subject.load(&plan).await?;
            eprintln!(
                "round {round} {:>10}: {:>8.0} requests/s",
                subject.kind().name(),
                measured.requests_per_second()
            );
            report.add(subject.kind(), measured);
        }
    }
    for mut subject in subjects {
        let peak = subject.peak_rss_mib();
        report.set_peak(subject.kind(), peak);
        if subject.kind() == Kind::Full(10) {
            let after_crash = subject.restart(&cli.server, Ending::AtOnce).await?;
            let after_stop = subject.restart(&cli.server, Ending::InOrder).await?;
            report.set_starts(after_crash, after_stop);
        }
        subject.stop().await?;
    }
    report.print();
    if let Some(path) = &cli.json {
        std::fs::write(path, serde_json::to_string_pretty(&report.figures())?)?;
    }
    Ok(())
}
