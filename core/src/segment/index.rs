//! From what a record changes to the segments that the change can touch.

use std::collections::{BTreeSet, HashMap};

use super::filter::{AttributeRef, Filter};
use crate::{profile::StandardAttribute, protocol::RecordKind};

/// Which segments look at which part of a profile. Segments are named by their place in the list that built the index.
#[derive(Debug, Clone, Default)]
pub struct SegmentIndex {
    by_event: HashMap<String, Vec<u32>>,
    by_custom_attribute: HashMap<String, Vec<u32>>,
    by_standard_attribute: HashMap<StandardAttribute, Vec<u32>>,
}

/// A part of a profile that a filter can look at.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Part<'a> {
    Event(&'a str),
    Custom(&'a str),
    Standard(StandardAttribute),
}

impl SegmentIndex {
    /// Indexes the filters.
    pub fn new<'a>(filters: impl IntoIterator<Item = &'a Filter>) -> Self {
        let mut index = Self::default();
        for (segment, filter) in (0..).zip(filters) {
            let mut parts = BTreeSet::new();
            collect(filter, &mut parts);
            for part in parts {
                match part {
                    Part::Event(name) => index.by_event.entry(name.to_owned()).or_default(),
                    Part::Custom(name) => index.by_custom_attribute.entry(name.to_owned()).or_default(),
                    Part::Standard(attribute) => index.by_standard_attribute.entry(attribute).or_default(),
                }
                .push(segment);
            }
        }
        index
    }

    /// The segments whose verdict can differ after such a record, in order and each once.
    pub fn touched_by<P>(&self, kind: &RecordKind<P>) -> &[u32] {
        let touched = match kind {
            RecordKind::CustomEvent { name, .. } => self.by_event.get(name),
            RecordKind::CustomAttribute { name, .. } => self.by_custom_attribute.get(name),
            RecordKind::Attribute { name, .. } => self.by_standard_attribute.get(name),
            // No filter looks at what these change.
            _ => None,
        };
        touched.map_or(&[], Vec::as_slice)
    }
}

fn collect<'a>(filter: &'a Filter, parts: &mut BTreeSet<Part<'a>>) {
    match filter {
        Filter::All(inner) | Filter::Any(inner) => inner.iter().for_each(|part| collect(part, parts)),
        Filter::Not(part) => collect(part, parts),
        Filter::Attribute(AttributeRef::Standard(attribute), _) => drop(parts.insert(Part::Standard(*attribute))),
        Filter::Attribute(AttributeRef::Custom(name), _) => drop(parts.insert(Part::Custom(name))),
        Filter::EventCount(count) => drop(parts.insert(Part::Event(&count.event))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{protocol::AttributeChange, value::Value};

    #[test]
    fn only_segments_that_look_at_the_part_are_touched() {
        let parse = |json: &str| Filter::parse(&serde_json::from_str(json).unwrap()).unwrap();
        let filters = [
            parse(r#"{"event":"a"}"#),
            parse(r#"{"all":[{"event":"b"},{"not":{"event":"a","within":"1d"}},{"custom_attribute":"x","is":1}]}"#),
            parse(r#"{"attribute":"email","exists":true}"#),
        ];
        let index = SegmentIndex::new(&filters);
        let event = |name: &str| -> RecordKind { RecordKind::CustomEvent { name: name.into(), properties: None } };
        assert_eq!(index.touched_by(&event("a")), [0, 1]);
        let change = AttributeChange::Set { value: Value::Null };
        assert_eq!(index.touched_by::<()>(&RecordKind::CustomAttribute { name: "x".into(), change }), [1]);
        assert!(index.touched_by(&event("email")).is_empty());
    }
}
