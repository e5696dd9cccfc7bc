//! The filter language, as data.

use crate::{
    profile::StandardAttribute,
    time::Duration,
    value::{Number, Value},
};

/// A filter over profiles.
///
/// In JSON: `{"all": […]}`, `{"any": […]}`, `{"not": …}`, `{"attribute": "country", "is": "DE"}`,
/// `{"custom_attribute": "plan", "in": ["pro", "team"]}` and
/// `{"event": "added_to_basket", "count": {"at_least": 2}, "within": "7d"}`.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// Every part holds. With no parts it holds.
    All(Vec<Filter>),
    /// At least one part holds. With no parts it does not hold.
    Any(Vec<Filter>),
    /// The part does not hold.
    Not(Box<Filter>),
    /// An attribute passes a test.
    Attribute(AttributeRef, Test),
    /// An event happened often enough.
    EventCount(EventCount),
}

/// Which attribute.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum AttributeRef {
    /// One of the attributes that every profile has a place for.
    Standard(StandardAttribute),
    /// One that the site named.
    Custom(String),
}

/// An event happened at least `at_least` times, ever or within the last `within`.
///
/// An occurrence at `t` lies within the window while `now < t + within`: the window is exact to the millisecond, not a number
/// of calendar days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventCount {
    /// The event's name.
    pub event: String,
    /// From 1 to [`crate::limits::EVENT_RECENT_TIMES`] with a window, from 1 on without.
    pub at_least: u64,
    /// The window; `None`: ever.
    pub within: Option<Duration>,
}

/// A test of one value. A missing value passes only [`Test::IsNot`] and `Exists(false)`.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// Equal to the value, and of its type.
    Is(Value),
    /// Missing, of another type, or different.
    IsNot(Value),
    /// Equal to one of the values.
    In(Vec<Value>),
    /// A number or time greater than the bound, of the bound's type.
    Greater(Bound),
    /// A number or time less than the bound, of the bound's type.
    Less(Bound),
    /// There (`true`) or missing (`false`).
    Exists(bool),
}

/// What "greater" and "less" compare with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bound {
    /// A number.
    Number(Number),
    /// An instant.
    Time(crate::time::Timestamp),
}

impl Test {
    /// Whether the value passes. Null counts as missing.
    pub fn holds(&self, value: Option<&Value>) -> bool {
        let value = value.filter(|value| !value.is_null());
        match self {
            Self::Is(wanted) => value == Some(wanted),
            Self::IsNot(unwanted) => value != Some(unwanted),
            Self::In(wanted) => value.is_some_and(|value| wanted.contains(value)),
            Self::Greater(bound) => bound.compare(value).is_some_and(std::cmp::Ordering::is_gt),
            Self::Less(bound) => bound.compare(value).is_some_and(std::cmp::Ordering::is_lt),
            Self::Exists(wanted) => value.is_some() == *wanted,
        }
    }
}

impl Bound {
    /// How the value compares with the bound; `None` when they are not of one type.
    fn compare(&self, value: Option<&Value>) -> Option<std::cmp::Ordering> {
        match (value?, self) {
            (Value::Number(value), Self::Number(bound)) => value.get().partial_cmp(&bound.get()),
            (Value::Time(value), Self::Time(bound)) => Some(value.cmp(bound)),
            _ => None,
        }
    }
}
