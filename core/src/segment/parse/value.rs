//! Reading tests of values.

use crate::{
    decode::{DecodeError, Fields, Path},
    limits,
    segment::{
        host::Host,
        test::{Bound, Bounds, Edge, Range, Rule, Test, TextForm, TextRule, VersionRange},
        version::Version,
    },
    text::fold,
    value::Value,
};

const OPERATORS: [&str; 22] = [
    "is",
    "is_not",
    "in",
    "not_in",
    "exists",
    "greater",
    "at_least",
    "less",
    "at_most",
    "between",
    "contains",
    "starts_with",
    "ends_with",
    "matches",
    "contains_any",
    "contains_all",
    "size",
    "version_is",
    "version_greater",
    "version_at_least",
    "version_less",
    "version_at_most",
];
const EXPECTED: &str = "exactly one of: is, is_not, in, not_in, exists, greater, at_least, less, at_most, between, contains, \
                        starts_with, ends_with, matches, contains_any, contains_all, size, version_is, version_greater, \
                        version_at_least, version_less, version_at_most";
const SCALAR: &str = "a string, a number, true, false or a time {\"$time\": ms}; for null use exists";
const LIST: &str = "an array of 1 to 256 values";
const BOUND: &str = "a number or a time {\"$time\": ms}";
const TEXT: &str = "a text that is not empty";

impl Test {
    /// Reads the one operator that stands beside the keys of its subject.
    pub fn parse(fields: &Fields<'_>, subject: &[&'static str], host: &dyn Host) -> Result<Self, DecodeError> {
        let allowed: Vec<&str> = subject.iter().copied().chain(OPERATORS).chain(["ignore_case"]).collect();
        fields.only(&allowed, EXPECTED)?;
        let mut given = OPERATORS.into_iter().filter(|operator| fields.has(operator));
        let (Some(operator), None) = (given.next(), given.next()) else { return Err(fields.error_here(EXPECTED)) };
        let ignores_case = fields.boolean("ignore_case")?.unwrap_or(false);
        let (negated, rule) = match operator {
            "exists" => {
                (!fields.boolean("exists")?.ok_or_else(|| fields.error("exists", "true or false"))?, Rule::Exists)
            }
            "is" | "is_not" => {
                let value = fields.read(operator, scalar)?.ok_or_else(|| fields.error(operator, SCALAR))?;
                (operator == "is_not", one_of(vec![value], ignores_case))
            }
            "in" | "not_in" => (operator == "not_in", one_of(list(fields, operator)?, ignores_case)),
            _ => (false, rule(fields, operator, ignores_case, host)?),
        };
        if ignores_case && !matches!(rule, Rule::InIgnoringCase(_) | Rule::ContainsIgnoringCase(_) | Rule::Text(_)) {
            return Err(fields.error("ignore_case", "ignore_case only with texts"));
        }
        Ok(Self { negated, rule })
    }
}

