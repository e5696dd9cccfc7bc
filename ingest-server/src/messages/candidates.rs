//! Which campaigns come into question for a user at all: of a thousand that are active, those for everybody and those for the segments
//! that the user is in.

use std::{cmp::Reverse, collections::HashMap};

use kindling_core::ids::SegmentId;
use sha2::{Digest as _, Sha256};

use crate::{campaign::Status, catalog::CampaignEntry, ingest::Memberships, settings::Settings};

/// The campaigns of a workspace, in the order in which a device would rather have their messages: by priority, then by id.
#[derive(Debug, Default)]
pub struct Candidates {
    /// Their places, in that order. The place in here is a campaign's rank.
    ranked: Vec<u32>,
    /// The ranks of those that are active and for everybody.
    for_everybody: Vec<u32>,
    /// The ranks of those that are active, by the place of their segment.
    for_segment: HashMap<u32, Vec<u32>>,
    /// Whether one of these runs by each user's own clock.
    want_zones: bool,
    /// Whether one of these has a filter that devices evaluate.
    on_device: bool,
    /// Names what all this was made from.
    key: u64,
}

impl Candidates {
    /// Of campaigns whose segments are at these places.
    pub fn new(campaigns: &[CampaignEntry], places: &HashMap<SegmentId, u32>, settings: &Settings) -> Self {
        let mut ranked: Vec<(u32, &CampaignEntry)> = (0..).zip(campaigns).collect();
        ranked.sort_by_key(|(_, entry)| (Reverse(entry.campaign.priority), &entry.id));
        let mut candidates = Self::default();
        let mut names = Sha256::new_with_prefix(settings.digest);
        for (rank, (_, entry)) in (0..).zip(&ranked) {
            names.update(entry.digest);
            if entry.campaign.status != Status::Active {
                continue;
            }
            candidates.want_zones |= entry.campaign.schedule.is_by_user();
            candidates.on_device |= entry.campaign.audience.on_device().is_some();
            match entry.campaign.audience.held_in(&entry.id) {
                None => candidates.for_everybody.push(rank),
                // In a segment that there is not is nobody.
                Some(segment) => {
                    if let Some(place) = places.get(&segment) {
                        candidates.for_segment.entry(*place).or_default().push(rank);
                    }
                }
            }
        }
        candidates.ranked = ranked.into_iter().map(|(place, _)| place).collect();
        candidates.key = short(names);
        candidates
    }

    /// The places of all campaigns, by rank.
    pub fn ranked(&self) -> &[u32] {
        &self.ranked
    }

    /// The places of those that are active and whose audience the user is in, by rank.
    pub fn of(&self, memberships: &Memberships) -> impl Iterator<Item = u32> + '_ {
        let mut ranks = self.for_everybody.clone();
        if !self.for_segment.is_empty() {
            memberships.places().filter_map(|place| self.for_segment.get(&place)).for_each(|of| ranks.extend(of));
            ranks.sort_unstable();
        }
        ranks.into_iter().filter_map(|rank| self.ranked.get(rank as usize).copied())
    }

    /// Whether an active campaign runs by each user's own clock.
    pub const fn want_zones(&self) -> bool {
        self.want_zones
    }

    /// Whether an active campaign has a filter that devices evaluate: what they are told of their user changes with whatever happens.
    pub const fn on_device(&self) -> bool {
        self.on_device
    }

    /// Changes when a campaign does, or what holds for all of them.
    pub const fn key(&self) -> u64 {
        self.key
    }
}

/// The first bytes of a digest, which are enough to tell states of a workspace, or sets of messages, from one another.
pub(super) fn short(digest: Sha256) -> u64 {
    digest.finalize().iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}
