//! Between columns and types.

use kindling_core::{
    ids::{AnonymousId, DeviceId, ExternalId, Seq, StreamId, UserId, Uuid},
    time::Timestamp,
};
use rusqlite::{Connection, OptionalExtension as _, Row, ToSql, params};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    ingest::{Position, UserState},
    store::{StoreError, WorkspaceKey},
};

pub(super) fn to_json<T: Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Corrupt(error.to_string()))
}

pub(super) fn from_json<T: DeserializeOwned>(what: &str, json: &str) -> Result<T, StoreError> {
    serde_json::from_str(json).map_err(|error| StoreError::Corrupt(format!("{what}: {error}")))
}

pub(super) fn uuid(row: &Row<'_>, column: usize) -> rusqlite::Result<Uuid> {
    row.get::<_, [u8; 16]>(column).map(Uuid::from_bytes)
}

pub(super) fn external_id(text: Option<String>) -> Result<Option<ExternalId>, StoreError> {
    text.map(ExternalId::parse).transpose().map_err(|error| StoreError::Corrupt(format!("an external id: {error}")))
}

/// A user as the rules work on them. A user who was merged into another has nothing left to work on.
pub(super) fn load_user(connection: &Connection, id: UserId) -> Result<Option<UserState>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT workspace, external_id, profile, memberships FROM users WHERE id = ?1 AND merged_into IS NULL",
    )?;
    let row = statement
        .query_row([id.0], |row| {
            Ok((row.get(0)?, row.get::<_, Option<String>>(1)?, row.get::<_, String>(2)?, row.get::<_, String>(3)?))
        })
        .optional()?;
    let Some((workspace, external, profile, memberships)) = row else { return Ok(None) };
    Ok(Some(UserState {
        workspace: WorkspaceKey(workspace),
        external_id: external_id(external)?,
        profile: from_json("a profile", &profile)?,
        memberships: from_json("memberships", &memberships)?,
        changed: false,
    }))
}

/// Writes a user, new or not.
pub(super) fn store_user(connection: &Connection, id: UserId, user: &UserState) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO users (id, workspace, external_id, profile, memberships, due) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (id) DO UPDATE SET external_id = excluded.external_id, profile = excluded.profile,
             memberships = excluded.memberships, due = excluded.due",
    )?;
    statement.execute(params![
        id.0,
        user.workspace.0,
        user.external_id.as_ref().map(ExternalId::as_str),
        to_json(&user.profile)?,
        to_json(&user.memberships)?,
        user.memberships.due().map(Timestamp::as_ms),
    ])?;
    Ok(())
}

pub(super) fn user_of_external_id(
    connection: &Connection,
    workspace: WorkspaceKey,
    id: &ExternalId,
) -> Result<Option<UserId>, StoreError> {
    find_user(connection, "SELECT id FROM users WHERE workspace = ?1 AND external_id = ?2", workspace, &id.as_str())
}

pub(super) fn user_of_anonymous_id(
    connection: &Connection,
    workspace: WorkspaceKey,
    id: AnonymousId,
) -> Result<Option<UserId>, StoreError> {
    let sql = "SELECT user FROM anonymous_ids WHERE workspace = ?1 AND anonymous_id = ?2";
    find_user(connection, sql, workspace, id.0.as_bytes())
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
    let sql = "SELECT seq, at FROM streams WHERE workspace = ?1 AND stream = ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let position = statement.query_row(params![workspace.0, id.0.as_bytes()], |row| {
        Ok(Position { seq: Seq(row.get::<_, i64>(0)?.cast_unsigned()), at: Timestamp::from_ms(row.get(1)?) })
    });
    Ok(position.optional()?)
}
