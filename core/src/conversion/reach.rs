//! Which campaigns reached a user, in little memory: whose audience they were in, and whose message went to a device of theirs.

use serde::{Deserialize, Serialize};

use crate::{
    calendar::Date,
    ids::{CampaignId, VariantId},
    limits,
};

/// Which campaigns reached a user: at most [`limits::CAMPAIGNS_REACHED`], those that did so first.
///
/// Of each, only numbers are kept that ids are hashed to. A user can be in the audience of many campaigns without ever seeing one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach(Vec<Reached>);

/// That a campaign reached a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reached {
    /// The number of the campaign's id.
    #[serde(rename = "c")]
    pub campaign: u64,
    /// That of the variant's id; 0: it has none.
    #[serde(rename = "v")]
    pub variant: u64,
    /// The day on which the user was first in the audience, in days since 1970.
    #[serde(rename = "e")]
    pub eligible: i32,
    /// The day on which the message first went to a device of theirs, likewise; `None`: it did not.
    #[serde(rename = "s")]
    pub sent: Option<i32>,
}

/// What became of being reached: the days that are new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Noted {
    /// What is kept now.
    pub reached: Reached,
    /// Whether the user was not known to be in the audience before.
    pub is_eligible_anew: bool,
    /// Whether the message was not known to have gone to them before.
    pub is_sent_anew: bool,
}

/// The number that an id is hashed to (FNV-1a). Two of a workspace's few thousand ids have the same one once in a hundred billion
/// workspaces.
pub fn number_of(id: &str) -> u64 {
    id.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

impl Reach {
    /// Whether there is nothing.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every campaign that reached the user.
    pub fn iter(&self) -> impl Iterator<Item = &Reached> {
        self.0.iter()
    }

    /// Whether [`Reach::note`] would find something new, as far as there is room for it.
    pub fn lacks(&self, campaign: &CampaignId, is_sent: bool) -> bool {
        match self.find(number_of(campaign.as_str())) {
            Ok(place) => is_sent && self.0.get(place).is_some_and(|reached| reached.sent.is_none()),
            Err(_) => self.0.len() < limits::CAMPAIGNS_REACHED,
        }
    }

    /// Notes that a user was in a campaign's audience on a day, in that variant, and whether its message went to them. `None`: there is
    /// nothing new, or no room.
    pub fn note(
        &mut self,
        campaign: &CampaignId,
        variant: Option<&VariantId>,
        day: Date,
        is_sent: bool,
    ) -> Option<Noted> {
        if !self.lacks(campaign, is_sent) {
            return None;
        }
        let campaign = number_of(campaign.as_str());
        let day = i32::try_from(day.days()).unwrap_or_default();
        let sent = is_sent.then_some(day);
        match self.find(campaign) {
            Ok(place) => {
                let reached = self.0.get_mut(place)?;
                reached.sent = sent;
                Some(Noted { reached: *reached, is_eligible_anew: false, is_sent_anew: true })
            }
            Err(place) => {
                let variant = variant.map_or(0, |id| number_of(id.as_str()));
                let reached = Reached { campaign, variant, eligible: day, sent };
                self.0.insert(place, reached);
                Some(Noted { reached, is_eligible_anew: true, is_sent_anew: is_sent })
            }
        }
    }

    /// Takes over what reached somebody who turned out to be this user. Of what reached both, the first days stand, in the variant of the
    /// one whom it reached first; `both` is told what was kept of each, and what is kept now. What there is no room for is told as what
    /// becomes of it: nothing.
    pub fn merge(&mut self, other: Self, both: &mut dyn FnMut([Option<Reached>; 2], Option<Reached>)) {
        for theirs in other.0 {
            match self.find(theirs.campaign) {
                Ok(place) => {
                    let Some(mine) = self.0.get_mut(place) else { continue };
                    let first =
                        |reached: &Reached| (reached.eligible, reached.sent.unwrap_or(i32::MAX), reached.variant);
                    let variant = if first(&theirs) < first(mine) { theirs.variant } else { mine.variant };
                    let united = Reached {
                        variant,
                        eligible: mine.eligible.min(theirs.eligible),
                        sent: mine.sent.into_iter().chain(theirs.sent).min(),
                        ..theirs
                    };
                    both([Some(*mine), Some(theirs)], Some(united));
                    *mine = united;
                }
                Err(place) if self.0.len() < limits::CAMPAIGNS_REACHED => self.0.insert(place, theirs),
                Err(_) => both([Some(theirs), None], None),
            }
        }
    }

    /// The memory that it takes, in bytes, about.
    pub(super) const fn memory(&self) -> usize {
        self.0.capacity() * size_of::<Reached>()
    }

    fn find(&self, campaign: u64) -> Result<usize, usize> {
        self.0.binary_search_by_key(&campaign, |reached| reached.campaign)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn campaign(id: &str) -> CampaignId {
        CampaignId::parse(id).unwrap()
    }

    #[test]
    fn what_reached_a_user_is_noted_once() {
        let (mut reach, id, day) = (Reach::default(), campaign("sale"), Date::from_days);
        let variant = VariantId::parse("a").unwrap();
        let noted = reach.note(&id, Some(&variant), day(5), false).unwrap();
        assert!(noted.is_eligible_anew && !noted.is_sent_anew);
        assert_eq!(noted.reached.variant, number_of("a"));
        assert_eq!(reach.note(&id, Some(&variant), day(6), false), None);
        let noted = reach.note(&id, None, day(7), true).unwrap();
        assert!(!noted.is_eligible_anew && noted.is_sent_anew);
        assert_eq!((noted.reached.eligible, noted.reached.sent), (5, Some(7)));
        assert_eq!(reach.note(&id, None, day(8), true), None);
        for n in 1..limits::CAMPAIGNS_REACHED {
            assert!(reach.note(&campaign(&format!("c{n}")), None, day(5), true).is_some());
        }
        assert!(!reach.lacks(&campaign("late"), true));
        assert_eq!(reach.note(&campaign("late"), None, day(5), true), None);
    }

    proptest! {
        /// Whoever is merged into whom, what reached both counts once.
        #[test]
        fn merging_counts_once(
            notes in prop::collection::vec(("[a-d]", 0..9i64, any::<bool>(), any::<bool>()), 0..20),
        ) {
            let mut both = [Reach::default(), Reach::default()];
            let mut counts = [0_i64; 2];
            for (id, day, is_sent, second) in &notes {
                if let Some(noted) = both[usize::from(*second)].note(&campaign(id), None, Date::from_days(*day), *is_sent) {
                    counts[0] += i64::from(noted.is_eligible_anew);
                    counts[1] += i64::from(noted.is_sent_anew);
                }
            }
            let [mut mine, theirs] = both.clone();
            mine.merge(theirs, &mut |before, after| {
                for (sign, reached) in before.into_iter().flatten().map(|b| (-1, b)).chain(after.map(|a| (1, a))) {
                    counts[0] += sign;
                    counts[1] += sign * i64::from(reached.sent.is_some());
                }
            });
            let ids: std::collections::BTreeSet<_> = notes.iter().map(|(id, ..)| id).collect();
            let sent: std::collections::BTreeSet<_> = notes.iter().filter(|note| note.2).map(|(id, ..)| id).collect();
            prop_assert_eq!(counts, [ids.len() as i64, sent.len() as i64]);
            let [mine_first, mut theirs_first] = both;
            theirs_first.merge(mine_first, &mut |_, _| {});
            prop_assert_eq!(mine, theirs_first);
        }
    }
}
