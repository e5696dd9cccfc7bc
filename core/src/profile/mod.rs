//! The profile: all that is known of a user, and the rules by which records change it.
//!
//! The rules are made so that the order in which records of several devices arrive does not matter: an attribute keeps the
//! value with the greatest [`Stamp`], counters add, first and last times take the least and the greatest.

mod activity;
mod apply;
mod attributes;
mod change;
mod custom;
mod excerpt;
mod fold;
mod interactions;
mod merge;
mod patch;
mod purchases;
mod times;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use activity::{Activity, Tally};
pub use attributes::{Fact, Origin, Stamp, StandardAttribute};
pub use interactions::Interactions;
pub use purchases::{ProductPurchases, Purchases, RecentPurchase};

use custom::CustomAttribute;

use crate::{
    ids::CampaignId,
    protocol::{Channel, GroupState, Location, SubscriptionState},
    time::Timestamp,
    value::{Map, Value},
};

/// All that is known of a user, except ids, devices and segments, which the store keeps beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// When the user was first heard of.
    pub first_seen: Timestamp,
    /// When the user was last heard of.
    pub last_seen: Timestamp,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    standard: BTreeMap<StandardAttribute, Fact>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    custom: BTreeMap<String, CustomAttribute>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    events: Map<Activity>,
    /// What the user bought.
    #[serde(default)]
    pub purchases: Purchases,
    /// The user's sessions.
    #[serde(default)]
    pub sessions: Sessions,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    messages: BTreeMap<CampaignId, Interactions>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    subscriptions: BTreeMap<Channel, Fact<SubscriptionState>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    groups: BTreeMap<String, Fact<GroupState>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    location: Option<Fact<Location>>,
    /// Occurrences that filters ask for, by the number of what is asked.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    tracked: BTreeMap<u64, Activity>,
    /// Whether no record was applied yet, so that `first_seen` and `last_seen` are only when the profile was made.
    #[serde(default, skip_serializing_if = "is_false")]
    unheard: bool,
}

/// The sessions of a user.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sessions {
    /// How many began, and when.
    pub starts: Activity,
    /// How long the ended ones lasted together, in milliseconds.
    pub total_ms: i64,
}

fn is_false(flag: &bool) -> bool {
    !*flag
}

impl Profile {
    /// A profile of which nothing is known but when it was first heard of.
    pub fn new(first_seen: Timestamp) -> Self {
        Self {
            first_seen,
            last_seen: first_seen,
            standard: BTreeMap::new(),
            custom: BTreeMap::new(),
            events: Map::new(),
            purchases: Purchases::default(),
            sessions: Sessions::default(),
            messages: BTreeMap::new(),
            subscriptions: BTreeMap::new(),
            groups: BTreeMap::new(),
            location: None,
            tracked: BTreeMap::new(),
            unheard: true,
        }
    }

    /// The memory that it takes, in bytes, about: for caches.
    pub fn memory(&self) -> usize {
        /// An allocation's share of what the allocator needs, and of what lies unused.
        const ALLOCATION: usize = 16;
        /// A name, a value and a stamp in a tree.
        const TREE_ENTRY: usize = 160;
        let event = |(name, activity): (&str, &Activity)| {
            size_of::<(String, Activity)>() + name.len() + activity.memory() + 2 * ALLOCATION
        };
        let attributes = self.standard.len() + self.custom.len() + self.groups.len();
        let values = self.standard_attributes().map(|(_, value)| value.memory()).sum::<usize>()
            + self.custom.values().map(CustomAttribute::memory).sum::<usize>();
        let others = self.purchases.products.len() + self.messages.len();
        let counters = self.tracked.values().map(|activity| 64 + activity.memory()).sum::<usize>();
        size_of::<Self>()
            + counters
            + self.purchases.memory()
            + self.sessions.starts.memory()
            + self.events.iter().map(event).sum::<usize>()
            + (attributes + others) * TREE_ENTRY
            + values
    }

    /// A standard attribute, if it is set.
    pub fn standard(&self, attribute: StandardAttribute) -> Option<&Value> {
        self.standard.get(&attribute).and_then(Fact::value)
    }

    /// A custom attribute, if it is set.
    pub fn custom(&self, name: &str) -> Option<&Value> {
        self.custom.get(name).and_then(CustomAttribute::value)
    }

    /// The standard attributes that are set.
    pub fn standard_attributes(&self) -> impl Iterator<Item = (StandardAttribute, &Value)> {
        self.standard.iter().filter_map(|(name, fact)| Some((*name, fact.value()?)))
    }

    /// The custom attributes that are set.
    pub fn custom_attributes(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.custom.iter().filter_map(|(name, attribute)| Some((name.as_str(), attribute.value()?)))
    }

    /// The activity of one event, if it ever happened.
    pub fn event(&self, name: &str) -> Option<&Activity> {
        self.events.get(name)
    }

    /// The activity of every event that ever happened.
    pub fn events(&self) -> impl Iterator<Item = (&str, &Activity)> {
        self.events.iter()
    }

    /// Occurrences that a filter asks for, by the number of what is asked.
    pub fn tracked(&self, id: u64) -> Option<&Activity> {
        self.tracked.get(&id)
    }

    /// Counts an occurrence that a filter asks for.
    pub fn track(&mut self, id: u64, at: Timestamp) {
        self.tracked.entry(id).or_default().add(at);
    }

    /// Forgets what was counted under numbers of which `is_kept` says no.
    pub fn retain_tracked(&mut self, is_kept: impl Fn(u64) -> bool) {
        self.tracked.retain(|id, _| is_kept(*id));
    }

    /// What the user did with the messages of campaigns.
    pub fn messages(&self) -> impl Iterator<Item = (&CampaignId, &Interactions)> {
        self.messages.iter()
    }

    /// What the user did with the message of one campaign.
    pub fn message(&self, campaign: &CampaignId) -> Option<&Interactions> {
        self.messages.get(campaign)
    }

    /// What the user said to each channel.
    pub fn subscriptions(&self) -> impl Iterator<Item = (Channel, SubscriptionState)> {
        self.subscriptions.iter().map(|(channel, state)| (*channel, *state.get()))
    }

    /// What the user said to one channel, if anything.
    pub fn subscription(&self, channel: Channel) -> Option<SubscriptionState> {
        self.subscriptions.get(&channel).map(|state| *state.get())
    }

    /// What the user said to each subscription group.
    pub fn subscription_groups(&self) -> impl Iterator<Item = (&str, GroupState)> {
        self.groups.iter().map(|(group, state)| (group.as_str(), *state.get()))
    }

    /// What the user said to one subscription group, if anything.
    pub fn subscription_group(&self, group: &str) -> Option<GroupState> {
        self.groups.get(group).map(|state| *state.get())
    }

    /// The last place that is known of the user, and when they were there.
    pub fn location(&self) -> Option<(Location, Timestamp)> {
        self.location.as_ref().map(|location| (*location.get(), location.stamp().at))
    }
}
