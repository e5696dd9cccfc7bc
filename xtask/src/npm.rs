//! What only npm distributes. Tools are pinned with their hashes, in xtask/npm/package-lock.json and
//! tests/bundlers/package-lock.json; everything lives in the target folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::json;

use crate::fingerprint::Fingerprint;
use crate::folder;
use crate::process;
use crate::programs;
use crate::progress;
use crate::project::Project;

/// Where npm puts what it installs.
pub(crate) const MODULES: &str = "node_modules";

/// How long npm may take to install one package.
const PACKAGE_LIMIT: Duration = Duration::from_secs(120);

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

/// Installs what customers build with, to try the package in, and what finds barriers on pages. Gives the folder that they are in.
pub(crate) fn install_bundlers(project: &Project) -> Result<PathBuf> {
    let scripts = [
        "axe-core/axe.min.js",
        "esbuild/bin/esbuild",
        "typescript/bin/tsc",
        "vite/bin/vite.js",
        "webpack/lib/index.js",
    ];
    let what = "installing Vite, webpack, esbuild, TypeScript and axe-core";
    install_from(project, "tests/bundlers", "bundlers", what, &scripts)
}

/// Copies the folder `source`, which has a lock file, to `name` in the target folder, and installs there what it names, unless that
/// has been done. Each of `scripts` must be there then.
fn install_from(project: &Project, source: &str, name: &str, what: &str, scripts: &[&str]) -> Result<PathBuf> {
    let source = project.root.join(source);
    let folder = project.state_folder()?.join(name);
    let missing = || scripts.iter().map(|script| folder.join(MODULES).join(script)).find(|script| !script.is_file());

    let mut fingerprint = Fingerprint::default();
    fingerprint.add_folder(&source)?;
    let wanted = fingerprint.finish();
    if missing().is_none() && is_installed(&folder, &wanted) {
        return Ok(folder);
    }

    folder::create(&folder)?;
    folder::copy(&source, &folder)?;
    progress::timed(what, || run(project, "ci", &folder, &format!("{name}.log"), Duration::MAX))?;
    if let Some(missing) = missing() {
        bail!("npm ci has not installed {}", missing.display());
    }
    set_installed(&folder, &wanted)?;
    Ok(folder)
}

/// Installs this version of a package, and what it needs, into a `folder` of its own, unless that has been done.
pub(crate) fn install_package(project: &Project, folder: &Path, package: &str, version: &str) -> Result<()> {
    let installed = folder.join(MODULES).join(package);
    let wanted = format!("{package}@{version}");
    if installed.is_dir() && is_installed(folder, &wanted) {
        return Ok(());
    }
    folder::remove(folder)?;
    folder::create(folder)?;
    let manifest = json!({"private": true, "dependencies": {package: version}});
    let path = folder.join("package.json");
    fs::write(&path, manifest.to_string()).with_context(|| format!("cannot write {}", path.display()))?;
    progress::timed(&format!("installing {wanted}"), || run(project, "install", folder, "peers.log", PACKAGE_LIMIT))?;
    if !installed.is_dir() {
        bail!("npm install has not installed {wanted}");
    }
    set_installed(folder, &wanted)
}

/// Runs an npm command that installs something in `folder`.
fn run(project: &Project, command: &str, folder: &Path, log: &str, limit: Duration) -> Result<()> {
    let Some(npm) = programs::find(&["npm", "npm.cmd"]) else {
        bail!("npm is needed: install Node.js 20 or later, with npm");
    };
    let mut npm = Command::new(npm);
    npm.args([command, "--ignore-scripts", "--prefer-offline"]);
    npm.args(["--no-audit", "--no-fund", "--no-update-notifier"]).current_dir(folder);
    process::run_quietly_at_most(&format!("npm {command}"), &mut npm, &project.state_folder()?.join(log), limit)
}

/// The file in a folder that says what is installed there.
const STAMP: &str = "installed";

fn is_installed(folder: &Path, wanted: &str) -> bool {
    fs::read_to_string(folder.join(STAMP)).is_ok_and(|installed| installed == wanted)
}

fn set_installed(folder: &Path, what: &str) -> Result<()> {
    let stamp = folder.join(STAMP);
    fs::write(&stamp, what).with_context(|| format!("cannot write {}", stamp.display()))
}
