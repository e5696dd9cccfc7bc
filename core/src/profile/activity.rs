//! How often something happened, and when.

use serde::{Deserialize, Serialize};

use crate::{limits, time::Timestamp};

/// How often, first and last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// How often.
    pub count: u64,
    /// The first time, by the time of the occurrence, not of its arrival.
    pub first: Option<Timestamp>,
    /// The last time, likewise.
    pub last: Option<Timestamp>,
}

impl Tally {
    /// Adds an occurrence.
    pub fn add(&mut self, at: Timestamp) {
        self.merge(&Self { count: 1, first: Some(at), last: Some(at) });
    }

    /// Whether it never happened.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds the occurrences of another tally.
    pub fn merge(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        // `None` is less than any instant, which is right for the last and wrong for the first.
        self.last = self.last.max(other.last);
        self.first = match (self.first, other.first) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }
}

/// The activity of one event: a tally and the times of the most recent occurrences, which make windows exact.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// How often it happened.
    pub count: u64,
    /// The first time.
    pub first: Option<Timestamp>,
    /// The times of the last [`limits::EVENT_RECENT_TIMES`] occurrences, ascending.
    recent: Vec<Timestamp>,
}

impl Activity {
    /// Adds an occurrence, whenever it arrives.
    pub fn add(&mut self, at: Timestamp) {
        self.count = self.count.saturating_add(1);
        self.first = Some(self.first.map_or(at, |first| first.min(at)));
        let place = self.recent.partition_point(|time| *time <= at);
        if self.recent.len() < limits::EVENT_RECENT_TIMES {
            self.recent.insert(place, at);
        } else if place > 0 {
            // Full: the oldest leaves, and what came after it moves up by one.
            self.recent.remove(0);
            self.recent.insert(place - 1, at);
        }
    }

    /// Adds the occurrences of another activity.
    pub fn merge(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.first = match (self.first, other.first) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self.recent.extend_from_slice(&other.recent);
        self.recent.sort_unstable();
        let surplus = self.recent.len().saturating_sub(limits::EVENT_RECENT_TIMES);
        self.recent.drain(..surplus);
    }

    /// The memory that it takes, in bytes, about.
    pub(super) const fn memory(&self) -> usize {
        128 + self.recent.capacity() * size_of::<Timestamp>()
    }

    /// The last time.
    pub fn last(&self) -> Option<Timestamp> {
        self.recent.last().copied()
    }

    /// The time of the `n`-th most recent occurrence, from 1; `None` when it happened less often or is not kept any more.
    pub fn nth_most_recent(&self, n: usize) -> Option<Timestamp> {
        self.recent.len().checked_sub(n).and_then(|place| self.recent.get(place)).copied()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever the order of arrival, and however it was split before a merge, the activity is that of the sorted times.
        #[test]
        fn the_order_of_arrival_does_not_matter(times in prop::collection::vec(0..500i64, 0..160), split in 0..160usize) {
            let mut sorted = times.clone();
            sorted.sort_unstable();
            let (a, b) = times.split_at(split.min(times.len()));
            let gather = |times: &[i64]| {
                let mut activity = Activity::default();
                times.iter().for_each(|ms| activity.add(Timestamp::from_ms(*ms)));
                activity
            };
            let mut merged = gather(a);
            merged.merge(&gather(b));
            for activity in [&gather(&times), &merged] {
                prop_assert_eq!(activity.count, sorted.len() as u64);
                prop_assert_eq!(activity.first.map(Timestamp::as_ms), sorted.first().copied());
                prop_assert_eq!(activity.last().map(Timestamp::as_ms), sorted.last().copied());
                for n in 1..=limits::EVENT_RECENT_TIMES {
                    let wanted = sorted.len().checked_sub(n).map(|place| sorted[place]);
                    prop_assert_eq!(activity.nth_most_recent(n).map(Timestamp::as_ms), wanted);
                }
            }
        }
    }
}
