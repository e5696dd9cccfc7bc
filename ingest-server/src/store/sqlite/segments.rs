//! Who is in which segment, and asking all users when that becomes another question.

use std::{
    collections::{BTreeSet, HashMap},
    ops::RangeInclusive,
    sync::Arc,
};

use kindling_core::{
    ids::UserId,
    profile::Profile,
    segment::{Filter, Subject, evaluate},
    time::Timestamp,
};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{
    counting,
    engine::Engine,
    log::{self, LoggedBatch},
    profiles, rows,
};
use crate::{
    catalog::{Catalog, Workspace},
    ingest::{Change, Memberships, Person, UserDevices, WorkspaceCounters},
    segments::Here,
    store::{AskStep, ChangePage, LoggedChange, Progress, StoreError, WorkspaceKey},
};

/// At most `limit` changes of a workspace after the one of that number.
pub(super) fn changes(
    log: &Connection,
    workspace: WorkspaceKey,
    after: i64,
    limit: usize,
) -> Result<ChangePage, StoreError> {
    // All in one moment.
    let log = log.unchecked_transaction()?;
    let swept: i64 = log.query_row("SELECT change FROM swept", [], |row| row.get(0))?;
    let mut statement = log.prepare_cached(
        "SELECT id, workspace, segment, user, entered, at FROM changes WHERE id > ?1 AND workspace = ?2 ORDER BY id LIMIT ?3",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = statement.query_map(params![after, workspace.0, limit], log::change_of)?;
    let changes = rows.map(|row| row.map(|(id, change)| LoggedChange { id, change })).collect::<Result<_, _>>()?;
    Ok(ChangePage { changes, has_gap: after < swept })
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

/// A filter that is put to users once.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) catalog: Arc<Catalog>,
    pub(super) workspace: WorkspaceKey,
    pub(super) filter: Filter,
    /// What it asks to be counted that profiles do not have.
    pub(super) counters: WorkspaceCounters,
    pub(super) now: Timestamp,
}

/// Whom of the next users the filter holds for: how many were looked at, up to whom (`None`: all have been), and who.
pub(super) fn holds(
    log: &Connection,
    profiles: &Connection,
    question: &Question,
    after: UserId,
) -> Result<(u64, Option<UserId>, Vec<UserId>), StoreError> {
    let Question { workspace, filter, counters, now, .. } = question;
    // All in one moment.
    let transaction = profiles.unchecked_transaction()?;
    let mut numbers = after.0 + 1..=i64::MAX;
    let mut found = HashMap::new();
    if !counters.is_empty() {
        let end = profiles::nth_user(&transaction, after, STEP)?;
        numbers = after.0 + 1..=end.0;
        found = count_page(log, &transaction, question, &numbers)?;
    }
    let (mut users, mut last, mut members) = (0, None, Vec::new());
    let recount = |id: UserId, profile: &mut Profile| {
        if !counters.is_empty() {
            counters.recount(profile, found.get(&id).map_or(&[], Vec::as_slice));
        }
    };
    read_users(&transaction, *workspace, &numbers, STEP, recount, |id, subject, _| {
        if evaluate(filter, subject, *now).matches {
            members.push(id);
        }
        users += 1;
        last = Some(id);
        Ok(())
    })?;
    if !counters.is_empty() && *numbers.end() < profiles::last_user(&transaction)? {
        last = Some(UserId(*numbers.end()));
    }
    Ok((users, last, members))
}

/// Counts all batches of the users of these numbers.
fn count_page(
    log: &Connection,
    profiles: &Connection,
    Question { catalog, workspace, counters, .. }: &Question,
    numbers: &RangeInclusive<i64>,
) -> Result<HashMap<UserId, Vec<(u64, Timestamp)>>, StoreError> {
    let mut found: HashMap<UserId, Vec<(u64, Timestamp)>> = HashMap::new();
    for (user, batch) in profiles::batches_of_users(profiles, *workspace, numbers)? {
        let Some(logged) = LoggedBatch::find(log, catalog, batch)? else { continue };
        counting::count_batch(&logged, counters, |number, at| found.entry(user).or_default().push((number, at)));
    }
    Ok(found)
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

/// How far asking all users of a workspace has come, if it is under way.
pub(super) fn asking(
    log: &Connection,
    profiles: &Connection,
    workspace: WorkspaceKey,
) -> Result<Option<Progress>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM backfills WHERE workspace = ?1");
    let Some(row) = log.prepare_cached(&sql)?.query_row([workspace.0], row).optional()? else { return Ok(None) };
    // Counting them would take as long as asking them. Those of other workspaces among them make it go quicker than it says.
    let users = profiles::last_user(profiles)?.min(row.last_user.0);
    let (done, users) = (u64::try_from(row.done).unwrap_or_default(), u64::try_from(users).unwrap_or_default());
    Ok(Some(Progress { done, total: users.max(done), started_at: row.started_at }))
}

impl Row {
    /// The numbers of the next users: the page after so many others.
    pub(super) fn range(&self, pages: usize, limit: usize) -> RangeInclusive<i64> {
        let [pages, limit] = [pages, limit].map(|number| i64::try_from(number).unwrap_or(i64::MAX));
        let first = self.cursor.0.saturating_add(pages.saturating_mul(limit)).saturating_add(1);
        first..=first.saturating_add(limit - 1).min(self.last_user.0)
    }
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
    /// `Idle`: there were none left.
    pub(super) fn take_page(
        &mut self,
        row: &Row,
        page: &Page,
        workspace: &Workspace,
        now: Timestamp,
    ) -> Result<AskStep, StoreError> {
        self.ready()?;
        let (first, end) = (*page.numbers.start(), *page.numbers.end());
        if first > end {
            self.settle()?;
            self.definitions().execute(
                "DELETE FROM backfills WHERE workspace = ?1 AND revision = ?2",
                params![row.workspace.0, row.revision],
            )?;
            return Ok(AskStep::Idle);
        }
        if profiles::last_user(self.connections().1)? < end {
            // The last ones are in memory only.
            self.hasten_checkpoint();
            return Ok(AskStep::Waiting);
        }
        if profiles::progress(self.connections().1)? != page.progress {
            // Somebody may have been written down meanwhile, and forgotten. The page is read again.
            return Ok(AskStep::Waiting);
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
            "UPDATE backfills SET cursor = ?3, done = done + ?4 WHERE workspace = ?1 AND revision = ?2 AND cursor = ?5",
            params![row.workspace.0, row.revision, end, i64::try_from(page.users.len()).unwrap_or_default(), first - 1],
        )?;
        Ok(AskStep::Asked(page.users.len()))
    }
}

/// The workspace of a back-fill, unless the catalog is about to be loaded anew.
pub(super) fn ready_for(catalog: &Catalog, row: &Row) -> Option<Arc<Workspace>> {
    catalog.workspace(row.workspace).filter(|workspace| workspace.revision >= row.revision).cloned()
}

/// Users as they are written down.
#[derive(Debug)]
pub(super) struct Page {
    /// Those whose numbers are these.
    numbers: RangeInclusive<i64>,
    /// Up to which batch they are.
    progress: i64,
    /// Who, and whether the new question moves them into or out of a segment, or may do so by itself.
    users: Vec<(UserId, bool)>,
}

/// Asks the users of these numbers, as they are written down.
pub(super) fn ask(
    profiles: &Connection,
    workspace: &Workspace,
    numbers: RangeInclusive<i64>,
    now: Timestamp,
) -> Result<Page, StoreError> {
    // All in one moment.
    let transaction = profiles.unchecked_transaction()?;
    let progress = profiles::progress(&transaction)?;
    let mut users = Vec::new();
    read_users(
        &transaction,
        workspace.key,
        &numbers,
        usize::MAX,
        |_, _| {},
        |id, subject, memberships| {
            users.push((id, memberships()?.is_moved_by(workspace, subject, now)));
            Ok(())
        },
    )?;
    Ok(Page { numbers, progress, users })
}

/// Reads at most `limit` of the users of these numbers.
fn read_users(
    profiles: &Connection,
    workspace: WorkspaceKey,
    numbers: &RangeInclusive<i64>,
    limit: usize,
    recount: impl Fn(UserId, &mut Profile),
    mut read: impl FnMut(UserId, &Subject<'_>, &dyn Fn() -> Result<Memberships, StoreError>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut statement = profiles.prepare_cached(
        "SELECT id, external_id IS NULL, profile, devices, memberships FROM users
         WHERE id BETWEEN ?1 AND ?2 AND workspace = ?3 AND merged_into IS NULL ORDER BY id LIMIT ?4",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut found = statement.query(params![numbers.start(), numbers.end(), workspace.0, limit])?;
    while let Some(row) = found.next()? {
        let id = UserId(row.get(0)?);
        let mut profile: Profile = rows::from_blob("a profile", row.get_ref(2)?)?;
        recount(id, &mut profile);
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
