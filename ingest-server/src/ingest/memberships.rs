//! Which segments a user is in.

use kindling_core::{
    segment::{Subject, Verdict, evaluate},
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

    /// Those of somebody of whom nothing is known yet: what they can be in all the same is evaluated with the next update.
    pub fn of_nobody(workspace: &Workspace) -> Self {
        let mut memberships = Self { revision: workspace.revision, verdicts: Vec::new() };
        memberships.doubt(workspace.index.initial());
        memberships
    }

    /// Has these segments, which are in order, evaluated with the next update.
    pub fn doubt(&mut self, segments: &[u32]) {
        const DOUBTFUL: Verdict = Verdict { matches: false, until: Some(Timestamp::from_ms(i64::MIN)) };
        for place in segments {
            match self.find(*place) {
                Ok(at) => self.verdicts[at].1.until = DOUBTFUL.until,
                Err(at) => self.verdicts.insert(at, (*place, DOUBTFUL)),
            }
        }
    }

    /// Brings them up to date after the user changed and time passed: only the segments at `overturned`, of which a condition is
    /// another one now, are evaluated, and those whose verdict was certain no longer than until now.
    pub fn update(&mut self, workspace: &Workspace, subject: &Subject<'_>, overturned: &[u32], now: Timestamp) {
        let evaluate = |place: u32| {
            let segment = workspace.segments.get(place as usize);
            segment.map_or(GONE, |segment| evaluate(&segment.filter, subject, now))
        };
        if self.revision != workspace.revision {
            self.revision = workspace.revision;
            let places = 0..u32::try_from(workspace.segments.len()).unwrap_or(u32::MAX);
            self.verdicts =
                places.map(|place| (place, evaluate(place))).filter(|(_, verdict)| is_kept(verdict)).collect();
            return;
        }
        let mut is_gone = false;
        for (place, verdict) in &mut self.verdicts {
            if verdict.until.is_some_and(|until| until <= now) && overturned.binary_search(place).is_err() {
                *verdict = evaluate(*place);
                is_gone |= !is_kept(verdict);
            }
        }
        for place in overturned {
            let verdict = evaluate(*place);
            match self.find(*place) {
                Ok(at) => self.verdicts[at].1 = verdict,
                Err(at) if is_kept(&verdict) => self.verdicts.insert(at, (*place, verdict)),
                Err(_) => {}
            }
            is_gone |= !is_kept(&verdict);
        }
        if is_gone {
            self.verdicts.retain(|(_, verdict)| is_kept(verdict));
        }
    }

    fn find(&self, place: u32) -> Result<usize, usize> {
        self.verdicts.binary_search_by_key(&place, |(place, _)| *place)
    }
}

const GONE: Verdict = Verdict { matches: false, until: None };

const fn is_kept(verdict: &Verdict) -> bool {
    verdict.matches || verdict.until.is_some()
}
