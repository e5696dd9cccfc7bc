//! Tools that only npm distributes. They are pinned with their hashes in xtask/npm/package-lock.json, and live in the target folder.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::fingerprint::Fingerprint;
use crate::folder;
use crate::process;
use crate::programs;
use crate::progress;
use crate::project::Project;

const LOCK: &str = "package-lock.json";
const MANIFEST: &str = "package.json";

/// Scripts for Node.js.
#[derive(Debug)]
pub(crate) struct Tools {
    /// Makes WebAssembly smaller.
    pub(crate) wasm_opt: PathBuf,
    /// Makes JavaScript smaller.
    pub(crate) terser: PathBuf,
}

/// Installs the tools if they are not there yet.
pub(crate) fn install(project: &Project) -> Result<Tools> {
    let source = project.root.join("xtask/npm");
    let folder = project.state_folder()?.join("npm");
    let stamp = folder.join("installed");
    let modules = folder.join("node_modules");
    let tools = Tools { wasm_opt: modules.join("binaryen/bin/wasm-opt"), terser: modules.join("terser/bin/terser") };
    let missing = || [&tools.wasm_opt, &tools.terser].into_iter().find(|tool| !tool.is_file());

    let mut fingerprint = Fingerprint::default();
    fingerprint.add_folder(&source)?;
    let wanted = fingerprint.finish();
    if missing().is_none() && fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(tools);
    }

    let Some(npm) = programs::find(&["npm", "npm.cmd"]) else {
        bail!("npm is needed to install tools for the package: install Node.js 20 or later, with npm");
    };
    folder::create(&folder)?;
    for file in [MANIFEST, LOCK] {
        fs::copy(source.join(file), folder.join(file))
            .with_context(|| format!("cannot copy {file} to {}", folder.display()))?;
    }
    progress::timed("installing wasm-opt (npm package binaryen) and terser", || {
        process::run_quietly(
            "npm ci",
            Command::new(npm)
                .args(["ci", "--ignore-scripts", "--prefer-offline"])
                .args(["--no-audit", "--no-fund", "--no-update-notifier"])
                .current_dir(&folder),
            &project.state_folder()?.join("npm.log"),
        )
    })?;
    if let Some(missing) = missing() {
        bail!("npm ci has not installed {}", missing.display());
    }
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(tools)
}
