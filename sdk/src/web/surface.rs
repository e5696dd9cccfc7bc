//! The surface that the JavaScript facade calls: one function. What it asks for is a number, what it says is a text and up to three
//! numbers, and what it gets is a list of texts. Each function and each type that stands in a signature brings code of its own on both
//! sides; a dozen methods with arguments of their own took 7 kB.

use std::cell::RefCell;

use js_sys::Function;
use kindling_core::{
    ids::{CampaignId, DeviceId, ExternalId, StreamId},
    json::Json,
    message::Held,
    time::{Duration, Timestamp},
};
use wasm_bindgen::prelude::*;

use super::host::BrowserHost;
use crate::{
    client::{Client, Config, Effect, Reply, split_at},
    json::{Writer, whole},
    wrong::Wrong,
};

/// The SDK on this page.
struct Sdk {
    client: Client<BrowserHost>,
    /// What was last said: which stream this page writes, and when to call again. `None`: it is to be said anew.
    settled: Option<(StreamId, Option<Timestamp>, bool, bool)>,
}

/// Ends the SDK: the page wants nothing more of it.
const END: u8 = 25;

thread_local! {
    static SDK: RefCell<Option<Sdk>> = const { RefCell::new(None) };
}

/// Starts the SDK, anew if it is there. `browser` is what it asks the browser: see `sdk/js/host.js`.
#[expect(unreachable_pub, reason = "it is exported to JavaScript")]
#[wasm_bindgen]
pub fn start(options: String, browser: Function) {
    let options = Json::of(&options);
    let text = |name| options.get(name).and_then(Json::string).unwrap_or_default();
    let ms = |name| Duration::from_ms(options.get(name).and_then(Json::integer).unwrap_or_default());
    let is = |name| options.get(name).is_some();
    let config = Config {
        key: text("key"),
        sdk: text("sdk"),
        device: DeviceId::recall(&text("device")),
        session_timeout: ms("session"),
        message_interval: ms("interval"),
        flush_interval: ms("flush"),
        authentication: is("authentication"),
        agent: options.get("agent").map(|list| list.text().to_owned()),
    };
    let host = BrowserHost::new(&config.key, is("memory"), browser);
    let client = Client::new(host, config);
    SDK.set(Some(Sdk { client, settled: None }));
}

/// Does what the facade asks for, by its number in `ASKS` of `codes.js`, at the time `now`. Returns what it is answered, and then, in twos,
/// what follows from it: what there is to say as JSON, and what stands beside it.
///
/// No call into the page happens while the client is borrowed.
#[expect(unreachable_pub, reason = "it is exported to JavaScript")]
#[wasm_bindgen]
pub fn act(what: u8, text: String, x: f64, y: f64, z: f64, now: f64) -> JsValue {
    let mut said = vec![String::new()];
    SDK.with_borrow_mut(|sdk| {
        if what == END {
            *sdk = None;
        }
        if let Some(sdk) = sdk {
            said = vec![sdk.answer(what, text, (x, y, z), instant(now))];
            sdk.tell(&mut said);
        }
    });
    serde_wasm_bindgen::to_value(&said).unwrap_or_default()
}

