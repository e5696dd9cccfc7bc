//! What the user sees of work under way: one line when it starts, one with the time when it ends. It goes to stderr, as
//! cargo's own messages do; stdout is for results.

use std::time::{Duration, Instant};

use anyhow::Result;

/// Says one line.
pub(crate) fn say(line: &str) {
    eprintln!("{line}");
}

/// Does something that takes a while, saying before what it is and afterwards how long it took. A failure is left to
/// whoever handles it.
pub(crate) fn timed<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    say(&format!("==> {what}"));
    let start = Instant::now();
    let result = work();
    if result.is_ok() {
        say(&format!("    done in {}", duration(start.elapsed())));
    }
    result
}

/// A duration as a person would say it.
pub(crate) fn duration(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    if seconds < 60 {
        format!("{:.1} s", elapsed.as_secs_f64())
    } else {
        format!("{} min {} s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short_and_readable() {
        assert_eq!(duration(Duration::from_millis(340)), "0.3 s");
        assert_eq!(duration(Duration::from_millis(59_900)), "59.9 s");
        assert_eq!(duration(Duration::from_secs(60)), "1 min 0 s");
        assert_eq!(duration(Duration::from_secs(3_725)), "62 min 5 s");
    }
}
