//! The surface that the JavaScript facade calls. Each method converts its arguments and delegates.
//!
//! A setter returns 0 when it was done, or what is wrong, by its place in `WRONGS` of `codes.js`; the facade logs it and returns a
//! boolean.

use js_sys::{Array, Function};
use kindling_core::{
    ids::{ExternalId, StreamId},
    message::Held,
    time::Duration,
};
use wasm_bindgen::prelude::*;

use super::{
    convert,
    host::BrowserHost,
    shell::{Shell, from_clock},
};
use crate::{
    calls,
    client::{Client, Config, Reply},
    wrong::Wrong,
};

/// The SDK on one page.
#[wasm_bindgen]
pub struct Sdk {
    shell: Shell,
}

type Outcome = u8;

const DONE: Outcome = 0;

#[wasm_bindgen]
impl Sdk {
    /// Makes the SDK, with lengths in seconds. `emit([name, json, …])` is called with what happens.
    #[wasm_bindgen(constructor)]
    pub fn new(
        key: String,
        sdk: String,
        session_timeout: f64,
        message_interval: f64,
        flush_interval: f64,
        authentication: bool,
        emit: Function,
    ) -> Self {
        let host = BrowserHost::new(&key);
        let durable = host.is_durable();
        let config = Config {
            key,
            sdk,
            session_timeout: seconds(session_timeout),
            message_interval: seconds(message_interval),
            flush_interval: seconds(flush_interval),
            authentication,
        };
        let shell = Shell::new(Client::new(host, config), emit);
        if !durable {
            shell.emit(&["warning", "{}"]);
        }
        Self { shell }
    }

    /// Something happened that has nothing to say but its place in `SIGNALS` of `codes.js`: every method costs a page as much as the
    /// list.
    pub fn signal(&self, signal: u8) {
        self.shell.act(|client, now| match signal {
            // The facade has said what it wants to be told, and wants to hear what is needed of the browser.
            0 => {}
            1 => client.tick(now),
            2 => client.hidden(now),
            3 => client.online(now),
            4 => client.open_session(now),
            5 => client.wipe(),
            _ => client.log_out(now),
        });
    }

    /// What the facade asks for, by its place in `QUESTIONS` of `codes.js`.
    pub fn ask(&self, question: u8) -> Option<String> {
        self.shell.act(|client, _| match question {
            0 => Some(client.device().text()),
            1 => client.external_id().map(|id| id.as_str().to_owned()),
            2 => Some(client.held_messages_json()),
            _ => Some(client.queued_records()),
        })
    }

    /// Takes over what pages that are gone left behind: every stream but these.
    pub fn adopt(&self, live: &Array) {
        let mut streams = Vec::new();
        for id in live.iter() {
            streams.extend(id.as_string().and_then(|id| StreamId::recall(&id)));
        }
        self.shell.act(|client, now| client.adopt(&streams, now));
    }

    /// Another tab changed what is stored under a key of localStorage, or everything.
    pub fn storage_changed(&self, key: Option<String>) {
        self.shell.act(|client, _| match key {
            None => client.storage_changed(None),
            Some(key) => {
                if let Some(own) = client.host().own_key(&key).map(ToOwned::to_owned) {
                    client.storage_changed(Some(&own));
                }
            }
        });
    }

    /// What came of a flush: a status, how many seconds the server asks to wait, and the body. Without a status: no answer.
    pub fn reply(&self, flush: u32, status: Option<u16>, retry_after: Option<f64>, body: Option<String>) {
        let reply = match status {
            Some(status) => {
                Reply::Answer { status, retry_after: retry_after.map(seconds), body: body.unwrap_or_default() }
            }
            None => Reply::Unreachable,
        };
        self.shell.act(|client, now| client.reply(flush, reply, now));
    }

    /// Until it is called again without a time, records are made as of that time, in milliseconds since 1970: so calls that
    /// came before the module was ready keep theirs.
    pub fn set_record_time(&self, ms: Option<f64>) {
        self.shell.act(|client, _| client.set_record_time(ms.map(from_clock)));
    }

    /// Says whether anybody shows messages, and whether anybody wants to be told of what happens.
    pub fn set_interests(&self, shows_messages: bool, watched: bool) {
        self.shell.act(|client, now| {
            client.set_shows_messages(shows_messages, now);
            client.set_watched(watched);
        });
    }

    /// A signature that can't be used is left out.
    pub fn change_user(&self, external_id: String, signature: Option<String>) -> Outcome {
        match ExternalId::parse(external_id) {
            Ok(id) => self.shell.act(|client, now| {
                let wrong = signature.as_ref().and_then(|signature| client.signature_error(signature));
                client.change_user(id, signature.filter(|_| wrong.is_none()), now);
                wrong.map_or(DONE, |wrong| Wrong::from(wrong).0)
            }),
            Err(_) => Wrong::USER_ID.0,
        }
    }

    pub fn set_signature(&self, signature: String) -> Outcome {
        let done = self.shell.act(|client, now| client.set_signature(signature, now));
        done.err().map_or(DONE, |wrong| Wrong::from(wrong).0)
    }

    /// What the device says of itself: the members of a record, as JSON.
    pub fn describe(&self, device: String) {
        self.shell.act(|client, now| client.describe(device, now));
    }

    pub fn flush(&self, token: u32) {
        self.shell.act(|client, now| client.flush(token, now));
    }

    /// Records something: an object in the form of a record, without its place and time.
    pub fn log(&self, call: &JsValue) -> Outcome {
        let kind = convert::from_js(call).and_then(calls::record);
        let done = kind.and_then(|kind| Ok(self.shell.log(kind)?));
        done.err().map_or(DONE, |wrong| wrong.0)
    }

    /// Whether a message, as it was emitted, may be shown.
    pub fn check_message(&self, message: &JsValue) -> Outcome {
        let held = convert::from_js(message).ok().and_then(|message| Held::read(&message));
        if held.is_some() { DONE } else { Wrong::MESSAGE.0 }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a float cast saturates")]
fn seconds(seconds: f64) -> Duration {
    Duration::from_ms((seconds * 1000.0) as i64)
}
