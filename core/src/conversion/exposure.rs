//! What is kept of one user and one campaign, and the rule by which they convert.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Conversion;
use crate::{
    calendar::Date,
    ids::{ConversionId, VariantId},
    limits,
    protocol::{Currency, Hundredths},
    time::Timestamp,
};

/// Something that happened and may be a conversion. The order is that by which the first one is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Happened {
    /// When.
    #[serde(rename = "t")]
    pub at: Timestamp,
    /// What it brought, if it was a purchase: price times quantity.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub revenue: Option<(Currency, Hundredths)>,
}

/// An impression: when, and in which variant.
pub(super) type Impression = (Timestamp, Option<VariantId>);

/// What is kept of one user and one campaign for its report.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exposure {
    /// The variants that were seen, each with its first time, in the order of variants.
    #[serde(rename = "s", default)]
    seen: Vec<(Option<VariantId>, Timestamp)>,
    /// The last impressions, ascending, each once, of a campaign that has conversions.
    #[serde(rename = "i", default, skip_serializing_if = "Vec::is_empty")]
    impressions: Vec<Impression>,
    #[serde(rename = "c", default, skip_serializing_if = "BTreeMap::is_empty")]
    conversions: BTreeMap<ConversionId, Converted>,
}

/// That somebody converted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Converted {
    /// With what.
    #[serde(rename = "h")]
    pub happened: Happened,
    /// The impression that it is credited to: the last one at or before it.
    #[serde(rename = "i")]
    impression: Impression,
}

/// Something that reports count.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Figure {
    /// Users who were in the audience while the campaign ran.
    Eligible,
    /// Users to whom its message went.
    Sent,
    /// Impressions.
    Impressions,
    /// Users who saw the variant.
    UniqueImpressions,
    /// Of these, users who had seen another variant before.
    SeenAnother,
    /// Clicks, on whatever.
    Clicks,
    /// Clicks on that button.
    ButtonClicks(String),
    /// Dismissals.
    Dismissals,
    /// Users who converted so.
    Conversions(ConversionId),
    /// What their purchases brought, in hundredths.
    Revenue(ConversionId, Currency),
}

/// What one user adds to a figure of a campaign's report: of which variant, on which day (of UTC), which, and how much.
pub type Share = (Option<VariantId>, Date, Figure, i64);

impl Converted {
    /// The variant that it is credited to.
    pub const fn variant(&self) -> Option<&VariantId> {
        self.impression.1.as_ref()
    }
}

impl Exposure {
    /// How they converted, if they did.
    pub fn conversion(&self, id: &ConversionId) -> Option<&Converted> {
        self.conversions.get(id)
    }

    /// The impressions that are kept.
    pub(super) fn impressions(&self) -> &[Impression] {
        &self.impressions
    }

    /// Adds an impression; `is_kept`: also one by one.
    pub(super) fn see(&mut self, variant: Option<VariantId>, at: Timestamp, is_kept: bool) {
        match self.seen.binary_search_by(|(seen, _)| seen.cmp(&variant)) {
            Ok(place) => {
                if let Some((_, first)) = self.seen.get_mut(place) {
                    *first = at.min(*first);
                }
            }
            Err(_) if self.seen.len() >= limits::VARIANTS_SEEN => return,
            Err(place) => self.seen.insert(place, (variant.clone(), at)),
        }
        if is_kept {
            self.keep((at, variant));
        }
    }

    fn keep(&mut self, impression: Impression) {
        if let Err(place) = self.impressions.binary_search(&impression) {
            self.impressions.insert(place, impression);
            if self.impressions.len() > limits::IMPRESSIONS_KEPT {
                self.impressions.remove(0);
            }
        }
    }

    /// The impression that something is credited to, if the user converts with it, or converts sooner with it than they did.
    pub(super) fn credits(&self, conversion: &Conversion, happened: &Happened) -> Option<&Impression> {
        if self.conversions.get(&conversion.id).is_some_and(|known| known.happened <= *happened) {
            return None;
        }
        let last = self.last_at(happened.at)?;
        (happened.at.since(last.0) <= conversion.within).then_some(last)
    }

    /// Has the user convert with this, if they do.
    pub(super) fn offer(&mut self, conversion: &Conversion, happened: Happened) {
        if let Some(impression) = self.credits(conversion, &happened).cloned() {
            self.conversions.insert(conversion.id.clone(), Converted { happened, impression });
        }
    }

    /// Credits conversions to impressions that arrived after them.
    pub(super) fn credit_anew(&mut self) {
        for converted in self.conversions.values_mut() {
            let last = last_at(&self.impressions, converted.happened.at);
            if let Some(last) = last.filter(|last| **last > converted.impression) {
                converted.impression = last.clone();
            }
        }
    }

    fn last_at(&self, at: Timestamp) -> Option<&Impression> {
        last_at(&self.impressions, at)
    }

    /// Takes over what another exposure of the same person knows. What follows from both together is for the caller to offer.
    pub(super) fn merge(&mut self, other: Self) {
        for (variant, at) in other.seen {
            self.see(variant, at, false);
        }
        other.impressions.into_iter().for_each(|impression| self.keep(impression));
        for (id, theirs) in other.conversions {
            let is_sooner = |mine: &Converted| {
                (theirs.happened, std::cmp::Reverse(&theirs.impression))
                    < (mine.happened, std::cmp::Reverse(&mine.impression))
            };
            if self.conversions.get(&id).is_none_or(is_sooner) {
                self.conversions.insert(id, theirs);
            }
        }
        self.credit_anew();
    }