fn rule(fields: &Fields<'_>, operator: &'static str, ignores_case: bool, host: &dyn Host) -> Result<Rule, DecodeError> {
    let text = || {
        let text = fields.required_text(operator, TEXT)?;
        if text.is_empty() || text.len() > limits::STRING_BYTES {
            return Err(fields.error(operator, TEXT));
        }
        Ok(if ignores_case { fold(text) } else { text.to_owned() })
    };
    let form = |form| Rule::Text(TextRule { form, ignores_case });
    Ok(match operator {
        "greater" => Rule::Within(Range { low: Some((bound(fields, operator)?, Edge::Excluded)), high: None }),
        "at_least" => Rule::Within(Range { low: Some((bound(fields, operator)?, Edge::Included)), high: None }),
        "less" => Rule::Within(Range { low: None, high: Some((bound(fields, operator)?, Edge::Excluded)) }),
        "at_most" => Rule::Within(Range { low: None, high: Some((bound(fields, operator)?, Edge::Included)) }),
        "between" => match fields.read_all("between", 2, as_bound)?.as_slice() {
            [low @ Bound::Number(_), high @ Bound::Number(_)] | [low @ Bound::Time(_), high @ Bound::Time(_)] => {
                Rule::Within(Range { low: Some((*low, Edge::Included)), high: Some((*high, Edge::Included)) })
            }
            _ => return Err(fields.error("between", "two numbers or two times, both of which are in it")),
        },
        "contains" => match fields.read("contains", scalar)?.ok_or_else(|| fields.error("contains", SCALAR))? {
            Value::String(text) if ignores_case => Rule::ContainsIgnoringCase(fold(&text)),
            value => Rule::Contains(value),
        },
        "starts_with" => form(TextForm::StartsWith(text()?)),
        "ends_with" => form(TextForm::EndsWith(text()?)),
        "matches" => {
            const PATTERN: &str = "a regular expression of at most 1000 bytes";
            let source = fields.required_text(operator, PATTERN)?;
            if source.len() > limits::PATTERN_BYTES {
                return Err(fields.error(operator, PATTERN));
            }
            let written = if ignores_case { format!("(?i){source}") } else { source.to_owned() };
            let pattern = host.pattern(&written).map_err(|expected| fields.error(operator, expected))?;
            form(TextForm::Matches(pattern, written))
        }
        "contains_any" => Rule::ContainsAny(list(fields, operator)?),
        "contains_all" => Rule::ContainsAll(list(fields, operator)?),
        "size" => Rule::Size(fields.read("size", size)?.ok_or_else(|| fields.error("size", SIZE))?),
        _ => {
            const VERSION: &str = "a version, like \"1.10.2\"";
            let version = fields.required_text(operator, VERSION).ok().and_then(Version::parse);
            let version = version.ok_or_else(|| fields.error(operator, VERSION))?;
            let (low, high) = match operator {
                "version_is" => (Some((version.clone(), Edge::Included)), Some((version, Edge::Included))),
                "version_greater" => (Some((version, Edge::Excluded)), None),
                "version_at_least" => (Some((version, Edge::Included)), None),
                "version_less" => (None, Some((version, Edge::Excluded))),
                _ => (None, Some((version, Edge::Included))),
            };
            Rule::Version(VersionRange { low, high })
        }
    })
}

fn one_of(values: Vec<Value>, ignores_case: bool) -> Rule {
    let lower = |value: &Value| value.as_str().map(fold);
    match values.iter().map(lower).collect::<Option<Vec<_>>>() {
        Some(texts) if ignores_case => Rule::InIgnoringCase(texts),
        _ => Rule::In(values),
    }
}

fn list(fields: &Fields<'_>, key: &'static str) -> Result<Vec<Value>, DecodeError> {
    let values = fields.read_all(key, limits::FILTER_VALUES, scalar)?;
    if values.is_empty() { Err(fields.error(key, LIST)) } else { Ok(values) }
}

fn scalar(value: &Value, path: &Path<'_>) -> Result<Value, DecodeError> {
    match value {
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Time(_) => Ok(value.clone()),
        Value::Null | Value::Array(_) | Value::Object(_) => Err(path.expected(SCALAR)),
    }
}

fn bound(fields: &Fields<'_>, key: &'static str) -> Result<Bound, DecodeError> {
    fields.read(key, as_bound)?.ok_or_else(|| fields.error(key, BOUND))
}

fn as_bound(value: &Value, path: &Path<'_>) -> Result<Bound, DecodeError> {
    match value {
        Value::Number(number) => Ok(Bound::Number(*number)),
        Value::Time(time) => Ok(Bound::Time(*time)),
        _ => Err(path.expected(BOUND)),
    }
}

const SIZE: &str = "at_least, at_most or exactly, with a whole number";

fn size(value: &Value, path: &Path<'_>) -> Result<Bounds, DecodeError> {
    super::occurrences::bounds(value, path)
}