impl Sdk {
    /// What was asked for, or the number of what is wrong with the call; empty if there is nothing to say.
    fn answer(&mut self, what: u8, text: String, (x, y, z): (f64, f64, f64), now: Timestamp) -> String {
        let client = &mut self.client;
        let mut done = Ok(());
        match what {
            // The facade has said what it wants to be told, and wants to hear what is needed of the browser.
            0 => {}
            1 => {
                // The timer has run out: it is to be set again, also for the same time.
                self.settled = None;
                client.tick(now);
            }
            2 => client.hidden(now),
            3 => client.online(now),
            4 => client.open_session(now),
            5 => client.wipe(),
            6 => client.log_out(now),
            7 => done = client.log(&text, now),
            8 => {
                let part = |name| Json::of(&text).get(name).and_then(Json::string);
                match ExternalId::parse(part("id").unwrap_or_default()) {
                    Ok(id) => {
                        let signature = part("signature");
                        let wrong = signature.as_ref().and_then(|signature| client.signature_error(signature));
                        client.change_user(id, signature.filter(|_| wrong.is_none()), now);
                        done = wrong.map_or(Ok(()), |wrong| Err(wrong.into()));
                    }
                    Err(_) => done = Err(Wrong::USER_ID),
                }
            }
            9 => done = client.set_signature(text, now).map_err(Wrong::from),
            10 => client.describe(text, now),
            11 => client.flush(index(x), now),
            12 => {
                let mut live = Vec::new();
                let mut rest = &*text;
                while let Some((id, others)) = split_at(rest, b'\n') {
                    live.extend(StreamId::recall(id));
                    rest = others;
                }
                client.adopt(&live, now);
            }
            // Another tab changed what is stored under a key of localStorage, or everything.
            13 if text.is_empty() => client.storage_changed(None),
            13 => {
                if let Some(own) = client.host().own_key(&text).map(ToOwned::to_owned) {
                    client.storage_changed(Some(&own));
                }
            }
            // What came of a flush: its number, a status and how many seconds the server asks to wait, both negative if there are none.
            14 => {
                let retry_after = (z >= 0.0).then(|| Duration::from_seconds(whole_number(z)));
                let reply = match u16::try_from(whole_number(y)) {
                    Ok(status) => Reply::Answer { status, retry_after, body: text },
                    Err(_) => Reply::Unreachable,
                };
                client.reply(index(x), reply, now);
            }
            // Until it is asked for again without a time, records are made as of that time, in milliseconds since 1970: so calls that came
            // before the module was ready keep theirs.
            15 => client.set_record_time((x > 0.0).then(|| instant(x))),
            // Whether anybody shows messages, and whether anybody wants to be told of what happens.
            16 => {
                client.set_shows_messages(x > 0.0, now);
                client.set_watched(y > 0.0);
            }
            17 => client.can_test(now),
            // Whether a message may be shown.
            18 => done = Held::read(Json::of(&text)).map(|_| ()).ok_or(Wrong::MESSAGE),
            19 => done = CampaignId::parse(text).map_err(|_| Wrong::MESSAGE).and_then(|id| client.defer(&id)),
            20 => return client.take_deferred().unwrap_or_default(),
            21 => return client.device().text(),
            22 => return client.external_id().map(|id| id.as_str().to_owned()).unwrap_or_default(),
            23 => return client.held_messages_json(),
            26 => return client.head(now),
            27 => client.not_shown(&text),
            _ => return client.queued_records(),
        }
        done.err().map_or_else(String::new, |wrong| whole(wrong.0.into()))
    }

    /// Tells what follows from a call.
    fn tell(&mut self, said: &mut Vec<String>) {
        for effect in self.client.take_effects() {
            let mut to = Writer::new();
            let mut beside = String::new();
            match effect {
                Effect::Send { flush, body, keepalive } => {
                    to.text("type", "send");
                    to.integer("flush", flush.into());
                    to.flag("keepalive", keepalive);
                    beside = body;
                }
                Effect::Show { message, event } => {
                    to.text("type", "show");
                    to.raw("message", &message.source);
                    if !event.is_empty() {
                        to.raw("event", &event);
                    }
                }
                Effect::Flushed { token, taken } => {
                    to.text("type", "flushed");
                    to.integer("token", token.into());
                    to.flag("taken", taken);
                }
                Effect::AuthenticationFailed { failure, user, signature } => {
                    to.text("type", "auth");
                    to.integer("errorCode", failure.error_code.into());
                    to.text("reason", &failure.reason);
                    to.text("userId", user.as_str());
                    if let Some(signature) = &signature {
                        to.text("signature", signature);
                    }
                }
                Effect::Activity(activity) => {
                    said.push(activity.json());
                    said.push(beside);
                    continue;
                }
            }
            said.push(to.end());
            said.push(beside);
        }
        // What draws messages is loaded by the time that there are any, to be there without a network too.
        let (mut holds, mut renders) = (false, false);
        for (message, _) in self.client.held_messages() {
            holds = true;
            renders |= message.renders;
        }
        let settled = Some((self.client.stream(), self.client.next_wake(), holds, renders));
        if let Some((stream, at, holds, renders)) = settled
            && settled != self.settled
        {
            let mut to = Writer::new();
            to.text("type", "settled");
            to.text("stream", &stream.text());
            if let Some(at) = at {
                to.integer("at", at.as_ms());
            }
            if holds {
                to.flag("held", true);
            }
            if renders {
                to.flag("renders", true);
            }
            said.push(to.end());
            said.push(String::new());
            self.settled = settled;
        }
    }
}

/// An instant as JavaScript has it.
#[expect(clippy::cast_possible_truncation, reason = "whole milliseconds")]
fn instant(ms: f64) -> Timestamp {
    Timestamp::from_ms(ms as i64)
}

/// A number that the facade got from here.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float cast saturates")]
fn index(number: f64) -> u32 {
    number as u32
}

#[expect(clippy::cast_possible_truncation, reason = "a float cast saturates")]
fn whole_number(number: f64) -> i64 {
    number as i64
}
