//! Filters on a device: which it can evaluate, and on what.
//!
//! A device has a *mirror* of its user's profile: the part that its filters look at, as the server had it when it last answered, with the
//! records that the server has not acknowledged since. Both are what the server knows, or is about to: so the same code comes to the same
//! verdict, only earlier.

use super::{
    evaluate::evaluate,
    filter::{AttributeTest, Condition, Filter, OccurrenceTest, Source, Window, Zone},
    host::{Device, Subject},
    test::Test,
};
use crate::{
    decode::{DecodeError, Path},
    profile::{Origin, Profile, Stamp},
    protocol::Record,
    time::Timestamp,
    value::Value,
};

impl Filter {
    /// Refuses, with the place and the reason, a filter that asks what a device can't know. The filter was read there.
    pub fn check_for_device(&self, path: &Path<'_>) -> Result<(), DecodeError> {
        let each = |name: &str, parts: &[Self]| {
            let list = Path::Member(path, name);
            parts.iter().enumerate().try_for_each(|(place, part)| part.check_for_device(&Path::Element(&list, place)))
        };
        match self {
            Self::All(parts) => each("all", parts),
            Self::Any(parts) => each("any", parts),
            Self::Not(part) => part.check_for_device(&Path::Member(path, "not")),
            Self::Segment(..) => Err(Path::Member(path, "segment")
                .expected("no other segment: a device has this filter only, and not those of segments")),
            Self::Condition(condition) => condition
                .objection()
                .map_or(Ok(()), |(member, expected)| Err(Path::Member(path, member).expected(expected))),
        }
    }
}

const ZONE: (&str, &str) =
    ("time_zone", "\"UTC\": a device does not know when clocks of other zones are changed, nor the user's zone");
const PATTERN: (&str, &str) = ("matches", "no regular expression: a device has none");

impl Condition {
    /// What a device does not know of it: the member, and what was expected there.
    fn objection(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Attribute { test: AttributeTest::Value(Test { pattern: Some(_), .. }), .. } => Some(PATTERN),
            Self::Attribute { test: AttributeTest::Anniversary(anniversary), .. } => zone(&anniversary.zone),
            Self::Attribute { test: AttributeTest::Value(_) | AttributeTest::Time(_), .. } => None,
            Self::Occurrences { of: Source::Tracked(tracked), .. } => Some(if tracked.properties.is_empty() {
                ("between", "no between: only the server counts by dates")
            } else {
                ("where", "no where: only the server counts by properties")
            }),
            Self::Occurrences { test: OccurrenceTest::Count(_, window), .. } => window_objection(window),
            Self::Occurrences { test: OccurrenceTest::First(_) | OccurrenceTest::Last(_), .. } => None,
            Self::Spent(spent) => window_objection(&spent.window),
            Self::Device(..) => {
                Some(("device", "no condition on devices: a device knows nothing of the user's other ones"))
            }
            Self::RandomBucket(..) => Some((
                "random_bucket",
                "no random_bucket: it is of the server's name for the user, which a device does not know",
            )),
            Self::SessionTime(_)
            | Self::FirstSeen(_)
            | Self::LastSeen(_)
            | Self::Near(_)
            | Self::Subscription(..)
            | Self::SubscriptionGroup(..)
            | Self::Anonymous(_) => None,
        }
    }
}

fn window_objection(window: &Window) -> Option<(&'static str, &'static str)> {
    match window {
        Window::Days(_, of) => zone(of),
        Window::Ever | Window::Within(_) => None,
    }
}

fn zone(zone: &Zone) -> Option<(&'static str, &'static str)> {
    match zone {
        Zone::Named(name) if name == "UTC" => None,
        Zone::Named(_) | Zone::OfUser => Some(ZONE),
    }
}

/// What a device knows of its user.
#[derive(Debug)]
pub struct Mirror {
    profile: Profile,
    is_anonymous: bool,
}

impl Mirror {
    /// What the server sent of the user: see [`Profile::excerpt`].
    pub fn new(excerpt: Profile, is_anonymous: bool) -> Self {
        Self { profile: excerpt, is_anonymous }
    }

    /// Adds a record that the server has not acknowledged. What there is no room for the server will refuse as well.
    pub fn add<P>(&mut self, record: &Record<P>) {
        let origin = if self.is_anonymous { Origin::Anonymous } else { Origin::Identified };
        _ = self.profile.apply(&record.kind, Stamp { origin, at: record.at, seq: record.seq });
    }

    /// Whether a filter holds of the user; `None`: it is none that this can read.
    pub fn evaluate(&self, filter: &Value, now: Timestamp) -> Option<bool> {
        let filter = Filter::parse_within(filter, &Path::Wire, &Device).ok()?;
        let subject = Subject { is_anonymous: self.is_anonymous, ..Subject::of(&self.profile) };
        Some(evaluate(&filter, &subject, now).matches)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        ids::Seq,
        segment::index::tests::{BEGIN, Here, Step, any_filter, any_step},
    };

    fn refusal(filter: &str) -> Option<String> {
        let filter = Filter::parse(&serde_json::from_str(filter).unwrap(), &Here).unwrap();
        filter.check_for_device(&Path::Definition).err().map(|error| error.to_string())
    }

