//! Languages of messages, and the direction in which they are written.

use serde::Serialize;

use crate::{
    decode::{DecodeError, Path},
    value::Value,
};

/// The tag of a language (BCP 47), like `de`, `pt-BR` or `zh-Hant-TW`. Case does not matter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Language(String);

/// Bytes of a tag: what is in use has a third of it.
const TAG_BYTES: usize = 35;

impl Language {
    /// Takes a tag.
    pub fn parse(tag: &str) -> Option<Self> {
        let mut parts = tag.split('-');
        let primary = parts.next().unwrap_or_default();
        let is_tag = (2..=3).contains(&primary.len())
            && primary.bytes().all(|byte| byte.is_ascii_alphabetic())
            && parts.all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
            && tag.len() <= TAG_BYTES;
        is_tag.then(|| Self(tag.to_owned()))
    }

    /// The tag as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it has this tag, in whatever case.
    pub fn is(&self, tag: &str) -> bool {
        self.0.eq_ignore_ascii_case(tag)
    }

    pub(super) fn read(value: &Value, path: &Path<'_>) -> Result<Self, DecodeError> {
        let language = value.as_str().and_then(Self::parse);
        language.ok_or_else(|| path.expected("the tag of a language, like de or pt-BR"))
    }
}

/// In which direction something is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From left to right.
    Ltr,
    /// From right to left.
    Rtl,
}

impl Direction {
    pub(super) fn read(value: &Value, path: &Path<'_>) -> Result<Self, DecodeError> {
        match value.as_str() {
            Some("ltr") => Ok(Self::Ltr),
            Some("rtl") => Ok(Self::Rtl),
            _ => Err(path.expected("ltr or rtl")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_taken() {
        for tag in ["de", "DE", "pt-BR", "zh-Hant-TW", "sr-Latn", "gsw", "de-1996"] {
            assert!(Language::parse(tag).is_some(), "{tag}");
        }
        for bad in ["", "d", "german", "de_AT", "de-", "-de", "de--AT", "de-Österreich", "12", "de-abcdefghi"] {
            assert!(Language::parse(bad).is_none(), "{bad}");
        }
        assert!(Language::parse(&format!("de{}", "-abcdefgh".repeat(4))).is_none());
    }
}
