//! Reading typed things out of [`Value`]s, with errors that name the path and say what was expected.
//!
//! Filters, triggers and messages are read by this on the server, where a person wrote them and wants to know what is wrong,
//! and in the browser, where a derived decoder would cost more bytes than all the rules together.

use std::borrow::Cow;

use crate::value::{Object, Value};

/// Something was not of its form.
#[cfg(feature = "definitions")]
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at {path}: expected {expected}")]
pub struct DecodeError {
    /// Where, as in `$.all[1].within`.
    pub path: String,
    /// What was expected there.
    pub expected: Cow<'static, str>,
}

/// Something was not of its form. What, and where, only servers say.
#[cfg(not(feature = "definitions"))]
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is not of its form")]
pub struct DecodeError;

/// A place inside a value. It lives on the stack and becomes text only when something is wrong.
#[derive(Debug, Clone, Copy)]
pub enum Path<'a> {
    /// The whole of something that a person wrote: keys that are not known are errors, they may be mistyped.
    Definition,
    /// The whole of something that a server sent: keys that are not known are left alone, they may be newer than the reader.
    Wire,
    /// A member of an object.
    Member(&'a Path<'a>, &'a str),
    /// An element of an array.
    Element(&'a Path<'a>, usize),
}

impl Path<'_> {
    /// An error at this place.
    #[cfg(feature = "definitions")]
    pub fn expected(&self, expected: &'static str) -> DecodeError {
        self.expected_of(Cow::Borrowed(expected))
    }

    /// An error at this place that says something of what is there.
    #[cfg(feature = "definitions")]
    pub fn expected_of(&self, expected: Cow<'static, str>) -> DecodeError {
        let mut path = String::from("$");
        self.write(&mut path);
        DecodeError { path, expected }
    }

    /// An error at this place.
    #[cfg(not(feature = "definitions"))]
    #[inline(always)]
    pub fn expected(&self, _: &'static str) -> DecodeError {
        DecodeError
    }

    /// An error at this place.
    #[cfg(not(feature = "definitions"))]
    pub fn expected_of(&self, _: Cow<'static, str>) -> DecodeError {
        DecodeError
    }

    fn is_definition(&self) -> bool {
        match self {
            Self::Definition => true,
            Self::Wire => false,
            Self::Member(parent, _) | Self::Element(parent, _) => parent.is_definition(),
        }
    }

    #[cfg(feature = "definitions")]
    fn write(&self, out: &mut String) {
        match self {
            Self::Definition | Self::Wire => {}
            Self::Member(parent, name) => {
                parent.write(out);
                out.push('.');
                out.push_str(name);
            }
            Self::Element(parent, index) => {
                parent.write(out);
                out.push('[');
                out.push_str(&index.to_string());
                out.push(']');
            }
        }
    }
}

/// The members of an object, read one by one. A member that is `null` counts as missing.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a> {
    members: &'a Object,
    path: &'a Path<'a>,
}

impl<'a> Fields<'a> {
    /// Takes an object.
    pub fn of(value: &'a Value, path: &'a Path<'a>) -> Result<Self, DecodeError> {
        let members = value.as_object().ok_or_else(|| path.expected("an object"))?;
        Ok(Self { members, path })
    }

    /// In a definition, refuses any name that is not listed.
    pub fn only(&self, names: &[&str], expected: &'static str) -> Result<(), DecodeError> {
        if cfg!(not(feature = "definitions")) || !self.path.is_definition() {
            return Ok(());
        }
        match self.members.keys().find(|name| !names.contains(name)) {
            Some(unknown) => Err(self.error(unknown, expected)),
            None => Ok(()),
        }
    }

    /// An error at the named member.
    pub fn error(&self, name: &str, expected: &'static str) -> DecodeError {
        Path::Member(self.path, name).expected(expected)
    }

    /// An error at the object itself.
    pub fn error_here(&self, expected: &'static str) -> DecodeError {
        self.path.expected(expected)
    }

    /// The member, unless it is missing or null.
    pub fn get(&self, name: &str) -> Option<&'a Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    /// Whether the object has the name, even with the value null.
    pub fn has(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// Reads the member with `read`, if it is there.
    pub fn read<T>(
        &self,
        name: &str,
        read: impl FnOnce(&'a Value, &Path<'_>) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, DecodeError> {
        self.get(name).map(|value| read(value, &Path::Member(self.path, name))).transpose()
    }

    /// Reads every element of the array with `read`; a missing array is an empty one.
    pub fn read_all<T>(
        &self,
        name: &str,
        max: usize,
        mut read: impl FnMut(&'a Value, &Path<'_>) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        let Some(value) = self.get(name) else { return Ok(Vec::new()) };
        let Value::Array(items) = value else { return Err(self.error(name, "an array")) };
        if items.len() > max {
            return Err(self.error(name, "fewer elements"));
        }
        let path = Path::Member(self.path, name);
        let mut read_items = Vec::with_capacity(items.len());
        for (place, item) in items.iter().enumerate() {
            read_items.push(read(item, &Path::Element(&path, place))?);
        }
        Ok(read_items)
    }

    /// A text, if it is there.
    pub fn text(&self, name: &str) -> Result<Option<&'a str>, DecodeError> {
        self.get(name).map(|value| value.as_str().ok_or_else(|| self.error(name, "a string"))).transpose()
    }

    /// A text that must be there.
    pub fn required_text(&self, name: &str, expected: &'static str) -> Result<&'a str, DecodeError> {
        self.get(name).and_then(Value::as_str).ok_or_else(|| self.error(name, expected))
    }

    /// A whole number, if it is there.
    pub fn integer(&self, name: &str) -> Result<Option<i64>, DecodeError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        match value {
            Value::Number(number) => number.as_integer().map(Some).ok_or_else(|| self.error(name, "a whole number")),
            _ => Err(self.error(name, "a whole number")),
        }
    }

    /// A truth value, if it is there.
    pub fn boolean(&self, name: &str) -> Result<Option<bool>, DecodeError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(_) => Err(self.error(name, "true or false")),
        }
    }
}
