//! Custom attributes: a value that was set, and the changes since.
//!
//! Records of several devices arrive in any order. So an attribute keeps the changes that are newer than its last `set`, sorted by
//! stamp, and its value is what was set with the changes folded over it in that order. A `set` that arrives late drops the
//! changes before it, and only those.
//!
//! The changes kept are bounded ([`limits::ATTRIBUTE_CHANGES`]): past the bound the oldest are folded for good. Whatever is older
//! than they and arrives after that can't be put into its place any more: a `set` has no effect, a change is folded at once. An
//! increment does not mind, as sums have no order: counters are exact for ever.

use serde::{Deserialize, Serialize};

use super::{
    Stamp,
    change::{Change, Op},
    fold::Folded,
};
use crate::{
    limits,
    protocol::AttributeChange,
    value::{Object, Value},
};

/// A custom attribute. One that was cleared is kept as null, so that an older value that arrives later does not bring it back.
///
/// In JSON it is its value and its greatest stamp, and nothing more if it was only ever set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct CustomAttribute {
    /// The value, with all changes.
    value: Value,
    /// The greatest stamp of anything that it was made of.
    stamp: Stamp,
    /// What the value is made of, if it is not just what was set at `stamp`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parts: Option<Box<Parts>>,
}

/// What a value is made of.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Parts {
    /// The stamp of the last `set`, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    set_at: Option<Stamp>,
    /// What was set, and the changes up to `folded_to`.
    #[serde(default, skip_serializing_if = "Folded::is_empty")]
    base: Folded,
    /// The greatest stamp of a change that is not kept any more, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    folded_to: Option<Stamp>,
    /// The changes since, in order. None is older than `set_at`, and all are newer than `folded_to`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    changes: Vec<Change>,
}

/// What a record does to an attribute.
enum Step {
    Set(Value),
    Change(Op, Value, Vec<String>),
}

impl Step {
    fn of(change: &AttributeChange) -> Self {
        let change_of = |op, value: &Value| Self::Change(op, value.clone(), Vec::new());
        match change {
            AttributeChange::Set { value } => Self::Set(value.clone()),
            AttributeChange::Increment { by } => Self::Change(Op::Increment, Value::Number(*by), Vec::new()),
            AttributeChange::Add { value } => change_of(Op::Add, value),
            AttributeChange::Remove { value } => change_of(Op::Remove, value),
            AttributeChange::Merge { value } => Self::Change(Op::Merge, Value::Object(value.clone()), Vec::new()),
            AttributeChange::SetPath { path, value } => Self::Change(Op::SetPath, value.clone(), path.clone()),
            AttributeChange::SetLocation { latitude, longitude } => {
                let mut members = Object::new();
                members.insert("latitude".to_owned(), Value::Number(*latitude));
                members.insert("longitude".to_owned(), Value::Number(*longitude));
                Self::Set(Value::Object(members))
            }
        }
    }
}

impl CustomAttribute {
    /// The memory that it takes beside itself, in bytes, about.
    pub(super) fn memory(&self) -> usize {
        let parts = self.parts.as_ref().map_or(0, |parts| {
            let changes = parts.changes.iter().map(|change| size_of::<Change>() + change.value.memory());
            // What the changes start from is about as large as what they come to.
            size_of::<Parts>() + self.value.memory() + changes.sum::<usize>()
        });
        self.value.memory() + parts
    }

    /// An attribute of which this is the first that is heard.
    pub(super) fn new(change: &AttributeChange, stamp: Stamp) -> Self {
        match Step::of(change) {
            Step::Set(value) => Self { value, stamp, parts: None },
            Step::Change(op, value, path) => {
                let mut parts = Box::<Parts>::default();
                parts.change(Change { stamp, op, value, path });
                Self::of(parts, stamp)
            }
        }
    }

    /// The value, unless it was cleared.
    pub(super) fn value(&self) -> Option<&Value> {
        Some(&self.value).filter(|value| !value.is_null())
    }

    /// Applies a change, whenever it arrives.
    pub(super) fn apply(&mut self, change: &AttributeChange, stamp: Stamp) {
        match Step::of(change) {
            Step::Set(value) if self.parts.is_none() => {
                if stamp.cmp(&self.stamp).then_with(|| value.total_cmp(&self.value)).is_gt() {
                    *self = Self { value, stamp, parts: None };
                }
            }
            Step::Set(value) => {
                let mut parts = self.take_parts();
                parts.set(value, stamp);
                *self = Self::of(parts, self.stamp);
            }
            Step::Change(op, value, path) => self.change(Change { stamp, op, value, path }),
        }
    }

