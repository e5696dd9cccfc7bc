//! The schemas, in numbered steps. A step that has landed is never edited; the next one changes what it made.

use std::path::Path;

use anyhow::bail;
use rusqlite::Connection;
use tracing::info;

/// The steps of the log's file.
pub(super) const LOG: &[&str] = &[
    include_str!("migrations/0001_first.sql"),
    include_str!("migrations/0002_log.sql"),
    include_str!("migrations/0003_old_records.sql"),
    include_str!("migrations/0004_changes.sql"),
    include_str!("migrations/0005_counters.sql"),
    include_str!("migrations/0006_sdk_authentication.sql"),
    include_str!("migrations/0007_agents.sql"),
    include_str!("migrations/0008_settings.sql"),
];
/// The steps of the profiles' file.
pub(super) const PROFILES: &[&str] = &[
    include_str!("migrations/profiles/0001_first.sql"),
    include_str!("migrations/profiles/0002_packed.sql"),
    include_str!("migrations/profiles/0003_members.sql"),
    include_str!("migrations/profiles/0004_history.sql"),
    include_str!("migrations/profiles/0005_counted.sql"),
    include_str!("migrations/profiles/0006_reports.sql"),
];

/// Brings the schema up to date, each step in a transaction of its own.
pub(super) fn migrate(connection: &mut Connection, steps: &[&str]) -> anyhow::Result<()> {
    let done: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let mut known = 0;
    for (number, step) in (1_i64..).zip(steps) {
        known = number;
        if number <= done {
            continue;
        }
        let transaction = connection.transaction()?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", number)?;
        transaction.commit()?;
        info!(file = connection.path().unwrap_or_default(), schema = number, "schema brought up to date");
    }
    if done > known {
        bail!("the database was written by a newer version of Kindling (schema {done}, this one knows {known})");
    }
    Ok(())
}

/// Fails unless the schema is this version's.
pub(super) fn expect_current(connection: &Connection, steps: &[&str]) -> anyhow::Result<()> {
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if usize::try_from(found) != Ok(steps.len()) {
        bail!("the database is of another version of Kindling (schema {found}, this one knows {})", steps.len());
    }
    Ok(())
}

/// Moves users and what finds them from the log's file, where the first schema had them, into the profiles' file. A crash at any
/// moment leaves them in the log's file, and this is done again.
pub(super) fn move_users(log: &mut Connection, profiles: &mut Connection, log_file: &Path) -> anyhow::Result<()> {
    let is_there = |name: &str| {
        log.query_row("SELECT count(*) FROM sqlite_schema WHERE name = ?1", [name], |row| row.get::<_, i64>(0))
    };
    if is_there("users")? == 0 {
        return Ok(());
    }
    let last: i64 = log.query_row("SELECT coalesce(max(id), 0) FROM batches", [], |row| row.get(0))?;
    let progress: i64 = profiles.query_row("SELECT batch FROM progress", [], |row| row.get(0))?;
    // Everybody has been moved already, or nobody.
    if progress != 0 && progress != last {
        bail!("it goes up to batch {progress}, but kindling.db ends with batch {last}: they are not of one moment");
    }
    profiles.execute("ATTACH ?1 AS log", [log_file.to_string_lossy()])?;
    let transaction = profiles.transaction()?;
    transaction.execute_batch(include_str!("migrations/profiles/move_users.sql"))?;
    transaction.commit()?;
    profiles.execute("DETACH log", [])?;
    log.execute_batch(
        "BEGIN; DROP TABLE users; DROP TABLE anonymous_ids; DROP TABLE devices; DROP TABLE streams; COMMIT;",
    )?;
    Ok(())
}
