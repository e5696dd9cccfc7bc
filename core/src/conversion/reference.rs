//! Attribution against a slow and obvious reading of the rule that has the whole history at once.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{Conversion, ConversionIndex, Exposures, Figure, Happened, Outcome, Share, definition::tests::read};
use crate::{
    calendar::Date,
    ids::{CampaignId, Seq, SessionId, Uuid, VariantId},
    limits,
    profile::{Origin, Profile, Stamp},
    protocol::{Currency, Hundredths, RecordKind},
    time::Timestamp,
    value::{Object, Value},
};

/// An hour, so that windows and days are a few steps long.
const STEP: i64 = 3_600_000;

type Definitions = BTreeMap<CampaignId, Vec<Conversion>>;

fn definitions() -> Definitions {
    let of = |id: &str, json: &str| (CampaignId::parse(id).unwrap(), read(json).unwrap());
    BTreeMap::from([
        of(
            "m",
            r#"[{"id":"bought","type":"purchase","within":"1d"},
                {"id":"large","type":"purchase","product_id":"p","where":[{"property":"n","greater":1}],"within":"6h"},
                {"id":"done","type":"custom_event","name":"e","within":"12h"},
                {"id":"back","type":"session_start","within":"3h"}]"#,
        ),
        of(
            "n",
            r#"[{"id":"done","type":"custom_event","name":"e","where":[{"property":"n","greater":1}],"within":"8h"},
                {"id":"bought","type":"purchase","product_id":"q","within":"2d"}]"#,
        ),
        of("o", "[]"),
    ])
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
struct Event {
    at: Timestamp,
    kind: RecordKind,
}

fn properties(kind: &RecordKind) -> Option<&Object> {
    match kind {
        RecordKind::CustomEvent { properties, .. } | RecordKind::Purchase { properties, .. } => properties.as_ref(),
        _ => None,
    }
}

fn revenue(kind: &RecordKind) -> Option<(Currency, Hundredths)> {
    match kind {
        RecordKind::Purchase { price, currency, quantity, .. } => Some((*currency, price.times(*quantity))),
        _ => None,
    }
}

fn matches(conversion: &Conversion, kind: &RecordKind) -> bool {
    let is_of = match (&conversion.of, kind) {
        (Outcome::Event(wanted), RecordKind::CustomEvent { name, .. }) => wanted == name,
        (Outcome::Purchase(wanted), RecordKind::Purchase { product_id, .. }) => {
            wanted.as_ref().is_none_or(|wanted| wanted == product_id)
        }
        (Outcome::SessionStart, RecordKind::SessionStart { .. }) => true,
        _ => false,
    };
    is_of && conversion.tests.iter().all(|test| test.holds(properties(kind)))
}

/// What a user adds to the report of a campaign, read off their whole history.
fn obvious(history: &[Event], campaign: &CampaignId, conversions: &[Conversion]) -> BTreeSet<Share> {
    let mut impressions: Vec<(Timestamp, Option<VariantId>)> = Vec::new();
    for Event { at, kind } in history {
        if let RecordKind::MessageImpression { message, variant } = kind
            && message == campaign
        {
            impressions.push((*at, variant.clone()));
        }
    }
    impressions.sort();
    let mut shares = BTreeSet::new();
    let mut first_seen: BTreeMap<Option<VariantId>, Timestamp> = BTreeMap::new();
    for (at, variant) in &impressions {
        if !first_seen.contains_key(variant) {
            let day = Date::of(*at, 0);
            shares.insert((variant.clone(), day, Figure::UniqueImpressions, 1));
            if !first_seen.is_empty() {
                shares.insert((variant.clone(), day, Figure::SeenAnother, 1));
            }
            first_seen.insert(variant.clone(), *at);
        }
    }
    for conversion in conversions {
        let mut candidates: Vec<Happened> = Vec::new();
        for Event { at, kind } in history {
            let follows = |impression: &&(Timestamp, Option<VariantId>)| {
                impression.0 <= *at && at.as_ms() - impression.0.as_ms() <= conversion.within.as_ms()
            };
            if matches(conversion, kind) && impressions.iter().any(|impression| follows(&impression)) {
                candidates.push(Happened { at: *at, revenue: revenue(kind) });
            }
        }
        candidates.sort();
        let Some(first) = candidates.first() else { continue };
        let (_, variant) = impressions.iter().rfind(|impression| impression.0 <= first.at).unwrap();
        let day = Date::of(first_seen[variant], 0);
        shares.insert((variant.clone(), day, Figure::Conversions(conversion.id.clone()), 1));
        if let Some((currency, amount)) = first.revenue {
            shares.insert((variant.clone(), day, Figure::Revenue(conversion.id.clone(), currency), amount.0));
        }
    }
    shares
}

