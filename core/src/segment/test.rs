//! Tests of one value.

use std::{borrow::Cow, cmp::Ordering, sync::Arc};

use super::host::Pattern;
use crate::{
    text::{contains, fold},
    value::{Object, Value},
    version,
};

/// A test of a value: an attribute's, or a property's. It does not depend on the time.
#[derive(Debug, Clone)]
pub struct Test {
    /// How the value is compared.
    pub operator: Operator,
    /// What it is compared with, as it was written; folded, if case does not count.
    pub operand: Value,
    /// Whether case does not count.
    pub ignores_case: bool,
    /// What [`Operator::Matches`] has read from it.
    pub pattern: Option<Arc<dyn Pattern>>,
}

macro_rules! operators {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// How a value is compared. Null counts as missing.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Operator { $($(#[$doc])* $variant),* }

        impl Operator {
            /// Every one of them, with its name.
            pub const ALL: &[(Self, &'static str)] = &[$((Self::$variant, $name)),*];
        }
    };
}

operators! {
    /// It is equal, and of the same type.
    Is = "is",
    /// It is not.
    IsNot = "is_not",
    /// It is equal to one of these.
    In = "in",
    /// It is equal to none of these.
    NotIn = "not_in",
    /// It is there, or with false it is not.
    Exists = "exists",
    /// A number or a time, and greater than one of the same type.
    Greater = "greater",
    /// The same, or equal.
    AtLeast = "at_least",
    /// Less.
    Less = "less",
    /// Less or equal.
    AtMost = "at_most",
    /// From the first to the second of two, both included.
    Between = "between",
    /// A text with this in it, or a list with this among its elements.
    Contains = "contains",
    /// A text, or a list with one among its elements, that starts with this.
    StartsWith = "starts_with",
    /// That ends with this.
    EndsWith = "ends_with",
    /// That the pattern matches.
    Matches = "matches",
    /// A list with one of these among its elements.
    ContainsAny = "contains_any",
    /// A list with all of these among its elements.
    ContainsAll = "contains_all",
    /// A list of so many elements.
    Size = "size",
    /// A text that is a version equal to this one.
    VersionIs = "version_is",
    /// A later one.
    VersionGreater = "version_greater",
    /// An equal or later one.
    VersionAtLeast = "version_at_least",
    /// An earlier one.
    VersionLess = "version_less",
    /// An earlier or equal one.
    VersionAtMost = "version_at_most",
}

/// How many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bounds {
    /// At least.
    pub least: u64,
    /// At most; `None`: any number.
    pub most: Option<u64>,
}

impl Test {
    /// Whether the value passes.
    pub fn holds(&self, value: Option<&Value>) -> bool {
        self.holds_at(value, &[])
    }

    /// Whether what the path leads to passes. Where it leads through a list, one of its elements must lead to what is wanted.
    pub fn holds_at(&self, value: Option<&Value>, path: &[String]) -> bool {
        any_at(value, path, &mut |value| self.is_met(value)) != self.is_negated()
    }

    /// Whether what is compared must not be met. A missing value, which meets nothing, passes then.
    pub fn is_negated(&self) -> bool {
        match self.operator {
            Operator::IsNot | Operator::NotIn => true,
            Operator::Exists => self.operand == Value::Bool(false),
            _ => false,
        }
    }

    /// Whether a value that is there meets what it is compared with, negated or not.
    pub fn is_met(&self, value: &Value) -> bool {
        let operand = &self.operand;
        let order = |wanted: &Value| compare(value, wanted);
        let version = || version::compare(value.as_str()?, operand.as_str()?);
        match self.operator {
            Operator::Exists => true,
            Operator::Is | Operator::IsNot => *self.seen(value) == *operand,
            Operator::In | Operator::NotIn => elements(operand).contains(&self.seen(value)),
            Operator::Greater => order(operand).is_some_and(Ordering::is_gt),
            Operator::AtLeast => order(operand).is_some_and(Ordering::is_ge),
            Operator::Less => order(operand).is_some_and(Ordering::is_lt),
            Operator::AtMost => order(operand).is_some_and(Ordering::is_le),
            Operator::Between => match elements(operand) {
                [low, high] => order(low).is_some_and(Ordering::is_ge) && order(high).is_some_and(Ordering::is_le),
                _ => false,
            },
            Operator::Contains => match &*self.seen(value) {
                Value::Array(items) => items.iter().any(|item| *self.seen(item) == *operand),
                Value::String(text) => operand.as_str().is_some_and(|part| contains(text, part)),
                _ => false,
            },
            Operator::StartsWith | Operator::EndsWith | Operator::Matches => match value {
                Value::Array(items) => items.iter().any(|item| self.is_met_by_text(item)),
                value => self.is_met_by_text(value),
            },
            Operator::ContainsAny => elements(value).iter().any(|item| elements(operand).contains(item)),
            Operator::ContainsAll => {
                matches!(value, Value::Array(_)) && elements(operand).iter().all(|item| elements(value).contains(item))
            }
            Operator::Size => match (value, operand) {
                (Value::Array(items), Value::Object(bounds)) => is_size(items.len(), bounds),
                _ => false,
            },
            Operator::VersionIs => version().is_some_and(Ordering::is_eq),
            Operator::VersionGreater => version().is_some_and(Ordering::is_gt),
            Operator::VersionAtLeast => version().is_some_and(Ordering::is_ge),
            Operator::VersionLess => version().is_some_and(Ordering::is_lt),
            Operator::VersionAtMost => version().is_some_and(Ordering::is_le),
        }
    }

    fn is_met_by_text(&self, value: &Value) -> bool {
        if let Some(pattern) = &self.pattern {
            return value.as_str().is_some_and(|text| pattern.matches(text));
        }
        let seen = self.seen(value);
        let (Some(text), Some(part)) = (seen.as_str(), self.operand.as_str()) else { return false };
        let (text, part) = (text.as_bytes(), part.as_bytes());
        if self.operator == Operator::StartsWith { text.starts_with(part) } else { text.ends_with(part) }
    }

    /// A value as it is compared: folded, if case does not count.
    fn seen<'a>(&self, value: &'a Value) -> Cow<'a, Value> {
        match value {
            Value::String(text) if self.ignores_case => Cow::Owned(Value::String(fold(text))),
            value => Cow::Borrowed(value),
        }
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

fn elements(value: &Value) -> &[Value] {
    if let Value::Array(elements) = value { elements } else { &[] }
}

/// How a value compares with another; `None` when they are not two numbers or two times.
fn compare(value: &Value, other: &Value) -> Option<Ordering> {
    match (value, other) {
        (Value::Number(value), Value::Number(other)) => value.get().partial_cmp(&other.get()),
        (Value::Time(value), Value::Time(other)) => Some(value.cmp(other)),
        _ => None,
    }
}

/// Whether a size is as `exactly`, or `at_least` and `at_most`, want it.
fn is_size(size: usize, bounds: &Object) -> bool {
    let meets = |name: &str, meets: fn(Ordering) -> bool| match bounds.get(name) {
        Some(Value::Number(bound)) => (size as f64).partial_cmp(&bound.get()).is_some_and(meets),
        _ => true,
    };
    meets("exactly", Ordering::is_eq) && meets("at_least", Ordering::is_ge) && meets("at_most", Ordering::is_le)
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
