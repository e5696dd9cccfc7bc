//! Writing JSON.
//!
//! Records, requests and what is stored are written by this: a general writer brings code for formatting and errors that a page
//! would have to load, and building JavaScript values first, for the engine's own writer, takes a call for every member.

use std::fmt;

use serde::{Serialize, Serializer, ser};

/// Writes JSON as `JSON.stringify` does. `float` writes a number that is not whole, in the shortest form that reads as the
/// same: engines have code for that. `None` if the value has no form in JSON.
pub(crate) fn to_string<T: Serialize + ?Sized>(value: &T, float: fn(f64) -> String) -> Option<String> {
    let mut writer = Writer { text: String::new(), float };
    value.serialize(&mut writer).ok()?;
    Some(writer.text)
}

/// The value has no form in JSON.
#[derive(Debug)]
struct Unwritable;

type Written = Result<(), Unwritable>;

impl fmt::Display for Unwritable {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

impl std::error::Error for Unwritable {}

impl ser::Error for Unwritable {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

struct Writer {
    text: String,
    float: fn(f64) -> String,
}

impl Writer {
    #[inline(never)]
    fn put(&mut self, text: &str) {
        self.text.push_str(text);
    }

    #[inline(never)]
    fn string(&mut self, text: &str) {
        self.text.push('"');
        for char in text.chars() {
            match char {
                '"' => self.put("\\\""),
                '\\' => self.put("\\\\"),
                '\n' => self.put("\\n"),
                '\r' => self.put("\\r"),
                '\t' => self.put("\\t"),
                '\u{8}' => self.put("\\b"),
                '\u{c}' => self.put("\\f"),
                control if control < ' ' => {
                    self.put("\\u00");
                    for shift in [4, 0] {
                        self.text.push(char::from_digit((control as u32 >> shift) & 15, 16).unwrap_or('0'));
                    }
                }
                char => self.text.push(char),
            }
        }
        self.text.push('"');
    }

    #[inline(never)]
    fn integer(&mut self, mut number: u64, is_negative: bool) {
        // As many digits as the greatest number has.
        let mut digits = [0; 20];
        let mut first = digits.len();
        loop {
            first -= 1;
            digits[first] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        if is_negative {
            self.text.push('-');
        }
        self.text.extend(digits[first..].iter().map(|digit| char::from(*digit)));
    }

    /// Opens a list of members or elements.
    fn open(&mut self, open: char, close: char) -> List<'_> {
        self.text.push(open);
        List { writer: self, close }
    }
}

/// An array or an object that is being written.
struct List<'a> {
    writer: &'a mut Writer,
    close: char,
}

impl List<'_> {
    /// Separates what follows from what stands before it, if that is a member or an element.
    #[inline(never)]
    fn next(&mut self) {
        if !self.writer.text.ends_with(['{', '[']) {
            self.writer.text.push(',');
        }
    }

    #[inline(never)]
    fn name(&mut self, name: &str) {
        self.next();
        self.writer.string(name);
        self.writer.text.push(':');
    }

    fn close(self) -> Written {
        self.writer.text.push(self.close);
        Ok(())
    }
}

impl<'a> Serializer for &'a mut Writer {
    type Ok = ();
    type Error = Unwritable;
    type SerializeSeq = List<'a>;
    type SerializeTuple = List<'a>;
    type SerializeTupleStruct = List<'a>;
    type SerializeTupleVariant = ser::Impossible<(), Unwritable>;
    type SerializeMap = List<'a>;
    type SerializeStruct = List<'a>;
    type SerializeStructVariant = ser::Impossible<(), Unwritable>;

    fn serialize_bool(self, value: bool) -> Written {
        self.put(if value { "true" } else { "false" });
        Ok(())
    }

