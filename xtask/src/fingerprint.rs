//! A short text that changes when any of many inputs changes.

use std::fmt::Write;
use std::fs;
use std::io;
use std::path::Path;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::folder;

/// Collects inputs. Each goes in with its name and length, so that no two lists of inputs look alike.
#[derive(Debug, Default)]
pub(crate) struct Fingerprint {
    hash: Sha256,
}

impl Fingerprint {
    pub(crate) fn add(&mut self, name: &str, bytes: &[u8]) {
        for part in [name.as_bytes(), bytes] {
            self.hash.update((part.len() as u64).to_le_bytes());
            self.hash.update(part);
        }
    }

    /// Adds a file's contents, or the fact that there is none.
    pub(crate) fn add_file(&mut self, name: &str, path: &Path) -> Result<()> {
        match fs::read(path) {
            Ok(bytes) => self.add(name, &bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.add(name, b"(none)"),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        }
        Ok(())
    }

    /// Adds every file in a folder, whatever its depth. A missing folder counts as empty.
    pub(crate) fn add_folder(&mut self, folder: &Path) -> Result<()> {
        for path in folder::files(folder)? {
            let name = path.strip_prefix(folder).unwrap_or(&path);
            self.add_file(&name.to_string_lossy(), &path)?;
        }
        Ok(())
    }

    pub(crate) fn finish(self) -> String {
        self.hash.finalize().iter().fold(String::new(), |mut text, byte| {
            // Writing to a string cannot fail.
            write!(text, "{byte:02x}").ok();
            text
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(inputs: &[(&str, &str)]) -> String {
        let mut fingerprint = Fingerprint::default();
        for (name, text) in inputs {
            fingerprint.add(name, text.as_bytes());
        }
        fingerprint.finish()
    }

    #[test]
    fn equal_inputs_have_equal_fingerprints_and_others_do_not() {
        assert_eq!(of(&[("a", "1"), ("b", "2")]), of(&[("a", "1"), ("b", "2")]));
        assert_eq!(of(&[]).len(), 64);
        let different = [
            of(&[("a", "1"), ("b", "2")]),
            of(&[("b", "2"), ("a", "1")]),
            of(&[("a", "1b2")]),
            of(&[("a", "1b"), ("", "2")]),
            of(&[("a", "1")]),
        ];
        for (index, one) in different.iter().enumerate() {
            assert!(!different[index + 1..].contains(one), "{index}");
        }
    }

    #[test]
    fn a_folders_fingerprint_changes_with_content_names_and_files() {
        let folder = tempfile::tempdir().unwrap();
        let of_folder = || {
            let mut fingerprint = Fingerprint::default();
            fingerprint.add_folder(folder.path()).unwrap();
            fingerprint.finish()
        };
        let mut seen = vec![of_folder()];
        fs::create_dir(folder.path().join("inner")).unwrap();
        fs::write(folder.path().join("inner/a"), "1").unwrap();
        seen.push(of_folder());
        fs::write(folder.path().join("inner/a"), "2").unwrap();
        seen.push(of_folder());
        fs::rename(folder.path().join("inner/a"), folder.path().join("a")).unwrap();
        seen.push(of_folder());
        assert_eq!(seen.last(), Some(&of_folder()));
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 4);
    }
}
