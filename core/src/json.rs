//! JSON that is looked at where it lies.
//!
//! A page has to load every byte of the SDK, and a tree of values brings code for making it, copying it, sorting it and writing it
//! again. Most JSON that passes through a page need not be taken apart: what a site logs goes to the server as the engine wrote it, and
//! a message goes to those who draw it as the server wrote it. [`Json`] finds the few members that somebody has to look at, and
//! [`check`] holds a value against the limits in one pass over its text.
//!
//! The text comes from `JSON.stringify`, from `serde_json` or from the SDK's own writer, which all write alike: nothing is escaped
//! that need not be. Of other texts, damaged ones too, parts are found or nothing is; nothing panics.

use crate::{
    limits,
    value::{ValueError, is_name_of},
};

/// The text of one JSON value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Json<'a>(&'a str);

impl<'a> Json<'a> {
    /// Takes a text for what it says it is.
    pub fn of(text: &'a str) -> Self {
        Self(text.trim_ascii())
    }

    /// The text itself.
    pub const fn text(self) -> &'a str {
        self.0
    }

    /// The member of an object. One that is null counts as missing.
    pub fn get(self, name: &str) -> Option<Self> {
        for (member, value) in self.members() {
            if member.plain() == Some(name) {
                return (value.0 != "null").then_some(value);
            }
        }
        None
    }

    /// The members of an object, with their names; of an array the elements, each with an empty text for a name. Of anything else
    /// none.
    pub fn members(self) -> Members<'a> {
        let rest = if self.is_object() || self.is_array() { self.0.get(1..).unwrap_or_default() } else { "" };
        Members { rest }
    }

    /// Whether it is an object.
    pub fn is_object(self) -> bool {
        self.starts_with(b'{')
    }

    /// Whether it is an array.
    pub fn is_array(self) -> bool {
        self.starts_with(b'[')
    }

    /// Whether it is a string.
    pub fn is_string(self) -> bool {
        self.starts_with(b'"')
    }

    fn starts_with(self, byte: u8) -> bool {
        self.0.as_bytes().first() == Some(&byte)
    }

    /// What a string says, if nothing in it is escaped.
    pub fn plain(self) -> Option<&'a str> {
        let inner = self.inner()?;
        (!inner.as_bytes().contains(&b'\\')).then_some(inner)
    }

    /// What stands between a string's quotation marks.
    fn inner(self) -> Option<&'a str> {
        if self.is_string() { self.0.get(1..self.0.len() - 1) } else { None }
    }

    /// What a string says.
    pub fn string(self) -> Option<String> {
        let mut chars = self.inner()?.chars();
        let mut text = String::new();
        while let Some(char) = chars.next() {
            text.push(if char == '\\' { unescaped(&mut chars)? } else { char });
        }
        Some(text)
    }

    /// A whole number of at most 18 digits.
    pub fn integer(self) -> Option<i64> {
        let (sign, digits) = match self.0.as_bytes() {
            [b'-', digits @ ..] => (-1, digits),
            digits => (1, digits),
        };
        whole(digits).map(|number| sign * number)
    }
}

/// A whole number of 1 to 18 digits.
pub fn whole(digits: &[u8]) -> Option<i64> {
    let mut number = 0;
    for digit in digits {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number * 10 + i64::from(digit);
    }
    (1..=18).contains(&digits.len()).then_some(number)
}

/// The character that stands behind a backslash. Half of a pair of surrogates is no character.
fn unescaped(chars: &mut std::str::Chars<'_>) -> Option<char> {
    Some(match chars.next()? {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'u' => {
            let mut code = 0;
            for _ in 0..4 {
                code = code << 4 | chars.next()?.to_digit(16)?;
            }
            char::from_u32(code)?
        }
        other => other,
    })
}

/// Goes through the members of an object or the elements of an array.
#[derive(Debug, Clone)]
pub struct Members<'a> {
    rest: &'a str,
}

