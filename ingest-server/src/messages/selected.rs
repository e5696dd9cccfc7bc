//! What was last selected for a user.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
};

use kindling_core::{protocol::RecordKind, time::Timestamp};

/// Names what a device holds, by its contents. Written: the messages' part, and after a dot that of the user's profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Version {
    /// The messages.
    pub(super) items: u64,
    /// What their filters look at, if any has one.
    pub(super) profile: Option<u64>,
}

impl Version {
    /// Whether a device that holds what is named like that holds the same messages.
    pub(super) fn has_items_of(self, held: &str) -> bool {
        held.split('.').next() == Some(&*format!("{:016x}", self.items))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.items)?;
        self.profile.map_or(Ok(()), |profile| write!(f, ".{profile:016x}"))
    }
}

/// What was last selected for a user, so that the next flush need not ask all campaigns again. It is not stored: after a start everybody
/// is asked once.
#[derive(Debug, Default)]
pub struct Selected(Mutex<Option<Selection>>);

#[derive(Debug, Clone, Copy)]
struct Selection {
    /// The key of the campaigns that it was selected from.
    of: u64,
    /// What it was; `None`: nothing.
    version: Option<Version>,
    /// When it may be another one, though nothing happened to the user.
    until: Option<Timestamp>,
}

impl Selected {
    /// What was selected of these campaigns, if that still stands: the version of the set, which is `None` for the empty one.
    pub(super) fn version(&self, of: u64, now: Timestamp) -> Option<Option<Version>> {
        let selection = (*self.0.lock().unwrap_or_else(PoisonError::into_inner))?;
        let stands = selection.of == of && selection.until.is_none_or(|until| now < until);
        stands.then_some(selection.version)
    }

    pub(super) fn remember(&self, of: u64, version: Option<Version>, until: Option<Timestamp>) {
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

/// Whether a record can change which messages are meant for its user, or what they say, beside what it changes of segments and of what
/// filters on devices look at.
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
