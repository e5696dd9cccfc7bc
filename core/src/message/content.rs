//! What a message says and how it looks.

use serde::Serialize;

use super::{trigger::Trigger, url::SafeUrl};
use crate::{
    ids::CampaignId,
    time::{Duration, Timestamp},
    value::Map,
};

/// An in-app message as a device holds it, ready to be shown without a network.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InAppMessage {
    /// The campaign that it belongs to; a campaign has one message for a user.
    pub id: CampaignId,
    /// Of several messages that one occurrence triggers, the one with the greatest priority is shown.
    pub priority: i32,
    /// What shows it.
    pub trigger: Trigger,
    /// After how long it may be shown again to the same user, in milliseconds; `None`: only once.
    #[serde(skip_serializing_if = "Option::is_none", rename = "repeat_after_ms")]
    pub repeat_after: Option<Duration>,
    /// At this instant and later it is shown no more, also where the server can't be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// What it says.
    pub content: Content,
}

/// What a message says and how it looks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Content {
    /// Its form.
    #[serde(flatten)]
    pub style: Style,
    /// A line above the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// The text.
    pub body: String,
    /// An image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_url: Option<SafeUrl>,
    /// What the image shows, for those who can't see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_alt: Option<String>,
    /// What a click on the message does, beside its buttons.
    #[serde(skip_serializing_if = "ClickAction::is_none")]
    pub click_action: ClickAction,
    /// At most [`crate::limits::MESSAGE_BUTTONS`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<Button>,
    /// After how long it goes by itself, in milliseconds; `None`: it stays until it is dismissed.
    #[serde(skip_serializing_if = "Option::is_none", rename = "duration_ms")]
    pub duration: Option<Duration>,
    /// Key-value pairs for the site's own use.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub extras: Map<String>,
}

/// The form of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Style {
    /// A note at an edge of the page, which does not block it.
    SlideUp {
        /// At which edge.
        slide_from: SlideFrom,
    },
    /// A dialog in the middle of the page.
    Modal,
}

/// An edge of the page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SlideFrom {
    /// The upper one.
    Top,
    /// The lower one.
    #[default]
    Bottom,
}

/// A button of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Button {
    /// Names it in reports.
    pub id: String,
    /// What it says.
    pub text: String,
    /// What it does, beside closing the message.
    pub click_action: ClickAction,
}

/// What a click does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClickAction {
    /// Nothing.
    #[default]
    None,
    /// It closes the message.
    Close,
    /// It opens an address.
    OpenUrl {
        /// Which.
        url: SafeUrl,
        /// In a new tab.
        new_tab: bool,
    },
}

impl ClickAction {
    /// Whether a click does nothing.
    pub const fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }
}
