//! Fuzzing: inputs that a machine makes up, led by what they reach in the code.
//!
//! The targets stand in `fuzz/`. libFuzzer needs counters in the code, and the compiler puts them there by flags that are stable;
//! what takes a nightly compiler elsewhere is the address sanitizer, for which there is no use in a workspace without `unsafe`.
//!
//! A run leaves the repository as it is: seeds are copied, and what is found lies in the target folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use clap::Args;

use crate::cargo::{self, Artifact};
use crate::folder;
use crate::process;
use crate::progress;
use crate::project::Project;
use crate::tally::Tally;

/// What is fuzzed. A target `x` is the program `fuzz-x`, with `fuzz/seeds/x` and `fuzz/dictionaries/x.dict`.
const TARGETS: [&str; 3] = ["flush", "filter", "compressed"];

/// What compiles the crates of the workspace for fuzzing.
const COMPILER: &str = "fuzz/rustc-with-counters";

/// Seconds for each target when it is one check among others.
const CHECK_SECONDS: u64 = 5;
/// One input may take no longer, in seconds.
const INPUT_SECONDS: u64 = 5;
/// Megabytes that a target may use. The largest input is a few kilobytes, so anything near it is a fault.
const MEMORY: u64 = 1024;
/// How much longer than it was told to a target may run before it is ended.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// What to fuzz; without it everything, one after the other
    #[arg(value_parser = TARGETS)]
    target: Option<String>,

    /// Seconds for each target
    #[arg(long, default_value_t = 10)]
    seconds: u64,

    /// Run only this input, as a run that found something has left it
    #[arg(long, value_name = "FILE", requires = "target", conflicts_with = "seconds")]
    replay: Option<PathBuf>,
}

/// How a run is to go.
#[derive(Debug, Clone, Copy)]
struct Plan {
    seconds: u64,
    /// From the same seed a target makes up the same inputs.
    seed: Option<u32>,
}

/// Builds and runs the targets that were asked for.
pub(crate) fn run(project: &Project, options: &Options) -> Result<ExitCode> {
    let programs = progress::timed("fuzz targets", || build(project))?;
    if let Some((target, input)) = options.target.as_deref().zip(options.replay.as_deref()) {
        process::run(target, Command::new(program(&programs, target)?).arg(input))?;
        return Ok(ExitCode::SUCCESS);
    }
    let plan = Plan { seconds: options.seconds, seed: None };
    for target in TARGETS {
        if options.target.as_deref().is_none_or(|wanted| wanted == target) {
            let inputs = progress::timed(&format!("fuzzing {target}"), || fuzz(project, &programs, target, plan))?;
            println!("{target}: {inputs} inputs, nothing found");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs every target for a moment, the same way each time.
pub(crate) fn check(project: &Project, tally: &mut Tally) -> Result<()> {
    let Some(programs) = tally.need("fuzz targets", || build(project))? else { return Ok(()) };
    let plan = Plan { seconds: CHECK_SECONDS, seed: Some(1) };
    for target in TARGETS {
        tally.check(&format!("fuzzing {target}"), || fuzz(project, &programs, target, plan).map(drop))?;
    }
    Ok(())
}

fn build(project: &Project) -> Result<Vec<Artifact>> {
    let mut command = cargo::command(project);
    command.args(["build", "--locked", "--features", "kindling-fuzz/libfuzzer"]);
    command.args(TARGETS.iter().flat_map(|target| ["--bin".to_owned(), format!("fuzz-{target}")]));
    cargo::choose_members(&mut command);
    command.env("RUSTC_WORKSPACE_WRAPPER", project.root.join(COMPILER));
    cargo::build("the build of the fuzz targets", &mut command)
}

fn program(programs: &[Artifact], target: &str) -> Result<PathBuf> {
    cargo::artifact(programs, &format!("fuzz-{target}"), std::env::consts::EXE_EXTENSION)
}

/// Runs a target and gives how many inputs it tried. An error if one of them broke it.
fn fuzz(project: &Project, programs: &[Artifact], target: &str, plan: Plan) -> Result<u64> {
    let folder = project.state_folder()?.join("fuzz").join(target);
    let inputs = folder.join("inputs");
    folder::remove(&inputs)?;
    let seeds = project.root.join("fuzz/seeds").join(target);
    folder::copy(&seeds, &inputs)?;
    let log = folder.join("log");

    let mut command = Command::new(program(programs, target)?);
    command.arg(&inputs);
    command.arg(format!("-dict={}", project.root.join(format!("fuzz/dictionaries/{target}.dict")).display()));
    // What breaks it goes there, and stays.
    command.arg(format!("-artifact_prefix={}/", folder.display()));
    command.arg(format!("-max_total_time={}", plan.seconds));
    command.arg(format!("-timeout={INPUT_SECONDS}")).arg(format!("-rss_limit_mb={MEMORY}"));
    command.args(plan.seed.map(|seed| format!("-seed={seed}")));
    command.arg("-print_final_stats=1").env("RUST_BACKTRACE", "0");

    let limit = Duration::from_secs(plan.seconds) + PATIENCE;
    let result = process::run_quietly_at_most(target, &mut command, &log, limit);
    let text = fs::read(&log).map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default();
    match (result, broken_by(&text)) {
        (Ok(()), _) => tried(&text).with_context(|| format!("no count in {}", project.display(&log))),
        (Err(error), Some(input)) => {
            let input = input.display();
            Err(anyhow!("{error:#}\nthe input: {input}\nonce more: cargo xtask fuzz {target} --replay {input}"))
        }
        (Err(error), None) => Err(error),
    }
}

/// Where libFuzzer says that it put the input that broke the target.
fn broken_by(log: &str) -> Option<&Path> {
    log.lines().rev().find_map(|line| line.split_once("Test unit written to ")).map(|(_, path)| Path::new(path.trim()))
}

fn tried(log: &str) -> Option<u64> {
    log.lines().rev().find_map(|line| line.strip_prefix("stat::number_of_executed_units:")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_of_a_run_is_read() {
        let fine =
            "Done 12 runs in 1 second(s)\nstat::number_of_executed_units: 12\nstat::average_exec_per_sec:     6\n";
        assert_eq!((tried(fine), broken_by(fine)), (Some(12), None));
        let broken = "==1== ERROR: libFuzzer: deadly signal\nartifact_prefix='/t/'; Test unit written to /t/crash-da39\nBase64: \n";
        assert_eq!((tried(broken), broken_by(broken)), (None, Some(Path::new("/t/crash-da39"))));
    }

    #[test]
    fn every_target_has_seeds_and_a_dictionary() {
        let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("fuzz");
        for target in TARGETS {
            assert!(fuzz.join(format!("targets/{target}.rs")).is_file(), "{target}");
            assert!(fuzz.join(format!("dictionaries/{target}.dict")).is_file(), "{target}");
            let seeds = folder::files(&fuzz.join("seeds").join(target)).unwrap();
            assert!((5..50).contains(&seeds.len()), "{target} has {} seeds", seeds.len());
        }
    }
}
