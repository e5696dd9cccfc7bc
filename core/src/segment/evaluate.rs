//! Evaluating a filter: whether it holds now, and until when that is certain.

use super::{
    filter::{AttributeRef, AttributeTest, Condition, DeviceField, Filter, Near, Spent},
    host::Subject,
    test::{Test, any_at},
    verdict::Verdict,
};
use crate::{
    calendar::{Date, parse_instant},
    profile::{Profile, RecentPurchase},
    protocol::{DeviceInfo, Hundredths},
    time::Timestamp,
    value::Value,
};

/// Evaluates the filter at `now`. It costs a look-up for each condition, and no scan of the history.
pub fn evaluate(filter: &Filter, subject: &Subject<'_>, now: Timestamp) -> Verdict {
    match filter {
        Filter::All(parts) => Verdict::combine(parts.iter().map(|part| evaluate(part, subject, now)), true),
        Filter::Any(parts) => Verdict::combine(parts.iter().map(|part| evaluate(part, subject, now)), false),
        Filter::Not(part) => evaluate(part, subject, now).negated(),
        Filter::Segment(_, filter) => {
            filter.as_ref().map_or(Verdict::lasting(false), |filter| evaluate(filter, subject, now))
        }
        Filter::Condition(condition) => condition.verdict(subject, now),
    }
}

impl Condition {
    /// Whether it holds.
    pub(super) fn verdict(&self, subject: &Subject<'_>, now: Timestamp) -> Verdict {
        let profile = subject.profile;
        match self {
            Self::Attribute { attribute, path, test } => test.verdict(attribute.value(profile), path, subject, now),
            Self::Occurrences { of, test } => test.verdict(&of.occurrences(profile), subject, now),
            Self::Spent(spent) => spent.verdict(subject, now),
            Self::SessionTime(bounds) => {
                Verdict::lasting(bounds.contain(u64::try_from(profile.sessions.total_ms).unwrap_or_default()))
            }
            Self::FirstSeen(test) => test.verdict(profile.first_seen, now),
            Self::LastSeen(test) => test.verdict(profile.last_seen, now),
            Self::Near(near) => {
                let place = profile.location().map(|(place, _)| place);
                Verdict::lasting(place.is_some_and(|place| {
                    near.kilometres_to(place.latitude.get(), place.longitude.get()) <= near.kilometres.get()
                }))
            }
            Self::Device(field, test) => Verdict::lasting(device(*field, test, subject)),
            Self::Subscription(channel, states) => Verdict::lasting(states.contains(&profile.subscription(*channel))),
            Self::SubscriptionGroup(group, states) => {
                Verdict::lasting(states.contains(&profile.subscription_group(group)))
            }
            Self::Anonymous(wanted) => Verdict::lasting(subject.is_anonymous == *wanted),
            Self::RandomBucket(first, last) => Verdict::lasting((*first..=*last).contains(&subject.bucket)),
        }
    }
}

impl AttributeRef {
    /// Its value, if it is set.
    pub fn value<'a>(&self, profile: &'a Profile) -> Option<&'a Value> {
        match self {
            Self::Standard(attribute) => profile.standard(*attribute),
            Self::Custom(name) => profile.custom(name),
        }
    }
}

impl AttributeTest {
    /// Whether what the path leads to passes.
    pub(super) fn verdict(
        &self,
        value: Option<&Value>,
        path: &[String],
        subject: &Subject<'_>,
        now: Timestamp,
    ) -> Verdict {
        let any = |verdict: &dyn Fn(&Value) -> Option<Verdict>| {
            let mut found = Vec::new();
            any_at(value, path, &mut |value| {
                found.extend(verdict(value));
                // They are all wanted.
                false
            });
            Verdict::combine(found, false)
        };
        match self {
            Self::Value(test) => Verdict::lasting(test.holds_at(value, path)),
            Self::Time(test) => any(&|value| instant(value).map(|at| test.verdict(at, now))),
            Self::Anniversary(anniversary) => any(&|value| {
                let day = match value {
                    Value::String(text) => Date::parse(text),
                    Value::Time(at) => Some(anniversary.zone.date(subject, *at)),
                    _ => None,
                };
                day.map(|day| anniversary.verdict(day, subject, now))
            }),
        }
    }
}

