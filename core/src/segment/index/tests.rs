use std::sync::Arc;

use proptest::{prelude::*, sample::select};

use super::*;
use crate::{
    ids::{Seq, SessionId},
    profile::{Origin, Stamp},
    protocol::{AttributeChange, Channel, Currency, DeviceInfo, GroupState, Hundredths, Location, SubscriptionState},
    segment::{Host, Pattern, PatternError, Zones, evaluate, host::Devices},
    value::{Number, Object},
};

/// A place with regular expressions that are plain texts, and a zone whose clocks are changed every five hours, also at midnight.
#[derive(Debug)]
pub(in crate::segment) struct Here;

#[derive(Debug)]
struct Plain(String);

impl Pattern for Plain {
    fn matches(&self, text: &str) -> bool {
        text.contains(&self.0)
    }
}

impl Host for Here {
    fn pattern(&self, source: &str) -> Result<Arc<dyn Pattern>, PatternError> {
        Ok(Arc::new(Plain(source.to_owned())))
    }

    fn is_zone(&self, name: &str) -> bool {
        matches!(name, "UTC" | "Restless")
    }
}

impl Zones for Here {
    fn offset(&self, zone: &str, at: Timestamp) -> Option<i32> {
        match zone {
            "UTC" => Some(0),
            "Restless" => Some(if at.as_ms().div_euclid(5 * HOUR) % 2 == 0 { 7_200 } else { 3_600 }),
            _ => None,
        }
    }
}

const HOUR: i64 = 3_600_000;
/// 2024-02-27: a leap day and the end of a month are near.
pub(in crate::segment) const BEGIN: i64 = 1_708_992_000_000;

fn any_duration() -> impl Strategy<Value = &'static str> {
    select(vec!["2s", "5s", "3h", "30h", "4d"])
}

