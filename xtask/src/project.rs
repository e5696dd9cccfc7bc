//! Where the project is on this machine, and what cargo says of it.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use serde_json::Value;

use crate::cargo;
use crate::folder;

/// The workspace: its root, its version and its target folder.
#[derive(Debug)]
pub(crate) struct Project {
    pub(crate) root: PathBuf,
    /// Honours `CARGO_TARGET_DIR` and cargo's configuration.
    pub(crate) target: PathBuf,
    /// The version of the workspace, which is the version of everything that is released from it.
    pub(crate) version: String,
}

impl Project {
    /// Asks cargo. Works from any folder inside the workspace.
    pub(crate) fn locate() -> Result<Self> {
        // As `cargo run` says now: a target folder that several checkouts share may hold the program of another one.
        let manifest_folder = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let metadata = cargo::metadata(Path::new(&manifest_folder))?;
        Self::from_metadata(&metadata)
    }

    fn from_metadata(metadata: &Value) -> Result<Self> {
        let path = |key: &str| {
            metadata
                .get(key)
                .and_then(Value::as_str)
                .map(PathBuf::from)
                .ok_or_else(|| anyhow!("cargo metadata has no `{key}`"))
        };
        let version = metadata
            .get("packages")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .find(|package| package.get("name").and_then(Value::as_str) == Some("kindling-sdk"))
            .and_then(|package| package.get("version"))
            .and_then(Value::as_str)
            .context("cargo metadata has no package `kindling-sdk`")?;
        Ok(Self { root: path("workspace_root")?, target: path("target_directory")?, version: version.to_owned() })
    }

    /// A folder for what this tool keeps between runs. Created when missing.
    pub(crate) fn state_folder(&self) -> Result<PathBuf> {
        let folder = self.target.join("xtask");
        folder::create(&folder)?;
        Ok(folder)
    }

    /// A path as the user would write it: relative to the root when it lies inside.
    pub(crate) fn display<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_what_cargo_metadata_says() {
        let metadata = json!({
            "workspace_root": "/project",
            "target_directory": "/elsewhere/target",
            "packages": [{"name": "other", "version": "9.9.9"}, {"name": "kindling-sdk", "version": "1.2.3"}],
        });
        let project = Project::from_metadata(&metadata).unwrap();
        assert_eq!(project.root, Path::new("/project"));
        assert_eq!(project.target, Path::new("/elsewhere/target"));
        assert_eq!(project.version, "1.2.3");
        assert_eq!(project.display(Path::new("/project/sdk/pkg")).to_string(), "sdk/pkg");
        assert_eq!(project.display(Path::new("/other")).to_string(), "/other");
    }

    #[test]
    fn a_missing_part_is_named() {
        let error = Project::from_metadata(&json!({"packages": []})).unwrap_err();
        assert!(error.to_string().contains("kindling-sdk"), "{error}");
    }
}