impl<'a> Members<'a> {
    /// Takes a value, with what separates it from the one before.
    fn take(&mut self) -> Option<Json<'a>> {
        let mut rest = self.rest;
        while let [b',' | b':' | b' ' | b'\n' | b'\r' | b'\t', ..] = rest.as_bytes() {
            rest = rest.get(1..)?;
        }
        let end = end_of_value(rest.as_bytes());
        let value = rest.get(..end).filter(|value| !value.is_empty())?;
        self.rest = rest.get(end..)?.trim_ascii_start();
        Some(Json::of(value))
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = (Json<'a>, Json<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let first = self.take()?;
        if self.rest.as_bytes().first() == Some(&b':') { Some((first, self.take()?)) } else { Some((Json(""), first)) }
    }
}

/// Where the value ends that the text begins with. The whole of a damaged one is taken for a value.
fn end_of_value(text: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => at = end_of_string(text, at),
            b'{' | b'[' => {
                depth += 1;
                at += 1;
            }
            b'}' | b']' if depth == 0 => break,
            b'}' | b']' => {
                depth -= 1;
                at += 1;
            }
            b',' | b':' if depth == 0 => break,
            _ => {
                at += 1;
                continue;
            }
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// The place behind the string that begins `at` a quotation mark.
fn end_of_string(text: &[u8], mut at: usize) -> usize {
    loop {
        at += 1;
        match text.get(at) {
            None => return text.len(),
            Some(b'"') => return at + 1,
            Some(b'\\') => at += 1,
            Some(_) => {}
        }
    }
}

/// A string as it is measured.
struct Measured {
    bytes: usize,
    chars: usize,
    /// It has half of a pair of surrogates, which is no character.
    broken: bool,
}

/// Measures what a string says, whose text is this with the quotation marks.
fn measured(text: &[u8]) -> Measured {
    let mut measured = Measured { bytes: 0, chars: 0, broken: false };
    let mut at = 1;
    while at + 1 < text.len() {
        let byte = text[at];
        // The further bytes of a character begin with 10.
        measured.chars += usize::from(byte & 0xc0 != 0x80);
        measured.bytes += 1;
        if byte == b'\\' {
            at += 1;
            if text[at] == b'u' {
                measured.broken |= matches!(text.get(at + 1..at + 3), Some([b'd' | b'D', next]) if *next >= b'8');
                at += 4;
            }
        }
        at += 1;
    }
    measured
}

/// Whether a string may name an event, attribute, product or property.
pub fn is_name(name: Json<'_>) -> bool {
    let Measured { bytes, chars, broken } = measured(name.0.as_bytes());
    name.is_string() && is_name_of(bytes, chars) && !broken && name.0.as_bytes().get(1) != Some(&b'$')
}

/// What a value is measured for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The properties of an event: an object, which can't be a time.
    Properties,
    /// The value of an attribute.
    Attribute,
}

const TIME: &[u8] = b"\"$time\"";

