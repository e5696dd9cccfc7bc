//! The filter language on a device: a module of its own, since few messages need it and it is a fifth of what a page would load.
//! `sdk/js/host.js` loads it when the first message comes that has tests of properties, or a filter.
#![cfg(target_arch = "wasm32")]

mod convert;

use js_sys::{Array, Reflect};
use kindling_core::{
    message::tests_hold,
    profile::Profile,
    protocol::Record,
    segment::Mirror,
    time::Timestamp,
    value::{Object, Value},
};
use wasm_bindgen::{JsCast as _, prelude::*};

/// As in the SDK's own module.
#[global_allocator]
static ALLOCATOR: lol_alloc::LockedAllocator<lol_alloc::FreeListAllocator> =
    lol_alloc::LockedAllocator::new(lol_alloc::FreeListAllocator::new());

/// Whether tests of properties, as a trigger has them, hold of these properties; or whether a filter holds of a user. What this can't read
/// does not.
#[wasm_bindgen]
pub fn hold(condition: &JsValue, of: &JsValue) -> bool {
    let Some(condition) = convert::read(condition) else { return false };
    let holds =
        if condition.as_object().is_some() { filter_holds(&condition, of) } else { properties_pass(&condition, of) };
    holds.unwrap_or(false)
}

fn properties_pass(tests: &Value, properties: &JsValue) -> Option<bool> {
    let properties = convert::read(properties);
    tests_hold(tests, properties.as_ref().and_then(|properties| properties.as_object()))
}

/// Of a user as the SDK's own module writes them: see `hold` in `sdk/src/client/host.rs`.
fn filter_holds(filter: &Value, user: &JsValue) -> Option<bool> {
    let member = |of: &JsValue, name: &str| Reflect::get(of, &JsValue::from_str(name)).ok();
    let profile: Profile = serde_wasm_bindgen::from_value(member(user, "profile")?).ok()?;
    let is_anonymous = member(&member(user, "user")?, "external_id")?.is_undefined();
    let mut mirror = Mirror::new(profile, is_anonymous);
    for record in member(user, "records")?.dyn_into::<Array>().ok()?.iter() {
        // What can't be read the server will not take either.
        if let Ok(record) = serde_wasm_bindgen::from_value::<Record<Object>>(record) {
            mirror.add(&record);
        }
    }
    mirror.evaluate(filter, Timestamp::from_ms(member(user, "now")?.as_f64()? as i64))
}
