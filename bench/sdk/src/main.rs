//! `bench-sdk`: what the SDK costs a page, beside its open-source peers.
//!
//! One run measures all of them in the same headless browser, each in a profile that has never been anywhere, against a server that
//! answers all of them at once: what a page loads, how long it takes until the SDK is ready, what a tracked event costs the main
//! thread, and what is sent for a thousand of them. Rounds take turns, so that a noisy machine is noisy for all; the middle round
//! counts. `cargo xtask bench sdk` installs and bundles what is measured.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is the program's output")]

mod answers;
mod arrivals;
mod browser;
mod measure;
mod report;
mod stub;
mod subjects;

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use clap::Parser;

use measure::{Omitted, Place, Round};
use report::{Figures, Report};
use subjects::{KINDLING, Prepared};

/// After this time nothing is measured that has been measured once.
const LIMIT: Duration = Duration::from_secs(7 * 60);

/// What the SDK costs a page, beside its open-source peers.
#[derive(Debug, Parser)]
struct Cli {
    /// Write the figures to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Rounds of each subject.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// What is measured, as it was prepared.
    #[arg(long, value_name = "FILE")]
    subjects: PathBuf,
    /// The browser.
    #[arg(long, env = "KINDLING_CHROME", default_value = "chromium")]
    chrome: PathBuf,
    /// Where the browsers' profiles are, while they run. What is in there is removed.
    #[arg(long, value_name = "DIR")]
    scratch: PathBuf,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let prepared = Prepared::read(&cli.subjects)?;
    measure::prepare(&cli.scratch)?;
    let place = Place { chrome: cli.chrome.clone(), scratch: cli.scratch.clone() };
    let began = Instant::now();
    let mut report = Report::default();
    prepared.missing.iter().for_each(|(name, why)| report.set_missing(name, why));
    let mut rounds: BTreeMap<&str, Vec<Round>> = BTreeMap::new();
    let mut failed: Vec<&str> = Vec::new();
    for number in 1..=cli.rounds {
        for subject in prepared.subjects.iter().filter(|subject| !subject.only_weighed) {
            let name = subject.name.as_str();
            if failed.contains(&name) {
                continue;
            }
            let done = rounds.get(name).and_then(|rounds| rounds.first());
            if done.is_some() && began.elapsed() >= LIMIT {
                continue;
            }
            let omitted = done.map(Omitted::after).unwrap_or_default();
            match measure::round(&place, subject, omitted).await {
                Ok(round) => {
                    eprintln!("round {number} {name:>14}: {round}");
                    rounds.entry(name).or_default().push(round);
                }
                Err(error) if name == KINDLING => return Err(error),
                Err(error) => {
                    eprintln!("round {number} {name:>14}: {error:#}");
                    // The stack of what a page threw is of no use here.
                    report.set_missing(name, format!("{error:#}").lines().next().unwrap_or_default());
                    failed.push(name);
                }
            }
        }
    }
    for subject in &prepared.subjects {
        let rounds = rounds.get(subject.name.as_str()).map(Vec::as_slice).unwrap_or_default();
        report.add(&subject.name, Figures::of(subject, rounds));
    }
    if let Some(subject) = prepared.subjects.iter().find(|subject| subject.name == KINDLING) {
        report.set_choice(measure::choose(&place, subject).await?);
    }
    print!("{}", report.text());
    if let Some(path) = &cli.json {
        fs::write(path, serde_json::to_string_pretty(&report.figures())?)?;
    }
    Ok(())
}
