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
    catalog::{Catalog, Workspace},
    ingest::{Change, Memberships, Person, UserDevices},
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
const STEP: usize = 2_000;

/// Whom of the next users the filter holds for: how many were looked at, up to whom (`None`: all have been), and who.
pub(super) fn holds(
    profiles: &Connection,
    workspace: WorkspaceKey,
    filter: &Filter,
    now: Timestamp,
    after: UserId,
) -> Result<(u64, Option<UserId>, Vec<UserId>), StoreError> {
    let (mut users, mut last, mut members) = (0, None, Vec::new());
    read_users(profiles, workspace, after, STEP, |id, subject, _| {
        if evaluate(filter, subject, now).matches {
            members.push(id);
        }
        users += 1;
        last = Some(id);
        Ok(())
    })?;
    Ok((users, last, members))
}

/// A back-fill as it is written down.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) workspace: WorkspaceKey,
    pub(super) revision: i64,
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
    // Counting them would take as long as asking them. Those of other workspaces among them make it go quicker than it says.
    let users = profiles::last_user(profiles)?.min(row.last_user.0);
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

    /// The back-fill that is to go on, if there is one.
    pub(super) fn next_backfill(&mut self) -> Result<Option<Row>, StoreError> {
        self.settle()?;
        self.ready()?;
        first_row(self.connections().0)
    }

    /// Takes what was found of a page of users. Those in memory may have changed since they were written down, and are asked here.
    /// Returns how many were asked; 0: it is over, or can't go on now.
    pub(super) fn take_page(
        &mut self,
        row: &Row,
        page: &Page,
        workspace: &Workspace,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        self.ready()?;
        let Some(last) = page.users.last().map(|(id, _)| *id) else {
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
        if profiles::progress(self.connections().1)? != page.progress {
            // Somebody may have been written down meanwhile, and forgotten. The page is read again.
            return Ok(0);
        }
        for (id, is_moved) in &page.users {
            if *is_moved && self.person(*id)? != Some(*id) {
                continue;
            }
            let Some(Person::Here(user)) = self.working().users.get(id) else { continue };
            // Who is not moved is not touched, and so does not have to be written down.
            if user.memberships.is_moved_by(workspace, &user.subject(*id), now)
                && let Some(Person::Here(user)) = self.working().users.get_mut(id)
            {
                let changes = Arc::make_mut(user).update_memberships(*id, workspace, &[], now);
                self.working().changes.extend(changes);
                self.working().touched.push(*id);
            }
        }
        self.follow_up(page.users.len());
        // Only when what was found is on disk: after a crash, they would not be asked again.
        self.settle()?;
        self.definitions().execute(
            "UPDATE backfills SET cursor = ?3, done = done + ?4 WHERE workspace = ?1 AND revision = ?2",
            params![row.workspace.0, row.revision, last.0, i64::try_from(page.users.len()).unwrap_or_default()],
        )?;
        Ok(page.users.len())
    }
}

/// The workspace of a back-fill, unless the catalog is about to be loaded anew.
pub(super) fn ready_for(catalog: &Catalog, row: &Row) -> Option<Arc<Workspace>> {
    catalog.workspace(row.workspace).filter(|workspace| workspace.revision >= row.revision).cloned()
}

/// Users as they are written down.
#[derive(Debug)]
pub(super) struct Page {
    /// Up to which batch they are.
    progress: i64,
    /// Who, and whether the new question moves them into or out of a segment, or may do so by itself.
    users: Vec<(UserId, bool)>,
}

/// Asks the next users of a back-fill, at most `limit`, as they are written down.
pub(super) fn ask(
    profiles: &Connection,
    row: &Row,
    workspace: &Workspace,
    now: Timestamp,
    limit: usize,
) -> Result<Page, StoreError> {
    // All in one moment.
    let transaction = profiles.unchecked_transaction()?;
    let progress = profiles::progress(&transaction)?;
    let mut users = Vec::with_capacity(limit);
    read_users(&transaction, workspace.key, row.cursor, limit, |id, subject, memberships| {
        users.push((id, memberships()?.is_moved_by(workspace, subject, now)));
        Ok(())
    })?;
    Ok(Page { progress, users })
}

/// Reads at most `limit` users after the one of that number.
fn read_users(
    profiles: &Connection,
    workspace: WorkspaceKey,
    after: UserId,
    limit: usize,
    mut read: impl FnMut(UserId, &Subject<'_>, &dyn Fn() -> Result<Memberships, StoreError>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut statement = profiles.prepare_cached(
        "SELECT id, external_id IS NULL, profile, devices, memberships FROM users
         WHERE id > ?1 AND workspace = ?2 AND merged_into IS NULL ORDER BY id LIMIT ?3",
    )?;
    let mut found = statement.query(params![after.0, workspace.0, i64::try_from(limit).unwrap_or(i64::MAX)])?;
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
        read(id, &subject, &|| rows::from_blob("memberships", row.get_ref(4)?))?;
    }
    Ok(())
}
