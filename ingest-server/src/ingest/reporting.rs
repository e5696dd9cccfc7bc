//! What records do to the reports of campaigns.
//!
//! What happens again and again (impressions, clicks, dismissals) adds up. What counts users (unique impressions, conversions and what
//! they brought) follows from what is kept of each: reports change by the difference of what follows after something and what followed
//! before. So a record that arrives late corrects a report, and so does a visitor who turns out to be somebody.

use std::collections::{HashMap, hash_map::Entry};

use kindling_core::{
    calendar::Date,
    conversion::{Conversion, Exposures, Figure, Happened, Reach, Reached, Share, number_of},
    ids::{CampaignId, VariantId},
    protocol::{Currency, Hundredths, Record, RecordKind},
    time::Timestamp,
    value::Checked,
};

use super::{Properties, UserState};
use crate::{
    catalog::{CampaignEntry, Workspace},
    messages::Reaching,
    store::WorkspaceKey,
};

/// A number of a report.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReportKey {
    /// Of which workspace.
    pub workspace: WorkspaceKey,
    /// Of which campaign.
    pub campaign: CampaignId,
    /// Of which variant; `None`: of none.
    pub variant: Option<VariantId>,
    /// Of which day of UTC.
    pub day: Date,
    /// Which.
    pub figure: Figure,
}

/// By how much the numbers of reports change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReportChanges(HashMap<ReportKey, i64>);

impl ReportChanges {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each number that changes, and by how much.
    pub fn iter(&self) -> impl Iterator<Item = (&ReportKey, i64)> {
        self.0.iter().map(|(key, amount)| (key, *amount))
    }

    /// Changes a number.
    pub fn add(&mut self, key: ReportKey, amount: i64) {
        match self.0.entry(key) {
            Entry::Vacant(place) => drop(place.insert(amount)),
            Entry::Occupied(mut sum) => {
                *sum.get_mut() = sum.get().saturating_add(amount);
                if *sum.get() == 0 {
                    sum.remove();
                }
            }
        }
    }

    /// Changes a campaign's report by what a user adds to it now instead of what they added before.
    fn replace(&mut self, workspace: WorkspaceKey, campaign: &CampaignId, before: Vec<Share>, after: Vec<Share>) {
        let before = before.into_iter().map(|(variant, day, figure, amount)| (variant, day, figure, -amount));
        for (variant, day, figure, amount) in before.chain(after) {
            self.add(ReportKey { workspace, campaign: campaign.clone(), variant, day, figure }, amount);
        }
    }

    /// Notes a record that was taken, and that the user's profile has already.
    pub(super) fn note(
        &mut self,
        workspace: &Workspace,
        user: &mut UserState,
        record: &Record<Checked>,
        at: Timestamp,
        properties: &mut Properties<'_>,
    ) {
        match &record.kind {
            RecordKind::MessageImpression { message, variant } => {
                let Some(entry) = workspace.campaign(message) else { return };
                let variant = known_variant(entry, variant.as_ref());
                self.count(workspace, message, variant.clone(), at, Figure::Impressions);
                let UserState { profile, exposures, .. } = user;
                // What was seen was sent, also if that was not kept: by a crash, or when users were made up from the log.
                self.reached(workspace, &mut exposures.reach, message, variant.as_ref(), at, true);
                let conversions = &entry.campaign.conversions;
                exposures.see(message, (variant, at), conversions, profile, &mut |campaign, before, after| {
                    self.replace(workspace.key, campaign, before, after);
                });
            }
            RecordKind::MessageClick { message, button, variant } => {
                let Some(entry) = workspace.campaign(message) else { return };
                let variant = known_variant(entry, variant.as_ref());
                if let Some(button) = button.as_ref().filter(|button| entry.campaign.has_button(button)) {
                    self.count(workspace, message, variant.clone(), at, Figure::ButtonClicks(button.clone()));
                }
                self.count(workspace, message, variant, at, Figure::Clicks);
            }
            RecordKind::MessageDismissal { message, variant } => {
                let Some(entry) = workspace.campaign(message) else { return };
                let variant = known_variant(entry, variant.as_ref());
                self.count(workspace, message, variant, at, Figure::Dismissals);
            }
            kind => {
                for watch in workspace.conversions.of(kind) {
                    let holds = watch.tests.is_empty() || {
                        let properties = properties.at(record.seq);
                        watch.tests.iter().all(|test| test.holds(properties))
                    };
                    if holds {
                        let happened = Happened { at, revenue: revenue(kind) };
                        let conversions = |campaign: &CampaignId| conversions_of(workspace, campaign);
                        user.exposures.happen(watch, happened, conversions, &mut |campaign, before, after| {
                            self.replace(workspace.key, campaign, before, after);
                        });
                    }
                }
            }
        }
    }

