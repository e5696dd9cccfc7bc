//! Writing JSON.
//!
//! Records, requests and what is stored are written by this: a general writer brings code for formatting and errors, and a derived
//! serializer a copy of itself for every type. A page would have to load all that.

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
    pub(crate) fn raw(&mut self, name: &str, json: &str) {
        self.name(name);
        self.text.push_str(json);
    }

    /// A member that is a text.
    pub(crate) fn text(&mut self, name: &str, text: &str) {
        self.name(name);
        self.string(text);
    }

    /// A member that is a whole number.
    pub(crate) fn integer(&mut self, name: &str, number: i64) {
        self.name(name);
        self.text.push_str(&whole(number));
    }

    /// A member that is true or false.
    #[cfg(target_arch = "wasm32")]
    pub(crate) fn flag(&mut self, name: &str, flag: bool) {
        self.raw(name, if flag { "true" } else { "false" });
    }

    fn name(&mut self, name: &str) {
        self.separate();
        self.string(name);
        self.text.push(':');
    }

    /// Separates what follows from what stands before it, if that is a member or an element.
    fn separate(&mut self) {
        if !matches!(self.text.as_bytes().last(), Some(b'{' | b'[')) {
            self.text.push(',');
        }
    }

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
}

/// Writes a whole number.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn members_are_written_one_after_the_other() {
        let mut writer = Writer::new();
        writer.raw("a", "[1]");
        writer.integer("b", i64::MIN);
        writer.integer("c", 0);
        assert_eq!(writer.end(), r#"{"a":[1],"b":-9223372036854775808,"c":0}"#);
        assert_eq!(Writer::new().end(), "{}");
    }

    proptest! {
        #[test]
        fn texts_are_escaped_as_by_others(text in any::<String>(), control in "[\\x00-\\x1f\"\\\\]{0,4}") {
            let text = text + &control;
            let mut writer = Writer::new();
            writer.text("v", &text);
            prop_assert_eq!(writer.end(), format!("{{\"v\":{}}}", serde_json::to_string(&text).unwrap()));
        }

        #[test]
        fn numbers_are_written_to_the_last_digit(number in any::<i64>()) {
            prop_assert_eq!(whole(number), number.to_string());
        }
    }
}
