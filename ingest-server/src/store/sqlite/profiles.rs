//! The profiles: what the record log comes to, written down now and then with the place in the log up to which it goes.

use std::{collections::HashMap, ops::RangeInclusive, sync::Arc};

use kindling_core::{
    conversion::Exposures,
    ids::{Alias, AnonymousId, DeviceId, ExternalId, Seq, StreamId, UserId},
    time::Timestamp,
};
use rusqlite::{Connection, OptionalExtension as _, ToSql, Transaction, params, types::ValueRef};

use super::{reports, rows};
use crate::{
    ingest::{Change, Person, Position, ReportChanges, UserState},
    messages::Selected,
    store::{SizeAt, StoreError, WorkspaceKey},
};

/// All that changed up to a place in the log.
#[derive(Debug, Default)]
pub(super) struct Checkpoint {
    /// The number of the last batch that is in here.
    pub(super) batch: i64,
    pub(super) users: Vec<(UserId, Person)>,
    pub(super) anonymous_ids: Vec<((WorkspaceKey, AnonymousId), UserId)>,
    pub(super) aliases: Vec<((WorkspaceKey, Alias), UserId)>,
    pub(super) devices: Vec<((WorkspaceKey, DeviceId), UserId)>,
    pub(super) streams: Vec<((WorkspaceKey, StreamId), Position)>,
    pub(super) batches: Vec<UserBatch>,
    /// Who entered segments and left them, in that order, and the number of the last of these.
    pub(super) changes: Vec<Change>,
    pub(super) last_change: i64,
    /// By how much reports change.
    pub(super) reports: ReportChanges,
    /// The number of the checkpoint, one more than that of the last.
    pub(super) number: i64,
    /// For each counter that is not complete, the last batch that was counted from the log.
    pub(super) counted: Vec<(u64, i64)>,
    /// The first batch that the log still has.
    pub(super) first_batch: i64,
    /// Streams that were last used before this are to go.
    pub(super) forget_streams_before: Timestamp,
}

/// A batch of a user, and from when to when its records happened.
#[derive(Debug, Clone, Copy)]
pub(super) struct UserBatch {
    pub(super) workspace: WorkspaceKey,
    pub(super) user: UserId,
    pub(super) batch: i64,
    pub(super) first_at: Timestamp,
    pub(super) last_at: Timestamp,
}

/// Batches of a span of the log, as a power of two: an index of them takes about ten megabytes.
const SPAN_BITS: u32 = 18;

/// The span of the log that a batch lies in.
pub(super) const fn span(batch: i64) -> i64 {
    batch >> SPAN_BITS
}

/// The last batch of the log that is in the profiles.
pub(super) fn progress(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.prepare_cached("SELECT batch FROM progress")?.query_row([], |row| row.get(0))?)
}

/// For each counter that was not complete, the last batch that was counted from the log.
pub(super) fn counted(connection: &Connection) -> Result<HashMap<u64, i64>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT counter, batch FROM counted")?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The greatest number of a user.
pub(super) fn last_user(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.query_row("SELECT coalesce(max(id), 0) FROM users", [], |row| row.get(0))?)
}

/// The number of the user who comes so many after that one; the last one, if there are not so many.
pub(super) fn nth_user(connection: &Connection, after: UserId, nth: usize) -> Result<UserId, StoreError> {
    let sql = "SELECT id FROM users WHERE id > ?1 ORDER BY id LIMIT 1 OFFSET ?2";
    let offset = i64::try_from(nth.saturating_sub(1)).unwrap_or(i64::MAX);
    let found: Option<i64> =
        connection.prepare_cached(sql)?.query_row([after.0, offset], |row| row.get(0)).optional()?;
    found.map_or_else(|| last_user(connection), Ok).map(UserId)
}

