//! Counting what passed and what failed.

use std::fmt;

use anyhow::Result;

use crate::process::Interrupted;
use crate::progress;

/// The result of a run of checks and tests.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    passed: u64,
    failed: u64,
    /// What failed, for the summary.
    failures: Vec<String>,
}

/// `N passed, M failed`
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

impl Tally {
    pub(crate) fn is_clean(&self) -> bool {
        self.failed == 0
    }

    pub(crate) fn failures(&self) -> &[String] {
        &self.failures
    }

    /// A check that counts as one test.
    pub(crate) fn check(&mut self, name: &str, check: impl FnOnce() -> Result<()>) -> Result<()> {
        if self.need(name, check)?.is_some() {
            self.passed += 1;
        }
        Ok(())
    }

    /// Something that must work but is no test: it counts only when it fails. An interrupt ends the whole run.
    pub(crate) fn need<T>(&mut self, name: &str, work: impl FnOnce() -> Result<T>) -> Result<Option<T>> {
        match progress::timed(name, work) {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.is::<Interrupted>() => Err(error),
            Err(error) => {
                progress::say(&format!("    FAILED: {error:#}"));
                self.fail(name);
                Ok(None)
            }
        }
    }

    /// Something that failed, or that could not be run at all.
    pub(crate) fn fail(&mut self, name: &str) {
        self.failed += 1;
        self.failures.push(name.to_owned());
    }

    /// The counts that a run of `cargo test` printed, and whether cargo itself was content. When it was not although no
    /// test failed, something did not compile or crashed: that is a failure too.
    pub(crate) fn add_run(&mut self, name: &str, counts: Counts, succeeded: bool) {
        self.passed += counts.passed;
        self.failed += counts.failed;
        if counts.failed > 0 {
            self.failures.push(format!("{name}: {} failed", counts.failed));
        } else if !succeeded {
            self.fail(&format!("{name}: not all of it ran"));
        }
    }
}

/// How many tests passed and failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Counts {
    /// Reads the line with which each test program ends:
    /// `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s`.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let (_, rest) = line.split_once("test result: ")?;
        let (_, rest) = rest.split_once(". ")?;
        let count =
            |what: &str| rest.split("; ").find_map(|part| part.trim().strip_suffix(what)?.trim_end().parse().ok());
        Some(Self { passed: count(" passed")?, failed: count(" failed")? })
    }
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::bail;

    #[test]
    fn the_last_line_of_a_test_program_is_read() {
        for (line, expected) in [
            (
                "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s",
                Some((3, 0)),
            ),
            (
                "test result: FAILED. 12 passed; 2 failed; 0 ignored; 0 measured; 5 filtered out; finished in 61.30s",
                Some((12, 2)),
            ),
            ("test result: \u{1b}[32mok\u{1b}(B\u{1b}[m. 7 passed; 0 failed; 0 ignored", Some((7, 0))),
            ("test tests::result ... ok", None),
            ("test result: unknown", None),
            ("3 passed; 0 failed", None),
        ] {
            let expected = expected.map(|(passed, failed)| Counts { passed, failed });
            assert_eq!(Counts::parse(line), expected, "{line}");
        }
    }

    #[test]
    fn everything_is_counted_once() {
        let mut tally = Tally::default();
        tally.check("good", || Ok(())).unwrap();
        tally.check("bad", || bail!("no")).unwrap();
        assert_eq!(tally.need("needed", || Ok(5)).unwrap(), Some(5));
        assert_eq!(tally.need::<()>("broken", || bail!("no")).unwrap(), None);
        let counts = |passed, failed| Counts { passed, failed };
        tally.add_run("tests", counts(10, 0), true);
        assert_eq!(tally.to_string(), "11 passed, 2 failed");
        tally.add_run("failing tests", counts(4, 3), false);
        tally.add_run("tests that do not compile", counts(0, 0), false);
        assert_eq!(tally.to_string(), "15 passed, 6 failed");
        assert_eq!(tally.failures().len(), 4);
        assert!(!tally.is_clean());
    }

    #[test]
    fn an_interrupt_is_no_failure() {
        let mut tally = Tally::default();
        assert!(tally.check("long", || Err(Interrupted.into())).is_err());
        assert!(tally.is_clean());
    }
}
