//! Reading tests of values.

#[cfg(feature = "definitions")]
use crate::{decode::Path, limits, version};
use crate::{
    decode::{DecodeError, Fields},
    segment::{
        host::Host,
        test::{Operator, Test},
    },
    text::fold,
    value::Value,
};

const EXPECTED: &str = "exactly one of: is, is_not, in, not_in, exists, greater, at_least, less, at_most, between, contains, \
                        starts_with, ends_with, matches, contains_any, contains_all, size, version_is, version_greater, \
                        version_at_least, version_less, version_at_most";

impl Test {
    /// Reads the one operator that stands beside the keys of its subject.
    pub fn parse(fields: &Fields<'_>, subject: &[&'static str], host: &dyn Host) -> Result<Self, DecodeError> {
        if cfg!(feature = "definitions") {
            let operators = Operator::ALL.iter().map(|(_, name)| *name);
            let allowed: Vec<&str> = subject.iter().copied().chain(operators).chain(["ignore_case"]).collect();
            fields.only(&allowed, EXPECTED)?;
        }
        let mut given = None;
        for (operator, name) in Operator::ALL {
            if fields.has(name) {
                if given.is_some() {
                    return Err(fields.error_here(EXPECTED));
                }
                given = Some((*operator, *name));
            }
        }
        let (operator, name) = given.ok_or_else(|| fields.error_here(EXPECTED))?;
        let ignores_case = fields.boolean("ignore_case")?.unwrap_or(false);
        #[cfg(feature = "definitions")]
        check(fields, operator, name, ignores_case)?;
        let operand = fields.get(name).ok_or_else(|| fields.error(name, EXPECTED))?;
        let pattern = match operator {
            Operator::Matches => Some(pattern(fields, name, ignores_case, host)?),
            _ => None,
        };
        let operand = if ignores_case && pattern.is_none() { folded(operand) } else { operand.clone() };
        Ok(Self { operator, operand, ignores_case, pattern })
    }
}

fn folded(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(fold(text)),
        Value::Array(items) => {
            let mut texts = Vec::new();
            for item in items {
                texts.push(folded(item));
            }
            Value::Array(texts)
        }
        other => other.clone(),
    }
}

#[cfg(feature = "definitions")]
fn pattern(
    fields: &Fields<'_>,
    name: &str,
    ignores_case: bool,
    host: &dyn Host,
) -> Result<std::sync::Arc<dyn super::super::host::Pattern>, DecodeError> {
    const PATTERN: &str = "a regular expression of at most 1000 bytes";
    let source = fields.required_text(name, PATTERN)?;
    if source.len() > limits::PATTERN_BYTES {
        return Err(fields.error(name, PATTERN));
    }
    let written = if ignores_case { format!("(?i){source}") } else { source.to_owned() };
    host.pattern(&written).map_err(|expected| fields.error(name, expected))
}

/// A device has none.
#[cfg(not(feature = "definitions"))]
fn pattern(
    fields: &Fields<'_>,
    name: &str,
    _: bool,
    _: &dyn Host,
) -> Result<std::sync::Arc<dyn super::super::host::Pattern>, DecodeError> {
    Err(fields.error(name, EXPECTED))
}

/// Holds what an operator compares with to its form. A device is sent what a server has held to it.
#[cfg(feature = "definitions")]
fn check(fields: &Fields<'_>, operator: Operator, name: &'static str, ignores_case: bool) -> Result<(), DecodeError> {
    const SCALAR: &str = "a string, a number, true, false or a time {\"$time\": ms}; for null use exists";
    const LIST: &str = "an array of 1 to 256 values";
    const BOUND: &str = "a number or a time {\"$time\": ms}";
    const TEXT: &str = "a text that is not empty";
    const SIZE: &str = "at_least, at_most or exactly, with a whole number";
    const VERSION: &str = "a version, like \"1.10.2\"";
    let is_text = |value: &Value| matches!(value, Value::String(_));
    let scalar = |value: &Value, path: &Path<'_>| match value {
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Time(_) => Ok(is_text(value)),
        Value::Null | Value::Array(_) | Value::Object(_) => Err(path.expected(SCALAR)),
    };
    let bound = |value: &Value, path: &Path<'_>| match value {
        Value::Number(_) => Ok(true),
        Value::Time(_) => Ok(false),
        _ => Err(path.expected(BOUND)),
    };
    let of_texts = match operator {
        Operator::Exists => {
            fields.boolean(name)?.ok_or_else(|| fields.error(name, "true or false"))?;
            false
        }
        Operator::Is | Operator::IsNot | Operator::Contains => {
            fields.read(name, scalar)?.ok_or_else(|| fields.error(name, SCALAR))?
        }
        Operator::In | Operator::NotIn | Operator::ContainsAny | Operator::ContainsAll => {
            let texts = fields.read_all(name, limits::FILTER_VALUES, scalar)?;
            if texts.is_empty() {
                return Err(fields.error(name, LIST));
            }
            matches!(operator, Operator::In | Operator::NotIn) && texts.into_iter().all(|is_text| is_text)
        }
        Operator::Greater | Operator::AtLeast | Operator::Less | Operator::AtMost => {
            fields.read(name, bound)?.ok_or_else(|| fields.error(name, BOUND))?;
            false
        }
        Operator::Between => match fields.read_all(name, 2, bound)?.as_slice() {
            [low, high] if low == high => false,
            _ => return Err(fields.error(name, "two numbers or two times, both of which are in it")),
        },
        Operator::StartsWith | Operator::EndsWith => {
            let text = fields.required_text(name, TEXT)?;
            if text.is_empty() || text.len() > limits::STRING_BYTES {
                return Err(fields.error(name, TEXT));
            }
            true
        }
        Operator::Matches => true,
        Operator::Size => {
            fields.read(name, super::occurrences::bounds)?.ok_or_else(|| fields.error(name, SIZE))?;
            false
        }
        Operator::VersionIs
        | Operator::VersionGreater
        | Operator::VersionAtLeast
        | Operator::VersionLess
        | Operator::VersionAtMost => {
            let version = fields.required_text(name, VERSION).ok().filter(|text| version::is_version(text));
            version.ok_or_else(|| fields.error(name, VERSION))?;
            false
        }
    };
    if ignores_case && !of_texts {
        return Err(fields.error("ignore_case", "ignore_case only with texts"));
    }
    Ok(())
}