    fn serialize_i8(self, value: i8) -> Written {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> Written {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> Written {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(self, value: i64) -> Written {
        self.integer(value.unsigned_abs(), value < 0);
        Ok(())
    }

    fn serialize_u8(self, value: u8) -> Written {
        self.serialize_u64(value.into())
    }

    fn serialize_u16(self, value: u16) -> Written {
        self.serialize_u64(value.into())
    }

    fn serialize_u32(self, value: u32) -> Written {
        self.serialize_u64(value.into())
    }

    fn serialize_u64(self, value: u64) -> Written {
        self.integer(value, false);
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Written {
        self.serialize_f64(value.into())
    }

    fn serialize_f64(self, value: f64) -> Written {
        let text = if value.is_finite() { (self.float)(value) } else { String::from("null") };
        self.put(&text);
        Ok(())
    }

    fn serialize_char(self, value: char) -> Written {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Written {
        self.string(value);
        Ok(())
    }

    /// There is no form for bytes that everybody agrees on.
    fn serialize_bytes(self, _: &[u8]) -> Written {
        Err(Unwritable)
    }

    fn serialize_none(self) -> Written {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Written {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Written {
        self.put("null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Written {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Written {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Written {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Written {
        Err(Unwritable)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<List<'a>, Unwritable> {
        Ok(self.open('[', ']'))
    }

    fn serialize_tuple(self, _: usize) -> Result<List<'a>, Unwritable> {
        Ok(self.open('[', ']'))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<List<'a>, Unwritable> {
        Ok(self.open('[', ']'))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Unwritable> {
        Err(Unwritable)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<List<'a>, Unwritable> {
        Ok(self.open('{', '}'))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<List<'a>, Unwritable> {
        Ok(self.open('{', '}'))
    }

    /// Enums of ours have their tag among their members.
    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Unwritable> {
        Err(Unwritable)
    }
}

macro_rules! elements {
    ($($trait:ident::$method:ident)*) => {$(
        impl ser::$trait for List<'_> {
            type Ok = ();
            type Error = Unwritable;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
                self.next();
                value.serialize(&mut *self.writer)
            }

            fn end(self) -> Written {
                self.close()
            }
        }
    )*};
}

elements! { SerializeSeq::serialize_element SerializeTuple::serialize_element SerializeTupleStruct::serialize_field }

impl ser::SerializeMap for List<'_> {
    type Ok = ();
    type Error = Unwritable;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Written {
        self.next();
        let start = self.writer.text.len();
        key.serialize(&mut *self.writer)?;
        // Only a text can be a name.
        if self.writer.text.as_bytes().get(start) != Some(&b'"') {
            return Err(Unwritable);
        }
        self.writer.text.push(':');
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        value.serialize(&mut *self.writer)
    }

    fn end(self) -> Written {
        self.close()
    }
}

impl ser::SerializeStruct for List<'_> {
    type Ok = ();
    type Error = Unwritable;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Written {
        self.name(name);
        value.serialize(&mut *self.writer)
    }

    fn end(self) -> Written {
        self.close()
    }
}

#[cfg(test)]
mod tests {
    use kindling_core::{
        protocol::Record,
        value::{Number, Value},
    };
    use proptest::prelude::*;

    use super::*;

    fn write<T: Serialize + ?Sized>(value: &T) -> Option<String> {
        to_string(value, |number| serde_json::to_string(&number).unwrap())
    }

    #[test]
    fn records_are_written_as_they_are_read() {
        for text in [
            r#"{"seq":1,"at":5,"type":"custom_event","name":"added","properties":{"a":[1,[],{}],"at":{"$time":5},"b":-12.5}}"#,
            r#"{"seq":2,"at":5,"type":"identified"}"#,
            r#"{"seq":3,"at":5,"type":"purchase","product_id":"mug","price":12.5,"currency":"EUR","quantity":2}"#,
            r#"{"seq":4,"at":5,"type":"attribute","name":"email","value":null}"#,
            r#"{"seq":5,"at":5,"type":"custom_attribute","name":"tags","op":"add","value":"x"}"#,
            r#"{"seq":6,"at":5,"type":"custom_attribute","name":"a","op":"set_path","path":["b","c"],"value":true}"#,
            r#"{"seq":7,"at":5,"type":"session_start","session":"00000000-0000-4000-8000-000000000001"}"#,
            r#"{"seq":8,"at":5,"type":"location","latitude":52.5,"longitude":13}"#,
            r#"{"seq":9,"at":5,"type":"device","browser":"Firefox","screen_width":412}"#,
        ] {
            let record: Record = serde_json::from_str(text).unwrap();
            assert_eq!(write(&record).as_deref(), Some(text));
        }
    }

    #[test]
    fn what_has_no_form_is_not_written() {
        assert_eq!(write(&[(1, "a")].into_iter().collect::<std::collections::BTreeMap<_, _>>()), None);
        assert_eq!(write(&f64::NAN).as_deref(), Some("null"));
        assert_eq!(write(&Result::<u8, u8>::Ok(1)), None);
    }

    proptest! {
        #[test]
        fn texts_are_escaped_as_by_others(text in any::<String>(), control in "[\\x00-\\x1f\"\\\\]{0,4}") {
            let text = text + &control;
            prop_assert_eq!(write(&text), serde_json::to_string(&text).ok());
        }

        #[test]
        fn numbers_are_written_to_the_last_digit(signed in any::<i64>(), unsigned in any::<u64>(), float in any::<f64>()) {
            prop_assert_eq!(write(&signed), serde_json::to_string(&signed).ok());
            prop_assert_eq!(write(&unsigned), serde_json::to_string(&unsigned).ok());
            if let Some(number) = Number::new(float) {
                prop_assert_eq!(write(&Value::Number(number)), serde_json::to_string(&Value::Number(number)).ok());
            }
        }
    }
}