fn any_bounds() -> impl Strategy<Value = String> {
    prop_oneof![
        (0..4u8).prop_map(|n| format!(r#"{{"at_least":{n}}}"#)),
        (0..3u8).prop_map(|n| format!(r#"{{"at_most":{n}}}"#)),
        (0..3u8).prop_map(|n| format!(r#"{{"exactly":{n}}}"#)),
    ]
}

fn any_instant() -> impl Strategy<Value = String> {
    (-20..60i64).prop_map(|hours| format!(r#"{{"$time":{}}}"#, BEGIN + hours * HOUR))
}

fn any_time_test() -> impl Strategy<Value = String> {
    prop_oneof![
        any_instant().prop_map(|at| format!(r#""before":{at}"#)),
        any_instant().prop_map(|at| format!(r#""after":{at}"#)),
        any_duration().prop_map(|by| format!(r#""less_than_ago":"{by}""#)),
        any_duration().prop_map(|by| format!(r#""more_than_ago":"{by}""#)),
        any_duration().prop_map(|by| format!(r#""less_than_ahead":"{by}""#)),
        any_duration().prop_map(|by| format!(r#""more_than_ahead":"{by}""#)),
    ]
}

fn any_zone() -> impl Strategy<Value = &'static str> {
    select(vec!["user", "UTC", "Restless"])
}

fn any_window() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        any_duration().prop_map(|within| format!(r#","within":"{within}""#)),
        (1..4u8, any_zone()).prop_map(|(days, zone)| format!(r#","days":{days},"time_zone":"{zone}""#)),
    ]
}

fn any_value_test() -> impl Strategy<Value = String> {
    prop_oneof![
        select(vec![
            r#""is":1"#,
            r#""is":"ab""#,
            r#""is_not":2"#,
            r#""in":[1,"ab",true]"#,
            r#""not_in":[2,"AB"]"#,
            r#""is":"AB","ignore_case":true"#,
            r#""exists":true"#,
            r#""exists":false"#,
            r#""greater":1"#,
            r#""at_least":2"#,
            r#""less":1"#,
            r#""at_most":1"#,
            r#""between":[1,2]"#,
            r#""contains":"a""#,
            r#""contains":1"#,
            r#""starts_with":"A","ignore_case":true"#,
            r#""ends_with":"b""#,
            r#""matches":"b""#,
            r#""contains_any":[1,2]"#,
            r#""contains_all":[1,2]"#,
            r#""size":{"at_least":2}"#,
            r#""version_at_least":"1.2""#,
            r#""version_less":"1.10""#,
        ])
        .prop_map(str::to_owned),
        any_instant().prop_map(|at| format!(r#""greater":{at}"#)),
    ]
}

fn any_attribute() -> impl Strategy<Value = String> {
    let subject = select(vec![
        r#""custom_attribute":"x""#,
        r#""custom_attribute":"y""#,
        r#""custom_attribute":"x","path":["k"]"#,
        r#""attribute":"date_of_birth""#,
        r#""attribute":"time_zone""#,
        r#""attribute":"country""#,
    ]);
    let test = prop_oneof![
        3 => any_value_test(),
        1 => any_time_test(),
        1 => (0..5u8, any_zone())
            .prop_map(|(days, zone)| format!(r#""anniversary_within_days":{days},"time_zone":"{zone}""#)),
    ];
    (subject, test).prop_map(|(subject, test)| format!("{{{subject},{test}}}"))
}

fn any_occurrence() -> impl Strategy<Value = String> {
    let tracked = prop_oneof![
        Just(String::new()),
        Just(r#","where":[{"property":"size","greater":1}]"#.to_owned()),
        Just(r#","where":[{"property":"size","is_not":1},{"property":"o","path":["k"],"exists":true}]"#.to_owned()),
    ];
    let between = (-5..30i64, 0..30i64).prop_map(|(from, hours)| {
        let (first, last) = (BEGIN + from * HOUR, BEGIN + (from + hours) * HOUR);
        format!(r#","between":[{{"$time":{first}}},{{"$time":{last}}}]"#)
    });
    let source = select(vec![r#""event":"a""#, r#""event":"b""#, r#""purchase":{}"#, r#""purchase":{"product":"p"}"#]);
    let counted = prop_oneof![
        3 => (any_bounds(), any_window()).prop_map(|(bounds, window)| format!(r#","count":{bounds}{window}"#)),
        1 => any_window(),
        1 => any_time_test().prop_map(|test| format!(r#","first":{{{test}}}"#)),
        1 => any_time_test().prop_map(|test| format!(r#","last":{{{test}}}"#)),
    ];
    prop_oneof![
        6 => (source.clone(), tracked, counted.clone())
            .prop_map(|(source, tracked, counted)| format!("{{{source}{tracked}{counted}}}")),
        1 => (source, any_bounds(), between)
            .prop_map(|(source, bounds, between)| format!(r#"{{{source},"count":{bounds}{between}}}"#)),
        1 => counted.prop_map(|counted| format!(r#"{{"session":{{}}{counted}}}"#)),
    ]
}

fn any_leaf() -> impl Strategy<Value = String> {
    let amounts = select(vec![r#""at_least":5"#, r#""at_most":7.5"#, r#""at_least":2.5,"at_most":10"#]);
    let spent = (select(vec!["", r#","product":"p""#]), amounts, any_window())
        .prop_map(|(product, amounts, window)| format!(r#"{{"spent":"EUR"{product},{amounts}{window}}}"#));
    let message =
        (select(vec!["seen", "clicked", "dismissed"]), select(vec!["", r#","within":"5s""#, r#","within":"30h""#]))
            .prop_map(|(was, window)| format!(r#"{{"message":"m","was":"{was}"{window}}}"#));
    let plain = select(vec![
        r#"{"session_time":{"at_least":"10s"}}"#,
        r#"{"near":{"latitude":48.2,"longitude":16.4,"within_km":50}}"#,
        r#"{"device":"os","is":"Android"}"#,
        r#"{"device":"form","is_not":"phone"}"#,
        r#"{"subscription":"email","in":["opted_in","unknown"]}"#,
        r#"{"subscription":"push","is":"unsubscribed"}"#,
        r#"{"subscription_group":"g","is":"subscribed"}"#,
        r#"{"random_bucket":[0,5000]}"#,
        r#"{"anonymous":true}"#,
        r#"{"segment":"linked"}"#,
    ]);
    prop_oneof![
        5 => any_attribute(),
        8 => any_occurrence(),
        2 => spent,
        1 => message,
        2 => plain.prop_map(str::to_owned),
        1 => any_time_test().prop_map(|test| format!(r#"{{"first_seen":{{{test}}}}}"#)),
        1 => any_time_test().prop_map(|test| format!(r#"{{"last_seen":{{{test}}}}}"#)),
    ]
}

pub(in crate::segment) fn any_filter() -> impl Strategy<Value = String> {
    any_leaf().prop_recursive(3, 10, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|parts| format!(r#"{{"all":[{}]}}"#, parts.join(","))),
            prop::collection::vec(inner.clone(), 0..4).prop_map(|parts| format!(r#"{{"any":[{}]}}"#, parts.join(","))),
            inner.prop_map(|part| format!(r#"{{"not":{part}}}"#)),
        ]
    })
}

fn any_value() -> impl Strategy<Value = Value> {
    let json = select(vec![
        "null",
        "1",
        "2",
        "1.5",
        "true",
        r#""ab""#,
        r#""Ab""#,
        r#""1.2.0""#,
        r#""1.10""#,
        "[1,2]",
        "[1]",
        r#"["ab"]"#,
        r#"{"k":1}"#,
        r#"[{"k":2},{"k":"ab"}]"#,
        r#"{"k":"b"}"#,
    ]);
    prop_oneof![
        4 => json.prop_map(|json| serde_json::from_str(json).unwrap()),
        1 => (-20..60i64).prop_map(|hours| Value::Time(Timestamp::from_ms(BEGIN + hours * HOUR))),
    ]
}

fn any_properties() -> impl Strategy<Value = Option<Object>> {
    let json = select(vec![r#"{"size":1}"#, r#"{"size":2,"o":{"k":1}}"#, r#"{"size":3}"#, r#"{"o":{"k":null}}"#]);
    prop::option::of(json.prop_map(|json| serde_json::from_str(json).unwrap()))
}

fn any_kind() -> impl Strategy<Value = RecordKind> {
    let message = || CampaignId::parse("m").unwrap();
    prop_oneof![
        6 => (select(vec!["a", "b"]), any_properties())
            .prop_map(|(name, properties)| RecordKind::CustomEvent { name: name.into(), properties }),
        3 => (select(vec!["p", "q"]), select(vec![250, 500]), any_properties()).prop_map(|(product, price, properties)| {
            let currency = Currency::parse("EUR").unwrap();
            RecordKind::Purchase { product_id: product.into(), price: Hundredths(price), currency, quantity: 1, properties }
        }),
        4 => (select(vec!["x", "y"]), any_value()).prop_map(|(name, value)| RecordKind::CustomAttribute {
            name: name.into(),
            change: AttributeChange::Set { value },
        }),
        1 => select(vec!["x", "y"]).prop_map(|name| RecordKind::CustomAttribute {
            name: name.into(),
            change: AttributeChange::Increment { by: 1.into() },
        }),
        2 => select(vec![
            (StandardAttribute::DateOfBirth, "2000-02-29"),
            (StandardAttribute::DateOfBirth, "1999-02-28"),
            (StandardAttribute::DateOfBirth, "1999-03-02"),
            (StandardAttribute::TimeZone, "Restless"),
            (StandardAttribute::TimeZone, "UTC"),
            (StandardAttribute::Country, "AT"),
        ])
        .prop_map(|(name, value)| RecordKind::Attribute { name, value: value.into() }),
        1 => Just(RecordKind::SessionStart { session: SessionId(uuid::Uuid::nil()) }),
        1 => Just(RecordKind::MessageImpression { message: message(), variant: None }),
        1 => Just(RecordKind::MessageClick { message: message(), button: None, variant: None }),
        1 => select(vec![SubscriptionState::OptedIn, SubscriptionState::Unsubscribed])
            .prop_map(|state| RecordKind::Subscription { channel: Channel::Email, state }),
        1 => Just(RecordKind::SubscriptionGroup { group: "g".into(), state: GroupState::Subscribed }),
        1 => select(vec![48.0, 52.0]).prop_map(|latitude| RecordKind::Location(Location {
            latitude: Number::new(latitude).unwrap(),
            longitude: 16.into(),
            altitude: None,
            accuracy: None,
        })),
    ]
}

/// What happens: time passes, and then records come in, each so long ago or ahead.
#[derive(Debug, Clone)]
pub(in crate::segment) struct Step {
    pub(in crate::segment) passes: i64,
    pub(in crate::segment) records: Vec<(RecordKind, i64)>,
    device: Option<&'static str>,
    signs_in: bool,
}

pub(in crate::segment) fn any_step() -> impl Strategy<Value = Step> {
    let passes = select(vec![0, 1, 500, 1_999, 2_000, 5_000, HOUR, 3 * HOUR, 5 * HOUR, 24 * HOUR]);
    let ago = select(vec![0, 0, 0, 1, 700, 3_000, 2 * HOUR, 40 * HOUR, -2_000]);
    let records = prop::collection::vec((any_kind(), ago), 0..5);
    let device = prop::option::weighted(0.1, select(vec!["Android", "Windows"]));
    (passes, records, device, prop::bool::weighted(0.05)).prop_map(|(passes, records, device, signs_in)| Step {
        passes,
        records,
        device,
        signs_in,
    })
}

/// Keeps verdicts as the server does: evaluated when a condition is overturned or their time has come, and at no other time.
struct Kept {
    index: SegmentIndex,
    filters: Vec<Filter>,
    verdicts: Vec<Verdict>,
}

impl Kept {
    fn new(filters: Vec<Filter>) -> Self {
        let verdicts = vec![Verdict::lasting(false); filters.len()];
        Self { index: SegmentIndex::new(&filters), filters, verdicts }
    }

    fn evaluate(&mut self, segments: &[u32], subject: &Subject<'_>, now: Timestamp) {
        for segment in segments {
            let place = *segment as usize;
            self.verdicts[place] = evaluate(&self.filters[place], subject, now);
        }
    }

    fn due(&self, now: Timestamp) -> Vec<u32> {
        let is_due = |verdict: &Verdict| verdict.until.is_some_and(|until| until <= now);
        (0..).zip(&self.verdicts).filter(|(_, verdict)| is_due(verdict)).map(|(place, _)| place).collect()
    }

    fn check(&self, subject: &Subject<'_>, now: Timestamp) -> Result<(), TestCaseError> {
        for (filter, kept) in self.filters.iter().zip(&self.verdicts) {
            let scratch = evaluate(filter, subject, now);
            prop_assert_eq!(kept.matches, scratch.matches, "{:?} at {:?} of {:?}", filter, now, subject.profile);
            prop_assert!(scratch.until.is_none_or(|until| until > now), "{filter:?} at {now:?}: {scratch:?}");
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// The promise of live segments: whatever happens, and however much time passes, what is kept is what evaluating every segment
    /// from scratch gives.
    #[test]
    fn what_is_kept_is_what_evaluating_from_scratch_gives(
        filters in prop::collection::vec(any_filter(), 1..12),
        linked in any_leaf().prop_filter("no circle", |filter| !filter.contains("linked")),
        bucket in select(vec![0_u16, 9_000]),
        steps in prop::collection::vec(any_step(), 1..20),
    ) {
        let parse = |json: &str| Filter::parse(&serde_json::from_str(json).unwrap(), &Here).unwrap_or_else(|e| panic!("{json}: {e}"));
        let linked = Arc::new(parse(&linked));
        let mut filters: Vec<Filter> = filters.iter().map(|json| parse(json)).collect();
        for filter in &mut filters {
            filter.link(&mut |_| Some(Arc::clone(&linked)));
        }
        let mut kept = Kept::new(filters);
        let mut now = BEGIN;
        let mut profile = Profile::new(Timestamp::from_ms(now));
        let mut devices: Vec<DeviceInfo> = Vec::new();
        let mut is_anonymous = true;
        let mut seq = 0;
        fn subject<'a>(profile: &'a Profile, devices: &'a dyn Devices, is_anonymous: bool, bucket: u16) -> Subject<'a> {
            Subject { profile, is_anonymous, bucket, devices, zones: &Here }
        }
        let initial = kept.index.initial().to_vec();
        kept.evaluate(&initial, &subject(&profile, &devices, is_anonymous, bucket), Timestamp::from_ms(now));
        kept.check(&subject(&profile, &devices, is_anonymous, bucket), Timestamp::from_ms(now))?;
        for Step { passes, records, device, signs_in } in steps {
            now += passes;
            let at = Timestamp::from_ms(now);
            let before = kept.index.before(
                records.iter().map(|(kind, _)| kind),
                &subject(&profile, &devices, is_anonymous, bucket),
                at,
            );
            for (kind, ago) in &records {
                seq += 1;
                let at = Timestamp::from_ms(now - ago);
                profile.apply(kind, Stamp { origin: Origin::Identified, at, seq: Seq(seq) }).unwrap();
                let properties = match kind {
                    RecordKind::CustomEvent { properties, .. } | RecordKind::Purchase { properties, .. } => properties.as_ref(),
                    _ => None,
                };
                for tracked in kept.index.tracked.of(kind) {
                    if tracked.counts(properties, at) {
                        profile.track(tracked.id, at);
                    }
                }
            }
            if let Some(os) = device {
                devices.push(DeviceInfo { os: Some(os.to_owned()), ..DeviceInfo::default() });
            }
            let mut segments = before.overturned(&subject(&profile, &devices, is_anonymous, bucket), at);
            if signs_in {
                is_anonymous = false;
                segments.extend(kept.index.identity());
            }
            segments.extend(kept.due(at));
            let subject = subject(&profile, &devices, is_anonymous, bucket);
            kept.evaluate(&segments, &subject, at);
            kept.check(&subject, at)?;
            // At the moment when the first of them comes due, and just before it.
            if let Some(due) = kept.verdicts.iter().filter_map(|verdict| verdict.until).min() {
                kept.check(&subject, Timestamp::from_ms(due.as_ms() - 1))?;
            }
        }
    }
}

#[test]
fn only_what_is_overturned_is_named() {
    let parse = |json: &str| Filter::parse(&serde_json::from_str(json).unwrap(), &Here).unwrap();
    let filters = [
        parse(r#"{"event":"a","count":{"at_least":2}}"#),
        parse(r#"{"event":"a","count":{"at_least":3}}"#),
        parse(r#"{"all":[{"event":"b"},{"not":{"event":"a","within":"1d"}}]}"#),
        parse(r#"{"custom_attribute":"x","is":1}"#),
        parse(r#"{"custom_attribute":"x","greater":5}"#),
        parse(r#"{"attribute":"email","exists":true}"#),
    ];
    let index = SegmentIndex::new(&filters);
    assert!(index.initial().is_empty());
    let mut profile = Profile::new(Timestamp::from_ms(0));
    let now = Timestamp::from_ms(1_000);
    let mut overturned = |kind: RecordKind| {
        let before = index.before([&kind], &Subject::of(&profile), now);
        profile.apply(&kind, Stamp { origin: Origin::Identified, at: now, seq: Seq(1) }).unwrap();
        before.overturned(&Subject::of(&profile), now)
    };
    let event = || RecordKind::CustomEvent { name: "a".into(), properties: None };
    let set = |value: i32| RecordKind::CustomAttribute {
        name: "x".into(),
        change: AttributeChange::Set { value: value.into() },
    };
    assert_eq!(overturned(event()), [2]);
    assert_eq!(overturned(event()), [0]);
    assert_eq!(overturned(event()), [1]);
    assert!(overturned(event()).is_empty());
    assert_eq!(overturned(set(3)), [4]);
    assert!(overturned(set(4)).is_empty());
}
