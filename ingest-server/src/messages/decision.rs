//! What becomes of a campaign's message for one user: the one place that decides it.

use jiff::tz::TimeZone;
use kindling_core::{
    ids::{CampaignId, SegmentId, UserId},
    limits,
    message::{Cap, cap_holds_until},
    profile::Interactions,
    time::Timestamp,
};
use serde::Serialize;

use super::wording::word;
use crate::{
    campaign::{Campaign, Status, Variant, Zones},
    catalog::{CampaignEntry, Workspace},
    ingest::UserState,
    personalization::NotRendered,
};

/// What becomes of a campaign's message for one user, at one instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Decision {
    /// The user's devices have it, or get it with their next flush. What triggers it shows it.
    WaitingForTrigger {
        /// Of a filter that devices evaluate: what the server makes of it now.
        #[serde(flatten)]
        on_device: Option<OnDevice>,
    },
    /// The user is in the control group: their devices say when the message would have been shown, and show nothing.
    InControl,
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
        /// Which; that of the campaign's own filter is not named.
        #[serde(skip_serializing_if = "SegmentId::is_of_campaign")]
        segment: SegmentId,
    },
    /// The user has lately seen as many messages as the workspace's caps allow.
    Capped {
        /// Until when.
        until: Timestamp,
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

/// That devices evaluate a campaign's filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "evaluated", rename = "device")]
pub struct OnDevice {
    /// Whether it holds by what the server knows. A device may know of what has not arrived.
    pub matches: bool,
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
        matches!(self, Self::WaitingForTrigger { .. } | Self::InControl | Self::Resting { .. })
    }

    /// Whether the user is in the audience of a campaign that runs, whatever else holds the message back.
    pub const fn is_in_audience(&self) -> bool {
        match self {
            Self::Draft
            | Self::Paused
            | Self::Archived
            | Self::NotStarted { .. }
            | Self::Ended { .. }
            | Self::NotInSegment { .. } => false,
            Self::WaitingForTrigger { .. }
            | Self::InControl
            | Self::Resting { .. }
            | Self::Capped { .. }
            | Self::Seen { .. }
            | Self::Crowded { .. }
            | Self::Aborted { .. }
            | Self::NotRendered { .. } => true,
        }
    }

    /// The same for people.
    pub const fn sentence(&self) -> &'static str {
        match self {
            Self::WaitingForTrigger { on_device: Some(_) } => {
                "the user has it, or gets it with the next flush; its trigger shows it if the device finds that its filter holds"
            }
            Self::WaitingForTrigger { on_device: None } => {
                "the user has it, or gets it with the next flush; its trigger shows it"
            }
            Self::InControl => "the user is in the control group, which is shown nothing",
            Self::Capped { .. } => "the user has seen as many messages as the frequency caps allow",
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

/// What becomes of the message of each campaign, with the variant that the user gets, those first that a device would rather have.
pub fn decide<'a>(
    workspace: &'a Workspace,
    id: UserId,
    user: &'a UserState,
    now: Timestamp,
) -> Vec<(&'a CampaignEntry, &'a Variant, Decision)> {
    let case = Case::new(workspace, id, user, now);
    let mut decisions: Vec<_> = workspace
        .ranked_campaigns()
        .map(|entry| {
            let (decision, variant) = (case.decide(&entry.campaign).0, case.variant(&entry.campaign).1);
            let loss = if decision.is_sent() { word(entry, variant, user, now).err() } else { None };
            (entry, variant, loss.map_or(decision, Decision::from))
        })
        .collect();
    let beyond = decisions.iter_mut().filter(|(_, _, decision)| decision.is_sent()).skip(limits::MESSAGES_HELD);
    beyond.for_each(|(_, _, decision)| *decision = Decision::Crowded { held: limits::MESSAGES_HELD });
    decisions
}

/// The variant of a campaign that the user is meant to have now, if they are meant to have any.
pub fn meant<'a>(
    workspace: &'a Workspace,
    id: UserId,
    user: &'a UserState,
    campaign: &'a Campaign,
    now: Timestamp,
) -> Option<&'a Variant> {
    let case = Case::new(workspace, id, user, now);
    case.decide(campaign).0.is_sent().then(|| case.variant(campaign).1)
}

/// A user at an instant, as campaigns are decided for them.
pub(super) struct Case<'a> {
    workspace: &'a Workspace,
    id: UserId,
    user: &'a UserState,
    now: Timestamp,
    zone: Option<TimeZone>,
    /// Until when each of the workspace's caps holds back what it is about.
    capped: Vec<Option<Timestamp>>,
}

