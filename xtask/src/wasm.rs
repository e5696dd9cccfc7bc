//! Finding a compiler for WebAssembly, and installing one when there is none.
//!
//! One that can build the standard library is preferred: built for size, and with panics that trap at once, the module is a
//! sixth smaller. Rustup's toolchain can where it has the library's sources (`rustup component add rust-src`). Where it has not,
//! Debian's own Rust serves, which comes with them. Without either, rustup's target with its ready-made library does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use clap::ValueEnum;

use crate::cargo;
use crate::debian;
use crate::process;
use crate::programs;
use crate::progress;
use crate::project::Project;

const TARGET: &str = "wasm32-unknown-unknown";

/// `rustup target add` takes a few seconds. Where its server cannot be reached it may hang for minutes.
const RUSTUP_LIMIT: Duration = Duration::from_secs(20);
/// After it has failed, it is not tried again for this long.
const RUSTUP_REST: Duration = Duration::from_secs(24 * 60 * 60);

const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_CARGO_CLIPPY: &str = "/usr/bin/cargo-clippy";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];
const DEBIAN_CLIPPY: &str = "rust-web-clippy";
const BUILD_STD: [&str; 2] = ["-Zbuild-std=std", "-Zbuild-std-features=optimize_for_size"];
/// A panic traps at once, without putting a message together that nobody would see.
const BUILD_STD_RUSTFLAGS: &str = "-Zunstable-options -Cpanic=immediate-abort -Zlocation-detail=none";

/// Which toolchain the user wants.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Choice {
    // Plain comments: as documentation they would make the help of every command long.
    // What makes the smallest module: rustup's with the library's sources, otherwise Debian's, otherwise rustup's without.
    #[default]
    Auto,
    // The toolchain that compiles everything else, with rustup's target.
    Rustup,
    // Debian's packages.
    Debian,
}

/// Something that compiles for WebAssembly.
#[derive(Debug)]
pub(crate) enum Toolchain {
    /// The toolchain that compiles everything else, with the ready-made standard library.
    Active,
    /// The same, which builds the standard library too.
    ActiveWithSources,
    /// Debian's, which builds the standard library too.
    Debian { linker: PathBuf },
}

/// The toolchain that makes the smallest module, of those that are there or can be installed.
pub(crate) fn find(project: &Project, choice: Choice) -> Result<Toolchain> {
    if choice == Choice::Debian {
        return debian(project);
    }
    let rustup = add_rustup_target(project, choice);
    process::check_interrupt()?;
    if rustup.is_ok() && has_library_sources(&sysroot()?) {
        return Ok(Toolchain::ActiveWithSources);
    }
    if choice == Choice::Rustup {
        return rustup.map(|()| Toolchain::Active);
    }
    match (debian(project), rustup) {
        (Ok(toolchain), _) => Ok(toolchain),
        (Err(error), Ok(())) => {
            process::check_interrupt()?;
            progress::say(&format!("    the module will be larger than it could be: {error:#}"));
            Ok(Toolchain::Active)
        }
        (Err(error), Err(rustup)) => Err(error.context(format!(
            "there is no way to compile for WebAssembly: rustup cannot provide {TARGET} ({rustup:#}), and Debian's \
             toolchain cannot be had either"
        ))),
    }
}

impl Toolchain {
    /// For messages.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Active | Self::ActiveWithSources => "the active Rust toolchain",
            Self::Debian { .. } => "Debian's Rust toolchain",
        }
    }

    /// Whether it builds the standard library too: only then the module is as small as it can be.
    pub(crate) fn builds_library(&self) -> bool {
        !matches!(self, Self::Active)
    }

    /// Whether it has what `cargo clippy` needs. Installs it.
    pub(crate) fn install_clippy(&self, project: &Project) -> Result<()> {
        match self {
            Self::Active | Self::ActiveWithSources => Ok(()),
            Self::Debian { .. } => debian::install(project, &[DEBIAN_CLIPPY], "check the SDK's WebAssembly code"),
        }
    }

    /// Compiles the library of a package to a module.
    pub(crate) fn module(&self, project: &Project, package: &str) -> Result<PathBuf> {
        let mut command = self.cargo(project, "rustc");
        // As nothing else: a library for Rust beside it would keep the whole from being optimised together, at 4 kB.
        command.args(["--package", package, "--lib", "--profile", "wasm", "--crate-type", "cdylib"]);
        let artifacts = cargo::build(&format!("the compilation of {package}"), &mut command)?;
        cargo::artifact(&artifacts, &package.replace('-', "_"), "wasm")
    }

    /// `cargo <subcommand>` for WebAssembly.
    pub(crate) fn cargo(&self, project: &Project, subcommand: &str) -> Command {
        let mut command = match self {
            Self::Active => cargo::command(project),
            Self::ActiveWithSources => {
                let mut command = cargo::command(project);
                command.env("CARGO_TARGET_DIR", project.target.join("wasm-sources"));
                command
            }
            Self::Debian { linker } => debian_cargo(project, subcommand, linker),
        };
        command.args([subcommand, "--locked", "--target", TARGET]);
        if self.builds_library() {
            // Building the standard library is an unstable feature of a stable compiler.
            command.args(BUILD_STD).env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", BUILD_STD_RUSTFLAGS);
        }
        command
    }
}

