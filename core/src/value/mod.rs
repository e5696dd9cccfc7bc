//! Attribute and property values: null, boolean, number, string, time, array, object.
//!
//! In JSON a time is `{"$time": 1763917561000}` (milliseconds since 1970): JSON has no type for it, and guessing from the look
//! of a string would turn an order number into a date. Other object keys may not start with `$`.

mod checked;
mod map;

use std::{cmp::Ordering, fmt};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, MapAccess, SeqAccess, Visitor},
    ser::SerializeMap,
};

pub(crate) use checked::name_hash;
pub use checked::{Checked, Unknown};
pub use map::{Iter, Map, sort};

use crate::{limits, time::Timestamp};

/// The key that marks a time in JSON.
pub const TIME_KEY: &str = "$time";

/// Named values, in the order of their names.
pub type Object = Map<Value>;

/// A value of an attribute or property.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing; setting an attribute to it removes the attribute.
    Null,
    /// True or false.
    Bool(bool),
    /// A finite number.
    Number(Number),
    /// Text.
    String(String),
    /// An instant.
    Time(Timestamp),
    /// A list.
    Array(Vec<Value>),
    /// Named values.
    Object(Object),
}

/// A finite number: neither NaN nor infinite, so that comparing is total.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Number(f64);

impl Number {
    /// Takes a finite number. Negative zero becomes zero.
    pub fn new(number: f64) -> Option<Self> {
        number.is_finite().then_some(Self(number + 0.0))
    }

    /// The number.
    pub const fn get(self) -> f64 {
        self.0
    }

    /// The number, if it is whole and no digit of it is lost.
    #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and within 2^53")]
    pub fn as_integer(self) -> Option<i64> {
        #[expect(clippy::cast_precision_loss, reason = "2^53 - 1 is exact")]
        let bound = limits::SAFE_INTEGER as f64;
        (self.0.abs() <= bound && self.0.trunc() == self.0).then_some(self.0 as i64)
    }
}

impl From<i32> for Number {
    fn from(number: i32) -> Self {
        Self(f64::from(number))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Self::Number(number.into())
    }
}

/// Why a value can't be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueError {
    /// Nested deeper than [`limits::VALUE_DEPTH`].
    TooDeep,
    /// Larger than [`limits::PROPERTIES_BYTES`] as JSON.
    TooLarge,
    /// A string is longer than [`limits::STRING_BYTES`].
    StringTooLong,
    /// A name is empty, longer than [`limits::NAME_CHARS`] or starts with `$`.
    BadName,
}

impl Value {
    /// The string, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    /// The object, if it is one.
    pub const fn as_object(&self) -> Option<&Object> {
        if let Self::Object(object) = self { Some(object) } else { None }
    }

    /// The instant, if it is one, or a number that can be one: milliseconds since 1970.
    pub fn as_time(&self) -> Option<Timestamp> {
        match self {
            Self::Time(time) => Some(*time),
            Self::Number(number) => number.as_integer().map(Timestamp::from_ms),
            _ => None,
        }
    }

    /// Whether it is `Null`.
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Holds the value against the limits of properties and attributes.
    pub fn check(&self) -> Result<(), ValueError> {
        let bytes = self.check_at(0)?;
        if bytes > limits::PROPERTIES_BYTES { Err(ValueError::TooLarge) } else { Ok(()) }
    }

    /// Its size as JSON, about: numbers count as eight bytes, escapes as nothing.
    fn check_at(&self, depth: usize) -> Result<usize, ValueError> {
        if depth > limits::VALUE_DEPTH {
            return Err(ValueError::TooDeep);
        }
        Ok(match self {
            Self::Null | Self::Bool(_) => 4,
            Self::Number(_) => 8,
            Self::Time(_) => 24,
            Self::String(text) if text.len() > limits::STRING_BYTES => return Err(ValueError::StringTooLong),
            Self::String(text) => text.len() + 2,
            Self::Array(items) => {
                let mut bytes = 2;
                for item in items {
                    bytes += item.check_at(depth + 1)? + 1;
                }
                bytes
            }
            Self::Object(members) => check_members(members, depth)?,
        })
    }

