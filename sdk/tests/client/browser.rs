//! A browser for the client to live in: storage that several tabs share, and that can fail.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use kindling_core::{
    ids::{DeviceId, StreamId, Uuid},
    message::tests_hold,
    profile::Profile,
    protocol::{FlushRequest, Record, RecordKind},
    segment::Mirror,
    time::{Duration, Timestamp},
    value::Value,
};
use kindling_sdk::client::{Client, Config, Effect, Host, Reply};

/// What the tabs of a site share.
#[derive(Debug, Default)]
pub struct Disk {
    pub items: BTreeMap<String, String>,
    /// Nothing more can be stored.
    pub full: bool,
    /// Tests of properties can't be told yet.
    pub without_filters: bool,
    random: u64,
}

/// A tab's view of the disk. What can't be stored stays in the tab's memory.
#[derive(Debug, Clone)]
pub struct Tab {
    disk: Rc<RefCell<Disk>>,
    memory: BTreeMap<String, String>,
}

impl Host for Tab {
    fn get(&self, key: &str) -> Option<String> {
        self.memory.get(key).cloned().or_else(|| self.disk.borrow().items.get(key).cloned())
    }

    fn set(&mut self, key: &str, text: &str) -> bool {
        let mut disk = self.disk.borrow_mut();
        if disk.full {
            self.memory.insert(key.to_owned(), text.to_owned());
        } else {
            self.memory.remove(key);
            disk.items.insert(key.to_owned(), text.to_owned());
        }
        !disk.full
    }

    fn remove(&mut self, key: &str) {
        self.memory.remove(key);
        self.disk.borrow_mut().items.remove(key);
    }

    fn keys(&self) -> Vec<String> {
        self.memory.keys().chain(self.disk.borrow().items.keys()).cloned().collect()
    }

    fn uuid(&mut self) -> Uuid {
        let (high, low) = (self.bits(), self.bits());
        Uuid::from_u64_pair(high, low)
    }

    fn random(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn is_json(&self, text: &str) -> bool {
        serde_json::from_str::<serde_json::Value>(text).is_ok()
    }

    fn number(&self, text: &str) -> f64 {
        text.parse().unwrap()
    }

    fn minute_of_day(&self, at: Timestamp) -> u16 {
        u16::try_from(at.as_ms().div_euclid(60_000).rem_euclid(24 * 60)).unwrap()
    }

    fn hold(&self, condition: &str, of: &str) -> Option<bool> {
        if self.disk.borrow().without_filters {
            return None;
        }
        let read = |text: &str| serde_json::from_str::<Value>(text).unwrap_or(Value::Null);
        if condition.starts_with('[') {
            return tests_hold(&read(condition), read(of).as_object());
        }
        if of.is_empty() {
            return Some(false);
        }
        let mut user: serde_json::Value = serde_json::from_str(of).unwrap();
        let profile: Profile = serde_json::from_value(user["profile"].take()).unwrap();
        let mut mirror = Mirror::new(profile, user["user"].get("external_id").is_none());
        for record in user["records"].as_array().unwrap() {
            mirror.add(&serde_json::from_value::<Record>(record.clone()).unwrap());
        }
        mirror.evaluate(&read(condition), Timestamp::from_ms(user["now"].as_i64().unwrap()))
    }
}

impl Tab {
    /// Deterministic bits (SplitMix64).
    fn bits(&self) -> u64 {
        let mut disk = self.disk.borrow_mut();
        disk.random = disk.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = disk.random;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }
}

/// A browser with one site's storage.
#[derive(Debug, Clone, Default)]
pub struct Browser {
    pub disk: Rc<RefCell<Disk>>,
}

/// A page with the SDK on it.
pub struct Page {
    pub client: Client<Tab>,
    pub effects: Vec<Effect>,
}

/// A flush that a page sent.
#[derive(Debug, Clone)]
pub struct Sent {
    pub flush: u32,
    pub body: String,
    pub keepalive: bool,
}

impl Sent {
    pub fn request(&self) -> FlushRequest<kindling_core::protocol::Record> {
        serde_json::from_str(&self.body).unwrap()
    }
}

pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_ms(1_700_000_000_000).plus(Duration::from_seconds(seconds))
}

pub fn event(name: &str) -> RecordKind {
    RecordKind::CustomEvent { name: name.to_owned(), properties: None }
}

/// A record as the facade asks for it.
pub fn call(kind: &RecordKind) -> String {
    serde_json::to_string(kind).unwrap()
}

impl Browser {
    pub fn seeded(seed: u64) -> Self {
        let browser = Self::default();
        browser.disk.borrow_mut().random = seed;
        browser
    }

