//! Processes that a child has started, by their numbers. The child may have ended since, so that nobody can ask it for them.

use std::{fs, path::Path};

/// The processes that come from `ancestor`, and those that have let go of it but work in this folder.
pub fn below(ancestor: u32, folder: &Path) -> Vec<u32> {
    let folder = folder.to_string_lossy();
    let all: Vec<u32> = fs::read_dir("/proc")
        .map(|entries| entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect())
        .unwrap_or_default();
    let mut found = vec![ancestor];
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        found.extend(all.iter().filter(|process| parent_of(**process) == Some(parent)));
        next += 1;
    }
    found.extend(all.iter().filter(|process| command_line(**process).contains(&*folder)));
    found.retain(|process| *process != ancestor);
    found.sort_unstable();
    found.dedup();
    found
}

/// State and parent, which stand behind the name of the program in parentheses.
fn status(process: u32) -> Option<(String, u32)> {
    let status = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, rest) = status.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    Some((fields.next()?.to_owned(), fields.next()?.parse().ok()?))
}

fn parent_of(process: u32) -> Option<u32> {
    status(process).map(|(_, parent)| parent)
}

/// Whether it has not ended.
pub fn is_running(process: u32) -> bool {
    status(process).is_some_and(|(state, _)| state != "Z")
}

/// How it was started; empty if it is gone.
pub fn command_line(process: u32) -> String {
    fs::read(format!("/proc/{process}/cmdline"))
        .map(|line| String::from_utf8_lossy(&line).into_owned())
        .unwrap_or_default()
}

/// Ends it at once, unless it has ended by itself.
#[cfg(unix)]
pub fn kill(process: u32) {
    use nix::{
        sys::signal::{Signal, kill},
        unistd::Pid,
    };
    if let Ok(process) = i32::try_from(process) {
        let _ = kill(Pid::from_raw(process), Signal::SIGKILL);
    }
}

/// Ends it at once, unless it has ended by itself.
#[cfg(not(unix))]
pub fn kill(_: u32) {}
