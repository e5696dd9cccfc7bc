//! What each record does to a profile.

use std::collections::BTreeMap;

use super::{Fact, Interactions, Profile, Stamp};
use crate::{
    ids::CampaignId,
    limits,
    protocol::{AttributeChange, RecordError, RecordKind},
    value::{Number, Value},
};

impl Profile {
    /// Applies a record with its stamp (its time already corrected for the device's clock). An error leaves the profile as it was.
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
                    None => self.events.entry(name.clone()).or_default().add(at),
                }
            }
            RecordKind::Purchase { product_id, price, currency, quantity, .. } => {
                let purchases = &mut self.purchases;
                purchases.count = purchases.count.saturating_add(1);
                let revenue = purchases.revenue.entry(*currency).or_default();
                *revenue = revenue.plus(price.times(*quantity));
                if let Some(tally) = purchases.products.get_mut(product_id) {
                    tally.add(at);
                } else if purchases.products.len() < limits::PROFILE_PRODUCTS {
                    purchases.products.entry(product_id.clone()).or_default().add(at);
                }
            }
            RecordKind::Attribute { name, value } => {
                let fact = Fact::new(value.clone(), stamp);
                join(&mut self.standard, *name, fact);
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
            RecordKind::MessageImpression { message } => {
                self.interactions(message)?.impressions.add(at);
            }
            RecordKind::MessageClick { message, .. } => {
                self.interactions(message)?.clicks.add(at);
            }
            RecordKind::Identified => {}
        }
        self.first_seen = self.first_seen.min(at);
        self.last_seen = self.last_seen.max(at);
        Ok(())
    }

    fn interactions(&mut self, campaign: &CampaignId) -> Result<&mut Interactions, RecordError> {
        if self.messages.len() >= limits::PROFILE_MESSAGES && !self.messages.contains_key(campaign) {
            return Err(RecordError::ProfileFull);
        }
        Ok(self.messages.entry(campaign.clone()).or_default())
    }

    fn change_custom(&mut self, name: &str, change: &AttributeChange, stamp: Stamp) -> Result<(), RecordError> {
        let known = self.custom.get(name);
        if known.is_none() && self.custom.len() >= limits::PROFILE_ATTRIBUTES {
            return Err(RecordError::ProfileFull);
        }
        let current = known.and_then(Fact::value);
        let value = match change {
            AttributeChange::Set { value } => value.clone(),
            AttributeChange::Increment { by } => {
                let before = match current {
                    None => 0.0,
                    Some(Value::Number(number)) => number.get(),
                    Some(_) => return Err(RecordError::WrongAttributeType),
                };
                Value::Number(Number::new(before + by.get()).ok_or(RecordError::WrongAttributeType)?)
            }
            AttributeChange::Add { value } => {
                let mut items = array(current)?;
                // Adding what is there moves it to the end; past the bound the oldest goes.
                items.retain(|item| item != value);
                items.push(value.clone());
                let surplus = items.len().saturating_sub(limits::ARRAY_ELEMENTS);
                items.drain(..surplus);
                Value::Array(items)
            }
            AttributeChange::Remove { value } => {
                let mut items = array(current)?;
                items.retain(|item| item != value);
                Value::Array(items)
            }
        };
        match change {
            AttributeChange::Set { .. } => {
                join(&mut self.custom, name.to_owned(), Fact::new(value, stamp));
            }
            // A change of what is there adds to it whenever it arrives; the value keeps the greater stamp.
            AttributeChange::Increment { .. } | AttributeChange::Add { .. } | AttributeChange::Remove { .. } => {
                let stamp = known.map_or(stamp, |fact| fact.stamp().max(stamp));
                self.custom.insert(name.to_owned(), Fact::new(value, stamp));
            }
        }
        Ok(())
    }
}

fn array(value: Option<&Value>) -> Result<Vec<Value>, RecordError> {
    match value {
        None => Ok(Vec::new()),
        Some(Value::Array(items)) => Ok(items.clone()),
        Some(_) => Err(RecordError::WrongAttributeType),
    }
}

/// Joins a fact into its place.
pub(super) fn join<K: Ord>(facts: &mut BTreeMap<K, Fact>, name: K, fact: Fact) {
    match facts.entry(name) {
        std::collections::btree_map::Entry::Vacant(place) => {
            place.insert(fact);
        }
        std::collections::btree_map::Entry::Occupied(mut place) => {
            place.get_mut().join(fact);
        }
    }
}
