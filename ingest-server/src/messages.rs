//! Which in-app messages a user is meant to have, and why not the others.

use kindling_core::{
    ids::SegmentId,
    limits,
    profile::Profile,
    protocol::MessageSet,
    time::{Duration, Timestamp},
};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::{
    campaign::{Campaign, Status},
    catalog::{CampaignEntry, Workspace},
    ingest::Memberships,
};

/// What becomes of a campaign's message for one user, at one instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Decision {
    /// The user's devices have it, or get it with their next flush. What triggers it shows it.
    WaitingForTrigger,
    /// They have it, but it was seen so lately that nothing shows it before `again_at`.
    Resting {
        /// When it was seen last.
        seen_at: Timestamp,
        /// When it may be shown again.
        again_at: Timestamp,
    },
    /// The campaign has not been made active yet.
    Draft,
    /// The campaign is not active for a while.
    Paused,
    /// The campaign has been put away.
    Archived,
    /// The campaign begins later.
    NotStarted {
        /// When.
        starts_at: Timestamp,
    },
    /// The campaign is over.
    Ended {
        /// Since when.
        ended_at: Timestamp,
    },
    /// The user is not in the campaign's segment.
    NotInSegment {
        /// Which.
        segment: SegmentId,
    },
    /// It is shown only once, and was seen.
    Seen {
        /// When, first.
        seen_at: Timestamp,
    },
    /// The user is meant to have more messages than a device holds, and those of greater priority fill it.
    Crowded {
        /// How many a device holds.
        held: usize,
    },
}

impl Decision {
    /// Whether the user's devices are to have the message.
    pub const fn is_sent(&self) -> bool {
        matches!(self, Self::WaitingForTrigger | Self::Resting { .. })
    }

    /// The same for people.
    pub const fn sentence(&self) -> &'static str {
        match self {
            Self::WaitingForTrigger => "the user has it, or gets it with the next flush; its trigger shows it",
            Self::Resting { .. } => "the user has it and saw it lately; it may be shown again later",
            Self::Draft => "the campaign is a draft",
            Self::Paused => "the campaign is paused",
            Self::Archived => "the campaign is archived",
            Self::NotStarted { .. } => "the campaign has not begun",
            Self::Ended { .. } => "the campaign is over",
            Self::NotInSegment { .. } => "the user is not in the campaign's segment",
            Self::Seen { .. } => "it is shown once, and the user has seen it",
            Self::Crowded { .. } => "messages of greater priority are all that a device holds",
        }
    }
}

/// What becomes of the message of each campaign, those first that a device would rather have: by priority, then by id.
pub fn decide<'a>(
    workspace: &'a Workspace,
    profile: &Profile,
    memberships: &Memberships,
    now: Timestamp,
) -> Vec<(&'a CampaignEntry, Decision)> {
    let mut decisions: Vec<(&CampaignEntry, Decision)> = workspace
        .campaigns
        .iter()
        .map(|entry| {
            let is_member =
                |segment: &SegmentId| workspace.segment_place(segment).is_some_and(|place| memberships.contains(place));
            (entry, decide_one(&entry.campaign, profile, is_member, now))
        })
        .collect();
    decisions.sort_by_key(|(entry, _)| (std::cmp::Reverse(entry.campaign.message.priority), &entry.id));
    let beyond = decisions.iter_mut().filter(|(_, decision)| decision.is_sent()).skip(limits::MESSAGES_HELD);
    beyond.for_each(|(_, decision)| *decision = Decision::Crowded { held: limits::MESSAGES_HELD });
    decisions
}

fn decide_one(
    campaign: &Campaign,
    profile: &Profile,
    is_member: impl Fn(&SegmentId) -> bool,
    now: Timestamp,
) -> Decision {
    match campaign.status {
        Status::Active => {}
        Status::Draft => return Decision::Draft,
        Status::Paused => return Decision::Paused,
        Status::Archived => return Decision::Archived,
    }
    if let Some(starts_at) = campaign.starts_at.filter(|starts| *starts > now) {
        return Decision::NotStarted { starts_at };
    }
    if let Some(ended_at) = campaign.ends_at.filter(|ends| *ends <= now) {
        return Decision::Ended { ended_at };
    }
    if let Some(segment) = campaign.segment.clone().filter(|segment| !is_member(segment)) {
        return Decision::NotInSegment { segment };
    }
    let seen = profile.message(&campaign.message.id).map(|interactions| interactions.impressions);
    let Some((first, last)) = seen.and_then(|seen| seen.first.zip(seen.last)) else {
        return Decision::WaitingForTrigger;
    };
    // The device keeps the same rules; these hold across devices.
    match campaign.message.repeat_after {
        None => Decision::Seen { seen_at: first },
        Some(pause) if now.since(last) < pause && pause > Duration::ZERO => {
            Decision::Resting { seen_at: last, again_at: last.plus(pause) }
        }
        Some(_) => Decision::WaitingForTrigger,
    }
}

/// The user's messages, if they differ from the set that the device holds.
pub fn select(
    workspace: &Workspace,
    profile: &Profile,
    memberships: &Memberships,
    held: &str,
    now: Timestamp,
) -> Option<MessageSet> {
    let decisions = decide(workspace, profile, memberships, now);
    let chosen: Vec<&CampaignEntry> =
        decisions.into_iter().filter(|(_, decision)| decision.is_sent()).map(|(entry, _)| entry).collect();
    let version = version(&chosen);
    (version != held).then(|| MessageSet {
        version,
        items: chosen.into_iter().map(|entry| entry.campaign.message.clone()).collect(),
    })
}

/// Names a set of messages by their contents; the empty set by nothing, like a device that holds none.
fn version(chosen: &[&CampaignEntry]) -> String {
    if chosen.is_empty() {
        return String::new();
    }
    let digest = chosen.iter().fold(Sha256::new(), |hash, entry| hash.chain_update(entry.digest)).finalize();
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
