//! From what happens to the conversions that it may be.

use std::collections::HashMap;

use super::{Conversion, Outcome};
use crate::{ids::CampaignId, protocol::RecordKind, segment::PropertyTest};

/// The conversions of all campaigns of a workspace, by what happens.
#[derive(Debug, Clone, Default)]
pub struct ConversionIndex {
    watches: HashMap<Outcome, Vec<Watch>>,
    /// What is tested, ascending.
    tested: Vec<u64>,
}

/// Something that is asked of what happens, and the campaigns that ask it.
#[derive(Debug, Clone, PartialEq)]
pub struct Watch {
    of: Outcome,
    /// All of these must hold of its properties.
    pub tests: Vec<PropertyTest>,
    pub(super) tested: Option<u64>,
    /// Ascending, each once.
    pub(super) campaigns: Vec<CampaignId>,
}

impl Watch {
    /// Whether a conversion is what is asked.
    pub(super) fn is_for(&self, conversion: &Conversion) -> bool {
        (self.tested, &self.of) == (conversion.tested, &conversion.of)
    }
}

impl ConversionIndex {
    /// An index of these campaigns' conversions.
    pub fn new<'a>(campaigns: impl IntoIterator<Item = (&'a CampaignId, &'a [Conversion])>) -> Self {
        let mut index = Self::default();
        for (campaign, conversions) in campaigns {
            for Conversion { of, tests, tested, .. } in conversions {
                index.tested.extend(*tested);
                let watches = index.watches.entry(of.clone()).or_default();
                match watches.iter_mut().find(|watch| watch.tested == *tested) {
                    Some(watch) => watch.campaigns.push(campaign.clone()),
                    None => watches.push(Watch {
                        of: of.clone(),
                        tests: tests.clone(),
                        tested: *tested,
                        campaigns: vec![campaign.clone()],
                    }),
                }
            }
        }
        for watch in index.watches.values_mut().flatten() {
            watch.campaigns.sort_unstable();
            watch.campaigns.dedup();
        }
        index.tested.sort_unstable();
        index.tested.dedup();
        index
    }

    /// What is asked of such a record.
    pub fn of<P>(&self, kind: &RecordKind<P>) -> impl Iterator<Item = &Watch> {
        let outcomes = if self.watches.is_empty() { [None, None] } else { Outcome::of(kind) };
        outcomes.into_iter().flatten().filter_map(|of| self.watches.get(&of)).flatten()
    }

    /// Whether something is tested that has this number.
    pub(super) fn tests(&self, tested: u64) -> bool {
        self.tested.binary_search(&tested).is_ok()
    }
}
