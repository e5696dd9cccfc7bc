//! What makes the SDK show a message.

use serde::Serialize;

use crate::{ids::CampaignId, segment::PropertyTest, value::Object};

/// What makes the SDK show a message.
///
/// In JSON: `{"type": "session_start"}`, `{"type": "custom_event", "name": "added", "where": [{"property": "price", "greater":
/// 10}]}`, `{"type": "purchase", "product_id": "mug"}` and `{"type": "message_click", "message": "welcome"}`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Trigger {
    /// A session began.
    SessionStart,
    /// The site logged this event.
    CustomEvent {
        /// Its name.
        name: String,
        /// All of these must hold.
        #[serde(skip_serializing_if = "Vec::is_empty", rename = "where")]
        tests: Vec<PropertyTest>,
    },
    /// The user bought something.
    Purchase {
        /// Only this product.
        #[serde(skip_serializing_if = "Option::is_none")]
        product_id: Option<String>,
        /// All of these must hold.
        #[serde(skip_serializing_if = "Vec::is_empty", rename = "where")]
        tests: Vec<PropertyTest>,
    },
    /// The user clicked another message.
    MessageClick {
        /// Only this one.
        #[serde(skip_serializing_if = "Option::is_none")]
        message: Option<CampaignId>,
    },
}

/// Something that happened, as triggers see it.
#[derive(Debug, Clone, PartialEq)]
pub enum Occurrence {
    /// A session began.
    SessionStart,
    /// An event was logged.
    CustomEvent {
        /// Its name.
        name: String,
        /// Its properties.
        properties: Option<Object>,
    },
    /// Something was bought.
    Purchase {
        /// What.
        product_id: String,
        /// Its properties.
        properties: Option<Object>,
    },
    /// A message was clicked.
    MessageClick {
        /// Which.
        message: CampaignId,
    },
}

impl Trigger {
    /// Whether the occurrence fires the trigger.
    pub fn fires(&self, occurrence: &Occurrence) -> bool {
        match (self, occurrence) {
            (Self::SessionStart, Occurrence::SessionStart) => true,
            (Self::CustomEvent { name, tests }, Occurrence::CustomEvent { name: happened, properties }) => {
                name == happened && all_hold(tests, properties.as_ref())
            }
            (Self::Purchase { product_id, tests }, Occurrence::Purchase { product_id: bought, properties }) => {
                product_id.as_ref().is_none_or(|wanted| wanted == bought) && all_hold(tests, properties.as_ref())
            }
            (Self::MessageClick { message }, Occurrence::MessageClick { message: clicked }) => {
                message.as_ref().is_none_or(|wanted| wanted == clicked)
            }
            _ => false,
        }
    }
}

fn all_hold(tests: &[PropertyTest], properties: Option<&Object>) -> bool {
    tests.iter().all(|test| test.holds(properties))
}
