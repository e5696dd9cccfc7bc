//! Merging an anonymous visitor's profile into that of the user they turned out to be.

use std::collections::BTreeMap;

use super::{Profile, apply::join};
use crate::limits;

impl Profile {
    /// Takes over all that `other` knows: counters add, first and last times take the least and the greatest, and of two values
    /// of an attribute the one with the greater stamp stands, so that what an identified user said is never overwritten by what
    /// they said before signing in. What would take the profile past a bound of [`limits`] stays behind.
    pub fn merge(&mut self, other: Self) {
        self.first_seen = self.first_seen.min(other.first_seen);
        self.last_seen = self.last_seen.max(other.last_seen);
        for (name, fact) in other.standard {
            join(&mut self.standard, name, fact);
        }
        for (name, fact) in other.custom {
            if has_room(&self.custom, &name, limits::PROFILE_ATTRIBUTES) {
                join(&mut self.custom, name, fact);
            }
        }
        for (name, activity) in other.events {
            if has_room(&self.events, &name, limits::PROFILE_EVENT_NAMES) {
                self.events.entry(name).or_default().merge(&activity);
            }
        }
        self.purchases.count = self.purchases.count.saturating_add(other.purchases.count);
        for (currency, amount) in other.purchases.revenue {
            let sum = self.purchases.revenue.entry(currency).or_default();
            *sum = sum.plus(amount);
        }
        for (product, tally) in other.purchases.products {
            if has_room(&self.purchases.products, &product, limits::PROFILE_PRODUCTS) {
                self.purchases.products.entry(product).or_default().merge(&tally);
            }
        }
        self.sessions.starts.merge(&other.sessions.starts);
        self.sessions.total_ms = self.sessions.total_ms.saturating_add(other.sessions.total_ms);
        for (campaign, interactions) in other.messages {
            if has_room(&self.messages, &campaign, limits::PROFILE_MESSAGES) {
                let mine = self.messages.entry(campaign).or_default();
                mine.impressions.merge(&interactions.impressions);
                mine.clicks.merge(&interactions.clicks);
            }
        }
    }
}

fn has_room<K: Ord, V>(map: &BTreeMap<K, V>, key: &K, max: usize) -> bool {
    map.len() < max || map.contains_key(key)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::{
        ids::{CampaignId, Seq},
        profile::{Origin, Profile, Stamp, StandardAttribute},
        protocol::{AttributeChange, Currency, Hundredths, RecordKind},
        time::Timestamp,
        value::Value,
    };

    /// Records whose effects do not depend on each other's order.
    fn any_kind() -> impl Strategy<Value = RecordKind> {
        prop_oneof![
            "[abc]".prop_map(|name| RecordKind::CustomEvent { name, properties: None }),
            ("[pq]", 1..500i64, 1..4u32).prop_map(|(product_id, price, quantity)| RecordKind::Purchase {
                product_id,
                price: Hundredths(price),
                currency: Currency::parse("EUR").unwrap(),
                quantity,
                properties: None,
            }),
            prop::option::of("[xyz]").prop_map(|name| RecordKind::Attribute {
                name: StandardAttribute::FirstName,
                value: name.map_or(Value::Null, Value::from),
            }),
            ("[kl]", 0..4i32).prop_map(|(name, value)| RecordKind::CustomAttribute {
                name,
                change: AttributeChange::Set { value: Value::from(value) },
            }),
            "[mn]".prop_map(|id| RecordKind::MessageImpression { message: CampaignId::parse(id).unwrap() }),
        ]
    }

    fn apply(profile: &mut Profile, records: &[(RecordKind, i64, Origin)]) {
        for (kind, at, origin) in records {
            let stamp = Stamp { origin: *origin, at: Timestamp::from_ms(*at), seq: Seq(1) };
            profile.apply(kind, stamp).unwrap();
        }
    }

    proptest! {
        /// Anonymous records may arrive before or after the merge, in any order: the profile is the same.
        #[test]
        fn the_moment_of_merging_does_not_matter(
            anonymous in prop::collection::vec((any_kind(), 1..50i64), 0..16),
            identified in prop::collection::vec((any_kind(), 1..50i64), 0..16),
            merged_at in 0..16usize,
            shuffle in any::<prop::sample::Index>(),
        ) {
            let label = |records: Vec<(RecordKind, i64)>, origin| {
                records.into_iter().map(|(kind, at)| (kind, at, origin)).collect::<Vec<_>>()
            };
            let anonymous = label(anonymous, Origin::Anonymous);
            let identified = label(identified, Origin::Identified);
            let start = Timestamp::from_ms(1);

            let mut together = Profile::new(start);
            apply(&mut together, &identified);
            apply(&mut together, &anonymous);

            let (before, after) = anonymous.split_at(merged_at.min(anonymous.len()));
            let mut visitor = Profile::new(start);
            apply(&mut visitor, before);
            let (early, late) = identified.split_at(if identified.is_empty() { 0 } else { shuffle.index(identified.len()) });
            let mut user = Profile::new(start);
            apply(&mut user, early);
            user.merge(visitor);
            apply(&mut user, after);
            apply(&mut user, late);
            prop_assert_eq!(user, together);
        }
    }
}
