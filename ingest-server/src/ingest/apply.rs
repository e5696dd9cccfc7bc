//! Applying batches to what the store has loaded: the decisions of the write path, in one place and free of I/O.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use kindling_core::{
    conversion::Exposures,
    ids::{Alias, AnonymousId, DeviceId, ExternalId, Seq, StreamId, UserId},
    limits,
    profile::{Origin, Profile, Stamp},
    protocol::{FlushAnswer, Identity, MessageSet, Record, RecordError, RecordKind, Rejected},
    segment::Subject,
    time::{Duration, Timestamp},
};

use super::{
    Batch, Change, Counters, Incoming, Memberships, Properties, ReportChanges, Resident, UserAgent, clock::Clock,
    user_devices::UserDevices,
};
use crate::{
    catalog::Workspace,
    messages::{self, Selected, may_select_others},
    segments::Here,
    store::WorkspaceKey,
};

/// What the rules work on.
///
/// Before a batch is applied the store puts in every stream, identity and user that it names; what is not in here does not exist.
/// A store may keep it from one group to the next, as its cache, or make it anew for each.
#[derive(Debug)]
pub struct Working {
    /// How far each stream has come.
    pub streams: Resident<(WorkspaceKey, StreamId), Position>,
    /// Users by external id.
    pub external_ids: Resident<(WorkspaceKey, ExternalId), UserId>,
    /// Users by anonymous id.
    pub anonymous_ids: Resident<(WorkspaceKey, AnonymousId), UserId>,
    /// Users by alias.
    pub aliases: Resident<(WorkspaceKey, Alias), UserId>,
    /// Who used a device last.
    pub devices: Resident<(WorkspaceKey, DeviceId), UserId>,
    /// The users.
    pub users: Resident<UserId, Person>,
    /// What is counted beside what every profile counts.
    pub counters: Counters,
    /// By how much reports have changed, for the store to take out.
    pub reports: ReportChanges,
    /// The number of the next new user.
    pub next_user: i64,
    /// How old a record may be when it arrives.
    pub oldest: Duration,
    /// What was taken, for the record log. The store takes it out when it has written it.
    pub log: Vec<LogEntry>,
    /// Who entered which segment and who left it, likewise.
    pub changes: Vec<Change>,
    /// Users whose memberships may have another timer now, and those who were merged into another, for the store to take out.
    pub touched: Vec<UserId>,
    /// See `touched`.
    pub merged: Vec<(UserId, UserId)>,
}

impl Default for Working {
    fn default() -> Self {
        Self {
            streams: Resident::default(),
            external_ids: Resident::default(),
            anonymous_ids: Resident::default(),
            aliases: Resident::default(),
            devices: Resident::default(),
            users: Resident::default(),
            counters: Counters::default(),
            reports: ReportChanges::default(),
            next_user: 1,
            oldest: limits::CLOCK_PAST,
            log: Vec::new(),
            changes: Vec::new(),
            touched: Vec::new(),
            merged: Vec::new(),
        }
    }
}

/// How far a stream has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The watermark: every record up to here has been taken or rejected, once and for all.
    pub seq: Seq,
    /// When its last record happened. A stream's records happened one after the other, whatever clocks say.
    pub at: Timestamp,
    /// Records that the device lost: places below the watermark of which nothing was ever sent.
    pub lost: u64,
    /// When it was last heard of.
    pub last_used: Timestamp,
}

impl Position {
    const START: Self =
        Self { seq: Seq::NONE, at: Timestamp::from_ms(i64::MIN), lost: 0, last_used: Timestamp::from_ms(i64::MIN) };
}

/// What there is under a user's number.
#[derive(Debug, Clone)]
pub enum Person {
    /// A user.
    Here(Arc<UserState>),
    /// Nobody any more: they turned out to be that other user.
    MergedInto(UserId),
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
    /// Their further names.
    pub aliases: BTreeSet<Alias>,
    /// The devices they used.
    pub devices: UserDevices,
    /// Which segments they are in.
    pub memberships: Memberships,
    /// What is kept of them for the reports of campaigns.
    pub exposures: Exposures,
    /// Which messages were last selected for them.
    pub selected: Selected,
}

