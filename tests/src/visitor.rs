//! Making flushes, as an SDK would.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::SystemTime,
};

use serde_json::{Value, json};

/// A device with a stream and somebody who uses it.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// The device.
    pub device: String,
    /// The stream that is written now.
    pub stream: String,
    /// Whose records these are.
    pub identity: Value,
    /// The version of the messages that the device holds; `None`: it wants none.
    pub messages: Option<String>,
    last_seq: u64,
}

impl Visitor {
    /// Somebody unknown on a new device.
    pub fn new() -> Self {
        Self {
            device: new_uuid(),
            stream: new_uuid(),
            identity: json!({"anonymous_id": new_uuid()}),
            messages: None,
            last_seq: 0,
        }
    }

    /// The same visitor, who signs in: a new stream, with the anonymous id that turned out to be somebody.
    #[must_use]
    pub fn signed_in(&self, external_id: &str) -> Self {
        let mut identity = json!({"external_id": external_id});
        // Whoever was signed in before does not turn out to be somebody else.
        if self.identity["external_id"].is_null() {
            identity["anonymous_id"] = self.identity["anonymous_id"].clone();
        }
        Self { stream: new_uuid(), identity, last_seq: 0, ..self.clone() }
    }

    /// The same visitor on another page: a new stream.
    #[must_use]
    pub fn on_another_page(&self) -> Self {
        Self { stream: new_uuid(), last_seq: 0, ..self.clone() }
    }

    /// How the management API names this device.
    pub fn device_ref(&self) -> String {
        format!("device_id:{}", self.device)
    }

    /// Puts a record at the next place of the stream. What it has of `seq` and `at` stays.
    pub fn record(&mut self, mut record: Value) -> Value {
        self.last_seq += 1;
        for (member, value) in [("seq", json!(self.last_seq)), ("at", json!(now()))] {
            if record.get(member).is_none() {
                record[member] = value;
            }
        }
        record
    }

    /// A flush of new records.
    pub fn flush_of(&mut self, records: impl IntoIterator<Item = Value>) -> Value {
        let records: Vec<Value> = records.into_iter().map(|record| self.record(record)).collect();
        self.flush(records)
    }

    /// A flush of records that have their place already. The key is put in when it is sent.
    pub fn flush(&self, records: Vec<Value>) -> Value {
        let mut flush = json!({
            "key": "",
            "sdk": "tests/1",
            "device": self.device,
            "stream": self.stream,
            "identity": self.identity,
            "sent_at": now(),
            "records": records,
        });
        if let Some(version) = &self.messages {
            flush["messages"] = version.as_str().into();
        }
        flush
    }
}

impl Default for Visitor {
    fn default() -> Self {
        Self::new()
    }
}

/// A custom event without properties.
pub fn event(name: &str) -> Value {
    json!({"type": "custom_event", "name": name})
}

/// A standard attribute set to a text.
pub fn attribute(name: &str, value: &str) -> Value {
    json!({"type": "attribute", "name": name, "value": value})
}

/// A UUID that no other call in this process gives. Each test has a server of its own, so they need not be random.
pub fn new_uuid() -> String {
    static LAST: AtomicU64 = AtomicU64::new(0);
    format!("00000000-0000-4000-8000-{:012x}", LAST.fetch_add(1, Ordering::Relaxed) + 1)
}

/// Milliseconds since 1970.
pub fn now() -> i64 {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970");
    i64::try_from(since_1970.as_millis()).expect("it is not that late")
}
