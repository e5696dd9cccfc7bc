//! Values across the border between JavaScript and Rust.

use js_sys::{Array, Date, JSON, Object};
use kindling_core::{
    limits,
    protocol::RecordError,
    time::Timestamp,
    value::{Number, Object as Members, Value, from_members},
};
use wasm_bindgen::{JsCast, JsValue};

use crate::wrong::Wrong;

/// Reads any plain JavaScript value: null, booleans, numbers, strings, dates, arrays and objects of these. Members that are
/// `undefined` are left out, as in JSON. The error is what is wrong.
pub(super) fn from_js(value: &JsValue) -> Result<Value, Wrong> {
    read(value, 0)
}

fn read(value: &JsValue, depth: usize) -> Result<Value, Wrong> {
    // Also what ends a value that contains itself. Properties, a level deeper than a value alone, stand in a record.
    if depth > limits::VALUE_DEPTH + 2 {
        return Err(RecordError::TooDeep.into());
    }
    if value.is_null() || value.is_undefined() {
        return Ok(Value::Null);
    }
    if let Some(text) = value.as_string() {
        return Ok(Value::String(text));
    }
    if let Some(number) = value.as_f64() {
        return Number::new(number).map(Value::Number).ok_or(Wrong::NUMBER);
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
        return time.map(|ms| Value::Time(Timestamp::from_ms(ms))).ok_or(Wrong::DATE);
    }
    if !value.is_object() || value.is_function() {
        return Err(Wrong::VALUE);
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
    Members::from_entries(members).map(from_members).ok_or(Wrong::REPEATED_NAME)
}

/// Reads JSON, with the engine's own reader.
pub(super) fn from_json(text: &str) -> Option<Value> {
    from_js(&JSON::parse(text).ok()?).ok()
}
