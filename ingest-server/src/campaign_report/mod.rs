//! What a campaign came to: its report, put together from the numbers that the store has.

mod csv;

use std::collections::{BTreeMap, BTreeSet};

use kindling_core::{
    calendar::Date,
    conversion::{Comparison, Figure, Interval, Rate, wilson},
    ids::{ConversionId, VariantId},
    protocol::{Currency, Hundredths},
};
use serde::Serialize;

use crate::{campaign::Campaign, store::ReportRows};

/// What a campaign came to in some days. `docs/reports.md` says what each figure is.
#[derive(Debug, Serialize)]
pub struct CampaignReport {
    /// Of all variants but the control group.
    totals: Figures,
    /// Of each variant, as the campaign lists them; then of those that it no longer has, and of what names none.
    variants: Vec<VariantReport>,
    /// Of each day on which there was something.
    days: Vec<DayReport>,
}

/// What happened, and how many users it was.
#[derive(Debug, Default, Clone, Serialize)]
struct Figures {
    eligible: u64,
    sent: u64,
    impressions: u64,
    unique_impressions: u64,
    clicks: u64,
    /// Clicks by button.
    buttons: BTreeMap<String, u64>,
    dismissals: u64,
    conversions: BTreeMap<ConversionId, ConversionFigures>,
}

#[derive(Debug, Default, Clone, Serialize)]
struct ConversionFigures {
    /// Users who converted.
    users: u64,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    revenue: BTreeMap<Currency, Hundredths>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    rate: Option<RateView>,
    /// How the rate compares with that of the control group.
    #[serde(skip_serializing_if = "Option::is_none")]
    against_control: Option<ComparisonView>,
}

