//! What happens on a device, as triggers see it.

use crate::json::Json;

/// A kind of occurrence that can show a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// A session began.
    SessionStart,
    /// The site logged an event.
    CustomEvent,
    /// The user bought something.
    Purchase,
    /// The user clicked another message.
    MessageClick,
}

impl Occasion {
    /// What a trigger or a record is about; `None` if it is neither, or a record that shows no message.
    pub fn of(json: Json<'_>) -> Option<Self> {
        Some(match json.get("type")?.plain()? {
            "session_start" => Self::SessionStart,
            "custom_event" => Self::CustomEvent,
            "purchase" => Self::Purchase,
            "message_click" => Self::MessageClick,
            _ => return None,
        })
    }

    /// The member of a trigger or a record that says which one.
    pub const fn name_key(self) -> &'static str {
        match self {
            Self::SessionStart | Self::CustomEvent => "name",
            Self::Purchase => "product_id",
            Self::MessageClick => "message",
        }
    }
}

/// Something that happened, as triggers see it: names and properties are JSON as they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrence {
    /// What.
    pub occasion: Occasion,
    /// With which event, product or message; empty if that is nothing of the kind.
    pub name: String,
    /// With which properties; empty if there are none.
    pub properties: String,
}

impl Occurrence {
    /// A session began.
    pub const fn session_start() -> Self {
        Self { occasion: Occasion::SessionStart, name: String::new(), properties: String::new() }
    }

    /// What a record is to triggers; `None`: nothing.
    pub fn of(record: Json<'_>) -> Option<Self> {
        let occasion = Occasion::of(record)?;
        let text = |name| record.get(name).map_or("", Json::text).to_owned();
        Some(Self { occasion, name: text(occasion.name_key()), properties: text("properties") })
    }
}
