//! Applying batches to what the store has loaded: the decisions of the write path, in one place and free of I/O.

use std::collections::HashMap;

use kindling_core::{
    ids::{AnonymousId, DeviceId, ExternalId, Seq, StreamId, UserId},
    profile::{Origin, Profile, Stamp},
    protocol::{FlushAnswer, Identity, RecordError, Rejected},
    time::Timestamp,
};

use super::{Batch, Incoming, Memberships, clock};
use crate::{messages, store::WorkspaceKey};

/// What a group of batches touches, loaded before and written back after.
///
/// The store puts in every stream, identity and user that the group names; what is not in here does not exist.
#[derive(Debug, Default)]
pub struct Working {
    /// How far each stream has come.
    pub streams: HashMap<(WorkspaceKey, StreamId), Position>,
    /// Users by external id.
    pub external_ids: HashMap<(WorkspaceKey, ExternalId), UserId>,
    /// Users by anonymous id.
    pub anonymous_ids: HashMap<(WorkspaceKey, AnonymousId), UserId>,
    /// The users.
    pub users: HashMap<UserId, UserState>,
    /// The number of the next new user.
    pub next_user: i64,
    /// Streams whose watermark rose.
    pub moved_streams: Vec<(WorkspaceKey, StreamId, Timestamp)>,
    /// Anonymous ids that now belong to a user.
    pub linked: Vec<(WorkspaceKey, AnonymousId, UserId)>,
    /// Devices that were heard of, and whose they are now.
    pub devices: Vec<(WorkspaceKey, DeviceId, UserId, Timestamp)>,
    /// Users that were merged into another.
    pub merged: Vec<(WorkspaceKey, UserId, UserId)>,
    /// What was taken, for the record log.
    pub log: Vec<LogEntry>,
}

/// How far a stream has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The watermark: every record up to here has been taken or rejected, once and for all.
    pub seq: Seq,
    /// When its last record happened. Each flush is corrected by its own time of travel; without this, a later record of a
    /// stream could seem to have happened before an earlier one.
    pub at: Timestamp,
}

/// A user as the store keeps them.
#[derive(Debug, Clone)]
pub struct UserState {
    /// Whose workspace.
    pub workspace: WorkspaceKey,
    /// The external id, once they signed in.
    pub external_id: Option<ExternalId>,
    /// All that is known of them.
    pub profile: Profile,
    /// Which segments they are in.
    pub memberships: Memberships,
    /// Whether it differs from what is stored.
    pub changed: bool,
}

/// The records of one batch that were taken.
#[derive(Debug)]
pub struct LogEntry {
    /// Whose workspace.
    pub workspace: WorkspaceKey,
    /// Whose records.
    pub user: UserId,
    /// From which device.
    pub device: DeviceId,
    /// Of which stream.
    pub stream: StreamId,
    /// When they arrived.
    pub received_at: Timestamp,
    /// A JSON array with an object for each: `at`, by the server's clock, and `record`, as it was sent.
    pub records: String,
}

/// Applies one batch. What it returns must be sent only when everything in `working` is durable.
pub fn apply(working: &mut Working, batch: &Batch) -> FlushAnswer {
    let workspace = batch.workspace.key;
    let position = working.streams.get(&(workspace, batch.stream)).copied();
    let watermark = position.map_or(Seq::NONE, |position| position.seq);
    let fresh = &batch.records[batch.records.partition_point(|record| record.seq <= watermark)..];
    let Some(last) = fresh.last() else {
        // Nothing new: a repeated flush, or one that only asks for messages.
        let user = working.known(workspace, &batch.identity);
        let messages = user.and_then(|user| working.messages(user, batch));
        return FlushAnswer { acked: watermark, rejected: Vec::new(), messages };
    };
    let user = working.resolve(workspace, &batch.identity, batch.received_at);
    let mut at = position.map_or(Timestamp::from_ms(i64::MIN), |position| position.at);
    let rejected = working.apply_records(user, batch, fresh, &mut at);
    working.streams.insert((workspace, batch.stream), Position { seq: last.seq, at });
    working.moved_streams.push((workspace, batch.stream, batch.received_at));
    working.devices.push((workspace, batch.device, user, batch.received_at));
    FlushAnswer { acked: last.seq, rejected, messages: working.messages(user, batch) }
}

