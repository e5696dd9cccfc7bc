//! The loop around the client: a call goes in, what comes out is carried out.

use std::{
    cell::{Cell, RefCell},
    rc::{Rc, Weak},
};

use js_sys::{Date, Function};
use kindling_core::{
    message::InAppMessage,
    protocol::{RecordError, RecordKind},
    time::Timestamp,
};
use wasm_bindgen::JsValue;

use super::{
    convert,
    display::Display,
    host::BrowserHost,
    locks::{StreamLock, live_streams},
    network,
    page::Page,
};
use crate::client::{Client, Effect};

/// The client with its surroundings.
///
/// No call into the page happens while the client is borrowed: what the client wants told or shown is taken out first.
pub(super) struct Shell {
    me: Weak<Self>,
    client: RefCell<Client<BrowserHost>>,
    url: String,
    /// Takes a name and a value: the facade's side of callbacks.
    emit: Function,
    page: RefCell<Option<Page>>,
    lock: RefCell<Option<(String, StreamLock)>>,
    pub(super) display: Display,
    stopped: Cell<bool>,
    /// The page has been left, and has not come back.
    gone: Cell<bool>,
}

impl Shell {
    pub(super) fn start(client: Client<BrowserHost>, url: String, z_index: i32, emit: Function) -> Rc<Self> {
        let shell = Rc::new_cyclic(|me| Self {
            me: Weak::clone(me),
            client: RefCell::new(client),
            url,
            emit,
            page: RefCell::new(None),
            lock: RefCell::new(None),
            display: Display::new(z_index, Weak::clone(me)),
            stopped: Cell::new(false),
            gone: Cell::new(false),
        });
        *shell.page.borrow_mut() = Page::listen(&shell.me);
        shell.act(|_, _| ());
        shell
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

    /// Stops for good: listeners, timer, lock and display go.
    pub(super) fn stop(&self) {
        self.stopped.set(true);
        self.page.borrow_mut().take();
        self.lock.borrow_mut().take();
        self.display.clear();
    }

    pub(super) fn tick(&self) {
        self.act(Client::tick);
    }

    pub(super) fn hidden(&self) {
        self.act(Client::hidden);
    }

    /// The page is left. A browser may keep it for going back: its records are not taken care of until then, so others may. If it
    /// comes back, it may send again what they sent, which does no harm.
    pub(super) fn left(&self) {
        self.gone.set(true);
        self.hidden();
        self.lock.borrow_mut().take();
    }

    pub(super) fn online(&self) {
        self.adopt();
        self.act(Client::online);
    }

    /// The page is visible again: time to look for what other pages left.
    pub(super) fn shown(&self) {
        self.gone.set(false);
        self.adopt();
        self.tick();
    }

    pub(super) fn storage_changed(&self, key: Option<String>) {
        let own = key.as_deref().map(|key| self.look(|client| client.host().own_key(key).map(ToOwned::to_owned)));
        match own {
            None => self.act(|client, _| client.storage_changed(None)),
            Some(Some(own)) => self.act(|client, _| client.storage_changed(Some(&own))),
            Some(None) => {}
        }
    }

    /// Takes over what pages that are gone left behind.
    pub(super) fn adopt(&self) {
        let me = self.me.clone();
        live_streams(move |live| {
            if let Some(shell) = me.upgrade().filter(|shell| !shell.stopped.get()) {
                shell.act(|client, now| client.adopt(&live, now));
            }
        });
    }

    fn carry_out(&self) {
        if self.stopped.get() {
            return;
        }
        loop {
            let effects = self.client.borrow_mut().take_effects();
            if effects.is_empty() {
                break;
            }
            for effect in effects {
                self.carry_out_one(effect);
            }
        }
        self.hold_lock();
        self.set_timer();
    }

    fn carry_out_one(&self, effect: Effect) {
        match effect {
            Effect::Send { flush, body, keepalive } => {
                let me = self.me.clone();
                network::send(&self.url, &body, keepalive, move |reply| {
                    if let Some(shell) = me.upgrade().filter(|shell| !shell.stopped.get()) {
                        shell.act(|client, now| client.reply(flush, reply, now));
                    }
                });
            }
            Effect::Show(message) => self.emit("message", &convert::to_js::<InAppMessage>(&message)),
            Effect::Flushed { token, taken } => {
                let pair = serde_wasm_bindgen::to_value(&(token, taken));
                self.emit("flushed", &pair.unwrap_or_default());
            }
            Effect::Activity(activity) => self.emit("activity", &convert::to_js(&activity)),
        }
    }

    /// Calls the facade, which catches what the page's callbacks throw.
    pub(super) fn emit(&self, name: &str, value: &JsValue) {
        let _ = self.emit.call2(&JsValue::UNDEFINED, &name.into(), value);
    }

    /// Holds the lock of the stream that is written.
    fn hold_lock(&self) {
        if self.gone.get() {
            return;
        }
        let stream = self.client.borrow().stream();
        let name = stream.to_string();
        let mut lock = self.lock.borrow_mut();
        if lock.as_ref().is_none_or(|(held, _)| *held != name) {
            *lock = Some((name, StreamLock::hold(stream)));
        }
    }

    fn set_timer(&self) {
        let wake = self.client.borrow().next_wake();
        let wait = wake.map(|at| i32::try_from(at.since(now()).as_ms()).unwrap_or(i32::MAX));
        if let Some(page) = self.page.borrow_mut().as_mut() {
            page.set_timer(wait);
        }
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
