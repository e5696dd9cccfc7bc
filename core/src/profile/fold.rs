//! Folding changes over the value of a custom attribute.
//!
//! A change always has the same effect on the same value, and never an error: one that meets a value of a type it is not made
//! for, or that would take the value past its limits, has no effect.

use std::mem;

use serde::{Deserialize, Serialize};

use super::{
    change::{Change, Op},
    patch,
};
use crate::{
    limits,
    value::{Number, Object, Value},
};

/// Billionths in one.
const BILLION: i128 = 1_000_000_000;

/// A value while changes are folded over it.
///
/// Increments are counted beside the number that they start from, in billionths: sums of whole numbers are exact and come out
/// the same in every order, which sums of floating-point numbers do not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Folded {
    /// Null if there is none.
    #[serde(default = "null", skip_serializing_if = "Value::is_null")]
    value: Value,
    /// What increments add to the value, which is then a number or null.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    counted: Option<i128>,
}

const fn null() -> Value {
    Value::Null
}

impl Default for Folded {
    fn default() -> Self {
        Self::new(Value::Null)
    }
}

impl Folded {
    /// Starts with a value.
    pub(super) const fn new(value: Value) -> Self {
        Self { value, counted: None }
    }

    /// Whether there is nothing.
    pub(super) const fn is_empty(&self) -> bool {
        self.value.is_null() && self.counted.is_none()
    }

    /// The value that it began with, or that all but increments made of it.
    pub(super) const fn start(&self) -> &Value {
        &self.value
    }

    /// The value that came of it.
    pub(super) fn into_value(self) -> Value {
        match (self.counted, self.value) {
            (None, value) => value,
            (Some(counted), Value::Number(start)) => to_number(billionths(start).saturating_add(counted)),
            (Some(counted), _) => to_number(counted),
        }
    }

    /// Folds a change over the value.
    pub(super) fn apply(&mut self, change: &Change) {
        match change.op {
            Op::Increment => {
                if let Value::Number(by) = change.value {
                    self.count(Some(billionths(by)));
                }
            }
            Op::Add => self.add(&change.value),
            Op::Remove => {
                if let Some(items) = self.array() {
                    items.retain(|item| *item != change.value);
                }
            }
            Op::Merge => {
                if let Value::Object(members) = &change.value {
                    self.patch(|target| patch::merge(target, members));
                }
            }
            Op::SetPath => {
                // What is not there is not made only to be removed.
                if !change.value.is_null() || self.value.as_object().is_some() {
                    self.patch(|target| patch::put(target, &change.path, &change.value));
                }
            }
        }
    }

    /// Adds to a number; what is missing counts as zero.
    pub(super) fn count(&mut self, by: Option<i128>) {
        let countable = match self.value {
            Value::Null => true,
            Value::Number(start) => start.get().abs() <= limits::COUNTED,
            _ => false,
        };
        if let Some(by) = by.filter(|_| countable) {
            self.counted = Some(self.counted.unwrap_or(0).saturating_add(by));
        }
    }

    /// What was counted, apart from the number that it started from.
    pub(super) const fn counted(&self) -> Option<i128> {
        self.counted
    }

    /// Takes in an older value that, like this one, nobody set, but changes made; it is for values so long apart that their
    /// changes are not kept any more. Numbers add up, arrays and objects are united, and in everything else this one stands.
    pub(super) fn unite(&mut self, older: Self) {
        if self.is_empty() {
            *self = older;
            return;
        }
        self.count(older.counted);
        let mut united = Folded::new(older.value);
        match &self.value {
            Value::Array(items) if matches!(united.value, Value::Array(_)) => {
                items.iter().for_each(|item| united.add(item));
            }
            Value::Object(members) if united.value.as_object().is_some() => {
                united.patch(|target| patch::merge(target, members));
            }
            _ => return,
        }
        self.value = united.value;
    }

    /// The array that the value is; what is missing becomes an empty one.
    fn array(&mut self) -> Option<&mut Vec<Value>> {
        if self.is_empty() {
            self.value = Value::Array(Vec::new());
        }
        if let Value::Array(items) = &mut self.value { Some(items) } else { None }
    }

    /// Puts an element at the end of an array, once; past the bound the oldest goes.
    fn add(&mut self, element: &Value) {
        let missing = self.is_empty();
        let Some(items) = self.array() else { return };
        let before = items.len();
        items.retain(|item| item != element);
        if items.len() < before {
            // It only moves.
            items.push(element.clone());
            return;
        }
        let oldest = (before >= limits::ARRAY_ELEMENTS).then(|| items.remove(0));
        items.push(element.clone());
        if self.value.check().is_err() {
            if missing {
                self.value = Value::Null;
            } else if let Some(items) = self.array() {
                items.pop();
                items.splice(0..0, oldest);
            }
        }
    }

    /// Patches the object that the value is, an empty one if it is none, and takes that back if the outcome is past a limit.
    fn patch(&mut self, patch: impl FnOnce(&mut Object) -> patch::Undo) {
        let counted = self.counted.take();
        let (mut members, replaced) = match mem::replace(&mut self.value, Value::Null) {
            Value::Object(members) => (members, None),
            other => (Object::new(), Some(other)),
        };
        let undo = patch(&mut members);
        self.value = Value::Object(members);
        if self.value.check().is_ok() {
            return;
        }
        self.counted = counted;
        match (replaced, &mut self.value) {
            (Some(other), value) => *value = other,
            (None, Value::Object(members)) => patch::undo(members, undo),
            (None, _) => {}
        }
    }
}

/// A number in billionths, rounded to them. The number must be within [`limits::COUNTED`].
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "10^18 is within 64 bits")]
fn billionths(number: Number) -> i128 {
    let whole = number.get() as i64;
    let rest = number.get() - whole as f64;
    let rest = if rest == 0.0 { 0 } else { (rest * 1e9).round() as i64 };
    i128::from(whole) * BILLION + i128::from(rest)
}

/// The number nearest to so many billionths. Whole numbers to 2^53 come out exactly, which dividing at once would not give.
#[expect(clippy::cast_precision_loss, reason = "as close as a number can be")]
fn to_number(billionths: i128) -> Value {
    let (whole, rest) = (billionths / BILLION, billionths % BILLION);
    Number::new(whole as f64 + rest as f64 / 1e9).map_or(Value::Null, Value::Number)
}