/// A batch of which records were taken, or at least settled.
#[derive(Debug, Clone)]
pub struct LogEntry {
    /// Whose workspace.
    pub workspace: WorkspaceKey,
    /// Whose records.
    pub user: UserId,
    /// When they arrived.
    pub received_at: Timestamp,
    /// What was decided about it.
    pub settled: Settled,
    /// What the User-Agent header said, if that, or what of it is allowed, was new of the device.
    pub user_agent: Option<UserAgent>,
    /// When the first and the last of them happened, in the order of time; `None` if none was taken.
    pub span: Option<(Timestamp, Timestamp)>,
    /// The flush as JSON, with only the records that were taken.
    pub body: Bytes,
}

impl UserState {
    /// The user, as filters see them.
    pub fn subject(&self, id: UserId) -> Subject<'_> {
        let Self { profile, external_id, devices, .. } = self;
        Subject { profile, is_anonymous: external_id.is_none(), bucket: id.random_bucket(), devices, zones: &Here }
    }

    /// Brings the memberships up to date after something changed and time passed: see [`Memberships::update`].
    pub fn update_memberships(
        &mut self,
        id: UserId,
        workspace: &Workspace,
        overturned: &[u32],
        now: Timestamp,
    ) -> impl Iterator<Item = Change> + use<> {
        let mut memberships = std::mem::take(&mut self.memberships);
        let changes = memberships.update(workspace, &self.subject(id), overturned, now);
        self.memberships = memberships;
        if !changes.is_empty() {
            self.selected.forget();
        }
        let workspace = workspace.key;
        changes.into_iter().map(move |(segment, entered)| Change { workspace, segment, user: id, entered, at: now })
    }
}

impl LogEntry {
    /// Bytes that it takes in the log, about.
    pub fn bytes(&self) -> usize {
        const ROW: usize = 64;
        self.body.len() + ROW
    }
}

/// What was decided about a batch, and can't be seen from the records that were taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// The watermark afterwards.
    pub seq: Seq,
    /// Places that the stream skipped.
    pub lost: u64,
    /// When each record happened, where that is not what the device said.
    pub times: Option<Vec<Timestamp>>,
}

/// Why a batch of the log can't be applied again.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// Its records belong to somebody else than they did.
    #[error("the records of user {logged} would now be those of user {found}")]
    OtherUser {
        /// Whose they were.
        logged: UserId,
        /// Whose they would be.
        found: UserId,
    },
}

/// Applies one batch. What it returns must be sent only when everything in `working` is durable.
pub fn apply(working: &mut Working, batch: &Batch) -> FlushAnswer {
    let workspace = batch.workspace.key;
    let position = working.position(batch);
    let fresh = &batch.records[batch.records.partition_point(|record| record.seq <= position.seq)..];
    let Some(last) = fresh.last() else {
        // Nothing new: a repeated flush, or one that only asks for messages.
        let user = working.known(workspace, &batch.identity);
        let messages = user.and_then(|user| working.messages(user, batch));
        return FlushAnswer { acked: position.seq, rejected: Vec::new(), messages, tests: Vec::new(), auth: None };
    };
    let lost = last.seq.0.saturating_sub(position.seq.0).saturating_sub(fresh.len() as u64);
    let user = working.resolve(&batch.workspace, &batch.identity, batch.received_at);
    let applied = working.apply_records(user, batch, fresh, None, position.at);
    let whole = batch.is_plain && fresh.len() == batch.records.len() && applied.rejected.is_empty();
    let body = if whole {
        Ok(batch.body.clone())
    } else {
        let is_rejected = |seq| applied.rejected.iter().any(|rejected| rejected.seq == seq);
        batch.body_with(|seq| seq > position.seq && !is_rejected(seq))
    };
    working.log.push(LogEntry {
        workspace,
        user,
        received_at: batch.received_at,
        settled: Settled { seq: last.seq, lost, times: applied.corrected.then_some(applied.times) },
        user_agent: applied.new_agent.then(|| batch.user_agent.clone()),
        span: applied.span,
        // It was read before, and can be read again.
        body: body.unwrap_or_default(),
    });
    working.move_on(user, batch, last.seq, lost, applied.latest);
    let messages = working.messages(user, batch);
    FlushAnswer { acked: last.seq, rejected: applied.rejected, messages, tests: Vec::new(), auth: None }
}

