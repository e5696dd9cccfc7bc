//! Calling cargo from a program that cargo itself has started.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::process::{self, Process, Reading};
use crate::project::Project;

/// What `cargo run` adds to the environment for the program's own use. Some build scripts look at these, so passing them
/// on would rebuild things depending on whether a build was started by hand or from here.
const ADDED_BY_CARGO_RUN: [&str; 6] = [
    "CARGO",
    "CARGO_BIN_NAME",
    "CARGO_CRATE_NAME",
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_PATH",
    "CARGO_PRIMARY_PACKAGE",
];

/// The cargo that started this program, in the project's root.
pub(crate) fn command(project: &Project) -> Command {
    let mut command = bare();
    command.current_dir(&project.root);
    command
}

/// Chooses the packages of the workspace, other than this program.
///
/// Cargo compiles a dependency once for each set of features that the chosen packages ask of it: what chooses the same packages as others
/// shares what they have compiled. Which targets are built is chosen on top. This program's own dependencies are apart, as it is built
/// first and alone.
pub(crate) fn choose_members(command: &mut Command) {
    command.args(["--workspace", "--exclude", env!("CARGO_PKG_NAME")]);
}

fn bare() -> Command {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    clean_environment(&mut command);
    command
}

/// Removes what `cargo run` has added to the environment.
pub(crate) fn clean_environment(command: &mut Command) {
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if ADDED_BY_CARGO_RUN.contains(&text.as_ref()) || text.starts_with("CARGO_PKG_") {
            command.env_remove(&name);
        }
    }
    // The loader's search path has got the folders of this build and of its compiler: not for other compilers.
    if let Some(paths) = env::var_os("LD_LIBRARY_PATH") {
        let build_folder = env::current_exe().ok().and_then(|program| program.parent().map(Path::to_owned));
        match without_rust_folders(&paths, build_folder.as_deref()) {
            Some(paths) => command.env("LD_LIBRARY_PATH", paths),
            None => command.env_remove("LD_LIBRARY_PATH"),
        };
    }
}

fn without_rust_folders(paths: &OsStr, build_folder: Option<&Path>) -> Option<OsString> {
    let kept: Vec<PathBuf> = env::split_paths(paths)
        .filter(|path| !build_folder.is_some_and(|folder| path.starts_with(folder)))
        .filter(|path| {
            // …/lib/rustlib/<host>/lib and …/toolchains/<name>/lib
            let text = path.to_string_lossy();
            !(text.contains("/rustlib/") || text.contains("/toolchains/"))
        })
        .filter(|path| !path.as_os_str().is_empty())
        .collect();
    if kept.is_empty() {
        return None;
    }
    env::join_paths(kept).ok()
}

/// `cargo metadata` without dependencies: needs no network and is quick.
pub(crate) fn metadata(folder: &Path) -> Result<Value> {
    let text = process::output(
        bare().args(["metadata", "--format-version", "1", "--no-deps", "--offline"]).current_dir(folder),
    )?;
    serde_json::from_str(&text).context("cargo metadata gave no JSON")
}

/// Runs a `cargo build` and returns the files that it made or found up to date. Messages for people go to the terminal.
pub(crate) fn build(name: &str, command: &mut Command) -> Result<Vec<Artifact>> {
    command.arg("--message-format=json-render-diagnostics");
    let (mut process, lines) = Process::start_reading(name, command, Reading::Output)?;
    let status = process.wait()?;
    if !status.success() {
        bail!("{name} failed ({status})");
    }
    Ok(lines.iter().filter_map(|line| Artifact::parse(&line)).flatten().collect())
}

/// A file that cargo has made.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Artifact {
    /// The name of the library or binary in its manifest.
    pub(crate) target: String,
    pub(crate) path: PathBuf,
}

impl Artifact {
    fn parse(line: &str) -> Option<Vec<Self>> {
        let message: Value = serde_json::from_str(line).ok()?;
        if message.get("reason")?.as_str()? != "compiler-artifact" {
            return None;
        }
        let target = message.get("target")?.get("name")?.as_str()?;
        let files = message.get("filenames")?.as_array()?;
        Some(
            files
                .iter()
                .filter_map(Value::as_str)
                .map(|path| Self { target: target.to_owned(), path: PathBuf::from(path) })
                .collect(),
        )
    }
}

/// The one artifact of a target with this extension (none: an empty string).
pub(crate) fn artifact(artifacts: &[Artifact], target: &str, extension: &str) -> Result<PathBuf> {
    artifacts
        .iter()
        .find(|artifact| {
            artifact.target == target && artifact.path.extension().unwrap_or_default() == OsStr::new(extension)
        })
        .map(|artifact| artifact.path.clone())
        .with_context(|| format!("cargo did not say where it put `{target}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn artifacts_are_read_from_cargos_messages() {
        let line = r#"{"reason":"compiler-artifact","target":{"name":"kindling_sdk"},
            "filenames":["/t/libkindling_sdk.rlib","/t/kindling_sdk.wasm"]}"#
            .replace('\n', "");
        let artifacts = Artifact::parse(&line).unwrap();
        assert_eq!(artifact(&artifacts, "kindling_sdk", "wasm").unwrap(), Path::new("/t/kindling_sdk.wasm"));
        assert!(artifact(&artifacts, "kindling", "").is_err());
        assert_eq!(Artifact::parse(r#"{"reason":"build-finished"}"#), None);
        assert_eq!(Artifact::parse("not JSON"), None);
    }

    #[test]
    fn the_loaders_path_keeps_only_what_the_user_has_set() {
        let paths = "/p/target/debug/deps:/p/target/debug:/r/toolchains/stable/lib:/opt/lib";
        let build_folder = Some(Path::new("/p/target/debug"));
        assert_eq!(without_rust_folders(OsStr::new(paths), build_folder).unwrap(), OsStr::new("/opt/lib"));
        assert_eq!(without_rust_folders(OsStr::new("/p/target/debug"), build_folder), None);
    }
}
