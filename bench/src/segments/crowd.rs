//! What a million stored users cost: asking them all, timers that are due at once, memory.

use std::{fs, sync::Arc, time::Instant};

use anyhow::Context as _;
use bytes::Bytes;
use ingest_server::{
    catalog::Catalog,
    ingest::{Batch, decode},
    store::{AskStep, SqliteStore, Store, StoreError, StoreOptions, WorkspaceKey},
};
use kindling_core::{
    ids::{SegmentId, WorkspaceId},
    time::Timestamp,
};

use crate::Figures;

const SEGMENTS: usize = 1_000;
const GROUP: u64 = 256;
const NOW: i64 = 1_763_917_561_000;
const DAY: i64 = 86_400_000;

pub(crate) async fn measure(users: u64, figures: &mut Figures) -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let store = SqliteStore::open(directory.path(), &StoreOptions::default())?;
    let workspace = store.put_workspace(WorkspaceId::parse("bench")?, String::new()).await?;
    store.put_sdk_key(workspace, "pk".to_owned()).await?;
    for number in 0..SEGMENTS {
        put(&store, workspace, &format!("s{number}"), &filter(number)).await?;
    }
    let catalog = Arc::new(store.load_catalog().await?);
    // Nobody is there to be asked.
    while !store.backfill_of(workspace).await?.is_done() {
        store.backfill(Arc::clone(&catalog), Timestamp::from_ms(NOW), 1).await?;
    }

    println!("\n{users} users of about 1 KB, {SEGMENTS} segments");
    let started = Instant::now();
    let mut first = 0;
    while first < users {
        let group = (first..users.min(first + GROUP)).map(|user| flush(user, &catalog)).collect::<Result<_, _>>()?;
        store.ingest(group).await?;
        first += GROUP;
    }
    report(figures, "ingested_users_per_s", count(users) / started.elapsed().as_secs_f64());
    let sizes = store.segment_sizes(workspace).await?;
    report(figures, "memberships", count(sizes.values().sum()));
    report(figures, "rss_mib", resident_mib()?);
    // Everything is written down, so that reading has the same rows before it.
    store.close().await?;

    let plain = plain_reading(directory.path(), users)?;
    report(figures, "plain_rows_per_s", plain);
    put(
        &store,
        workspace,
        "new",
        r#"{"all":[{"event":"event_3","count":{"at_least":2}},{"custom_attribute":"plan","is":"p7"}]}"#,
    )
    .await?;
    let catalog = Arc::new(store.load_catalog().await?);
    let started = Instant::now();
    let mut longest = 0.0_f64;
    let mut idle = 0;
    while !store.backfill_of(workspace).await?.is_done() {
        let step = Instant::now();
        let asked = store.backfill(Arc::clone(&catalog), Timestamp::from_ms(NOW), 1_000).await?;
        longest = longest.max(step.elapsed().as_secs_f64() * 1e3);
        idle += usize::from(asked == AskStep::Waiting);
        anyhow::ensure!(idle < 1_000, "asking all users does not end");
    }
    let rows = count(users) / started.elapsed().as_secs_f64();
    report(figures, "backfill_s", started.elapsed().as_secs_f64());
    report(figures, "backfill_rows_per_s", rows);
    report(figures, "backfill_share_of_scan", rows / plain);
    report(figures, "backfill_longest_step_ms", longest);

    // In a month every window has ended.
    let later = Timestamp::from_ms(NOW + 40 * DAY);
    let started = Instant::now();
    let (mut fired, mut waits, mut longest) = (0, 0, 0.0_f64);
    loop {
        let step = Instant::now();
        let due = match store.fire_timers(Arc::clone(&catalog), later, 200).await {
            // It waits for what has been found to be written down. So does whoever works off timers.
            Err(StoreError::Behind) => {
                waits += 1;
                anyhow::ensure!(waits < 10_000, "nothing is written down");
                continue;
            }
            due => due?,
        };
        longest = longest.max(step.elapsed().as_secs_f64() * 1e3);
        if due == 0 {
            break;
        }
        fired += due as u64;
    }
    report(figures, "timers", count(fired));
    report(figures, "timers_per_s", count(fired) / started.elapsed().as_secs_f64());
    report(figures, "timers_longest_step_ms", longest);
    report(figures, "rss_end_mib", resident_mib()?);
    store.close().await?;
    Ok(())
}

