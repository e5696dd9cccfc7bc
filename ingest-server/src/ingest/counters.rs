//! Counting what filters ask for beside what every profile counts: events and purchases with certain properties, or of a certain time.
//!
//! A counter counts the batches that come after it was made as they arrive, and those before it from the record log, once each: the
//! number of the last batch before it says which are which.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use kindling_core::{
    ids::Seq,
    profile::Profile,
    protocol::Record,
    segment::{Tracked, TrackedIndex},
    time::Timestamp,
    value::{Checked, Object},
};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Batch;
use crate::store::WorkspaceKey;

/// Everything that is counted.
#[derive(Debug, Clone, Default)]
pub struct Counters(HashMap<WorkspaceKey, Arc<WorkspaceCounters>>);

/// What is counted in a workspace.
#[derive(Debug, Clone, Default)]
pub struct WorkspaceCounters {
    index: TrackedIndex,
    /// By number: the last batch of the log before the counter was made.
    since: BTreeMap<u64, i64>,
}

impl Counters {
    /// Counts this as well, from the batch after `since` on.
    pub fn add(&mut self, workspace: WorkspaceKey, tracked: &Arc<Tracked>, since: i64) {
        Arc::make_mut(self.0.entry(workspace).or_default()).add(tracked, since);
    }

    /// No longer counts this.
    pub fn remove(&mut self, workspace: WorkspaceKey, number: u64) {
        if let Some(counters) = self.0.get_mut(&workspace) {
            let counters = Arc::make_mut(counters);
            counters.since.remove(&number);
            counters.index.retain(|id| id != number);
        }
    }

    /// What is counted in a workspace, if there is anything.
    pub fn of(&self, workspace: WorkspaceKey) -> Option<Arc<WorkspaceCounters>> {
        self.0.get(&workspace).cloned()
    }
}

impl WorkspaceCounters {
    /// Counts this as well, from the batch after `since` on.
    pub fn add(&mut self, tracked: &Arc<Tracked>, since: i64) {
        self.since.insert(tracked.id, since);
        self.index.add(tracked);
    }

    /// Whether nothing is counted.
    pub fn is_empty(&self) -> bool {
        self.since.is_empty()
    }

    /// Puts into a profile what was found to be counted, in place of what was counted before.
    pub fn recount(&self, profile: &mut Profile, found: &[(u64, Timestamp)]) {
        profile.retain_tracked(|number| !self.counts(number));
        for (number, at) in found {
            profile.track(*number, *at);
        }
    }

    /// Whether something is counted under that number.
    pub fn counts(&self, number: u64) -> bool {
        self.since.contains_key(&number)
    }

    /// Whether that counter was there when the batch of that number arrived.
    pub fn is_before(&self, number: u64, batch: i64) -> bool {
        self.since.get(&number).is_some_and(|since| *since < batch)
    }
}

/// Counts the records of one batch. Their properties are read from its body when somebody asks for the first of them, and not at
/// all if nobody does.
#[derive(Debug)]
pub struct Counted<'b> {
    batch: &'b Batch,
    counters: &'b WorkspaceCounters,
    properties: Option<HashMap<Seq, Object>>,
}

/// What a flush and a batch of the log have in common.
#[derive(Deserialize)]
struct Body<'b> {
    #[serde(borrow)]
    records: Vec<&'b RawValue>,
}

#[derive(Deserialize)]
struct WithProperties {
    seq: Seq,
    #[serde(default)]
    properties: Option<Object>,
}

impl<'b> Counted<'b> {
    /// Counts those of this batch.
    pub const fn new(batch: &'b Batch, counters: &'b WorkspaceCounters) -> Self {
        Self { batch, counters, properties: None }
    }

    /// Calls `count` with the number of every counter that counts a record that was taken.
    pub fn each(&mut self, record: &Record<Checked>, at: Timestamp, mut count: impl FnMut(u64)) {
        let counters = self.counters;
        for tracked in counters.index.of(&record.kind) {
            let asks_for_properties = !tracked.properties.is_empty();
            let properties = if asks_for_properties { self.properties(record.seq) } else { None };
            if tracked.counts(properties, at) {
                count(tracked.id);
            }
        }
    }

    fn properties(&mut self, seq: Seq) -> Option<&Object> {
        let properties = self.properties.get_or_insert_with(|| {
            // It was read before, and can be read again, but for what was rejected.
            let records =
                serde_json::from_slice(&self.batch.body).map_or_else(|_| Vec::new(), |Body { records }| records);
            let read = |raw: &RawValue| serde_json::from_str::<WithProperties>(raw.get()).ok();
            // Of two with one place the first is taken.
            let mut properties = HashMap::new();
            for WithProperties { seq, properties: found } in records.into_iter().filter_map(read) {
                properties.entry(seq).or_insert(found.unwrap_or_default());
            }
            properties
        });
        properties.get(&seq)
    }
}
