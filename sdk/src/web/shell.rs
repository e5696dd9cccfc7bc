//! The loop around the client: a call goes in, what comes out is carried out.

use std::cell::RefCell;

use js_sys::{Date, Function};
use kindling_core::{
    protocol::{RecordError, RecordKind},
    time::Timestamp,
};
use wasm_bindgen::JsValue;

use super::host::BrowserHost;
use crate::{
    client::{Client, Effect},
    json::Writer,
};

/// The client with its surroundings.
///
/// No call into the page happens while the client is borrowed: what the client wants told or shown is taken out first.
pub(super) struct Shell {
    client: RefCell<Client<BrowserHost>>,
    /// The facade's side of callbacks.
    emit: Function,
}

impl Shell {
    pub(super) const fn new(client: Client<BrowserHost>, emit: Function) -> Self {
        Self { client: RefCell::new(client), emit }
    }

    /// Does something with the client and carries out what follows from it.
    pub(super) fn act<T>(&self, act: impl FnOnce(&mut Client<BrowserHost>, Timestamp) -> T) -> T {
        let result = act(&mut self.client.borrow_mut(), now());
        self.carry_out();
        result
    }

    /// Looks at the client.
    pub(super) fn look<T>(&self, look: impl FnOnce(&Client<BrowserHost>) -> T) -> T {
        look(&self.client.borrow())
    }

    /// Records something.
    pub(super) fn log(&self, kind: RecordKind) -> Result<(), RecordError> {
        self.act(|client, now| client.log(kind, now))
    }

    fn carry_out(&self) {
        loop {
            let effects = self.client.borrow_mut().take_effects();
            if effects.is_empty() {
                break;
            }
            for effect in effects {
                self.carry_out_one(effect);
            }
        }
        let (stream, wake) = self.look(|client| (client.stream(), client.next_wake()));
        let to = &mut Writer::new();
        to.text("stream", &stream.text());
        if let Some(at) = wake {
            // As long as a timer can run; it is set anew each time.
            to.integer("wait", at.since(now()).as_ms().min(i32::MAX.into()));
        }
        self.emit(&["settled", &to.end()]);
    }

    fn carry_out_one(&self, effect: Effect) {
        let to = &mut Writer::new();
        match effect {
            Effect::Send { flush, body, keepalive } => {
                to.integer("flush", flush.into());
                to.flag("keepalive", keepalive);
                self.emit(&["send", &to.end(), &body]);
            }
            Effect::Show(message) => {
                to.value("message", &message.source);
                self.emit(&["show", &to.end()]);
            }
            Effect::Flushed { token, taken } => {
                to.integer("token", token.into());
                to.flag("taken", taken);
                self.emit(&["flushed", &to.end()]);
            }
            Effect::AuthenticationFailed { failure, user, signature } => {
                to.integer("errorCode", failure.error_code.into());
                to.text("reason", &failure.reason);
                to.text("userId", user.as_str());
                if let Some(signature) = &signature {
                    to.text("signature", signature);
                }
                self.emit(&["auth", &to.end()]);
            }
            Effect::Activity(activity) => self.emit(&["activity", &activity.json()]),
        }
    }

    /// Calls the facade, which catches what the page's callbacks throw: a name, what there is to say as JSON, and what stands
    /// beside it.
    pub(super) fn emit(&self, parts: &[&str]) {
        let parts = serde_wasm_bindgen::to_value(parts).unwrap_or_default();
        let _ = self.emit.call1(&JsValue::UNDEFINED, &parts);
    }
}

/// The device's clock.
fn now() -> Timestamp {
    from_clock(Date::now())
}

/// An instant as JavaScript has it.
#[expect(clippy::cast_possible_truncation, reason = "whole milliseconds")]
pub(super) fn from_clock(ms: f64) -> Timestamp {
    Timestamp::from_ms(ms as i64)
}
