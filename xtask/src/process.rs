//! Child processes that never outlive this one.
//!
//! Every child leads a process group of its own. So Ctrl-C on the terminal reaches this tool alone, which then ends its
//! children in order; and ending a child ends whatever it has started. A child that goes out of scope is ended.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, PipeReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long a child may take to end after it was asked to.
const STOP_PATIENCE: Duration = Duration::from_secs(10);
/// How often a waiting loop looks.
const GLANCE: Duration = Duration::from_millis(20);
/// How many lines of a failed command's output are shown.
const SHOWN_LINES: usize = 40;

static INTERRUPTS: AtomicUsize = AtomicUsize::new(0);

/// The user pressed Ctrl-C, or someone asked this process to end.
#[derive(Debug)]
pub(crate) struct Interrupted;

impl std::fmt::Display for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("interrupted")
    }
}

impl std::error::Error for Interrupted {}

/// From here on Ctrl-C, SIGTERM and SIGHUP end the children first.
pub(crate) fn watch_interrupts() -> Result<()> {
    ctrlc::set_handler(|| {
        INTERRUPTS.fetch_add(1, Ordering::SeqCst);
    })
    .context("cannot watch for Ctrl-C")
}

/// An error once an interrupt has come.
pub(crate) fn check_interrupt() -> Result<()> {
    if INTERRUPTS.load(Ordering::SeqCst) > 0 {
        return Err(Interrupted.into());
    }
    Ok(())
}

/// Waits a moment, between two looks at something.
pub(crate) fn pause() {
    thread::sleep(GLANCE);
}

/// A running child process.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Child,
    status: Option<ExitStatus>,
}

impl Process {
    /// Starts a command with no input. `name` is for messages.
    pub(crate) fn start(name: &str, command: &mut Command) -> Result<Self> {
        check_interrupt()?;
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(command, 0);
        let child = command
            .stdin(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {name} ({})", shown(command)))?;
        Ok(Self { name: name.to_owned(), child, status: None })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Starts a command whose output is read here, line by line, by a thread of its own.
    pub(crate) fn start_reading(name: &str, command: &mut Command, what: Reading) -> Result<(Self, Receiver<String>)> {
        let (reader, writer) = io::pipe().context("cannot make a pipe")?;
        if let Reading::OutputAndErrors = what {
            command.stderr(writer.try_clone().context("cannot share a pipe")?);
        }
        command.stdout(writer);
        let process = Self::start(name, command)?;
        // The command has kept its ends of the pipe. They must go, for the pipe to end with the child.
        command.stdout(Stdio::null());
        if let Reading::OutputAndErrors = what {
            command.stderr(Stdio::null());
        }
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || send_lines(reader, &sender));
        Ok((process, lines))
    }

    /// How it ended, if it has.
    pub(crate) fn status(&mut self) -> Result<Option<ExitStatus>> {
        if self.status.is_none() {
            self.status = self.child.try_wait().with_context(|| format!("cannot wait for {}", self.name))?;
        }
        Ok(self.status)
    }

    /// Waits until it ends; an interrupt ends it.
    pub(crate) fn wait(&mut self) -> Result<ExitStatus> {
        loop {
            if let Some(status) = self.status()? {
                return Ok(status);
            }
            check_interrupt()?;
            pause();
        }
    }

    /// Waits until it ends, but no longer than `limit`. `None`: it is still running.
    pub(crate) fn wait_at_most(&mut self, limit: Duration) -> Result<Option<ExitStatus>> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.status()? {
                return Ok(Some(status));
            }
            check_interrupt()?;
            if Instant::now() >= deadline {
                return Ok(None);
            }
            pause();
        }
    }

    /// Asks it to end, without waiting.
    pub(crate) fn ask_to_stop(&mut self) {
        if matches!(self.status(), Ok(None)) {
            self.signal(Ending::Asked);
        }
    }

    /// Ends it: asks, waits a while, then insists. A second Ctrl-C insists at once.
    pub(crate) fn stop(&mut self) {
        if !matches!(self.status(), Ok(None)) {
            return;
        }
        self.signal(Ending::Asked);
        let deadline = Instant::now() + STOP_PATIENCE;
        while Instant::now() < deadline && INTERRUPTS.load(Ordering::SeqCst) < 2 {
            match self.status() {
                Ok(None) => pause(),
                Ok(Some(_)) | Err(_) => return,
            }
        }
        self.signal(Ending::Forced);
        // It cannot refuse, so this does not block for long. An error would mean that it is gone already.
        self.status = self.child.wait().ok();
    }

    #[cfg(unix)]
    fn signal(&mut self, ending: Ending) {
        use nix::sys::signal::{Signal, killpg};
        use nix::unistd::Pid;

        let signal = match ending {
            Ending::Asked => Signal::SIGTERM,
            Ending::Forced => Signal::SIGKILL,
        };
        if let Ok(id) = i32::try_from(self.child.id()) {
            // It fails only when the group is gone already.
            killpg(Pid::from_raw(id), signal).ok();
        }
    }

    #[cfg(not(unix))]
    fn signal(&mut self, ending: Ending) {
        // There is no gentle way here; the data is safe all the same, as in any crash.
        match ending {
            Ending::Asked | Ending::Forced => self.child.kill().ok(),
        };
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What of a child's output is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Standard output. Errors go to the terminal.
    Output,
    /// Both, in the order in which they were written.
    OutputAndErrors,
}

