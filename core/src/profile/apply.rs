//! What each record does to a profile.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, btree_map::Entry},
};

use super::{Fact, Interactions, Profile, Stamp, custom::CustomAttribute};
use crate::{
    ids::CampaignId,
    limits,
    protocol::{AttributeChange, Location, RecordError, RecordKind},
    time::Timestamp,
    value::Value,
};

impl Profile {
    /// Applies a record with its stamp (its time already corrected for the device's clock), and says what part of the profile it
    /// touched. An error leaves the profile as it was.
    ///
    /// The record itself must have passed [`RecordKind::check`]; what can still go wrong here is that the profile is full.
    pub fn apply<P>(&mut self, kind: &RecordKind<P>, stamp: Stamp) -> Result<(), RecordError> {
        let at = stamp.at;
        match kind {
            RecordKind::CustomEvent { name, .. } => {
                let names = self.events.len();
                match self.events.get_mut(name) {
                    Some(activity) => activity.add(at),
                    None if names >= limits::PROFILE_EVENT_NAMES => return Err(RecordError::ProfileFull),
                    None => self.events.entry(name).add(at),
                }
            }
            RecordKind::Purchase { product_id, price, currency, quantity, .. } => {
                self.purchases.add(product_id, *quantity, *currency, price.times(*quantity), at);
            }
            RecordKind::Attribute { name, value } => {
                let fact = Fact::new(value.clone(), stamp);
                join(&mut self.standard, *name, fact, Value::total_cmp);
            }
            RecordKind::CustomAttribute { name, change } => {
                self.change_custom(name, change, stamp)?;
            }
            RecordKind::SessionStart { .. } => {
                self.sessions.starts.add(at);
            }
            RecordKind::SessionEnd { duration_ms, .. } => {
                self.sessions.total_ms = self.sessions.total_ms.saturating_add((*duration_ms).max(0));
            }
            RecordKind::MessageImpression { message, variant } => {
                self.interactions(message)?.see(variant.as_ref(), at);
            }
            RecordKind::MessageClick { message, button, .. } => {
                self.interactions(message)?.click(button.as_deref(), at);
            }
            RecordKind::MessageDismissal { message, .. } => {
                self.interactions(message)?.dismissals.add(at);
            }
            RecordKind::Subscription { channel, state } => {
                join(&mut self.subscriptions, *channel, Fact::new(*state, stamp), Ord::cmp);
            }
            RecordKind::SubscriptionGroup { group, state } => {
                if self.groups.len() >= limits::PROFILE_GROUPS && !self.groups.contains_key(group) {
                    return Err(RecordError::ProfileFull);
                }
                join(&mut self.groups, group.clone(), Fact::new(*state, stamp), Ord::cmp);
            }
            RecordKind::Location(location) => {
                self.locate(Fact::new(*location, stamp));
            }
            // Who somebody is, and what they use, is kept beside the profile.
            RecordKind::Identified | RecordKind::Alias { .. } | RecordKind::Device(_) => {}
        }
        self.seen(at, at);
        Ok(())
    }

    /// Notes when the user was first and last heard of. When the profile was made says nothing of that once there are records,
    /// whose times do not depend on when they arrived.
    pub(super) fn seen(&mut self, first: Timestamp, last: Timestamp) {
        if self.unheard {
            (self.unheard, self.first_seen, self.last_seen) = (false, first, last);
        } else {
            self.first_seen = self.first_seen.min(first);
            self.last_seen = self.last_seen.max(last);
        }
    }

    pub(super) fn locate(&mut self, location: Fact<Location>) {
        match &mut self.location {
            Some(known) => known.join(location, Location::total_cmp),
            None => self.location = Some(location),
        }
    }

    fn interactions(&mut self, campaign: &CampaignId) -> Result<&mut Interactions, RecordError> {
        if self.messages.len() >= limits::PROFILE_MESSAGES && !self.messages.contains_key(campaign) {
            return Err(RecordError::ProfileFull);
        }
        Ok(self.messages.entry(campaign.clone()).or_default())
    }

    fn change_custom(&mut self, name: &str, change: &AttributeChange, stamp: Stamp) -> Result<(), RecordError> {
        let names = self.custom.len();
        match self.custom.get_mut(name) {
            Some(attribute) => attribute.apply(change, stamp),
            None if names >= limits::PROFILE_ATTRIBUTES => return Err(RecordError::ProfileFull),
            None => drop(self.custom.insert(name.to_owned(), CustomAttribute::new(change, stamp))),
        }
        Ok(())
    }
}

