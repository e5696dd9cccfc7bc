//! The server as it is released: optimised, and with the SDK in it.

use std::process::ExitCode;

use anyhow::Result;

use crate::cargo;
use crate::package;
use crate::progress;
use crate::project::Project;
use crate::wasm;

/// Builds the package, then the server, which takes it in.
pub(crate) fn run(project: &Project, choice: wasm::Choice) -> Result<ExitCode> {
    package::build(project, &wasm::find(project, choice)?)?;
    let mut command = cargo::command(project);
    command.args(["build", "--locked", "--release", "--package", "ingest-server", "--bin", "kindling"]);
    let artifacts =
        progress::timed("building kindling for release", || cargo::build("the build of kindling", &mut command))?;
    let kindling = cargo::artifact(&artifacts, "kindling", std::env::consts::EXE_EXTENSION)?;
    println!("{}", project.display(&kindling));
    Ok(ExitCode::SUCCESS)
}
