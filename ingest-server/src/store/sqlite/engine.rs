//! The one thread that applies and writes: what it holds, and in which order it does things.
//!
//! A group of batches is applied to what is held in memory, and handed on to be appended to the log, and answered when that is on
//! disk. Everything else that is asked waits for that first, so that nobody sees what may not last. The profiles follow later, in
//! checkpoints; after a crash they are made up by applying the rest of the log again.

mod loading;
mod recovery;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use kindling_core::{ids::UserId, protocol::FlushAnswer, time::Timestamp};
use rusqlite::Connection;
use tracing::info;

use super::{
    appender::{Appender, Group, Reply, State},
    connection,
    counting::{self, Counting},
    definitions::Asked,
    keeper::{Done, Keeper},
    log::Log,
    profiles::{self, Checkpoint, UserBatch},
    simulated::{Fate, Moment},
    timers::Timers,
};
use crate::{
    catalog::Catalog,
    ingest::{Batch, Change, LogEntry, Person, ReportChanges, Working, apply},
    store::{StoreError, StoreOptions, WorkspaceKey},
};

/// Bytes of the log that may lie behind the last checkpoint: so much is read again after a crash, in a few seconds.
const TAIL_BYTES: usize = 512 * 1024 * 1024;
/// How long something may lie behind the last checkpoint.
const TAIL_AGE: Duration = Duration::from_secs(20);
/// Batches that are read from the log at a time.
const REPLAY_STEP: usize = 256;
/// What is held of a user besides the profile: entries of maps, ids, a stream or two.
const USER_OVERHEAD: usize = 500;
/// Users that are held however little memory there may be for them: a group names a few.
const FEWEST_USERS: usize = 4;
/// Of streams and identities, how many are held for each user.
const OTHERS_FOR_A_USER: usize = 2;
/// How far the hand that lets go of users goes for each batch.
const EVICT_STEPS: usize = 8;
/// How long to wait for the keeper before new batches are refused.
const KEEPER_PATIENCE: Duration = Duration::from_millis(200);

/// What the writing thread works with.
#[derive(Debug)]
pub(super) struct Engine {
    log: Log,
    appender: Appender,
    profiles: Connection,
    keeper: Keeper,
    options: StoreOptions,
    working: Working,
    timers: Timers,
    counting: Counting,
    /// Batches since the last checkpoint was begun, and those of the checkpoint that is being written.
    tail: Vec<UserBatch>,
    tail_in_flight: Vec<UserBatch>,
    /// Users who were merged into another, likewise.
    merged: Vec<(UserId, UserId)>,
    merged_in_flight: Vec<(UserId, UserId)>,
    /// Who entered segments and left them, likewise.
    changes: Vec<Change>,
    changes_in_flight: Vec<Change>,
    /// Up to which change the profiles are to be brought: all, but for a start at which those of the log are not put in yet.
    last_change: i64,
    /// What the checkpoint that is being written changes of reports.
    reports_in_flight: ReportChanges,
    /// The number of the last checkpoint that is on disk for sure.
    checkpoints: i64,
    /// How many are in each segment.
    sizes: HashMap<(WorkspaceKey, u32), i64>,
    tail_bytes: usize,
    tail_since: Option<Instant>,
    checkpoint_in_flight: bool,
    /// Streams that were last used before this are to go.
    forget_streams_before: Timestamp,
    /// A middle size of users, in bytes.
    user_bytes: usize,
    /// The last batch that memory has.
    applied: i64,
    /// Whether memory may say what the log does not: a group could not be written.
    is_stale: bool,
    /// Whether the disk has failed in a way after which nothing that it said can be relied on.
    is_dead: bool,
    /// In a simulation: what decides when the process ends.
    fate: Option<Fate>,
}

/// Where the batches of a user are to be looked for.
#[derive(Debug)]
pub(super) struct BatchesOf {
    /// Everybody who is that user by now.
    pub(super) users: Vec<UserId>,
    /// Those of their batches that no checkpoint has yet.
    pub(super) recent: Vec<UserBatch>,
}

/// Where the two files are.
#[derive(Debug, Clone)]
pub(super) struct Files {
    pub(super) log: PathBuf,
    pub(super) profiles: PathBuf,
}

impl Files {
    /// In a data directory.
    pub(super) fn within(directory: &Path) -> Self {
        Self { log: directory.join(super::LOG_FILE), profiles: directory.join(super::PROFILES_FILE) }
    }
}