    /// What the user adds to the campaign's report. It follows from what is kept alone: the difference of what it is after something
    /// and what it was before is by how much the report changes.
    ///
    /// Users count on the day on which they first saw the variant, and so do their conversions: those of some days are of the users of
    /// these days, and never more than they are.
    pub fn shares(&self) -> Vec<Share> {
        let first = self.seen.iter().map(|(variant, at)| (*at, variant)).min();
        let mut shares = Vec::with_capacity(self.seen.len() + 2 * self.conversions.len());
        for (variant, at) in &self.seen {
            let day = Date::of(*at, 0);
            shares.push((variant.clone(), day, Figure::UniqueImpressions, 1));
            if first != Some((*at, variant)) {
                shares.push((variant.clone(), day, Figure::SeenAnother, 1));
            }
        }
        for (id, Converted { happened, impression: (at, variant) }) in &self.conversions {
            let seen = self.seen.iter().find(|(seen, _)| seen == variant).map_or(at, |(_, first)| first);
            let day = Date::of(*seen, 0);
            shares.push((variant.clone(), day, Figure::Conversions(id.clone()), 1));
            if let Some((currency, Hundredths(amount))) = happened.revenue {
                shares.push((variant.clone(), day, Figure::Revenue(id.clone(), currency), amount));
            }
        }
        shares
    }

    /// The memory that it takes, in bytes, about.
    pub(super) fn memory(&self) -> usize {
        const ID: usize = 24;
        self.seen.len() * (size_of::<(Option<VariantId>, Timestamp)>() + ID)
            + self.impressions.len() * (size_of::<Impression>() + ID)
            + self.conversions.len() * (size_of::<(ConversionId, Converted)>() + 2 * ID)
    }
}

fn last_at(impressions: &[Impression], at: Timestamp) -> Option<&Impression> {
    let later = impressions.partition_point(|impression| impression.0 <= at);
    impressions.get(later.checked_sub(1)?)
}

impl Figure {
    /// As it is stored.
    pub fn to_text(&self) -> String {
        match self {
            Self::Eligible => "eligible".to_owned(),
            Self::Sent => "sent".to_owned(),
            Self::Impressions => "impressions".to_owned(),
            Self::UniqueImpressions => "unique_impressions".to_owned(),
            Self::SeenAnother => "seen_another".to_owned(),
            Self::Clicks => "clicks".to_owned(),
            Self::ButtonClicks(button) => format!("clicks/{button}"),
            Self::Dismissals => "dismissals".to_owned(),
            Self::Conversions(id) => format!("conversions/{id}"),
            Self::Revenue(id, currency) => format!("revenue/{id}/{}", currency.as_str()),
        }
    }

    /// Reads what [`Figure::to_text`] wrote. `None`: it is none.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text.split_once('/') {
            None => match text {
                "eligible" => Self::Eligible,
                "sent" => Self::Sent,
                "impressions" => Self::Impressions,
                "unique_impressions" => Self::UniqueImpressions,
                "seen_another" => Self::SeenAnother,
                "clicks" => Self::Clicks,
                "dismissals" => Self::Dismissals,
                _ => return None,
            },
            Some(("clicks", button)) => Self::ButtonClicks(button.to_owned()),
            Some(("conversions", id)) => Self::Conversions(ConversionId::parse(id).ok()?),
            Some(("revenue", of)) => {
                let (id, currency) = of.split_once('/')?;
                Self::Revenue(ConversionId::parse(id).ok()?, Currency::parse(currency)?)
            }
            Some(_) => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_as_they_are_written() {
        let id = ConversionId::parse("bought").unwrap();
        for figure in [
            Figure::Eligible,
            Figure::Sent,
            Figure::Impressions,
            Figure::UniqueImpressions,
            Figure::SeenAnother,
            Figure::Clicks,
            Figure::ButtonClicks("a/b".into()),
            Figure::Dismissals,
            Figure::Conversions(id.clone()),
            Figure::Revenue(id, Currency::parse("EUR").unwrap()),
        ] {
            assert_eq!(Figure::parse(&figure.to_text()), Some(figure));
        }
        for bad in ["", "opens", "opens/x", "revenue/a", "revenue/a/XXX", "conversions/A"] {
            assert_eq!(Figure::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn who_saw_two_variants_counts_for_both_and_once_for_all() {
        let variant = |id: &str| Some(VariantId::parse(id).unwrap());
        let day = |day: i64| Timestamp::from_ms(day * 86_400_000);
        let mut exposure = Exposure::default();
        exposure.see(variant("b"), day(5), true);
        exposure.see(variant("a"), day(7), true);
        exposure.see(variant("a"), day(6), true);
        exposure.see(variant("b"), day(9), true);
        let date = |at| Date::of(day(at), 0);
        assert_eq!(
            exposure.shares(),
            [
                (variant("a"), date(6), Figure::UniqueImpressions, 1),
                (variant("a"), date(6), Figure::SeenAnother, 1),
                (variant("b"), date(5), Figure::UniqueImpressions, 1),
            ]
        );
    }
}