/// Holds a value against the limits of properties and attributes, as [`crate::value::Value::check`] does it for a tree.
pub fn check(value: Json<'_>, place: Place) -> Result<(), ValueError> {
    let text = value.0.as_bytes();
    let mut depth = 0_usize;
    // A bit for each container that is open, the innermost the lowest: whether it is an array.
    let mut arrays = 0_u32;
    let mut bytes = 0;
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        if matches!(byte, b'}' | b']') {
            depth = depth.saturating_sub(1);
            arrays >>= 1;
            at += 1;
            continue;
        }
        if matches!(byte, b',' | b':' | b' ' | b'\n' | b'\r' | b'\t') {
            at += 1;
            continue;
        }
        if *byte == b'"' {
            let end = end_of_string(text, at);
            let string = text.get(at..end).unwrap_or_default();
            let Measured { bytes: length, chars, broken } = measured(string);
            if text.get(end) == Some(&b':') {
                if string == TIME && is_time(text, at, end) && (depth > 1 || place == Place::Attribute) {
                    // Such an object counts as 24 bytes: what is added here and for its parts.
                    bytes += 5;
                } else if !is_name_of(length, chars) || broken || string.get(1) == Some(&b'$') {
                    return Err(ValueError::BadName);
                }
                bytes += length + 4;
                at = end + 1;
                continue;
            }
            if length > limits::STRING_BYTES || broken {
                return Err(ValueError::StringTooLong);
            }
            bytes += length + 2;
            at = end;
        } else {
            at += 1;
            if !matches!(byte, b'{' | b'[') {
                while text.get(at).is_some_and(|byte| !matches!(byte, b',' | b'}' | b']')) {
                    at += 1;
                }
            }
            bytes += match byte {
                b'{' | b'[' => 2,
                b'n' | b't' | b'f' => 4,
                _ => 8,
            };
        }
        // A value began here.
        if depth > limits::VALUE_DEPTH {
            return Err(ValueError::TooDeep);
        }
        bytes += usize::from(depth > 0 && arrays & 1 == 1);
        if matches!(byte, b'{' | b'[') {
            depth += 1;
            arrays = arrays << 1 | u32::from(*byte == b'[');
        }
    }
    if bytes > limits::PROPERTIES_BYTES { Err(ValueError::TooLarge) } else { Ok(()) }
}

