//! When to try again, and what a status means for the records that were sent.

use kindling_core::time::Duration;

/// The first pause is at most this long, each further one twice as long.
const FIRST: Duration = Duration::from_seconds(1);
/// No pause of our own is longer.
const LONGEST: Duration = Duration::from_seconds(300);
/// A server may ask for a longer pause, up to this.
const LONGEST_ASKED: Duration = Duration::from_seconds(3600);

/// How long to wait after `failures` failures in a row (from 1): exponential with full jitter, so that the devices of a site do
/// not all come back at the same moment; never less than the server asked for.
pub(super) fn pause(failures: u32, asked: Option<Duration>, random: f64) -> Duration {
    let ceiling = FIRST.as_ms().saturating_mul(1 << failures.saturating_sub(1).min(20)).min(LONGEST.as_ms());
    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "at most five minutes")]
    let jittered = (ceiling as f64 * random) as i64;
    let asked = asked.map_or(0, |asked| asked.as_ms().min(LONGEST_ASKED.as_ms()));
    // Not at once even when the dice say so: a tenth of the ceiling.
    Duration::from_ms(jittered.max(ceiling / 10).max(asked))
}

/// What a status means for the records that were sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The body of a success says.
    Answered,
    /// This body will never be taken; a smaller one may be.
    Unreadable,
    /// The key is not known. Trying again is no use until the page is loaded anew.
    KeyRefused,
    /// Not now.
    TryLater,
}

/// What the status of an answer means.
pub(super) const fn meaning(status: u16) -> Meaning {
    match status {
        200..=299 => Meaning::Answered,
        400 | 413 | 422 => Meaning::Unreadable,
        401 | 403 => Meaning::KeyRefused,
        _ => Meaning::TryLater,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_are_bounded() {
        let ms = |failures, asked: Option<i64>, random| pause(failures, asked.map(Duration::from_ms), random).as_ms();
        assert_eq!(ms(1, None, 0.0), 100);
        assert_eq!(ms(1, None, 0.5), 500);
        assert_eq!(ms(3, None, 0.5), 2_000);
        assert_eq!(ms(1_000_000, None, 0.999), 299_700);
        assert_eq!(ms(1, Some(20_000), 0.5), 20_000);
        assert_eq!(ms(1, Some(i64::MAX), 0.5), 3_600_000);
    }
}
