//! One change of a custom attribute that is kept apart from its value.

use std::{cmp::Ordering, fmt};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, SeqAccess, Visitor},
    ser::SerializeSeq,
};

use super::{Origin, Stamp};
use crate::value::Value;

/// A change with its stamp.
///
/// In JSON it is an array, as a profile may hold many: `[1763917561000, 7, true, "+", 1]`: when, the place in the stream, whether
/// the user was signed in, what happens, with what, and the path if there is one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Change {
    /// Its place among the changes.
    pub(super) stamp: Stamp,
    /// What happens.
    pub(super) op: Op,
    /// With what.
    pub(super) value: Value,
    /// Where in the value; empty except for [`Op::SetPath`].
    pub(super) path: Vec<String>,
}

/// What happens to the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Op {
    /// A number grows.
    #[serde(rename = "+")]
    Increment,
    /// An array gets an element.
    #[serde(rename = "add")]
    Add,
    /// An array loses an element.
    #[serde(rename = "remove")]
    Remove,
    /// An object is patched.
    #[serde(rename = "merge")]
    Merge,
    /// A nested value is set.
    #[serde(rename = "path")]
    SetPath,
}

impl Change {
    /// The order in which changes are folded. It is total up to equality, so that no order of arrival shows in the outcome.
    pub(super) fn total_cmp(&self, other: &Self) -> Ordering {
        self.stamp
            .cmp(&other.stamp)
            .then_with(|| self.op.cmp(&other.op))
            .then_with(|| self.path.cmp(&other.path))
            .then_with(|| self.value.total_cmp(&other.value))
    }

    /// Its size, about, in bytes.
    pub(super) fn bytes(&self) -> usize {
        bytes(&self.value) + self.path.iter().map(|name| name.len() + 3).sum::<usize>()
    }
}

fn bytes(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Time(_) => 8,
        Value::String(text) => text.len() + 2,
        Value::Array(items) => items.iter().map(|item| bytes(item) + 1).sum::<usize>() + 2,
        Value::Object(members) => {
            members.iter().map(|(name, member)| name.len() + 4 + bytes(member)).sum::<usize>() + 2
        }
    }
}

impl Serialize for Change {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Stamp { origin, at, seq } = self.stamp;
        let nested = !self.path.is_empty();
        let mut parts = serializer.serialize_seq(Some(5 + usize::from(nested)))?;
        parts.serialize_element(&at)?;
        parts.serialize_element(&seq)?;
        parts.serialize_element(&(origin == Origin::Identified))?;
        parts.serialize_element(&self.op)?;
        parts.serialize_element(&self.value)?;
        if nested {
            parts.serialize_element(&self.path)?;
        }
        parts.end()
    }
}

impl<'de> Deserialize<'de> for Change {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ChangeVisitor)
    }
}

struct ChangeVisitor;

impl<'de> Visitor<'de> for ChangeVisitor {
    type Value = Change;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a change as an array of 5 or 6 parts")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Change, A::Error> {
        fn part<'de, T: Deserialize<'de>, A: SeqAccess<'de>>(parts: &mut A, place: usize) -> Result<T, A::Error> {
            parts.next_element()?.ok_or_else(|| de::Error::invalid_length(place, &ChangeVisitor))
        }
        let (at, seq) = (part(&mut parts, 0)?, part(&mut parts, 1)?);
        let origin = if part(&mut parts, 2)? { Origin::Identified } else { Origin::Anonymous };
        let (op, value) = (part(&mut parts, 3)?, part(&mut parts, 4)?);
        let path = parts.next_element()?.unwrap_or_default();
        Ok(Change { stamp: Stamp { origin, at, seq }, op, value, path })
    }
}