impl Working {
    /// Applies the records, none earlier than `latest`, which moves on with them.
    fn apply_records(
        &mut self,
        id: UserId,
        batch: &Batch,
        fresh: &[Incoming],
        latest: &mut Timestamp,
    ) -> Vec<Rejected> {
        let origin = if batch.identity.external_id.is_some() { Origin::Identified } else { Origin::Anonymous };
        let mut rejected = Vec::new();
        let mut touched = Vec::new();
        let mut log = String::from("[");
        let Some(user) = self.users.get_mut(&id) else { return rejected };
        for incoming in fresh {
            let applied = incoming.record.as_ref().map_err(|error| *error).and_then(|record| {
                let at = clock::correct(record.at, batch.sent_at, batch.received_at).max(*latest);
                let part = user.profile.apply(&record.kind, Stamp { origin, at, seq: record.seq })?;
                *latest = at;
                Ok::<_, RecordError>((at, part))
            });
            match applied {
                Ok((at, part)) => {
                    touched.extend(part);
                    if log.len() > 1 {
                        log.push(',');
                    }
                    log.push_str("{\"at\":");
                    log.push_str(&at.as_ms().to_string());
                    log.push_str(",\"record\":");
                    log.push_str(&incoming.json);
                    log.push('}');
                }
                Err(error) => rejected.push(Rejected {
                    seq: incoming.seq,
                    code: error.code().to_owned(),
                    detail: error.detail().to_owned(),
                }),
            }
        }
        user.memberships.update(&batch.workspace, &user.profile, &touched, batch.received_at);
        user.changed = true;
        if log.len() > 1 {
            log.push(']');
            self.log.push(LogEntry {
                workspace: batch.workspace.key,
                user: id,
                device: batch.device,
                stream: batch.stream,
                received_at: batch.received_at,
                records: log,
            });
        }
        rejected
    }

    /// The messages for the user, if the device wants them and holds others.
    fn messages(&mut self, id: UserId, batch: &Batch) -> Option<kindling_core::protocol::MessageSet> {
        let held = batch.messages.as_deref()?;
        let user = self.users.get_mut(&id)?;
        let due_before = user.memberships.due();
        user.memberships.update(&batch.workspace, &user.profile, &[], batch.received_at);
        user.changed |= user.memberships.due() != due_before;
        messages::select(&batch.workspace, &user.profile, &user.memberships, held, batch.received_at)
    }

    /// Who the identity is, if they are known.
    fn known(&self, workspace: WorkspaceKey, identity: &Identity) -> Option<UserId> {
        match &identity.external_id {
            Some(external_id) => self.external_ids.get(&(workspace, external_id.clone())).copied(),
            None => self.anonymous_ids.get(&(workspace, identity.anonymous_id?)).copied(),
        }
    }

    /// Who the identity is. An unknown one becomes a new user; an anonymous visitor who signed in becomes that user, or, if the
    /// user is known already, is merged into them. The outcome does not depend on the order in which streams arrive.
    fn resolve(&mut self, workspace: WorkspaceKey, identity: &Identity, now: Timestamp) -> UserId {
        let visitor = identity.anonymous_id.and_then(|id| self.anonymous_ids.get(&(workspace, id)).copied());
        let user = match &identity.external_id {
            None => visitor.unwrap_or_else(|| self.create(workspace, None, now)),
            Some(external_id) => {
                let known = self.external_ids.get(&(workspace, external_id.clone())).copied();
                // A visitor who already turned out to be somebody stays that somebody.
                let visitor = visitor.filter(|id| self.users.get(id).is_some_and(|user| user.external_id.is_none()));
                match (known, visitor) {
                    (Some(known), Some(visitor)) => {
                        self.merge(visitor, known);
                        known
                    }
                    (Some(known), None) => known,
                    (None, Some(visitor)) => {
                        self.identify(workspace, visitor, external_id);
                        visitor
                    }
                    (None, None) => self.create(workspace, Some(external_id.clone()), now),
                }
            }
        };
        if let Some(anonymous_id) = identity.anonymous_id {
            let place = self.anonymous_ids.entry((workspace, anonymous_id));
            if let std::collections::hash_map::Entry::Vacant(place) = place {
                place.insert(user);
                self.linked.push((workspace, anonymous_id, user));
            }
        }
        user
    }

    fn create(&mut self, workspace: WorkspaceKey, external_id: Option<ExternalId>, now: Timestamp) -> UserId {
        let id = UserId(self.next_user);
        self.next_user += 1;
        if let Some(external_id) = &external_id {
            self.external_ids.insert((workspace, external_id.clone()), id);
        }
        let (profile, memberships) = (Profile::new(now), Memberships::default());
        self.users.insert(id, UserState { workspace, external_id, profile, memberships, changed: true });
        id
    }

    fn identify(&mut self, workspace: WorkspaceKey, visitor: UserId, external_id: &ExternalId) {
        self.external_ids.insert((workspace, external_id.clone()), visitor);
        if let Some(user) = self.users.get_mut(&visitor) {
            user.external_id = Some(external_id.clone());
            user.changed = true;
        }
    }

    fn merge(&mut self, visitor: UserId, known: UserId) {
        let Some(gone) = self.users.remove(&visitor) else { return };
        if let Some(user) = self.users.get_mut(&known) {
            user.profile.merge(gone.profile);
            // What the visitor brought can touch any segment.
            user.memberships = Memberships::default();
            user.changed = true;
        }
        for owner in self.anonymous_ids.values_mut().filter(|owner| **owner == visitor) {
            *owner = known;
        }
        self.merged.push((gone.workspace, visitor, known));
    }
}
