//! The demo: the server and a shop that uses the package, on this machine, until Ctrl-C.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Args;

use crate::cargo;
use crate::folder;
use crate::package;
use crate::process::{self, Process, Reading};
use crate::progress;
use crate::project::Project;
use crate::wasm;

/// How long a part may take until it accepts connections.
const START_LIMIT: Duration = Duration::from_secs(30);

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Port of the shop; the server takes the next one, or any other that is free
    #[arg(long, default_value_t = 8080)]
    port: u16,

    /// Folder for the server's data [default: data/demo]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// Open the shop in the browser
    #[arg(long)]
    open: bool,
}

/// The programs of the demo.
#[derive(Debug)]
pub(crate) struct Binaries {
    pub(crate) kindling: PathBuf,
    pub(crate) demo_web: PathBuf,
}

/// Builds the programs, for development.
pub(crate) fn build_binaries(project: &Project) -> Result<Binaries> {
    let mut command = cargo::command(project);
    command.args(["build", "--locked", "--bin", "kindling", "--bin", "demo-web"]);
    cargo::choose_members(&mut command);
    let artifacts = cargo::build("the build of kindling and demo-web", &mut command)?;
    let extension = std::env::consts::EXE_EXTENSION;
    Ok(Binaries {
        kindling: cargo::artifact(&artifacts, "kindling", extension)?,
        demo_web: cargo::artifact(&artifacts, "demo-web", extension)?,
    })
}

/// Runs the demo until Ctrl-C or until one of its parts ends.
pub(crate) fn run(project: &Project, choice: wasm::Choice, options: &Options) -> Result<ExitCode> {
    // Before anything that takes time.
    if options.port != 0 && !is_free(options.port) {
        bail!(
            "port {0} is in use: choose another one with --port, for example --port {1}",
            options.port,
            options.port.checked_add(10).unwrap_or(8090)
        );
    }
    let package = package::build(project, &wasm::find(project, choice)?)?;
    let binaries = progress::timed("building kindling and demo-web", || build_binaries(project))?;
    let data = options.data.clone().unwrap_or_else(|| project.root.join("data/demo"));
    folder::create(&data)?;

    let definitions = project.root.join("demo-web/workspace.json");
    let mut kindling = Service::start(
        "kindling",
        Command::new(&binaries.kindling)
            .args(["serve", "--listen", &server_address(options.port, is_free)])
            .arg("--data")
            .arg(&data)
            .arg("--definitions")
            .arg(&definitions),
    )?;
    let mut shop = Service::start(
        "demo-web",
        Command::new(&binaries.demo_web)
            .args(["--listen", &address(options.port)])
            .args(["--kindling", &kindling.url])
            .arg("--package")
            .arg(&package.folder)
            .arg("--site")
            .arg(project.root.join("demo-web/site"))
            .arg("--definitions")
            .arg(&definitions),
    )?;
    announce(project, &shop.url, &kindling.url, &data);
    // Kept so that it is reaped; the browser itself outlives the demo.
    let mut opener = options.open.then(|| open(&shop.url)).flatten();

    let ended = loop {
        if process::check_interrupt().is_err() {
            break None;
        }
        if let Some(ended) = kindling.ended()?.or(shop.ended()?) {
            break Some(ended);
        }
        if let Some(opener) = &mut opener {
            opener.try_wait().ok();
        }
        process::pause();
    };
    // Both at once, so that the slower one decides how long it takes.
    shop.process.ask_to_stop();
    kindling.process.ask_to_stop();
    shop.process.stop();
    kindling.process.stop();
    Ok(match ended {
        Some(message) => {
            progress::say(&format!("error: {message}; the demo has ended"));
            ExitCode::FAILURE
        }
        None => {
            progress::say("the demo has ended");
            ExitCode::SUCCESS
        }
    })
}

/// A part of the demo that accepts connections.
#[derive(Debug)]
struct Service {
    process: Process,
    url: String,
    /// What it prints after that.
    lines: Receiver<String>,
}

impl Service {
    /// Starts it and waits until it says that it is ready. Its log goes to the terminal.
    fn start(name: &str, command: &mut Command) -> Result<Self> {
        let (mut process, lines) = Process::start_reading(name, command, Reading::Output)?;
        let deadline = Instant::now() + START_LIMIT;
        loop {
            process::check_interrupt()?;
            match lines.recv_timeout(Duration::from_millis(50)) {
                Ok(line) => match ready_url(&line) {
                    Some(url) => {
                        return Ok(Self { url: url.to_owned(), process, lines });
                    }
                    None => println!("{line}"),
                },
                Err(RecvTimeoutError::Disconnected) => {
                    let status = process.wait()?;
                    bail!("{name} ended before it was ready ({status}); it says why above");
                }
                Err(RecvTimeoutError::Timeout) => {
                    if Instant::now() >= deadline {
                        bail!("{name} was not ready within {} s", START_LIMIT.as_secs());
                    }
                }
            }
        }
    }

    /// Passes on what it has printed. If it has ended: what to say about that.
    fn ended(&mut self) -> Result<Option<String>> {
        for line in self.lines.try_iter() {
            println!("{line}");
        }
        let status = self.process.status()?;
        Ok(status.map(|status| format!("{} has ended by itself ({status})", self.process.name())))
    }
}

/// The address in the line with which a part says that it accepts connections.
fn ready_url(line: &str) -> Option<&str> {
    line.strip_prefix("ready ").map(str::trim).filter(|url| url.starts_with("http://"))
}

fn address(port: u16) -> String {
    format!("{}:{port}", Ipv4Addr::LOCALHOST)
}

/// The server beside a shop on this port: the next port, if it is free, so that the address stays the same from run to
/// run.
fn server_address(shop: u16, is_free: impl Fn(u16) -> bool) -> String {
    let next = shop.checked_add(1).filter(|&next| shop != 0 && is_free(next));
    address(next.unwrap_or(0))
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

fn announce(project: &Project, shop: &str, kindling: &str, data: &Path) {
    println!();
    println!("  The demo shop:  {shop}");
    println!("  The server:     {kindling}  (data in {})", project.display(data));
    println!("  Ctrl-C ends both.");
    println!();
}

/// Opens the browser. If there is none, the address on the terminal is enough.
fn open(url: &str) -> Option<std::process::Child> {
    let (program, arguments): (&str, &[&str]) = match std::env::consts::OS {
        "macos" => ("open", &[]),
        "windows" => ("cmd", &["/C", "start", ""]),
        _ => ("xdg-open", &[]),
    };
    let mut command = Command::new(program);
    command.args(arguments).arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.spawn().inspect_err(|error| progress::say(&format!("cannot open the browser ({program}): {error}"))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_ready_line_is_taken_for_one() {
        assert_eq!(ready_url("ready http://127.0.0.1:8081"), Some("http://127.0.0.1:8081"));
        assert_eq!(ready_url("ready soon"), None);
        assert_eq!(ready_url("not ready http://127.0.0.1:8081"), None);
    }

    #[test]
    fn the_server_moves_aside_when_the_next_port_is_taken() {
        let address = |shop| server_address(shop, |port| port != 8091);
        assert_eq!(address(8080), "127.0.0.1:8081");
        assert_eq!(address(8090), "127.0.0.1:0");
        assert_eq!(address(u16::MAX), "127.0.0.1:0");
        assert_eq!(address(0), "127.0.0.1:0");
    }

    #[test]
    fn a_port_in_use_is_noticed() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        assert!(!is_free(taken.local_addr().unwrap().port()));
    }
}
