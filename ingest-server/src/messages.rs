//! Which in-app messages a user is meant to have.

use kindling_core::{ids::SegmentId, limits, profile::Profile, protocol::MessageSet, time::Timestamp};
use sha2::{Digest as _, Sha256};

use crate::{
    catalog::{CampaignEntry, Workspace},
    ingest::Memberships,
};

/// The user's messages, if they differ from the set that the device holds.
pub fn select(
    workspace: &Workspace,
    profile: &Profile,
    memberships: &Memberships,
    held: &str,
    now: Timestamp,
) -> Option<MessageSet> {
    let is_member = |segment: &SegmentId| workspace.segment_place(segment).is_some_and(|at| memberships.contains(at));
    let mut chosen: Vec<&CampaignEntry> = workspace
        .campaigns
        .iter()
        .filter(|entry| {
            let campaign = &entry.campaign;
            campaign.is_live(now) && campaign.segment.as_ref().is_none_or(is_member) && !is_used_up(entry, profile)
        })
        .collect();
    chosen.sort_by(|a, b| b.campaign.message.priority.cmp(&a.campaign.message.priority).then_with(|| a.id.cmp(&b.id)));
    chosen.truncate(limits::MESSAGES_HELD);
    let version = version(&chosen);
    (version != held).then(|| MessageSet {
        version,
        items: chosen.into_iter().map(|entry| entry.campaign.message.clone()).collect(),
    })
}

/// A message that is shown only once has been seen. The device keeps the same rule; this one holds across devices.
fn is_used_up(entry: &CampaignEntry, profile: &Profile) -> bool {
    entry.campaign.message.repeat_after.is_none()
        && profile.message(&entry.id).is_some_and(|interactions| interactions.impressions.count > 0)
}

/// Names a set of messages by their contents; the empty set by nothing, like a device that holds none.
fn version(chosen: &[&CampaignEntry]) -> String {
    if chosen.is_empty() {
        return String::new();
    }
    let digest = chosen.iter().fold(Sha256::new(), |hash, entry| hash.chain_update(entry.digest)).finalize();
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