    /// Notes that a user turned out to be another one, of whom these things were kept. The user's profile is that of both already.
    pub(super) fn merge(&mut self, within: &Workspace, user: &mut UserState, mut gone: Exposures) {
        let UserState { profile, exposures, .. } = user;
        exposures.reach.merge(std::mem::take(&mut gone.reach), &mut |before, after| {
            self.replace_reached(within, before, after);
        });
        let conversions = |campaign: &CampaignId| conversions_of(within, campaign);
        exposures.merge(gone, conversions, profile, &mut |campaign, before, after| {
            self.replace(within.key, campaign, before, after);
        });
    }

    /// Notes what reaches a user now.
    pub(super) fn reach(&mut self, workspace: &Workspace, user: &mut UserState, reaching: &[Reaching], now: Timestamp) {
        for Reaching { campaign, variant, is_sent } in reaching {
            let Some(entry) = workspace.campaigns.get(*campaign as usize) else { continue };
            self.reached(workspace, &mut user.exposures.reach, &entry.id, variant.as_ref(), now, *is_sent);
        }
    }

    fn reached(
        &mut self,
        workspace: &Workspace,
        reach: &mut Reach,
        campaign: &CampaignId,
        variant: Option<&VariantId>,
        at: Timestamp,
        is_sent: bool,
    ) {
        let Some(noted) = reach.note(campaign, variant, Date::of(at, 0), is_sent) else { return };
        // The message of another variant than they had when they came into the audience: an edit is between. They stay one user of one.
        let first = if noted.is_eligible_anew { None } else { named(workspace, noted.reached) };
        let first = first.map_or_else(|| variant.cloned(), |(_, first)| first);
        if noted.is_eligible_anew {
            self.count(workspace, campaign, first.clone(), at, Figure::Eligible);
        }
        if noted.is_sent_anew {
            self.count(workspace, campaign, first, at, Figure::Sent);
        }
    }

    /// Of two users who turned out to be one, one campaign may have reached both.
    fn replace_reached(&mut self, within: &Workspace, before: [Option<Reached>; 2], after: Option<Reached>) {
        let before = before.into_iter().flatten().map(|reached| (-1, reached));
        let all = before.chain(after.map(|reached| (1, reached)));
        let named = all.map(|(sign, reached)| named(within, reached).map(|names| (sign, reached, names)));
        // Where a variant has been taken out of its campaign meanwhile, both go on to count.
        let Some(named) = named.collect::<Option<Vec<_>>>() else { return };
        for (sign, Reached { eligible, sent, .. }, (campaign, variant)) in named {
            let days = [(Figure::Eligible, Some(eligible)), (Figure::Sent, sent)];
            for (figure, day) in days.into_iter().filter_map(|(figure, day)| Some((figure, day?))) {
                let (workspace, campaign, variant) = (within.key, campaign.clone(), variant.clone());
                let day = Date::from_days(day.into());
                self.add(ReportKey { workspace, campaign, variant, day, figure }, sign);
            }
        }
    }

    fn count(
        &mut self,
        workspace: &Workspace,
        campaign: &CampaignId,
        variant: Option<VariantId>,
        at: Timestamp,
        figure: Figure,
    ) {
        let (workspace, campaign, day) = (workspace.key, campaign.clone(), Date::of(at, 0));
        self.add(ReportKey { workspace, campaign, variant, day, figure }, 1);
    }
}

/// The campaign that reached somebody, and the variant, if the workspace still has both.
fn named(workspace: &Workspace, reached: Reached) -> Option<(CampaignId, Option<VariantId>)> {
    let entry = workspace.campaigns.iter().find(|entry| number_of(entry.id.as_str()) == reached.campaign)?;
    if reached.variant == 0 {
        return Some((entry.id.clone(), None));
    }
    let mut ids = entry.campaign.variants.iter().filter_map(|variant| variant.id.as_ref());
    let id = ids.find(|id| number_of(id.as_str()) == reached.variant)?;
    Some((entry.id.clone(), Some(id.clone())))
}

/// The variant, if the campaign has it: anybody can send any name, and reports have no room for all of them.
fn known_variant(entry: &CampaignEntry, variant: Option<&VariantId>) -> Option<VariantId> {
    variant.filter(|variant| entry.campaign.variants.get(variant).is_some()).cloned()
}

fn conversions_of<'w>(workspace: &'w Workspace, campaign: &CampaignId) -> &'w [Conversion] {
    workspace.campaign(campaign).map_or(&[], |entry| &entry.campaign.conversions)
}

const fn revenue<P>(kind: &RecordKind<P>) -> Option<(Currency, Hundredths)> {
    match kind {
        RecordKind::Purchase { price, currency, quantity, .. } => Some((*currency, price.times(*quantity))),
        _ => None,
    }
}
