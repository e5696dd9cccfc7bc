//! A child process that ends with its owner.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
};

use tokio::{sync::mpsc, time::timeout};

use crate::wait::{self, PATIENCE};

/// Lines of the log that a failed test shows.
const LOG_LINES: usize = 40;

/// A child process. It is killed when this is dropped, also when the test has failed; then the end of its log is shown.
#[derive(Debug)]
pub struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program and waits for the line on its standard output that `read` takes something from. Its standard error
    /// goes to the file `log`.
    pub async fn start<T>(
        name: &'static str,
        command: &mut Command,
        log: PathBuf,
        read: impl Fn(&str) -> Option<T>,
    ) -> (Self, T) {
        let started = Self::try_start(name, command, log, read).await;
        started.unwrap_or_else(|(status, log)| panic!("{name} ended before it was ready, with {status}:\n{log}"))
    }

    /// Like [`Self::start`]; when the program ends before it writes that line, this is how, and what it wrote to its log.
    pub async fn try_start<T>(
        name: &'static str,
        command: &mut Command,
        log: PathBuf,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<(Self, T), (ExitStatus, String)> {
        let log_before = fs::read_to_string(&log).unwrap_or_default().len();
        let errors = File::options().create(true).append(true).open(&log).expect("the log can be written");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        let output = child.stdout.take().expect("the output is piped");
        let mut process = Self { name, child, log };
        let (sender, mut lines) = mpsc::unbounded_channel();
        // Reads to the end, so that the program never waits for a reader.
        thread::spawn(move || {
            BufReader::new(output).lines().map_while(Result::ok).for_each(|line| drop(sender.send(line)))
        });
        let first = async {
            loop {
                let line = lines.recv().await?;
                if let Some(found) = read(&line) {
                    return Some(found);
                }
            }
        };
        match timeout(PATIENCE, first).await {
            Ok(Some(found)) => Ok((process, found)),
            Ok(None) => Err((process.ended().await, process.log().split_off(log_before))),
            Err(_) => panic!("{name} was not ready within {PATIENCE:?}"),
        }
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has written to its standard error so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Ends it at once, with no chance to clean up (SIGKILL).
    pub fn kill(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to stop (SIGTERM).
    #[cfg(unix)]
    pub fn ask_to_stop(&self) {
        use nix::{
            sys::signal::{Signal, kill},
            unistd::Pid,
        };
        let id = i32::try_from(self.child.id()).expect("a process number is small");
        kill(Pid::from_raw(id), Signal::SIGTERM).expect("the process is there");
    }

    /// Waits until it has ended.
    pub async fn ended(&mut self) -> ExitStatus {
        let name = self.name;
        wait::until(&format!("the end of {name}"), async || self.child.try_wait().expect("it is our child")).await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let end = &lines[lines.len().saturating_sub(LOG_LINES)..];
            eprintln!("--- the end of the log of {}\n{}\n---", self.name, end.join("\n"));
        }
    }
}