impl Engine {
    /// Opens both files and brings the profiles up to the end of the log.
    pub(super) fn open(files: &Files, options: &StoreOptions) -> anyhow::Result<Self> {
        let mut log = Log::open(&files.log)?;
        let keeper = Keeper::start(&files.profiles, &mut log.connection, &files.log)?;
        Self::start(files, options, (log, Appender::start(&files.log)?), keeper, None)
    }

    /// The same without threads.
    pub(super) fn open_simulated(files: &Files, options: &StoreOptions, fate: Fate) -> anyhow::Result<Self> {
        let mut log = Log::open(&files.log)?;
        let keeper = Keeper::without_thread(&files.profiles, &mut log.connection, &files.log)?;
        Self::start(files, options, (log, Appender::without_threads()), keeper, Some(fate))
    }

    fn start(
        files: &Files,
        options: &StoreOptions,
        (log, appender): (Log, Appender),
        keeper: Keeper,
        fate: Option<Fate>,
    ) -> anyhow::Result<Self> {
        let profiles = connection::open_to_read(&files.profiles)?;
        let mut engine = Self {
            log,
            appender,
            profiles,
            keeper,
            options: options.clone(),
            working: Working::default(),
            timers: Timers::default(),
            counting: Counting::default(),
            tail: Vec::new(),
            tail_in_flight: Vec::new(),
            merged: Vec::new(),
            merged_in_flight: Vec::new(),
            changes: Vec::new(),
            changes_in_flight: Vec::new(),
            last_change: 0,
            reports_in_flight: ReportChanges::default(),
            checkpoints: 0,
            sizes: HashMap::new(),
            tail_bytes: 0,
            tail_since: None,
            checkpoint_in_flight: false,
            forget_streams_before: Timestamp::from_ms(i64::MIN),
            user_bytes: 1_000,
            applied: 0,
            is_stale: false,
            is_dead: false,
            fate,
        };
        engine
            .register_old_counters()
            .and_then(|()| engine.recover())
            .with_context(|| format!("reading {} and {}", files.log.display(), files.profiles.display()))?;
        Ok(engine)
    }

    /// Makes counters for segments of before there were any. The log has it all: none of it has been applied for them.
    fn register_old_counters(&mut self) -> Result<(), StoreError> {
        let last_user = UserId(profiles::last_user(&self.profiles)?);
        let asked = Asked { now: crate::now(), last_user, batches: self.logged_batches() };
        counting::register_old(&mut self.log.connection, asked)
    }

    /// Goes past a moment at which a simulated process may end.
    fn pass(&mut self, moment: Moment) -> Result<(), StoreError> {
        let goes_on = self.fate.as_mut().is_none_or(|fate| fate.goes_on(moment));
        self.is_dead |= !goes_on;
        self.alive()
    }

    /// What a failed flush to disk has left behind can't be known; only a new process reads what is really there.
    pub(super) fn judge(&mut self, error: &StoreError) {
        self.is_dead |= error.is_fatal();
    }

    /// Fails once nothing that the disk said can be relied on any more.
    pub(super) fn alive(&self) -> Result<(), StoreError> {
        if self.is_dead { Err(StoreError::Closed) } else { Ok(()) }
    }

    /// The connection to the file of the log, with all that is defined.
    pub(super) fn definitions(&mut self) -> &mut Connection {
        &mut self.log.connection
    }

    /// Applies a group and has it appended to the log. `reply` is called when that is on disk, or has failed.
    pub(super) fn ingest(&mut self, group: &[Batch], reply: Reply) {
        match self.apply(group) {
            Ok(applied) => {
                self.hand_on(applied, reply);
                self.keep_up();
                self.evict(group.len());
            }
            Err(error) => {
                self.judge(&error);
                reply(Err(error));
            }
        }
    }

    fn apply(&mut self, group: &[Batch]) -> Result<(Vec<LogEntry>, Vec<FlushAnswer>), StoreError> {
        self.ready()?;
        let answers = self.reading(|engine| {
            let mut answers = Vec::with_capacity(group.len());
            for batch in group {
                engine.load(batch)?;
                answers.push(apply(&mut engine.working, batch));
            }
            Ok(answers)
        });
        // Memory may be ahead of the log now. Nothing is answered from it before it has been made up anew.
        let answers = answers.inspect_err(|_| self.is_stale = true)?;
        self.pass(Moment::Applied)?;
        self.after_applying();
        Ok((std::mem::take(&mut self.working.log), answers))
    }

