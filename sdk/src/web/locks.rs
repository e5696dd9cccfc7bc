//! Locks that tell other pages which streams are taken care of. Without them everything works, only some records are sent by
//! two pages and dropped once by the server.

use js_sys::{Array, Function, Promise, Reflect};
use kindling_core::ids::StreamId;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::window;

const PREFIX: &str = "kindling.stream.";

/// The browser's lock manager, if it has one and the page may use it.
fn manager() -> Option<JsValue> {
    let locks = Reflect::get(&window()?.navigator(), &"locks".into()).ok()?;
    locks.is_object().then_some(locks)
}

fn call(target: &JsValue, method: &str, arguments: &Array) -> Option<Promise> {
    let function: Function = Reflect::get(target, &method.into()).ok()?.dyn_into().ok()?;
    Reflect::apply(&function, target, arguments).ok()?.dyn_into().ok()
}

/// A lock that is held until it is dropped, or the page is gone.
#[derive(Debug)]
pub(super) struct StreamLock {
    release: Option<Function>,
}

impl StreamLock {
    /// Asks for the lock of a stream. Nobody else ever wants it, so it is granted.
    pub(super) fn hold(stream: StreamId) -> Self {
        let Some(manager) = manager() else { return Self { release: None } };
        let mut release = None;
        let held = Promise::new(&mut |resolve, _| release = Some(resolve));
        let mut name = String::from(PREFIX);
        name.push_str(&stream.to_string());
        let callback = Closure::once_into_js(move |_: JsValue| -> JsValue { held.into() });
        if let Some(request) = call(&manager, "request", &Array::of2(&name.into(), &callback)) {
            ignore(&request);
        }
        Self { release }
    }
}

impl Drop for StreamLock {
    fn drop(&mut self) {
        if let Some(release) = self.release.take() {
            let _ = release.call0(&JsValue::UNDEFINED);
        }
    }
}

/// Finds out which streams are taken care of and passes them on. Without locks: none.
pub(super) fn live_streams(done: impl FnOnce(Vec<StreamId>) + 'static) {
    let query = manager().and_then(|manager| call(&manager, "query", &Array::new()));
    let Some(query) = query else { return done(Vec::new()) };
    let done = Closure::once_into_js(move |snapshot: JsValue| done(read(&snapshot).unwrap_or_default()));
    if let Ok(then) = Reflect::get(&query, &"then".into()).and_then(JsCast::dyn_into::<Function>) {
        let _ = then.call2(&query, &done, &done);
    }
}

fn read(snapshot: &JsValue) -> Option<Vec<StreamId>> {
    let mut streams = Vec::new();
    // A lock that is being asked for belongs to a page that is just starting.
    for state in ["held", "pending"] {
        let locks: Array = Reflect::get(snapshot, &state.into()).ok()?.dyn_into().ok()?;
        for lock in locks.iter() {
            let name = Reflect::get(&lock, &"name".into()).ok()?.as_string()?;
            streams.extend(name.strip_prefix(PREFIX).and_then(|id| StreamId::parse(id).ok()));
        }
    }
    Some(streams)
}

/// A failed request means no lock, which does no harm, and must not appear as an unhandled rejection.
fn ignore(promise: &Promise) {
    let nothing = Closure::once_into_js(|_: JsValue| {});
    if let Ok(catch) = Reflect::get(promise, &"catch".into()).and_then(JsCast::dyn_into::<Function>) {
        let _ = catch.call1(promise, &nothing);
    }
}