/// Debian's cargo, with everything out of its way that is meant for the toolchain that has started this program.
fn debian_cargo(project: &Project, subcommand: &str, linker: &Path) -> Command {
    // Cargo would look for `cargo-clippy` on the search path, where rustup's comes first.
    let program = match subcommand {
        "clippy" => DEBIAN_CARGO_CLIPPY,
        _ => DEBIAN_CARGO,
    };
    let mut command = Command::new(program);
    cargo::clean_environment(&mut command);
    for name in
        ["RUSTUP_TOOLCHAIN", "RUSTDOC", "RUSTC_WORKSPACE_WRAPPER", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET"]
    {
        command.env_remove(name);
    }
    command
        .current_dir(&project.root)
        .env("CARGO", DEBIAN_CARGO)
        .env("RUSTC", DEBIAN_RUSTC)
        // Empty and set: this overrides a wrapper from cargo's configuration too.
        .env("RUSTC_WRAPPER", "")
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker)
        // Artefacts of different compilers in one folder would throw each other out.
        .env("CARGO_TARGET_DIR", project.target.join("wasm-debian"));
    command
}

fn add_rustup_target(project: &Project, choice: Choice) -> Result<()> {
    let sysroot = sysroot()?;
    if has_target(&sysroot) {
        return Ok(());
    }
    if programs::find(&["rustup"]).is_none() {
        bail!("the active toolchain does not have it, and there is no rustup");
    }
    let state = project.state_folder()?;
    let failure = state.join("rustup-target-failed");
    if choice == Choice::Auto && failed_lately(&failure, &sysroot) {
        bail!("it failed less than a day ago and was not tried again");
    }
    let result = progress::timed(&format!("rustup target add {TARGET}"), || {
        let mut command = Command::new("rustup");
        cargo::clean_environment(&mut command);
        process::run_quietly_at_most(
            "rustup target add",
            command.args(["target", "add", TARGET]),
            &state.join("rustup.log"),
            RUSTUP_LIMIT,
        )
    });
    let error = match result {
        Ok(()) if has_target(&sysroot) => return Ok(()),
        Ok(()) => anyhow!("rustup has not installed it for the active toolchain"),
        Err(error) => error,
    };
    process::check_interrupt()?;
    if choice == Choice::Auto {
        progress::say(&format!("    {error:#}"));
    }
    fs::write(&failure, sysroot.to_string_lossy().as_bytes())
        .with_context(|| format!("cannot write {}", failure.display()))?;
    Err(error)
}

fn sysroot() -> Result<PathBuf> {
    process::output(Command::new("rustc").args(["--print", "sysroot"])).map(PathBuf::from)
}

fn has_target(sysroot: &Path) -> bool {
    // A broken-off installation may leave the folder without the library.
    fs::read_dir(sysroot.join("lib/rustlib").join(TARGET).join("lib")).is_ok_and(|mut files| {
        files.any(|file| {
            file.is_ok_and(|file| {
                let name = file.file_name();
                let name = name.to_string_lossy();
                name.starts_with("libstd-") && name.ends_with(".rlib")
            })
        })
    })
}

/// Whether the sources of the standard library are there (rustup's component `rust-src`).
fn has_library_sources(sysroot: &Path) -> bool {
    sysroot.join("lib/rustlib/src/rust/library/Cargo.lock").is_file()
}

/// Whether the note of a failure is about this toolchain and still fresh.
fn failed_lately(note: &Path, sysroot: &Path) -> bool {
    let age = note.metadata().and_then(|metadata| metadata.modified()).ok().and_then(|time| time.elapsed().ok());
    age.is_some_and(|age| age < RUSTUP_REST)
        && fs::read_to_string(note).is_ok_and(|text| text == sysroot.to_string_lossy())
}

fn debian(project: &Project) -> Result<Toolchain> {
    debian::install(project, &DEBIAN_PACKAGES, "compile for WebAssembly")?;
    Ok(Toolchain::Debian { linker: linker(project)? })
}

/// LLVM's linker: the one that comes with rustup's toolchain, or else one that is installed.
fn linker(project: &Project) -> Result<PathBuf> {
    let bundled = sysroot()?.join("lib/rustlib").join(host()?).join("bin/rust-lld");
    if bundled.is_file() {
        return Ok(bundled);
    }
    let find = || programs::find(&["rust-lld", "wasm-ld"]);
    if let Some(linker) = find() {
        return Ok(linker);
    }
    debian::install(project, &["lld"], "link WebAssembly")?;
    find().context("lld is installed but wasm-ld is not on the search path")
}

/// The platform that rustc runs on.
fn host() -> Result<String> {
    let version = process::output(Command::new("rustc").arg("-vV"))?;
    version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
        .context("rustc does not say what its host is")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_counts_when_its_standard_library_is_there() {
        let sysroot = tempfile::tempdir().unwrap();
        assert!(!has_target(sysroot.path()));
        let folder = sysroot.path().join("lib/rustlib/wasm32-unknown-unknown/lib");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("libcore-1234.rlib"), "").unwrap();
        assert!(!has_target(sysroot.path()));
        fs::write(folder.join("libstd-1234.rlib"), "").unwrap();
        assert!(has_target(sysroot.path()));
    }

    #[test]
    fn a_failure_is_remembered_for_its_own_toolchain_and_for_a_day() {
        let folder = tempfile::tempdir().unwrap();
        let note = folder.path().join("note");
        let toolchain = Path::new("/toolchains/stable");
        assert!(!failed_lately(&note, toolchain));
        fs::write(&note, "/toolchains/stable").unwrap();
        assert!(failed_lately(&note, toolchain));
        assert!(!failed_lately(&note, Path::new("/toolchains/other")));
        let yesterday = std::time::SystemTime::now() - RUSTUP_REST - Duration::from_secs(1);
        fs::File::options().write(true).open(&note).unwrap().set_modified(yesterday).unwrap();
        assert!(!failed_lately(&note, toolchain));
    }
}