/// The share of users who saw it.
#[derive(Debug, Clone, Copy, Serialize)]
struct RateView {
    rate: f64,
    rate_interval: IntervalView,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct IntervalView {
    low: f64,
    high: f64,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct ComparisonView {
    difference: f64,
    difference_interval: IntervalView,
    #[serde(skip_serializing_if = "Option::is_none")]
    lift: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lift_interval: Option<IntervalView>,
    significant: bool,
}

#[derive(Debug, Serialize)]
struct VariantReport {
    /// Null: of what names no variant.
    variant: Option<VariantId>,
    control: bool,
    #[serde(flatten)]
    figures: Figures,
}

#[derive(Debug, Serialize)]
struct DayReport {
    day: String,
    #[serde(flatten)]
    totals: Figures,
    variants: Vec<VariantReport>,
}

impl CampaignReport {
    /// The report of a campaign with these numbers.
    pub fn new(campaign: &Campaign, rows: &ReportRows) -> Self {
        let named = campaign.variants.iter().filter(|variant| variant.id.is_some());
        let mut listed: Vec<(Option<VariantId>, bool)> =
            named.map(|variant| (variant.id.clone(), variant.is_control())).collect();
        let found: BTreeSet<&Option<VariantId>> = rows.keys().map(|(_, variant, _)| variant).collect();
        // `None` is less than any id, and comes last.
        for variant in found.into_iter().rev() {
            if listed.iter().all(|(known, _)| known != variant) {
                listed.push((variant.clone(), false));
            }
        }
        let conversions: Vec<&ConversionId> = campaign.conversions.iter().map(|conversion| &conversion.id).collect();
        let of_days = |days: &ReportRows| Part::new(days, &listed, &conversions);
        let Part { totals, variants } = of_days(rows);
        let mut days: BTreeMap<Date, ReportRows> = BTreeMap::new();
        for (key, amount) in rows {
            days.entry(key.0).or_default().insert(key.clone(), *amount);
        }
        let days = days.into_iter().map(|(day, rows)| {
            let Part { totals, variants } = of_days(&rows);
            DayReport { day: day.to_string(), totals, variants }
        });
        Self { totals, variants, days: days.collect() }
    }
}

struct Part {
    totals: Figures,
    variants: Vec<VariantReport>,
}

impl Part {
    fn new(rows: &ReportRows, listed: &[(Option<VariantId>, bool)], conversions: &[&ConversionId]) -> Self {
        let empty = || Figures {
            conversions: conversions.iter().map(|id| ((*id).clone(), ConversionFigures::default())).collect(),
            ..Figures::default()
        };
        let mut totals = Sums::new(empty());
        let mut controls = Sums::new(empty());
        let mut sums: Vec<Sums> = listed.iter().map(|_| Sums::new(empty())).collect();
        for ((_, variant, figure), amount) in rows {
            let amount = *amount;
            let Some(place) = listed.iter().position(|(known, _)| known == variant) else { continue };
            if let Some(sum) = sums.get_mut(place) {
                sum.add(figure, amount);
            }
            let is_control = listed.get(place).is_some_and(|(_, is_control)| *is_control);
            if is_control { &mut controls } else { &mut totals }.add(figure, amount);
        }
        let controls = controls.all();
        let has_control = listed.iter().any(|(_, is_control)| *is_control);
        let variants = listed.iter().zip(sums).map(|((variant, control), sums)| {
            let against = (has_control && !control).then_some(&controls);
            VariantReport { variant: variant.clone(), control: *control, figures: sums.each().rated(against) }
        });
        Self { variants: variants.collect(), totals: totals.all().rated(has_control.then_some(&controls)) }
    }
}

/// Figures that are being added up.
struct Sums {
    figures: Figures,
    seen_another: u64,
}

impl Sums {
    const fn new(figures: Figures) -> Self {
        Self { figures, seen_another: 0 }
    }

    fn add(&mut self, figure: &Figure, amount: i64) {
        let figures = &mut self.figures;
        let count = match figure {
            Figure::Eligible => &mut figures.eligible,
            Figure::Sent => &mut figures.sent,
            Figure::Impressions => &mut figures.impressions,
            Figure::UniqueImpressions => &mut figures.unique_impressions,
            Figure::SeenAnother => &mut self.seen_another,
            Figure::Clicks => &mut figures.clicks,
            Figure::ButtonClicks(button) => figures.buttons.entry(button.clone()).or_default(),
            Figure::Dismissals => &mut figures.dismissals,
            Figure::Conversions(id) => &mut figures.conversions.entry(id.clone()).or_default().users,
            Figure::Revenue(id, currency) => {
                let revenue = &mut figures.conversions.entry(id.clone()).or_default().revenue;
                let sum = revenue.entry(*currency).or_default();
                *sum = sum.plus(Hundredths(amount));
                return;
            }
        };
        *count = count.saturating_add_signed(amount);
    }

    /// Of one variant.
    fn each(self) -> Figures {
        self.figures
    }

    /// Of several: who saw more than one of them is one user.
    fn all(self) -> Figures {
        let unique_impressions = self.figures.unique_impressions.saturating_sub(self.seen_another);
        Figures { unique_impressions, ..self.figures }
    }
}

impl Figures {
    /// With the rates of conversions, and how they compare with those of the control group.
    fn rated(mut self, control: Option<&Self>) -> Self {
        for (id, conversion) in &mut self.conversions {
            let Some(rate) = Rate::new(conversion.users, self.unique_impressions) else { continue };
            conversion.rate = Some(RateView { rate: rate.value(), rate_interval: wilson(rate).into() });
            let of_control = control.and_then(|control| {
                let users = control.conversions.get(id).map_or(0, |conversion| conversion.users);
                Rate::new(users, control.unique_impressions)
            });
            conversion.against_control = of_control.map(|other| rate.against(other).into());
        }
        self
    }
}

impl From<Interval> for IntervalView {
    fn from(Interval { low, high }: Interval) -> Self {
        Self { low, high }
    }
}

impl From<Comparison> for ComparisonView {
    fn from(comparison: Comparison) -> Self {
        Self {
            difference: comparison.difference,
            difference_interval: comparison.difference_interval.into(),
            lift: comparison.lift,
            lift_interval: comparison.lift_interval.map(Into::into),
            significant: comparison.is_significant,
        }
    }
}
