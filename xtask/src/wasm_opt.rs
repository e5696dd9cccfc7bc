//! Making the WebAssembly module smaller with binaryen's `wasm-opt`. It comes from npm, pinned with its hash in
//! xtask/npm/package-lock.json, and lives in the target folder.

use std::fs;
use std::path::{Path, PathBuf};
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

const OPTIONS: [&str; 3] = ["-Oz", "--strip-debug", "--strip-producers"];
/// What rustc's wasm32-unknown-unknown target emits by default; every browser has had these since 2022 at the latest.
const FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// Installs the tool if it is not there yet, and returns the script to run.
pub(crate) fn install(project: &Project) -> Result<PathBuf> {
    let source = project.root.join("xtask/npm");
    let folder = project.state_folder()?.join("npm");
    let stamp = folder.join("installed");
    let program = folder.join("node_modules/binaryen/bin/wasm-opt");

    let mut fingerprint = Fingerprint::default();
    fingerprint.add_folder(&source)?;
    let wanted = fingerprint.finish();
    if program.is_file() && fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(program);
    }

    let Some(npm) = programs::find(&["npm", "npm.cmd"]) else {
        bail!("npm is needed to install wasm-opt: install Node.js 20 or later, with npm");
    };
    folder::create(&folder)?;
    for file in [MANIFEST, LOCK] {
        fs::copy(source.join(file), folder.join(file))
            .with_context(|| format!("cannot copy {file} to {}", folder.display()))?;
    }
    progress::timed("installing wasm-opt (npm package binaryen)", || {
        process::run_quietly(
            "npm ci",
            Command::new(npm)
                .args(["ci", "--ignore-scripts", "--prefer-offline"])
                .args(["--no-audit", "--no-fund", "--no-update-notifier"])
                .current_dir(&folder),
            &project.state_folder()?.join("npm.log"),
        )
    })?;
    if !program.is_file() {
        bail!("npm ci has not installed {}", program.display());
    }
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(program)
}

/// Replaces the module by a smaller one that does the same.
pub(crate) fn optimise(project: &Project, wasm: &Path) -> Result<()> {
    let program = install(project)?;
    let smaller = wasm.with_extension("smaller");
    process::run_quietly(
        "wasm-opt",
        Command::new("node").arg(program).args(OPTIONS).args(FEATURES).arg(wasm).arg("-o").arg(&smaller),
        &project.state_folder()?.join("wasm-opt.log"),
    )?;
    fs::rename(&smaller, wasm).with_context(|| format!("cannot replace {}", wasm.display()))
}
