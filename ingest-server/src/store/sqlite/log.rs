//! The record log: a row for each batch. Writing it is all that an answer waits for.

use std::{fs, path::Path, sync::Arc};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use kindling_core::{
    ids::{Seq, UserId},
    protocol::{AgentParts, DeviceInfo},
    time::Timestamp,
};
use rusqlite::{Connection, Row, ToSql, TransactionBehavior, params, types::ToSqlOutput, types::ValueRef};
use serde::{Deserialize, Serialize};

use super::{connection, migrate, rows};
use crate::{
    catalog::Catalog,
    ingest::{Batch, Change, LogEntry, Settled, UserAgent, decode_logged},
    store::{StoreError, WorkspaceKey},
};

/// The record log, and with it what is defined: the file of which nothing that was answered is ever lost.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) connection: Connection,
    /// The number of the first batch.
    first: i64,
    /// The number of the next batch.
    next: i64,
    /// The number of the next change.
    next_change: i64,
}

/// A batch that was read from the log.
#[derive(Debug)]
pub(super) struct LoggedBatch {
    pub(super) id: i64,
    pub(super) user: UserId,
    pub(super) settled: Settled,
    pub(super) batch: Batch,
}

/// Text that is known to be UTF-8.
struct Text<'a>(&'a [u8]);

impl ToSql for Text<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(self.0)))
    }
}

/// Fails when the file is missing or empty while its write-ahead log is there: SQLite would throw that away.
fn expect_whole(file: &Path) -> anyhow::Result<()> {
    let bytes = |file: &Path| fs::metadata(file).map_or(0, |file| file.len());
    let mut ahead = file.as_os_str().to_owned();
    ahead.push("-wal");
    if bytes(file) == 0 && bytes(Path::new(&ahead)) > 0 {
        bail!("{} is missing or empty, but its write-ahead log is there", file.display());
    }
    Ok(())
}

impl Log {
    /// Opens the file, and makes it if it is missing.
    pub(super) fn open(file: &Path) -> anyhow::Result<Self> {
        expect_whole(file)?;
        let connection = connection::open_to_write(file, connection::LOG_PAGE)?;
        Self::with(connection).with_context(|| file.display().to_string())
    }

    fn with(mut connection: Connection) -> anyhow::Result<Self> {
        // Folding would hold up the batches that come next: it is done beside.
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        connection.set_prepared_statement_cache_capacity(64);
        migrate::migrate(&mut connection, migrate::LOG)?;
        let mut log = Self { connection, first: 0, next: 0, next_change: 0 };
        log.locate()?;
        Ok(log)
    }

    /// The number of the first batch that is still there.
    pub(super) const fn first(&self) -> i64 {
        self.first
    }

    /// Lets go of at most `limit` batches that arrived before `before`, none after the one of number `last`. Returns how many.
    pub(super) fn sweep(&mut self, last: i64, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let swept = self.sweep_rows(
            "DELETE FROM batches WHERE received_at < ?2
                 AND id IN (SELECT id FROM batches WHERE id <= ?1 ORDER BY id LIMIT ?3) RETURNING id",
            "UPDATE swept SET batch = max(batch, ?1)",
            (last, before, limit),
        )?;
        if swept > 0 {
            self.locate()?;
        }
        Ok(swept)
    }

    /// Lets go of at most `limit` changes of before `before`, none after the one of number `last`. Returns how many.
    pub(super) fn sweep_changes(&mut self, last: i64, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.sweep_rows(
            "DELETE FROM changes WHERE at < ?2
                 AND id IN (SELECT id FROM changes WHERE id <= ?1 ORDER BY id LIMIT ?3) RETURNING id",
            "UPDATE swept SET change = max(change, ?1)",
            (last, before, limit),
        )
    }

    /// Deletes rows, and notes the last of them. Only the oldest are looked at: they stand in the order of time, but for what clocks do.
    fn sweep_rows(
        &mut self,
        delete: &str,
        note: &str,
        (last, before, limit): (i64, Timestamp, usize),
    ) -> Result<usize, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let swept: Vec<i64> = transaction
            .prepare_cached(delete)?
            .query_map(params![last, before.as_ms(), limit], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        if let Some(last) = swept.iter().max() {
            transaction.execute(note, [last])?;
        }
        transaction.commit()?;
        Ok(swept.len())
    }

    /// The number of the last batch.
    pub(super) const fn last(&self) -> i64 {
        self.next - 1
    }

