//! What is measured, as `cargo xtask bench sdk` has prepared it: for each SDK a folder with what a bundler made of it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use axum::body::Bytes;
use serde::Deserialize;

/// Our own.
pub(crate) const KINDLING: &str = "kindling";

/// The file that says what there is.
#[derive(Debug, Deserialize)]
pub(crate) struct Prepared {
    pub(crate) subjects: Vec<Subject>,
    /// Why a peer is not there, by its name.
    pub(crate) missing: BTreeMap<String, String>,
}

/// An SDK, bundled.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Subject {
    pub(crate) name: String,
    pub(crate) version: String,
    /// Where its files are.
    folder: PathBuf,
    /// The one of them that a page imports.
    pub(crate) entry: String,
    /// All of them, with their sizes as brotli has them.
    pub(crate) files: BTreeMap<String, u64>,
    /// What was tracked while there was no server survives the end of the browser.
    pub(crate) stores_durably: bool,
    /// It displays in-app messages, with what is in these files.
    pub(crate) shows_messages: bool,
    /// It can't be pointed to another server, or tracks nothing: only its size is known.
    pub(crate) only_weighed: bool,
}

impl Prepared {
    pub(crate) fn read(file: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} is not what was expected", file.display()))
    }
}

impl Subject {
    /// The sizes of its files that end like this.
    pub(crate) fn brotli(&self, ending: &str) -> u64 {
        self.files.iter().filter(|(name, _)| name.ends_with(ending)).map(|(_, size)| size).sum()
    }

    /// What its files contain.
    pub(crate) fn contents(&self) -> anyhow::Result<BTreeMap<String, Bytes>> {
        let read = |name: &String| {
            let path = self.folder.join(name);
            let content = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            Ok((name.clone(), content.into()))
        };
        self.files.keys().map(read).collect()
    }
}
