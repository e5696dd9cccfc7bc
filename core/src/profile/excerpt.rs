//! The part of a profile that filters look at.

use super::Profile;
use crate::{
    segment::{AttributeRef, Condition, Filter, Source},
    time::Timestamp,
};

impl Profile {
    /// The part that these filters look at: with it, and with whatever records are applied to both, they come to the same verdict as with
    /// all of it. Of anything else it says nothing, so that only what can change a verdict changes it.
    pub fn excerpt<'f>(&self, filters: impl IntoIterator<Item = &'f Filter>) -> Self {
        let mut excerpt = Self::new(Timestamp::default());
        excerpt.unheard = false;
        for filter in filters {
            filter.visit(&mut |condition| excerpt.take(condition, self));
        }
        excerpt
    }

    /// Takes over what the condition looks at.
    fn take(&mut self, condition: &Condition, whole: &Self) {
        match condition {
            Condition::Attribute { attribute: AttributeRef::Standard(name), .. } => {
                self.standard.extend(whole.standard.get(name).map(|fact| (*name, fact.clone())));
            }
            Condition::Attribute { attribute: AttributeRef::Custom(name), .. } => {
                self.custom.extend(whole.custom.get(name).map(|attribute| (name.clone(), attribute.clone())));
            }
            Condition::Occurrences { of, .. } => self.take_occurrences(of, whole),
            Condition::Spent(spent) => self.purchases.take(&whole.purchases, spent.product.as_deref()),
            Condition::SessionTime(_) => self.sessions.total_ms = whole.sessions.total_ms,
            Condition::FirstSeen(_) => (self.first_seen, self.unheard) = (whole.first_seen, whole.unheard),
            Condition::LastSeen(_) => (self.last_seen, self.unheard) = (whole.last_seen, whole.unheard),
            Condition::Near(_) => self.location.clone_from(&whole.location),
            Condition::Subscription(channel, _) => {
                self.subscriptions.extend(whole.subscriptions.get(channel).map(|state| (*channel, state.clone())));
            }
            Condition::SubscriptionGroup(group, _) => {
                self.groups.extend(whole.groups.get(group).map(|state| (group.clone(), state.clone())));
            }
            // That is kept beside the profile.
            Condition::Device(..) | Condition::Anonymous(_) | Condition::RandomBucket(..) => {}
        }
    }

    fn take_occurrences(&mut self, of: &Source, whole: &Self) {
        match of {
            Source::Event(name) => {
                if let Some(activity) = whole.events.get(name) {
                    self.events.entry(name).clone_from(activity);
                }
            }
            Source::Purchase(product) => self.purchases.take(&whole.purchases, product.as_deref()),
            Source::Session => self.sessions.starts.clone_from(&whole.sessions.starts),
            Source::Message(campaign, _) => {
                let interactions = whole.messages.get(campaign);
                self.messages.extend(interactions.map(|interactions| (campaign.clone(), interactions.clone())));
            }
            Source::Tracked(tracked) => {
                self.tracked.extend(whole.tracked.get(&tracked.id).map(|activity| (tracked.id, activity.clone())));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ids::Seq,
        profile::{Origin, Stamp},
        protocol::RecordKind,
        segment::Device,
        value::Value,
    };

    #[test]
    fn what_filters_do_not_look_at_is_not_in_it() {
        let filter = Filter::parse(&serde_json::from_str(r#"{"event":"added"}"#).unwrap(), &Device).unwrap();
        let mut profile = Profile::new(Timestamp::from_ms(5));
        let stamp = |at| Stamp { origin: Origin::Identified, at: Timestamp::from_ms(at), seq: Seq(1) };
        let event = |name: &str| RecordKind::<Value>::CustomEvent { name: name.into(), properties: None };
        profile.apply(&event("added"), stamp(7)).unwrap();
        let excerpt = profile.excerpt([&filter]);
        assert_eq!(excerpt.event("added"), profile.event("added"));
        profile.apply(&event("seen"), stamp(9)).unwrap();
        assert_eq!(profile.excerpt([&filter]), excerpt);
        assert_eq!(excerpt.events().count(), 1);
    }
}
