//! Who is in which segment, and asking all users when that becomes another question.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use kindling_core::{
    ids::UserId,
    profile::Profile,
    segment::{Filter, Subject, evaluate},
    time::Timestamp,
};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{engine::Engine, log, profiles, rows};
use crate::{
    catalog::Catalog,
    ingest::{Change, Person, UserDevices},
    segments::Here,
    store::{Backfill, LoggedChange, StoreError, WorkspaceKey},
};

/// At most `limit` changes of a workspace after the one of that number.
pub(super) fn changes(
    log: &Connection,
    workspace: WorkspaceKey,
    after: i64,
    limit: usize,
) -> Result<Vec<LoggedChange>, StoreError> {
    let mut statement = log.prepare_cached(
        "SELECT id, workspace, segment, user, entered, at FROM changes WHERE id > ?1 AND workspace = ?2 ORDER BY id LIMIT ?3",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = statement.query_map(params![after, workspace.0, limit], log::change_of)?;
    Ok(rows.map(|row| row.map(|(id, change)| LoggedChange { id, change })).collect::<Result<_, _>>()?)
}

/// At most `limit` members of a segment after that number: those that the profiles have, with what changed since.
pub(super) fn members(
    profiles: &Connection,
    (workspace, segment): (WorkspaceKey, u32),
    recent: &[Change],
    after: UserId,
    limit: usize,
) -> Result<Vec<UserId>, StoreError> {
    // So many that a page is left when all who left since are taken out.
    let wanted = limit.saturating_add(recent.len());
    let written = profiles::members(profiles, workspace, segment, after, wanted)?;
    // Beyond the last one, when there are more, it is not known who stands between.
    let end = if written.len() < wanted { UserId(i64::MAX) } else { written.last().copied().unwrap_or(after) };
    let mut members: BTreeSet<UserId> = written.into_iter().collect();
    for Change { user, entered, .. } in recent.iter().filter(|change| change.user > after && change.user <= end) {
        if *entered {
            members.insert(*user)
        } else {
            members.remove(user)
        };
    }
    Ok(members.into_iter().take(limit).collect())
}

/// Users that are read in one step.
const STEP: i64 = 2_000;

/// Whom of the next users the filter holds for: how many were looked at, up to whom (`None`: all have been), and who.
pub(super) fn holds(
    profiles: &Connection,
    workspace: WorkspaceKey,
    filter: &Filter,
    now: Timestamp,
    after: UserId,
) -> Result<(u64, Option<UserId>, Vec<UserId>), StoreError> {
    let mut statement = profiles.prepare_cached(
        "SELECT id, external_id IS NULL, profile, devices FROM users
         WHERE id > ?1 AND workspace = ?2 AND merged_into IS NULL ORDER BY id LIMIT ?3",
    )?;
    let mut found = statement.query(params![after.0, workspace.0, STEP])?;
    let (mut users, mut last, mut members) = (0, None, Vec::new());
    while let Some(row) = found.next()? {
        let id = UserId(row.get(0)?);
        let profile: Profile = rows::from_blob("a profile", row.get_ref(2)?)?;
        let devices: UserDevices = rows::from_blob("devices", row.get_ref(3)?)?;
        let subject = Subject {
            profile: &profile,
            is_anonymous: row.get(1)?,
            bucket: id.random_bucket(),
            devices: &devices,
            zones: &Here,
        };
        if evaluate(filter, &subject, now).matches {
            members.push(id);
        }
        users += 1;
        last = Some(id);
    }
    Ok((users, last, members))
}

/// A back-fill as it is written down.
struct Row {
    workspace: WorkspaceKey,
    revision: i64,
    cursor: UserId,
    last_user: UserId,
    done: i64,
    started_at: Timestamp,
}

const COLUMNS: &str = "workspace, revision, cursor, last_user, done, started_at";

fn first_row(log: &Connection) -> Result<Option<Row>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM backfills ORDER BY started_at, workspace LIMIT 1");
    Ok(log.prepare_cached(&sql)?.query_row([], row).optional()?)
}