/// Applies a batch of the log, the one of that number, again, to what had not yet seen it: the same rules, but what was decided stays
/// decided. Returns from when to when its records happened.
pub fn replay(
    working: &mut Working,
    batch: &Batch,
    (number, logged): (i64, UserId),
    settled: &Settled,
) -> Result<Option<(Timestamp, Timestamp)>, ReplayError> {
    let found = working.resolve(&batch.workspace, &batch.identity, batch.received_at);
    if found != logged {
        return Err(ReplayError::OtherUser { logged, found });
    }
    let position = working.position(batch);
    let again = Again { number, times: settled.times.as_deref().unwrap_or_default() };
    let applied = working.apply_records(logged, batch, &batch.records, Some(again), position.at);
    working.move_on(logged, batch, settled.seq, settled.lost, applied.latest);
    Ok(applied.span)
}

/// What was decided of the records of a batch when it was first applied.
#[derive(Clone, Copy)]
struct Again<'t> {
    /// The batch's number in the log.
    number: i64,
    /// When they happened. Where it does not say: when the device says.
    times: &'t [Timestamp],
}

/// What became of the records of a batch.
struct Applied {
    rejected: Vec<Rejected>,
    /// When each one that was taken happened.
    times: Vec<Timestamp>,
    /// Whether that is not what the device said of all of them.
    corrected: bool,
    span: Option<(Timestamp, Timestamp)>,
    latest: Timestamp,
    /// Whether the User-Agent header said something new, or less of it is allowed.
    new_agent: bool,
}

impl Working {
    fn position(&mut self, batch: &Batch) -> Position {
        self.streams.get(&(batch.workspace.key, batch.stream)).copied().unwrap_or(Position::START)
    }

    fn move_on(&mut self, user: UserId, batch: &Batch, seq: Seq, lost: u64, at: Timestamp) {
        let workspace = batch.workspace.key;
        let lost = self.position(batch).lost.saturating_add(lost);
        self.streams.put((workspace, batch.stream), Position { seq, at, lost, last_used: batch.received_at });
        if batch.device.is_some() && self.devices.get(&(workspace, batch.device)) != Some(&user) {
            self.devices.put((workspace, batch.device), user);
        }
    }

    /// The user, to be changed. Whoever still holds the user as they were keeps them so.
    fn user_mut(&mut self, id: UserId) -> Option<&mut UserState> {
        match self.users.get_mut(&id)? {
            Person::Here(user) => Some(Arc::make_mut(user)),
            Person::MergedInto(_) => None,
        }
    }

    /// Applies the records, none earlier than `latest`; with `again`, those of a batch of the log.
    fn apply_records(
        &mut self,
        id: UserId,
        batch: &Batch,
        records: &[Incoming],
        again: Option<Again<'_>>,
        mut latest: Timestamp,
    ) -> Applied {
        let origin = if batch.identity.external_id.is_some() { Origin::Identified } else { Origin::Anonymous };
        let clock = Clock::new(batch.sent_at, batch.received_at, self.oldest);
        let mut applied =
            Applied { rejected: Vec::new(), times: Vec::new(), corrected: false, span: None, latest, new_agent: false };
        let taken = self.claim_aliases(id, batch.workspace.key, records);
        let counters = self.counters.of(batch.workspace.key);
        let mut reports = std::mem::take(&mut self.reports);
        let Some(user) = self.user_mut(id) else {
            self.reports = reports;
            return applied;
        };
        let on_device = batch.workspace.candidates().on_device();
        let index = &batch.workspace.index;
        let kinds = records.iter().filter_map(|incoming| Some(&incoming.record.as_ref().ok()?.kind));
        let before = index.before(kinds, &user.subject(id), batch.received_at);
        if let Some(counters) = &counters {
            user.profile.retain_tracked(|number| counters.counts(number));
        }
        user.exposures.retain_tested(&batch.workspace.conversions);
        let mut properties = Properties::of(batch);
        // What arrived before a counter was made is counted from the log.
        let is_counted_now = |number| {
            again.is_none_or(|again| counters.as_ref().is_some_and(|counters| counters.is_before(number, again.number)))
        };
        applied.times.reserve_exact(records.len());
        for (place, incoming) in records.iter().enumerate() {
            let outcome = incoming.record.as_ref().map_err(|error| *error).and_then(|record| {
                let at = match again {
                    Some(again) => again.times.get(place).copied().unwrap_or(record.at),
                    // A server may put down what it finds in its books, in whatever order.
                    None if !batch.device.is_some() => clock.correct(record.at),
                    None => clock.correct(record.at).max(latest),
                };
                // Also for a record that is then rejected: what follows it did not happen before it.
                latest = latest.max(at);
                if taken.contains(&record.seq) {
                    return Err(RecordError::AliasTaken);
                }
                // It is in the log, and counts nowhere.
                if record.kind.is_of_test() {
                    return Ok((record, at));
                }
                user.profile.apply(&record.kind, Stamp { origin, at, seq: record.seq })?;
                if on_device || may_select_others(&record.kind) {
                    user.selected.forget();
                }
                match &record.kind {
                    RecordKind::Alias { label, name } => {
                        user.aliases.insert(Alias { label: label.clone(), name: name.clone() });
                    }
                    RecordKind::Device(info) if batch.device.is_some() => {
                        user.devices.says(batch.device, (**info).clone(), at)
                    }
                    _ => {}
                }
                Ok((record, at))
            });
            match outcome {
                Ok((record, at)) => {
                    if let Some(counters) = &counters {
                        counters.each(record, at, &mut properties, |number| {
                            if is_counted_now(number) {
                                user.profile.track(number, at);
                            }
                        });
                    }
                    reports.note(&batch.workspace, user, record, at, &mut properties);
                    applied.corrected |= at != record.at;
                    applied.span = Some(applied.span.map_or((at, at), |(first, last)| (first.min(at), last.max(at))));
                    applied.times.push(at);
                }
                Err(error) => applied.rejected.push(Rejected {
                    seq: incoming.seq,
                    code: error.code().to_owned(),
                    detail: error.detail().to_owned(),
                }),
            }
        }
        if batch.device.is_some() {
            user.devices.seen(batch.device, batch.received_at);
            applied.new_agent = user.devices.agent(batch.device, &batch.user_agent, batch.received_at);
        }
        let overturned = before.overturned(&user.subject(id), batch.received_at);
        if again.is_some() {
            // What followed from it the first time is in the log as well. What it says is put in when everything has been applied.
            user.memberships.doubt(&overturned);
        } else {
            let changes = user.update_memberships(id, &batch.workspace, &overturned, batch.received_at);
            self.changes.extend(changes);
        }
        self.touched.push(id);
        self.reports = reports;
        applied.latest = latest;
        applied
    }

