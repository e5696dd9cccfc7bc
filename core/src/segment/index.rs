//! From what a record changed to the segments that the change can touch.

use std::collections::{BTreeMap, BTreeSet};

use super::filter::{AttributeRef, Filter};

/// A part of a profile that a filter can look at, and that a record can change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Touched {
    /// An attribute.
    Attribute(AttributeRef),
    /// The activity of an event.
    Event(String),
}

/// Which segments look at which part of a profile. Segments are named by their place in the list that built the index.
#[derive(Debug, Clone, Default)]
pub struct SegmentIndex {
    by_part: BTreeMap<Touched, Vec<usize>>,
}

impl SegmentIndex {
    /// Indexes the filters.
    pub fn new<'a>(filters: impl IntoIterator<Item = &'a Filter>) -> Self {
        let mut by_part: BTreeMap<Touched, Vec<usize>> = BTreeMap::new();
        for (segment, filter) in filters.into_iter().enumerate() {
            let mut parts = BTreeSet::new();
            collect(filter, &mut parts);
            for part in parts {
                by_part.entry(part).or_default().push(segment);
            }
        }
        Self { by_part }
    }

    /// The segments whose verdict can differ after these parts changed, in order and each once.
    pub fn touched<'a>(&self, parts: impl IntoIterator<Item = &'a Touched>) -> BTreeSet<usize> {
        parts.into_iter().filter_map(|part| self.by_part.get(part)).flatten().copied().collect()
    }
}

fn collect(filter: &Filter, parts: &mut BTreeSet<Touched>) {
    match filter {
        Filter::All(inner) | Filter::Any(inner) => inner.iter().for_each(|part| collect(part, parts)),
        Filter::Not(part) => collect(part, parts),
        Filter::Attribute(attribute, _) => {
            parts.insert(Touched::Attribute(attribute.clone()));
        }
        Filter::EventCount(count) => {
            parts.insert(Touched::Event(count.event.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_segments_that_look_at_the_part_are_touched() {
        let parse = |json: &str| Filter::parse(&serde_json::from_str(json).unwrap()).unwrap();
        let filters = [
            parse(r#"{"event":"a"}"#),
            parse(r#"{"all":[{"event":"b"},{"not":{"event":"a","within":"1d"}},{"custom_attribute":"x","is":1}]}"#),
            parse(r#"{"attribute":"email","exists":true}"#),
        ];
        let index = SegmentIndex::new(&filters);
        let touched = |part: Touched| index.touched([&part]).into_iter().collect::<Vec<_>>();
        assert_eq!(touched(Touched::Event("a".into())), [0, 1]);
        assert_eq!(touched(Touched::Attribute(AttributeRef::Custom("x".into()))), [1]);
        assert!(touched(Touched::Event("email".into())).is_empty());
    }
}
