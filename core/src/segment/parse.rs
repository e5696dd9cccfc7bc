//! Reading filters and tests from JSON values.

use super::filter::{AttributeRef, Bound, EventCount, Filter, Test};
use crate::{
    decode::{DecodeError, Fields, Path},
    limits,
    profile::StandardAttribute,
    time::Duration,
    value::{Value, is_name},
};

const OPERATORS: [&str; 6] = ["is", "is_not", "in", "greater", "less", "exists"];
const FILTER_FORMS: &str = "an object with one of: all, any, not, attribute, custom_attribute, event";

impl Filter {
    /// Reads a filter. The error names the path inside the filter and says what was expected there; unknown keys are errors.
    pub fn parse(value: &Value) -> Result<Self, DecodeError> {
        Self::parse_within(value, &Path::Definition)
    }

    /// Reads a filter that stands somewhere inside a definition.
    pub fn parse_within(value: &Value, path: &Path<'_>) -> Result<Self, DecodeError> {
        Self::parse_at(value, path, 0, &mut 0)
    }

    fn parse_at(value: &Value, path: &Path<'_>, depth: usize, nodes: &mut usize) -> Result<Self, DecodeError> {
        *nodes += 1;
        if depth > limits::FILTER_DEPTH {
            return Err(path.expected("less nesting (a filter has at most 16 levels)"));
        }
        if *nodes > limits::FILTER_NODES {
            return Err(path.expected("fewer conditions (a filter has at most 256)"));
        }
        let Value::Object(members) = value else { return Err(path.expected(FILTER_FORMS)) };
        let fields = Fields::of(value, path)?;
        if fields.has("all") || fields.has("any") {
            let name = if fields.has("all") { "all" } else { "any" };
            fields.only(&[name], "no other key beside all or any")?;
            if !matches!(members.get(name), Some(Value::Array(_))) {
                return Err(fields.error(name, "an array of filters"));
            }
            let parts = fields
                .read_all(name, limits::FILTER_NODES, |part, path| Self::parse_at(part, path, depth + 1, nodes))?;
            return Ok(if name == "all" { Self::All(parts) } else { Self::Any(parts) });
        }
        if fields.has("not") {
            fields.only(&["not"], "no other key beside not")?;
            let part = fields.read("not", |part, path| Self::parse_at(part, path, depth + 1, nodes))?;
            return part.map(|part| Self::Not(Box::new(part))).ok_or_else(|| fields.error("not", FILTER_FORMS));
        }
        if fields.has("attribute") {
            let name = fields.required_text("attribute", STANDARD_NAMES)?;
            let attribute = StandardAttribute::parse(name).ok_or_else(|| fields.error("attribute", STANDARD_NAMES))?;
            return Ok(Self::Attribute(AttributeRef::Standard(attribute), Test::parse(&fields, "attribute")?));
        }
        if fields.has("custom_attribute") {
            let name = name(&fields, "custom_attribute")?;
            return Ok(Self::Attribute(AttributeRef::Custom(name), Test::parse(&fields, "custom_attribute")?));
        }
        if fields.has("event") {
            return parse_event(&fields);
        }
        Err(path.expected(FILTER_FORMS))
    }
}

const STANDARD_NAMES: &str = "a standard attribute: email, first_name, last_name, phone_number, gender, date_of_birth, \
                              country, home_city, language or time_zone (others are custom_attribute)";

fn name(fields: &Fields<'_>, key: &str) -> Result<String, DecodeError> {
    const EXPECTED: &str = "a name of 1 to 255 characters";
    let name = fields.required_text(key, EXPECTED)?;
    if is_name(name) { Ok(name.to_owned()) } else { Err(fields.error(key, EXPECTED)) }
}

fn parse_event(fields: &Fields<'_>) -> Result<Filter, DecodeError> {
    fields.only(&["event", "count", "within"], "event, count and within only")?;
    let event = name(fields, "event")?;
    let within = fields.read("within", |value, path| {
        const EXPECTED: &str = "a duration of at most 731 days, like \"90s\", \"30m\", \"12h\", \"7d\" or \"2w\"";
        let duration = value.as_str().and_then(Duration::parse).ok_or_else(|| path.expected(EXPECTED))?;
        if duration > limits::FILTER_WINDOW { Err(path.expected(EXPECTED)) } else { Ok(duration) }
    })?;
    let most = if within.is_some() { limits::EVENT_RECENT_TIMES as u64 } else { u64::MAX };
    let at_least = fields
        .read("count", |value, path| {
            const EXPECTED: &str = "a whole number from 1 (to 64 with within)";
            let count = Fields::of(value, path)?;
            count.only(&["at_least"], "at_least only")?;
            let number = count.integer("at_least")?.and_then(|number| u64::try_from(number).ok());
            number.filter(|n| (1..=most).contains(n)).ok_or_else(|| count.error("at_least", EXPECTED))
        })?
        .unwrap_or(1);
    Ok(Filter::EventCount(EventCount { event, at_least, within }))
}

