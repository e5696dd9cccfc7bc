//! Correcting the clocks of devices.

use kindling_core::{
    limits,
    time::{Duration, Timestamp},
};

/// What is known of the clock of the device that sent a flush.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    sent_at: Timestamp,
    received_at: Timestamp,
    /// How old a record may be.
    oldest: Duration,
    is_right: bool,
}

impl Clock {
    /// A flush says when it was sent by the device's clock, which is held against its arrival by ours. A clock that is within
    /// [`limits::CLOCK_TOLERANCE`] of ours is taken as right: most of the difference is the time of travel, and without it a
    /// record has the same time whenever and in whatever order it arrives.
    pub(super) fn new(sent_at: Timestamp, received_at: Timestamp, oldest: Duration) -> Self {
        let off = received_at.since(sent_at).max(sent_at.since(received_at));
        Self { sent_at, received_at, oldest, is_right: off <= limits::CLOCK_TOLERANCE }
    }

    /// When something happened, by the server's clock.
    ///
    /// The device stamps a record (`at`) and the flush (`sent_at`) with one clock, so their distance is right even if the clock
    /// is wrong: that long before its arrival the thing happened. The result lies between the oldest that is allowed and
    /// [`limits::CLOCK_FUTURE`] after the arrival, whatever the device says.
    pub(super) fn correct(&self, at: Timestamp) -> Timestamp {
        let corrected = if self.is_right {
            at
        } else {
            self.received_at.minus(self.sent_at.since(at)).plus(at.since(self.sent_at))
        };
        corrected.clamp(self.received_at.minus(self.oldest), self.received_at.plus(limits::CLOCK_FUTURE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000;

    fn correct(at: i64, sent_at: i64, received_at: i64) -> i64 {
        let ms = Timestamp::from_ms;
        Clock::new(ms(sent_at), ms(received_at), limits::CLOCK_PAST).correct(ms(at)).as_ms()
    }

    #[test]
    fn of_a_wrong_clock_what_counts_is_the_distance_to_sending() {
        let received = 1_000 * DAY;
        // A clock that is years behind.
        assert_eq!(correct(5_000, 9_000, received), received - 4_000);
        // A clock that was set back between record and flush.
        assert_eq!(correct(9_000, 5_000, received), received + 4_000);
        let latest = received + limits::CLOCK_FUTURE.as_ms();
        assert_eq!(correct(9 * DAY, 5_000, received), latest);
        assert_eq!(correct(i64::MIN, i64::MAX, received), received - limits::CLOCK_PAST.as_ms());
    }

    #[test]
    fn a_clock_that_is_about_right_is_right() {
        let received = 1_000 * DAY;
        for travel in [0, 300, limits::CLOCK_TOLERANCE.as_ms(), -2_000] {
            assert_eq!(correct(received - 60_000, received - travel, received), received - 60_000, "{travel}");
        }
        let slow = limits::CLOCK_TOLERANCE.as_ms() + 1;
        assert_eq!(correct(received - 60_000, received - slow, received), received - 60_000 + slow);
    }
}
