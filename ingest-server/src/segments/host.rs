//! Regular expressions and time zones, which a device does not have.

use std::{collections::HashMap, sync::Arc};

use jiff::{Timestamp as Instant, tz::TimeZone};
use kindling_core::{
    segment::{Host, Pattern, PatternError, Zones},
    time::Timestamp,
};
use regex::{Regex, RegexBuilder};

use crate::catalog::Counter;

/// Bytes that a regular expression may take when it is compiled.
const COMPILED_BYTES: usize = 256 * 1024;

/// The server, as filters see it. Time zones are those of the IANA database that is built in.
#[derive(Debug, Clone, Copy, Default)]
pub struct Here;

#[derive(Debug)]
struct Compiled(Regex);

impl Pattern for Compiled {
    fn matches(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

impl Host for Here {
    fn pattern(&self, source: &str) -> Result<Arc<dyn Pattern>, PatternError> {
        let pattern = RegexBuilder::new(source).size_limit(COMPILED_BYTES).dfa_size_limit(COMPILED_BYTES).build();
        match pattern {
            Ok(pattern) => Ok(Arc::new(Compiled(pattern))),
            Err(regex::Error::CompiledTooBig(_)) => Err("a smaller regular expression"),
            Err(_) => Err("a regular expression (without look-around and back-references, which can take for ever)"),
        }
    }

    fn is_zone(&self, name: &str) -> bool {
        TimeZone::get(name).is_ok()
    }
}

/// The server, as filters of one workspace see it: counters have numbers there.
#[derive(Debug, Clone, Copy)]
pub struct HereIn<'c>(pub &'c HashMap<u64, Counter>);

impl Host for HereIn<'_> {
    fn pattern(&self, source: &str) -> Result<Arc<dyn Pattern>, PatternError> {
        Here.pattern(source)
    }

    fn is_zone(&self, name: &str) -> bool {
        Here.is_zone(name)
    }

    fn counter(&self, definition: u64) -> u64 {
        self.0.get(&definition).map_or(definition, |counter| counter.number)
    }
}

impl Zones for Here {
    fn offset(&self, zone: &str, at: Timestamp) -> Option<i32> {
        let zone = TimeZone::get(zone).ok()?;
        // Beyond the years that it knows, an offset more or less does not matter.
        let at = Instant::from_millisecond(at.as_ms()).unwrap_or(Instant::UNIX_EPOCH);
        Some(zone.to_offset(at).seconds())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_changed() {
        let offset = |ms| Here.offset("Europe/Vienna", Timestamp::from_ms(ms));
        // 2024-03-31T01:00:00Z
        assert_eq!(offset(1_711_846_800_000 - 1), Some(3_600));
        assert_eq!(offset(1_711_846_800_000), Some(7_200));
        assert_eq!(Here.offset("Europe/Atlantis", Timestamp::from_ms(0)), None);
        assert_eq!(Here.offset("UTC", Timestamp::from_ms(i64::MAX)), Some(0));
        assert!(Here.is_zone("Asia/Kathmandu") && !Here.is_zone("Kathmandu"));
    }

    #[test]
    fn patterns_are_linear_and_bounded() {
        assert!(Here.pattern("^a+$").unwrap().matches("aaa"));
        assert!(!Here.pattern("^a+$").unwrap().matches("aab"));
        for bad in ["(", r"(a)\1", "(?=a)", r"(\w{1000}){1000}"] {
            assert!(Here.pattern(bad).is_err(), "{bad}");
        }
    }
}