impl Test {
    /// Reads the one operator that stands beside the key that names the subject.
    pub fn parse(fields: &Fields<'_>, subject: &'static str) -> Result<Self, DecodeError> {
        const EXPECTED: &str = "exactly one of: is, is_not, in, greater, less, exists";
        let mut allowed = vec![subject];
        allowed.extend(OPERATORS);
        fields.only(&allowed, EXPECTED)?;
        let mut given = OPERATORS.into_iter().filter(|operator| fields.has(operator));
        let (Some(operator), None) = (given.next(), given.next()) else {
            return Err(fields.error_here(EXPECTED));
        };
        let test = match operator {
            "in" => Self::In(fields.read_all("in", limits::FILTER_NODES, scalar)?),
            "greater" => Self::Greater(bound(fields, "greater")?),
            "less" => Self::Less(bound(fields, "less")?),
            "exists" => Self::Exists(fields.boolean("exists")?.ok_or_else(|| fields.error("exists", "true or false"))?),
            _ => {
                let value = fields.read(operator, scalar)?;
                let value = value.ok_or_else(|| fields.error(operator, SCALAR))?;
                if operator == "is" { Self::Is(value) } else { Self::IsNot(value) }
            }
        };
        if matches!(&test, Self::In(values) if values.is_empty()) {
            return Err(fields.error("in", "an array of at least one value"));
        }
        Ok(test)
    }
}

const SCALAR: &str = "a string, a number, true, false or a time {\"$time\": ms}; for null use exists";

fn scalar(value: &Value, path: &Path<'_>) -> Result<Value, DecodeError> {
    match value {
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Time(_) => Ok(value.clone()),
        Value::Null | Value::Array(_) | Value::Object(_) => Err(path.expected(SCALAR)),
    }
}

fn bound(fields: &Fields<'_>, key: &str) -> Result<Bound, DecodeError> {
    match fields.get(key) {
        Some(Value::Number(number)) => Ok(Bound::Number(*number)),
        Some(Value::Time(time)) => Ok(Bound::Time(*time)),
        _ => Err(fields.error(key, "a number or a time {\"$time\": ms}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<Filter, String> {
        Filter::parse(&serde_json::from_str(json).unwrap()).map_err(|e| e.to_string())
    }

    #[test]
    fn every_form_is_read() {
        assert_eq!(
            parse(r#"{"all":[{"attribute":"country","is":"DE"},{"not":{"any":[]}}]}"#),
            Ok(Filter::All(vec![
                Filter::Attribute(AttributeRef::Standard(StandardAttribute::Country), Test::Is("DE".into())),
                Filter::Not(Box::new(Filter::Any(vec![]))),
            ]))
        );
        assert_eq!(
            parse(r#"{"event":"added","count":{"at_least":2},"within":"7d"}"#),
            Ok(Filter::EventCount(EventCount {
                event: "added".into(),
                at_least: 2,
                within: Some(Duration::from_days(7))
            }))
        );
        assert_eq!(
            parse(r#"{"event":"added"}"#),
            Ok(Filter::EventCount(EventCount { event: "added".into(), at_least: 1, within: None }))
        );
        assert_eq!(
            parse(r#"{"custom_attribute":"age","greater":30}"#),
            Ok(Filter::Attribute(AttributeRef::Custom("age".into()), Test::Greater(Bound::Number(30.into()))))
        );
    }

    #[test]
    fn errors_name_the_path_and_what_was_expected() {
        for (json, wanted) in [
            (r#"{"all":[{"event":"a"},{"event":"b","within":"7 days"}]}"#, "$.all[1].within: expected a duration"),
            (r#"{"any":{}}"#, "$.any: expected an array"),
            (r#"{"any":[],"x":1}"#, "$.x: expected no other key"),
            (r#"{"not":{"foo":1}}"#, "$.not: expected an object with one of"),
            (r#"{"attribute":"plan","is":1}"#, "$.attribute: expected a standard attribute"),
            (r#"{"custom_attribute":"plan"}"#, "$: expected exactly one of"),
            (r#"{"custom_attribute":"plan","is":1,"less":2}"#, "$: expected exactly one of"),
            (r#"{"custom_attribute":"plan","is":null}"#, "$.is: expected a string, a number"),
            (r#"{"custom_attribute":"plan","equals":1}"#, "$.equals: expected exactly one of"),
            (r#"{"custom_attribute":"plan","in":[]}"#, "$.in: expected an array of at least one"),
            (r#"{"custom_attribute":"plan","in":["a",[]]}"#, "$.in[1]: expected a string"),
            (r#"{"event":"a","count":{"at_least":65},"within":"1d"}"#, "$.count.at_least: expected a whole number"),
            (r#"{"event":"a","count":{"at_least":0}}"#, "$.count.at_least: expected a whole number"),
            (r#"{"event":"a","count":{"at_most":1}}"#, "$.count.at_most: expected at_least only"),
            (r#"{"event":"","within":"1d"}"#, "$.event: expected a name"),
            (r#"{"event":"a","within":"3000d"}"#, "$.within: expected a duration of at most 731 days"),
            ("[]", "$: expected an object with one of"),
        ] {
            let error = parse(json).unwrap_err();
            assert!(error.contains(wanted), "{json}: {error}");
        }
    }

    #[test]
    fn size_is_bounded() {
        let deep = format!("{}{}{}", r#"{"not":"#.repeat(17), r#"{"event":"a"}"#, "}".repeat(17));
        assert!(parse(&deep).unwrap_err().contains("less nesting"));
        let wide = format!(r#"{{"all":[{}]}}"#, vec![r#"{"event":"a"}"#; 256].join(","));
        assert!(parse(&wide).unwrap_err().contains("fewer conditions"));
    }
}
