//! The loop around the client: a call goes in, what comes out is carried out.

use std::cell::RefCell;

use js_sys::{Date, Function};
use kindling_core::{
    protocol::{RecordError, RecordKind},
    time::Timestamp,
    value::{Number, Value},
};
use wasm_bindgen::JsValue;

use super::{convert, host::BrowserHost};
use crate::client::{Client, Effect};

/// The client with its surroundings.
///
/// No call into the page happens while the client is borrowed: what the client wants told or shown is taken out first.
pub(super) struct Shell {
    client: RefCell<Client<BrowserHost>>,
    /// Takes a name and a value: the facade's side of callbacks.
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
        // As long as a timer can run; it is set anew each time.
        let wait = wake.map(|at| i32::try_from(at.since(now()).as_ms()).unwrap_or(i32::MAX));
        self.emit("settled", &list([stream.text().into(), wait.map_or(Value::Null, Value::from)]));
    }

    fn carry_out_one(&self, effect: Effect) {
        match effect {
            Effect::Send { flush, body, keepalive } => {
                self.emit("send", &list([number(flush), body.into(), keepalive.into()]));
            }
            Effect::Show(message) => self.emit("message", &message.source),
            Effect::Flushed { token, taken } => self.emit("flushed", &list([number(token), taken.into()])),
            Effect::Activity(activity) => self.emit("activity", &activity.plain()),
        }
    }

    /// Calls the facade, which catches what the page's callbacks throw.
    pub(super) fn emit(&self, name: &str, value: &Value) {
        let _ = self.emit.call2(&JsValue::UNDEFINED, &name.into(), &convert::to_js(value));
    }
}

fn list<const N: usize>(items: [Value; N]) -> Value {
    Value::Array(items.into())
}

fn number(number: u32) -> Value {
    Number::new(number.into()).map_or(Value::Null, Value::Number)
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
