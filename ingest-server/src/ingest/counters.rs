//! Counting what filters ask for beside what every profile counts: events and purchases with certain properties, or of a certain time.
//!
//! A counter counts the batches that come after it was made as they arrive, and those before it from the record log, once each: the
//! number of the last batch before it says which are which.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use kindling_core::{
    profile::Profile,
    protocol::Record,
    segment::{Tracked, TrackedIndex},
    time::Timestamp,
    value::Checked,
};

use super::Properties;
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

    /// Calls `count` with the number of every counter that counts a record that was taken.
    pub fn each(
        &self,
        record: &Record<Checked>,
        at: Timestamp,
        properties: &mut Properties<'_>,
        mut count: impl FnMut(u64),
    ) {
        for tracked in self.index.of(&record.kind) {
            let asks_for_properties = !tracked.properties.is_empty();
            let properties = if asks_for_properties { properties.at(record.seq) } else { None };
            if tracked.counts(properties, at) {
                count(tracked.id);
            }
        }
    }

    /// Whether that counter was there when the batch of that number arrived.
    pub fn is_before(&self, number: u64, batch: i64) -> bool {
        self.since.get(&number).is_some_and(|since| *since < batch)
    }
}
