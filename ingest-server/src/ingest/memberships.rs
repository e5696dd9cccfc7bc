//! Which segments a user is in.

use kindling_core::{
    profile::Profile,
    segment::{Verdict, evaluate},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::catalog::{Segment, Workspace};

/// The verdicts of a workspace's segments for one user, as of the last evaluation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memberships {
    /// The revision of the workspace's segments that these are verdicts of.
    revision: i64,
    /// By the segment's place in that revision, ascending. Only what matches, or will change by itself, is kept: most users are
    /// in few of many segments.
    verdicts: Vec<(u32, Verdict)>,
}

impl Memberships {
    /// Whether the user is in the segment at that place.
    pub fn contains(&self, place: u32) -> bool {
        self.find(place).is_ok_and(|at| self.verdicts[at].1.matches)
    }

    /// The segments that the user is in.
    pub fn segments<'a>(&'a self, workspace: &'a Workspace) -> impl Iterator<Item = &'a Segment> {
        let matching = self.verdicts.iter().filter(|(_, verdict)| verdict.matches);
        matching.filter_map(|(place, _)| workspace.segments.get(*place as usize))
    }

    /// The earliest instant at which one of them could change by itself.
    pub fn due(&self) -> Option<Timestamp> {
        self.verdicts.iter().filter_map(|(_, verdict)| verdict.until).min()
    }

    /// Whether they may no longer be right at `now`, without anything having happened to the user.
    pub fn is_stale(&self, workspace: &Workspace, now: Timestamp) -> bool {
        self.revision != workspace.revision || self.due().is_some_and(|due| due <= now)
    }

    /// Brings them up to date after the profile changed and time passed: only the segments at `touched`, which look at what
    /// changed, are evaluated, and those whose verdict was certain no longer than until now.
    pub fn update(&mut self, workspace: &Workspace, profile: &Profile, touched: &[u32], now: Timestamp) {
        if self.revision != workspace.revision {
            self.verdicts.clear();
            self.revision = workspace.revision;
            for (place, segment) in (0..).zip(&workspace.segments) {
                let verdict = evaluate(&segment.filter, profile, now);
                if is_kept(&verdict) {
                    self.verdicts.push((place, verdict));
                }
            }
            return;
        }
        for (place, verdict) in &mut self.verdicts {
            if verdict.until.is_some_and(|until| until <= now) && !touched.contains(place) {
                let segment = workspace.segments.get(*place as usize);
                *verdict = segment.map_or(GONE, |segment| evaluate(&segment.filter, profile, now));
            }
        }
        for place in touched {
            let Some(segment) = workspace.segments.get(*place as usize) else { continue };
            let verdict = evaluate(&segment.filter, profile, now);
            match self.find(*place) {
                Ok(at) => self.verdicts[at].1 = verdict,
                Err(at) if is_kept(&verdict) => self.verdicts.insert(at, (*place, verdict)),
                Err(_) => {}
            }
        }
        self.verdicts.retain(|(_, verdict)| is_kept(verdict));
    }

    fn find(&self, place: u32) -> Result<usize, usize> {
        self.verdicts.binary_search_by_key(&place, |(place, _)| *place)
    }
}

const GONE: Verdict = Verdict { matches: false, until: None };

const fn is_kept(verdict: &Verdict) -> bool {
    verdict.matches || verdict.until.is_some()
}

#[cfg(test)]
mod tests {
    use kindling_core::{
        ids::{SegmentId, Seq, WorkspaceId},
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
                let mut touched = Vec::new();
                if !only_time {
                    let kind: RecordKind = RecordKind::CustomEvent { name, properties: None };
                    profile.apply(&kind, Stamp { origin: Origin::Identified, at: now, seq: Seq(1) }).unwrap();
                    touched.extend_from_slice(workspace.index.touched_by(&kind));
                }
                memberships.update(&workspace, &profile, &touched, now);
                let mut scratch = Memberships::default();
                scratch.update(&workspace, &profile, &[], now);
                prop_assert_eq!(
                    memberships.segments(&workspace).map(|segment| &segment.id).collect::<Vec<_>>(),
                    scratch.segments(&workspace).map(|segment| &segment.id).collect::<Vec<_>>()
                );
                // An older verdict may be looked at sooner than a fresh one asks for, never later.
                if let Some(due) = scratch.due() {
                    prop_assert!(memberships.due().is_some_and(|sooner| sooner <= due));
                }
            }
        }
    }
}
