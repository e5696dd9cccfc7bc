//! Values that are held against the limits while they are read, and not kept.

use std::{collections::HashSet, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor},
};

use super::{Number, TIME_KEY, ValueError, is_name};
use crate::limits;

/// What is left of an object that was read only to hold it against the limits: whether it keeps them. A server reads millions of
/// properties that nothing looks at; this makes no tree of them.
///
/// It takes and refuses the same JSON as [`super::Object`] does, and finds the same faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checked(Result<(), ValueError>);

impl Checked {
    /// Whether the object keeps the limits of properties.
    pub const fn check(self) -> Result<(), ValueError> {
        self.0
    }
}

impl<'de> Deserialize<'de> for Checked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut limit = Limit::default();
        deserializer.deserialize_map(Members { limit: &mut limit, depth: 0 })?;
        Ok(Self(limit.outcome()))
    }
}

/// A value of any type, with a name that the reader does not know. It is read so that what is stored can be read by everybody: it
/// must keep the same limits as what is known.
#[derive(Debug)]
pub struct Unknown;

impl<'de> Deserialize<'de> for Unknown {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut limit = Limit::default();
        Any { limit: &mut limit, depth: 0 }.deserialize(deserializer)?;
        limit.outcome().map(|()| Self).map_err(|_| de::Error::custom("an unknown member does not keep the limits"))
    }
}

/// What has been found so far.
#[derive(Debug, Default)]
struct Limit {
    /// The size, counted as [`super::Value::check`] counts it.
    bytes: usize,
    fault: Option<ValueError>,
}

impl Limit {
    const fn outcome(&self) -> Result<(), ValueError> {
        match self.fault {
            Some(fault) => Err(fault),
            None if self.bytes > limits::PROPERTIES_BYTES => Err(ValueError::TooLarge),
            None => Ok(()),
        }
    }

    fn fail(&mut self, fault: ValueError) {
        self.fault.get_or_insert(fault);
    }
}

/// What a time has to know of the value that stands under [`TIME_KEY`].
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Integer,
    Other,
}

/// Reads a value of any type.
struct Any<'a> {
    limit: &'a mut Limit,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Any<'_> {
    type Value = Seen;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Seen, D::Error> {
        if self.depth > limits::VALUE_DEPTH {
            self.limit.fail(ValueError::TooDeep);
        }
        deserializer.deserialize_any(self)
    }
}

impl Any<'_> {
    const fn count(self, bytes: usize) -> Seen {
        self.limit.bytes += bytes;
        Seen::Other
    }
}

