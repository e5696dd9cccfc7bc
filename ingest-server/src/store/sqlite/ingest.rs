//! Writing a group of batches, and working off timers.

use kindling_core::{ids::UserId, protocol::FlushAnswer, time::Timestamp};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::rows;
use crate::{
    catalog::Catalog,
    ingest::{Batch, Position, Working, apply},
    store::{StoreError, WorkspaceKey},
};

/// Applies a group of batches in one transaction.
pub(super) fn ingest(connection: &mut Connection, group: &[Batch]) -> Result<Vec<FlushAnswer>, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut working = load(&transaction, group)?;
    let answers = group.iter().map(|batch| apply(&mut working, batch)).collect();
    write(&transaction, &working)?;
    transaction.commit()?;
    Ok(answers)
}

/// Loads what the group names.
fn load(transaction: &Transaction<'_>, group: &[Batch]) -> Result<Working, StoreError> {
    let next_user = transaction.query_row("SELECT coalesce(max(id), 0) + 1 FROM users", [], |row| row.get(0))?;
    let mut working = Working { next_user, ..Working::default() };
    for batch in group {
        let workspace = batch.workspace.key;
        if let Some(position) = rows::position(transaction, workspace, batch.stream)? {
            working.streams.insert((workspace, batch.stream), position);
        }
        let mut users = Vec::with_capacity(2);
        if let Some(id) = &batch.identity.external_id
            && let Some(user) = rows::user_of_external_id(transaction, workspace, id)?
        {
            working.external_ids.insert((workspace, id.clone()), user);
            users.push(user);
        }
        if let Some(id) = batch.identity.anonymous_id
            && let Some(user) = rows::user_of_anonymous_id(transaction, workspace, id)?
        {
            working.anonymous_ids.insert((workspace, id), user);
            users.push(user);
        }
        for id in users {
            if let std::collections::hash_map::Entry::Vacant(place) = working.users.entry(id)
                && let Some(user) = rows::load_user(transaction, id)?
            {
                place.insert(user);
            }
        }
    }
    Ok(working)
}

/// Writes what the rules changed.
fn write(transaction: &Transaction<'_>, working: &Working) -> Result<(), StoreError> {
    for (workspace, from, into) in &working.merged {
        merge(transaction, *workspace, *from, *into)?;
    }
    for (id, user) in working.users.iter().filter(|(_, user)| user.changed) {
        rows::store_user(transaction, *id, user)?;
    }
    for (workspace, anonymous_id, user) in &working.linked {
        // A user whom a later batch of the group merged away has handed its ids on.
        let user = working.anonymous_ids.get(&(*workspace, *anonymous_id)).unwrap_or(user);
        transaction
            .prepare_cached("INSERT INTO anonymous_ids (workspace, anonymous_id, user) VALUES (?1, ?2, ?3)")?
            .execute(params![workspace.0, anonymous_id.0.as_bytes(), user.0])?;
    }
    for (workspace, stream, used) in &working.moved_streams {
        let Some(Position { seq, at }) = working.streams.get(&(*workspace, *stream)) else { continue };
        transaction
            .prepare_cached(
                "INSERT INTO streams (workspace, stream, seq, at, last_used) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (workspace, stream) DO UPDATE
                     SET seq = excluded.seq, at = excluded.at, last_used = excluded.last_used",
            )?
            .execute(params![workspace.0, stream.0.as_bytes(), seq.0.cast_signed(), at.as_ms(), used.as_ms()])?;
    }
    for (workspace, device, user, seen) in &working.devices {
        transaction
            .prepare_cached(
                "INSERT INTO devices (workspace, device, user, last_seen) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (workspace, device) DO UPDATE SET user = excluded.user, last_seen = excluded.last_seen",
            )?
            .execute(params![workspace.0, device.0.as_bytes(), survivor(working, *user).0, seen.as_ms()])?;
    }
    for entry in &working.log {
        transaction
            .prepare_cached(
                "INSERT INTO batches (workspace, user, device, stream, received_at, records)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                entry.workspace.0,
                survivor(working, entry.user).0,
                entry.device.0.as_bytes(),
                entry.stream.0.as_bytes(),
                entry.received_at.as_ms(),
                entry.records,
            ])?;
    }
    Ok(())
}

/// Who a user is at the end of the group.
fn survivor(working: &Working, user: UserId) -> UserId {
    working.merged.iter().find(|(_, from, _)| *from == user).map_or(user, |(_, _, into)| *into)
}

/// Points everything of `from` to `into`. Its row stays, so that its number is not used again and its records are found.
fn merge(transaction: &Transaction<'_>, workspace: WorkspaceKey, from: UserId, into: UserId) -> Result<(), StoreError> {
    // A user who came and went within one group has no row yet, and needs none.
    for sql in [
        "UPDATE users SET merged_into = ?3 WHERE workspace = ?1 AND merged_into = ?2",
        "UPDATE users SET merged_into = ?3, due = NULL WHERE workspace = ?1 AND id = ?2",
        "UPDATE anonymous_ids SET user = ?3 WHERE workspace = ?1 AND user = ?2",
        "UPDATE devices SET user = ?3 WHERE workspace = ?1 AND user = ?2",
    ] {
        transaction.prepare_cached(sql)?.execute(params![workspace.0, from.0, into.0])?;
    }
    Ok(())
}

/// Brings memberships up to date that may have changed by themselves.
pub(super) fn fire_timers(
    connection: &mut Connection,
    catalog: &Catalog,
    now: Timestamp,
    limit: usize,
) -> Result<usize, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let due: Vec<UserId> = transaction
        .prepare_cached("SELECT id FROM users WHERE due <= ?1 ORDER BY due LIMIT ?2")?
        .query_map(params![now.as_ms(), i64::try_from(limit).unwrap_or(i64::MAX)], |row| row.get(0).map(UserId))?
        .collect::<Result<_, _>>()?;
    for id in &due {
        let Some(mut user) = rows::load_user(&transaction, *id)? else { continue };
        if let Some(workspace) = catalog.workspace(user.workspace) {
            user.memberships.update(workspace, &user.profile, &[], now);
            rows::store_user(&transaction, *id, &user)?;
        }
    }
    transaction.commit()?;
    Ok(due.len())
}