    #[test]
    fn what_a_device_can_not_know_is_refused_where_it_stands() {
        for (filter, wanted) in [
            (r#"{"segment":"a"}"#, "at $.segment: expected no other segment"),
            (
                r#"{"all":[{"event":"a"},{"not":{"segment":"a"}}]}"#,
                "at $.all[1].not.segment: expected no other segment",
            ),
            (
                r#"{"any":[{"custom_attribute":"x","matches":"^a"}]}"#,
                "at $.any[0].matches: expected no regular expression",
            ),
            (r#"{"event":"a","where":[{"property":"p","is":1}]}"#, "at $.where: expected no where"),
            (r#"{"purchase":{},"between":["2026-01-01","2026-02-01"]}"#, "at $.between: expected no between"),
            (r#"{"event":"a","days":7}"#, "at $.time_zone: expected \"UTC\""),
            (r#"{"session":{},"days":7,"time_zone":"Restless"}"#, "at $.time_zone: expected \"UTC\""),
            (r#"{"spent":"EUR","at_least":1,"days":7,"time_zone":"user"}"#, "at $.time_zone: expected \"UTC\""),
            (r#"{"attribute":"date_of_birth","anniversary_within_days":0}"#, "at $.time_zone: expected \"UTC\""),
            (r#"{"device":"os","is":"Android"}"#, "at $.device: expected no condition on devices"),
            (r#"{"random_bucket":[0,99]}"#, "at $.random_bucket: expected no random_bucket"),
        ] {
            let refused = refusal(filter).unwrap_or_else(|| panic!("{filter} is taken"));
            assert!(refused.starts_with(wanted), "{filter}: {refused}");
        }
        for filter in [
            r#"{"custom_attribute":"x","path":["k"],"is":"A","ignore_case":true}"#,
            r#"{"attribute":"date_of_birth","anniversary_within_days":0,"time_zone":"UTC"}"#,
            r#"{"event":"a","count":{"at_least":3},"within":"1h"}"#,
            r#"{"purchase":{"product":"p"},"days":7,"time_zone":"UTC"}"#,
            r#"{"spent":"EUR","at_least":1}"#,
            r#"{"session":{},"count":{"at_least":2}}"#,
            r#"{"message":"m","was":"clicked","within":"1d"}"#,
            r#"{"all":[{"anonymous":true},{"first_seen":{"less_than_ago":"1d"}},{"subscription":"email","is":"unknown"}]}"#,
        ] {
            assert_eq!(refusal(filter), None, "{filter}");
        }
    }

    #[test]
    fn a_filter_that_a_device_does_not_know_is_not_evaluated() {
        let mirror = Mirror::new(Profile::new(Timestamp::from_ms(0)), true);
        let evaluate = |json: &str| mirror.evaluate(&serde_json::from_str(json).unwrap(), Timestamp::from_ms(0));
        assert_eq!(evaluate(r#"{"anonymous":true}"#), Some(true));
        assert_eq!(evaluate(r#"{"anonymous":false}"#), Some(false));
        assert_eq!(evaluate(r#"{"moon":"full"}"#), None);
        assert_eq!(evaluate("null"), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_024))]

        /// The promise of filters on devices: of whatever was acknowledged the excerpt says as much as the profile, and with what waits the
        /// verdict is the one that the server comes to when it has that as well.
        #[test]
        fn a_mirror_says_what_the_server_will_say(
            filter in any_filter().prop_filter("a device can evaluate it", |filter| refusal(filter).is_none()),
            others in prop::collection::vec(any_filter(), 0..2),
            acknowledged in prop::collection::vec(any_step(), 0..8),
            waiting in prop::collection::vec(any_step(), 0..4),
            is_anonymous in any::<bool>(),
        ) {
            let written: Value = serde_json::from_str(&filter).unwrap();
            let parse = |json: &str| Filter::parse(&serde_json::from_str(json).unwrap(), &Here).unwrap();
            let (filter, others) = (parse(&filter), others.iter().map(|json| parse(json)).collect::<Vec<_>>());
            let origin = if is_anonymous { Origin::Anonymous } else { Origin::Identified };
            let (mut now, mut seq) = (BEGIN, 0);
            let mut records = |steps: Vec<Step>| {
                let mut records: Vec<Record> = Vec::new();
                for step in steps {
                    now += step.passes;
                    for (kind, ago) in step.records {
                        seq += 1;
                        records.push(Record { seq: Seq(seq), at: Timestamp::from_ms(now - ago), kind });
                    }
                }
                (records, Timestamp::from_ms(now))
            };
            let mut whole = Profile::new(Timestamp::from_ms(BEGIN));
            let apply = |whole: &mut Profile, records: &[Record]| {
                for record in records {
                    whole.apply(&record.kind, Stamp { origin, at: record.at, seq: record.seq }).unwrap();
                }
            };
            apply(&mut whole, &records(acknowledged).0);
            // It travels as JSON.
            let excerpt = serde_json::to_string(&whole.excerpt(others.iter().chain([&filter]))).unwrap();
            let mut mirror = Mirror::new(serde_json::from_str(&excerpt).unwrap(), is_anonymous);
            let (waiting, now) = records(waiting);
            apply(&mut whole, &waiting);
            waiting.iter().for_each(|record| mirror.add(record));
            let subject = Subject { is_anonymous, ..Subject::of(&whole) };
            prop_assert_eq!(mirror.evaluate(&written, now), Some(evaluate(&filter, &subject, now).matches), "{:?}", mirror);
        }
    }
}
