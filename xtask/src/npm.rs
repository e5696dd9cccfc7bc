//! Tools that only npm distributes. They are pinned with their hashes, in xtask/npm/package-lock.json and
//! tests/bundlers/package-lock.json, and live in the target folder.

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

/// Where npm puts what it installs.
const MODULES: &str = "node_modules";

/// Scripts for Node.js.
#[derive(Debug)]
pub(crate) struct Tools {
    /// Makes WebAssembly smaller.
    pub(crate) wasm_opt: PathBuf,
    /// Puts scripts together.
    pub(crate) esbuild: PathBuf,
    /// Makes JavaScript smaller.
    pub(crate) terser: PathBuf,
}

/// Installs the tools of the package build if they are not there yet.
pub(crate) fn install(project: &Project) -> Result<Tools> {
    let what = "installing wasm-opt (npm package binaryen), esbuild and terser";
    let scripts = ["binaryen/bin/wasm-opt", "esbuild/bin/esbuild", "terser/bin/terser"];
    let folder = install_from(project, "xtask/npm", "npm", what, &scripts)?;
    let [wasm_opt, esbuild, terser] = scripts.map(|script| folder.join(MODULES).join(script));
    Ok(Tools { wasm_opt, esbuild, terser })
}

/// Installs what customers build with, to try the package in, and gives the folder that they are in.
pub(crate) fn install_bundlers(project: &Project) -> Result<PathBuf> {
    let scripts = ["esbuild/bin/esbuild", "typescript/bin/tsc", "vite/bin/vite.js", "webpack/lib/index.js"];
    install_from(project, "tests/bundlers", "bundlers", "installing Vite, webpack, esbuild and TypeScript", &scripts)
}

/// Copies the folder `source`, which has a lock file, to `name` in the target folder, and installs there what it names, unless that
/// has been done. Each of `scripts` must be there then.
fn install_from(project: &Project, source: &str, name: &str, what: &str, scripts: &[&str]) -> Result<PathBuf> {
    let source = project.root.join(source);
    let folder = project.state_folder()?.join(name);
    let stamp = folder.join("installed");
    let missing = || scripts.iter().map(|script| folder.join(MODULES).join(script)).find(|script| !script.is_file());

    let mut fingerprint = Fingerprint::default();
    fingerprint.add_folder(&source)?;
    let wanted = fingerprint.finish();
    if missing().is_none() && fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(folder);
    }

    let Some(npm) = programs::find(&["npm", "npm.cmd"]) else {
        bail!("npm is needed to install tools for the package: install Node.js 20 or later, with npm");
    };
    folder::create(&folder)?;
    folder::copy(&source, &folder)?;
    progress::timed(what, || {
        process::run_quietly(
            "npm ci",
            Command::new(npm)
                .args(["ci", "--ignore-scripts", "--prefer-offline"])
                .args(["--no-audit", "--no-fund", "--no-update-notifier"])
                .current_dir(&folder),
            &project.state_folder()?.join(format!("{name}.log")),
        )
    })?;
    if let Some(missing) = missing() {
        bail!("npm ci has not installed {}", missing.display());
    }
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(folder)
}