/// The instant that a value stands for: a time, or a text that is written as one.
fn instant(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Time(at) => Some(*at),
        Value::String(text) => parse_instant(text),
        _ => None,
    }
}

fn device(field: DeviceField, test: &Test, subject: &Subject<'_>) -> bool {
    subject.devices.any(&mut |info| field.value(info).is_some_and(|value| test.is_met(&value))) != test.is_negated()
}

impl DeviceField {
    pub(super) fn value(self, info: &DeviceInfo) -> Option<Value> {
        let text = |text: &Option<String>| text.as_deref().map(Value::from);
        match self {
            Self::Browser => text(&info.browser),
            Self::BrowserVersion => text(&info.browser_version),
            Self::Os => text(&info.os),
            Self::OsVersion => text(&info.os_version),
            Self::Model => text(&info.model),
            Self::Language => text(&info.language),
            Self::TimeZone => text(&info.time_zone),
            Self::ScreenWidth => info.screen_width.map(|width| Value::from(i32::from(width))),
            Self::AppVersion => text(&info.app_version),
            Self::AppVersionNumber => text(&info.app_version_number),
            Self::Form => info.form().map(Value::from),
        }
    }
}

impl Spent {
    fn verdict(&self, subject: &Subject<'_>, now: Timestamp) -> Verdict {
        let at_least = |amount| self.at_least(amount, subject, now);
        match self.most {
            None => at_least(self.least),
            Some(most) => Verdict::combine([at_least(self.least), at_least(most.plus(Hundredths(1))).negated()], true),
        }
    }

    /// How much was spent.
    pub(super) fn sum(&self, subject: &Subject<'_>, now: Timestamp) -> Hundredths {
        let purchases = &subject.profile.purchases;
        if self.window == super::Window::Ever {
            let revenue = match &self.product {
                None => Some(&purchases.revenue),
                Some(product) => purchases.products.get(product).map(|product| &product.revenue),
            };
            return revenue.and_then(|revenue| revenue.get(&self.currency)).copied().unwrap_or_default();
        }
        let counts = |purchase: &&RecentPurchase| {
            self.is_meant(purchase) && self.window.counts(purchase.at, subject, now).matches
        };
        purchases.recent().filter(counts).fold(Hundredths::default(), |sum, purchase| sum.plus(purchase.amount))
    }

    fn is_meant(&self, purchase: &RecentPurchase) -> bool {
        purchase.currency == self.currency && self.product.as_ref().is_none_or(|product| *product == *purchase.product)
    }

    /// Whether so much was spent. In a window that only ever becomes less by itself, one purchase after the other.
    fn at_least(&self, amount: Hundredths, subject: &Subject<'_>, now: Timestamp) -> Verdict {
        if self.window == super::Window::Ever {
            return Verdict::lasting(self.sum(subject, now) >= amount);
        }
        let mut sum = Hundredths::default();
        if sum >= amount {
            return Verdict::lasting(true);
        }
        // From the most recent on: it holds as long as the one counts with which it is enough.
        for purchase in subject.profile.purchases.recent() {
            if self.is_meant(purchase) {
                sum = sum.plus(purchase.amount);
                if sum >= amount {
                    return self.window.counts(purchase.at, subject, now);
                }
            }
        }
        Verdict::lasting(false)
    }
}

impl Near {
    /// The way to another place over the surface of the earth. (Haversine formula, with the mean radius: off by 0.5 % at most.)
    pub fn kilometres_to(&self, latitude: f64, longitude: f64) -> f64 {
        const EARTH: f64 = 6_371.008_8;
        let (from, to) = (self.latitude.get().to_radians(), latitude.to_radians());
        let half_north = (to - from) / 2.0;
        let half_east = (longitude - self.longitude.get()).to_radians() / 2.0;
        let chord = half_north.sin().powi(2) + from.cos() * to.cos() * half_east.sin().powi(2);
        2.0 * EARTH * chord.sqrt().min(1.0).asin()
    }
}