    fn hand_on(&mut self, (entries, answers): (Vec<LogEntry>, Vec<FlushAnswer>), reply: Reply) {
        let first = self.log.take_numbers(entries.len());
        if !entries.is_empty() {
            self.applied = self.log.last();
            for (id, entry) in (first..).zip(&entries) {
                self.note_batch(id, entry.workspace, entry.user, entry.body.len(), entry.span);
            }
            self.tail_since.get_or_insert_with(Instant::now);
        }
        if !self.working.reports.is_empty() {
            // An answer can send a message without anything being logged.
            self.tail_since.get_or_insert_with(Instant::now);
        }
        let changes = std::mem::take(&mut self.working.changes);
        let first_change = self.log.take_change_numbers(changes.len());
        self.last_change = self.log.last_change();
        self.note_changes(&changes);
        self.appender.append(Group { first, entries, first_change, changes, answers, reply });
    }

    /// Notes who entered segments and left them, of which the profiles do not know yet.
    fn note_changes(&mut self, changes: &[Change]) {
        for change in changes {
            let size = self.sizes.entry((change.workspace, change.segment)).or_default();
            *size += if change.entered { 1 } else { -1 };
        }
        self.changes.extend(changes);
    }

    /// Does what is to be done after the memberships of so many users have been looked at.
    pub(super) fn follow_up(&mut self, users: usize) {
        self.hand_on_changes();
        self.after_applying();
        self.tail_since.get_or_insert_with(Instant::now);
        self.keep_up();
        self.evict(users);
    }

    /// What is held in memory.
    pub(super) const fn working(&mut self) -> &mut Working {
        &mut self.working
    }

    /// Counters for which the log has not all been counted.
    pub(super) const fn counting(&mut self) -> &mut Counting {
        &mut self.counting
    }

    /// The first batch of the log, and the last.
    pub(super) const fn logged_batches(&self) -> (i64, i64) {
        (self.log.first(), self.log.last())
    }

    /// Has memory made up anew before it is next used: something was put in by half.
    pub(super) const fn distrust_memory(&mut self) {
        self.is_stale = true;
    }

    /// Notes that memory has something since then that is to be written down.
    pub(super) fn note_unwritten(&mut self, since: Instant) {
        self.tail_since.get_or_insert(since);
    }

    /// The last user there is, for sure.
    pub(super) fn last_user(&mut self) -> Result<UserId, StoreError> {
        self.settle()?;
        self.ready()?;
        Ok(UserId(self.working.next_user - 1))
    }

    /// What changed of reports: the number of the last checkpoint that is on disk for sure, what the one that is being written changes,
    /// if one is, and what has changed since.
    pub(super) const fn report_changes(&self) -> (i64, Option<&ReportChanges>, &ReportChanges) {
        let in_flight = if self.checkpoint_in_flight { Some(&self.reports_in_flight) } else { None };
        (self.checkpoints, in_flight, &self.working.reports)
    }

    /// How many are in each segment.
    pub(super) const fn sizes(&self) -> &HashMap<(WorkspaceKey, u32), i64> {
        &self.sizes
    }

    /// Who entered a segment or left it since the last checkpoint, in that order.
    pub(super) fn changes_since_checkpoint(&self) -> impl Iterator<Item = &Change> {
        self.changes_in_flight.iter().chain(&self.changes)
    }

    /// Has changes written that no batch brought.
    fn hand_on_changes(&mut self) {
        if !self.working.changes.is_empty() {
            // If it fails, memory is made up anew from what the log has.
            self.hand_on((Vec::new(), Vec::new()), Box::new(|_| {}));
        }
    }

    /// Returns when every group that was handed on is on disk, or has failed: then memory is stale.
    pub(super) fn settle(&mut self) -> Result<(), StoreError> {
        if let Some(settled) = self.appender.settle(&mut self.log.connection) {
            if settled.is_written() {
                self.pass(Moment::Appended)?;
            }
            settled.answer();
        }
        self.note_state();
        self.alive()
    }

    fn note_state(&mut self) {
        match self.appender.state() {
            State::Taking => {}
            State::Refusing => self.is_stale = true,
            State::Dead => self.is_dead = true,
        }
    }

