//! Merging an anonymous visitor's profile into that of the user they turned out to be.

use std::collections::BTreeMap;

use super::{Profile, apply::join};
use crate::{limits, value::Value};

impl Profile {
    /// Takes over all that `other` knows: counters add, first and last times take the least and the greatest, and of two values
    /// of an attribute the one with the greater stamp stands, so that what an identified user said is never overwritten by what
    /// they said before signing in. What would take the profile past a bound of [`limits`] stays behind.
    pub fn merge(&mut self, other: Self) {
        if !other.unheard {
            self.seen(other.first_seen, other.last_seen);
        } else if self.unheard {
            self.first_seen = self.first_seen.min(other.first_seen);
            self.last_seen = self.last_seen.max(other.last_seen);
        }
        for (name, fact) in other.standard {
            join(&mut self.standard, name, fact, Value::total_cmp);
        }
        for (name, attribute) in other.custom {
            if let Some(mine) = self.custom.get_mut(&name) {
                mine.merge(attribute);
            } else if self.custom.len() < limits::PROFILE_ATTRIBUTES {
                self.custom.insert(name, attribute);
            }
        }
        for (name, activity) in &other.events {
            if self.events.len() < limits::PROFILE_EVENT_NAMES || self.events.contains_key(name) {
                self.events.entry(name).merge(activity);
            }
        }
        self.purchases.merge(other.purchases);
        self.sessions.starts.merge(&other.sessions.starts);
        self.sessions.total_ms = self.sessions.total_ms.saturating_add(other.sessions.total_ms);
        for (campaign, interactions) in other.messages {
            if has_room(&self.messages, &campaign, limits::PROFILE_MESSAGES) {
                self.messages.entry(campaign).or_default().merge(interactions);
            }
        }
        for (channel, state) in other.subscriptions {
            join(&mut self.subscriptions, channel, state, Ord::cmp);
        }
        for (group, state) in other.groups {
            if has_room(&self.groups, &group, limits::PROFILE_GROUPS) {
                join(&mut self.groups, group, state, Ord::cmp);
            }
        }
        if let Some(location) = other.location {
            self.locate(location);
        }
        for (id, activity) in other.tracked {
            self.tracked.entry(id).or_default().merge(&activity);
        }
    }
}

