//! What the client needs of a browser.

use gloo_storage::{LocalStorage, Storage as _};
use kindling_core::{ids::Uuid, value::Value};
use web_sys::{Storage, window};

use super::convert;
use crate::client::Host;

/// Storage in localStorage, under a prefix of the workspace's own. What can't be stored there (it is full, or blocked) is kept
/// in memory for the life of the page.
#[derive(Debug)]
pub(super) struct BrowserHost {
    prefix: String,
    storage: Option<Storage>,
    /// Keys and texts.
    memory: Vec<(String, String)>,
}

impl BrowserHost {
    /// `key` is the SDK key: two workspaces on one site share nothing.
    pub(super) fn new(key: &str) -> Self {
        let mut prefix = String::from("kindling.");
        prefix.push_str(&fingerprint(key));
        prefix.push('.');
        Self { storage: local_storage(&prefix), prefix, memory: Vec::new() }
    }

    /// Whether records outlive the page.
    pub(super) const fn is_durable(&self) -> bool {
        self.storage.is_some()
    }

    /// The client's name for a key of localStorage, if it is the client's.
    pub(super) fn own_key<'a>(&self, key: &'a str) -> Option<&'a str> {
        key.strip_prefix(&self.prefix)
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

/// localStorage, if it is there and works: a browser may block it, in which case touching it throws, and gloo-storage with it.
fn local_storage(prefix: &str) -> Option<Storage> {
    window()?.local_storage().ok()??;
    let storage = LocalStorage::raw();
    let mut probe = prefix.to_owned();
    probe.push_str("probe");
    // A full storage still reads and removes, so only the reading counts.
    storage.get_item(&probe).ok()?;
    Some(storage)
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
        let mut bytes = [0; 16];
        // `getRandomValues` also works where `randomUUID` does not: on pages without TLS.
        if window().and_then(|w| w.crypto().ok()?.get_random_values_with_u8_array(&mut bytes).ok()).is_none() {
            bytes.fill_with(random_byte);
        }
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        Uuid::from_bytes(bytes)
    }

    fn random(&mut self) -> f64 {
        js_sys::Math::random()
    }

    fn decode(&self, text: &str) -> Option<Value> {
        convert::from_json(text)
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 255")]
fn random_byte() -> u8 {
    (js_sys::Math::random() * 256.0) as u8
}
