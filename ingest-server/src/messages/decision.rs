//! What becomes of a campaign's message for one user: the one place that decides it.

use kindling_core::{ids::SegmentId, limits, time::Timestamp};
use serde::Serialize;

use super::wording::word;
use crate::{
    campaign::{Campaign, Status},
    catalog::{CampaignEntry, Workspace},
    ingest::UserState,
    personalization::NotRendered,
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
    /// A template of the message says that it is not for this user.
    Aborted {
        /// Why.
        because: String,
    },
    /// The message could not be made for this user.
    NotRendered {
        /// What went wrong.
        error: String,
    },
}

impl From<NotRendered> for Decision {
    fn from(loss: NotRendered) -> Self {
        match loss {
            NotRendered::Aborted { because } => Self::Aborted { because },
            NotRendered::Failed { error } => Self::NotRendered { error },
        }
    }
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
            Self::Aborted { .. } => "the message's own template says that it is not for this user",
            Self::NotRendered { .. } => "the message's template can't be rendered for this user",
        }
    }
}

/// What becomes of the message of each campaign, those first that a device would rather have.
pub fn decide<'a>(workspace: &'a Workspace, user: &UserState, now: Timestamp) -> Vec<(&'a CampaignEntry, Decision)> {
    let mut decisions: Vec<(&CampaignEntry, Decision)> = workspace
        .ranked_campaigns()
        .map(|entry| {
            let (decision, _) = decide_one(workspace, &entry.campaign, user, now);
            let loss = if decision.is_sent() { word(entry, user, now).err() } else { None };
            (entry, loss.map_or(decision, Decision::from))
        })
        .collect();
    let beyond = decisions.iter_mut().filter(|(_, decision)| decision.is_sent()).skip(limits::MESSAGES_HELD);
    beyond.for_each(|(_, decision)| *decision = Decision::Crowded { held: limits::MESSAGES_HELD });
    decisions
}

/// What becomes of one campaign's message, and when that may be another thing without anything having happened to the user (`None`:
/// never).
pub(super) fn decide_one(
    workspace: &Workspace,
    campaign: &Campaign,
    user: &UserState,
    now: Timestamp,
) -> (Decision, Option<Timestamp>) {
    match campaign.status {
        Status::Active => {}
        Status::Draft => return (Decision::Draft, None),
        Status::Paused => return (Decision::Paused, None),
        Status::Archived => return (Decision::Archived, None),
    }
    if let Some(starts_at) = campaign.starts_at.filter(|starts| *starts > now) {
        return (Decision::NotStarted { starts_at }, Some(starts_at));
    }
    if let Some(ended_at) = campaign.ends_at.filter(|ends| *ends <= now) {
        return (Decision::Ended { ended_at }, None);
    }
    if let Some(segment) = &campaign.segment {
        let is_member = workspace.segment_place(segment).is_some_and(|place| user.memberships.contains(place));
        if !is_member {
            return (Decision::NotInSegment { segment: segment.clone() }, campaign.ends_at);
        }
    }
    let seen = user.profile.message(&campaign.message.id).map(|interactions| interactions.impressions);
    let Some((first, last)) = seen.and_then(|seen| seen.first.zip(seen.last)) else {
        return (Decision::WaitingForTrigger, campaign.ends_at);
    };
    // The device keeps the same rules; these hold across devices.
    let decision = match campaign.message.repeat_after {
        None => Decision::Seen { seen_at: first },
        Some(pause) if now.since(last) < pause => Decision::Resting { seen_at: last, again_at: last.plus(pause) },
        Some(_) => Decision::WaitingForTrigger,
    };
    (decision, campaign.ends_at)
}
