//! In-app messages: what they say, what shows them, and which of several is shown.

mod choice;
mod content;
mod held;
mod read;
mod trigger;
mod url;

pub use choice::{History, choose};
pub use content::{Button, ClickAction, Content, InAppMessage, SlideFrom, Style};
pub use held::Held;
pub use read::priority;
pub use trigger::{Occurrence, Trigger};
pub use url::SafeUrl;