fn send_lines(reader: PipeReader, lines: &Sender<String>) {
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    while matches!(reader.read_until(b'\n', &mut line), Ok(length) if length > 0) {
        let text = String::from_utf8_lossy(&line);
        if lines.send(text.trim_end_matches(['\r', '\n']).to_owned()).is_err() {
            // Nobody listens any more, but the child must not find its pipe closed.
            io::copy(&mut reader, &mut io::sink()).ok();
            return;
        }
        line.clear();
    }
}

#[derive(Debug, Clone, Copy)]
enum Ending {
    Asked,
    Forced,
}

/// Runs a command whose output the user sees. An error unless it succeeds.
pub(crate) fn run(name: &str, command: &mut Command) -> Result<()> {
    let status = Process::start(name, command)?.wait()?;
    if !status.success() {
        bail!("{name} failed ({status})");
    }
    Ok(())
}

/// Runs a command whose output matters only when it fails: it goes to the file `log`, whose end is then shown.
pub(crate) fn run_quietly(name: &str, command: &mut Command, log: &Path) -> Result<()> {
    run_quietly_at_most(name, command, log, Duration::MAX)
}

/// As [`run_quietly`], for a command that may hang: it is ended after `limit`.
pub(crate) fn run_quietly_at_most(name: &str, command: &mut Command, log: &Path, limit: Duration) -> Result<()> {
    let file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    let errors = file.try_clone().context("cannot share the log file")?;
    command.stdout(file).stderr(errors);
    let mut process = Process::start(name, command)?;
    let status = if limit == Duration::MAX { Some(process.wait()?) } else { process.wait_at_most(limit)? };
    match status {
        Some(status) if status.success() => Ok(()),
        Some(status) => bail!("{name} failed ({status}):\n{}", last_lines(log)),
        None => {
            process.stop();
            bail!("{name} took more than {} s and was ended", limit.as_secs())
        }
    }
}

/// The standard output of a short command, trimmed. An error unless it succeeds.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let text = shown(command);
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot start {text}"))?;
    if !output.status.success() {
        bail!("{text} failed ({}): {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// A command as one would type it.
fn shown(command: &Command) -> String {
    let mut words = vec![command.get_program()];
    words.extend(command.get_args());
    words.join(OsStr::new(" ")).to_string_lossy().into_owned()
}

fn last_lines(log: &Path) -> String {
    let mut bytes = Vec::new();
    if let Ok(file) = fs::File::open(log) {
        // A log of a command that failed is small; the bound only guards against one that ran wild.
        file.take(1 << 20).read_to_end(&mut bytes).ok();
    }
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(SHOWN_LINES)..).unwrap_or_default().join("\n")
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_stopped_process_takes_what_it_started_along() {
        let mut command = shell("sleep 60 & echo $!; wait");
        let (mut process, lines) = Process::start_reading("parent", &mut command, Reading::Output).unwrap();
        let grandchild: i32 = lines.recv().unwrap().parse().unwrap();
        process.stop();
        // The pipe ends when the last holder is gone.
        assert!(lines.recv_timeout(Duration::from_secs(5)).is_err());
        let still_there = || {
            nix::sys::signal::kill(nix::unistd::Pid::from_raw(grandchild), None).is_ok()
                && !fs::read_to_string(format!("/proc/{grandchild}/stat")).unwrap_or_default().contains(") Z")
        };
        // It lets go of the pipe a moment before it is gone.
        let end = Instant::now() + Duration::from_secs(5);
        while still_there() && Instant::now() < end {
            thread::yield_now();
        }
        assert!(!still_there());
    }

    #[test]
    fn output_and_errors_keep_their_order() {
        let mut command = shell("for i in 1 2 3; do echo o$i; echo e$i >&2; done");
        let (mut process, lines) = Process::start_reading("it", &mut command, Reading::OutputAndErrors).unwrap();
        assert!(process.wait().unwrap().success());
        let lines: Vec<String> = lines.iter().collect();
        assert_eq!(lines, ["o1", "e1", "o2", "e2", "o3", "e3"]);
    }

    #[test]
    fn a_process_has_a_limited_time() {
        let mut process = Process::start("sleeper", &mut shell("sleep 60")).unwrap();
        assert_eq!(process.wait_at_most(Duration::from_millis(50)).unwrap(), None);
        drop(process);
        let mut quick = Process::start("quick", &mut shell("exit 3")).unwrap();
        assert_eq!(quick.wait().unwrap().code(), Some(3));
    }

    #[test]
    fn the_end_of_the_output_explains_a_failure() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let error = run_quietly("it", &mut shell("echo out; echo why >&2; exit 1"), &log).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("it failed") && text.ends_with("out\nwhy"), "{text}");
        run_quietly("it", &mut shell("echo fine"), &log).unwrap();
    }
}
