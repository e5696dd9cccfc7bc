//! The messages that go into the answer to a flush.

use kindling_core::{
    limits,
    message::{Content, InAppMessage},
    profile::StandardAttribute,
    protocol::MessageSet,
    time::Timestamp,
    value::Value,
};
use sha2::{Digest as _, Sha256};

use super::{candidates::short, decision::decide_one};
use crate::{
    catalog::{CampaignEntry, Workspace},
    ingest::UserState,
};

/// The user's messages, if they differ from the set that the device holds.
///
/// Most flushes change nothing of it: what was selected last is remembered with the user, and until when that stands.
pub fn select(workspace: &Workspace, user: &UserState, held: &str, now: Timestamp) -> Option<MessageSet> {
    let of = workspace.candidates().key();
    if user.selected.version(of, now).is_some_and(|version| name(version) == held) {
        return None;
    }
    let mut chosen: Vec<&CampaignEntry> = Vec::new();
    let mut until: Option<Timestamp> = None;
    for place in workspace.candidates().of(&user.memberships) {
        let Some(entry) = workspace.campaigns.get(place as usize) else { continue };
        let (decision, lasts) = decide_one(workspace, &entry.campaign, user, now);
        until = until.into_iter().chain(lasts).min();
        if decision.is_sent() && chosen.len() < limits::MESSAGES_HELD {
            chosen.push(entry);
        }
    }
    let language = language(user);
    let version = version(&chosen, language);
    user.selected.remember(of, version, until);
    let version = name(version);
    (version != held)
        .then(|| MessageSet { version, items: chosen.into_iter().map(|entry| message(entry, language)).collect() })
}

/// The language of a user: as their profile has it, or else as the browser is set that they used last.
fn language(user: &UserState) -> Option<&str> {
    let said = user.profile.standard(StandardAttribute::Language).and_then(Value::as_str);
    said.or_else(|| user.devices.language())
}

/// What a campaign says in the user's language.
fn content<'a>(entry: &'a CampaignEntry, language: Option<&str>) -> &'a Content {
    entry.campaign.message.content.in_language(language)
}

fn message(entry: &CampaignEntry, language: Option<&str>) -> InAppMessage {
    InAppMessage { content: content(entry, language).clone(), ..entry.campaign.message.clone() }
}

/// Tells sets of messages from one another by their contents; the empty set is none.
fn version(chosen: &[&CampaignEntry], language: Option<&str>) -> Option<u64> {
    let digest = chosen.iter().fold(Sha256::new(), |hash, entry| {
        let hash = hash.chain_update(entry.digest);
        match &content(entry, language).language {
            Some(language) if !entry.campaign.message.content.translations.is_empty() => {
                hash.chain_update(language.as_str())
            }
            _ => hash,
        }
    });
    (!chosen.is_empty()).then(|| short(digest))
}

/// How a set is named to a device; the empty one by nothing, like that of a device that holds none.
fn name(version: Option<u64>) -> String {
    version.map_or_else(String::new, |version| format!("{version:016x}"))
}
