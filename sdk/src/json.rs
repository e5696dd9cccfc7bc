//! Writing JSON.
//!
//! Records, requests and what is stored are written by this: a general writer brings code for formatting and errors, and a derived
//! serializer a copy of itself for every type. A page would have to load all that.

use kindling_core::value::{Number, Object, TIME_KEY, Value};

/// An object that is being written, member by member, as `JSON.stringify` does it.
#[derive(Debug)]
pub(crate) struct Writer {
    text: String,
}

impl Writer {
    /// Opens an object.
    pub(crate) fn new() -> Self {
        Self { text: String::from("{") }
    }

    /// Closes the object.
    pub(crate) fn end(&mut self) -> String {
        self.text.push('}');
        std::mem::take(&mut self.text)
    }

    /// A member that is JSON already.
    #[inline(never)]
    pub(crate) fn raw(&mut self, name: &str, json: &str) {
        self.name(name);
        self.text.push_str(json);
    }

    /// A member that is a text.
    #[inline(never)]
    pub(crate) fn text(&mut self, name: &str, text: &str) {
        self.name(name);
        self.string(text);
    }

    /// A member that is a whole number.
    #[inline(never)]
    pub(crate) fn integer(&mut self, name: &str, number: i64) {
        self.name(name);
        self.text.push_str(&whole(number));
    }

    /// A member that is true or false.
    #[cfg(target_arch = "wasm32")]
    pub(crate) fn flag(&mut self, name: &str, flag: bool) {
        self.raw(name, truth(flag));
    }

    /// A member that is a value.
    #[inline(never)]
    pub(crate) fn value(&mut self, name: &str, value: &Value) {
        self.name(name);
        self.any(value);
    }

    /// A member that is an object.
    pub(crate) fn object(&mut self, name: &str, members: &Object) {
        self.name(name);
        self.members(members);
    }

    /// A member that is a list of values.
    pub(crate) fn values(&mut self, name: &str, values: &mut dyn Iterator<Item = &Value>) {
        self.raw(name, "[");
        for value in values {
            self.separate();
            self.any(value);
        }
        self.text.push(']');
    }

    /// A member that is a list of texts.
    pub(crate) fn texts(&mut self, name: &str, texts: &[String]) {
        self.raw(name, "[");
        for text in texts {
            self.separate();
            self.string(text);
        }
        self.text.push(']');
    }

    #[inline(never)]
    fn name(&mut self, name: &str) {
        self.separate();
        self.string(name);
        self.text.push(':');
    }

    /// Separates what follows from what stands before it, if that is a member or an element.
    #[inline(never)]
    fn separate(&mut self) {
        if !matches!(self.text.as_bytes().last(), Some(b'{' | b'[')) {
            self.text.push(',');
        }
    }

    #[inline(never)]
    fn string(&mut self, text: &str) {
        self.text.push('"');
        for char in text.chars() {
            let short = match char {
                '"' | '\\' => char,
                '\n' => 'n',
                '\r' => 'r',
                '\t' => 't',
                '\u{8}' => 'b',
                '\u{c}' => 'f',
                control if control < ' ' => {
                    self.text.push_str(if control < '\u{10}' { "\\u000" } else { "\\u001" });
                    self.text.push(char::from_digit(control as u32 & 15, 16).unwrap_or('0'));
                    continue;
                }
                char => {
                    self.text.push(char);
                    continue;
                }
            };
            self.text.push('\\');
            self.text.push(short);
        }
        self.text.push('"');
    }

    fn any(&mut self, value: &Value) {
        match value {
            Value::Null => self.text.push_str("null"),
            Value::Bool(value) => self.text.push_str(truth(*value)),
            Value::Number(number) => match number.as_integer() {
                Some(number) => self.text.push_str(&whole(number)),
                None => self.text.push_str(&float(*number)),
            },
            Value::String(text) => self.string(text),
            Value::Time(time) => {
                self.text.push('{');
                self.integer(TIME_KEY, time.as_ms());
                self.text.push('}');
            }
            Value::Array(items) => {
                self.text.push('[');
                for item in items {
                    self.separate();
                    self.any(item);
                }
                self.text.push(']');
            }
            Value::Object(members) => self.members(members),
        }
    }

    #[inline(never)]
    fn members(&mut self, members: &Object) {
        self.text.push('{');
        for (name, member) in members {
            self.value(name, member);
        }
        self.text.push('}');
    }
}

/// Writes a whole number.
#[inline(never)]
pub(crate) fn whole(number: i64) -> String {
    let mut rest = number.unsigned_abs();
    let mut unit = 1;
    while rest / unit > 9 {
        unit *= 10;
    }
    let mut text = String::new();
    if number < 0 {
        text.push('-');
    }
    while unit > 0 {
        text.push(char::from(b'0' + (rest / unit) as u8));
        rest %= unit;
        unit /= 10;
    }
    text
}

const fn truth(flag: bool) -> &'static str {
    if flag { "true" } else { "false" }
}

/// The shortest form that reads as the same number. Engines have code for that.
#[cfg(target_arch = "wasm32")]
fn float(number: Number) -> String {
    js_sys::Number::from(number.get()).to_string_with_radix(10).map(String::from).unwrap_or_default()
}

#[cfg(not(target_arch = "wasm32"))]
fn float(number: Number) -> String {
    number.get().to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn write(value: &Value) -> String {
        let mut writer = Writer::new();
        writer.value("v", value);
        writer.end()
    }

    fn expected(value: &Value) -> String {
        format!("{{\"v\":{}}}", serde_json::to_string(value).unwrap())
    }

    #[test]
    fn values_are_written_as_by_others() {
        let json = r#"{"a":[1,[],{},null],"at":{"$time":-5},"b":-12.5,"c":[true,false],"d":9007199254740991}"#;
        let value = serde_json::from_str(json).unwrap();
        assert_eq!(write(&value), format!("{{\"v\":{json}}}"));
        let mut writer = Writer::new();
        writer.raw("a", "[1]");
        writer.integer("b", i64::MIN);
        writer.integer("c", 0);
        assert_eq!(writer.end(), r#"{"a":[1],"b":-9223372036854775808,"c":0}"#);
    }

    proptest! {
        #[test]
        fn texts_are_escaped_as_by_others(text in any::<String>(), control in "[\\x00-\\x1f\"\\\\]{0,4}") {
            let value = Value::String(text + &control);
            prop_assert_eq!(write(&value), expected(&value));
        }

        #[test]
        fn numbers_are_written_to_the_last_digit(whole in any::<i64>(), float in any::<f64>()) {
            let mut writer = Writer::new();
            writer.integer("v", whole);
            prop_assert_eq!(writer.end(), format!("{{\"v\":{whole}}}"));
            if let Some(number) = Number::new(float) {
                let read: serde_json::Value = serde_json::from_str(&write(&Value::Number(number))).unwrap();
                prop_assert_eq!(read["v"].as_f64(), Some(number.get()));
            }
        }
    }
}