    /// The memory that it takes beside itself, in bytes, about.
    pub(crate) fn memory(&self) -> usize {
        match self {
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Time(_) => 0,
            Self::String(text) => text.len(),
            Self::Array(items) => items.iter().map(|item| size_of::<Self>() + item.memory()).sum(),
            Self::Object(members) => {
                members.iter().map(|(name, value)| size_of::<(String, Self)>() + name.len() + value.memory()).sum()
            }
        }
    }

    /// Orders any two values: by type first (in the order of the variants), then by content. It is what breaks ties when two
    /// values were set at the same instant, so that every order of arrival gives the same profile.
    pub fn total_cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Number(a), Self::Number(b)) => a.0.total_cmp(&b.0),
            (Self::String(a), Self::String(b)) => a.cmp(b),
            (Self::Time(a), Self::Time(b)) => a.cmp(b),
            (Self::Array(a), Self::Array(b)) => cmp_all(a.iter(), b.iter(), |a, b| a.total_cmp(b)),
            (Self::Object(a), Self::Object(b)) => {
                cmp_all(a.iter(), b.iter(), |(ka, va), (kb, vb)| ka.cmp(kb).then_with(|| va.total_cmp(vb)))
            }
            _ => self.rank().cmp(&other.rank()),
        }
    }

    const fn rank(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Bool(_) => 1,
            Self::Number(_) => 2,
            Self::String(_) => 3,
            Self::Time(_) => 4,
            Self::Array(_) => 5,
            Self::Object(_) => 6,
        }
    }
}

/// The properties of an event, in the form that the reader needs.
pub trait Properties {
    /// Holds them against the limits.
    fn check(&self) -> Result<(), ValueError>;
}

impl Properties for Object {
    fn check(&self) -> Result<(), ValueError> {
        check_properties(self)
    }
}

impl Properties for Checked {
    fn check(&self) -> Result<(), ValueError> {
        Self::check(*self)
    }
}

/// Holds the properties of an event against the limits.
pub fn check_properties(properties: &Object) -> Result<(), ValueError> {
    let bytes = check_members(properties, 0)?;
    if bytes > limits::PROPERTIES_BYTES { Err(ValueError::TooLarge) } else { Ok(()) }
}

fn check_members(members: &Object, depth: usize) -> Result<usize, ValueError> {
    let mut bytes = 2;
    for (name, value) in members {
        if !is_name(name) || name.starts_with('$') {
            return Err(ValueError::BadName);
        }
        bytes += name.len() + 4 + value.check_at(depth + 1)?;
    }
    Ok(bytes)
}

/// Whether a text may name an event, attribute, product or property.
pub fn is_name(name: &str) -> bool {
    // Bytes bound characters from above, so that most names need no counting.
    is_name_of(name.len(), if name.len() <= limits::NAME_CHARS { 1 } else { name.chars().count() })
}

/// Whether a text of so many bytes and characters may be a name.
pub(crate) const fn is_name_of(bytes: usize, chars: usize) -> bool {
    bytes > 0 && chars <= limits::NAME_CHARS
}