/// Which batches are those of the users of these numbers, and of those who were merged into them.
pub(super) fn batches_of_users(
    connection: &Connection,
    workspace: WorkspaceKey,
    numbers: &RangeInclusive<i64>,
) -> Result<Vec<(UserId, i64)>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT user, batch FROM (SELECT DISTINCT span FROM batches_by_user) JOIN batches_by_user USING (span)
         WHERE workspace = ?1 AND user BETWEEN ?2 AND ?3
         UNION ALL
         SELECT merged_into, batch FROM users
         JOIN (SELECT DISTINCT span FROM batches_by_user)
         JOIN batches_by_user USING (span)
         WHERE merged_into BETWEEN ?2 AND ?3 AND batches_by_user.workspace = ?1 AND user = users.id",
    )?;
    let rows = statement.query_map(params![workspace.0, numbers.start(), numbers.end()], |row| {
        Ok((UserId(row.get(0)?), row.get(1)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What there is under a user's number.
pub(super) fn person(connection: &Connection, id: UserId) -> Result<Option<Person>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT merged_into, workspace, external_id, profile, devices, memberships, aliases, exposures
         FROM users WHERE id = ?1",
    )?;
    let mut found = statement.query([id.0])?;
    let Some(row) = found.next()? else { return Ok(None) };
    if let Some(into) = row.get(0)? {
        return Ok(Some(Person::MergedInto(UserId(into))));
    }
    Ok(Some(Person::Here(Arc::new(UserState {
        workspace: WorkspaceKey(row.get(1)?),
        external_id: rows::external_id(row.get(2)?)?,
        profile: rows::from_blob("a profile", row.get_ref(3)?)?,
        aliases: rows::from_blob("aliases", row.get_ref(6)?)?,
        devices: rows::from_blob("devices", row.get_ref(4)?)?,
        memberships: rows::from_blob("memberships", row.get_ref(5)?)?,
        exposures: exposures(row.get_ref(7)?)?,
        selected: Selected::default(),
    }))))
}

/// What is kept of a user for reports: of most, nothing.
fn exposures(column: ValueRef<'_>) -> Result<Exposures, StoreError> {
    match column {
        ValueRef::Null => Ok(Exposures::default()),
        column => rows::from_blob("what is kept for reports", column),
    }
}

pub(super) fn user_of_external_id(
    connection: &Connection,
    workspace: WorkspaceKey,
    id: &ExternalId,
) -> Result<Option<UserId>, StoreError> {
    let sql = "SELECT id FROM users WHERE workspace = ?1 AND external_id = ?2";
    find_user(connection, sql, workspace, &id.as_str())
}

pub(super) fn user_of_anonymous_id(
    connection: &Connection,
    workspace: WorkspaceKey,
    id: AnonymousId,
) -> Result<Option<UserId>, StoreError> {
    let sql = "SELECT user FROM anonymous_ids WHERE workspace = ?1 AND anonymous_id = ?2";
    find_user(connection, sql, workspace, id.0.as_bytes())
}

pub(super) fn user_of_alias(
    connection: &Connection,
    workspace: WorkspaceKey,
    alias: &Alias,
) -> Result<Option<UserId>, StoreError> {
    let sql = "SELECT user FROM aliases WHERE workspace = ?1 AND label = ?2 AND name = ?3";
    let mut statement = connection.prepare_cached(sql)?;
    let key = params![workspace.0, alias.label, alias.name];
    Ok(statement.query_row(key, |row| row.get(0).map(UserId)).optional()?)
}

pub(super) fn user_of_device(
    connection: &Connection,
    workspace: WorkspaceKey,
    id: DeviceId,
) -> Result<Option<UserId>, StoreError> {
    let sql = "SELECT user FROM devices WHERE workspace = ?1 AND device = ?2";
    find_user(connection, sql, workspace, id.0.as_bytes())
}

fn find_user(
    connection: &Connection,
    sql: &str,
    workspace: WorkspaceKey,
    id: &dyn ToSql,
) -> Result<Option<UserId>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.query_row(params![workspace.0, id], |row| row.get(0).map(UserId)).optional()?)
}

