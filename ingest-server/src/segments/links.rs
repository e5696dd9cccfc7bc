//! Segments that stand on other segments.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use kindling_core::{ids::SegmentId, limits, segment::Filter};

/// Why filters can't stand on one another like that.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// There is no such segment.
    #[error("there is no segment {0}")]
    Unknown(SegmentId),
    /// A segment stands on itself, by way of these.
    #[error("a segment can't stand on itself: {}", path(.0))]
    Circle(Vec<SegmentId>),
    /// With all that it stands on it is too large.
    #[error("segment {id} has more than {most} conditions, with those of the segments that it stands on")]
    TooLarge {
        /// Which.
        id: SegmentId,
        /// [`limits::FILTER_NODES_DEEP`].
        most: usize,
    },
    /// All together ask for too many counters.
    #[error("segments can ask for at most {most} different things that have where or between")]
    TooManyCounted {
        /// [`limits::TRACKED`].
        most: usize,
    },
}

fn path(segments: &[SegmentId]) -> String {
    segments.iter().map(SegmentId::as_str).collect::<Vec<_>>().join(" > ")
}

/// Puts into each filter the filters of the segments that it stands on. Those of which it is not possible hold for nobody; the first
/// of them is told.
pub fn link(filters: &mut BTreeMap<SegmentId, Filter>) -> Result<(), LinkError> {
    let mut links = Links { written: std::mem::take(filters), done: BTreeMap::new(), path: Vec::new(), problem: None };
    let ids: Vec<SegmentId> = links.written.keys().cloned().collect();
    for id in ids {
        links.filter(&id);
    }
    filters.extend(links.done.into_iter().map(|(id, filter)| (id, Arc::unwrap_or_clone(filter))));
    let mut counted = BTreeSet::new();
    for filter in filters.values() {
        counted.extend(filter.tracked().iter().map(|tracked| tracked.id));
    }
    if counted.len() > limits::TRACKED {
        links.problem.get_or_insert(LinkError::TooManyCounted { most: limits::TRACKED });
    }
    links.problem.map_or(Ok(()), Err)
}

struct Links {
    written: BTreeMap<SegmentId, Filter>,
    done: BTreeMap<SegmentId, Arc<Filter>>,
    /// What is being linked, each because of the one before.
    path: Vec<SegmentId>,
    problem: Option<LinkError>,
}

impl Links {
    fn filter(&mut self, id: &SegmentId) -> Option<Arc<Filter>> {
        if let Some(done) = self.done.get(id) {
            return Some(Arc::clone(done));
        }
        if let Some(begin) = self.path.iter().position(|segment| segment == id) {
            let circle = self.path[begin..].iter().chain([id]).cloned().collect();
            self.problem.get_or_insert(LinkError::Circle(circle));
            return None;
        }
        let Some(mut filter) = self.written.get(id).cloned() else {
            self.problem.get_or_insert_with(|| LinkError::Unknown(id.clone()));
            return None;
        };
        self.path.push(id.clone());
        let mut wanted = BTreeSet::new();
        filter.visit_segments(&mut |segment| {
            wanted.insert(segment.clone());
        });
        let found: BTreeMap<_, _> =
            wanted.into_iter().filter_map(|id| self.filter(&id).map(|filter| (id, filter))).collect();
        filter.link(&mut |id| found.get(id).cloned());
        if filter.nodes() > limits::FILTER_NODES_DEEP {
            self.problem.get_or_insert_with(|| LinkError::TooLarge { id: id.clone(), most: limits::FILTER_NODES_DEEP });
            filter.link(&mut |_| None);
        }
        self.path.pop();
        let filter = Arc::new(filter);
        self.done.insert(id.clone(), Arc::clone(&filter));
        Some(filter)
    }
}

#[cfg(test)]
mod tests {
    use kindling_core::{
        profile::Profile,
        segment::{Subject, evaluate},
        time::Timestamp,
    };

    use super::*;
    use crate::segments::Here;

    fn id(text: &str) -> SegmentId {
        SegmentId::parse(text).unwrap()
    }

    fn filters(segments: &[(&str, &str)]) -> BTreeMap<SegmentId, Filter> {
        let parse = |json: &str| Filter::parse(&serde_json::from_str(json).unwrap(), &Here).unwrap();
        segments.iter().map(|(segment, json)| (id(segment), parse(json))).collect()
    }

    #[test]
    fn a_segment_stands_on_others_whatever_their_order() {
        let mut filters = filters(&[
            ("a", r#"{"not":{"segment":"c"}}"#),
            ("b", r#"{"anonymous":false}"#),
            ("c", r#"{"all":[{"segment":"b"},{"segment":"b"}]}"#),
        ]);
        link(&mut filters).unwrap();
        let nobody = Profile::new(Timestamp::from_ms(0));
        let holds =
            |segment: &str| evaluate(&filters[&id(segment)], &Subject::of(&nobody), Timestamp::from_ms(0)).matches;
        assert!(!holds("a") && holds("b") && holds("c"));
    }

    #[test]
    fn what_can_not_be_is_refused() {
        let error = |segments: &[(&str, &str)]| link(&mut filters(segments)).unwrap_err().to_string();
        let a_and_b = [("a", r#"{"segment":"b"}"#), ("b", r#"{"any":[{"not":{"segment":"a"}}]}"#)];
        assert_eq!(error(&a_and_b), "a segment can't stand on itself: a > b > a");
        assert_eq!(error(&[("a", r#"{"segment":"a"}"#)]), "a segment can't stand on itself: a > a");
        assert_eq!(error(&[("a", r#"{"segment":"x"}"#)]), "there is no segment x");
        // Each doubles the one before: 2^16 conditions.
        let levels: Vec<(String, String)> = (0..16)
            .map(|level| {
                let below = format!(r#"{{"segment":"s{}"}}"#, level - 1);
                let filter =
                    if level == 0 { "{\"event\":\"e\"}".to_owned() } else { format!(r#"{{"all":[{below},{below}]}}"#) };
                (format!("s{level}"), filter)
            })
            .collect();
        let levels: Vec<_> = levels.iter().map(|(id, filter)| (id.as_str(), filter.as_str())).collect();
        assert!(error(&levels).contains("has more than 4096 conditions"));
        let counted = |number: usize| {
            (format!("c{number}"), format!(r#"{{"event":"e","where":[{{"property":"p","is":{number}}}]}}"#))
        };
        let counted: Vec<_> = (0..=limits::TRACKED).map(counted).collect();
        let counted: Vec<_> = counted.iter().map(|(id, filter)| (id.as_str(), filter.as_str())).collect();
        assert!(error(&counted).contains("at most 1000 different things"));
        assert_eq!(link(&mut filters(&counted[1..])), Ok(()));
    }
}
