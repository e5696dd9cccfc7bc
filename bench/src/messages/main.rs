//! `bench-messages`: what campaigns cost a flush.
//!
//! One run prints ratios: the whole of a flush in the engine (decoding, applying, selecting messages) with 1,000 active campaigns
//! against none, for the first flush of a user and for those after it. Rounds take turns; the middle one counts.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is the program's output")]

use std::{collections::BTreeMap, fs, path::PathBuf, sync::Arc, time::Instant};

use anyhow::Context as _;
use bytes::Bytes;
use clap::Parser;
use ingest_server::{
    campaign::Campaign,
    catalog::{CampaignEntry, Catalog, Segment, Workspace},
    ingest::{Working, apply, decode},
    segments::Here,
    settings::Settings,
    store::WorkspaceKey,
};
use kindling_core::{
    ids::{CampaignId, SegmentId, WorkspaceId},
    segment::Filter,
    time::Timestamp,
};
use serde_json::json;

/// What campaigns cost a flush.
#[derive(Debug, Parser)]
struct Cli {
    /// Write the figures to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Active campaigns.
    #[arg(long, default_value_t = 1_000)]
    campaigns: usize,
    /// Rounds; the middle one counts.
    #[arg(long, default_value_t = 9)]
    rounds: usize,
}

/// The server's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USERS: u64 = 1_000;
/// Flushes of each user after the first.
const FLUSHES: u64 = 10;
/// Records of a flush.
const RECORDS: u64 = 20;
const START: u64 = 1_763_917_561_000;

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let catalogs = [catalog(0)?, catalog(cli.campaigns)?];
    let mut rounds: [Vec<(f64, f64)>; 2] = [Vec::new(), Vec::new()];
    for _ in 0..cli.rounds {
        for (catalog, rounds) in catalogs.iter().zip(&mut rounds) {
            rounds.push(round(catalog)?);
        }
    }
    let mut figures = BTreeMap::new();
    for (name, is_first) in [("first", true), ("next", false)] {
        let part = |(first, next): &(f64, f64)| if is_first { *first } else { *next };
        let [none, all] = rounds.each_ref().map(|rounds| middle(rounds.iter().map(part).collect()));
        println!("{name} flush of a user: {none:.1} us without campaigns, {all:.1} us with {}", cli.campaigns);
        println!("ratio_{name}: {:.3}", all / none);
        figures.insert(format!("ratio_{name}"), all / none);
    }
    if let Some(path) = &cli.json {
        fs::write(path, serde_json::to_string_pretty(&figures)?)?;
    }
    Ok(())
}

fn middle(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Microseconds of a user's first flush and of each that follows, for devices that hold what the answers bring.
fn round(catalog: &Catalog) -> anyhow::Result<(f64, f64)> {
    let mut working = Working::default();
    let mut versions = vec![String::new(); usize::try_from(USERS)?];
    let (mut first, mut next) = (0.0, 0.0);
    for flush in 0..=FLUSHES {
        let now = START + flush * 10_000;
        for (user, version) in (0..).zip(&mut versions) {
            let body = Bytes::from(body(user, flush, version, now));
            let started = Instant::now();
            let batch = decode(body, catalog, Timestamp::from_ms(now.cast_signed()))?;
            let answer = apply(&mut working, &batch);
            let us = started.elapsed().as_secs_f64() * 1e6;
            *(if flush == 0 { &mut first } else { &mut next }) += us;
            if let Some(set) = answer.messages {
                *version = set.version;
            }
            // As the store does.
            working.log.clear();
            working.touched.clear();
            working.changes.clear();
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let of_each = |us: f64, flushes: u64| us / flushes as f64;
    Ok((of_each(first, USERS), of_each(next, USERS * FLUSHES)))
}

fn body(user: u64, flush: u64, version: &str, now: u64) -> String {
    let record = |number: u64| {
        let name =
            ["viewed_product", "added_to_basket", "searched", "opened_page"][usize::try_from(number % 4).unwrap_or(0)];
        json!({
            "seq": flush * RECORDS + number + 1, "at": now - 1_000 + number, "type": "custom_event", "name": name,
            "properties": {"product": format!("mug-{number}"), "price": 12.5, "page": "/goods/mugs?sort=new"},
        })
    };
    let id = |kind: u64| format!("{kind}0000000-0000-4000-8000-{user:012x}");
    json!({
        "key": "pk", "sdk": "web/0.1.0", "device": id(1), "stream": id(2), "identity": {"anonymous_id": id(3)},
        "sent_at": now, "messages": version, "records": (0..RECORDS).map(record).collect::<Vec<_>>(),
    })
    .to_string()
}

/// A workspace with ten segments and so many campaigns: a tenth for everybody, the rest for segments, of which users are in a few.
fn catalog(campaigns: usize) -> anyhow::Result<Catalog> {
    let segments = (0..10).map(segment).collect::<anyhow::Result<Vec<_>>>()?;
    let campaigns = (0..campaigns).map(campaign).collect::<anyhow::Result<Vec<_>>>()?;
    let name = (WorkspaceKey(1), WorkspaceId::parse("bench")?, String::new());
    let mut catalog = Catalog::default();
    catalog.insert(
        Workspace::new(name, 1, segments, campaigns, Settings::default()),
        vec!["pk".to_owned()],
        Vec::new(),
    );
    Ok(catalog)
}

fn segment(number: usize) -> anyhow::Result<Segment> {
    let event = ["viewed_product", "searched"].get(number).map_or(format!("never_{number}"), |name| (*name).to_owned());
    let definition = serde_json::from_value(json!({"event": event, "count": {"at_least": 3}}))?;
    Ok(Segment {
        id: SegmentId::parse(format!("segment-{number}"))?,
        name: String::new(),
        filter: Filter::parse(&definition, &Here).context("a filter")?,
        definition,
        changed_in: 1,
        awaits_counters: false,
    })
}

fn campaign(number: usize) -> anyhow::Result<CampaignEntry> {
    let id = CampaignId::parse(format!("campaign-{number:04}"))?;
    let mut definition = json!({
        "channel": "in_app", "priority": number % 7, "trigger": {"type": "custom_event", "name": "checkout_started"},
        "message": {"type": "slide_up", "header": "Free shipping", "body": "Two more and we send them for free."},
    });
    if !number.is_multiple_of(10) {
        definition["segment"] = json!(format!("segment-{}", number % 10));
    }
    let definition = serde_json::from_value(definition)?;
    let campaign = Campaign::parse(id.clone(), &definition).context("a campaign")?;
    let digest = [u8::try_from(number % 251)?; 32];
    Ok(CampaignEntry { id, campaign, definition, digest, losses: Arc::default() })
}