    /// Gives the user the aliases that the records name. Returns the records whose alias is somebody else's, or one too many.
    fn claim_aliases(&mut self, id: UserId, workspace: WorkspaceKey, records: &[Incoming]) -> Vec<Seq> {
        let mut refused = Vec::new();
        for incoming in records {
            let Ok(Record { kind: RecordKind::Alias { label, name }, seq, .. }) = &incoming.record else { continue };
            let key = (workspace, Alias { label: label.clone(), name: name.clone() });
            let owner = self.aliases.get(&key).copied();
            match owner.map(|owner| self.survivor(owner)) {
                Some(owner) if owner == id => {}
                Some(_) => refused.push(*seq),
                None if self.has_room_for_alias(id) => self.aliases.put(key, id),
                None => refused.push(*seq),
            }
        }
        refused
    }

    fn has_room_for_alias(&mut self, id: UserId) -> bool {
        matches!(self.users.get(&id), Some(Person::Here(user)) if user.aliases.len() < limits::USER_ALIASES)
    }

    /// The messages for the user, if the device wants them and holds others.
    fn messages(&mut self, id: UserId, batch: &Batch) -> Option<MessageSet> {
        let held = batch.messages.as_deref()?;
        let Some(Person::Here(user)) = self.users.get(&id) else { return None };
        let now = batch.received_at;
        let stale = user.memberships.is_stale(&batch.workspace, now);
        if stale {
            let user = self.user_mut(id)?;
            let changes = user.update_memberships(id, &batch.workspace, &[], now);
            self.changes.extend(changes);
            self.touched.push(id);
        }
        let Some(Person::Here(user)) = self.users.get(&id) else { return None };
        let selection = messages::select(&batch.workspace, id, user, held, now);
        if !selection.reaching.is_empty() {
            let mut reports = std::mem::take(&mut self.reports);
            if let Some(user) = self.user_mut(id) {
                reports.reach(&batch.workspace, user, &selection.reaching, now);
            }
            self.reports = reports;
        }
        selection.messages
    }

    /// Who that is by now.
    fn survivor(&mut self, mut id: UserId) -> UserId {
        // Nobody is merged into one who was merged before, so this ends; the bound is for a store that is not sound.
        for _ in 0..limits::MERGE_CHAIN {
            match self.users.get(&id) {
                Some(Person::MergedInto(into)) => id = *into,
                _ => break,
            }
        }
        id
    }