impl<'a> Case<'a> {
    pub(super) fn new(workspace: &'a Workspace, id: UserId, user: &'a UserState, now: Timestamp) -> Self {
        let capped = workspace.settings.frequency_caps.iter().map(|cap| held_back_until(workspace, user, cap, now));
        // Time zones are looked up by name, which is not for nothing.
        let wants_zone = workspace.candidates().want_zones();
        let zone = if wants_zone { user.devices.time_zone().and_then(|name| TimeZone::get(name).ok()) } else { None };
        Self { workspace, id, user, now, zone, capped: capped.collect() }
    }

    /// The zones in which schedules are read for the user.
    pub(super) fn zones(&self) -> Zones<'_> {
        Zones { workspace: &self.workspace.settings.time_zone, user: self.zone.as_ref() }
    }

    /// The variant that the user gets, with its place.
    pub(super) fn variant(&self, campaign: &'a Campaign) -> (usize, &'a Variant) {
        let seen = self.user.profile.message(&campaign.id).and_then(Interactions::variant);
        campaign.variants.of(&campaign.id, self.id, seen)
    }

    /// What becomes of one campaign's message, and when that may be another thing without anything having happened to the user (`None`:
    /// never).
    pub(super) fn decide(&self, campaign: &'a Campaign) -> (Decision, Option<Timestamp>) {
        let now = self.now;
        match campaign.status {
            Status::Active => {}
            Status::Draft => return (Decision::Draft, None),
            Status::Paused => return (Decision::Paused, None),
            Status::Archived => return (Decision::Archived, None),
        }
        let ends_at = campaign.schedule.ends_at(self.zones());
        if let Some(ended_at) = ends_at.filter(|ends| *ends <= now) {
            return (Decision::Ended { ended_at }, None);
        }
        if let Some(starts_at) = campaign.schedule.starts_at(self.zones()).filter(|starts| *starts > now) {
            return (Decision::NotStarted { starts_at }, Some(starts_at));
        }
        if let Some(segment) = campaign.audience.held_in(&campaign.id)
            && !self.is_in(&segment)
        {
            return (Decision::NotInSegment { segment }, ends_at);
        }
        // From here on the device keeps the same rules; these hold across devices.
        let seen = self.user.profile.message(&campaign.id).map(|interactions| interactions.impressions);
        let seen = seen.and_then(|seen| seen.first.zip(seen.last));
        if let (Some((first, _)), None) = (seen, campaign.repeat_after) {
            return (Decision::Seen { seen_at: first }, None);
        }
        if let Some(until) = self.capped_until(campaign) {
            return (Decision::Capped { until }, Some(ends_at.map_or(until, |ends| ends.min(until))));
        }
        let decision = match (seen, campaign.repeat_after) {
            (Some((_, last)), Some(pause)) if now.since(last) < pause => {
                Decision::Resting { seen_at: last, again_at: last.plus(pause) }
            }
            _ if self.variant(campaign).1.is_control() => Decision::InControl,
            _ => Decision::WaitingForTrigger { on_device: self.on_device(campaign) },
        };
        (decision, ends_at)
    }

    fn is_in(&self, segment: &SegmentId) -> bool {
        let place = self.workspace.segment_place(segment);
        place.is_some_and(|place| self.user.memberships.contains(place))
    }

    /// Of a campaign whose filter devices evaluate: what the server makes of it.
    pub(super) fn on_device(&self, campaign: &Campaign) -> Option<OnDevice> {
        campaign.audience.on_device()?;
        let own = campaign.audience.segment(&campaign.id)?;
        Some(OnDevice { matches: self.is_in(&own) })
    }

    fn capped_until(&self, campaign: &Campaign) -> Option<Timestamp> {
        let caps = self.workspace.settings.frequency_caps.iter().zip(&self.capped);
        let about = caps.filter(|(cap, _)| campaign.is_capped && cap.is_about(&campaign.tags));
        about.filter_map(|(_, until)| *until).max()
    }
}

/// Until when a cap holds back what it is about, by all that the user saw on whatever device. What shows nothing does not count.
fn held_back_until(workspace: &Workspace, user: &UserState, cap: &Cap, now: Timestamp) -> Option<Timestamp> {
    let counts = |(id, interactions): &(&CampaignId, &Interactions)| {
        let Some(entry) = workspace.campaign(id) else { return cap.tag.is_none() };
        let variant = interactions.variant().and_then(|variant| entry.campaign.variants.get(variant));
        cap.is_about(&entry.campaign.tags) && !variant.is_some_and(Variant::is_control)
    };
    let mut seen = user.profile.messages().filter(counts).flat_map(|(_, interactions)| interactions.recently_seen());
    cap_holds_until(cap.count, cap.per, &mut seen, now)
}