/// A user as a server keeps them, with what their reports have come to by the changes that were told.
#[derive(Default)]
struct Kept {
    profile: Option<Profile>,
    exposures: Exposures,
}

struct Server<'d> {
    definitions: &'d Definitions,
    index: ConversionIndex,
    /// The report, as it grows and shrinks.
    report: BTreeMap<(CampaignId, Option<VariantId>, Date, Figure), i64>,
}

type Report = BTreeMap<(CampaignId, Option<VariantId>, Date, Figure), i64>;

fn note(report: &mut Report, campaign: &CampaignId, before: Vec<Share>, after: Vec<Share>) {
    for (sign, shares) in [(-1, before), (1, after)] {
        for (variant, day, figure, amount) in shares {
            let key = (campaign.clone(), variant, day, figure);
            *report.entry(key.clone()).or_default() += sign * amount;
            if report[&key] == 0 {
                report.remove(&key);
            }
        }
    }
}

impl<'d> Server<'d> {
    fn new(definitions: &'d Definitions) -> Self {
        let index = ConversionIndex::new(definitions.iter().map(|(id, conversions)| (id, conversions.as_slice())));
        Self { definitions, index, report: BTreeMap::new() }
    }

    fn arrive(&mut self, user: &mut Kept, Event { at, kind }: &Event) {
        let stamp = Stamp { origin: Origin::Identified, at: *at, seq: Seq(1) };
        let profile = user.profile.get_or_insert_with(|| Profile::new(*at));
        profile.apply(kind, stamp).unwrap();
        let (report, definitions) = (&mut self.report, self.definitions);
        let mut changed = |campaign: &CampaignId, before, after| note(report, campaign, before, after);
        if let RecordKind::MessageImpression { message, variant } = kind {
            user.exposures.see(message, (variant.clone(), *at), &definitions[message], profile, &mut changed);
        }
        for watch in self.index.of(kind) {
            if watch.tests.iter().all(|test| test.holds(properties(kind))) {
                let happened = Happened { at: *at, revenue: revenue(kind) };
                user.exposures.happen(watch, happened, |id| &definitions[id], &mut changed);
            }
        }
    }

    fn merge(&mut self, user: &mut Kept, gone: Kept) {
        match (&mut user.profile, gone.profile) {
            (Some(profile), Some(gone)) => profile.merge(gone),
            (mine, gone) => *mine = mine.take().or(gone),
        }
        let Some(profile) = &user.profile else { return };
        let (report, definitions) = (&mut self.report, self.definitions);
        let mut changed = |campaign: &CampaignId, before, after| note(report, campaign, before, after);
        user.exposures.merge(gone.exposures, |id| &definitions[id], profile, &mut changed);
    }
}

