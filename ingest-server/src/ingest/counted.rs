//! Counting what filters ask for beside what every profile counts: events and purchases with certain properties.

use std::collections::HashMap;

use kindling_core::{
    ids::Seq,
    profile::Profile,
    protocol::{FlushRequest, Record},
    time::Timestamp,
    value::{Checked, Object},
};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Batch;

/// Counts the records of one batch. Their properties are read from its body when somebody asks for the first of them, and not at
/// all if nobody does.
pub(super) struct Counted<'b> {
    batch: &'b Batch,
    properties: Option<HashMap<Seq, Object>>,
}

#[derive(Deserialize)]
struct WithProperties {
    seq: Seq,
    #[serde(default)]
    properties: Option<Object>,
}

impl<'b> Counted<'b> {
    pub(super) const fn new(batch: &'b Batch) -> Self {
        Self { batch, properties: None }
    }

    /// Counts a record that was taken.
    pub(super) fn count(&mut self, profile: &mut Profile, record: &Record<Checked>, at: Timestamp) {
        for tracked in self.batch.workspace.index.tracked(&record.kind) {
            let asks_for_properties = !tracked.properties.is_empty();
            let properties = if asks_for_properties { self.properties(record.seq) } else { None };
            if tracked.counts(properties, at) {
                profile.track(tracked.id, at);
            }
        }
    }

    fn properties(&mut self, seq: Seq) -> Option<&Object> {
        let properties = self.properties.get_or_insert_with(|| {
            // It was read before, and can be read again, but for what was rejected.
            let request = serde_json::from_slice::<FlushRequest<&RawValue>>(&self.batch.body);
            let records = request.map(|request| request.records).unwrap_or_default();
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
