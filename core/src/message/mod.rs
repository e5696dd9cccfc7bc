//! In-app messages: what they say, what shows them, and which of several is shown.

mod action;
mod cap;
mod choice;
mod content;
mod held;
mod hours;
mod language;
mod occurrence;
mod read;
mod render;
mod survey;
mod theme;
mod translation;
mod trigger;
mod url;
mod variant;

pub use action::ClickAction;
pub use cap::{Cap, HeldCap, Seen, cap_holds_until};
pub use choice::{History, Rules, choose};
pub use content::{Button, Content, Control, InAppMessage, Shown, SlideFrom, Style};
pub use held::{Held, HeldTrigger};
pub use hours::Hours;
pub use language::{Direction, Language};
pub use occurrence::{Occasion, Occurrence};
pub use read::priority;
pub use render::{EventValue, Render, VALUE_CLOSE, VALUE_OPEN};
pub use survey::{Answer, Choice, Question, Survey};
pub use theme::{ButtonPalette, ButtonTheme, Color, Palette, Theme};
pub use translation::Translations;
pub use trigger::{Trigger, tests_hold};
pub use url::SafeUrl;
pub use variant::assign;
