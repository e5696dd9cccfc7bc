//! Tests of one value.

use std::sync::Arc;

use super::{host::Pattern, version::Version};
use crate::{
    text::fold,
    time::Timestamp,
    value::{Number, Value},
};

/// A test of a value: an attribute's, or a property's. It does not depend on the time.
#[derive(Debug, Clone)]
pub struct Test {
    /// Whether the rule must not hold. A missing value, for which no rule holds, passes then.
    pub negated: bool,
    /// What must hold.
    pub rule: Rule,
}

/// What a value must be. Null counts as missing.
#[derive(Debug, Clone)]
pub enum Rule {
    /// There.
    Exists,
    /// Equal to one of these, and of its type.
    In(Vec<Value>),
    /// Equal to one of these texts, which are folded, if case does not count.
    InIgnoringCase(Vec<String>),
    /// A number or a time within bounds of its type.
    Within(Range),
    /// A text with this in it, or a list with this among its elements.
    Contains(Value),
    /// The same if case does not count: of a text, which is folded.
    ContainsIgnoringCase(String),
    /// A text, or a list with one among its elements, …
    Text(TextRule),
    /// A list with one of these among its elements.
    ContainsAny(Vec<Value>),
    /// A list with all of these among its elements.
    ContainsAll(Vec<Value>),
    /// A list of so many elements.
    Size(Bounds),
    /// A text that is a version within bounds.
    Version(VersionRange),
}

/// What a text must be.
#[derive(Debug, Clone)]
pub struct TextRule {
    /// How it is compared.
    pub form: TextForm,
    /// Whether case does not count. What is compared with is folded then.
    pub ignores_case: bool,
}

/// How a text is compared.
#[derive(Debug, Clone)]
pub enum TextForm {
    /// It starts with this.
    StartsWith(String),
    /// It ends with this.
    EndsWith(String),
    /// It matches; the pattern and what it was read from.
    Matches(Arc<dyn Pattern>, String),
}

/// From when, up to when: of numbers or of times.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// The least that is in it.
    pub low: Option<(Bound, Edge)>,
    /// The greatest that is in it, of the same type.
    pub high: Option<(Bound, Edge)>,
}

/// Whether a bound itself is in the range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// It is.
    Included,
    /// It is not.
    Excluded,
}

/// One end of a range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bound {
    /// A number.
    Number(Number),
    /// An instant.
    Time(Timestamp),
}

/// How many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bounds {
    /// At least.
    pub least: u64,
    /// At most; `None`: any number.
    pub most: Option<u64>,
}

/// Versions between two, as [`Range`].
#[derive(Debug, Clone, PartialEq)]
pub struct VersionRange {
    /// The least that is in it.
    pub low: Option<(Version, Edge)>,
    /// The greatest.
    pub high: Option<(Version, Edge)>,
}

impl Test {
    /// A test that holds when the rule does.
    pub const fn of(rule: Rule) -> Self {
        Self { negated: false, rule }
    }

    /// Whether the value passes.
    pub fn holds(&self, value: Option<&Value>) -> bool {
        self.holds_at(value, &[])
    }

    /// Whether what the path leads to passes. Where it leads through a list, one of its elements must lead to what the rule wants.
    pub fn holds_at(&self, value: Option<&Value>, path: &[String]) -> bool {
        any_at(value, path, &mut |value| self.rule.holds(value)) != self.negated
    }
}

/// Whether something that the path leads to passes.
pub(super) fn any_at(value: Option<&Value>, path: &[String], passes: &mut dyn FnMut(&Value) -> bool) -> bool {
    let Some(value) = value.filter(|value| !value.is_null()) else { return false };
    let Some((name, rest)) = path.split_first() else { return passes(value) };
    match value {
        Value::Object(members) => any_at(members.get(name), rest, passes),
        Value::Array(elements) => elements.iter().any(|element| any_at(Some(element), path, passes)),
        _ => false,
    }
}

