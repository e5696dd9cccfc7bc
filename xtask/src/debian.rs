//! Installing packages of the distribution, on Debian and its relatives.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::process;
use crate::programs;
use crate::progress;
use crate::project::Project;

/// Another installation may be under way: wait for it this long.
const WAIT_FOR_LOCK: &str = "DPkg::Lock::Timeout=120";
/// Package lists come from the network, and a mirror that does not answer must not stop everything.
const UPDATE_LIMIT: Duration = Duration::from_secs(180);

/// Installs those of these packages that are missing. `purpose` completes "… are needed to".
pub(crate) fn install(project: &Project, packages: &[&str], purpose: &str) -> Result<()> {
    let missing: Vec<&str> = packages.iter().copied().filter(|package| !is_installed(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    apt_install(project, &missing, &list)
        .with_context(|| format!("the packages {list} are needed to {purpose}; install them by hand and try again"))
}

fn apt_install(project: &Project, packages: &[&str], list: &str) -> Result<()> {
    if programs::find(&["apt-get"]).is_none() {
        bail!("this system has no apt-get");
    }
    let administrator = Administrator::available()?;
    let log = project.state_folder()?.join("apt.log");
    progress::timed(&format!("installing with apt-get: {list}"), || {
        let updated = process::run_quietly_at_most(
            "apt-get update",
            administrator.command().args(["update", "-q"]),
            &log,
            UPDATE_LIMIT,
        );
        if let Err(error) = updated {
            process::check_interrupt()?;
            // One broken source among many; the lists at hand may do.
            progress::say(&format!("    warning: {error:#}"));
        }
        process::run_quietly(
            "apt-get install",
            administrator
                .command()
                .args(["install", "-q", "-y", "--no-install-recommends"])
                // Never at the price of something that the user has installed.
                .arg("--no-remove")
                .args(["-o", WAIT_FOR_LOCK, "-o", "Dpkg::Use-Pty=0"])
                .args(packages),
            &log,
        )
    })
}

fn is_installed(package: &str) -> bool {
    let status =
        process::output(Command::new("dpkg-query").args(["--show", "--showformat=${db:Status-Abbrev}", package]));
    status.is_ok_and(|status| status.starts_with("ii"))
}

/// How commands get the right to install things.
#[derive(Debug, Clone, Copy)]
enum Administrator {
    /// This process has it.
    Root,
    /// `sudo` gives it without asking for a password.
    Sudo,
}

impl Administrator {
    fn available() -> Result<Self> {
        if is_root() {
            return Ok(Self::Root);
        }
        if programs::find(&["sudo"]).is_none() {
            bail!("this needs root, and there is no sudo");
        }
        process::output(Command::new("sudo").args(["-n", "true"]))
            .context("this needs root, and sudo would ask for a password")?;
        Ok(Self::Sudo)
    }

    /// `apt-get`, asking nothing.
    fn command(self) -> Command {
        let mut command = match self {
            Self::Root => Command::new("env"),
            Self::Sudo => {
                let mut command = Command::new("sudo");
                command.args(["-n", "env"]);
                command
            }
        };
        command.args(["DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8", "apt-get"]);
        command
    }
}

#[cfg(unix)]
fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}