pub(super) fn has_room<K: Ord, V>(map: &BTreeMap<K, V>, key: &K, max: usize) -> bool {
    map.len() < max || map.contains_key(key)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::{
        ids::{CampaignId, Seq, SessionId, Uuid, VariantId},
        profile::{Origin, Profile, Stamp, StandardAttribute},
        protocol::{
            AttributeChange, Channel, Currency, GroupState, Hundredths, Location, RecordKind, SubscriptionState,
        },
        time::Timestamp,
        value::{Number, Object, Value},
    };

    fn campaign(id: &str) -> CampaignId {
        CampaignId::parse(id).unwrap()
    }

    fn any_variant() -> impl Strategy<Value = Option<VariantId>> {
        prop::option::of("[st]".prop_map(|id| VariantId::parse(id).unwrap()))
    }

    fn number(text: &str) -> Number {
        serde_json::from_str(text).unwrap()
    }

    fn any_change() -> impl Strategy<Value = AttributeChange> {
        let member = |name: String, value: Value| {
            let mut members = Object::new();
            members.insert(name, value);
            members
        };
        let value = prop_oneof![Just(Value::Null), (0..4i32).prop_map(Value::from), "[xy]".prop_map(Value::from)];
        prop_oneof![
            value.clone().prop_map(|value| AttributeChange::Set { value }),
            ("[ab]", value.clone())
                .prop_map(move |(name, value)| AttributeChange::Set { value: Value::Object(member(name, value)) }),
            prop_oneof![Just("1"), Just("-0.1"), Just("0.2"), Just("123456789.7")]
                .prop_map(|by| AttributeChange::Increment { by: number(by) }),
            value.clone().prop_map(|value| AttributeChange::Add { value }),
            value.clone().prop_map(|value| AttributeChange::Remove { value }),
            ("[ab]", value.clone())
                .prop_map(move |(name, value)| AttributeChange::Merge { value: member(name, value) }),
            (prop::collection::vec("[ab]", 1..3), value)
                .prop_map(|(path, value)| AttributeChange::SetPath { path, value }),
            (0..3i32).prop_map(|n| AttributeChange::SetLocation { latitude: n.into(), longitude: n.into() }),
        ]
    }

    /// Every kind of record.
    fn any_kind() -> impl Strategy<Value = RecordKind> {
        let session = SessionId(Uuid::from_bytes([1; 16]));
        let states = [SubscriptionState::OptedIn, SubscriptionState::Subscribed, SubscriptionState::Unsubscribed];
        prop_oneof![
            4 => any_change().prop_map(|change| RecordKind::CustomAttribute { name: "k".into(), change }),
            2 => ("[lm]", any_change()).prop_map(|(name, change)| RecordKind::CustomAttribute { name, change }),
            2 => "[abc]".prop_map(|name| RecordKind::CustomEvent { name, properties: None }),
            2 => ("[pq]", 1..500i64, 1..4u32, prop_oneof![Just("EUR"), Just("USD")])
                .prop_map(|(product_id, price, quantity, currency)| RecordKind::Purchase {
                    product_id,
                    price: Hundredths(price),
                    currency: Currency::parse(currency).unwrap(),
                    quantity,
                    properties: None,
                }),
            1 => prop::option::of("[xyz]").prop_map(|name| RecordKind::Attribute {
                name: StandardAttribute::FirstName,
                value: name.map_or(Value::Null, Value::from),
            }),
            1 => Just(RecordKind::SessionStart { session }),
            1 => (-5..50i64).prop_map(move |duration_ms| RecordKind::SessionEnd { session, duration_ms }),
            1 => Just(RecordKind::Identified),
            1 => ("[mn]", any_variant())
                .prop_map(|(id, variant)| RecordKind::MessageImpression { message: campaign(&id), variant }),
            1 => ("[mn]", prop::option::of("[uv]"), any_variant())
                .prop_map(|(id, button, variant)| RecordKind::MessageClick { message: campaign(&id), button, variant }),
            1 => "[mn]".prop_map(|id| RecordKind::MessageDismissal { message: campaign(&id), variant: None }),
            1 => (any::<bool>(), prop::sample::select(states.to_vec())).prop_map(|(push, state)| RecordKind::Subscription {
                channel: if push { Channel::Push } else { Channel::Email },
                state,
            }),
            1 => ("[gh]", any::<bool>()).prop_map(|(group, yes)| RecordKind::SubscriptionGroup {
                group,
                state: if yes { GroupState::Subscribed } else { GroupState::Unsubscribed },
            }),
            1 => (0..3i32, prop::option::of(0..3i32)).prop_map(|(place, accuracy)| RecordKind::Location(Location {
                latitude: place.into(),
                longitude: place.into(),
                altitude: None,
                accuracy: accuracy.map(Number::from),
            })),
            1 => Just(RecordKind::Alias { label: "card".into(), name: "4711".into() }),
            1 => Just(RecordKind::Device(Box::default())),
        ]
    }

    type Stamped = (RecordKind, Stamp);

    /// A stream: its records in their order, at any times, which are few, so that stamps of two streams are often the same.
    fn stream(origin: Origin) -> impl Strategy<Value = Vec<Stamped>> {
        prop::collection::vec((any_kind(), 1..8i64), 0..20).prop_map(move |records| {
            let stamped = (1..)
                .zip(records)
                .map(|(seq, (kind, at))| (kind, Stamp { origin, at: Timestamp::from_ms(at), seq: Seq(seq) }));
            stamped.collect()
        })
    }

    fn apply<'a>(profile: &mut Profile, records: impl IntoIterator<Item = &'a Stamped>) {
        for (kind, stamp) in records {
            profile.apply(kind, *stamp).unwrap();
        }
    }

    /// The profile that comes of records, made at a time that is none of theirs.
    fn gather<'a>(made_at: i64, records: impl IntoIterator<Item = &'a Stamped>) -> Profile {
        let mut profile = Profile::new(Timestamp::from_ms(made_at));
        apply(&mut profile, records);
        profile
    }

    /// Two streams in some order of arrival, each in its own order.
    fn interleave<'a>(mut a: &'a [Stamped], mut b: &'a [Stamped], turns: &[bool]) -> Vec<&'a Stamped> {
        let mut arrived = Vec::new();
        for turn in turns {
            let stream = if *turn { &mut a } else { &mut b };
            if let Some((first, rest)) = stream.split_first() {
                arrived.push(first);
                *stream = rest;
            }
        }
        arrived.extend(a.iter().chain(b));
        arrived
    }

    fn origins() -> impl Strategy<Value = (Origin, Origin)> {
        let origin = || prop_oneof![Just(Origin::Anonymous), Just(Origin::Identified)];
        (origin(), origin())
    }

    proptest! {
        /// Two devices' records may arrive in any order.
        #[test]
        fn the_order_of_arrival_does_not_matter(
            (a, b) in origins().prop_flat_map(|(a, b)| (stream(a), stream(b))),
            turns in prop::collection::vec(any::<bool>(), 40),
            made_at in 1_000..2_000i64,
        ) {
            let wanted = gather(1_500, a.iter().chain(&b));
            let profile = gather(made_at, interleave(&a, &b, &turns));
            if a.is_empty() && b.is_empty() {
                prop_assert_eq!(profile.first_seen, Timestamp::from_ms(made_at));
            } else {
                prop_assert_eq!(&profile, &wanted);
                let least = a.iter().chain(&b).map(|(_, stamp)| stamp.at).min().unwrap();
                let greatest = a.iter().chain(&b).map(|(_, stamp)| stamp.at).max().unwrap();
                prop_assert_eq!((profile.first_seen, profile.last_seen), (least, greatest));
            }
            let stored: Profile = serde_json::from_str(&serde_json::to_string(&profile).unwrap()).unwrap();
            prop_assert_eq!(&stored, &profile);
            let stored: Profile = rmp_serde::from_slice(&rmp_serde::to_vec_named(&profile).unwrap()).unwrap();
            prop_assert_eq!(stored, profile);
        }

        /// Anonymous records may arrive before or after the merge, between those of the user: the profile is the same.
        #[test]
        fn the_moment_of_merging_does_not_matter(
            anonymous in stream(Origin::Anonymous),
            identified in stream(Origin::Identified),
            turns in prop::collection::vec(any::<bool>(), 40),
            merged_at in 0..40usize,
            into_visitor in any::<bool>(),
        ) {
            prop_assume!(!anonymous.is_empty() || !identified.is_empty());
            let wanted = gather(1_000, identified.iter().chain(&anonymous));
            let arrived = interleave(&anonymous, &identified, &turns);
            let (before, after) = arrived.split_at(merged_at.min(arrived.len()));
            let of = |origin| before.iter().copied().filter(move |(_, stamp)| stamp.origin == origin);
            let visitor = gather(1_200, of(Origin::Anonymous));
            let user = gather(1_100, of(Origin::Identified));
            let (mut survivor, gone) = if into_visitor { (visitor, user) } else { (user, visitor) };
            survivor.merge(gone);
            apply(&mut survivor, after.iter().copied());
            prop_assert_eq!(survivor, wanted);
        }
    }
}
