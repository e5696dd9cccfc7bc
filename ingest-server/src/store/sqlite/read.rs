//! Reading the records of a user.

use kindling_core::{
    ids::{DeviceId, StreamId},
    time::Timestamp,
    value::Value,
};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::Deserialize;

use super::{
    engine::BatchesOf,
    profiles::{self, UserBatch, span},
    rows,
};
use crate::store::{RecordCursor, RecordPage, RecordQuery, StoreError, StoredRecord, WorkspaceKey};

#[derive(Deserialize)]
struct LoggedFlush {
    device: DeviceId,
    stream: StreamId,
    records: Vec<Value>,
}

/// Reads the records of a user, newest first, until the page is full.
pub(super) fn records(
    log: &Connection,
    profiles: &Connection,
    workspace: WorkspaceKey,
    of: &BatchesOf,
    query: &RecordQuery,
) -> Result<RecordPage, StoreError> {
    let mut page = RecordPage::default();
    let mut before = query.before.map_or(i64::MAX, |cursor| cursor.batch);
    loop {
        let batches = batches(profiles, workspace, of, query, before)?;
        for batch in &batches {
            if read_batch(log, *batch, query, &mut page)? {
                return Ok(page);
            }
        }
        match batches.last() {
            Some(last) if batches.len() == STEP => before = last - 1,
            _ => return Ok(page),
        }
    }
}

/// The numbers of all batches of a user.
pub(super) fn all_batches(
    profiles: &Connection,
    workspace: WorkspaceKey,
    of: &BatchesOf,
) -> Result<Vec<i64>, StoreError> {
    let (from, to) = (Timestamp::from_ms(i64::MIN), Timestamp::from_ms(i64::MAX));
    let query = RecordQuery { from, to, before: None, limit: 0 };
    let mut found = Vec::new();
    let mut before = i64::MAX;
    loop {
        let next = batches(profiles, workspace, of, &query, before)?;
        found.extend(&next);
        match next.last() {
            Some(last) if next.len() == STEP => before = last - 1,
            _ => return Ok(found),
        }
    }
}

/// Batches that are looked for at a time.
const STEP: usize = 64;

/// The numbers of the next batches, newest first, none after `last`.
fn batches(
    profiles: &Connection,
    workspace: WorkspaceKey,
    of: &BatchesOf,
    query: &RecordQuery,
    last: i64,
) -> Result<Vec<i64>, StoreError> {
    let (from, to) = (query.from.as_ms(), query.to.as_ms());
    let in_range = |batch: &&UserBatch| {
        batch.workspace == workspace && batch.batch <= last && batch.last_at >= query.from && batch.first_at < query.to
    };
    let mut numbers: Vec<i64> = of.recent.iter().filter(in_range).map(|batch| batch.batch).collect();
    let first_span: i64 =
        profiles.query_row("SELECT coalesce(min(span), 0) FROM batches_by_user", [], |row| row.get(0))?;
    let last_span = span(last.min(profiles::progress(profiles)?));
    let mut statement = profiles.prepare_cached(
        "SELECT batch FROM batches_by_user
         WHERE span = ?1 AND workspace = ?2 AND user = ?3 AND batch <= ?4 AND last_at >= ?5 AND first_at < ?6
         ORDER BY batch DESC LIMIT ?7",
    )?;
    let step = i64::try_from(STEP).unwrap_or(i64::MAX);
    for user in &of.users {
        let mut wanted = step;
        for span in (first_span..=last_span).rev() {
            let key = params![span, workspace.0, user.0, last, from, to, wanted];
            let before = numbers.len();
            let found = statement.query_map(key, |row| row.get(0))?;
            numbers.extend(found.collect::<Result<Vec<i64>, _>>()?);
            wanted -= i64::try_from(numbers.len() - before).unwrap_or(wanted);
            if wanted <= 0 {
                break;
            }
        }
    }
    // A checkpoint may have been written since `recent` was looked up: then a batch is in both.
    numbers.sort_unstable_by(|a, b| b.cmp(a));
    numbers.dedup();
    numbers.truncate(STEP);
    Ok(numbers)
}

/// Adds the records of a batch to the page. Returns whether the page is full and there is more.
fn read_batch(log: &Connection, batch: i64, query: &RecordQuery, page: &mut RecordPage) -> Result<bool, StoreError> {
    let mut statement = log.prepare_cached("SELECT received_at, times, body FROM batches WHERE id = ?1")?;
    let row = statement
        .query_row([batch], |row| Ok((row.get(0)?, row.get::<_, Option<String>>(1)?, row.get::<_, String>(2)?)));
    // It may have been swept.
    let Some((received_at, times, body)) = row.optional()? else { return Ok(false) };
    let received_at = Timestamp::from_ms(received_at);
    let LoggedFlush { device, stream, records } = rows::from_json("a batch", &body)?;
    let times: Vec<Timestamp> =
        times.map(|times| rows::from_json("the times of a batch", &times)).transpose()?.unwrap_or_default();
    let end = query.before.filter(|cursor| cursor.batch == batch).map_or(records.len(), |cursor| cursor.place);
    for (place, record) in records.into_iter().enumerate().take(end).rev() {
        let said = record.as_object().and_then(|record| record.get("at")).and_then(Value::as_time);
        let at = times.get(place).copied().or(said).unwrap_or(received_at);
        if at < query.from || at >= query.to {
            continue;
        }
        if page.records.len() == query.limit {
            page.next = Some(RecordCursor { batch, place: place + 1 });
            return Ok(true);
        }
        page.records.push(StoredRecord { at, received_at, device, stream, record });
    }
    Ok(false)
}
