//! `cargo xtask`: the project's own automation.
//!
//! `main` only reads the command line and turns the result into an exit code; each command is a module of its own.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool: what it prints is its user interface"
)]

mod bench;
mod bench_sdk;
mod bindgen;
mod browser;
mod build;
mod cargo;
mod debian;
mod demo;
mod filter_cases;
mod fingerprint;
mod folder;
mod fuzz;
mod geckodriver;
mod npm;
mod package;
mod peers;
mod process;
mod programs;
mod progress;
mod project;
mod served;
mod shrink;
mod sizes;
mod tally;
mod test;
mod wasm;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::process::Interrupted;
use crate::project::Project;

/// The project's own automation. Whatever a command needs, it builds or installs first, and says so.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct CommandLine {
    /// What compiles the SDK to WebAssembly: rustup's toolchain, or Debian's packages where rustup cannot provide it
    #[arg(long, global = true, value_enum, default_value_t, env = "KINDLING_WASM_TOOLCHAIN", hide_env_values = true)]
    wasm_toolchain: wasm::Choice,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the server and the demo shop, on this machine only
    Demo(demo::Options),
    /// Run all checks and tests; the last line says how many passed and failed
    Test(test::Options),
    /// Build the npm package into sdk/pkg and show its sizes
    Package,
    /// Build the server for release, with the SDK in it
    Build,
    /// Run a benchmark; it prints ratios
    Bench(bench::Options),
    /// Try inputs that a machine makes up on everything that is decoded from outside
    Fuzz(fuzz::Options),
    /// Install what the other commands need, and nothing else
    Setup,
}

fn main() -> ExitCode {
    let command_line = CommandLine::parse();
    match run(&command_line) {
        Ok(code) => code,
        Err(error) if error.is::<Interrupted>() => {
            eprintln!("interrupted");
            ExitCode::from(130)
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command_line: &CommandLine) -> Result<ExitCode> {
    process::watch_interrupts()?;
    let project = Project::locate()?;
    let choice = command_line.wasm_toolchain;
    match &command_line.command {
        Command::Demo(options) => demo::run(&project, choice, options),
        Command::Test(options) => test::run(&project, choice, options),
        Command::Package => {
            let toolchain = wasm::find(&project, choice)?;
            let package = package::build(&project, &toolchain)?;
            sizes::print(&package.folder, toolchain.builds_library())?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Build => build::run(&project, choice),
        Command::Bench(options) => bench::run(&project, choice, options),
        Command::Fuzz(options) => fuzz::run(&project, options),
        Command::Setup => {
            wasm::find(&project, choice)?;
            npm::install(&project)?;
            npm::install_bundlers(&project)?;
            browser::chromium(&project)?;
            browser::firefox(&project)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
