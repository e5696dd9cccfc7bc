//! One process at a time works with a data directory.

use std::{
    fs::{File, TryLockError},
    path::Path,
};

use anyhow::{Context as _, bail};

const LOCK_FILE: &str = "kindling.lock";

/// Takes the directory for this process, until what is returned is dropped or the process ends, however it ends. SQLite's own locks
/// let a second process in, which would number its batches as the first one does.
pub(super) fn take(directory: &Path) -> anyhow::Result<File> {
    let path = directory.join(LOCK_FILE);
    let options = File::options().create(true).truncate(false).write(true).clone();
    let file = options.open(&path).with_context(|| path.display().to_string())?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!("{} is held: another server works with this directory", path.display()),
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("locking {}", path.display())),
    }
}