pub(super) fn position(
    connection: &Connection,
    workspace: WorkspaceKey,
    id: StreamId,
) -> Result<Option<Position>, StoreError> {
    let sql = "SELECT seq, at, lost, last_used FROM streams WHERE workspace = ?1 AND stream = ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let position = statement.query_row(params![workspace.0, id.0.as_bytes()], |row| {
        Ok(Position {
            seq: Seq(row.get::<_, i64>(0)?.cast_unsigned()),
            at: Timestamp::from_ms(row.get(1)?),
            lost: row.get::<_, i64>(2)?.cast_unsigned(),
            last_used: Timestamp::from_ms(row.get(3)?),
        })
    });
    Ok(position.optional()?)
}

/// Users who were merged into this one.
pub(super) fn merged_into(connection: &Connection, id: UserId) -> Result<Vec<UserId>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT id FROM users WHERE merged_into = ?1")?;
    Ok(statement.query_map([id.0], |row| row.get(0).map(UserId))?.collect::<Result<_, _>>()?)
}

/// At most `limit` users whose timer is due, after that place in the order of time.
pub(super) fn due(
    connection: &Connection,
    now: Timestamp,
    after: (Timestamp, UserId),
    limit: usize,
) -> Result<Vec<(Timestamp, UserId)>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT due, id FROM users WHERE due <= ?1 AND (due, id) > (?2, ?3) ORDER BY due, id LIMIT ?4",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = statement.query_map(params![now.as_ms(), after.0.as_ms(), after.1.0, limit], |row| {
        Ok((Timestamp::from_ms(row.get(0)?), UserId(row.get(1)?)))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Streams that are looked at with each checkpoint, in turn.
const STREAMS_LOOKED_AT: i64 = 4_000;

