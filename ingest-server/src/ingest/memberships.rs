//! Which segments a user is in.

use kindling_core::{
    ids::UserId,
    segment::{Subject, Verdict, evaluate},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::{
    catalog::{Segment, Workspace},
    store::WorkspaceKey,
};

/// Somebody entered a segment or left it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// In which workspace.
    pub workspace: WorkspaceKey,
    /// The segment's place.
    pub segment: u32,
    /// Who.
    pub user: UserId,
    /// Whether they entered it.
    pub entered: bool,
    /// When that was found.
    pub at: Timestamp,
}

/// The verdicts of a workspace's segments for one user, as of the last evaluation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memberships {
    /// The revision of the workspace's segments up to which these are verdicts of them.
    revision: i64,
    /// By the segment's place, ascending. Only what matches, or will change by itself, is kept: most users are in few of many
    /// segments.
    verdicts: Vec<(u32, Verdict)>,
}

/// A revision of which no segment was evaluated.
const NONE: i64 = 0;
/// When what is doubtful is to be looked at: it is overdue.
const DOUBTFUL: Timestamp = Timestamp::from_ms(i64::MIN);

impl Memberships {
    /// Those of somebody of whom nothing is known yet: what they can be in all the same is evaluated with the next update.
    pub fn of_nobody(workspace: &Workspace) -> Self {
        let mut memberships = Self { revision: workspace.revision, verdicts: Vec::new() };
        memberships.doubt(workspace.index.initial());
        memberships
    }

    /// Whether the user is in the segment at that place.
    pub fn contains(&self, place: u32) -> bool {
        self.find(place).is_ok_and(|at| self.verdicts[at].1.matches)
    }

    /// The places of the segments that the user is in.
    pub fn places(&self) -> impl Iterator<Item = u32> {
        self.verdicts.iter().filter(|(_, verdict)| verdict.matches).map(|(place, _)| *place)
    }

    /// The segments that the user is in.
    pub fn segments<'a>(&'a self, workspace: &'a Workspace) -> impl Iterator<Item = &'a Segment> {
        self.places().filter_map(|place| workspace.segments.get(place as usize))
    }

    /// The earliest instant at which one of them could change by itself.
    pub fn due(&self) -> Option<Timestamp> {
        if self.revision == NONE {
            return Some(DOUBTFUL);
        }
        self.verdicts.iter().filter_map(|(_, verdict)| verdict.until).min()
    }

    /// Whether they may no longer be right at `now`, without anything having happened to the user.
    pub fn is_stale(&self, workspace: &Workspace, now: Timestamp) -> bool {
        self.revision != workspace.revision || self.due().is_some_and(|due| due <= now)
    }

    /// Has these segments evaluated with the next update.
    pub fn doubt(&mut self, segments: &[u32]) {
        for place in segments {
            match self.find(*place) {
                Ok(at) => self.verdicts[at].1.until = Some(DOUBTFUL),
                Err(at) => self.verdicts.insert(at, (*place, Verdict::until(false, DOUBTFUL))),
            }
        }
    }

    /// Has every segment evaluated with the next update.
    pub const fn doubt_all(&mut self) {
        self.revision = NONE;
    }

    /// Puts in what the log says of a segment, and has it evaluated with the next update.
    pub fn set(&mut self, place: u32, is_member: bool) {
        self.doubt(&[place]);
        if let Ok(at) = self.find(place) {
            self.verdicts[at].1.matches = is_member;
        }
    }

    /// Brings them up to date after the user changed and time passed: only the segments at `overturned`, of which a condition is
    /// another one now, are evaluated, those whose verdict was certain no longer than until now, and those that became another
    /// question. Returns what is different.
    pub fn update(
        &mut self,
        workspace: &Workspace,
        subject: &Subject<'_>,
        overturned: &[u32],
        now: Timestamp,
    ) -> Vec<(u32, bool)> {
        if self.revision > workspace.revision {
            // What is known here of the segments is older than these verdicts. Whoever knows more has the last word.
            self.doubt(overturned);
            self.revision = workspace.revision;
            return Vec::new();
        }
        let is_due = |(_, verdict): &&(u32, Verdict)| verdict.until.is_some_and(|until| until <= now);
        let mut places: Vec<u32> = self.verdicts.iter().filter(is_due).map(|(place, _)| *place).collect();
        places.extend(overturned);
        if self.revision < workspace.revision {
            places.extend(workspace.changed_since(self.revision));
            self.revision = workspace.revision;
        }
        places.sort_unstable();
        places.dedup();
        let mut changes = Vec::new();
        let mut is_gone = false;
        for place in places {
            let found = self.find(place);
            let was_member = found.is_ok_and(|at| self.verdicts[at].1.matches);
            let verdict = match workspace.segments.get(place as usize) {
                None => Verdict::lasting(false),
                // It can't be told yet. Until then nobody enters it or leaves it.
                Some(segment) if segment.awaits_counters => Verdict::lasting(was_member),
                Some(segment) => evaluate(&segment.filter, subject, now),
            };
            match found {
                Ok(at) => self.verdicts[at].1 = verdict,
                Err(at) if is_kept(&verdict) => self.verdicts.insert(at, (place, verdict)),
                Err(_) => {}
            }
            is_gone |= !is_kept(&verdict);
            if was_member != verdict.matches {
                changes.push((place, verdict.matches));
            }
        }
        if is_gone {
            self.verdicts.retain(|(_, verdict)| is_kept(verdict));
        }
        changes
    }

    /// Whether an update would move the user into or out of a segment that became another question, or could do so by itself later.
    pub fn is_moved_by(&self, workspace: &Workspace, subject: &Subject<'_>, now: Timestamp) -> bool {
        workspace.changed_since(self.revision).any(|place| {
            let Some(segment) = workspace.segments.get(place as usize) else { return false };
            let verdict = evaluate(&segment.filter, subject, now);
            verdict.matches != self.contains(place) || verdict.until.is_some()
        })
    }

    fn find(&self, place: u32) -> Result<usize, usize> {
        self.verdicts.binary_search_by_key(&place, |(place, _)| *place)
    }
}

const fn is_kept(verdict: &Verdict) -> bool {
    verdict.matches || verdict.until.is_some()
}
