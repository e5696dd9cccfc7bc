//! Sessions: stretches of activity.

use kindling_core::{
    ids::SessionId,
    json::Json,
    time::{Duration, Timestamp},
};

use super::{Host, keys};
use crate::json::Writer;

/// Activity is written down at most this often: storage is not free, and a session's end need not be exact to the second.
const WRITE_INTERVAL: Duration = Duration::from_seconds(5);

/// The open session of the device, shared by its tabs through storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) id: SessionId,
    started: Timestamp,
    active: Timestamp,
}

impl Session {
    pub(super) const fn new(id: SessionId, now: Timestamp) -> Self {
        Self { id, started: now, active: now }
    }

    /// The session that is stored, if there is one.
    pub(super) fn load(host: &impl Host) -> Option<Self> {
        let text = host.get(keys::SESSION)?;
        let json = Json::of(&text);
        let time = |name| json.get(name)?.integer().map(Timestamp::from_ms);
        let id = SessionId::recall(json.get("id")?.plain()?)?;
        Some(Self { id, started: time("started")?, active: time("active")? })
    }

    pub(super) fn store(&self, host: &mut impl Host) {
        let mut to = Writer::new();
        to.text("id", &self.id.text());
        to.integer("started", self.started.as_ms());
        to.integer("active", self.active.as_ms());
        host.set(keys::SESSION, &to.end());
    }

    /// Whether the pause since the last activity was too long. A clock that was set back ends no session.
    pub(super) fn is_over(&self, timeout: Duration, now: Timestamp) -> bool {
        now.since(self.active) >= timeout
    }

    /// Notes activity.
    pub(super) fn touch(&mut self, host: &mut impl Host, now: Timestamp) {
        if now < self.active || now.since(self.active) >= WRITE_INTERVAL {
            self.active = now;
            self.store(host);
        }
    }

    /// From its start to its last activity.
    pub(super) fn duration(&self) -> Duration {
        self.active.since(self.started)
    }
}