/// Joins a fact into its place.
pub(super) fn join<K: Ord, T>(
    facts: &mut BTreeMap<K, Fact<T>>,
    name: K,
    fact: Fact<T>,
    cmp: impl FnOnce(&T, &T) -> Ordering,
) {
    match facts.entry(name) {
        Entry::Vacant(place) => drop(place.insert(fact)),
        Entry::Occupied(mut place) => place.get_mut().join(fact, cmp),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ids::{Seq, VariantId},
        profile::Origin,
        protocol::{Channel, GroupState, SubscriptionState},
    };

    fn stamp(at: i64) -> Stamp {
        Stamp { origin: Origin::Identified, at: Timestamp::from_ms(at), seq: Seq(1) }
    }

    fn profile(records: &[(i64, RecordKind)]) -> Profile {
        let mut profile = Profile::new(Timestamp::from_ms(1_000));
        for (at, kind) in records {
            assert!(profile.apply(kind, stamp(*at)).is_ok(), "{kind:?}");
        }
        profile
    }

    #[test]
    fn a_profile_is_as_old_as_its_records() {
        let profile = profile(&[(7, RecordKind::Identified), (5, RecordKind::Identified)]);
        assert_eq!((profile.first_seen.as_ms(), profile.last_seen.as_ms()), (5, 7));
        let stored = r#"{"first_seen":3,"last_seen":9,"purchases":{"count":0,"revenue":{},"products":{}}}"#;
        let mut stored: Profile = serde_json::from_str(stored).unwrap();
        stored.merge(Profile::new(Timestamp::from_ms(1_000)));
        stored.apply(&RecordKind::<Value>::Identified, stamp(5)).unwrap();
        assert_eq!((stored.first_seen.as_ms(), stored.last_seen.as_ms()), (3, 9));
    }

    #[test]
    fn the_last_word_on_a_subscription_stands_and_of_two_the_more_careful() {
        let said = |state| RecordKind::Subscription { channel: Channel::Email, state };
        let group = |state| RecordKind::SubscriptionGroup { group: "news".into(), state };
        let profile = profile(&[
            (7, said(SubscriptionState::Unsubscribed)),
            (7, said(SubscriptionState::OptedIn)),
            (6, said(SubscriptionState::Subscribed)),
            (5, group(GroupState::Unsubscribed)),
            (6, group(GroupState::Subscribed)),
        ]);
        assert_eq!(profile.subscription(Channel::Email), Some(SubscriptionState::Unsubscribed));
        assert_eq!(profile.subscription(Channel::Push), None);
        assert_eq!(profile.subscription_group("news"), Some(GroupState::Subscribed));
    }

    #[test]
    fn the_last_place_stands() {
        let place = |n: i32| Location { latitude: n.into(), longitude: n.into(), altitude: None, accuracy: None };
        let profile = profile(&[(7, RecordKind::Location(place(1))), (6, RecordKind::Location(place(2)))]);
        assert_eq!(profile.location(), Some((place(1), Timestamp::from_ms(7))));
    }

    #[test]
    fn interactions_are_counted_by_button_too() {
        let message = CampaignId::parse("welcome").unwrap();
        let click = |button: &str| RecordKind::MessageClick {
            message: message.clone(),
            button: Some(button.into()),
            variant: None,
        };
        let mut profile = profile(&[
            (5, click("go")),
            (6, click("go")),
            (7, RecordKind::MessageClick { message: message.clone(), button: None, variant: None }),
            (8, RecordKind::MessageDismissal { message: message.clone(), variant: None }),
        ]);
        for n in 0..limits::MESSAGE_BUTTONS_COUNTED {
            profile.apply(&click(&n.to_string()), stamp(9)).unwrap();
        }
        let interactions = profile.message(&message).unwrap();
        assert_eq!(interactions.buttons["go"], 2);
        assert_eq!(interactions.buttons.len(), limits::MESSAGE_BUTTONS_COUNTED);
        assert_eq!((interactions.clicks.count, interactions.dismissals.count), (19, 1));
    }

    #[test]
    fn the_variant_is_that_of_the_first_impression_that_names_one() {
        let message = CampaignId::parse("welcome").unwrap();
        let seen = |variant: Option<&str>| RecordKind::MessageImpression {
            message: message.clone(),
            variant: variant.map(|id| VariantId::parse(id).unwrap()),
        };
        let profile = profile(&[(7, seen(Some("a"))), (5, seen(None)), (6, seen(Some("b"))), (9, seen(Some("a")))]);
        assert_eq!(profile.message(&message).unwrap().variant().map(VariantId::as_str), Some("b"));
        assert_eq!(profile.message(&message).unwrap().impressions.count, 4);
    }

    #[test]
    fn a_full_profile_takes_what_it_has_room_for() {
        let mut profile = profile(&[]);
        let group = |n: usize| -> RecordKind {
            RecordKind::SubscriptionGroup { group: n.to_string(), state: GroupState::Subscribed }
        };
        let change = AttributeChange::Add { value: Value::Null };
        let attribute = |n: usize| RecordKind::CustomAttribute { name: n.to_string(), change: change.clone() };
        (0..limits::PROFILE_GROUPS).for_each(|n| profile.apply(&group(n), stamp(5)).unwrap());
        (0..limits::PROFILE_ATTRIBUTES).for_each(|n| profile.apply(&attribute(n), stamp(5)).unwrap());
        let before = profile.clone();
        for kind in [group(limits::PROFILE_GROUPS), attribute(limits::PROFILE_ATTRIBUTES)] {
            assert_eq!(profile.apply(&kind, stamp(9)), Err(RecordError::ProfileFull));
        }
        assert_eq!(profile, before);
        for kind in [group(0), attribute(0)] {
            assert!(profile.apply(&kind, stamp(9)).is_ok());
        }
    }
}
