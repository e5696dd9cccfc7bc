//! The schema, in numbered steps. A step that has landed is never edited; the next one changes what it made.

use anyhow::bail;
use rusqlite::Connection;
use tracing::info;

const STEPS: &[&str] = &[include_str!("migrations/0001_first.sql")];

/// Brings the schema up to date, each step in a transaction of its own.
pub(super) fn migrate(connection: &mut Connection) -> anyhow::Result<()> {
    let done: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let mut known = 0;
    for (number, step) in (1_i64..).zip(STEPS) {
        known = number;
        if number <= done {
            continue;
        }
        let transaction = connection.transaction()?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", number)?;
        transaction.commit()?;
        info!(schema = number, "schema brought up to date");
    }
    if done > known {
        bail!("the database was written by a newer version of Kindling (schema {done}, this one knows {known})");
    }
    Ok(())
}