impl<'de> Visitor<'de> for Any<'_> {
    type Value = Seen;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Seen, E> {
        Ok(self.count(4))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Seen, E> {
        Ok(self.count(4))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Seen, E> {
        self.count(8);
        let safe = number.unsigned_abs() <= limits::SAFE_INTEGER.unsigned_abs();
        Ok(if safe { Seen::Integer } else { Seen::Other })
    }

    fn visit_u64<E>(self, number: u64) -> Result<Seen, E> {
        self.count(8);
        Ok(if number <= limits::SAFE_INTEGER.unsigned_abs() { Seen::Integer } else { Seen::Other })
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Seen, E> {
        self.count(8);
        let number = Number::new(number).ok_or_else(|| E::custom("a number must be finite"))?;
        Ok(if number.as_integer().is_some() { Seen::Integer } else { Seen::Other })
    }

    fn visit_str<E>(self, text: &str) -> Result<Seen, E> {
        if text.len() > limits::STRING_BYTES {
            self.limit.fail(ValueError::StringTooLong);
        }
        Ok(self.count(text.len() + 2))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Seen, A::Error> {
        let Self { limit, depth } = self;
        limit.bytes += 2;
        while seq.next_element_seed(Any { limit, depth: depth + 1 })?.is_some() {
            limit.bytes += 1;
        }
        Ok(Seen::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Seen, A::Error> {
        let Self { limit, depth } = self;
        Members { limit, depth }.visit_map(map)
    }
}

/// Reads the members of an object, at the depth of the object.
struct Members<'a> {
    limit: &'a mut Limit,
    depth: usize,
}

impl<'de> Visitor<'de> for Members<'_> {
    type Value = Seen;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Seen, A::Error> {
        let Self { limit, depth } = self;
        limit.bytes += 2;
        let mut names = Names::default();
        let mut bad_name = false;
        let mut time = false;
        while let Some(name) = map.next_key_seed(Name(&mut names))? {
            limit.bytes += name.bytes + 4;
            bad_name |= name.form != Form::Good;
            let value = map.next_value_seed(Any { limit, depth: depth + 1 })?;
            // Properties as a whole can't be a time; a value among them can, and then its name is none.
            time = name.form == Form::Time && value == Seen::Integer && depth > 0;
        }
        if bad_name && !(time && names.count == 1) {
            limit.fail(ValueError::BadName);
        }
        Ok(Seen::Other)
    }
}

/// What a name is.
#[derive(Debug, PartialEq, Eq)]
enum Form {
    Good,
    Time,
    Bad,
}

struct NameSeen {
    form: Form,
    bytes: usize,
}

/// Reads a name.
struct Name<'a>(&'a mut Names);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = NameSeen;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<NameSeen, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = NameSeen;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<NameSeen, E> {
        if !self.0.insert(name) {
            return Err(E::custom("a name stands twice in one object"));
        }
        let form = match name.as_bytes().first() {
            Some(b'$') if name == TIME_KEY => Form::Time,
            Some(b'$') | None => Form::Bad,
            Some(_) if is_name(name) => Form::Good,
            Some(_) => Form::Bad,
        };
        Ok(NameSeen { form, bytes: name.len() })
    }
}

/// 64 bits of FNV-1a: quick for names, which are short.
pub(crate) fn name_hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The names of one object, by hash. That two different names of one object meet by accident does not happen;
/// who makes them meet on purpose has one record of their own refused.
#[derive(Default)]
struct Names {
    count: usize,
    few: [u64; Self::FEW],
    /// Beyond the first few.
    many: HashSet<u64>,
}

impl Names {
    const FEW: usize = 12;

    /// Whether the name is new.
    fn insert(&mut self, name: &str) -> bool {
        let hash = name
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let known = self.count.min(Self::FEW);
        if self.few[..known].contains(&hash) {
            return false;
        }
        self.count += 1;
        if let Some(place) = self.few.get_mut(known) {
            *place = hash;
            return true;
        }
        self.many.insert(hash)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::value::{Object, Value, check_properties};

    /// Names and values that meet the limits and their neighbours often.
    fn any_json() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("null".to_owned()),
            Just("true".to_owned()),
            Just("1e999".to_owned()),
            Just("\"\\ud800\"".to_owned()),
            Just(format!("\"{}\"", "x".repeat(limits::STRING_BYTES))),
            Just(format!("\"{}\"", "x".repeat(limits::STRING_BYTES + 1))),
            any::<i64>().prop_map(|n| n.to_string()),
            any::<f64>().prop_filter("finite", |n| n.is_finite()).prop_map(|n| format!("{n:e}")),
            "[a-z\u{e9} ]{0,6}".prop_map(|text| format!("{text:?}")),
        ];
        let name = prop_oneof![
            4 => "[a-h]{1,2}",
            1 => Just("$time".to_owned()),
            1 => Just("$x".to_owned()),
            1 => Just(String::new()),
            1 => Just("n".repeat(limits::NAME_CHARS + 1)),
        ];
        leaf.prop_recursive(20, 48, 8, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
                prop::collection::vec((name.clone(), inner), 0..16).prop_map(|members| {
                    let members: Vec<_> = members.iter().map(|(name, value)| format!("{name:?}:{value}")).collect();
                    format!("{{{}}}", members.join(","))
                }),
            ]
        })
    }

    proptest! {
        /// What is taken and what is refused does not depend on whether a tree is made.
        #[test]
        fn it_judges_as_the_tree_does(json in any_json()) {
            let tree = serde_json::from_str::<Object>(&json).map(|object| check_properties(&object).is_ok());
            let checked = serde_json::from_str::<Checked>(&json).map(|checked| checked.check().is_ok());
            prop_assert_eq!(checked.ok(), tree.ok());
        }
    }

    #[test]
    fn sizes_are_counted_alike() {
        let sized = |bytes: usize| format!("{{\"a\":[{}]}}", vec!["\"xxxxx\""; bytes / 8].join(","));
        for bytes in [limits::PROPERTIES_BYTES - 64, limits::PROPERTIES_BYTES - 8, limits::PROPERTIES_BYTES, 60_000] {
            let json = sized(bytes);
            let tree: Object = serde_json::from_str(&json).unwrap();
            let checked: Checked = serde_json::from_str(&json).unwrap();
            assert_eq!(checked.check(), check_properties(&tree), "{bytes}");
        }
    }

    #[test]
    fn what_is_unknown_keeps_the_limits() {
        let read = |json: &str| serde_json::from_str::<Unknown>(json).is_ok();
        assert!(read("1") && read("[{\"a\":null}]"));
        assert!(!read(&format!("{}{}", "[".repeat(30), "]".repeat(30))));
        assert!(!read(&format!("{}{}", "[".repeat(100_000), "]".repeat(100_000))));
        assert!(!read("\"\\ud800\""));
        assert!(serde_json::from_str::<Value>("{\"a\":1}").is_ok());
    }

    #[test]
    fn many_names_are_told_apart() {
        let names: Vec<_> = (0..200).map(|i| format!("\"n{i}\":{i}")).collect();
        assert!(serde_json::from_str::<Checked>(&format!("{{{}}}", names.join(","))).is_ok());
        assert!(serde_json::from_str::<Checked>(&format!("{{{},\"n150\":1}}", names.join(","))).is_err());
    }
}
