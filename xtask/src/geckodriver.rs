//! The program that remote-controls Firefox. Its makers publish it as source, on crates.io.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cargo;
use crate::folder;
use crate::process;
use crate::programs::named_or_found;
use crate::progress;
use crate::project::Project;

const VERSION: &str = "0.37.1";

/// The driver that is there, or else the pinned version, which is built unless that has been done.
pub(crate) fn find_or_build(project: &Project) -> Result<PathBuf> {
    if let Some(driver) = named_or_found("KINDLING_GECKODRIVER", &["geckodriver"]) {
        return Ok(driver);
    }
    let folder = project.state_folder()?.join("geckodriver");
    let driver = folder.join("bin/geckodriver").with_extension(env::consts::EXE_EXTENSION);
    let stamp = folder.join("installed");
    if driver.is_file() && fs::read_to_string(&stamp).is_ok_and(|installed| installed == VERSION) {
        return Ok(driver);
    }
    progress::timed(&format!("building geckodriver {VERSION}, once"), || build(project, &folder))?;
    fs::write(&stamp, VERSION).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(driver)
}

fn build(project: &Project, folder: &Path) -> Result<()> {
    // A build that was cut short is taken up again.
    let built = folder.join("build");
    let mut command = cargo::command(project);
    command.args(["install", "geckodriver", "--version", VERSION, "--locked", "--force"]);
    command.arg("--root").arg(folder).arg("--target-dir").arg(&built);
    // It passes small requests on: to optimise it would take longer than all that it ever does here. Nobody debugs it either, and
    // what that needs is four fifths of it.
    command.arg("--debug").env("CARGO_PROFILE_DEV_DEBUG", "0");
    process::run_quietly("cargo install geckodriver", &mut command, &project.state_folder()?.join("geckodriver.log"))?;
    folder::remove(&built)
}
