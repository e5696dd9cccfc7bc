//! The messages that go into the answer to a flush.

use std::borrow::Cow;

use kindling_core::{
    ids::{UserId, VariantId},
    limits,
    message::{Control, InAppMessage, Shown},
    profile::Profile,
    protocol::MessageSet,
    time::Timestamp,
};
use sha2::{Digest as _, Sha256};

use super::{
    candidates::short,
    decision::Case,
    selected::Version,
    wording::{Wording, lasts, word},
};
use crate::{
    campaign::Variant,
    catalog::{CampaignEntry, Workspace},
    ingest::UserState,
};

/// A message that goes out.
struct Chosen<'a> {
    entry: &'a CampaignEntry,
    /// The variant that the user gets, with its place.
    variant: (usize, &'a Variant),
    /// What it says to them.
    wording: Wording<'a>,
    /// When the campaign ends for them.
    expires_at: Option<Timestamp>,
}

/// What is selected for a user.
#[derive(Debug, Default)]
pub struct Selection {
    /// The messages, if they differ from the set that the device holds.
    pub messages: Option<MessageSet>,
    /// Whom that reaches, as far as it is not known of the user.
    pub reaching: Vec<Reaching>,
}

/// That a campaign reaches a user.
#[derive(Debug)]
pub struct Reaching {
    /// The campaign's place in its workspace.
    pub campaign: u32,
    /// The variant that the user gets.
    pub variant: Option<VariantId>,
    /// Whether its message goes to the user, not only is the user in its audience.
    pub is_sent: bool,
}

/// The user's messages, if they differ from the set that the device holds.
///
/// Most flushes change nothing of it: what was selected last is remembered with the user, and until when that stands.
pub fn select(workspace: &Workspace, id: UserId, user: &UserState, held: &str, now: Timestamp) -> Selection {
    let of = workspace.candidates().key();
    if user.selected.version(of, now).is_some_and(|version| name(version) == held) {
        return Selection::default();
    }
    let case = Case::new(workspace, id, user, now);
    let mut chosen: Vec<Chosen<'_>> = Vec::new();
    let mut reaching = Vec::new();
    let mut until: Option<Timestamp> = None;
    for place in workspace.candidates().of(&user.memberships) {
        let Some(entry) = workspace.campaigns.get(place as usize) else { continue };
        let (decision, stands) = case.decide(&entry.campaign);
        until = until.into_iter().chain(stands).min();
        // Everybody has a message whose filter devices evaluate: it reaches those of whom that holds.
        let is_for_others = case.on_device(&entry.campaign).is_some_and(|on_device| !on_device.matches);
        let mut reaches = |is_sent: bool| {
            if decision.is_in_audience() && !is_for_others && user.exposures.reach.lacks(&entry.id, is_sent) {
                let variant = case.variant(&entry.campaign).1.id.clone();
                reaching.push(Reaching { campaign: place, variant, is_sent });
            }
        };
        if !decision.is_sent() || chosen.len() == limits::MESSAGES_HELD {
            reaches(false);
            continue;
        }
        let variant = case.variant(&entry.campaign);
        if let Some(template) = &variant.1.template {
            until = until.into_iter().chain(lasts(template, now)).min();
        }
        let expires_at = entry.campaign.schedule.ends_at(case.zones());
        match word(entry, variant.1, user, now) {
            Ok(wording) => {
                reaches(true);
                chosen.push(Chosen { entry, variant, wording, expires_at });
            }
            Err(loss) => {
                reaches(false);
                entry.losses.count(&loss);
            }
        }
    }
    let profile = excerpt(workspace, user, &chosen).map(Box::new);
    let version = version(workspace, &chosen, profile.as_deref());
    user.selected.remember(of, version, until);
    let is_of_profile = profile.is_some() && version.is_some_and(|version| version.has_items_of(held));
    let version = name(version);
    let messages = (version != held).then(|| match is_of_profile {
        true => MessageSet { version, profile, ..MessageSet::default() },
        false => MessageSet {
            version,
            caps: if chosen.is_empty() { Vec::new() } else { workspace.settings.frequency_caps.clone() },
            items: Some(chosen.into_iter().map(|chosen| chosen.message(workspace)).collect()),
            profile,
        },
    });
    Selection { messages, reaching }
}

/// What the filters look at that devices evaluate, if there are any.
fn excerpt(workspace: &Workspace, user: &UserState, chosen: &[Chosen<'_>]) -> Option<Profile> {
    let campaigns = chosen.iter().map(|chosen| &chosen.entry.campaign);
    let on_device = campaigns.filter(|campaign| campaign.audience.on_device().is_some());
    let own = on_device.filter_map(|campaign| workspace.segment(&campaign.audience.segment(&campaign.id)?));
    let mut filters = own.map(|segment| &segment.filter).peekable();
    filters.peek()?;
    Some(user.profile.excerpt(filters))
}

impl Chosen<'_> {
    fn message(self, workspace: &Workspace) -> InAppMessage {
        let campaign = &self.entry.campaign;
        let mut tags = campaign.tags.clone();
        // Of other tags a device need not know.
        tags.retain(|tag| workspace.settings.frequency_caps.iter().any(|cap| cap.tag.as_ref() == Some(tag)));
        InAppMessage {
            id: campaign.id.clone(),
            variant: self.variant.1.id.clone(),
            priority: campaign.priority,
            trigger: campaign.trigger.clone(),
            delay: campaign.delay,
            filter: campaign.audience.on_device().cloned(),
            hours: campaign.hours,
            repeat_after: campaign.repeat_after,
            expires_at: self.expires_at,
            tags,
            uncapped: !campaign.is_capped,
            render: self.wording.render,
            content: match self.wording.content {
                Some(content) => Shown::Message(Box::new(content.into_owned())),
                None => Shown::Control(Control {}),
            },
        }
    }
}

/// Tells sets of messages from one another by their contents; the empty set is none.
fn version(workspace: &Workspace, chosen: &[Chosen<'_>], profile: Option<&Profile>) -> Option<Version> {
    let mut digest = Sha256::new_with_prefix(workspace.settings.digest);
    for Chosen { entry, variant: (place, _), wording, expires_at } in chosen {
        digest.update(entry.digest);
        digest.update(place.to_be_bytes());
        digest.update(expires_at.map_or(i64::MAX, Timestamp::as_ms).to_be_bytes());
        match &wording.content {
            // Each translation says which language it is in.
            Some(Cow::Borrowed(content)) => {
                digest.update(content.language.as_ref().map_or("", |language| language.as_str()));
            }
            // It says to each user something else.
            Some(Cow::Owned(content)) => {
                digest.update(serde_json::to_vec(&(content, &wording.render)).unwrap_or_default());
            }
            None => {}
        }
    }
    let of_profile = |profile| short(Sha256::new_with_prefix(serde_json::to_vec(profile).unwrap_or_default()));
    (!chosen.is_empty()).then(|| Version { items: short(digest), profile: profile.map(of_profile) })
}

/// How a set is named to a device; the empty one by nothing, like that of a device that holds none.
fn name(version: Option<Version>) -> String {
    version.map_or_else(String::new, |version| version.to_string())
}
