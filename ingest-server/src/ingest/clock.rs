//! Correcting the clocks of devices.

use kindling_core::{limits, time::Timestamp};

/// When something happened, by the server's clock.
///
/// The device stamps a record (`at`) and the flush (`sent_at`) with one clock, so their distance is right even if the clock is
/// wrong: that long before its arrival the thing happened. The result lies from [`limits::CLOCK_PAST`] before to
/// [`limits::CLOCK_FUTURE`] after the arrival, whatever the device says.
pub(super) fn correct(at: Timestamp, sent_at: Timestamp, received_at: Timestamp) -> Timestamp {
    let ahead = at.since(sent_at);
    let before = sent_at.since(at);
    let corrected = received_at.minus(before).plus(ahead);
    corrected.clamp(received_at.minus(limits::CLOCK_PAST), received_at.plus(limits::CLOCK_FUTURE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_counts_is_the_distance_to_sending() {
        let ms = Timestamp::from_ms;
        let day = 86_400_000;
        let received = ms(1_000 * day);
        // A clock that is ten years behind.
        assert_eq!(correct(ms(5_000), ms(9_000), received), ms(1_000 * day - 4_000));
        // A clock that was set back between record and flush.
        assert_eq!(correct(ms(9_000), ms(5_000), received), ms(1_000 * day + 4_000));
        assert_eq!(correct(ms(9 * day), ms(5_000), received), received.plus(limits::CLOCK_FUTURE));
        assert_eq!(correct(ms(i64::MIN), ms(i64::MAX), received), received.minus(limits::CLOCK_PAST));
    }
}
