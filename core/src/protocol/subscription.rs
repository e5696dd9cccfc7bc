//! Whether a user wants to be written to.

use serde::{Deserialize, Serialize};

/// A way to reach a user that they can say yes or no to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// E-mail.
    Email,
    /// Push notifications.
    Push,
}

/// What a user says to a channel. (In this order, so that of two states of one instant the more careful one stands.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubscriptionState {
    /// They said yes, and confirmed it.
    OptedIn,
    /// They did not say no.
    Subscribed,
    /// They said no.
    Unsubscribed,
}

/// What a user says to a subscription group: a topic, or a kind of message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupState {
    /// They want it.
    Subscribed,
    /// They do not.
    Unsubscribed,
}

impl Channel {
    /// Its name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Push => "push",
        }
    }
}

impl GroupState {
    /// Its name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Subscribed => "subscribed",
            Self::Unsubscribed => "unsubscribed",
        }
    }
}

impl SubscriptionState {
    /// Its name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OptedIn => "opted_in",
            Self::Subscribed => "subscribed",
            Self::Unsubscribed => "unsubscribed",
        }
    }

    /// The state of a group; nobody opts in to one.
    pub const fn of_group(self) -> Option<GroupState> {
        match self {
            Self::OptedIn => None,
            Self::Subscribed => Some(GroupState::Subscribed),
            Self::Unsubscribed => Some(GroupState::Unsubscribed),
        }
    }
}