/// Lets go of what the log has let go of, and of streams that nobody uses any more.
fn sweep(transaction: &Transaction<'_>, checkpoint: &Checkpoint) -> Result<(), StoreError> {
    transaction
        .prepare_cached("DELETE FROM batches_by_user WHERE span < ?1")?
        .execute([span(checkpoint.first_batch)])?;
    let mut step = transaction.prepare_cached(
        "SELECT workspace, stream FROM streams
         WHERE (workspace, stream) > (SELECT swept_workspace, swept_stream FROM progress)
         ORDER BY workspace, stream LIMIT 1 OFFSET ?1",
    )?;
    let end: Option<(i64, Vec<u8>)> =
        step.query_row([STREAMS_LOOKED_AT - 1], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let (workspace, stream) = end.clone().unwrap_or((i64::MAX, Vec::new()));
    transaction
        .prepare_cached(
            "DELETE FROM streams WHERE last_used < ?1
                 AND (workspace, stream) > (SELECT swept_workspace, swept_stream FROM progress)
                 AND (workspace, stream) <= (?2, ?3)",
        )?
        .execute(params![checkpoint.forget_streams_before.as_ms(), workspace, stream])?;
    // At the end, it begins anew.
    let (workspace, stream) = end.unwrap_or_default();
    transaction
        .prepare_cached("UPDATE progress SET swept_workspace = ?1, swept_stream = ?2")?
        .execute(params![workspace, stream])?;
    Ok(())
}

/// Writes a checkpoint in one transaction: the file is never between two of them.
pub(super) fn write(connection: &mut Connection, checkpoint: &mut Checkpoint) -> Result<(), StoreError> {
    let transaction = connection.transaction()?;
    // In the order of the keys, so that each page is written once.
    checkpoint.users.sort_unstable_by_key(|(id, _)| *id);
    checkpoint.anonymous_ids.sort_unstable();
    checkpoint.aliases.sort_unstable();
    checkpoint.devices.sort_unstable();
    checkpoint.streams.sort_unstable_by_key(|(key, _)| *key);
    checkpoint.batches.sort_unstable_by_key(|row| (span(row.batch), row.workspace, row.user, row.batch));
    write_users(&transaction, &checkpoint.users)?;
    {
        let mut statement = transaction.prepare_cached("INSERT OR REPLACE INTO anonymous_ids VALUES (?1, ?2, ?3)")?;
        for ((workspace, id), user) in &checkpoint.anonymous_ids {
            statement.execute(params![workspace.0, id.0.as_bytes(), user.0])?;
        }
        let mut statement = transaction.prepare_cached("INSERT OR REPLACE INTO aliases VALUES (?1, ?2, ?3, ?4)")?;
        for ((workspace, Alias { label, name }), user) in &checkpoint.aliases {
            statement.execute(params![workspace.0, label, name, user.0])?;
        }
        let mut statement = transaction.prepare_cached("INSERT OR REPLACE INTO devices VALUES (?1, ?2, ?3)")?;
        for ((workspace, id), user) in &checkpoint.devices {
            statement.execute(params![workspace.0, id.0.as_bytes(), user.0])?;
        }
        let mut statement =
            transaction.prepare_cached("INSERT OR REPLACE INTO streams VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
        for ((workspace, id), Position { seq, at, lost, last_used }) in &checkpoint.streams {
            statement.execute(params![
                workspace.0,
                id.0.as_bytes(),
                seq.0.cast_signed(),
                at.as_ms(),
                lost.cast_signed(),
                last_used.as_ms()
            ])?;
        }
        let mut statement =
            transaction.prepare_cached("INSERT OR REPLACE INTO batches_by_user VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
        for UserBatch { workspace, user, batch, first_at, last_at } in &checkpoint.batches {
            statement.execute(params![span(*batch), workspace.0, user.0, batch, first_at.as_ms(), last_at.as_ms()])?;
        }
    }
    write_members(&transaction, &checkpoint.changes)?;
    reports::write(&transaction, &checkpoint.reports)?;
    transaction.execute("DELETE FROM counted", [])?;
    for (counter, batch) in &checkpoint.counted {
        transaction
            .prepare_cached("INSERT INTO counted VALUES (?1, ?2)")?
            .execute(params![counter.cast_signed(), batch])?;
    }
    sweep(&transaction, checkpoint)?;
    let Checkpoint { batch, last_change, number, .. } = &*checkpoint;
    transaction
        .execute("UPDATE progress SET batch = ?1, change = ?2, checkpoint = ?3", params![batch, last_change, number])?;
    Ok(transaction.commit()?)
}

const HOUR_MS: i64 = 3_600_000;
/// Hours of which it is kept how many were in a segment: two years.
const HISTORY_HOURS: i64 = 731 * 24;

/// How many were in a segment at the end of the last hours in which that changed, at most `limit` of them, in their order.
pub(super) fn history(
    connection: &Connection,
    workspace: WorkspaceKey,
    segment: u32,
    limit: usize,
) -> Result<Vec<SizeAt>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT hour, size FROM segment_history WHERE workspace = ?1 AND segment = ?2 ORDER BY hour DESC LIMIT ?3",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = statement.query_map(params![workspace.0, segment, limit], |row| {
        let at = Timestamp::from_ms(row.get::<_, i64>(0)?.saturating_mul(HOUR_MS));
        Ok(SizeAt { at, size: u64::try_from(row.get::<_, i64>(1)?).unwrap_or_default() })
    })?;
    let mut history = rows.collect::<Result<Vec<_>, _>>()?;
    history.reverse();
    Ok(history)
}