fn any_event() -> impl Strategy<Value = Event> {
    let numbered = |n: i32| {
        let mut properties = Object::new();
        properties.insert("n".into(), Value::from(n));
        properties
    };
    let variant = || prop::option::weighted(0.8, prop_oneof![5 => Just("a"), 1 => Just("b")]);
    let session = SessionId(Uuid::from_bytes([1; 16]));
    let kind = prop_oneof![
        5 => (prop_oneof![3 => Just("m"), 2 => Just("n"), 1 => Just("o")], variant()).prop_map(|(id, variant)| {
            RecordKind::MessageImpression {
                message: CampaignId::parse(id).unwrap(),
                variant: variant.map(|id| VariantId::parse(id).unwrap()),
            }
        }),
        4 => (prop_oneof![Just("e"), Just("f")], 0..4i32)
            .prop_map(move |(name, n)| RecordKind::CustomEvent { name: name.into(), properties: Some(numbered(n)) }),
        4 => (prop_oneof![Just("p"), Just("q")], 1..9i64, 1..3u32, prop_oneof![Just("EUR"), Just("USD")], 0..4i32)
            .prop_map(move |(product, price, quantity, currency, n)| RecordKind::Purchase {
                product_id: product.into(),
                price: Hundredths(price),
                currency: Currency::parse(currency).unwrap(),
                quantity,
                properties: Some(numbered(n)),
            }),
        1 => Just(RecordKind::SessionStart { session }),
    ];
    (0..96i64, kind).prop_map(|(hours, kind)| Event { at: Timestamp::from_ms(hours * STEP), kind })
}

