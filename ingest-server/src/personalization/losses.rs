//! How often a message of a campaign came to nothing when it was to be made for a user.

use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use super::NotRendered;

/// Counts of one campaign, since the server started.
#[derive(Debug, Default)]
pub struct Losses(Mutex<LossCounts>);

/// See [`Losses`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LossCounts {
    /// A template said that the message is not to be sent.
    pub aborted: u64,
    /// A template could not be rendered, or what came out is no message.
    pub failed: u64,
    /// What went wrong the last time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

impl Losses {
    /// Counts one.
    pub fn count(&self, loss: &NotRendered) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match loss {
            NotRendered::Aborted { .. } => counts.aborted += 1,
            NotRendered::Failed { error } => {
                counts.failed += 1;
                counts.last_error = Some(error.clone());
            }
        }
    }

    /// The counts.
    pub fn counts(&self) -> LossCounts {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
