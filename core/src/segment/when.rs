//! Conditions on time: when something was, seen from now.

use super::{
    filter::{Anniversary, TimeTest, Zone},
    host::Subject,
    verdict::Verdict,
};
use crate::{
    calendar::Date,
    profile::StandardAttribute,
    time::{Duration, Timestamp},
};

const MS: Duration = Duration::from_ms(1);

impl TimeTest {
    /// Whether something that was, or will be, at `at` passes.
    pub fn verdict(self, at: Timestamp, now: Timestamp) -> Verdict {
        match self {
            Self::Before(instant) => Verdict::lasting(at < instant),
            Self::NotBefore(instant) => Verdict::lasting(at >= instant),
            Self::Between(first, last) => Verdict::lasting(first <= at && at <= last),
            Self::LessThanAgo(duration) => {
                let ends = at.plus(duration);
                if now < at {
                    Verdict::until(false, at)
                } else if now < ends {
                    Verdict::until(true, ends)
                } else {
                    Verdict::lasting(false)
                }
            }
            Self::MoreThanAgo(duration) => {
                let begins = at.plus(duration);
                if now < begins { Verdict::until(false, begins) } else { Verdict::lasting(true) }
            }
            Self::LessThanAhead(duration) => {
                let begins = at.minus(duration).plus(MS);
                if now < begins {
                    Verdict::until(false, begins)
                } else if now < at {
                    Verdict::until(true, at)
                } else {
                    Verdict::lasting(false)
                }
            }
            Self::MoreThanAhead(duration) => {
                let ends = at.minus(duration).plus(MS);
                if now < ends { Verdict::until(true, ends) } else { Verdict::lasting(false) }
            }
        }
    }
}

impl Zone {
    fn offset(&self, subject: &Subject<'_>, at: Timestamp) -> i32 {
        let name = match self {
            Self::Named(name) => Some(name.as_str()),
            Self::OfUser => subject.profile.standard(StandardAttribute::TimeZone).and_then(|zone| zone.as_str()),
        };
        name.and_then(|name| subject.zones.offset(name, at)).unwrap_or_default()
    }

    /// The day that an instant falls on there.
    pub(super) fn date(&self, subject: &Subject<'_>, at: Timestamp) -> Date {
        Date::of(at, self.offset(subject, at))
    }

    /// When a day begins there, or up to some hours earlier: where clocks are changed that night, it is the earliest that it can be.
    /// Always after `now`: when the day seems to have begun, and has not, it is looked at again a little later.
    pub(super) fn begins(&self, subject: &Subject<'_>, day: Date, now: Timestamp) -> Timestamp {
        const A_LITTLE: Duration = Duration::from_seconds(900);
        let around = day.begins();
        let a_day = Duration::from_days(1);
        let offsets = [around.minus(a_day), around, around.plus(a_day)].map(|at| self.offset(subject, at));
        let candidates = offsets.map(|offset| Timestamp::from_ms(around.as_ms() - i64::from(offset) * 1_000));
        candidates.into_iter().filter(|at| *at > now).min().unwrap_or_else(|| now.plus(A_LITTLE))
    }
}

impl Anniversary {
    /// Whether the day comes round soon.
    pub(super) fn verdict(&self, day: Date, subject: &Subject<'_>, now: Timestamp) -> Verdict {
        let today = self.zone.date(subject, now);
        let this_year = day.in_year(today.year);
        let next = if this_year >= today { this_year } else { day.in_year(today.year + 1) };
        let matches = next.days() - today.days() <= i64::from(self.within_days);
        // It ends when the day is over, and begins so many days before.
        let changes = if matches { next.days() + 1 } else { next.days() - i64::from(self.within_days) };
        Verdict::until(matches, self.zone.begins(subject, Date::from_days(changes), now))
    }
}