    /// Does something that looks up much in the profiles, in one transaction there: each would cost several system calls else.
    fn reading<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.profiles.execute_batch("BEGIN")?;
        let outcome = work(self);
        self.profiles.execute_batch("COMMIT")?;
        outcome
    }

    /// Notes what follows from users having changed.
    fn after_applying(&mut self) {
        for id in std::mem::take(&mut self.working.touched) {
            if let Some(Person::Here(user)) = self.working.users.get(&id) {
                self.timers.set(id, user.memberships.due());
                // A sample is enough, and goes into a mean that moves slowly.
                if id.0 % 16 == 0 {
                    self.user_bytes =
                        (self.user_bytes * 63 + user.profile.memory() + user.exposures.memory() + USER_OVERHEAD) / 64;
                }
            }
        }
        self.merged.append(&mut self.working.merged);
    }

    /// Whether batches are taken.
    pub(super) fn check(&mut self) -> Result<(), StoreError> {
        self.ready()
    }

    /// Before anything is done: makes memory what the disk says, if it may not be.
    pub(super) fn ready(&mut self) -> Result<(), StoreError> {
        while let Some(done) = self.keeper.poll() {
            self.note(done);
        }
        self.note_state();
        self.alive()?;
        if self.is_stale {
            self.settle()?;
            // While the cause lasts, this is all that each attempt costs.
            self.log.probe()?;
            self.recover()?;
            info!("the log can be written again");
        }
        if self.is_full() && self.checkpoint_in_flight {
            match self.keeper.wait(KEEPER_PATIENCE) {
                Some(done) => self.note(done),
                None => return Err(StoreError::Behind),
            }
        }
        Ok(())
    }

    fn note(&mut self, done: Done) {
        match done {
            Done::Checkpoint(_) => {
                self.checkpoint_in_flight = false;
                self.checkpoints += 1;
                self.reports_in_flight = ReportChanges::default();
                let working = &mut self.working;
                working.users.written();
                working.external_ids.written();
                working.anonymous_ids.written();
                working.aliases.written();
                working.devices.written();
                working.streams.written();
                self.tail_in_flight.clear();
                self.merged_in_flight.clear();
                self.changes_in_flight.clear();
                self.timers.written_down();
            }
            Done::Failed => self.is_dead = true,
        }
    }

    /// Users that may be held.
    fn most_users(&self) -> usize {
        (self.options.cache_bytes / self.user_bytes).max(FEWEST_USERS)
    }

    /// Whether memory holds as much as it may, so that something must be written down first.
    fn is_full(&self) -> bool {
        let most = self.most_users();
        self.working.users.len() >= most + most / 4 || self.tail_bytes >= 2 * TAIL_BYTES
    }

    /// Lets go of what has not been used for longest.
    fn evict(&mut self, batches: usize) {
        let steps = batches * EVICT_STEPS;
        let most = self.most_users();
        let working = &mut self.working;
        working.users.evict(most, steps);
        working.external_ids.evict(OTHERS_FOR_A_USER * most, steps);
        working.anonymous_ids.evict(OTHERS_FOR_A_USER * most, steps);
        working.aliases.evict(OTHERS_FOR_A_USER * most, steps);
        working.devices.evict(OTHERS_FOR_A_USER * most, steps);
        working.streams.evict(OTHERS_FOR_A_USER * most, steps);
    }

    /// Begins a checkpoint, if it is time.
    pub(super) fn keep_up(&mut self) {
        if !self.checkpoint_in_flight && self.is_checkpoint_due() {
            // What is written down must not be ahead of the log.
            let _ = self.settle();
            if !self.is_stale && !self.is_dead {
                self.begin_checkpoint();
            }
        }
    }

    fn is_checkpoint_due(&self) -> bool {
        self.tail_bytes >= TAIL_BYTES
            || self.working.users.changed() >= self.most_users() / 4 * 3
            || self.tail_since.is_some_and(|since| since.elapsed() >= TAIL_AGE)
    }

    fn begin_checkpoint(&mut self) {
        let working = &mut self.working;
        let users = working.users.take_changed();
        // They are found again by the users that they belong to.
        drop(working.external_ids.take_changed());
        let checkpoint = Checkpoint {
            batch: self.applied,
            users,
            anonymous_ids: working.anonymous_ids.take_changed(),
            aliases: working.aliases.take_changed(),
            devices: working.devices.take_changed(),
            streams: working.streams.take_changed(),
            batches: std::mem::take(&mut self.tail),
            changes: std::mem::take(&mut self.changes),
            last_change: self.last_change,
            reports: std::mem::take(&mut working.reports),
            number: self.checkpoints + 1,
            counted: self.counting.progress(),
            first_batch: self.log.first(),
            forget_streams_before: self.forget_streams_before,
        };
        self.tail_in_flight.clone_from(&checkpoint.batches);
        self.changes_in_flight.clone_from(&checkpoint.changes);
        self.reports_in_flight.clone_from(&checkpoint.reports);
        self.merged_in_flight = std::mem::take(&mut self.merged);
        self.timers.rotate();
        self.tail_bytes = 0;
        self.tail_since = None;
        self.checkpoint_in_flight = true;
        self.keeper.write(checkpoint);
    }

    /// Begins a checkpoint before it is time, unless one is under way or there is nothing to write. Returns up to which batch the
    /// profiles must go to have all that is so now.
    pub(super) fn hasten_checkpoint(&mut self) -> i64 {
        let _ = self.settle();
        while let Some(done) = self.keeper.poll() {
            self.note(done);
        }
        if !self.checkpoint_in_flight && !self.is_stale && !self.is_dead && self.tail_since.is_some() {
            self.begin_checkpoint();
        }
        self.applied
    }

    /// Begins a checkpoint whether it is time or not, if none is under way.
    pub(super) fn begin_checkpoint_now(&mut self) -> Result<(), StoreError> {
        self.settle()?;
        self.ready()?;
        if self.checkpoint_in_flight {
            return Ok(());
        }
        self.begin_checkpoint();
        self.pass(Moment::CheckpointBegun)
    }

    /// Without threads: writes the checkpoint that is under way.
    pub(super) fn write_checkpoint_now(&mut self) -> Result<(), StoreError> {
        self.alive()?;
        self.keeper.write_now();
        self.pass(Moment::CheckpointWritten)
    }

    /// Lets go of at most `limit` batches, and as many changes, whose time is over. Streams go with the next checkpoint.
    pub(super) fn sweep(&mut self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.ready()?;
        self.forget_streams_before = now.minus(self.options.keep_streams);
        let Some(keep) = self.options.keep_records else { return Ok(0) };
        // What the profiles do not have yet is needed to make them up again.
        let written = profiles::progress(&self.profiles)?;
        let counted = self.counting.needed(&profiles::counted(&self.profiles)?);
        let batches = self.log.sweep(written.min(counted.unwrap_or(i64::MAX) - 1), now.minus(keep), limit)?;
        let changes = self.log.sweep_changes(profiles::change_progress(&self.profiles)?, now.minus(keep), limit)?;
        Ok(batches.max(changes))
    }

    /// The connections to both files, for reading.
    pub(super) const fn connections(&self) -> (&Connection, &Connection) {
        (&self.log.connection, &self.profiles)
    }

    /// Writes everything down, as far as the disk takes it.
    pub(super) fn close(&mut self) {
        let _ = self.settle();
        self.wait_for_checkpoint();
        if !self.is_stale && self.tail_since.is_some() && !self.checkpoint_in_flight {
            self.begin_checkpoint();
            self.wait_for_checkpoint();
        }
    }

    fn wait_for_checkpoint(&mut self) {
        // Generous: a checkpoint takes a second or two. If it can't be written, the log has it all.
        let end = Instant::now() + Duration::from_secs(10);
        while self.checkpoint_in_flight && !self.is_dead && Instant::now() < end {
            if let Some(done) = self.keeper.wait(Duration::from_millis(100)) {
                self.note(done);
            }
        }
    }

    /// Brings the memberships of at most `limit` users up to date whose timer is due.
    pub(super) fn fire_timers(&mut self, catalog: &Catalog, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.ready()?;
        let mut due = self.timers.take_due(now, limit);
        if due.len() < limit {
            let more = profiles::due(&self.profiles, now, self.timers.cursor(), limit - due.len())?;
            if let Some(last) = more.last() {
                self.timers.advance(*last);
            }
            due.extend(more.into_iter().map(|(_, id)| id));
        }
        for id in &due {
            // Whoever they were merged into has a timer of their own.
            if self.person(*id)? != Some(*id) {
                continue;
            }
            let Some(Person::Here(user)) = self.working.users.get(id) else { continue };
            if let Some(workspace) = catalog.workspace(user.workspace)
                && user.memberships.is_stale(workspace, now)
                && let Some(Person::Here(user)) = self.working.users.get_mut(id)
            {
                let user = Arc::make_mut(user);
                let changes = user.update_memberships(*id, workspace, &[], now);
                self.working.changes.extend(changes);
                self.tail_since.get_or_insert_with(Instant::now);
            }
            self.working.touched.push(*id);
        }
        self.follow_up(due.len());
        Ok(due.len())
    }
}
