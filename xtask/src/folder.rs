//! Folders as a whole: what is in them, copying and removing them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// All files in a folder, whatever their depth, in a fixed order. A missing folder is empty.
pub(crate) fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let entries = match fs::read_dir(&next) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                return Err(error).with_context(|| format!("cannot list {}", next.display()));
            }
        };
        for entry in entries {
            let path = entry.with_context(|| format!("cannot list {}", next.display()))?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Copies everything in `from` into `to`.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    for path in files(from)? {
        copy_file(&path, &to.join(path.strip_prefix(from).unwrap_or(&path)))?;
    }
    Ok(())
}

/// Copies a file, and makes the folder for it.
pub(crate) fn copy_file(from: &Path, to: &Path) -> Result<()> {
    if let Some(folder) = to.parent() {
        create(folder)?;
    }
    fs::copy(from, to).map(drop).with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))
}

/// Makes sure that a folder exists.
pub(crate) fn create(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))
}

/// Makes sure that a folder does not exist.
pub(crate) fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_every_file() {
        let root = tempfile::tempdir().unwrap();
        let (from, to) = (root.path().join("from"), root.path().join("to"));
        copy_file(&root.path().join("absent"), &from.join("a")).unwrap_err();
        fs::create_dir_all(from.join("inner")).unwrap();
        fs::write(from.join("a"), "1").unwrap();
        fs::write(from.join("inner/b"), "2").unwrap();
        copy(&from, &to).unwrap();
        assert_eq!(files(&to).unwrap(), [to.join("a"), to.join("inner/b")]);
        assert_eq!(fs::read_to_string(to.join("inner/b")).unwrap(), "2");
        remove(&to).unwrap();
        remove(&to).unwrap();
        assert!(files(&to).unwrap().is_empty());
    }
}
