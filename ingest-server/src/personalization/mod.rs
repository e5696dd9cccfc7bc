//! Messages that say something of the user they are shown to: Liquid templates in a campaign's message.
//!
//! A template is checked when the campaign is written, held compiled in the catalog, and rendered when a user's messages are chosen: a
//! message without templates costs nothing here. What is rendered is read like any other message, so that nothing gets into one that
//! could not have been written there. What goes wrong for one user takes that one message from that one user.
//!
//! | module | what it does |
//! |---|---|
//! | `source` | takes a template apart: which variables it names, what it prints |
//! | `language` | which tags and filters there are, and what they may cost |
//! | `filters` | those that the library does not have, or not as we need them |
//! | `lenient` | what is missing is nothing |
//! | `loops` | `for`, with a bound |
//! | `template` | a compiled template of one text |
//! | `variables` | what templates can name |
//! | `message` | a message with templates in it |
//! | `event` | what is known only when a trigger fires |
//! | `losses` | how often nothing came of it |

mod event;
mod filters;
mod language;
mod lenient;
mod loops;
mod losses;
mod message;
mod source;
mod template;
#[cfg(test)]
mod tests;
mod variables;

pub use event::Event;
pub use losses::{LossCounts, Losses};
pub use message::{MessageTemplate, NotRendered, Rendered};
pub use variables::Subject;