    fn by_external_id(&mut self, workspace: WorkspaceKey, id: &ExternalId) -> Option<UserId> {
        let user = *self.external_ids.get(&(workspace, id.clone()))?;
        Some(self.survivor(user))
    }

    fn by_anonymous_id(&mut self, workspace: WorkspaceKey, id: AnonymousId) -> Option<UserId> {
        let user = *self.anonymous_ids.get(&(workspace, id))?;
        Some(self.survivor(user))
    }

    /// Who the identity is, if they are known.
    fn known(&mut self, workspace: WorkspaceKey, identity: &Identity) -> Option<UserId> {
        match &identity.external_id {
            Some(external_id) => self.by_external_id(workspace, external_id),
            None => self.by_anonymous_id(workspace, identity.anonymous_id?),
        }
    }

    /// Who the identity is. An unknown one becomes a new user; an anonymous visitor who signed in becomes that user, or, if the
    /// user is known already, is merged into them. The outcome does not depend on the order in which streams arrive.
    fn resolve(&mut self, within: &Workspace, identity: &Identity, now: Timestamp) -> UserId {
        let workspace = within.key;
        let visitor = identity.anonymous_id.and_then(|id| self.by_anonymous_id(workspace, id));
        let user = match &identity.external_id {
            None => visitor.unwrap_or_else(|| self.create(within, None, now)),
            Some(external_id) => {
                let known = self.by_external_id(workspace, external_id);
                // A visitor who already turned out to be somebody stays that somebody.
                let visitor = visitor.filter(|id| self.is_anonymous(*id));
                match (known, visitor) {
                    (Some(known), Some(visitor)) => {
                        self.merge(within, visitor, known, now);
                        known
                    }
                    (Some(known), None) => known,
                    (None, Some(visitor)) => {
                        self.identify(within, visitor, external_id);
                        visitor
                    }
                    (None, None) => self.create(within, Some(external_id.clone()), now),
                }
            }
        };
        if let Some(anonymous_id) = identity.anonymous_id
            && !self.anonymous_ids.contains(&(workspace, anonymous_id))
        {
            self.anonymous_ids.put((workspace, anonymous_id), user);
        }
        user
    }

    fn is_anonymous(&mut self, id: UserId) -> bool {
        matches!(self.users.get(&id), Some(Person::Here(user)) if user.external_id.is_none())
    }

    fn create(&mut self, within: &Workspace, external_id: Option<ExternalId>, now: Timestamp) -> UserId {
        let workspace = within.key;
        let id = UserId(self.next_user);
        self.next_user += 1;
        if let Some(external_id) = &external_id {
            self.external_ids.put((workspace, external_id.clone()), id);
        }
        let user = UserState {
            workspace,
            external_id,
            profile: Profile::new(now),
            aliases: BTreeSet::new(),
            devices: UserDevices::default(),
            memberships: Memberships::of_nobody(within),
            exposures: Exposures::default(),
            selected: Selected::default(),
        };
        self.users.put(id, Person::Here(Arc::new(user)));
        id
    }

    fn identify(&mut self, within: &Workspace, visitor: UserId, external_id: &ExternalId) {
        self.external_ids.put((within.key, external_id.clone()), visitor);
        if let Some(user) = self.user_mut(visitor) {
            user.external_id = Some(external_id.clone());
            user.memberships.doubt(within.index.identity());
            user.selected.forget();
        }
    }

    fn merge(&mut self, within: &Workspace, visitor: UserId, known: UserId, now: Timestamp) {
        let Some(Person::Here(gone)) = self.users.get(&visitor).cloned() else { return };
        let mut reports = std::mem::take(&mut self.reports);
        let Some(user) = self.user_mut(known) else {
            self.reports = reports;
            return;
        };
        let UserState { workspace, profile, devices, aliases, memberships, exposures, .. } = Arc::unwrap_or_clone(gone);
        user.aliases.extend(aliases);
        user.profile.merge(profile);
        user.devices.merge(devices);
        reports.merge(within, user, exposures);
        user.selected.forget();
        // What the visitor brought can touch any segment.
        user.memberships.doubt_all();
        let left = |segment| Change { workspace, segment, user: visitor, entered: false, at: now };
        self.changes.extend(memberships.places().map(left));
        self.users.put(visitor, Person::MergedInto(known));
        self.merged.push((visitor, known));
        self.reports = reports;
    }
}
