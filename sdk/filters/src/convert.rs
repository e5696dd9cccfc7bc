//! Values from JavaScript.

use js_sys::{Array, Object};
use kindling_core::{
    limits,
    value::{Number, Object as Members, Value, from_members},
};
use wasm_bindgen::{JsCast, JsValue};

/// What is read may stand in a list of tests, and those name values.
const DEPTH: usize = limits::VALUE_DEPTH + limits::FILTER_DEPTH;

/// Reads what the engine has read as JSON. `None` if it is nested too deeply.
pub(crate) fn read(value: &JsValue) -> Option<Value> {
    read_at(value, 0)
}

fn read_at(value: &JsValue, depth: usize) -> Option<Value> {
    if depth > DEPTH {
        return None;
    }
    if let Some(text) = value.as_string() {
        return Some(Value::String(text));
    }
    if let Some(number) = value.as_f64() {
        return Number::new(number).map(Value::Number);
    }
    if let Some(flag) = value.as_bool() {
        return Some(Value::Bool(flag));
    }
    if let Some(items) = value.dyn_ref::<Array>() {
        let mut read = Vec::new();
        for item in items.iter() {
            read.push(read_at(&item, depth + 1)?);
        }
        return Some(Value::Array(read));
    }
    if !value.is_object() {
        return Some(Value::Null);
    }
    let mut members = Vec::new();
    for entry in Object::entries(value.unchecked_ref()).iter() {
        let entry: Array = entry.unchecked_into();
        members.push((entry.get(0).as_string()?, read_at(&entry.get(1), depth + 1)?));
    }
    Members::from_entries(members).map(from_members)
}