    fn change(&mut self, change: Change) {
        let newest = change.stamp > self.stamp;
        match &mut self.parts {
            // The usual case: nothing before it changes. (A number is made of its parts, so that no rounding adds up.)
            Some(parts) if newest && !matches!(self.value, Value::Number(_)) => {
                let mut folded = Folded::new(std::mem::replace(&mut self.value, Value::Null));
                folded.apply(&change);
                self.value = folded.into_value();
                self.stamp = change.stamp;
                parts.change(change);
            }
            _ => {
                let mut parts = self.take_parts();
                parts.change(change);
                *self = Self::of(parts, self.stamp);
            }
        }
    }

    /// Takes over the changes of another profile's attribute, as if all had been of one profile from the beginning.
    pub(super) fn merge(&mut self, mut other: Self) {
        let mut parts = self.take_parts();
        parts.merge(*other.take_parts());
        *self = Self::of(parts, self.stamp);
    }

    /// Takes the attribute apart; what is left must be put together again.
    fn take_parts(&mut self) -> Box<Parts> {
        self.parts.take().unwrap_or_else(|| {
            let value = std::mem::replace(&mut self.value, Value::Null);
            Box::new(Parts { set_at: Some(self.stamp), base: Folded::new(value), ..Parts::default() })
        })
    }

    /// Puts an attribute together. (`stamp` is what stands for it if the parts have none, which they always do.)
    fn of(parts: Box<Parts>, stamp: Stamp) -> Self {
        let newest = parts.changes.last().map(|change| change.stamp).max(parts.folded_to).max(parts.set_at);
        let stamp = newest.unwrap_or(stamp);
        if parts.changes.is_empty() && parts.folded_to.is_none() {
            return Self { value: parts.base.into_value(), stamp, parts: None };
        }
        let mut folded = parts.base.clone();
        parts.changes.iter().for_each(|change| folded.apply(change));
        Self { value: folded.into_value(), stamp, parts: Some(parts) }
    }
}

impl Parts {
    /// Sets the value. Of two values of one instant the greater stands.
    fn set(&mut self, value: Value, stamp: Stamp) {
        let stamp = Some(stamp);
        if stamp < self.set_at || stamp < self.folded_to {
            return;
        }
        if stamp == self.set_at && (self.folded_to.is_some() || value.total_cmp(self.base.start()).is_le()) {
            return;
        }
        self.set_at = stamp;
        self.folded_to = None;
        self.base = Folded::new(value);
        self.drop_older_than_set();
    }

    fn change(&mut self, change: Change) {
        let stamp = Some(change.stamp);
        if stamp < self.set_at {
            return;
        }
        if stamp <= self.folded_to {
            self.base.apply(&change);
            return;
        }
        let place = self.changes.partition_point(|kept| kept.total_cmp(&change).is_le());
        self.changes.insert(place, change);
        self.hold_to_bounds();
    }

    fn merge(&mut self, mut other: Self) {
        let order = self.set_at.cmp(&other.set_at).then_with(|| self.folded_to.cmp(&other.folded_to));
        if order.then_with(|| self.base.start().total_cmp(other.base.start())).is_lt() {
            std::mem::swap(self, &mut other);
        }
        // From here on this one was set later than the other, or at the same instant.
        if self.set_at == other.set_at {
            if self.set_at.is_none() {
                self.base.unite(other.base);
            } else {
                self.base.count(other.base.counted());
            }
        } else if other.folded_to > self.set_at {
            // It was set too late: what was folded in the other can't be told apart any more.
            let counted = self.base.counted();
            self.base = other.base;
            self.base.count(counted);
            self.set_at = other.set_at;
        } else {
            other.folded_to = None;
        }
        self.folded_to = self.folded_to.max(other.folded_to);
        self.changes.append(&mut other.changes);
        self.changes.sort_by(Change::total_cmp);
        self.drop_older_than_set();
        let folded = self.changes.partition_point(|change| Some(change.stamp) <= self.folded_to);
        self.changes.drain(..folded).for_each(|change| self.base.apply(&change));
        self.hold_to_bounds();
    }

    fn drop_older_than_set(&mut self) {
        let older = self.changes.partition_point(|change| Some(change.stamp) < self.set_at);
        self.changes.drain(..older);
    }

