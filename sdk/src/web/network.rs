//! Sending flushes.

use js_sys::{Function, Promise, Reflect};
use kindling_core::time::Duration;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{AbortSignal, RequestCredentials, RequestInit, Response, window};

use crate::client::Reply;

/// A request that takes longer counts as lost.
const TIMEOUT_MS: u32 = 30_000;

/// Sends a flush and calls `done` with what came of it, never before this returns.
///
/// The body is text and there are no headers of our own: a simple request, which needs no preflight.
pub(super) fn send(url: &str, body: &str, keepalive: bool, done: impl FnOnce(Reply) + 'static) {
    let Some(window) = window() else { return };
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_body(&JsValue::from_str(body));
    init.set_credentials(RequestCredentials::Omit);
    if keepalive {
        // Missing in older browsers: there the request is like any other, and may be lost with the page.
        let _ = Reflect::set(&init, &"keepalive".into(), &JsValue::TRUE);
    } else if has_timeout() {
        init.set_signal(Some(&AbortSignal::timeout_with_u32(TIMEOUT_MS)));
    }
    let answered = Closure::once_into_js(|response: JsValue| -> JsValue {
        let response: Response = response.unchecked_into();
        match response.text() {
            // The pair travels on to the next step: the answer with its text.
            Ok(text) => pair(&text, &response),
            Err(error) => Promise::reject(&error).into(),
        }
    });
    let read = |value: JsValue| -> Reply {
        let pair: js_sys::Array = value.unchecked_into();
        let response: Response = pair.get(1).unchecked_into();
        let retry_after = response.headers().get("retry-after").ok().flatten();
        Reply::Answer {
            status: response.status(),
            retry_after: retry_after.and_then(|seconds| seconds.trim().parse().ok()).map(Duration::from_seconds),
            body: pair.get(0).as_string().unwrap_or_default(),
        }
    };
    // One of the two is called, and takes `done` with it.
    let done = std::rc::Rc::new(std::cell::Cell::new(Some(done)));
    let finish = move |reply: Reply| {
        if let Some(done) = done.take() {
            done(reply);
        }
    };
    let failed = finish.clone();
    let succeeded = Closure::once_into_js(move |value: JsValue| finish(read(value)));
    let failed = Closure::once_into_js(move |_: JsValue| failed(Reply::Unreachable));
    let sent = window.fetch_with_str_and_init(url, &init);
    let chain = call(&sent, "then", &[&answered]).and_then(|text| call(&text, "then", &[&succeeded, &failed]));
    let _ = chain;
}

/// A promise of `[text, response]`.
fn pair(text: &Promise, response: &Response) -> JsValue {
    Promise::all(&js_sys::Array::of2(text, response)).into()
}

fn has_timeout() -> bool {
    Reflect::get(&js_sys::global(), &"AbortSignal".into())
        .and_then(|signal| Reflect::has(&signal, &"timeout".into()))
        .unwrap_or(false)
}

/// Calls a method of a promise with closures that free themselves when they are called.
fn call(promise: &JsValue, method: &str, callbacks: &[&JsValue]) -> Result<JsValue, JsValue> {
    let then: Function = Reflect::get(promise, &method.into())?.dyn_into()?;
    Reflect::apply(&then, promise, &callbacks.iter().copied().collect::<js_sys::Array>())
}
