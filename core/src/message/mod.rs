//! In-app messages: what they say, what shows them, and which of several is shown.

mod choice;
mod content;
mod held;
mod occurrence;
mod read;
mod trigger;
mod url;

pub use choice::{History, choose};
pub use content::{Button, ClickAction, Content, InAppMessage, SlideFrom, Style};
pub use held::{Held, HeldTrigger};
pub use occurrence::{Occasion, Occurrence};
pub use read::priority;
pub use trigger::{Trigger, tests_hold};
pub use url::SafeUrl;
