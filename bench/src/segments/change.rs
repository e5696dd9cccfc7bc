//! What applying a record costs with more and more live segments.

use std::time::Instant;

use anyhow::Context as _;
use bytes::Bytes;
use ingest_server::{
    catalog::{Catalog, Segment, Workspace},
    ingest::{Batch, Working, apply, decode},
    segments::Here,
    settings::Settings,
    store::WorkspaceKey,
};
use kindling_core::{
    ids::{SegmentId, WorkspaceId},
    segment::Filter,
    time::Timestamp,
    value::Value,
};

use crate::Figures;

const COUNTS: [usize; 4] = [10, 100, 1_000, 10_000];
const USERS: u64 = 1_000;
/// Records of a round.
const RECORDS: u64 = 20_000;
const NOW: i64 = 1_763_917_561_000;

/// How segments look at what the records say.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// Ten of them look at it, the others at something else.
    Few,
    /// All of them look at it, each with another count, window or value.
    All,
}

pub(crate) fn measure(rounds: usize, figures: &mut Figures) -> anyhow::Result<()> {
    println!("applying a record, in microseconds ({USERS} users, middle of {rounds} rounds of {RECORDS} records)");
    println!("{:>10}{:>22}{:>22}{:>14}", "segments", "ten look at it", "all look at it", "changes");
    let subjects: Vec<(usize, [Subject; 2])> = COUNTS
        .into_iter()
        .map(|count| Ok((count, [Subject::new(count, Kind::Few)?, Subject::new(count, Kind::All)?])))
        .collect::<anyhow::Result<_>>()?;
    let mut times: Vec<[Vec<f64>; 2]> = subjects.iter().map(|_| [Vec::new(), Vec::new()]).collect();
    let mut changes = vec![0.0; subjects.len()];
    // In turns, so that a noisy machine is noisy for all of them.
    for _ in 0..rounds {
        for (place, (_, pair)) in subjects.iter().enumerate() {
            for (kind, subject) in pair.iter().enumerate() {
                let (us, changed) = subject.run()?;
                times[place][kind].push(us);
                changes[place] = changed;
            }
        }
    }
    for (place, (count, _)) in subjects.iter().enumerate() {
        let [few, all] = [0, 1].map(|kind| middle(&mut times[place][kind]));
        println!("{count:>10}{few:>22.2}{all:>22.2}{:>14.3}", changes[place]);
        figures.insert(format!("cost_{count}"), few);
        figures.insert(format!("cost_{count}_all"), all);
    }
    for (name, suffix) in [("ratio_10000_to_10", ""), ("ratio_10000_to_10_all", "_all")] {
        let cost = |count: usize| figures.get(&format!("cost_{count}{suffix}")).copied().unwrap_or(f64::NAN);
        let ratio = cost(10_000) / cost(10);
        println!("{name}: {ratio:.2}");
        figures.insert(name.to_owned(), ratio);
    }
    Ok(())
}

fn middle(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

struct Subject {
    /// The first flush of every user, and then those that are timed.
    first: Vec<Batch>,
    timed: Vec<Batch>,
}

impl Subject {
    fn new(count: usize, kind: Kind) -> anyhow::Result<Self> {
        let segments = (0..count).map(|number| segment(number, kind)).collect::<anyhow::Result<_>>()?;
        let name = (WorkspaceKey(1), WorkspaceId::parse("bench")?, String::new());
        let mut catalog = Catalog::default();
        catalog.insert(
            Workspace::new(name, 1, segments, Vec::new(), Settings::default()),
            vec!["pk".to_owned()],
            Vec::new(),
        );
        let flush = |number: u64| flush(number, &catalog);
        let first = (0..USERS).map(flush).collect::<anyhow::Result<_>>()?;
        let timed = (USERS..USERS + RECORDS).map(flush).collect::<anyhow::Result<_>>()?;
        Ok(Self { first, timed })
    }

    /// Microseconds of a record, and how often one moved somebody into or out of a segment.
    fn run(&self) -> anyhow::Result<(f64, f64)> {
        let mut working = Working::default();
        for batch in &self.first {
            apply(&mut working, batch);
        }
        working.changes.clear();
        let started = Instant::now();
        for batch in &self.timed {
            let answer = apply(&mut working, batch);
            anyhow::ensure!(answer.rejected.is_empty(), "a record was rejected");
            // As the store does.
            working.log.clear();
            working.touched.clear();
        }
        let us = started.elapsed().as_secs_f64() * 1e6;
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let of_each = |number: f64| number / RECORDS as f64;
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        Ok((of_each(us), of_each(working.changes.len() as f64)))
    }
}

fn segment(number: usize, kind: Kind) -> anyhow::Result<Segment> {
    let looks_elsewhere = matches!(kind, Kind::Few) && number >= 10;
    let subject = if looks_elsewhere { format!("other_{number}") } else { format!("event_{}", number % 5) };
    // From rare to frequent, with and without windows; a few on an attribute.
    let n = 1 + number / 5 % 60;
    let filter = match number % 4 {
        0 => format!(r#"{{"event":"{subject}","count":{{"at_least":{}}}}}"#, 1 + number * 7 % 5_000),
        1 => format!(r#"{{"event":"{subject}","count":{{"at_least":{n}}},"within":"{}d"}}"#, 1 + number % 30),
        2 => format!(
            r#"{{"all":[{{"event":"{subject}"}},{{"custom_attribute":"{}","is":{number}}}]}}"#,
            if looks_elsewhere { &subject } else { "level" }
        ),
        _ => format!(
            r#"{{"any":[{{"custom_attribute":"{}","greater":{}}},{{"event":"{subject}","count":{{"at_least":{}}}}}]}}"#,
            if looks_elsewhere { &subject } else { "points" },
            1_000 + number * 13 % 100_000,
            1 + number * 11 % 5_000
        ),
    };
    let definition: Value = serde_json::from_str(&filter)?;
    let filter = Filter::parse(&definition, &Here)?;
    let id = SegmentId::parse(format!("s{number}"))?;
    Ok(Segment { id, name: String::new(), filter, definition, changed_in: 1, awaits_counters: false })
}

/// A flush of one record: mostly events, now and then an attribute.
fn flush(number: u64, catalog: &Catalog) -> anyhow::Result<Batch> {
    let (user, seq) = (number % USERS, number / USERS + 1);
    let at = NOW + i64::try_from(number)? * 1_000;
    let record = match number % 8 {
        6 => format!(r#""type":"custom_attribute","name":"level","op":"set","value":{}"#, number % 50),
        7 => r#""type":"custom_attribute","name":"points","op":"increment","by":3"#.to_owned(),
        event => format!(r#""type":"custom_event","name":"event_{}""#, event % 5),
    };
    let body = format!(
        r#"{{"key":"pk","sdk":"bench","device":"10000000-0000-4000-8000-{user:012x}",
            "stream":"20000000-0000-4000-8000-{user:012x}","identity":{{"external_id":"user-{user}"}},"sent_at":{at},
            "records":[{{"seq":{seq},"at":{at},{record}}}]}}"#
    );
    decode(Bytes::from(body), catalog, Timestamp::from_ms(at)).context("the bench's own flush")
}