fn cmp_all<T>(
    mut a: impl Iterator<Item = T>,
    mut b: impl Iterator<Item = T>,
    cmp: impl Fn(&T, &T) -> Ordering,
) -> Ordering {
    loop {
        match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(a), Some(b)) => match cmp(&a, &b) {
                Ordering::Equal => {}
                different => return different,
            },
        }
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.as_integer() {
            Some(integer) => serializer.serialize_i64(integer),
            None => serializer.serialize_f64(self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(f64::deserialize(deserializer)?).ok_or_else(|| de::Error::custom("a number must be finite"))
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(number) => number.serialize(serializer),
            Self::String(text) => serializer.serialize_str(text),
            Self::Time(time) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry(TIME_KEY, time)?;
                map.end()
            }
            Self::Array(items) => items.serialize(serializer),
            Self::Object(members) => members.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    // A number means to us what it means to a browser: digits beyond 2^53 were lost before it was sent.
    #[expect(clippy::cast_precision_loss, reason = "as above")]
    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(Number(number as f64)))
    }

    #[expect(clippy::cast_precision_loss, reason = "as above")]
    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(Number(number as f64)))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Value, E> {
        Number::new(number).map(Value::Number).ok_or_else(|| E::custom("a number must be finite"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Value, A::Error> {
        let members = Object::deserialize(de::value::MapAccessDeserializer::new(map))?;
        Ok(from_members(members))
    }
}

/// The value that an object read from JSON stands for: a time if it is marked as one, else the object.
pub fn from_members(members: Object) -> Value {
    if members.len() == 1
        && let Some(Value::Number(number)) = members.get(TIME_KEY)
        && let Some(ms) = number.as_integer()
    {
        return Value::Time(Timestamp::from_ms(ms));
    }
    Value::Object(members)
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(json: &str) -> Result<Value, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn times_are_marked() {
        let value = parse(r#"{"at":{"$time":1763917561000}}"#).unwrap();
        assert_eq!(value.as_object().unwrap()["at"], Value::Time(Timestamp::from_ms(1_763_917_561_000)));
        assert_eq!(serde_json::to_string(&value).unwrap(), r#"{"at":{"$time":1763917561000}}"#);
    }

    #[test]
    fn numbers_keep_their_look_and_their_digits() {
        assert_eq!(serde_json::to_string(&parse("[1, 1.0, -0.0, 1.5]").unwrap()).unwrap(), "[1,1,0,1.5]");
        assert_eq!(serde_json::to_string(&parse("9007199254740991").unwrap()).unwrap(), "9007199254740991");
        for large in ["1152921504606847000", "18446744073709551615", "100000000000000000000", "1e300"] {
            assert!(matches!(parse(large), Ok(Value::Number(number)) if number.get() > 1e18), "{large}");
        }
        assert!(parse("1e999").is_err());
    }

    #[test]
    fn hostile_json_is_an_error() {
        assert!(parse(r#"{"a":1,"a":2}"#).is_err());
        assert!(parse(&"[".repeat(100_000)).is_err());
        assert!(parse(r#""\ud800""#).is_err());
    }

    #[test]
    fn limits_hold() {
        let mut deep = Value::Null;
        for _ in 0..limits::VALUE_DEPTH {
            deep = Value::Array(vec![deep]);
        }
        assert_eq!(deep.check(), Ok(()));
        assert_eq!(Value::Array(vec![deep]).check(), Err(ValueError::TooDeep));
        assert_eq!(Value::from("x".repeat(limits::STRING_BYTES + 1)).check(), Err(ValueError::StringTooLong));
        let many = Value::Array(vec![Value::from("x".repeat(1_000)); 60]);
        assert_eq!(many.check(), Err(ValueError::TooLarge));
        assert_eq!(parse(r#"{"$inc":1}"#).unwrap().check(), Err(ValueError::BadName));
        assert_eq!(parse(r#"{"":1}"#).unwrap().check(), Err(ValueError::BadName));
        assert!(is_name(&"é".repeat(255)));
        assert!(!is_name(&"é".repeat(256)));
    }

    pub(crate) fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            (-1_000_000..1_000_000i32).prop_map(Value::from),
            any::<f64>().prop_filter_map("finite", Number::new).prop_map(Value::Number),
            "[a-zé\"\\\\ ]{0,12}".prop_map(Value::from),
            (-4_000_000_000_000i64..4_000_000_000_000).prop_map(|ms| Value::Time(Timestamp::from_ms(ms))),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                prop::collection::btree_map("[a-z]{1,6}", inner, 0..4)
                    .prop_map(|members| Value::Object(Map::from_entries(members.into_iter().collect()).unwrap())),
            ]
        })
    }

    proptest! {
        #[test]
        fn json_and_back(value in any_value()) {
            let text = serde_json::to_string(&value).unwrap();
            prop_assert_eq!(parse(&text).unwrap(), value);
        }

        #[test]
        fn the_order_is_total(a in any_value(), b in any_value(), c in any_value()) {
            prop_assert_eq!(a.total_cmp(&b), b.total_cmp(&a).reverse());
            prop_assert_eq!(a.total_cmp(&b) == Ordering::Equal, a == b);
            if a.total_cmp(&b) != Ordering::Greater && b.total_cmp(&c) != Ordering::Greater {
                prop_assert_ne!(a.total_cmp(&c), Ordering::Greater);
            }
        }
    }
}
