//! Making up memory anew: at a start, and after a group that could not be written.

use std::{sync::Arc, time::Instant};

use kindling_core::{ids::UserId, time::Timestamp};
use tracing::info;

use super::{Engine, REPLAY_STEP};
use crate::{
    ingest::{Change, Person, ReportChanges, Working, replay},
    store::{
        StoreError, WorkspaceKey,
        sqlite::{
            definitions, log::LoggedBatch, profiles, profiles::UserBatch, reports, simulated::Moment, timers::Timers,
        },
    },
};

impl Engine {
    /// Makes up memory anew: what the profiles have, and on top what the log has after them.
    pub(super) fn recover(&mut self) -> Result<(), StoreError> {
        self.wait_for_checkpoint();
        if self.checkpoint_in_flight {
            return Err(StoreError::Behind);
        }
        self.is_stale = true;
        self.working = Working { oldest: self.options.oldest_record, ..Working::default() };
        self.timers = Timers::default();
        self.tail.clear();
        self.merged.clear();
        self.changes.clear();
        self.changes_in_flight.clear();
        self.tail_bytes = 0;
        self.sizes = profiles::sizes(&self.profiles)?;
        self.checkpoints = reports::checkpoints(&self.profiles)?;
        self.reports_in_flight = ReportChanges::default();
        self.last_change = profiles::change_progress(&self.profiles)?;
        let from = profiles::progress(&self.profiles)?;
        self.applied = from;
        self.working.next_user = profiles::last_user(&self.profiles)? + 1;
        self.log.locate()?;
        self.log.continue_after(from)?;
        let started = Instant::now();
        let catalog = definitions::load(&self.log.connection)?;
        self.recover_counters(&catalog)?;
        loop {
            let batches = self.log.read_after(&catalog, self.applied, REPLAY_STEP)?;
            if batches.is_empty() {
                break;
            }
            self.reading(|engine| batches.iter().try_for_each(|logged| engine.replay(logged)))?;
            self.pass(Moment::Replayed)?;
            self.tail_since.get_or_insert_with(Instant::now);
            self.after_applying();
            if self.is_checkpoint_due() {
                self.wait_for_checkpoint();
                if self.checkpoint_in_flight {
                    return Err(StoreError::Behind);
                }
                self.begin_checkpoint();
            }
            self.evict(REPLAY_STEP);
        }
        self.replay_changes()?;
        self.appender.resume();
        self.is_stale = false;
        if self.applied > from {
            let took = started.elapsed();
            info!(batches = self.applied - from, ?took, "the rest of the log was applied again");
        }
        Ok(())
    }

    /// Puts in who entered segments and left them since the last checkpoint. What follows from batches alone is not known to be all: a
    /// timer may have come between. So segments are as the log says, and those of which that may not be all are evaluated anew.
    fn replay_changes(&mut self) -> Result<(), StoreError> {
        loop {
            let logged = self.log.changes_after(self.last_change, REPLAY_STEP)?;
            let Some((last, _)) = logged.last().copied() else { return Ok(()) };
            for (_, change) in &logged {
                if self.person(change.user)? == Some(change.user)
                    && let Some(Person::Here(user)) = self.working.users.get_mut(&change.user)
                {
                    Arc::make_mut(user).memberships.set(change.segment, change.entered);
                    self.working.touched.push(change.user);
                }
            }
            let changes: Vec<Change> = logged.into_iter().map(|(_, change)| change).collect();
            self.note_changes(&changes);
            self.last_change = last;
            self.tail_since.get_or_insert_with(Instant::now);
            self.after_applying();
        }
    }

    fn replay(&mut self, logged: &LoggedBatch) -> Result<(), StoreError> {
        let LoggedBatch { id, user, settled, batch } = logged;
        self.load(batch)?;
        let span = replay(&mut self.working, batch, (*id, *user), settled)
            .map_err(|error| StoreError::Corrupt(format!("batch {id}: {error}")))?;
        // They are in the log as well.
        self.working.changes.clear();
        self.applied = *id;
        self.note_batch(*id, batch.workspace.key, *user, batch.body.len(), span);
        Ok(())
    }

    /// Notes a batch that the profiles do not have yet.
    pub(super) fn note_batch(
        &mut self,
        batch: i64,
        workspace: WorkspaceKey,
        user: UserId,
        bytes: usize,
        span: Option<(Timestamp, Timestamp)>,
    ) {
        self.tail_bytes += bytes;
        if let Some((first_at, last_at)) = span {
            self.tail.push(UserBatch { workspace, user, batch, first_at, last_at });
        }
    }
}
