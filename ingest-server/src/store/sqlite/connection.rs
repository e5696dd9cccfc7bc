//! Connections to the two files.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, bail};
use rusqlite::{Connection, MAIN_DB, OpenFlags};

/// Bytes of a page of the log: rows are appended, so large pages mean few writes.
pub(super) const LOG_PAGE: u32 = 32 * 1024;
/// Bytes of a page of the profiles: rows are found one by one, so small pages mean that little is read and written for each.
pub(super) const PROFILE_PAGE: u32 = 4 * 1024;

/// How long a statement waits for another connection. Only short moments are ever locked.
const PATIENCE: Duration = Duration::from_secs(5);

/// Opens a file for its one writer, and makes it if it is missing.
pub(super) fn open_to_write(file: &Path, page: u32) -> anyhow::Result<Connection> {
    let name = || file.display().to_string();
    let connection = set_up(file, page).with_context(name)?;
    // SQLite opens what it may not write to read it, and says so only at the first commit.
    if connection.is_readonly(MAIN_DB).with_context(name)? {
        bail!("{} can't be written: it is read-only", file.display());
    }
    Ok(connection)
}

fn set_up(file: &Path, page: u32) -> rusqlite::Result<Connection> {
    let connection = Connection::open(file)?;
    connection.busy_timeout(PATIENCE)?;
    // It counts only while the file is empty.
    connection.pragma_update(None, "page_size", page)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    // Every commit is on disk before it returns: that is what an answer promises.
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", "on")?;
    Ok(connection)
}

/// Opens a file to read it beside its writer.
pub(super) fn open_to_read(file: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

/// Moves what is in the write-ahead log into the file, without waiting for anybody.
pub(super) fn fold(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
}
