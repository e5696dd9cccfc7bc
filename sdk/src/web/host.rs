//! What the client needs of a browser.

use gloo_storage::{LocalStorage, Storage as _};
use js_sys::{Function, JsString};
use kindling_core::{
    ids::{StreamId, Uuid},
    time::Timestamp,
};
use wasm_bindgen::JsValue;
use web_sys::Storage;

use crate::client::Host;

/// Storage in localStorage, under a prefix of the workspace's own. What can't be stored there (it is full, or blocked) is kept
/// in memory for the life of the page.
#[derive(Debug)]
pub(super) struct BrowserHost {
    prefix: String,
    storage: Option<Storage>,
    /// Keys and texts.
    memory: Vec<(String, String)>,
    /// See `browser` in `sdk/js/host.js`.
    browser: Function,
}

impl BrowserHost {
    /// `key` is the SDK key: two workspaces on one site share nothing. With `memory_only` nothing is left on the device, or can be: a
    /// browser may block localStorage, in which case touching it throws, and gloo-storage with it.
    pub(super) fn new(key: &str, memory_only: bool, browser: Function) -> Self {
        let mut prefix = String::from("kindling.");
        prefix.push_str(&fingerprint(key));
        prefix.push('.');
        let storage = if memory_only { None } else { Some(LocalStorage::raw()) };
        Self { storage, prefix, memory: Vec::new(), browser }
    }

    /// The client's name for a key of localStorage, if it is the client's.
    pub(super) fn own_key<'a>(&self, key: &'a str) -> Option<&'a str> {
        key.strip_prefix(&self.prefix)
    }

    /// What the browser says to that; `None` if it throws. Always with two arguments: each way of calling has code of its own.
    fn ask(&self, what: &JsValue, of: &JsValue) -> Option<JsValue> {
        self.browser.call2(&JsValue::UNDEFINED, what, of).ok()
    }

    /// Takes what has the key out of memory.
    fn forget(&mut self, key: &str) {
        if let Some(place) = self.memory.iter().position(|(own, _)| own == key) {
            self.memory.swap_remove(place);
        }
    }

    fn full(&self, key: &str) -> String {
        let mut full = self.prefix.clone();
        full.push_str(key);
        full
    }
}

/// Eight hexadecimal digits of FNV-1a.
fn fingerprint(text: &str) -> String {
    let hash = text.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let mut digits = String::new();
    for place in (0..8).rev() {
        digits.push(char::from_digit((hash >> (place * 4)) & 15, 16).unwrap_or('0'));
    }
    digits
}

impl Host for BrowserHost {
    fn get(&self, key: &str) -> Option<String> {
        for (own, text) in &self.memory {
            if own == key {
                return Some(text.clone());
            }
        }
        self.storage.as_ref()?.get_item(&self.full(key)).ok()?
    }

    fn set(&mut self, key: &str, text: &str) -> bool {
        let stored = self.storage.as_ref().is_some_and(|storage| storage.set_item(&self.full(key), text).is_ok());
        self.forget(key);
        if !stored {
            self.memory.push((key.to_owned(), text.to_owned()));
        }
        stored
    }

    fn remove(&mut self, key: &str) {
        self.forget(key);
        if let Some(storage) = &self.storage {
            // Nothing can be done about a failure; what is left is sent again and dropped by the server.
            let _ = storage.remove_item(&self.full(key));
        }
    }

    fn keys(&self) -> Vec<String> {
        let mut keys = Vec::new();
        for (key, _) in &self.memory {
            keys.push(key.clone());
        }
        if let Some(storage) = &self.storage {
            for index in 0..storage.length().unwrap_or(0) {
                if let Ok(Some(key)) = storage.key(index)
                    && let Some(own) = self.own_key(&key)
                {
                    keys.push(own.to_owned());
                }
            }
        }
        keys
    }

    fn uuid(&mut self) -> Uuid {
        let made = self.ask(&JsValue::UNDEFINED, &JsValue::UNDEFINED).and_then(|made| made.as_string());
        // The facade makes one in any case.
        made.and_then(|made| StreamId::recall(&made)).map_or(Uuid::nil(), |id| id.0)
    }

    fn random(&mut self) -> f64 {
        js_sys::Math::random()
    }

    fn is_json(&self, text: &str) -> bool {
        self.ask(&JsString::from(text), &JsValue::UNDEFINED).is_some()
    }

    fn number(&self, text: &str) -> f64 {
        self.ask(&JsString::from(text), &JsValue::UNDEFINED).and_then(|value| value.as_f64()).unwrap_or(f64::NAN)
    }

    fn minute_of_day(&self, at: Timestamp) -> u16 {
        let minute = self.ask(&JsValue::from_f64(at.as_ms() as f64), &JsValue::UNDEFINED);
        minute.and_then(|minute| minute.as_f64()).map_or(0, |minute| minute as u16)
    }

    fn hold(&self, condition: &str, of: &str) -> Option<bool> {
        self.ask(&JsString::from(condition), &JsString::from(of))?.as_bool()
    }
}
