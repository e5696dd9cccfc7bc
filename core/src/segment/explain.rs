//! Why a filter holds for a user, or does not.

use super::{
    evaluate::evaluate,
    filter::{Condition, Filter, OccurrenceTest},
    host::Subject,
    verdict::Verdict,
};
use crate::{
    time::Timestamp,
    value::{Number, Object, Value},
};

/// What a filter says of a user, branch by branch. It has the shape of the filter as it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// Whether it holds, and until when that is certain.
    pub verdict: Verdict,
    /// What was seen, if it is a condition. Null: nothing was there.
    pub seen: Option<Value>,
    /// What its parts say: those of `all` and `any`, that of `not`, and that of another segment.
    pub parts: Vec<Self>,
}

/// Explains what the filter says of a user at `now`.
pub fn explain(filter: &Filter, subject: &Subject<'_>, now: Timestamp) -> Explanation {
    let explain = |part: &Filter| explain(part, subject, now);
    let (seen, parts) = match filter {
        Filter::All(parts) | Filter::Any(parts) => (None, parts.iter().map(explain).collect()),
        Filter::Not(part) => (None, vec![explain(part)]),
        Filter::Segment(_, filter) => (None, filter.iter().map(|filter| explain(filter)).collect()),
        Filter::Condition(condition) => (Some(condition.seen(subject, now)), Vec::new()),
    };
    Explanation { verdict: evaluate(filter, subject, now), seen, parts }
}

impl Condition {
    /// What it looks at.
    fn seen(&self, subject: &Subject<'_>, now: Timestamp) -> Value {
        let profile = subject.profile;
        match self {
            Self::Attribute { attribute, path, .. } => {
                let mut value = attribute.value(profile);
                for name in path {
                    // Where the path leads through a list, the list is what is seen.
                    let Some(Value::Object(members)) = value else { break };
                    value = members.get(name);
                }
                value.cloned().unwrap_or(Value::Null)
            }
            Self::Occurrences { of, test } => {
                let occurrences = of.occurrences(profile);
                let mut seen = Object::new();
                seen.insert("count".to_owned(), count(occurrences.count()));
                if let OccurrenceTest::Count(_, window) = test {
                    seen.insert("counted".to_owned(), count(occurrences.counted(window, subject, now)));
                }
                seen.insert("first".to_owned(), time(occurrences.first()));
                seen.insert("last".to_owned(), time(occurrences.last()));
                Value::Object(seen)
            }
            Self::Spent(spent) => Number::new(spent.sum(subject, now).as_units()).map_or(Value::Null, Value::Number),
            Self::SessionTime(_) => count(u64::try_from(profile.sessions.total_ms).unwrap_or_default()),
            Self::FirstSeen(_) => Value::Time(profile.first_seen),
            Self::LastSeen(_) => Value::Time(profile.last_seen),
            Self::Near(near) => profile.location().map_or(Value::Null, |(place, _)| {
                let kilometres = near.kilometres_to(place.latitude.get(), place.longitude.get());
                Number::new(kilometres).map_or(Value::Null, Value::Number)
            }),
            Self::Device(field, _) => {
                let mut found = Vec::new();
                subject.devices.any(&mut |info| {
                    found.extend(field.value(info));
                    // They are all wanted.
                    false
                });
                Value::Array(found)
            }
            Self::Subscription(channel, _) => {
                profile.subscription(*channel).map_or(Value::Null, |state| state.name().into())
            }
            Self::SubscriptionGroup(group, _) => {
                profile.subscription_group(group).map_or(Value::Null, |state| state.name().into())
            }
            Self::Anonymous(_) => subject.is_anonymous.into(),
            Self::RandomBucket(..) => i32::from(subject.bucket).into(),
        }
    }
}

fn time(at: Option<Timestamp>) -> Value {
    at.map_or(Value::Null, Value::Time)
}

#[expect(clippy::cast_precision_loss, reason = "a count past 2^53 is shown approximately")]
fn count(count: u64) -> Value {
    Number::new(count as f64).map_or(Value::Null, Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ids::Seq,
        profile::{Origin, Profile, Stamp},
        protocol::RecordKind,
        segment::Device,
    };

    #[test]
    fn each_branch_says_what_it_saw() {
        let mut profile = Profile::new(Timestamp::from_ms(0));
        for at in [1_000, 90_000_000] {
            let kind: RecordKind = RecordKind::CustomEvent { name: "a".into(), properties: None };
            let stamp = Stamp { origin: Origin::Identified, at: Timestamp::from_ms(at), seq: Seq(1) };
            profile.apply(&kind, stamp).unwrap();
        }
        let filter =
            r#"{"all":[{"event":"a","count":{"at_least":2},"within":"1d"},{"not":{"attribute":"country","is":"AT"}}]}"#;
        let filter = Filter::parse(&serde_json::from_str(filter).unwrap(), &Device).unwrap();
        let told = explain(&filter, &Subject::of(&profile), Timestamp::from_ms(90_000_001));
        assert!(!told.verdict.matches && told.seen.is_none());
        assert!(!told.parts[0].verdict.matches && told.parts[1].verdict.matches);
        let seen = serde_json::to_string(&told.parts[0].seen).unwrap();
        assert_eq!(seen, r#"{"count":2,"counted":1,"first":{"$time":1000},"last":{"$time":90000000}}"#);
        assert_eq!(told.parts[1].parts[0].seen, Some(Value::Null));
    }
}
