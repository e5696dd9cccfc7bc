//! The messages that go into the answer to a flush.

use std::borrow::Cow;

use kindling_core::{limits, message::InAppMessage, protocol::MessageSet, time::Timestamp};
use sha2::{Digest as _, Sha256};

use super::{
    candidates::short,
    decision::decide_one,
    wording::{lasts, word},
};
use crate::{
    catalog::{CampaignEntry, Workspace},
    ingest::UserState,
};

/// A campaign's message as the user gets it.
type Chosen<'e> = (&'e CampaignEntry, Cow<'e, InAppMessage>);

/// The user's messages, if they differ from the set that the device holds.
///
/// Most flushes change nothing of it: what was selected last is remembered with the user, and until when that stands.
pub fn select(workspace: &Workspace, user: &UserState, held: &str, now: Timestamp) -> Option<MessageSet> {
    let of = workspace.candidates().key();
    if user.selected.version(of, now).is_some_and(|version| name(version) == held) {
        return None;
    }
    let mut chosen: Vec<Chosen<'_>> = Vec::new();
    let mut until: Option<Timestamp> = None;
    for place in workspace.candidates().of(&user.memberships) {
        let Some(entry) = workspace.campaigns.get(place as usize) else { continue };
        let (decision, stands) = decide_one(workspace, &entry.campaign, user, now);
        until = until.into_iter().chain(stands).min();
        if !decision.is_sent() || chosen.len() == limits::MESSAGES_HELD {
            continue;
        }
        if let Some(template) = &entry.campaign.template {
            until = until.into_iter().chain(lasts(template, now)).min();
        }
        match word(entry, user, now) {
            Ok(message) => chosen.push((entry, message)),
            Err(loss) => entry.losses.count(&loss),
        }
    }
    let version = version(&chosen);
    user.selected.remember(of, version, until);
    let version = name(version);
    (version != held)
        .then(|| MessageSet { version, items: chosen.into_iter().map(|(_, message)| message.into_owned()).collect() })
}

/// Tells sets of messages from one another by their contents; the empty set is none.
fn version(chosen: &[Chosen<'_>]) -> Option<u64> {
    let digest = chosen.iter().fold(Sha256::new(), |hash, (entry, message)| match message {
        Cow::Borrowed(_) => hash.chain_update(entry.digest),
        // It says to each user something else.
        Cow::Owned(message) => {
            hash.chain_update(entry.digest).chain_update(serde_json::to_vec(message).unwrap_or_default())
        }
    });
    (!chosen.is_empty()).then(|| short(digest))
}

/// How a set is named to a device; the empty one by nothing, like that of a device that holds none.
fn name(version: Option<u64>) -> String {
    version.map_or_else(String::new, |version| format!("{version:016x}"))
}
