//! `bench-reports`: what counting for campaigns' reports costs a record.
//!
//! One run prints ratios: applying an event where there are no campaigns, where fifty have it as their conversion and nobody has seen any,
//! and where each user has seen five of them, with and without tests of its properties. Users convert once, so that most events find
//! that there is nothing to count; that is what most do.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is the program's output")]

use std::{collections::BTreeMap, fs, path::PathBuf, sync::Arc, time::Instant};

use anyhow::Context as _;
use bytes::Bytes;
use clap::Parser;
use ingest_server::{
    campaign::Campaign,
    catalog::{CampaignEntry, Catalog, Workspace},
    ingest::{Batch, Working, apply, decode},
    settings::Settings,
    store::WorkspaceKey,
};
use kindling_core::{
    ids::{CampaignId, WorkspaceId},
    time::Timestamp,
    value::Value,
};

/// What counting for campaigns' reports costs.
#[derive(Debug, Parser)]
struct Cli {
    /// Write the figures to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Rounds of applying; the middle one counts.
    #[arg(long, default_value_t = 9)]
    rounds: usize,
}

/// The server's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USERS: u64 = 1_000;
/// Records of a round.
const RECORDS: u64 = 20_000;
const CAMPAIGNS: usize = 50;
/// Campaigns that a user has seen, in the subjects in which they have seen any.
const SEEN: usize = 5;
const NOW: i64 = 1_763_917_561_000;

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let plain = r#"[{"id":"done","type":"custom_event","name":"event","within":"3d"}]"#;
    let tested =
        r#"[{"id":"done","type":"custom_event","name":"event","where":[{"property":"n","at_least":0}],"within":"3d"}]"#;
    let subjects = [
        ("no campaign", Subject::new(0, plain, 0)?),
        ("50 campaigns, none seen", Subject::new(CAMPAIGNS, plain, 0)?),
        ("50 campaigns, 5 seen", Subject::new(CAMPAIGNS, plain, SEEN)?),
        ("50 with a test, none seen", Subject::new(CAMPAIGNS, tested, 0)?),
        ("50 with a test, 5 seen", Subject::new(CAMPAIGNS, tested, SEEN)?),
    ];
    let mut times: Vec<Vec<f64>> = subjects.iter().map(|_| Vec::new()).collect();
    // In turns, so that a noisy machine is noisy for all of them.
    for _ in 0..cli.rounds {
        for ((_, subject), times) in subjects.iter().zip(&mut times) {
            times.push(subject.run()?);
        }
    }
    println!(
        "a flush of one event, decoded and applied, in microseconds ({USERS} users, middle of {} rounds)",
        cli.rounds
    );
    println!("{:>28}{:>10}{:>10}", "", "cost", "ratio");
    let mut figures = BTreeMap::new();
    let mut first = None;
    for ((name, _), times) in subjects.iter().zip(&mut times) {
        times.sort_by(f64::total_cmp);
        let cost = times.get(times.len() / 2).copied().unwrap_or(f64::NAN);
        let ratio = cost / *first.get_or_insert(cost);
        println!("{name:>28}{cost:>10.2}{ratio:>10.2}");
        figures.insert((*name).to_owned(), cost);
        figures.insert(format!("ratio: {name}"), ratio);
    }
    if let Some(path) = &cli.json {
        fs::write(path, serde_json::to_string_pretty(&figures)?)?;
    }
    Ok(())
}

struct Subject {
    catalog: Catalog,
    /// The first flush of every user, and then those that are timed.
    first: Vec<Batch>,
    timed: Vec<(Bytes, Timestamp)>,
}

impl Subject {
    fn new(count: usize, conversions: &str, seen: usize) -> anyhow::Result<Self> {
        let mut campaigns =
            (0..count).map(|number| campaign(number, conversions)).collect::<anyhow::Result<Vec<_>>>()?;
        campaigns.sort_by(|a, b| a.id.cmp(&b.id));
        let name = (WorkspaceKey(1), WorkspaceId::parse("bench")?, String::new());
        let mut catalog = Catalog::default();
        catalog.insert(
            Workspace::new(name, 1, Vec::new(), campaigns, Settings::default()),
            vec!["pk".to_owned()],
            Vec::new(),
        );
        let flush = |number: u64| flush(number, if number < USERS { seen } else { 0 });
        let decoded = |number| {
            let (body, at) = flush(number)?;
            decode(body, &catalog, at).context("the bench's own flush")
        };
        let first = (0..USERS).map(decoded).collect::<anyhow::Result<_>>()?;
        let timed = (USERS..USERS + RECORDS).map(flush).collect::<anyhow::Result<_>>()?;
        Ok(Self { first, timed, catalog })
    }

    /// Microseconds of a flush.
    fn run(&self) -> anyhow::Result<f64> {
        let mut working = Working::default();
        for batch in &self.first {
            apply(&mut working, batch);
        }
        let started = Instant::now();
        for (body, at) in &self.timed {
            let batch = decode(body.clone(), &self.catalog, *at).context("the bench's own flush")?;
            let answer = apply(&mut working, &batch);
            anyhow::ensure!(answer.rejected.is_empty(), "a record was rejected");
            // As the store does.
            working.log.clear();
            working.touched.clear();
        }
        let us = started.elapsed().as_secs_f64() * 1e6;
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        Ok(us / RECORDS as f64)
    }
}

fn campaign(number: usize, conversions: &str) -> anyhow::Result<CampaignEntry> {
    let json = format!(
        r#"{{"channel":"in_app","trigger":{{"type":"session_start"}},"message":{{"type":"modal","body":"B"}},
            "conversions":{conversions}}}"#
    );
    let definition: Value = serde_json::from_str(&json)?;
    let id = CampaignId::parse(format!("campaign-{number}"))?;
    let campaign = Campaign::parse(id.clone(), &definition)?;
    Ok(CampaignEntry { id, campaign, definition, digest: [0; 32], losses: Arc::default() })
}

/// A flush of one event, or of so many impressions.
fn flush(number: u64, seen: usize) -> anyhow::Result<(Bytes, Timestamp)> {
    let (user, mut seq) = (number % USERS, number / USERS * 10);
    let at = NOW + i64::try_from(number)? * 1_000;
    let mut records: Vec<String> = Vec::new();
    for place in 0..seen.max(1) {
        seq += 1;
        let record = if seen == 0 {
            format!(r#""type":"custom_event","name":"event","properties":{{"n":{number},"page":"/products/{user}"}}"#)
        } else {
            format!(r#""type":"message_impression","message":"campaign-{}""#, (number as usize + place * 7) % CAMPAIGNS)
        };
        records.push(format!(r#"{{"seq":{seq},"at":{at},{record}}}"#));
    }
    let body = format!(
        r#"{{"key":"pk","sdk":"bench","device":"10000000-0000-4000-8000-{user:012x}",
            "stream":"20000000-0000-4000-8000-{user:012x}","identity":{{"external_id":"user-{user}"}},"sent_at":{at},
            "records":[{}]}}"#,
        records.join(",")
    );
    Ok((Bytes::from(body), Timestamp::from_ms(at)))
}
