//! What is kept of one user for the reports of campaigns.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Conversion, ConversionIndex, Outcome, Reach, Watch,
    exposure::{Exposure, Happened, Share},
};
use crate::{
    ids::{CampaignId, VariantId},
    limits,
    profile::Profile,
    time::Timestamp,
};

/// What is kept of one user for the reports of campaigns: nothing, for somebody who saw none, but the last few events that conversions
/// test.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exposures {
    #[serde(rename = "c", default, skip_serializing_if = "BTreeMap::is_empty")]
    campaigns: BTreeMap<CampaignId, Exposure>,
    /// The last events that passed tests, ascending, by what is tested.
    #[serde(rename = "t", default, skip_serializing_if = "BTreeMap::is_empty")]
    tested: BTreeMap<u64, Vec<Happened>>,
    /// Which campaigns reached the user.
    #[serde(rename = "r", default, skip_serializing_if = "Reach::is_empty")]
    pub reach: Reach,
}

/// What becomes of a campaign's report: what the user added to it before, and what they add now.
pub type Changed<'a> = dyn FnMut(&CampaignId, Vec<Share>, Vec<Share>) + 'a;

impl Exposures {
    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.campaigns.is_empty() && self.tested.is_empty() && self.reach.is_empty()
    }

    /// What is kept of one campaign.
    pub fn of(&self, campaign: &CampaignId) -> Option<&Exposure> {
        self.campaigns.get(campaign)
    }

    /// Every campaign of which something is kept.
    pub fn campaigns(&self) -> impl Iterator<Item = (&CampaignId, &Exposure)> {
        self.campaigns.iter()
    }

    /// Adds an impression of a campaign with these conversions. The profile has it already.
    pub fn see(
        &mut self,
        campaign: &CampaignId,
        (variant, at): (Option<VariantId>, Timestamp),
        conversions: &[Conversion],
        profile: &Profile,
        changed: &mut Changed<'_>,
    ) {
        let exposure = self.campaigns.entry(campaign.clone()).or_default();
        let before = exposure.shares();
        exposure.see(variant, at, !conversions.is_empty());
        for conversion in conversions {
            if let Some(happened) = first_after(&self.tested, profile, conversion, at) {
                exposure.offer(conversion, happened);
            }
        }
        exposure.credit_anew();
        let after = exposure.shares();
        if after != before {
            changed(campaign, before, after);
        }
    }

    /// Adds something that passes the tests of a watch. `conversions` says which ones a campaign has.
    pub fn happen<'c>(
        &mut self,
        watch: &Watch,
        happened: Happened,
        conversions: impl Fn(&CampaignId) -> &'c [Conversion],
        changed: &mut Changed<'_>,
    ) {
        if let Some(tested) = watch.tested {
            keep(self.tested.entry(tested).or_default(), happened);
        }
        // What one user saw is little; campaigns that wait for the same may be many.
        for (campaign, exposure) in &mut self.campaigns {
            if exposure.impressions().is_empty() || watch.campaigns.binary_search(campaign).is_err() {
                continue;
            }
            let meant = |conversion: &&Conversion| {
                watch.is_for(conversion) && exposure.credits(conversion, &happened).is_some()
            };
            let meant: Vec<&Conversion> = conversions(campaign).iter().filter(meant).collect();
            if !meant.is_empty() {
                let before = exposure.shares();
                meant.into_iter().for_each(|conversion| exposure.offer(conversion, happened));
                changed(campaign, before, exposure.shares());
            }
        }
    }

    /// Takes over what is kept of somebody who turned out to be this user, but for what reached them. The profile is that of both together.
    pub fn merge<'c>(
        &mut self,
        other: Self,
        conversions: impl Fn(&CampaignId) -> &'c [Conversion],
        profile: &Profile,
        changed: &mut Changed<'_>,
    ) {
        for (tested, happened) in other.tested {
            let mine = self.tested.entry(tested).or_default();
            happened.into_iter().for_each(|happened| keep(mine, happened));
        }
        let mut before: BTreeMap<CampaignId, Vec<Share>> = BTreeMap::new();
        for (campaign, exposure) in &self.campaigns {
            before.insert(campaign.clone(), exposure.shares());
        }
        for (campaign, theirs) in other.campaigns {
            before.entry(campaign.clone()).or_default().extend(theirs.shares());
            self.campaigns.entry(campaign).or_default().merge(theirs);
        }
        for (campaign, exposure) in &mut self.campaigns {
            for conversion in conversions(campaign) {
                let first = |(at, _): &(Timestamp, _)| first_after(&self.tested, profile, conversion, *at);
                if let Some(happened) = exposure.impressions().iter().filter_map(first).min() {
                    exposure.offer(conversion, happened);
                }
            }
            let (before, after) = (before.remove(campaign).unwrap_or_default(), exposure.shares());
            if before != after {
                changed(campaign, before, after);
            }
        }
    }

    /// Forgets what no conversion tests any more.
    pub fn retain_tested(&mut self, index: &ConversionIndex) {
        self.tested.retain(|tested, _| index.tests(*tested));
    }

    /// The memory that it takes, in bytes, about.
    pub fn memory(&self) -> usize {
        const TREE_ENTRY: usize = 100;
        self.campaigns.values().map(|exposure| TREE_ENTRY + exposure.memory()).sum::<usize>()
            + self.tested.values().map(|kept| 64 + kept.len() * size_of::<Happened>()).sum::<usize>()
            + self.reach.memory()
    }
}

fn keep(kept: &mut Vec<Happened>, happened: Happened) {
    if let Err(place) = kept.binary_search(&happened) {
        kept.insert(place, happened);
        if kept.len() > limits::OUTCOMES_KEPT {
            kept.remove(0);
        }
    }
}

/// The first thing that is known to have happened in the window that an impression opens.
fn first_after(
    tested: &BTreeMap<u64, Vec<Happened>>,
    profile: &Profile,
    conversion: &Conversion,
    from: Timestamp,
) -> Option<Happened> {
    let to = from.plus(conversion.within);
    if let Some(tested_as) = conversion.tested {
        return tested.get(&tested_as)?.iter().find(|happened| (from..=to).contains(&happened.at)).copied();
    }
    let first_of = |times: &mut dyn Iterator<Item = Timestamp>| {
        let at = times.take_while(|at| *at >= from).filter(|at| *at <= to).min()?;
        Some(Happened { at, revenue: None })
    };
    match &conversion.of {
        Outcome::Event(name) => first_of(&mut profile.event(name)?.recent()),
        Outcome::SessionStart => first_of(&mut profile.sessions.starts.recent()),
        Outcome::Purchase(product) => profile
            .purchases
            .recent()
            .take_while(|bought| bought.at >= from)
            .filter(|bought| bought.at <= to && product.as_deref().is_none_or(|product| *product == *bought.product))
            .map(|bought| Happened { at: bought.at, revenue: Some((bought.currency, bought.amount)) })
            .min(),
    }
}
