//! What records do to the reports of campaigns.
//!
//! What happens again and again (impressions, clicks, dismissals) adds up. What counts users (unique impressions, conversions and what
//! they brought) follows from what is kept of each: reports change by the difference of what follows after something and what followed
//! before. So a record that arrives late corrects a report, and so does a visitor who turns out to be somebody.

use std::collections::{HashMap, hash_map::Entry};

use kindling_core::{
    calendar::Date,
    conversion::{Conversion, Exposures, Figure, Happened, Share},
    ids::{CampaignId, VariantId},
    protocol::{Currency, Hundredths, Record, RecordKind},
    time::Timestamp,
    value::Checked,
};

use super::{Properties, UserState};
use crate::{
    catalog::{CampaignEntry, Workspace},
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
    pub(super) fn merge(&mut self, within: &Workspace, user: &mut UserState, gone: Exposures) {
        let UserState { profile, exposures, .. } = user;
        let conversions = |campaign: &CampaignId| conversions_of(within, campaign);
        exposures.merge(gone, conversions, profile, &mut |campaign, before, after| {
            self.replace(within.key, campaign, before, after);
        });
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