/// What the changes come to. Doing it twice comes to the same.
fn write_members(transaction: &Transaction<'_>, changes: &[Change]) -> Result<(), StoreError> {
    let key = |change: &Change| (change.workspace, change.segment, change.user);
    let mut last: Vec<&Change> = changes.iter().collect();
    // Stable, so that the last one of a user stays the last.
    last.sort_by_key(|change| key(change));
    let mut enter = transaction.prepare_cached("INSERT OR IGNORE INTO members VALUES (?1, ?2, ?3)")?;
    let mut leave =
        transaction.prepare_cached("DELETE FROM members WHERE workspace = ?1 AND segment = ?2 AND user = ?3")?;
    let mut grow = transaction.prepare_cached(
        "INSERT INTO segment_sizes VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET size = size + excluded.size",
    )?;
    let mut note = transaction.prepare_cached(
        "INSERT OR REPLACE INTO segment_history
         SELECT workspace, segment, ?3, size FROM segment_sizes WHERE workspace = ?1 AND segment = ?2",
    )?;
    let mut forget = transaction
        .prepare_cached("DELETE FROM segment_history WHERE workspace = ?1 AND segment = ?2 AND hour < ?3")?;
    for of_segment in last.chunk_by(|a, b| (a.workspace, a.segment) == (b.workspace, b.segment)) {
        let mut growth = 0;
        for of_user in of_segment.chunk_by(|a, b| a.user == b.user) {
            let Some(Change { workspace, segment, user, entered, .. }) = of_user.last() else { continue };
            let row = params![workspace.0, segment, user.0];
            growth += if *entered { changed(enter.execute(row)?) } else { -changed(leave.execute(row)?) };
        }
        if let Some(Change { workspace, segment, .. }) = of_segment.first() {
            grow.execute(params![workspace.0, segment, growth])?;
            let hour = of_segment.iter().map(|change| change.at.as_ms().div_euclid(HOUR_MS)).max().unwrap_or_default();
            note.execute(params![workspace.0, segment, hour])?;
            forget.execute(params![workspace.0, segment, hour - HISTORY_HOURS])?;
        }
    }
    Ok(())
}

fn changed(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or_default()
}

/// The number of the last change that is in the profiles.
pub(super) fn change_progress(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.prepare_cached("SELECT change FROM progress")?.query_row([], |row| row.get(0))?)
}

/// How many are in each segment.
pub(super) fn sizes(connection: &Connection) -> Result<HashMap<(WorkspaceKey, u32), i64>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT workspace, segment, size FROM segment_sizes")?;
    let rows = statement.query_map([], |row| Ok(((WorkspaceKey(row.get(0)?), row.get(1)?), row.get(2)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// At most `limit` members of a segment, from the one after that number on.
pub(super) fn members(
    connection: &Connection,
    workspace: WorkspaceKey,
    segment: u32,
    after: UserId,
    limit: usize,
) -> Result<Vec<UserId>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT user FROM members WHERE workspace = ?1 AND segment = ?2 AND user > ?3 ORDER BY user LIMIT ?4",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = statement.query_map(params![workspace.0, segment, after.0, limit], |row| row.get(0).map(UserId))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn write_users(transaction: &Transaction<'_>, users: &[(UserId, Person)]) -> Result<(), StoreError> {
    let mut put = transaction.prepare_cached(
        "INSERT INTO users (id, workspace, external_id, profile, devices, memberships, due, aliases, exposures)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (id) DO UPDATE SET external_id = excluded.external_id, profile = excluded.profile,
             devices = excluded.devices, memberships = excluded.memberships, due = excluded.due,
             aliases = excluded.aliases, exposures = excluded.exposures",
    )?;
    let mut merge = transaction.prepare_cached(
        "INSERT INTO users (id, workspace, merged_into, profile, aliases, devices, memberships)
         VALUES (?1, 0, ?2, x'', x'', x'', x'')
         ON CONFLICT (id) DO UPDATE SET merged_into = excluded.merged_into, external_id = NULL,
             profile = x'', aliases = x'', devices = x'', memberships = x'', due = NULL, exposures = NULL",
    )?;
    for (id, person) in users {
        match person {
            Person::Here(user) => put.execute(params![
                id.0,
                user.workspace.0,
                user.external_id.as_ref().map(ExternalId::as_str),
                rows::to_blob(&user.profile)?,
                rows::to_blob(&user.devices)?,
                rows::to_blob(&user.memberships)?,
                user.memberships.due().map(Timestamp::as_ms),
                rows::to_blob(&user.aliases)?,
                (!user.exposures.is_empty()).then(|| rows::to_blob(&user.exposures)).transpose()?,
            ])?,
            Person::MergedInto(into) => merge.execute([id.0, into.0])?,
        };
    }
    Ok(())
}
