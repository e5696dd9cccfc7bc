//! The times of the most recent occurrences of something, in little memory.

use crate::{limits, time::Timestamp};

/// At most [`limits::EVENT_RECENT_TIMES`] instants, ascending: the last one whole, the others as distances to the next one. A server
/// holds millions of them, and most lie close together: two or three bytes each instead of eight.
///
/// A distance is written in groups of seven bits, the most significant first; in every byte but the first of a distance the high bit
/// is set. So it can be read from its end, where the most recent ones are, and the oldest can be cut off.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct RecentTimes {
    last: Timestamp,
    kept: u8,
    distances: Vec<u8>,
}

impl RecentTimes {
    /// Takes instants in any order.
    pub(super) fn of(mut times: Vec<Timestamp>) -> Self {
        times.sort_unstable();
        let surplus = times.len().saturating_sub(limits::EVENT_RECENT_TIMES);
        let mut recent = Self::default();
        times.iter().skip(surplus).for_each(|time| recent.append(*time));
        recent
    }

    /// Adds an instant, whenever it is; the oldest leaves when there are too many.
    pub(super) fn add(&mut self, at: Timestamp) {
        if self.kept > 0 && at < self.last {
            let mut times = self.ascending();
            times.push(at);
            *self = Self::of(times);
            return;
        }
        self.append(at);
        if usize::from(self.kept) > limits::EVENT_RECENT_TIMES {
            let oldest = self.distances.iter().skip(1).position(|byte| byte & MORE == 0);
            self.distances.drain(..oldest.map_or(self.distances.len(), |end| end + 1));
            self.kept -= 1;
        }
    }

    /// Adds an instant that is not before the last.
    fn append(&mut self, at: Timestamp) {
        if self.kept > 0 {
            let distance = at.as_ms().wrapping_sub(self.last.as_ms()).cast_unsigned();
            let bits = u64::BITS - distance.leading_zeros();
            for group in (0..bits.div_ceil(7).max(1)).rev() {
                let more = if group + 1 == bits.div_ceil(7).max(1) { 0 } else { MORE };
                self.distances.push(((distance >> (7 * group)) & 0x7f) as u8 | more);
            }
        }
        self.last = at;
        self.kept += 1;
    }

    /// The instants, from the most recent on.
    pub(super) fn descending(&self) -> impl Iterator<Item = Timestamp> {
        let mut next = (self.kept > 0).then_some(self.last);
        let mut rest = self.distances.as_slice();
        std::iter::from_fn(move || {
            let time = next?;
            next = take_distance(&mut rest)
                .map(|distance| Timestamp::from_ms(time.as_ms().wrapping_sub(distance.cast_signed())));
            Some(time)
        })
    }

    /// The instants, from the oldest on.
    pub(super) fn ascending(&self) -> Vec<Timestamp> {
        let mut times: Vec<Timestamp> = self.descending().collect();
        times.reverse();
        times
    }

    /// The most recent one.
    pub(super) fn last(&self) -> Option<Timestamp> {
        (self.kept > 0).then_some(self.last)
    }

    /// The `n`-th most recent one, from 1.
    pub(super) fn nth_most_recent(&self, n: usize) -> Option<Timestamp> {
        if n > usize::from(self.kept) { None } else { self.descending().nth(n.checked_sub(1)?) }
    }

    /// The last one, and the distances of the others, as they are held.
    pub(super) fn parts(&self) -> (Option<Timestamp>, &[u8]) {
        (self.last(), &self.distances)
    }

    /// Puts together what [`RecentTimes::parts`] gave. `None` if it never gave that.
    pub(super) fn from_parts(last: Option<Timestamp>, distances: Vec<u8>) -> Option<Self> {
        let Some(last) = last else { return distances.is_empty().then(Self::default) };
        let others = distances.iter().filter(|byte| **byte & MORE == 0).count();
        let begins_well = distances.first().is_none_or(|byte| byte & MORE == 0);
        if others >= limits::EVENT_RECENT_TIMES || !begins_well || distances.len() > others * LONGEST_DISTANCE {
            return None;
        }
        Some(Self { last, kept: u8::try_from(others + 1).ok()?, distances })
    }

    /// The memory that it takes beside itself, in bytes.
    pub(super) const fn memory(&self) -> usize {
        self.distances.capacity()
    }
}

/// The high bit of every byte of a distance but its first.
const MORE: u8 = 0x80;

/// Bytes of the longest distance.
const LONGEST_DISTANCE: usize = 10;

/// Takes the last distance off the end.
fn take_distance(bytes: &mut &[u8]) -> Option<u64> {
    let (mut distance, mut shift) = (0, 0);
    loop {
        let (byte, rest) = bytes.split_last()?;
        *bytes = rest;
        distance |= u64::from(byte & !MORE).checked_shl(shift).unwrap_or_default();
        if byte & MORE == 0 {
            return Some(distance);
        }
        shift += 7;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_time() -> impl Strategy<Value = i64> {
        prop_oneof![0..500i64, 1_763_917_561_000..1_763_917_999_000i64, any::<i64>()]
    }

    proptest! {
        #[test]
        fn they_are_the_last_of_the_sorted(times in prop::collection::vec(any_time(), 0..160)) {
            let mut recent = RecentTimes::default();
            times.iter().for_each(|ms| recent.add(Timestamp::from_ms(*ms)));
            let mut sorted: Vec<_> = times.into_iter().map(Timestamp::from_ms).collect();
            sorted.sort_unstable();
            let kept = &sorted[sorted.len().saturating_sub(limits::EVENT_RECENT_TIMES)..];
            prop_assert_eq!(recent.ascending(), kept);
            prop_assert_eq!(&recent, &RecentTimes::of(sorted.clone()));
            prop_assert_eq!(recent.last(), kept.last().copied());
            let (last, distances) = recent.parts();
            prop_assert_eq!(RecentTimes::from_parts(last, distances.to_vec()), Some(recent.clone()));
            for n in 0..=limits::EVENT_RECENT_TIMES + 1 {
                let wanted = kept.len().checked_sub(n).filter(|_| n > 0).map(|place| kept[place]);
                prop_assert_eq!(recent.nth_most_recent(n), wanted);
            }
        }
    }

    proptest! {
        /// Whatever the bytes are that were stored, reading them ends well, or is refused.
        #[test]
        fn damaged_parts_do_no_harm(last in prop::option::of(any_time()), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Some(recent) = RecentTimes::from_parts(last.map(Timestamp::from_ms), bytes) {
                prop_assert_eq!(recent.ascending().len(), usize::from(recent.kept));
            }
        }
    }

    #[test]
    fn times_that_lie_close_together_take_little() {
        let mut recent = RecentTimes::default();
        (0..1_000).for_each(|n| recent.add(Timestamp::from_ms(1_763_917_561_000 + n * 10_000)));
        assert!(recent.memory() <= 4 * limits::EVENT_RECENT_TIMES, "{}", recent.memory());
    }
}
