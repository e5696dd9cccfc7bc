//! Which segments a user is in.

use std::collections::BTreeMap;

use kindling_core::{
    ids::SegmentId,
    profile::Profile,
    segment::{Touched, Verdict, evaluate},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::catalog::{Segment, Workspace};

/// The verdicts of a workspace's segments for one user, as of the last evaluation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memberships {
    /// The revision of the workspace's segments that these are verdicts of.
    revision: i64,
    /// Only what matches, or will change by itself, is kept: most users are in few of many segments.
    verdicts: BTreeMap<SegmentId, Verdict>,
}

impl Memberships {
    /// Whether the user is in the segment.
    pub fn contains(&self, segment: &SegmentId) -> bool {
        self.verdicts.get(segment).is_some_and(|verdict| verdict.matches)
    }

    /// The segments that the user is in.
    pub fn segments(&self) -> impl Iterator<Item = &SegmentId> {
        self.verdicts.iter().filter(|(_, verdict)| verdict.matches).map(|(id, _)| id)
    }

    /// The earliest instant at which one of them could change by itself.
    pub fn due(&self) -> Option<Timestamp> {
        self.verdicts.values().filter_map(|verdict| verdict.until).min()
    }

    /// Brings them up to date after parts of the profile changed and time passed: only segments that look at those parts, or
    /// whose verdict was certain no longer than until now, are evaluated.
    pub fn update(&mut self, workspace: &Workspace, profile: &Profile, touched: &[Touched], now: Timestamp) {
        if self.revision != workspace.revision {
            self.verdicts.clear();
            self.revision = workspace.revision;
            for segment in &workspace.segments {
                self.evaluate(segment, profile, now);
            }
            return;
        }
        let expired = |verdict: &Verdict| verdict.until.is_some_and(|until| until <= now);
        let due = self.verdicts.iter().filter(|(_, verdict)| expired(verdict)).map(|(id, _)| id.clone());
        let due: Vec<SegmentId> = due.collect();
        for place in workspace.index.touched(touched) {
            if let Some(segment) = workspace.segments.get(place) {
                self.evaluate(segment, profile, now);
            }
        }
        for id in due {
            match workspace.segment(&id) {
                Some(segment) => self.evaluate(segment, profile, now),
                None => drop(self.verdicts.remove(&id)),
            }
        }
    }

    fn evaluate(&mut self, segment: &Segment, profile: &Profile, now: Timestamp) {
        let verdict = evaluate(&segment.filter, profile, now);
        if verdict.matches || verdict.until.is_some() {
            self.verdicts.insert(segment.id.clone(), verdict);
        } else {
            self.verdicts.remove(&segment.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use kindling_core::{
        ids::{Seq, WorkspaceId},
        profile::{Origin, Stamp},
        protocol::RecordKind,
        segment::{Filter, SegmentIndex},
        value::Value,
    };
    use proptest::prelude::*;

    use super::*;
    use crate::store::WorkspaceKey;

    fn workspace(filters: &[&str]) -> Workspace {
        let segments: Vec<Segment> = filters
            .iter()
            .enumerate()
            .map(|(i, filter)| {
                let definition: Value = serde_json::from_str(filter).unwrap();
                let id = SegmentId::parse(format!("s{i}")).unwrap();
                Segment { id, name: String::new(), filter: Filter::parse(&definition).unwrap(), definition }
            })
            .collect();
        let index = SegmentIndex::new(segments.iter().map(|segment| &segment.filter));
        let id = WorkspaceId::parse("w").unwrap();
        Workspace { key: WorkspaceKey(1), id, name: String::new(), revision: 1, segments, index, campaigns: vec![] }
    }

    proptest! {
        /// After every step the memberships are those of evaluating every segment from scratch.
        #[test]
        fn incremental_equals_from_scratch(
            steps in prop::collection::vec(("[abc]", 0..40i64, any::<bool>()), 1..40)
        ) {
            let workspace = workspace(&[
                r#"{"event":"a","count":{"at_least":2},"within":"60s"}"#,
                r#"{"not":{"event":"a","within":"30s"}}"#,
                r#"{"all":[{"event":"b","within":"20s"},{"not":{"event":"c","within":"50s"}}]}"#,
                r#"{"any":[{"event":"c","count":{"at_least":3}},{"custom_attribute":"x","is":true}]}"#,
                r#"{"not":{"event":"never"}}"#,
            ]);
            let mut now = Timestamp::from_ms(1_000_000);
            let mut profile = Profile::new(now);
            let mut memberships = Memberships::default();
            for (name, seconds, only_time) in steps {
                now = Timestamp::from_ms(now.as_ms() + seconds * 1_000);
                let touched = if only_time {
                    None
                } else {
                    let kind: RecordKind = RecordKind::CustomEvent { name, properties: None };
                    profile.apply(&kind, Stamp { origin: Origin::Identified, at: now, seq: Seq(1) }).unwrap()
                };
                memberships.update(&workspace, &profile, touched.as_slice(), now);
                let mut scratch = Memberships::default();
                scratch.update(&workspace, &profile, &[], now);
                prop_assert_eq!(
                    memberships.segments().collect::<Vec<_>>(),
                    scratch.segments().collect::<Vec<_>>()
                );
                // An older verdict may be looked at sooner than a fresh one asks for, never later.
                if let Some(due) = scratch.due() {
                    prop_assert!(memberships.due().is_some_and(|sooner| sooner <= due));
                }
            }
        }
    }
}
