//! The properties of a batch's records, which are read only when somebody asks for them.

use std::collections::HashMap;

use kindling_core::{ids::Seq, value::Object};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Batch;

/// The properties of a batch's records. They are read from its body when somebody asks for the first of them, and not at all if nobody
/// does.
#[derive(Debug)]
pub struct Properties<'b> {
    batch: &'b Batch,
    read: Option<HashMap<Seq, Object>>,
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

impl<'b> Properties<'b> {
    /// Those of this batch.
    pub const fn of(batch: &'b Batch) -> Self {
        Self { batch, read: None }
    }

    /// Those of the record at that place in its stream.
    pub fn at(&mut self, seq: Seq) -> Option<&Object> {
        let read = self.read.get_or_insert_with(|| {
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
        read.get(&seq)
    }
}