    /// Folds the oldest changes until the others are within the bounds. All of one instant go together, so that what is kept does
    /// not depend on the order of arrival.
    fn hold_to_bounds(&mut self) {
        let mut bytes: usize = self.changes.iter().map(Change::bytes).sum();
        while self.changes.len() > limits::ATTRIBUTE_CHANGES || bytes > limits::ATTRIBUTE_CHANGES_BYTES {
            let Some(oldest) = self.changes.first().map(|change| change.stamp) else { return };
            let of_its_instant = self.changes.partition_point(|change| change.stamp <= oldest);
            for change in self.changes.drain(..of_its_instant) {
                bytes -= change.bytes();
                self.base.apply(&change);
            }
            self.folded_to = Some(oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{ids::Seq, profile::Origin, time::Timestamp};

    fn json(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    fn stamp(at: i64) -> Stamp {
        Stamp { origin: Origin::Identified, at: Timestamp::from_ms(at), seq: Seq(1) }
    }

    fn set(text: &str) -> AttributeChange {
        AttributeChange::Set { value: json(text) }
    }

    fn increment(text: &str) -> AttributeChange {
        let Value::Number(by) = json(text) else { panic!("{text} is no number") };
        AttributeChange::Increment { by }
    }

    fn add(text: &str) -> AttributeChange {
        AttributeChange::Add { value: json(text) }
    }

    fn remove(text: &str) -> AttributeChange {
        AttributeChange::Remove { value: json(text) }
    }

    fn merge(text: &str) -> AttributeChange {
        AttributeChange::Merge { value: json(text).as_object().unwrap().clone() }
    }

    fn put(path: &str, text: &str) -> AttributeChange {
        AttributeChange::SetPath { path: path.split('.').map(str::to_owned).collect(), value: json(text) }
    }

    /// What comes of changes at these times, arriving in this order.
    fn gather<'a>(changes: impl IntoIterator<Item = &'a (i64, AttributeChange)>) -> CustomAttribute {
        let mut changes = changes.into_iter();
        let (at, first) = changes.next().unwrap();
        let mut attribute = CustomAttribute::new(first, stamp(*at));
        changes.for_each(|(at, change)| attribute.apply(change, stamp(*at)));
        attribute
    }

    /// Holds that the changes, one after the other, give the value, and give it in the opposite order of arrival too.
    fn check(changes: &[AttributeChange], wanted: &str) {
        let changes: Vec<_> = (1..).zip(changes.iter().cloned()).collect();
        let attribute = gather(&changes);
        assert_eq!(attribute.value, json(wanted), "{changes:?}");
        assert_eq!(gather(changes.iter().rev()), attribute, "{changes:?}");
    }

    #[test]
    fn a_value_is_what_was_set_last_and_the_changes_since() {
        check(&[increment("5"), set("1"), increment("2")], "3");
        check(&[set("1"), increment("2"), set("null")], "null");
        check(&[set("null"), increment("2")], "2");
        check(&[set("\"text\""), increment("2"), add("1"), remove("1")], "\"text\"");
        check(&[increment("2"), add("1")], "2");
        check(&[set("1"), merge(r#"{"a":1}"#), increment("2")], r#"{"a":1}"#);
    }

    #[test]
    fn increments_are_exact() {
        check(&[increment("0.1"), increment("0.2")], "0.3");
        check(&[set("0.1"), increment("0.2"), increment("-0.3")], "0");
        check(&[increment("9007199254740990"), increment("1")], "9007199254740991");
        check(&[increment("1e18"), increment("0.000000001"), increment("-1e18")], "1e-9");
        // Too large to be counted with.
        check(&[set("1e300"), increment("1")], "1e300");
    }

    #[test]
    fn arrays_keep_an_element_once_and_the_last_at_the_end() {
        check(&[add("1"), add("2"), add("1")], "[2,1]");
        check(&[set("[1,2]"), remove("1"), remove("3")], "[2]");
        check(&[remove("1")], "[]");
        let full: Vec<i32> = (0..i32::try_from(limits::ARRAY_ELEMENTS).unwrap()).collect();
        let after: Vec<i32> = full.iter().copied().skip(1).chain([-1]).collect();
        check(&[set(&serde_json::to_string(&full).unwrap()), add("-1")], &serde_json::to_string(&after).unwrap());
    }

    #[test]
    fn objects_are_patched() {
        // From RFC 7386, appendix A.
        for (target, patch, wanted) in [
            (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"a":null}"#, "{}"),
            (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":{"b":"c"}}"#, r#"{"a":{"b":"d","c":null}}"#, r#"{"a":{"b":"d"}}"#),
            (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
            (r#"["a"]"#, r#"{"a":1}"#, r#"{"a":1}"#),
            ("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
            ("null", r#"{"a":1,"b":null}"#, r#"{"a":1}"#),
        ] {
            check(&[set(target), merge(patch)], wanted);
        }
    }

    #[test]
    fn paths_lead_into_objects() {
        check(&[put("a.b", "1"), put("a.c", "2")], r#"{"a":{"b":1,"c":2}}"#);
        check(&[set(r#"{"a":1,"z":2}"#), put("a.b.c", "3")], r#"{"a":{"b":{"c":3}},"z":2}"#);
        check(&[set(r#"{"a":{"b":1,"c":2}}"#), put("a.b", "null")], r#"{"a":{"c":2}}"#);
        // What is not there is not made to be removed.
        check(&[set(r#"{"a":1}"#), put("a.b", "null"), put("x.y", "null")], r#"{"a":1}"#);
        check(&[set("7"), put("a", "null")], "7");
        check(&[set("7"), put("a", "{\"b\":null}")], r#"{"a":{"b":null}}"#);
    }

    #[test]
    fn a_change_past_the_limits_has_no_effect() {
        let text = |bytes: usize| format!("\"{}\"", "x".repeat(bytes));
        let chunks: Vec<_> = (0..6).map(|n| format!(r#""k{n}":{}"#, text(8_000))).collect();
        let large = format!("{{{},\"in\":{{\"a\":1,\"b\":2}}}}", chunks.join(","));
        let more = text(4_000);
        let two = format!("[{0},{0}]", text(8_000));
        let patch = format!(r#"{{"in":{{"b":null,"c":{more}}},"k1":null,"k7":{more},"k8":{}}}"#, text(8_000));
        check(&[set(&large), merge(&patch)], &large);
        check(&[set(&large), put("in.b", &more), put("x.y", &more), put("k0.y", &two)], &large);
        let array = format!("[{}]", vec![text(8_000); 6].join(","));
        check(&[set(&array), add(&more)], &array);
        check(&[set(&large), merge(r#"{"k0":null}"#), put("k1", "null"), merge("{\"k2\":3}")], &{
            let mut value = json(&large);
            if let Value::Object(members) = &mut value {
                members.remove("k0");
                members.remove("k1");
                members.insert("k2".into(), Value::from(3));
            }
            serde_json::to_string(&value).unwrap()
        });
    }

    #[test]
    fn a_location_is_an_object() {
        let Value::Number(number) = Value::from(50) else { unreachable!() };
        let change = AttributeChange::SetLocation { latitude: number, longitude: number };
        check(&[increment("1"), change], r#"{"latitude":50,"longitude":50}"#);
    }

    #[test]
    fn what_was_only_set_costs_nothing_more() {
        let text = r#"{"value":"pro","stamp":{"origin":"identified","at":5,"seq":1}}"#;
        let stored: CustomAttribute = serde_json::from_str(text).unwrap();
        assert_eq!(stored, gather(&[(5, set("\"pro\""))]));
        assert_eq!(serde_json::to_string(&stored).unwrap(), text);
        assert_eq!(stored, gather(&[(3, increment("1")), (5, set("\"pro\""))]));
    }

    #[test]
    fn what_was_changed_can_still_be_read_as_a_value_with_a_stamp() {
        let attribute = gather(&[(3, set("1")), (5, increment("2")), (4, put("a.b", "null"))]);
        let text = serde_json::to_string(&attribute).unwrap();
        assert_eq!(
            text,
            r#"{"value":3,"stamp":{"origin":"identified","at":5,"seq":1},"parts":{"#.to_owned()
                + r#""set_at":{"origin":"identified","at":3,"seq":1},"base":{"value":1},"#
                + r#""changes":[[4,1,true,"path",null,["a","b"]],[5,1,true,"+",2]]}}"#
        );
        let fact: crate::profile::Fact = serde_json::from_str(&text).unwrap();
        assert_eq!((fact.value(), fact.stamp()), (Some(&Value::from(3)), stamp(5)));
        assert_eq!(serde_json::from_str::<CustomAttribute>(&text).unwrap(), attribute);
    }

    #[test]
    fn a_set_that_is_later_than_the_changes_kept_has_no_effect() {
        let kept = i64::try_from(limits::ATTRIBUTE_CHANGES).unwrap();
        let mut changes: Vec<_> = (1..=kept + 8).map(|at| (at, increment("1"))).collect();
        let counted = gather(&changes);
        assert_eq!(counted.value, Value::from(40));
        changes.push((7, set("100")));
        assert_eq!(gather(&changes), counted);
        changes.push((8, set("100")));
        assert_eq!(gather(&changes).value, Value::from(132));
        let text = serde_json::to_string(&counted).unwrap();
        assert_eq!(serde_json::from_str::<CustomAttribute>(&text).unwrap(), counted);
        assert!(text.len() < 1_000, "{}", text.len());
    }

    #[test]
    fn large_changes_are_folded_sooner() {
        let large = |n: i32| add(&format!("\"{n}{}\"", "x".repeat(8_000)));
        let attribute = gather(&(1..=9).map(|n| (i64::from(n), large(n))).collect::<Vec<_>>());
        let parts = attribute.parts.as_ref().unwrap();
        assert_eq!(parts.changes.len(), 6);
        assert_eq!(parts.folded_to, Some(stamp(3)));
    }

    fn any_change() -> impl Strategy<Value = AttributeChange> {
        let number = prop_oneof![-3..3i32, Just(1_000_000)].prop_map(f64::from);
        let number = (number, 0..10i32).prop_map(|(whole, tenth)| format!("{}", whole + f64::from(tenth) / 10.0));
        prop_oneof![
            2 => prop_oneof![Just("null"), Just("1.5"), Just("[1]"), Just(r#"{"a":{"b":1}}"#)].prop_map(set),
            3 => number.prop_map(|text| increment(&text)),
            2 => (0..4i32).prop_map(|n| add(&n.to_string())),
            1 => (0..4i32).prop_map(|n| remove(&n.to_string())),
            2 => ("[ab]", "[bc]", 0..3i32).prop_map(|(a, b, n)| merge(&match n {
                0 => format!(r#"{{"{a}":null}}"#),
                1 => format!(r#"{{"{a}":{{"{b}":{n}}}}}"#),
                _ => format!(r#"{{"{a}":{n}}}"#),
            })),
            2 => ("[ab](\\.[bc])?", 0..3i32).prop_map(|(path, n)| {
                put(&path, &if n == 0 { "null".to_owned() } else { n.to_string() })
            }),
        ]
    }

    proptest! {
        /// Every order of arrival gives the same, and so does being apart for a while, down to what is kept for later.
        #[test]
        fn the_order_of_arrival_does_not_matter(
            (sorted, shuffled) in prop::collection::vec((0..6i64, any_change()), 1..24)
                .prop_flat_map(|changes| (Just(changes.clone()), Just(changes).prop_shuffle())),
            split in any::<prop::sample::Index>(),
        ) {
            let wanted = gather(&sorted);
            prop_assert_eq!(&gather(&shuffled), &wanted);
            let (a, b) = shuffled.split_at(split.index(shuffled.len()));
            if !a.is_empty() {
                let mut merged = gather(a);
                merged.merge(gather(b));
                prop_assert_eq!(&merged, &wanted);
                let mut merged = gather(b);
                merged.merge(gather(a));
                prop_assert_eq!(&merged, &wanted);
            }
            let stored: CustomAttribute = serde_json::from_str(&serde_json::to_string(&wanted).unwrap()).unwrap();
            prop_assert_eq!(&stored, &wanted);
            let stored: CustomAttribute = rmp_serde::from_slice(&rmp_serde::to_vec_named(&wanted).unwrap()).unwrap();
            prop_assert_eq!(stored, wanted);
        }

        /// However many increments, in whatever order: the sum is exact, and so is what is kept.
        #[test]
        fn counters_are_exact_for_ever(
            (sorted, shuffled) in prop::collection::vec((0..150i64, -50..50i32), 1..200)
                .prop_flat_map(|changes| (Just(changes.clone()), Just(changes).prop_shuffle())),
            split in any::<prop::sample::Index>(),
            start in prop::option::of(-5..5i32),
        ) {
            let sum = f64::from(sorted.iter().map(|(_, by)| by).sum::<i32>() + start.unwrap_or(0) * 10) / 10.0;
            let change = |(at, by): &(i64, i32)| (*at, increment(&format!("{}", f64::from(*by) / 10.0)));
            let apart = start.is_none();
            let start = start.map(|start| (-1, set(&start.to_string())));
            let shuffled: Vec<_> = start.into_iter().chain(shuffled.iter().map(change)).collect();
            let attribute = gather(&shuffled);
            prop_assert_eq!(attribute.value.clone(), Value::Number(crate::value::Number::new(sum).unwrap()));
            let (a, b) = shuffled.split_at(split.index(shuffled.len()));
            if apart && !a.is_empty() {
                let mut merged = gather(b);
                merged.merge(gather(a));
                prop_assert_eq!(merged, attribute);
            }
        }
    }
}
