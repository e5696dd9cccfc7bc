//! What is put into a message only when its trigger fires.

use serde::Serialize;

/// Before the number of a value that the device puts in. It is a character that means nothing, for private use.
pub const VALUE_OPEN: char = '\u{e000}';
/// Behind the number.
pub const VALUE_CLOSE: char = '\u{e001}';

/// What is still to be put into a message when its trigger fires, and by whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Render {
    /// By the device: wherever a number stands between [`VALUE_OPEN`] and [`VALUE_CLOSE`], the value of that number.
    Device(Vec<EventValue>),
    /// By the server, which has to be asked for the whole content then.
    Server,
}

/// A value of the event that triggers a message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct EventValue {
    /// `name`, or `properties` and the names on the way.
    pub path: Vec<String>,
    /// What stands for it where the event has nothing to say.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub default: String,
}