/// Whether the name that stands from `at` to `end` is the only one of its object, and its value a whole number.
fn is_time(text: &[u8], at: usize, end: usize) -> bool {
    let digits = text.get(end + 1..).unwrap_or_default();
    let digits = digits.strip_prefix(b"-").unwrap_or(digits);
    let length = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    at > 0
        && text[at - 1] == b'{'
        && digits.get(length) == Some(&b'}')
        && digits.get(..length).and_then(whole).is_some_and(|number| number <= limits::SAFE_INTEGER)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::value::{Value, check_properties, tests::any_value};

    #[test]
    fn members_are_found() {
        let json = Json::of(r#" {"a":{"b":[1,"]}\"",{"c":null}]},"d" : -12 ,"e\n":"f\"\u0007ä","g":null} "#);
        assert_eq!(json.get("a").unwrap().text(), r#"{"b":[1,"]}\"",{"c":null}]}"#);
        let items: Vec<_> = json.get("a").unwrap().get("b").unwrap().members().map(|(_, item)| item.text()).collect();
        assert_eq!(items, ["1", r#""]}\"""#, r#"{"c":null}"#]);
        assert_eq!(json.get("d").and_then(Json::integer), Some(-12));
        assert_eq!(json.get("g"), None);
        let (name, value) = json.members().nth(2).unwrap();
        assert_eq!((name.string().unwrap(), value.string().unwrap()), ("e\n".into(), "f\"\u{7}ä".into()));
        assert_eq!((value.plain(), json.get("d").unwrap().plain()), (None, None));
        assert_eq!(
            Json::of("[]").members().count() + Json::of("{}").members().count() + Json::of("7").members().count(),
            0
        );
        for no_integer in ["", "-", "1.5", "1e3", "1234567890123456789", "\"1\""] {
            assert_eq!(Json::of(no_integer).integer(), None, "{no_integer}");
        }
    }

    #[test]
    fn names_are_judged_as_they_read() {
        let good = |name: &str| is_name(Json::of(&serde_json::to_string(name).unwrap()));
        assert!(good("a") && good("\"\n$") && good(&"é".repeat(255)) && good(&"\u{7}".repeat(255)));
        assert!(!good("") && !good("$a") && !good(&"é".repeat(256)) && !good(&"\"".repeat(256)));
        assert!(!is_name(Json::of("7")) && !is_name(Json::of(r#""\ud800""#)));
    }

    fn judged(value: &Value, place: Place) -> bool {
        check(Json::of(&serde_json::to_string(value).unwrap()), place).is_ok()
    }

    #[test]
    fn sizes_are_counted_as_in_a_tree() {
        let nested = |text: &str, count: usize| {
            format!(r#"{{"a":[{}],"t":{{"$time":-5}},"n":[null,true,1.5e3,{{}}]}}"#, vec![text; count].join(","))
        };
        for (text, bytes) in [(r#""\n\u0007""#, 5), (r#"{"$time":7}"#, 25), ("12345", 9), (r#"{"bc":[[]]}"#, 15)] {
            for count in limits::PROPERTIES_BYTES / bytes - 24..limits::PROPERTIES_BYTES / bytes + 4 {
                let value: Value = serde_json::from_str(&nested(text, count)).unwrap();
                assert_eq!(judged(&value, Place::Attribute), value.check().is_ok(), "{text} {count}");
            }
        }
    }

    #[test]
    fn depth_strings_and_names_are_bounded() {
        for depth in 15..20 {
            let json = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
            let value: Value = serde_json::from_str(&json).unwrap();
            assert_eq!(check(Json::of(&json), Place::Attribute), value.check(), "{depth}");
        }
        let string = |length: usize| format!("\"{}\"", "x".repeat(length));
        assert_eq!(check(Json::of(&string(limits::STRING_BYTES)), Place::Attribute), Ok(()));
        assert_eq!(
            check(Json::of(&string(limits::STRING_BYTES + 1)), Place::Attribute),
            Err(ValueError::StringTooLong)
        );
        for (json, place, fits) in [
            (r#"{"$time":5}"#, Place::Attribute, true),
            (r#"{"$time":5}"#, Place::Properties, false),
            (r#"{"a":{"$time":5}}"#, Place::Properties, true),
            (r#"{"a":{"$time":5.5}}"#, Place::Properties, false),
            (r#"{"a":{"$time":5,"b":1}}"#, Place::Properties, false),
            (r#"{"a":{"b":1,"$time":5}}"#, Place::Properties, false),
            (r#"{"a":{"$time":99999999999999999}}"#, Place::Properties, false),
            (r#"{"$inc":5}"#, Place::Properties, false),
            (r#"{"":5}"#, Place::Properties, false),
            (r#"{"\ud800":5}"#, Place::Properties, false),
            (r#"["\udfff"]"#, Place::Attribute, false),
        ] {
            assert_eq!(check(Json::of(json), place).is_ok(), fits, "{json}");
        }
    }

    proptest! {
        #[test]
        fn a_text_is_judged_as_its_tree(value in any_value()) {
            prop_assert_eq!(judged(&value, Place::Attribute), value.check().is_ok());
            if let Value::Object(members) = &value {
                prop_assert_eq!(judged(&value, Place::Properties), check_properties(members).is_ok());
            }
        }

        #[test]
        fn what_is_found_is_what_is_there(value in any_value()) {
            let text = serde_json::to_string(&value).unwrap();
            let found: Vec<Value> =
                Json::of(&text).members().map(|(_, part)| serde_json::from_str(part.text()).unwrap()).collect();
            let wanted: Vec<Value> = match &value {
                Value::Array(items) => items.clone(),
                Value::Object(members) => members.iter().map(|(_, member)| member.clone()).collect(),
                Value::Time(at) => vec![serde_json::from_str(&at.as_ms().to_string()).unwrap()],
                _ => vec![],
            };
            prop_assert_eq!(found, wanted);
            if let Value::String(string) = &value {
                prop_assert_eq!(&Json::of(&text).string().unwrap(), string);
            }
        }

        #[test]
        fn nothing_panics(text in "[{}\\[\\]\",:\\\\u0d8 é1-]{0,24}") {
            let json = Json::of(&text);
            let _ = (json.get("a"), json.string(), json.plain(), json.integer(), is_name(json));
            let _ = (check(json, Place::Attribute), json.members().take(100).count());
        }
    }
}
