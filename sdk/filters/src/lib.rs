//! Tests of properties on a device: a module of its own, since few messages need it and it is a fifth of what a page would load.
//! `sdk/js/host.js` loads it when the first message comes that has tests of properties.
#![cfg(target_arch = "wasm32")]

mod convert;

use kindling_core::message::tests_hold;
use wasm_bindgen::prelude::*;

/// As in the SDK's own module.
#[global_allocator]
static ALLOCATOR: lol_alloc::LockedAllocator<lol_alloc::FreeListAllocator> =
    lol_alloc::LockedAllocator::new(lol_alloc::FreeListAllocator::new());

/// Whether tests of properties, as a trigger has them, hold of these properties. Tests that this can't read do not.
#[wasm_bindgen]
pub fn hold(tests: &JsValue, properties: &JsValue) -> bool {
    let properties = convert::read(properties);
    let properties = properties.as_ref().and_then(|properties| properties.as_object());
    convert::read(tests).and_then(|tests| tests_hold(&tests, properties)).unwrap_or(false)
}
