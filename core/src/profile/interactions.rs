//! What a user did with messages.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Tally, merge::has_room};
use crate::{limits, time::Timestamp};

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
}

impl Interactions {
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
        self.clicks.merge(&other.clicks);
        self.dismissals.merge(&other.dismissals);
        other.buttons.into_iter().for_each(|(button, times)| self.press(button, times));
    }
}