/// A history of at most so many events that what is kept one by one suffices for all of them.
fn any_history() -> impl Strategy<Value = Vec<Event>> {
    prop::collection::vec(any_event(), 0..40).prop_map(|mut history| {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        history.retain(|Event { kind, .. }| {
            let (what, most) = match kind {
                RecordKind::MessageImpression { message, .. } => (format!("seen {message}"), limits::IMPRESSIONS_KEPT),
                RecordKind::CustomEvent { .. } => ("event".to_owned(), limits::OUTCOMES_KEPT),
                _ => ("other".to_owned(), limits::OUTCOMES_KEPT),
            };
            let count = counts.entry(what).or_default();
            *count += 1;
            *count <= most
        });
        history
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    /// In whatever order the records of up to three visitors arrive, and whenever two of them turn out to be the third, the report is that
    /// of the whole history of one person.
    #[test]
    fn the_report_is_that_of_the_whole_history(
        history in any_history().prop_flat_map(|history| Just(history).prop_shuffle()),
        owners in prop::collection::vec(0..3usize, 40),
        merged_at in (0..40usize, 0..40usize),
    ) {
        let definitions = definitions();
        let mut server = Server::new(&definitions);
        let mut users = [Some(Kept::default()), Some(Kept::default()), Some(Kept::default())];
        let mut survivor = Kept::default();
        for (place, (event, owner)) in history.iter().zip(&owners).enumerate() {
            for (gone, moment) in [(1, merged_at.0), (2, merged_at.1)] {
                if moment == place && let Some(gone) = users[gone].take() {
                    server.merge(users[0].as_mut().unwrap_or(&mut survivor), gone);
                }
            }
            let owner = if users[*owner].is_some() { *owner } else { 0 };
            server.arrive(users[owner].as_mut().unwrap_or(&mut survivor), event);
        }
        for gone in [1, 2] {
            if let Some(gone) = users[gone].take() {
                server.merge(users[0].as_mut().unwrap_or(&mut survivor), gone);
            }
        }
        let user = users[0].as_ref().unwrap();
        let mut wanted: Report = BTreeMap::new();
        for (campaign, conversions) in &definitions {
            let shares = obvious(&history, campaign, conversions);
            let kept: BTreeSet<Share> =
                user.exposures.of(campaign).map(|exposure| exposure.shares().into_iter().collect()).unwrap_or_default();
            prop_assert_eq!(&kept, &shares, "{}", campaign);
            for (variant, day, figure, amount) in shares {
                *wanted.entry((campaign.clone(), variant, day, figure)).or_default() += amount;
            }
        }
        prop_assert_eq!(&server.report, &wanted);
        let stored = rmp_serde::to_vec_named(&user.exposures).unwrap();
        prop_assert_eq!(&rmp_serde::from_slice::<Exposures>(&stored).unwrap(), &user.exposures);
    }

    /// However much happens, what is kept is bounded, and the report is what follows from it.
    #[test]
    fn what_is_kept_is_bounded(history in prop::collection::vec(any_event(), 300..400)) {
        let definitions = definitions();
        let mut server = Server::new(&definitions);
        let mut user = Kept::default();
        history.iter().for_each(|event| server.arrive(&mut user, event));
        prop_assert!(user.exposures.memory() < 12_000, "{}", user.exposures.memory());
        let mut wanted: Report = BTreeMap::new();
        for (campaign, exposure) in user.exposures.campaigns() {
            for (variant, day, figure, amount) in exposure.shares() {
                *wanted.entry((campaign.clone(), variant, day, figure)).or_default() += amount;
            }
        }
        prop_assert_eq!(&server.report, &wanted);
    }
}

#[test]
fn histories_convert() {
    // The property above would hold of histories in which nothing ever follows.
    use proptest::{strategy::ValueTree as _, test_runner::TestRunner};
    let (definitions, mut runner) = (definitions(), TestRunner::deterministic());
    let mut converted = BTreeSet::new();
    for _ in 0..200 {
        let history = any_history().new_tree(&mut runner).unwrap().current();
        for (campaign, conversions) in &definitions {
            for (variant, _, figure, _) in obvious(&history, campaign, conversions) {
                converted.insert((campaign.clone(), variant, figure));
            }
        }
    }
    let conversions = converted.iter().filter(|(_, _, figure)| matches!(figure, Figure::Conversions(_))).count();
    // Six conversions in three variants, of which one is none.
    assert_eq!(conversions, 18, "{converted:?}");
}

#[test]
fn the_rule_in_examples() {
    let definitions = definitions();
    let (campaign, conversions) = definitions.iter().next().unwrap();
    let at = |hours: i64| Timestamp::from_ms(hours * STEP);
    let seen = |hours, variant: &str| Event {
        at: at(hours),
        kind: RecordKind::MessageImpression {
            message: campaign.clone(),
            variant: Some(VariantId::parse(variant).unwrap()),
        },
    };
    let done = |hours| Event { at: at(hours), kind: RecordKind::CustomEvent { name: "e".into(), properties: None } };
    let converted = |history: &[Event]| {
        let mut user = Kept::default();
        let mut server = Server::new(&definitions);
        history.iter().for_each(|event| server.arrive(&mut user, event));
        let done = &conversions[2].id;
        let found = user.exposures.of(campaign).and_then(|exposure| exposure.conversion(done));
        found.map(|found| (found.happened.at, found.variant().unwrap().as_str().to_owned()))
    };
    let with = |hours, variant: &str| Some((at(hours), variant.to_owned()));
    // At the same instant, at the end of the window, and just after it.
    assert_eq!(converted(&[seen(1, "a"), done(1)]), with(1, "a"));
    assert_eq!(converted(&[seen(1, "a"), done(13)]), with(13, "a"));
    assert_eq!(converted(&[seen(1, "a"), done(14)]), None);
    assert_eq!(converted(&[done(1), seen(2, "a")]), None);
    // The first one counts, and the last impression before it.
    assert_eq!(converted(&[seen(1, "a"), done(3), seen(4, "b"), done(5)]), with(3, "a"));
    assert_eq!(converted(&[seen(1, "a"), seen(2, "b"), done(5)]), with(5, "b"));
    // The impression arrives after what followed from it, and then one in between.
    assert_eq!(converted(&[done(5), seen(1, "a")]), with(5, "a"));
    assert_eq!(converted(&[done(5), seen(1, "a"), seen(4, "b")]), with(5, "b"));
    // What arrives last was first.
    assert_eq!(converted(&[seen(1, "a"), done(5), done(2)]), with(2, "a"));
    assert_eq!(converted(&[seen(4, "b"), done(5), done(2), seen(1, "a")]), with(2, "a"));
}
