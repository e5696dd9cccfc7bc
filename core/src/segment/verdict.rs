//! Whether something holds, and until when that is certain.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// The outcome of a filter for one user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Whether the user matches now.
    pub matches: bool,
    /// The earliest instant at which `matches` could change although nothing happens; `None`: never.
    pub until: Option<Timestamp>,
}

impl Verdict {
    /// A verdict that time does not change.
    pub const fn lasting(matches: bool) -> Self {
        Self { matches, until: None }
    }

    /// A verdict that may change at an instant.
    pub const fn until(matches: bool, until: Timestamp) -> Self {
        Self { matches, until: Some(until) }
    }

    /// The opposite, which changes at the same instant.
    #[must_use]
    pub const fn negated(self) -> Self {
        Self { matches: !self.matches, ..self }
    }

    /// "All" (`neutral` is true) and "any" (false) are one rule seen from two sides. While every part agrees with `neutral`, the
    /// first part to change can change the whole. Once some parts disagree, the whole changes only after *every* one of those has
    /// changed: not before the last of them.
    pub fn combine(parts: impl IntoIterator<Item = Self>, neutral: bool) -> Self {
        let mut first_of_neutral: Option<Timestamp> = None;
        let mut last_of_deciding: Option<Option<Timestamp>> = None;
        for Self { matches, until } in parts {
            if matches == neutral {
                first_of_neutral = first_of_neutral.into_iter().chain(until).min();
            } else {
                last_of_deciding = Some(match last_of_deciding {
                    None => until,
                    Some(last) => last.zip(until).map(|(a, b)| a.max(b)),
                });
                // It can't become more certain.
                if last_of_deciding == Some(None) {
                    return Self::lasting(!neutral);
                }
            }
        }
        match last_of_deciding {
            None => Self { matches: neutral, until: first_of_neutral },
            Some(until) => Self { matches: !neutral, until },
        }
    }

    /// Whether a verdict on a whole that was made with this one for a part may be wrong, or certain for too long, now that this
    /// part's is `now`. (The whole's `until` is made of least and greatest ones of its parts: while no part changes and none
    /// changes earlier than it would have, neither does the whole. That it could be certain for longer costs a look too early.)
    pub fn is_overturned_by(self, now: Self) -> bool {
        let earlier = match (self.until, now.until) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(before), Some(now)) => now < before,
        };
        self.matches != now.matches || earlier
    }
}
