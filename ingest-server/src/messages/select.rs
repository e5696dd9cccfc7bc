//! The messages that go into the answer to a flush.

use std::borrow::Cow;

use kindling_core::{
    ids::{UserId, VariantId},
    limits,
    message::{Control, InAppMessage, Shown},
    protocol::MessageSet,
    time::Timestamp,
};
use sha2::{Digest as _, Sha256};

use super::{
    candidates::short,
    decision::Case,
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
        let mut reaches = |is_sent: bool| {
            if decision.is_in_audience() && user.exposures.reach.lacks(&entry.id, is_sent) {
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
    let version = version(workspace, &chosen);
    user.selected.remember(of, version, until);
    let version = name(version);
    let messages = (version != held).then(|| MessageSet {
        version,
        caps: if chosen.is_empty() { Vec::new() } else { workspace.settings.frequency_caps.clone() },
        items: chosen.into_iter().map(|chosen| chosen.message(workspace)).collect(),
    });
    Selection { messages, reaching }
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
fn version(workspace: &Workspace, chosen: &[Chosen<'_>]) -> Option<u64> {
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
    (!chosen.is_empty()).then(|| short(digest))
}

/// How a set is named to a device; the empty one by nothing, like that of a device that holds none.
fn name(version: Option<u64>) -> String {
    version.map_or_else(String::new, |version| format!("{version:016x}"))
}