impl Rule {
    /// Whether it holds for a value that is there.
    pub fn holds(&self, value: &Value) -> bool {
        match self {
            Self::Exists => true,
            Self::In(wanted) => wanted.contains(value),
            Self::InIgnoringCase(wanted) => value.as_str().map(fold).is_some_and(|text| wanted.contains(&text)),
            Self::Within(range) => range.contains(value),
            Self::Contains(wanted) => match (value, wanted) {
                (Value::Array(elements), _) => elements.contains(wanted),
                (Value::String(text), Value::String(part)) => text.contains(part.as_str()),
                _ => false,
            },
            Self::ContainsIgnoringCase(wanted) => match value {
                Value::Array(elements) => elements.iter().filter_map(Value::as_str).any(|text| fold(text) == *wanted),
                Value::String(text) => fold(text).contains(wanted.as_str()),
                _ => false,
            },
            Self::Text(rule) => match value {
                Value::String(text) => rule.holds(text),
                Value::Array(elements) => elements.iter().filter_map(Value::as_str).any(|text| rule.holds(text)),
                _ => false,
            },
            Self::ContainsAny(wanted) => elements(value).iter().any(|element| wanted.contains(element)),
            Self::ContainsAll(wanted) => {
                matches!(value, Value::Array(_)) && wanted.iter().all(|wanted| elements(value).contains(wanted))
            }
            Self::Size(bounds) => match value {
                Value::Array(elements) => bounds.contain(elements.len() as u64),
                _ => false,
            },
            Self::Version(range) => {
                value.as_str().and_then(Version::parse).is_some_and(|version| range.contains(&version))
            }
        }
    }
}

fn elements(value: &Value) -> &[Value] {
    if let Value::Array(elements) = value { elements } else { &[] }
}

impl TextRule {
    fn holds(&self, text: &str) -> bool {
        if self.ignores_case && !matches!(self.form, TextForm::Matches(..)) {
            self.form.holds(&fold(text))
        } else {
            self.form.holds(text)
        }
    }
}

impl TextForm {
    fn holds(&self, text: &str) -> bool {
        match self {
            Self::StartsWith(part) => text.starts_with(part.as_str()),
            Self::EndsWith(part) => text.ends_with(part.as_str()),
            Self::Matches(pattern, _) => pattern.matches(text),
        }
    }
}

impl Range {
    /// Whether the value is of the range's type, and in it.
    pub fn contains(&self, value: &Value) -> bool {
        let beyond = |bound: &Option<(Bound, Edge)>, side| match bound {
            None => true,
            Some((bound, edge)) => {
                bound.compare(value).is_some_and(|order| order == side || (order.is_eq() && *edge == Edge::Included))
            }
        };
        beyond(&self.low, std::cmp::Ordering::Greater) && beyond(&self.high, std::cmp::Ordering::Less)
    }
}

impl Bound {
    /// How the value compares with the bound; `None` when they are not of one type.
    fn compare(&self, value: &Value) -> Option<std::cmp::Ordering> {
        match (value, self) {
            (Value::Number(value), Self::Number(bound)) => value.get().partial_cmp(&bound.get()),
            (Value::Time(value), Self::Time(bound)) => Some(value.cmp(bound)),
            _ => None,
        }
    }
}

impl Bounds {
    /// So many or more.
    pub const fn at_least(least: u64) -> Self {
        Self { least, most: None }
    }

    /// Whether the number lies within.
    pub fn contain(&self, number: u64) -> bool {
        number >= self.least && self.most.is_none_or(|most| number <= most)
    }
}

impl VersionRange {
    fn contains(&self, version: &Version) -> bool {
        let above =
            self.low.as_ref().is_none_or(|(low, edge)| version > low || (version == low && *edge == Edge::Included));
        let below = self
            .high
            .as_ref()
            .is_none_or(|(high, edge)| version < high || (version == high && *edge == Edge::Included));
        above && below
    }
}
