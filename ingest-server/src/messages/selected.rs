//! What was last selected for a user.

use std::sync::{Mutex, PoisonError};

use kindling_core::{protocol::RecordKind, time::Timestamp};

/// What was last selected for a user, so that the next flush need not ask all campaigns again. It is not stored: after a start everybody
/// is asked once.
#[derive(Debug, Default)]
pub struct Selected(Mutex<Option<Selection>>);

#[derive(Debug, Clone, Copy)]
struct Selection {
    /// The key of the campaigns that it was selected from.
    of: u64,
    /// What it was.
    version: Option<u64>,
    /// When it may be another one, though nothing happened to the user.
    until: Option<Timestamp>,
}

impl Selected {
    /// What was selected of these campaigns, if that still stands: the version of the set, which is `None` for the empty one.
    pub(super) fn version(&self, of: u64, now: Timestamp) -> Option<Option<u64>> {
        let selection = (*self.0.lock().unwrap_or_else(PoisonError::into_inner))?;
        let stands = selection.of == of && selection.until.is_none_or(|until| now < until);
        stands.then_some(selection.version)
    }

    pub(super) fn remember(&self, of: u64, version: Option<u64>, until: Option<Timestamp>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Selection { of, version, until });
    }

    /// Something happened to the user that the selection may stand on.
    pub fn forget(&mut self) {
        *self.0.get_mut().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Clone for Selected {
    /// A copy is made to be changed.
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// Whether a record can change which messages are meant for its user, or what they say, beside what it changes of segments.
pub const fn may_select_others<P>(kind: &RecordKind<P>) -> bool {
    match kind {
        RecordKind::CustomEvent { .. }
        | RecordKind::Purchase { .. }
        | RecordKind::SessionStart { .. }
        | RecordKind::SessionEnd { .. }
        | RecordKind::Subscription { .. }
        | RecordKind::SubscriptionGroup { .. }
        | RecordKind::Location { .. }
        | RecordKind::Alias { .. }
        | RecordKind::Identified => false,
        RecordKind::Attribute { .. }
        | RecordKind::CustomAttribute { .. }
        | RecordKind::MessageImpression { .. }
        | RecordKind::MessageClick { .. }
        | RecordKind::MessageDismissal { .. }
        | RecordKind::Device(_) => true,
    }
}