fn row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    Ok(Row {
        workspace: WorkspaceKey(row.get(0)?),
        revision: row.get(1)?,
        cursor: UserId(row.get(2)?),
        last_user: UserId(row.get(3)?),
        done: row.get(4)?,
        started_at: Timestamp::from_ms(row.get(5)?),
    })
}

/// The back-fill of a workspace.
pub(super) fn backfill(
    log: &Connection,
    profiles: &Connection,
    workspace: WorkspaceKey,
) -> Result<Option<Backfill>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM backfills WHERE workspace = ?1");
    let Some(row) = log.prepare_cached(&sql)?.query_row([workspace.0], row).optional()? else { return Ok(None) };
    let users: i64 = profiles
        .prepare_cached("SELECT count(*) FROM users WHERE workspace = ?1 AND merged_into IS NULL")?
        .query_row([workspace.0], |row| row.get(0))?;
    let (done, users) = (u64::try_from(row.done).unwrap_or_default(), u64::try_from(users).unwrap_or_default());
    Ok(Some(Backfill { revision: row.revision, done, users: users.max(done), started_at: row.started_at }))
}

impl Engine {
    /// How many are in each segment of a workspace.
    pub(super) fn segment_sizes(&self, workspace: WorkspaceKey) -> HashMap<u32, u64> {
        let of_workspace = self.sizes().iter().filter(|((of, _), _)| *of == workspace);
        of_workspace.map(|((_, segment), size)| (*segment, u64::try_from(*size).unwrap_or_default())).collect()
    }

    /// Who entered a segment or left it since the last checkpoint.
    pub(super) fn recent_changes(&self, workspace: WorkspaceKey, segment: u32) -> Vec<Change> {
        let is_meant = |change: &&Change| (change.workspace, change.segment) == (workspace, segment);
        self.changes_since_checkpoint().filter(is_meant).copied().collect()
    }

    /// Brings the memberships of at most `limit` users to the present revision of their workspace's segments.
    pub(super) fn backfill(&mut self, catalog: &Catalog, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.ready()?;
        let Some(row) = first_row(self.connections().0)? else { return Ok(0) };
        let Some(workspace) = catalog.workspace(row.workspace).filter(|workspace| workspace.revision >= row.revision)
        else {
            // The catalog is about to be loaded anew.
            return Ok(0);
        };
        let users = profiles::users_after(self.connections().1, row.workspace, row.cursor, limit)?;
        let Some(last) = users.last().copied() else {
            if profiles::last_user(self.connections().1)? < row.last_user.0 {
                // The last ones are in memory only.
                self.hasten_checkpoint();
                return Ok(0);
            }
            self.settle()?;
            self.definitions().execute(
                "DELETE FROM backfills WHERE workspace = ?1 AND revision = ?2",
                params![row.workspace.0, row.revision],
            )?;
            return Ok(0);
        };
        for id in &users {
            if self.person(*id)? != Some(*id) {
                continue;
            }
            let Some(Person::Here(user)) = self.working().users.get(id) else { continue };
            if user.memberships.is_stale(workspace, now)
                && let Some(Person::Here(user)) = self.working().users.get_mut(id)
            {
                let changes = Arc::make_mut(user).update_memberships(*id, workspace, &[], now);
                self.working().changes.extend(changes);
                self.working().touched.push(*id);
            }
        }
        self.follow_up(users.len());
        // Only when what was found is on disk: after a crash, they would not be asked again.
        self.settle()?;
        self.definitions().execute(
            "UPDATE backfills SET cursor = ?3, done = done + ?4 WHERE workspace = ?1 AND revision = ?2",
            params![row.workspace.0, row.revision, last.0, i64::try_from(users.len()).unwrap_or_default()],
        )?;
        Ok(users.len())
    }
}