    /// Opens a page. `live` are the streams of pages that are still open.
    pub fn open(&self, live: &[StreamId], now: Timestamp) -> Page {
        self.open_as(None, live, now)
    }

    /// Opens a page that says which device it is on.
    pub fn open_as(&self, device: Option<DeviceId>, live: &[StreamId], now: Timestamp) -> Page {
        let tab = Tab { disk: Rc::clone(&self.disk), memory: BTreeMap::new() };
        let config = Config {
            key: "pk".into(),
            sdk: "web/test".into(),
            device,
            session_timeout: Duration::from_seconds(1800),
            message_interval: Duration::from_seconds(30),
            flush_interval: Duration::from_seconds(10),
            authentication: true,
            agent: None,
        };
        let mut client = Client::new(tab, config);
        client.set_shows_messages(true, now);
        client.set_watched(true);
        client.adopt(live, now);
        Page { client, effects: Vec::new() }
    }
}

impl Page {
    /// Gathers what the client wants done.
    pub fn run(&mut self) -> &mut Self {
        self.effects.extend(self.client.take_effects());
        self
    }

    pub fn log(&mut self, name: &str, now: Timestamp) {
        self.client.log(&call(&event(name)), now).unwrap();
    }

    /// The flushes that were sent since the last time.
    pub fn sent(&mut self) -> Vec<Sent> {
        self.run();
        let mut sent = Vec::new();
        self.effects.retain(|effect| match effect {
            Effect::Send { flush, body, keepalive } => {
                sent.push(Sent { flush: *flush, body: body.clone(), keepalive: *keepalive });
                false
            }
            _ => true,
        });
        sent
    }

    /// The one flush that was sent since the last time.
    pub fn sent_one(&mut self) -> Sent {
        let mut sent = self.sent();
        assert_eq!(sent.len(), 1, "{sent:?}");
        sent.remove(0)
    }

    /// The messages that were shown since the last time.
    pub fn shown(&mut self) -> Vec<String> {
        self.run();
        let mut shown = Vec::new();
        self.effects.retain(|effect| match effect {
            Effect::Show { message, .. } => {
                shown.push(message.id.to_string());
                false
            }
            _ => true,
        });
        shown
    }

    /// The messages that were shown since the last time, each with what triggered it, if that is still to be put into it.
    pub fn shown_with_events(&mut self) -> Vec<(String, String)> {
        self.run();
        let mut shown = Vec::new();
        self.effects.retain(|effect| match effect {
            Effect::Show { message, event } => {
                shown.push((message.id.to_string(), event.clone()));
                false
            }
            _ => true,
        });
        shown
    }

    /// What became of requests to flush since the last time.
    pub fn flushed(&mut self) -> Vec<(u32, bool)> {
        self.run();
        let mut flushed = Vec::new();
        self.effects.retain(|effect| match effect {
            Effect::Flushed { token, taken } => {
                flushed.push((*token, *taken));
                false
            }
            _ => true,
        });
        flushed
    }

    pub fn answer(&mut self, sent: &Sent, body: &str, now: Timestamp) {
        let reply = Reply::Answer { status: 200, retry_after: None, body: body.to_owned() };
        self.client.reply(sent.flush, reply, now);
    }

    /// Answers that everything was taken.
    pub fn acknowledge(&mut self, sent: &Sent, now: Timestamp) {
        let last = sent.request().records.last().map_or(0, |record| record.seq.0);
        self.answer(sent, &format!("{{\"acked\":{last}}}"), now);
    }

    /// Refuses it for want of proof of who the user is.
    pub fn doubt(&mut self, sent: &Sent, now: Timestamp) {
        let body = r#"{"code":"sdk_authentication_failed","error_code":22,"reason":"expired","status":401}"#;
        let reply = Reply::Answer { status: 401, retry_after: None, body: body.to_owned() };
        self.client.reply(sent.flush, reply, now);
    }

    /// What the page was told of users who are not proven since the last time: who, and with which signature.
    pub fn doubted(&mut self) -> Vec<(String, Option<String>)> {
        self.run();
        let mut doubted = Vec::new();
        self.effects.retain(|effect| match effect {
            Effect::AuthenticationFailed { user, signature, .. } => {
                doubted.push((user.to_string(), signature.clone()));
                false
            }
            _ => true,
        });
        doubted
    }

    pub fn fail(&mut self, sent: &Sent, status: u16, retry_after: Option<i64>, now: Timestamp) {
        let retry_after = retry_after.map(Duration::from_seconds);
        self.client.reply(sent.flush, Reply::Answer { status, retry_after, body: String::new() }, now);
    }
}
