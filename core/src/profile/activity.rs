//! How often something happened, and when.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_bytes::{ByteBuf, Bytes};

use super::times::RecentTimes;
use crate::time::Timestamp;

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
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Activity {
    /// How often it happened.
    pub count: u64,
    /// The first time.
    pub first: Option<Timestamp>,
    /// The times of the last [`crate::limits::EVENT_RECENT_TIMES`] occurrences.
    recent: RecentTimes,
}

/// An activity in a format that people read.
#[derive(Serialize, Deserialize)]
struct StoredActivity {
    count: u64,
    #[serde(default)]
    first: Option<Timestamp>,
    /// The oldest time that is kept, then the distance from each to the next, in milliseconds.
    #[serde(default)]
    times: Vec<i64>,
    /// As it was stored at first: the times themselves.
    #[serde(default, skip_serializing)]
    recent: Vec<Timestamp>,
    /// What was all that was stored of some: the last time.
    #[serde(default, skip_serializing)]
    last: Option<Timestamp>,
}

impl From<StoredActivity> for Activity {
    fn from(stored: StoredActivity) -> Self {
        let mut times = stored.recent;
        let mut time = 0_i64;
        for distance in stored.times {
            time = time.wrapping_add(distance);
            times.push(Timestamp::from_ms(time));
        }
        if times.is_empty() {
            times.extend(stored.last);
        }
        Self { count: stored.count, first: stored.first, recent: RecentTimes::of(times) }
    }
}

impl From<&Activity> for StoredActivity {
    fn from(activity: &Activity) -> Self {
        let mut before = 0_i64;
        let times = activity.recent.ascending().into_iter().map(|time| {
            let distance = time.as_ms().wrapping_sub(before);
            before = time.as_ms();
            distance
        });
        Self { count: activity.count, first: activity.first, times: times.collect(), recent: Vec::new(), last: None }
    }
}

/// In another: the count, the first time, the last one, and the distances between those that are kept, as they are held.
type Packed<B> = (u64, Option<Timestamp>, Option<Timestamp>, B);

impl Serialize for Activity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return StoredActivity::from(self).serialize(serializer);
        }
        let (last, distances) = self.recent.parts();
        let packed: Packed<&Bytes> = (self.count, self.first, last, Bytes::new(distances));
        packed.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Activity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return StoredActivity::deserialize(deserializer).map(Self::from);
        }
        let (count, first, last, distances) = Packed::<ByteBuf>::deserialize(deserializer)?;
        let recent = RecentTimes::from_parts(last, distances.into_vec());
        let recent = recent.ok_or_else(|| D::Error::custom("distances that are none"))?;
        Ok(Self { count, first, recent })
    }
}

impl Activity {
    /// Adds an occurrence, whenever it arrives.
    pub fn add(&mut self, at: Timestamp) {
        self.count = self.count.saturating_add(1);
        self.first = Some(self.first.map_or(at, |first| first.min(at)));
        self.recent.add(at);
    }

    /// Whether it never happened.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds the occurrences of another activity.
    pub fn merge(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.first = match (self.first, other.first) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        let mut times = self.recent.ascending();
        times.extend(other.recent.descending());
        self.recent = RecentTimes::of(times);
    }

    /// The last time.
    pub fn last(&self) -> Option<Timestamp> {
        self.recent.last()
    }

    /// The memory that it takes beside itself, in bytes.
    pub(super) const fn memory(&self) -> usize {
        self.recent.memory()
    }

    /// The times of the last occurrences, from the most recent on: at most [`crate::limits::EVENT_RECENT_TIMES`].
    pub fn recent(&self) -> impl Iterator<Item = Timestamp> {
        self.recent.descending()
    }

    /// How often, first and last.
    pub fn tally(&self) -> Tally {
        Tally { count: self.count, first: self.first, last: self.last() }
    }

    /// The time of the `n`-th most recent occurrence, from 1; `None` when it happened less often or is not kept any more.
    pub fn nth_most_recent(&self, n: usize) -> Option<Timestamp> {
        self.recent.nth_most_recent(n)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::limits;

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

    #[test]
    fn what_was_stored_is_read() {
        let mut activity = Activity::default();
        [7, 5, 9].iter().for_each(|ms| activity.add(Timestamp::from_ms(*ms)));
        let stored = serde_json::to_string(&activity).unwrap();
        assert_eq!(stored, r#"{"count":3,"first":5,"times":[5,2,2]}"#);
        assert_eq!(serde_json::from_str::<Activity>(&stored).unwrap(), activity);
        let first_form = r#"{"count":3,"first":5,"recent":[5,7,9]}"#;
        assert_eq!(serde_json::from_str::<Activity>(first_form).unwrap(), activity);
    }
}