    /// Goes on after the batch that the profiles go up to, which must be there: without it they are of a later moment than the log,
    /// or of another one.
    pub(super) fn continue_after(&mut self, batch: i64) -> Result<(), StoreError> {
        let last = self.last();
        if last < batch {
            return Err(StoreError::Corrupt(format!(
                "profiles.db goes up to batch {batch}, but kindling.db ends with batch {last}: they are not of one moment"
            )));
        }
        Ok(())
    }

    /// Numbers for so many batches. Returns the first.
    pub(super) fn take_numbers(&mut self, batches: usize) -> i64 {
        let first = self.next;
        self.next += i64::try_from(batches).unwrap_or_default();
        first
    }

    /// The same for changes.
    pub(super) fn take_change_numbers(&mut self, changes: usize) -> i64 {
        let first = self.next_change;
        self.next_change += i64::try_from(changes).unwrap_or_default();
        first
    }

    /// The number of the last change.
    pub(super) const fn last_change(&self) -> i64 {
        self.next_change - 1
    }

    /// Reads at most `limit` changes after the one of that number.
    pub(super) fn changes_after(&self, after: i64, limit: usize) -> Result<Vec<(i64, Change)>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, workspace, segment, user, entered, at FROM changes WHERE id > ?1 ORDER BY id LIMIT ?2",
        )?;
        let rows = statement.query_map(params![after, i64::try_from(limit).unwrap_or(i64::MAX)], change_of)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Looks up which batches there are: what got numbers and was not written is not among them.
    pub(super) fn locate(&mut self) -> Result<(), StoreError> {
        let (first, last) = range(&self.connection)?;
        self.first = first;
        self.next = last + 1;
        let last: i64 = self.connection.query_row(
            "SELECT max(coalesce((SELECT max(id) FROM changes), 0), (SELECT change FROM swept))",
            [],
            |row| row.get(0),
        )?;
        self.next_change = last + 1;
        Ok(())
    }

    /// Reads at most `limit` batches after the one of that number.
    pub(super) fn read_after(
        &self,
        catalog: &Catalog,
        after: i64,
        limit: usize,
    ) -> Result<Vec<LoggedBatch>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, workspace, user, received_at, seq, lost, times, user_agent, agent, body FROM batches
             WHERE id > ?1 ORDER BY id LIMIT ?2",
        )?;
        let mut found = statement.query(params![after, i64::try_from(limit).unwrap_or(i64::MAX)])?;
        let mut batches = Vec::new();
        while let Some(row) = found.next()? {
            let logged = LoggedBatch::read(row, catalog)?;
            let LoggedBatch { id, batch, .. } = &logged;
            if batch.identity.external_id.is_none() && batch.identity.anonymous_id.is_none() {
                return Err(StoreError::Corrupt(format!(
                    "batch {id} of the log is of a version that did not log whose it is: profiles.db is needed"
                )));
            }
            batches.push(logged);
        }
        Ok(batches)
    }

    /// Whether the disk takes anything.
    pub(super) fn probe(&mut self) -> Result<(), StoreError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // A page is written, though nothing in it changes. An update to what a row says already would write nothing.
        let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
        transaction.pragma_update(None, "user_version", version)?;
        Ok(transaction.commit()?)
    }
}

impl LoggedBatch {
    /// The batch of that number, if the log still has it.
    pub(super) fn find(log: &Connection, catalog: &Catalog, number: i64) -> Result<Option<Self>, StoreError> {
        let mut statement = log.prepare_cached(
            "SELECT id, workspace, user, received_at, seq, lost, times, user_agent, agent, body FROM batches WHERE id = ?1",
        )?;
        let mut found = statement.query([number])?;
        found.next()?.map(|row| Self::read(row, catalog)).transpose()
    }

    /// Reads `id, workspace, user, received_at, seq, lost, times, user_agent, agent, body`.
    pub(super) fn read(row: &Row<'_>, catalog: &Catalog) -> Result<Self, StoreError> {
        let id: i64 = row.get(0)?;
        let workspace = catalog.workspace(WorkspaceKey(row.get(1)?));
        let workspace = workspace.ok_or_else(|| StoreError::Corrupt(format!("batch {id} has no workspace")))?;
        let times: Option<String> = row.get(6)?;
        let times = times.map(|times| rows::from_json("the times of a batch", &times)).transpose()?;
        let body = Bytes::copy_from_slice(row.get_ref(9)?.as_bytes().unwrap_or_default());
        let mut batch = decode_logged(body, Arc::clone(workspace), Timestamp::from_ms(row.get(3)?))
            .map_err(|error| StoreError::Corrupt(format!("batch {id} of the log: {error}")))?;
        batch.user_agent = logged_agent(row.get(7)?, row.get(8)?)?;
        let seq = Seq(row.get::<_, i64>(4)?.cast_unsigned());
        let lost = row.get::<_, i64>(5)?.cast_unsigned();
        Ok(Self { id, user: UserId(row.get(2)?), settled: Settled { seq, lost, times }, batch })
    }

