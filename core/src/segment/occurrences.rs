//! Conditions on what happens now and then: how often, and when.

use std::borrow::Cow;

use super::{
    filter::{Interaction, OccurrenceTest, Source, Window},
    host::Subject,
    test::Bounds,
    verdict::Verdict,
};
use crate::{
    calendar::Date,
    limits,
    profile::{Activity, Profile, Tally},
    time::Timestamp,
};

/// What a profile knows of something that happens now and then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Occurrences<'a> {
    /// As profiles keep it.
    Activity(Cow<'a, Activity>),
    /// Anything else.
    Some {
        count: u64,
        first: Option<Timestamp>,
        /// The last ones, from the most recent on.
        recent: Vec<Timestamp>,
    },
}

impl<'a> From<Option<&'a Activity>> for Occurrences<'a> {
    fn from(activity: Option<&'a Activity>) -> Self {
        activity.map_or(NONE, |activity| Self::Activity(Cow::Borrowed(activity)))
    }
}

impl From<&Tally> for Occurrences<'_> {
    fn from(tally: &Tally) -> Self {
        Self::Some { count: tally.count, first: tally.first, recent: tally.last.into_iter().collect() }
    }
}

const NONE: Occurrences<'static> = Occurrences::Some { count: 0, first: None, recent: Vec::new() };

impl Occurrences<'_> {
    /// How many there were, ever.
    pub(super) fn count(&self) -> u64 {
        match self {
            Self::Activity(activity) => activity.count,
            Self::Some { count, .. } => *count,
        }
    }

    pub(super) fn first(&self) -> Option<Timestamp> {
        match self {
            Self::Activity(activity) => activity.first,
            Self::Some { first, .. } => *first,
        }
    }

    /// The `n`-th most recent one, from 1.
    fn nth_most_recent(&self, n: usize) -> Option<Timestamp> {
        match self {
            Self::Activity(activity) => activity.nth_most_recent(n),
            Self::Some { recent, .. } => recent.get(n.checked_sub(1)?).copied(),
        }
    }

    /// The most recent one.
    pub(super) fn last(&self) -> Option<Timestamp> {
        self.nth_most_recent(1)
    }

    /// How many count in a window, as far as their times are known.
    pub(super) fn counted(&self, window: &Window, subject: &Subject<'_>, now: Timestamp) -> u64 {
        if *window == Window::Ever {
            return self.count();
        }
        (1..)
            .map_while(|n| self.nth_most_recent(n))
            .take_while(|at| window.counts(*at, subject, now).matches)
            .fold(0, |count, _| count + 1)
    }

    /// How many of those whose time is known are after an instant.
    pub(super) fn known_after(&self, instant: Timestamp) -> u64 {
        let count = match self {
            Self::Activity(activity) => activity.recent().take_while(|at| *at > instant).count(),
            Self::Some { recent, .. } => recent.iter().take_while(|at| **at > instant).count(),
        };
        count as u64
    }

    /// The same, to be kept.
    pub(super) fn into_owned(self) -> Occurrences<'static> {
        match self {
            Self::Activity(activity) => Occurrences::Activity(Cow::Owned(activity.into_owned())),
            Self::Some { count, first, recent } => Occurrences::Some { count, first, recent },
        }
    }
}

impl Source {
    /// What the profile knows of it.
    pub(super) fn occurrences<'a>(&self, profile: &'a Profile) -> Occurrences<'a> {
        match self {
            Self::Event(name) => profile.event(name).into(),
            Self::Purchase(product) => purchases(product.as_deref(), profile),
            Self::Session => Some(&profile.sessions.starts).into(),
            Self::Message(campaign, interaction) => {
                let Some(interactions) = profile.message(campaign) else { return NONE };
                match interaction {
                    Interaction::Seen => &interactions.impressions,
                    Interaction::Clicked => &interactions.clicks,
                    Interaction::Dismissed => &interactions.dismissals,
                }
                .into()
            }
            Self::Tracked(tracked) => profile.tracked(tracked.id).into(),
        }
    }

    /// How many times are known at most: a count in a window can't be told beyond it.
    pub(super) const fn times_known(&self) -> usize {
        match self {
            Self::Message(..) => 1,
            Self::Purchase(_) => limits::RECENT_PURCHASES,
            Self::Event(_) | Self::Session | Self::Tracked(_) => limits::EVENT_RECENT_TIMES,
        }
    }
}

fn purchases(product: Option<&str>, profile: &Profile) -> Occurrences<'static> {
    let purchases = &profile.purchases;
    let recent = purchases.recent().filter(|purchase| product.is_none_or(|product| *purchase.product == *product));
    let mut recent: Vec<_> = recent.map(|purchase| purchase.at).collect();
    let Some(product) = product else {
        return Occurrences::Some { count: purchases.count, first: purchases.first(), recent };
    };
    let Some(known) = purchases.products.get(product) else { return NONE };
    if recent.is_empty() {
        // So many others were bought since.
        recent.extend(known.last);
    }
    Occurrences::Some { count: known.count, first: known.first, recent }
}

impl OccurrenceTest {
    /// Whether what is known passes.
    pub(super) fn verdict(&self, occurrences: &Occurrences<'_>, subject: &Subject<'_>, now: Timestamp) -> Verdict {
        match self {
            Self::Count(bounds, window) => count(*bounds, window, occurrences, subject, now),
            Self::First(test) => occurrences.first().map_or(Verdict::lasting(false), |at| test.verdict(at, now)),
            Self::Last(test) => {
                occurrences.nth_most_recent(1).map_or(Verdict::lasting(false), |at| test.verdict(at, now))
            }
        }
    }
}

fn count(
    bounds: Bounds,
    window: &Window,
    occurrences: &Occurrences<'_>,
    subject: &Subject<'_>,
    now: Timestamp,
) -> Verdict {
    let at_least = |n: u64| at_least(n, window, occurrences, subject, now);
    let enough = at_least(bounds.least);
    match bounds.most.and_then(|most| most.checked_add(1)) {
        None => enough,
        Some(too_many) => Verdict::combine([enough, at_least(too_many).negated()], true),
    }
}

/// Whether there are so many. That holds exactly while the n-th most recent one counts.
fn at_least(n: u64, window: &Window, occurrences: &Occurrences<'_>, subject: &Subject<'_>, now: Timestamp) -> Verdict {
    if n == 0 {
        return Verdict::lasting(true);
    }
    if *window == Window::Ever {
        return Verdict::lasting(occurrences.count() >= n);
    }
    let nth = usize::try_from(n).ok().and_then(|n| occurrences.nth_most_recent(n));
    nth.map_or(Verdict::lasting(false), |at| window.counts(at, subject, now))
}

impl Window {
    /// Whether an occurrence at `at` counts now.
    pub(super) fn counts(&self, at: Timestamp, subject: &Subject<'_>, now: Timestamp) -> Verdict {
        match self {
            Self::Ever => Verdict::lasting(true),
            Self::Within(within) => {
                let ends = at.plus(*within);
                if now < ends { Verdict::until(true, ends) } else { Verdict::lasting(false) }
            }
            Self::Days(days, zone) => {
                let last_day = zone.date(subject, at).days() + i64::from(*days) - 1;
                if zone.date(subject, now).days() <= last_day {
                    Verdict::until(true, zone.begins(subject, Date::from_days(last_day + 1), now))
                } else {
                    Verdict::lasting(false)
                }
            }
        }
    }
}
