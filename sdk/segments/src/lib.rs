//! Segments on a device: filters that are evaluated on what the server said of the user, with the records that wait on top. A module of its
//! own: with all that profiles and records are made of it is ten times as large as that of property tests, and few sites need it.
//! `sdk/js/host.js` loads it when the first message comes that has a filter.
#![cfg(target_arch = "wasm32")]

use js_sys::{Array, Reflect};
use kindling_core::{
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

/// Whether a filter holds of a user, as the SDK's own module writes them: see `hold` in `sdk/src/client/host.rs`. What this can't read does
/// not.
#[wasm_bindgen]
pub fn hold(filter: &JsValue, user: &JsValue) -> bool {
    filter_holds(filter, user).unwrap_or(false)
}

fn filter_holds(filter: &JsValue, user: &JsValue) -> Option<bool> {
    let filter: Value = serde_wasm_bindgen::from_value(filter.clone()).ok()?;
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
    mirror.evaluate(&filter, Timestamp::from_ms(member(user, "now")?.as_f64()? as i64))
}