    /// When the record at that place of the batch happened, as it was settled.
    pub(super) fn at(&self, place: usize, said: Timestamp) -> Timestamp {
        self.settled.times.as_ref().and_then(|times| times.get(place).copied()).unwrap_or(said)
    }
}

/// What the log says of a User-Agent header of which less than everything may be known, beside the header itself.
#[derive(Serialize, Deserialize)]
struct LoggedAgent<T> {
    allowed: AgentParts,
    #[serde(skip_serializing_if = "Option::is_none")]
    said: Option<T>,
}

impl<'a> LoggedAgent<&'a DeviceInfo> {
    fn of(agent: &'a UserAgent) -> Option<Self> {
        let UserAgent { allowed, said, .. } = agent;
        (*allowed != AgentParts::ALL).then_some(Self { allowed: *allowed, said: said.as_deref() })
    }
}

/// What a User-Agent header said, by the columns `user_agent` and `agent`.
fn logged_agent(header: Option<String>, agent: Option<String>) -> Result<UserAgent, StoreError> {
    let Some(agent) = agent else { return Ok(UserAgent { header, ..UserAgent::default() }) };
    let LoggedAgent { allowed, said } = rows::from_json("the agent of a batch", &agent)?;
    Ok(UserAgent { allowed, header, said })
}

/// What is appended of a group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Appended<'a> {
    /// The number of its first batch.
    pub(super) first: i64,
    pub(super) entries: &'a [LogEntry],
    /// The number of its first change.
    pub(super) first_change: i64,
    pub(super) changes: &'a [Change],
}

/// Appends groups in one transaction. Returns when they are on disk.
pub(super) fn append<'a>(
    connection: &mut Connection,
    groups: impl Iterator<Item = Appended<'a>>,
) -> Result<(), StoreError> {
    let mut groups = groups.filter(|group| !group.entries.is_empty() || !group.changes.is_empty()).peekable();
    if groups.peek().is_none() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    {
        let mut insert = transaction.prepare_cached(
            "INSERT INTO batches (id, workspace, user, received_at, seq, lost, times, user_agent, agent, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?;
        let mut change = transaction.prepare_cached(
            "INSERT INTO changes (id, workspace, segment, user, entered, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        for Appended { first, entries, first_change, changes } in groups {
            for (id, Change { workspace, segment, user, entered, at }) in (first_change..).zip(changes) {
                change.execute(params![id, workspace.0, segment, user.0, entered, at.as_ms()])?;
            }
            for (id, entry) in (first..).zip(entries) {
                let Settled { seq, lost, times } = &entry.settled;
                let agent = entry.user_agent.as_ref();
                insert.execute(params![
                    id,
                    entry.workspace.0,
                    entry.user.0,
                    entry.received_at.as_ms(),
                    seq.0.cast_signed(),
                    lost.cast_signed(),
                    times.as_ref().map(rows::to_json).transpose()?,
                    agent.and_then(|agent| agent.header.as_ref()),
                    agent.and_then(LoggedAgent::of).as_ref().map(rows::to_json).transpose()?,
                    Text(&entry.body),
                ])?;
            }
        }
    }
    Ok(transaction.commit()?)
}

/// A row of `changes`, with its number.
pub(super) fn change_of(row: &Row<'_>) -> rusqlite::Result<(i64, Change)> {
    let change = Change {
        workspace: WorkspaceKey(row.get(1)?),
        segment: row.get(2)?,
        user: UserId(row.get(3)?),
        entered: row.get(4)?,
        at: Timestamp::from_ms(row.get(5)?),
    };
    Ok((row.get(0)?, change))
}

/// The numbers of the first batch that is there, and of the last one that ever was. When none is left, the first is the next.
fn range(connection: &Connection) -> Result<(i64, i64), rusqlite::Error> {
    let last: i64 = connection.query_row(
        "SELECT max(coalesce((SELECT max(id) FROM batches), 0), (SELECT batch FROM swept))",
        [],
        |row| row.get(0),
    )?;
    let first: Option<i64> = connection.query_row("SELECT min(id) FROM batches", [], |row| row.get(0))?;
    Ok((first.unwrap_or(last + 1), last))
}
