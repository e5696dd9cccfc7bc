//! Counting from the log what segments ask for beside what every profile counts.
//!
//! A counter is made with the segment that asks for it. Batches that come later are counted when they are applied, those that the log
//! has already are counted here, in steps. How far that has come is written down in the same checkpoint as the users: so after a crash
//! each batch is still counted once. Segments that ask for a counter stay as they are until it is complete.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Instant,
};

use kindling_core::{
    ids::{SegmentId, UserId},
    segment::{Filter, Tracked},
    time::Timestamp,
    value::Value,
};
use rusqlite::{Connection, params};

use super::{
    definitions::{self, Asked},
    engine::Engine,
    log::LoggedBatch,
    profiles, rows,
};
use crate::{
    catalog::{Catalog, Counter},
    ingest::{Counters, Person, Properties, WorkspaceCounters},
    store::{CountStep, Progress, StoreError, WorkspaceKey},
};

/// What a filter itself asks to be counted, as it is written down with the segment.
pub(super) fn definitions(filter: &Filter) -> Vec<i64> {
    filter.tracked().iter().map(|tracked| tracked.definition.cast_signed()).collect()
}

/// The counters of a workspace, by definition.
pub(super) fn counters(log: &Connection, workspace: WorkspaceKey) -> Result<HashMap<u64, Counter>, StoreError> {
    let mut statement =
        log.prepare_cached("SELECT definition, number, since, is_complete FROM counters WHERE workspace = ?1")?;
    let rows = statement.query_map([workspace.0], |row| {
        let counter =
            Counter { number: row.get::<_, i64>(1)?.cast_unsigned(), since: row.get(2)?, is_complete: row.get(3)? };
        Ok((row.get::<_, i64>(0)?.cast_unsigned(), counter))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What follows from a segment that was made or changed.
#[derive(Debug, Default)]
pub(super) struct Registered {
    /// What its filter asks to be counted.
    asked: Vec<(Arc<Tracked>, Counter)>,
    /// Counters that nobody asks for any more.
    removed: Vec<u64>,
}

impl Registered {
    /// Whether something has to be counted from the log first.
    pub(super) fn is_awaited(&self) -> bool {
        self.asked.iter().any(|(_, counter)| !counter.is_complete)
    }
}

/// Makes the counters that the filter asks for, and lets go of those that none of the workspace's segments asks for any more.
pub(super) fn register(
    log: &Connection,
    workspace: WorkspaceKey,
    filter: &Filter,
    Asked { now, batches: (first, last), .. }: Asked,
) -> Result<Registered, StoreError> {
    let removed = log
        .prepare_cached(
            "DELETE FROM counters WHERE workspace = ?1 AND definition NOT IN (
                 SELECT asked.value FROM segments, json_each(segments.counts) AS asked WHERE segments.workspace = ?1
             ) RETURNING number",
        )?
        .query_map([workspace.0], |row| row.get::<_, i64>(0).map(i64::cast_unsigned))?
        .collect::<Result<_, _>>()?;
    let mut insert = log.prepare_cached(
        "INSERT OR IGNORE INTO counters (workspace, definition, since, is_complete, started_at)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    let tracked = filter.tracked();
    for Tracked { definition, .. } in tracked.iter().map(AsRef::as_ref) {
        let is_log_empty = first > last;
        insert.execute(params![workspace.0, definition.cast_signed(), last, is_log_empty, now.as_ms()])?;
    }
    let counters = if tracked.is_empty() { HashMap::new() } else { counters(log, workspace)? };
    let numbered = |tracked: Arc<Tracked>| {
        let counter = *counters.get(&tracked.definition)?;
        let mut tracked = Arc::unwrap_or_clone(tracked);
        tracked.id = counter.number;
        Some((Arc::new(tracked), counter))
    };
    Ok(Registered { asked: tracked.into_iter().filter_map(numbered).collect(), removed })
}

/// Makes counters for segments of before there were any.
pub(super) fn register_old(log: &mut Connection, asked: Asked) -> Result<(), StoreError> {
    let transaction = log.transaction()?;
    let mut statement = transaction.prepare("SELECT workspace, place, filter FROM segments WHERE counts IS NULL")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    for (workspace, place, filter) in rows.collect::<Result<Vec<(i64, i64, String)>, _>>()? {
        let filter = Filter::parse(&rows::from_json("a filter", &filter)?, &crate::segments::Here)
            .map_err(|error| StoreError::Corrupt(format!("the segment at place {place}: {error}")))?;
        transaction.execute(
            "UPDATE segments SET counts = ?3 WHERE workspace = ?1 AND place = ?2",
            params![workspace, place, rows::to_json(&definitions(&filter))?],
        )?;
        register(&transaction, WorkspaceKey(workspace), &filter, asked)?;
    }
    drop(statement);
    Ok(transaction.commit()?)
}

/// A counter for which the log has not all been counted.
#[derive(Debug)]
struct Incomplete {
    workspace: WorkspaceKey,
    tracked: Arc<Tracked>,
    /// The last batch that it counts from the log, and the last one that it has.
    since: i64,
    cursor: i64,
}

/// The counters for which the log has not all been counted, by number.
#[derive(Debug, Default)]
pub(super) struct Counting(BTreeMap<u64, Incomplete>);

impl Counting {
    /// How far each of them has come.
    pub(super) fn progress(&self) -> Vec<(u64, i64)> {
        self.0.iter().map(|(number, counter)| (*number, counter.cursor)).collect()
    }

    /// The first batch that has not been counted for all of them, of what `written` says is written down.
    pub(super) fn needed(&self, written: &HashMap<u64, i64>) -> Option<i64> {
        self.0.keys().map(|number| written.get(number).copied().unwrap_or_default() + 1).min()
    }

    fn add(&mut self, workspace: WorkspaceKey, tracked: &Arc<Tracked>, counter: Counter, cursor: i64) {
        if !counter.is_complete {
            let tracked = Arc::clone(tracked);
            let incomplete = Incomplete { workspace, tracked, since: counter.since, cursor };
            self.0.entry(counter.number).or_insert(incomplete);
        }
    }
}

/// What is to be counted next.
#[derive(Debug)]
pub(super) struct Plan {
    /// Up to which batch each counter has come.
    cursors: BTreeMap<u64, i64>,
    workspaces: HashMap<WorkspaceKey, WorkspaceCounters>,
    /// The last batch for each of them.
    since: HashMap<u64, i64>,
}

/// What was found in some batches.
#[derive(Debug)]
pub(super) struct Found {
    /// The last one that was looked at.
    last: i64,
    /// Of whom, under which number, when.
    occurrences: BTreeMap<UserId, Vec<(u64, Timestamp)>>,
}

/// Counts at most `limit` batches.
pub(super) fn count(log: &Connection, catalog: &Catalog, plan: &Plan, limit: usize) -> Result<Found, StoreError> {
    // Those that have come to their end only have to be written down.
    let left =
        plan.cursors.iter().filter(|(number, cursor)| plan.since.get(*number).is_some_and(|since| *cursor < since));
    let end = plan.since.values().max().copied().unwrap_or_default();
    let first = left.map(|(_, cursor)| *cursor).min().unwrap_or(end);
    let mut statement = log.prepare_cached(
        "SELECT id, workspace, user, received_at, seq, lost, times, user_agent, agent, body FROM batches
         WHERE id > ?1 AND id <= ?2 ORDER BY id LIMIT ?3",
    )?;
    let mut rows = statement.query(params![first, end, i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let mut found = Found { last: end, occurrences: BTreeMap::new() };
    let mut read = 0;
    while let Some(row) = rows.next()? {
        read += 1;
        let id: i64 = row.get(0)?;
        if read == limit {
            found.last = id;
        }
        let Some(counters) = plan.workspaces.get(&WorkspaceKey(row.get(1)?)) else { continue };
        let logged = LoggedBatch::read(row, catalog)?;
        let is_meant = |number: u64| {
            let is_after = plan.cursors.get(&number).is_some_and(|cursor| *cursor < id);
            is_after && plan.since.get(&number).is_some_and(|since| id <= *since)
        };
        count_batch(&logged, counters, |number, at| {
            if is_meant(number) {
                found.occurrences.entry(logged.user).or_default().push((number, at));
            }
        });
    }
    Ok(found)
}

/// Calls `count` with what is to be counted of a batch.
pub(super) fn count_batch(logged: &LoggedBatch, counters: &WorkspaceCounters, mut count: impl FnMut(u64, Timestamp)) {
    let mut properties = Properties::of(&logged.batch);
    for (place, incoming) in logged.batch.records.iter().enumerate() {
        // What was rejected is not in the log.
        let Ok(record) = &incoming.record else { continue };
        let at = logged.at(place, record.at);
        counters.each(record, at, &mut properties, |number| count(number, at));
    }
}

/// How far counting has come in a workspace, in batches, when each counter has come as far as `cursors` says; `None`: nothing is to be
/// counted.
pub(super) fn progress(
    log: &Connection,
    cursors: &HashMap<u64, i64>,
    workspace: WorkspaceKey,
) -> Result<Option<Progress>, StoreError> {
    let mut statement = log.prepare_cached(
        "SELECT number, since, started_at FROM counters WHERE workspace = ?1 AND NOT is_complete ORDER BY started_at",
    )?;
    let rows = statement
        .query_map([workspace.0], |row| Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get(1)?, row.get(2)?)))?;
    let incomplete: Vec<(u64, i64, i64)> = rows.collect::<Result<_, _>>()?;
    let Some((_, _, started_at)) = incomplete.first().copied() else { return Ok(None) };
    let first: i64 = log.query_row("SELECT coalesce(min(id), 0) FROM batches", [], |row| row.get(0))?;
    let (mut done, mut total) = (0, 0);
    for (number, since, _) in incomplete {
        let before = (first - 1).min(since);
        let batches = |to: i64| u64::try_from(to - before).unwrap_or_default();
        done += batches(cursors.get(&number).copied().unwrap_or_default());
        total += batches(since);
    }
    Ok(Some(Progress { done, total, started_at: Timestamp::from_ms(started_at) }))
}

impl Engine {
    /// What is so now, for whoever changes a definition.
    fn asked(&mut self, now: Timestamp) -> Result<Asked, StoreError> {
        let last_user = self.last_user()?;
        Ok(Asked { now, last_user, batches: self.logged_batches() })
    }

    /// Makes a segment or changes it. The filter has been checked.
    pub(super) fn put_segment(
        &mut self,
        workspace: WorkspaceKey,
        id: &SegmentId,
        name: &str,
        filter: &Value,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let asked = self.asked(now)?;
        let registered = definitions::put_segment(self.definitions(), workspace, id, name, filter, asked)?;
        self.follow(workspace, &registered);
        Ok(())
    }

    /// Counts from now on what a segment asks for, and no longer what none asks for.
    fn follow(&mut self, workspace: WorkspaceKey, registered: &Registered) {
        for (tracked, counter) in &registered.asked {
            self.working().counters.add(workspace, tracked, counter.since);
            self.counting().add(workspace, tracked, *counter, 0);
        }
        for number in &registered.removed {
            self.working().counters.remove(workspace, *number);
            self.counting().0.remove(number);
        }
    }

    /// Takes up what is counted, as it is written down.
    pub(super) fn recover_counters(&mut self, catalog: &Catalog) -> Result<(), StoreError> {
        let written = profiles::counted(self.connections().1)?;
        let (mut counters, mut counting) = (Counters::default(), Counting::default());
        for workspace in catalog.workspaces() {
            for tracked in workspace.segments.iter().flat_map(|segment| segment.filter.tracked()) {
                let Some(counter) = workspace.counters.get(&tracked.definition) else { continue };
                counters.add(workspace.key, &tracked, counter.since);
                let cursor = written.get(&counter.number).copied().unwrap_or_default();
                counting.add(workspace.key, &tracked, *counter, cursor);
            }
        }
        self.working().counters = counters;
        *self.counting() = counting;
        Ok(())
    }

    /// What is to be counted next, if there is anything.
    pub(super) fn plan_counting(&mut self) -> Result<Option<Plan>, StoreError> {
        self.settle()?;
        self.ready()?;
        let mut plan = Plan { cursors: BTreeMap::new(), workspaces: HashMap::new(), since: HashMap::new() };
        for (number, counter) in &self.counting().0 {
            plan.cursors.insert(*number, counter.cursor);
            plan.since.insert(*number, counter.since);
            plan.workspaces.entry(counter.workspace).or_default().add(&counter.tracked, counter.since);
        }
        Ok((!plan.cursors.is_empty()).then_some(plan))
    }

    /// Takes over what was counted.
    pub(super) fn take_counted(&mut self, plan: &Plan, found: Found, now: Timestamp) -> Result<CountStep, StoreError> {
        self.ready()?;
        let is_of_now = self.counting().progress().into_iter().eq(plan.cursors.clone());
        if !is_of_now {
            // Memory was made up anew, or a definition was changed meanwhile. It is counted again.
            return Ok(CountStep::Counted);
        }
        let users = found.occurrences.len();
        // Half of it must not stay: it would be counted again.
        self.put_in(found.occurrences).inspect_err(|_| self.distrust_memory())?;
        for counter in self.counting().0.values_mut() {
            counter.cursor = counter.cursor.max(found.last.min(counter.since));
        }
        self.note_unwritten(Instant::now());
        self.follow_up(users);
        self.complete_counters(now)
    }

    fn put_in(&mut self, occurrences: BTreeMap<UserId, Vec<(u64, Timestamp)>>) -> Result<(), StoreError> {
        for (user, occurrences) in occurrences {
            // Whoever they are by now.
            let Some(id) = self.person(user)? else { continue };
            if let Some(Person::Here(user)) = self.working().users.get_mut(&id) {
                let user = Arc::make_mut(user);
                for (number, at) in occurrences {
                    user.profile.track(number, at);
                }
                self.working().touched.push(id);
            }
        }
        Ok(())
    }

    /// Lets segments begin of which everything has been counted and written down.
    fn complete_counters(&mut self, now: Timestamp) -> Result<CountStep, StoreError> {
        let written = profiles::counted(self.connections().1)?;
        let is_written = |number: &u64, since: i64| written.get(number).is_some_and(|batch| *batch >= since);
        let complete: Vec<(u64, WorkspaceKey)> = self
            .counting()
            .0
            .iter()
            .filter(|(number, counter)| is_written(number, counter.since))
            .map(|(number, counter)| (*number, counter.workspace))
            .collect();
        if complete.is_empty() {
            let is_all_counted = self.counting().0.values().all(|counter| counter.cursor >= counter.since);
            if !is_all_counted {
                return Ok(CountStep::Counted);
            }
            self.hasten_checkpoint();
            return Ok(CountStep::Waiting);
        }
        let asked = self.asked(now)?;
        let transaction = self.definitions().transaction()?;
        let mut workspaces: Vec<WorkspaceKey> = complete.iter().map(|(_, workspace)| *workspace).collect();
        workspaces.sort_unstable();
        workspaces.dedup();
        for workspace in &workspaces {
            transaction.execute("UPDATE workspaces SET revision = revision + 1 WHERE key = ?1", [workspace.0])?;
        }
        for (number, workspace) in &complete {
            transaction.execute("UPDATE counters SET is_complete = 1 WHERE number = ?1", [number.cast_signed()])?;
            // Who is in them is another question only now.
            transaction.execute(
                "UPDATE segments SET changed_in = (SELECT revision FROM workspaces WHERE key = ?1)
                 WHERE workspace = ?1 AND EXISTS (
                     SELECT 1 FROM json_each(segments.counts) AS asked JOIN counters ON definition = asked.value
                     WHERE counters.workspace = ?1 AND number = ?2
                 )",
                params![workspace.0, number.cast_signed()],
            )?;
        }
        for workspace in workspaces {
            definitions::ask_everybody(&transaction, workspace, asked)?;
        }
        transaction.commit()?;
        for (number, _) in complete {
            self.counting().0.remove(&number);
        }
        Ok(CountStep::Completed)
    }

    /// How far counting has come in a workspace.
    pub(super) fn counted(&mut self, workspace: WorkspaceKey) -> Result<Option<Progress>, StoreError> {
        let cursors = self.counting().progress().into_iter().collect();
        progress(self.connections().0, &cursors, workspace)
    }
}
