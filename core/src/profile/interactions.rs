//! What a user did with messages.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Activity, Tally, merge::has_room};
use crate::{ids::VariantId, limits, time::Timestamp};

/// What a user did with the message of a campaign.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interactions {
    /// Times it was seen.
    #[serde(default)]
    pub impressions: Tally,
    /// Times it, or a button of it, was clicked.
    #[serde(default)]
    pub clicks: Tally,
    /// Times it was put away.
    #[serde(default, skip_serializing_if = "Tally::is_empty")]
    pub dismissals: Tally,
    /// How many of the clicks were on each button, of at most [`limits::MESSAGE_BUTTONS_COUNTED`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub buttons: BTreeMap<String, u64>,
    /// When it was seen lately.
    #[serde(default, skip_serializing_if = "Activity::is_empty")]
    recent: Activity,
    /// When a variant of it was first seen, and which; of several at that instant the one with the least id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first_variant: Option<(Timestamp, VariantId)>,
}

impl Interactions {
    /// The variant in which it was seen first, if it was seen in one.
    pub fn variant(&self) -> Option<&VariantId> {
        self.first_variant.as_ref().map(|(_, variant)| variant)
    }

    /// The times at which it was seen lately, from the most recent on: at most [`limits::EVENT_RECENT_TIMES`].
    pub fn recently_seen(&self) -> impl Iterator<Item = Timestamp> {
        self.recent.recent()
    }

    /// Adds an impression.
    pub(super) fn see(&mut self, variant: Option<&VariantId>, at: Timestamp) {
        self.impressions.add(at);
        self.recent.add(at);
        let is_first = |variant: &&VariantId| {
            self.first_variant.as_ref().is_none_or(|(first, known)| (at, *variant) < (*first, known))
        };
        if let Some(variant) = variant.filter(is_first) {
            self.first_variant = Some((at, variant.clone()));
        }
    }

    /// Adds a click.
    pub(super) fn click(&mut self, button: Option<&str>, at: Timestamp) {
        self.clicks.add(at);
        if let Some(button) = button {
            self.press(button.to_owned(), 1);
        }
    }

    fn press(&mut self, button: String, times: u64) {
        if has_room(&self.buttons, &button, limits::MESSAGE_BUTTONS_COUNTED) {
            let count = self.buttons.entry(button).or_default();
            *count = count.saturating_add(times);
        }
    }

    /// Adds the interactions of another profile.
    pub(super) fn merge(&mut self, other: Self) {
        self.impressions.merge(&other.impressions);
        self.recent.merge(&other.recent);
        self.clicks.merge(&other.clicks);
        self.dismissals.merge(&other.dismissals);
        self.first_variant = match (self.first_variant.take(), other.first_variant) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        other.buttons.into_iter().for_each(|(button, times)| self.press(button, times));
    }
}
