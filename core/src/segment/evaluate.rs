//! Evaluating a filter: whether it holds now, and until when that is certain.

use serde::{Deserialize, Serialize};

use super::filter::{AttributeRef, EventCount, Filter};
use crate::{profile::Profile, time::Timestamp};

/// The outcome of a filter for one profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Whether the profile matches now.
    pub matches: bool,
    /// The earliest instant at which `matches` could change although nothing happens; `None`: never.
    pub until: Option<Timestamp>,
}

impl Verdict {
    const fn lasting(matches: bool) -> Self {
        Self { matches, until: None }
    }
}

/// Evaluates the filter at `now`. It costs a look-up for each condition, and no scan of the history.
pub fn evaluate(filter: &Filter, profile: &Profile, now: Timestamp) -> Verdict {
    match filter {
        Filter::All(parts) => combine(parts, profile, now, true),
        Filter::Any(parts) => combine(parts, profile, now, false),
        Filter::Not(part) => {
            let verdict = evaluate(part, profile, now);
            Verdict { matches: !verdict.matches, ..verdict }
        }
        Filter::Attribute(attribute, test) => {
            let value = match attribute {
                AttributeRef::Standard(attribute) => profile.standard(*attribute),
                AttributeRef::Custom(name) => profile.custom(name),
            };
            Verdict::lasting(test.holds(value))
        }
        Filter::EventCount(count) => event_count(count, profile, now),
    }
}

/// "All" and "any" are one rule seen from two sides. While every part agrees with `neutral` (true for "all", false for "any"),
/// the first part to change can change the whole. Once some parts disagree, the whole changes only after *every* one of those
/// has changed: not before the last of them.
fn combine(parts: &[Filter], profile: &Profile, now: Timestamp, neutral: bool) -> Verdict {
    let mut first_of_neutral: Option<Timestamp> = None;
    let mut last_of_deciding: Option<Option<Timestamp>> = None;
    for part in parts {
        let Verdict { matches, until } = evaluate(part, profile, now);
        if matches == neutral {
            first_of_neutral = earlier(first_of_neutral, until);
        } else {
            last_of_deciding = Some(match last_of_deciding {
                None => until,
                Some(last) => last.zip(until).map(|(a, b)| a.max(b)),
            });
        }
    }
    match last_of_deciding {
        None => Verdict { matches: neutral, until: first_of_neutral },
        Some(until) => Verdict { matches: !neutral, until },
    }
}

fn earlier(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

fn event_count(count: &EventCount, profile: &Profile, now: Timestamp) -> Verdict {
    let Some(activity) = profile.event(&count.event) else { return Verdict::lasting(false) };
    let Some(within) = count.within else { return Verdict::lasting(activity.count >= count.at_least) };
    // The count holds exactly while the n-th most recent occurrence is in the window.
    let ends = usize::try_from(count.at_least)
        .ok()
        .and_then(|n| activity.nth_most_recent(n))
        .map(|occurrence| occurrence.plus(within));
    match ends {
        Some(ends) if now < ends => Verdict { matches: true, until: Some(ends) },
        _ => Verdict::lasting(false),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        ids::Seq,
        profile::{Origin, Stamp},
        protocol::RecordKind,
        segment::Test,
        time::Duration,
        value::Value,
    };

    const DAY: i64 = 86_400_000;

    fn profile_with(events: &[(&str, i64)]) -> Profile {
        let mut profile = Profile::new(Timestamp::from_ms(0));
        for (name, at) in events {
            let kind: RecordKind = RecordKind::CustomEvent { name: (*name).to_owned(), properties: None };
            let stamp = Stamp { origin: Origin::Identified, at: Timestamp::from_ms(*at), seq: Seq(1) };
            profile.apply(&kind, stamp).unwrap();
        }
        profile
    }

    fn at_least(event: &str, at_least: u64, days: i64) -> Filter {
        Filter::EventCount(EventCount { event: event.into(), at_least, within: Some(Duration::from_days(days)) })
    }

    #[test]
    fn a_window_ends_to_the_millisecond() {
        let profile = profile_with(&[("a", 10), ("a", 20), ("a", 30)]);
        let filter = at_least("a", 2, 7);
        let ends = Timestamp::from_ms(20 + 7 * DAY);
        let before = Timestamp::from_ms(ends.as_ms() - 1);
        assert_eq!(evaluate(&filter, &profile, before), Verdict { matches: true, until: Some(ends) });
        assert_eq!(evaluate(&filter, &profile, ends), Verdict { matches: false, until: None });
        let lapsed = Filter::Not(Box::new(filter));
        assert_eq!(evaluate(&lapsed, &profile, before), Verdict { matches: false, until: Some(ends) });
        assert_eq!(evaluate(&lapsed, &profile, ends), Verdict { matches: true, until: None });
    }

    #[test]
    fn counts_without_a_window_last() {
        let profile = profile_with(&[("a", 10), ("a", 20)]);
        let ever = |n| Filter::EventCount(EventCount { event: "a".into(), at_least: n, within: None });
        assert_eq!(evaluate(&ever(2), &profile, Timestamp::from_ms(i64::MAX)), Verdict::lasting(true));
        assert_eq!(evaluate(&ever(3), &profile, Timestamp::from_ms(30)), Verdict::lasting(false));
    }

    fn any_filter() -> impl Strategy<Value = Filter> {
        let leaf = prop_oneof![
            ("[abc]", 1..4u64, 1..4i64).prop_map(|(event, n, days)| at_least(&event, n, days)),
            ("[abc]", 1..4u64).prop_map(|(event, at_least)| Filter::EventCount(EventCount {
                event,
                at_least,
                within: None
            })),
            ("[xy]", any::<bool>())
                .prop_map(|(name, there)| Filter::Attribute(AttributeRef::Custom(name), Test::Exists(there))),
            ("[xy]", 0..3i32)
                .prop_map(|(name, v)| Filter::Attribute(AttributeRef::Custom(name), Test::Is(Value::from(v)))),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Filter::All),
                prop::collection::vec(inner.clone(), 0..4).prop_map(Filter::Any),
                inner.prop_map(|part| Filter::Not(Box::new(part))),
            ]
        })
    }

    proptest! {
        /// The promise of `until`: the verdict is the same at every instant before it.
        #[test]
        fn nothing_changes_before_until(
            filter in any_filter(),
            events in prop::collection::vec(("[abc]", 0..5 * DAY), 0..12),
            now in 0..9 * DAY,
            probes in prop::collection::vec(0..12 * DAY, 16),
        ) {
            let events: Vec<_> = events.iter().map(|(name, at)| (name.as_str(), *at)).collect();
            let profile = profile_with(&events);
            let verdict = evaluate(&filter, &profile, Timestamp::from_ms(now));
            // Every instant at which a window of these filters can end is an interesting probe, and the one before it.
            let edges = events.iter().flat_map(|(_, at)| (1..4).flat_map(move |d| [at + d * DAY - 1, at + d * DAY]));
            for probe in probes.into_iter().chain(edges).map(Timestamp::from_ms) {
                if probe >= Timestamp::from_ms(now) && verdict.until.is_none_or(|until| probe < until) {
                    prop_assert_eq!(evaluate(&filter, &profile, probe).matches, verdict.matches, "at {:?}", probe);
                }
            }
            if let Some(until) = verdict.until {
                prop_assert!(until > Timestamp::from_ms(now));
            }
        }
    }
}
