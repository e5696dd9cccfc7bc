//! All checks and tests, in one command: what a developer runs and what continuous integration runs.
//!
//! A failure does not stop the rest. The last line says how many passed and how many failed.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;

use crate::browser::{self, Browser};
use crate::cargo;
use crate::demo::{self, Binaries};
use crate::filter_cases;
use crate::fuzz;
use crate::npm;
use crate::package::{self, Package};
use crate::process::{self, Process, Reading};
use crate::progress;
use crate::project::Project;
use crate::tally::{Counts, Tally};
use crate::wasm::{self, Toolchain};

const BLACK_BOX: &str = "kindling-tests";

/// A process that a test has left behind may hold the output open. It is not waited for longer than this.
const LEFTOVER_OUTPUT: Duration = Duration::from_secs(2);

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Run only the tests whose name contains one of these (the checks run all the same)
    #[arg(value_name = "FILTER")]
    filters: Vec<String>,

    /// Leave out WebAssembly, the package, the browser and fuzzing: only formatting, lints and the tests beside the code
    #[arg(long)]
    fast: bool,
}

/// Runs everything.
pub(crate) fn run(project: &Project, choice: wasm::Choice, options: &Options) -> Result<ExitCode> {
    let mut tally = Tally::default();
    check_sources(project, &mut tally)?;
    test_this(project, options, &mut tally)?;
    if options.fast {
        test_members(project, options, None, &mut tally)?;
    } else {
        let web = make_web_parts(project, choice, &mut tally)?;
        let chromium = tally.need("browser for the tests", || browser::chromium(project))?;
        let firefox = tally.need("second browser for the tests", || browser::firefox(project))?;
        let bundlers = tally.need("bundlers for the tests", || npm::install_bundlers(project))?;
        let binaries = tally.need("kindling and demo-web", || demo::build_binaries(project))?;
        if binaries.is_none() {
            tally.fail("black-box tests: not run");
        }
        let parts = binaries.map(|binaries| Parts { web, chromium, firefox, bundlers, binaries });
        test_members(project, options, parts.as_ref(), &mut tally)?;
        fuzz::check(project, &mut tally)?;
    }

    progress::say("");
    for failure in tally.failures() {
        progress::say(&format!("failed: {failure}"));
    }
    println!("{tally}");
    Ok(if tally.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn check_sources(project: &Project, tally: &mut Tally) -> Result<()> {
    tally.check("cargo fmt", || {
        let mut command = cargo::command(project);
        process::run("cargo fmt", command.args(["fmt", "--all", "--check"]))
    })?;
    tally.check("cargo clippy", || {
        let mut command = cargo::command(project);
        // clippy 1.95 can crash on `#[expect(clippy::…)]` when it takes up an earlier, incremental run.
        command.env("CARGO_INCREMENTAL", "0");
        command.args(["clippy", "--workspace", "--all-targets", "--locked"]);
        process::run("cargo clippy", command.args(["--", "-D", "warnings"]))
    })
}

/// What is compiled for WebAssembly.
#[derive(Debug, Default)]
struct WebParts {
    package: Option<Package>,
    filter_cases: Option<PathBuf>,
}

fn make_web_parts(project: &Project, choice: wasm::Choice, tally: &mut Tally) -> Result<WebParts> {
    let clippy = "cargo clippy for WebAssembly";
    let packaging = "npm package";
    let found = tally.need("compiler for WebAssembly", || wasm::find(project, choice))?;
    let Some(toolchain) = found else {
        tally.fail(&format!("{clippy}: not run"));
        tally.fail(&format!("{packaging}: not made"));
        return Ok(WebParts::default());
    };
    tally.check(clippy, || check_wasm(project, &toolchain))?;
    let mut parts = WebParts::default();
    tally.check(packaging, || {
        parts.package = Some(package::build(project, &toolchain)?);
        Ok(())
    })?;
    parts.filter_cases = tally.need("filter cases", || filter_cases::build(project, &toolchain))?;
    Ok(parts)
}

fn check_wasm(project: &Project, toolchain: &Toolchain) -> Result<()> {
    toolchain.install_clippy(project)?;
    let mut command = toolchain.cargo(project, "clippy");
    command.args(["--package", "kindling-sdk", "--lib", "--profile", "wasm"]);
    process::run("cargo clippy", command.args(["--", "-D", "warnings"]))
}

/// The tests of this program.
fn test_this(project: &Project, options: &Options, tally: &mut Tally) -> Result<()> {
    let mut command = cargo::command(project);
    command.args(["test", "--package", env!("CARGO_PKG_NAME")]);
    run_tests("tests of xtask", &mut command, options, tally)
}

/// The tests beside the code: unit, property and documentation tests. With `parts` also those from outside: the real server process, the
/// real browser, the real package. Both at once, as they are compiled together.
fn test_members(project: &Project, options: &Options, parts: Option<&Parts>, tally: &mut Tally) -> Result<()> {
    let mut command = cargo::command(project);
    command.arg("test");
    cargo::choose_members(&mut command);
    match parts {
        Some(parts) => command.envs(parts.environment()),
        None => command.args(["--exclude", BLACK_BOX]),
    };
    run_tests("tests", &mut command, options, tally)
}

/// What the black-box tests need.
#[derive(Debug)]
struct Parts {
    web: WebParts,
    chromium: Option<Browser>,
    firefox: Option<Browser>,
    bundlers: Option<PathBuf>,
    binaries: Binaries,
}

impl Parts {
    /// The environment that tells the tests where everything is. What could not be made is left out, and has been counted
    /// as a failure already.
    fn environment(&self) -> Vec<(&'static str, &Path)> {
        let Binaries { kindling, demo_web } = &self.binaries;
        let mut variables: Vec<(&str, &PathBuf)> = vec![("KINDLING_BIN", kindling), ("DEMO_WEB_BIN", demo_web)];
        if let Some(package) = &self.web.package {
            variables.push(("KINDLING_PACKAGE", &package.folder));
        }
        if let Some(folder) = &self.web.filter_cases {
            variables.push(("KINDLING_FILTER_CASES", folder));
        }
        if let Some(folder) = &self.bundlers {
            variables.push(("KINDLING_BUNDLERS", folder));
        }
        if let Some(browser) = &self.chromium {
            variables.push(("KINDLING_CHROME", &browser.program));
            variables.push(("KINDLING_CHROMEDRIVER", &browser.driver));
        }
        if let Some(browser) = &self.firefox {
            variables.push(("KINDLING_FIREFOX", &browser.program));
            variables.push(("KINDLING_GECKODRIVER", &browser.driver));
        }
        variables.into_iter().map(|(name, path)| (name, path.as_path())).collect()
    }
}

/// Runs `cargo test` and counts, while the user sees the output.
fn run_tests(name: &str, command: &mut Command, options: &Options, tally: &mut Tally) -> Result<()> {
    command.args(["--locked", "--no-fail-fast", "--"]);
    command.args(&options.filters);
    let result = tally.need(name, || stream_tests(command))?;
    if let Some((counts, succeeded)) = result {
        tally.add_run(name, counts, succeeded);
    }
    Ok(())
}

fn stream_tests(command: &mut Command) -> Result<(Counts, bool)> {
    if std::io::stderr().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    let (mut process, lines) = Process::start_reading("cargo test", command, Reading::OutputAndErrors)?;
    let mut counts = Counts::default();
    loop {
        let ended = process.status()?;
        let patience = match ended {
            Some(_) => LEFTOVER_OUTPUT,
            None => Duration::from_millis(100),
        };
        match lines.recv_timeout(patience) {
            Ok(line) => {
                println!("{line}");
                if let Some(more) = Counts::parse(&line) {
                    counts += more;
                }
            }
            Err(RecvTimeoutError::Timeout) if ended.is_none() => process::check_interrupt()?,
            Err(_) => {
                let status = process.wait().context("cargo test")?;
                return Ok((counts, status.success()));
            }
        }
    }
}