fn report(figures: &mut Figures, name: &str, figure: f64) {
    println!("{name:>26}: {figure:.2}");
    figures.insert(name.to_owned(), figure);
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
const fn count(number: u64) -> f64 {
    number as f64
}

async fn put(store: &SqliteStore, workspace: WorkspaceKey, id: &str, filter: &str) -> anyhow::Result<()> {
    let filter = serde_json::from_str(filter)?;
    Ok(store.put_segment(workspace, SegmentId::parse(id)?, id.to_owned(), filter).await?)
}

/// Most people are in few of many segments.
fn filter(number: usize) -> String {
    match number % 4 {
        0 => format!(r#"{{"custom_attribute":"plan","is":"p{}"}}"#, number / 4),
        1 => format!(
            r#"{{"all":[{{"event":"event_{}"}},{{"attribute":"country","is":"AT"}},{{"random_bucket":[{number},{number}]}}]}}"#,
            number % 8
        ),
        2 => format!(
            r#"{{"all":[{{"event":"event_{}","within":"{}d"}},{{"custom_attribute":"plan","is":"p{}"}}]}}"#,
            number % 8,
            1 + number % 30,
            number / 4
        ),
        _ => format!(r#"{{"event":"event_{}","count":{{"at_least":{}}}}}"#, number % 8, 50 + number),
    }
}

/// What a user did: twenty events and a few attributes.
fn flush(user: u64, catalog: &Catalog) -> anyhow::Result<Batch> {
    let mut records = vec![
        format!(r#"{{"seq":1,"at":{NOW},"type":"attribute","name":"email","value":"somebody-{user}@mail.example"}}"#),
        format!(
            r#"{{"seq":2,"at":{NOW},"type":"attribute","name":"country","value":"{}"}}"#,
            ["AT", "DE", "CH"][usize::try_from(user % 3)?]
        ),
        format!(
            r#"{{"seq":3,"at":{NOW},"type":"custom_attribute","name":"plan","op":"set","value":"p{}"}}"#,
            user % 250
        ),
        format!(
            r#"{{"seq":4,"at":{NOW},"type":"custom_attribute","name":"note","op":"set","value":"{}"}}"#,
            "what somebody wrote ".repeat(15)
        ),
    ];
    for seq in 5..25_i64 {
        let at = NOW - (25 - seq) * 7_000_000;
        records.push(format!(r#"{{"seq":{seq},"at":{at},"type":"custom_event","name":"event_{}"}}"#, seq % 8));
    }
    let body = format!(
        r#"{{"key":"pk","sdk":"bench","device":"10000000-0000-4000-8000-{user:012x}",
            "stream":"20000000-0000-4000-8000-{user:012x}","identity":{{"external_id":"user-{user}"}},"sent_at":{NOW},
            "records":[{}]}}"#,
        records.join(",")
    );
    decode(Bytes::from(body), catalog, Timestamp::from_ms(NOW)).context("the bench's own flush")
}

/// Rows per second when the rows that a back-fill needs are read, and nothing is done with them.
fn plain_reading(directory: &std::path::Path, users: u64) -> anyhow::Result<f64> {
    let profiles = rusqlite::Connection::open(directory.join("profiles.db"))?;
    let started = Instant::now();
    let mut statement =
        profiles.prepare("SELECT id, external_id, profile, devices, memberships FROM users ORDER BY id")?;
    let mut rows = statement.query([])?;
    let (mut read, mut bytes) = (0, 0);
    while let Some(row) = rows.next()? {
        bytes += row.get_ref(2)?.as_bytes().map_or(0, <[u8]>::len);
        read += 1;
    }
    anyhow::ensure!(read == users, "{read} users are stored, not {users}");
    println!("{:>26}: {}", "bytes of a profile", bytes / usize::try_from(users)?);
    Ok(count(users) / started.elapsed().as_secs_f64())
}

fn resident_mib() -> anyhow::Result<f64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib / 1024.0)
}
