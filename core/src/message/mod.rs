//! In-app messages: what they say, what shows them, and which of several is shown.

mod action;
mod choice;
mod content;
mod held;
mod language;
mod occurrence;
mod read;
mod render;
mod survey;
mod theme;
mod translation;
mod trigger;
mod url;

pub use action::ClickAction;
pub use choice::{History, choose};
pub use content::{Button, Content, InAppMessage, SlideFrom, Style};
pub use held::{Held, HeldTrigger};
pub use language::{Direction, Language};
pub use occurrence::{Occasion, Occurrence};
pub use read::priority;
pub use render::{EventValue, Render, VALUE_CLOSE, VALUE_OPEN};
pub use survey::{Answer, Choice, Question, Survey};
pub use theme::{ButtonPalette, ButtonTheme, Color, Palette, Theme};
pub use translation::Translations;
pub use trigger::{Trigger, tests_hold};
pub use url::SafeUrl;
