//! Conversions: what users do after they saw a message, and whether the message made a difference.
//!
//! The rule, for one user, one campaign and one of its conversions: **the user converts with the first event in time that matches and
//! happened at or after an impression of the campaign, no later than `within` after it. It is credited to the variant of the last
//! impression at or before it.** Each user converts once at most. Impressions of control messages are impressions: whoever is in the
//! control group converts by the same rule, without having seen anything.
//!
//! Times are those of the records, not of their arrival. So the outcome does not depend on the order in which records arrive, nor on
//! whether they come before or after an anonymous visitor turned out to be somebody, as long as what is kept one by one suffices:
//! [`limits::IMPRESSIONS_KEPT`](crate::limits::IMPRESSIONS_KEPT), [`limits::EVENT_RECENT_TIMES`](crate::limits::EVENT_RECENT_TIMES),
//! [`limits::RECENT_PURCHASES`](crate::limits::RECENT_PURCHASES) and [`limits::OUTCOMES_KEPT`](crate::limits::OUTCOMES_KEPT).
//!
//! | file | what it does |
//! |---|---|
//! | `definition` | what counts, as a campaign says it |
//! | `exposure` | what is kept of one user and one campaign, and the rule |
//! | `exposures` | what is kept of one user |
//! | `reach` | which campaigns reached one user |
//! | `index` | from what happens to the conversions that it may be |
//! | `comparison` | rates, their difference, and how sure one can be of it |

mod comparison;
mod definition;
mod exposure;
mod exposures;
mod index;
mod reach;
#[cfg(test)]
mod reference;

pub use comparison::{Comparison, Interval, Rate, wilson};
pub use definition::{Conversion, Outcome};
pub use exposure::{Converted, Exposure, Figure, Happened, Share};
pub use exposures::{Changed, Exposures};
pub use index::{ConversionIndex, Watch};
pub use reach::{Noted, Reach, Reached, number_of};
