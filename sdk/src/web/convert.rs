//! Values across the border between JavaScript and Rust.

use js_sys::{Array, Date, JSON, Object};
use kindling_core::{
    limits,
    time::Timestamp,
    value::{Number, Object as Members, Value, from_members},
};
use serde::Serialize;
use wasm_bindgen::{JsCast, JsValue};

use crate::json;

/// Reads any plain JavaScript value: null, booleans, numbers, strings, dates, arrays and objects of these. Members that are
/// `undefined` are left out, as in JSON. The error says what is wrong.
pub(super) fn from_js(value: &JsValue) -> Result<Value, &'static str> {
    read(value, 0)
}

fn read(value: &JsValue, depth: usize) -> Result<Value, &'static str> {
    // Also what ends a value that contains itself. Properties, a level deeper than a value alone, stand in a record.
    if depth > limits::VALUE_DEPTH + 2 {
        return Err("a value may be nested at most 16 levels deep");
    }
    if value.is_null() || value.is_undefined() {
        return Ok(Value::Null);
    }
    if let Some(text) = value.as_string() {
        return Ok(Value::String(text));
    }
    if let Some(number) = value.as_f64() {
        return Number::new(number).map(Value::Number).ok_or("a number must be finite");
    }
    if let Some(flag) = value.as_bool() {
        return Ok(Value::Bool(flag));
    }
    if let Some(items) = value.dyn_ref::<Array>() {
        let mut read_items = Vec::with_capacity(items.length() as usize);
        for item in items.iter() {
            read_items.push(read(&item, depth + 1)?);
        }
        return Ok(Value::Array(read_items));
    }
    if let Some(date) = value.dyn_ref::<Date>() {
        let time = Number::new(date.get_time()).and_then(Number::as_integer);
        return time.map(|ms| Value::Time(Timestamp::from_ms(ms))).ok_or("a date must be valid");
    }
    if !value.is_object() || value.is_function() {
        return Err("only null, booleans, numbers, strings, dates, arrays and objects can be stored");
    }
    let mut members = Vec::new();
    for entry in Object::entries(value.unchecked_ref()).iter() {
        let entry: Array = entry.unchecked_into();
        let value = entry.get(1);
        if value.is_undefined() {
            continue;
        }
        let name = entry.get(0).as_string().unwrap_or_default();
        members.push((name, read(&value, depth + 1)?));
    }
    Members::from_entries(members).map(from_members).ok_or("a name stands twice in one object")
}

/// Makes a plain JavaScript value, as JSON would. `undefined` if that can't be done.
pub(super) fn to_js<T: Serialize + ?Sized>(value: &T) -> JsValue {
    to_json(value).and_then(|text| JSON::parse(&text).ok()).unwrap_or(JsValue::UNDEFINED)
}

/// Writes JSON.
pub(super) fn to_json<T: Serialize + ?Sized>(value: &T) -> Option<String> {
    json::to_string(value, |number| {
        let text = js_sys::Number::from(number).to_string_with_radix(10);
        text.map(String::from).unwrap_or_default()
    })
}

/// Reads JSON, with the engine's own reader.
pub(super) fn from_json(text: &str) -> Option<Value> {
    from_js(&JSON::parse(text).ok()?).ok()
}
