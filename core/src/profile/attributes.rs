//! Attributes: their names, their values, and which of two values stands.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::{calendar::Date, ids::Seq, protocol::RecordError, text::cut, time::Timestamp, value::Value};

macro_rules! standard_attributes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal),* $(,)?) => {
        /// The attributes that every profile has a place for. All are text.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum StandardAttribute { $($(#[$doc])* $variant),* }

        impl StandardAttribute {
            /// Every one of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Its name in JSON.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// The attribute of that name.
            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|attribute| attribute.name() == name)
            }
        }
    };
}

standard_attributes! {
    /// E-mail address.
    Email = "email",
    /// First name.
    FirstName = "first_name",
    /// Last name.
    LastName = "last_name",
    /// Phone number.
    PhoneNumber = "phone_number",
    /// One of `m`, `f`, `o` (other), `u` (unknown), `n` (not applicable), `p` (prefers not to say).
    Gender = "gender",
    /// As `YYYY-MM-DD`.
    DateOfBirth = "date_of_birth",
    /// ISO 3166-1 alpha-2, upper case.
    Country = "country",
    /// Home city.
    HomeCity = "home_city",
    /// ISO 639-1, lower case.
    Language = "language",
    /// IANA name.
    TimeZone = "time_zone",
}

impl StandardAttribute {
    /// Whether the value is of the attribute's form; null, which clears it, always is.
    pub fn check(self, value: &Value) -> Result<(), RecordError> {
        match value {
            Value::Null => Ok(()),
            Value::String(text) if self.takes(text) => Ok(()),
            _ => Err(RecordError::InvalidAttribute),
        }
    }

    /// Whether a text is of the attribute's form.
    pub fn takes(self, text: &str) -> bool {
        let form = match self {
            Self::Email => matches!(cut(text, b'@'), (name, Some(host)) if !name.is_empty() && !host.is_empty()),
            Self::Gender => matches!(text, "m" | "f" | "o" | "u" | "n" | "p"),
            Self::DateOfBirth => Date::parse(text).is_some(),
            Self::Country => text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase()),
            Self::Language => text.len() == 2 && text.bytes().all(|b| b.is_ascii_lowercase()),
            Self::FirstName | Self::LastName | Self::PhoneNumber | Self::HomeCity | Self::TimeZone => true,
        };
        form && crate::value::is_name(text)
    }
}

/// Whether the user was signed in when a record was made. What an identified user said of themselves stands above what an
/// anonymous visitor, who later turned out to be them, said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// By a visitor who had not signed in.
    Anonymous,
    /// By a user who had.
    Identified,
}

/// Decides between two values of an attribute: the greater stamp stands. Comparing stamps instead of arrival times makes the
/// profile the same for every order of arrival, before or after a merge. (The order of the fields is the order of comparing.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stamp {
    /// First: who said it.
    pub origin: Origin,
    /// Then: when.
    pub at: Timestamp,
    /// Then: the place in the stream, which decides between records of one millisecond.
    pub seq: Seq,
}

/// What was said last, with its stamp. (A cleared attribute is kept as null, so that an older value that arrives later does not
/// bring it back.)
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fact<T = Value> {
    value: T,
    stamp: Stamp,
}

impl<T> Fact<T> {
    /// Something that was said, with its stamp.
    pub const fn new(value: T, stamp: Stamp) -> Self {
        Self { value, stamp }
    }

    /// What was said.
    pub const fn get(&self) -> &T {
        &self.value
    }

    /// What decides between it and another.
    pub const fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// Takes what the other says if its stamp is greater (at equal stamps: if what it says is, in the order of `cmp`).
    pub fn join(&mut self, other: Self, cmp: impl FnOnce(&T, &T) -> Ordering) {
        let order = other.stamp.cmp(&self.stamp).then_with(|| cmp(&other.value, &self.value));
        if order.is_gt() {
            *self = other;
        }
    }
}

impl Fact {
    /// The value, unless it was cleared.
    pub fn value(&self) -> Option<&Value> {
        Some(&self.value).filter(|value| !value.is_null())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_attributes_have_forms() {
        let ok = |attribute: StandardAttribute, text: &str| attribute.check(&Value::from(text)).is_ok();
        assert!(ok(StandardAttribute::Email, "a@b"));
        assert!(!ok(StandardAttribute::Email, "@b"));
        assert!(ok(StandardAttribute::DateOfBirth, "2000-02-29"));
        for bad in ["1900-02-29", "2001-04-31", "2001-13-01", "2001-1-01", "2001-01-00", "+001-01-01", "éé01-01-01"] {
            assert!(!ok(StandardAttribute::DateOfBirth, bad), "{bad}");
        }
        assert!(ok(StandardAttribute::Country, "DE") && !ok(StandardAttribute::Country, "de"));
        assert!(ok(StandardAttribute::Language, "de") && !ok(StandardAttribute::Language, "deu"));
        assert!(!ok(StandardAttribute::FirstName, ""));
        assert!(StandardAttribute::FirstName.check(&Value::Null).is_ok());
        assert!(StandardAttribute::FirstName.check(&Value::from(1)).is_err());
        for attribute in StandardAttribute::ALL {
            assert_eq!(StandardAttribute::parse(attribute.name()), Some(*attribute));
        }
    }

    #[test]
    fn at_equal_stamps_the_greater_value_stands_whichever_came_first() {
        let stamp = |origin, at| Stamp { origin, at: Timestamp::from_ms(at), seq: Seq(1) };
        let said = |origin, at, value: i32| Fact::new(value, stamp(origin, at));
        for (less, greater) in [
            (said(Origin::Identified, 5, 1), said(Origin::Identified, 5, 2)),
            (said(Origin::Identified, 5, 2), said(Origin::Identified, 6, 1)),
            (said(Origin::Anonymous, 9, 2), said(Origin::Identified, 5, 1)),
        ] {
            for (mut first, second) in [(less.clone(), greater.clone()), (greater.clone(), less)] {
                first.join(second, Ord::cmp);
                assert_eq!(first, greater);
            }
        }
    }
}
