//! Reading users and their records.

use kindling_core::{
    ids::{DeviceId, StreamId, UserId},
    time::Timestamp,
    value::Value,
};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::Deserialize;

use super::rows;
use crate::store::{RecordCursor, RecordPage, StoreError, StoredRecord, StoredUser, UserRef, WorkspaceKey};

/// Devices that are listed of a user.
const DEVICES: i64 = 100;

/// The user that a reference means; a user who was merged into another is that other.
fn find(connection: &Connection, workspace: WorkspaceKey, user: &UserRef) -> Result<Option<UserId>, StoreError> {
    match user {
        UserRef::Id(id) => {
            let sql = "SELECT coalesce(merged_into, id) FROM users WHERE workspace = ?1 AND id = ?2";
            let mut statement = connection.prepare_cached(sql)?;
            Ok(statement.query_row(params![workspace.0, id.0], |row| row.get(0).map(UserId)).optional()?)
        }
        UserRef::External(id) => rows::user_of_external_id(connection, workspace, id),
        UserRef::Device(id) => rows::user_of_device(connection, workspace, *id),
    }
}

pub(super) fn user(
    connection: &Connection,
    workspace: WorkspaceKey,
    user: &UserRef,
) -> Result<Option<StoredUser>, StoreError> {
    let Some(id) = find(connection, workspace, user)? else { return Ok(None) };
    let Some(state) = rows::load_user(connection, id)? else { return Ok(None) };
    let sql = "SELECT device FROM devices WHERE workspace = ?1 AND user = ?2 ORDER BY last_seen DESC LIMIT ?3";
    let mut statement = connection.prepare_cached(sql)?;
    let devices = statement
        .query_map(params![workspace.0, id.0, DEVICES], |row| rows::uuid(row, 0).map(DeviceId))?
        .collect::<Result<_, _>>()?;
    Ok(Some(StoredUser { id, external_id: state.external_id, devices, profile: state.profile }))
}

#[derive(Deserialize)]
struct LoggedRecord {
    at: Timestamp,
    record: Value,
}

/// Reads batches, newest first, until the page is full. A user's records are those of everybody who turned out to be them.
pub(super) fn records(
    connection: &Connection,
    workspace: WorkspaceKey,
    user: &UserRef,
    before: Option<RecordCursor>,
    limit: usize,
) -> Result<Option<RecordPage>, StoreError> {
    let Some(id) = find(connection, workspace, user)? else { return Ok(None) };
    let mut statement = connection.prepare_cached(
        "SELECT id, device, stream, received_at, records FROM batches
         WHERE workspace = ?1 AND id <= ?3
             AND user IN (SELECT ?2 UNION ALL SELECT id FROM users WHERE workspace = ?1 AND merged_into = ?2)
         ORDER BY id DESC LIMIT ?4",
    )?;
    // No batch is empty: one more than the page has records is enough to fill it and to know whether there is another.
    let batches = i64::try_from(limit).unwrap_or(i64::MAX - 1) + 1;
    let last = before.map_or(i64::MAX, |cursor| cursor.batch);
    let mut rows = statement.query(params![workspace.0, id.0, last, batches])?;
    let mut page = RecordPage::default();
    while let Some(row) = rows.next()? {
        let batch: i64 = row.get(0)?;
        let (device, stream) = (DeviceId(rows::uuid(row, 1)?), StreamId(rows::uuid(row, 2)?));
        let received_at = Timestamp::from_ms(row.get(3)?);
        let logged: Vec<LoggedRecord> = rows::from_json("a batch", row.get_ref(4)?.as_str().unwrap_or_default())?;
        let end = before.filter(|cursor| cursor.batch == batch).map_or(logged.len(), |cursor| cursor.place);
        for (place, LoggedRecord { at, record }) in logged.into_iter().enumerate().take(end).rev() {
            if page.records.len() == limit {
                page.next = Some(RecordCursor { batch, place: place + 1 });
                return Ok(Some(page));
            }
            page.records.push(StoredRecord { at, received_at, device, stream, record });
        }
    }
    Ok(Some(page))
}
