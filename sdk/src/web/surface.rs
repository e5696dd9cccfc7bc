//! The surface that the JavaScript facade calls. Each method converts its arguments and delegates.
//!
//! A setter returns `undefined` when it was done, or a sentence that says why not; the facade logs it and returns a boolean.

use std::rc::Rc;

use js_sys::{Array, Function, JSON, Reflect};
use kindling_core::{
    ids::{CampaignId, ExternalId},
    message::InAppMessage,
    profile::StandardAttribute,
    protocol::{AttributeChange, Currency, Hundredths, RecordKind},
    time::Duration,
    value::{Number, Value},
};
use wasm_bindgen::prelude::*;

use super::{
    convert,
    host::BrowserHost,
    shell::{Shell, from_clock},
};
use crate::client::{Client, Config};

/// The SDK on one page.
#[wasm_bindgen]
pub struct Sdk {
    shell: Rc<Shell>,
}

type Outcome = Option<String>;

#[wasm_bindgen]
impl Sdk {
    /// Makes the SDK. `emit(name, value)` is called with what happens.
    #[wasm_bindgen(constructor)]
    pub fn new(key: String, url: String, sdk: String, options: &JsValue, emit: Function) -> Self {
        let number = |name: &str, least: f64, default: f64| {
            let given = Reflect::get(options, &name.into()).ok().and_then(|value| value.as_f64());
            given.filter(|given| *given >= least).unwrap_or(default)
        };
        let host = BrowserHost::new(&key);
        let durable = host.is_durable();
        let config = Config {
            key,
            sdk,
            session_timeout: seconds(number("sessionTimeoutInSeconds", 1.0, 1800.0)),
            message_interval: seconds(number("minimumIntervalBetweenTriggerActionsInSeconds", 0.0, 30.0)),
            flush_interval: seconds(number("flushIntervalInSeconds", 1.0, 10.0)),
        };
        #[expect(clippy::cast_possible_truncation, reason = "a float cast saturates")]
        let z_index = number("inAppMessageZIndex", 0.0, 9001.0) as i32;
        let shell = Shell::start(Client::new(host, config), url, z_index, emit);
        if !durable {
            shell.emit("warning", &"storage is blocked: records are kept in memory only".into());
        }
        Self { shell }
    }

    /// Begins to send what earlier pages left. The facade calls it when it has said what it wants to be told.
    pub fn begin(&self) {
        self.shell.adopt();
    }

    /// Until it is called again without a time, records are made as of that time, in milliseconds since 1970: so calls that
    /// came before the module was ready keep theirs.
    pub fn set_record_time(&self, ms: Option<f64>) {
        self.shell.act(|client, _| client.set_record_time(ms.map(from_clock)));
    }

    /// Stops for good.
    pub fn stop(&self) {
        self.shell.stop();
    }

    pub fn device_id(&self) -> String {
        self.shell.look(|client| client.device().to_string())
    }

    pub fn external_id(&self) -> Option<String> {
        self.shell.act(|client, _| client.external_id().map(ToString::to_string))
    }

    pub fn set_shows_messages(&self, shows: bool) {
        self.shell.act(|client, _| client.set_shows_messages(shows));
    }

    pub fn set_watched(&self, watched: bool) {
        self.shell.act(|client, _| client.set_watched(watched));
    }

    pub fn open_session(&self) {
        self.shell.act(Client::open_session);
    }

    pub fn change_user(&self, external_id: String) -> Outcome {
        match ExternalId::parse(external_id) {
            Ok(id) => {
                self.shell.act(|client, now| client.change_user(id, now));
                None
            }
            Err(_) => Some("a user id must have 1 to 997 bytes and no control characters".to_owned()),
        }
    }

    pub fn wipe(&self) {
        self.shell.display.clear();
        self.shell.act(|client, _| client.wipe());
    }

    pub fn flush(&self, token: u32) {
        self.shell.act(|client, now| client.flush(token, now));
    }

    pub fn log_custom_event(&self, name: String, properties: &JsValue) -> Outcome {
        self.try_log(|| Ok(RecordKind::CustomEvent { name, properties: convert::members_from_js(properties)? }))
    }

    pub fn log_purchase(
        &self,
        product_id: String,
        price: f64,
        currency: &str,
        quantity: f64,
        properties: &JsValue,
    ) -> Outcome {
        self.try_log(|| {
            let quantity = Number::new(quantity).and_then(Number::as_integer).and_then(|n| u32::try_from(n).ok());
            Ok(RecordKind::Purchase {
                product_id,
                price: Hundredths::from_units(price).ok_or("a price must be from 0 to 10,000,000")?,
                currency: Currency::parse(currency).ok_or("a currency must be an ISO 4217 code, like EUR")?,
                quantity: quantity.ok_or("a quantity must be a whole number from 1 to 100")?,
                properties: convert::members_from_js(properties)?,
            })
        })
    }

    pub fn set_attribute(&self, name: &str, value: &JsValue) -> Outcome {
        self.try_log(|| {
            let name = StandardAttribute::parse(name).ok_or("there is no such attribute")?;
            Ok(RecordKind::Attribute { name, value: convert::from_js(value)? })
        })
    }

    pub fn set_custom_attribute(&self, name: String, value: &JsValue) -> Outcome {
        self.try_log(|| {
            let change = AttributeChange::Set { value: convert::from_js(value)? };
            Ok(RecordKind::CustomAttribute { name, change })
        })
    }

    pub fn increment_custom_attribute(&self, name: String, by: f64) -> Outcome {
        self.try_log(|| {
            let change = AttributeChange::Increment { by: Number::new(by).ok_or("a number must be finite")? };
            Ok(RecordKind::CustomAttribute { name, change })
        })
    }

    pub fn add_to_custom_attribute(&self, name: String, value: String) -> Outcome {
        let change = AttributeChange::Add { value: Value::String(value) };
        self.try_log(|| Ok(RecordKind::CustomAttribute { name, change }))
    }

    pub fn remove_from_custom_attribute(&self, name: String, value: String) -> Outcome {
        let change = AttributeChange::Remove { value: Value::String(value) };
        self.try_log(|| Ok(RecordKind::CustomAttribute { name, change }))
    }

    /// Shows a message, as it was emitted.
    pub fn show_message(&self, message: &JsValue) -> Outcome {
        let message = convert::from_js(message).ok().and_then(|value| InAppMessage::read(&value).ok());
        match message {
            Some(message) => {
                self.shell.display.show(message);
                None
            }
            None => Some("that is not a message of this SDK".to_owned()),
        }
    }

    /// Takes a message from the page.
    pub fn close_message(&self, id: &str) {
        self.shell.display.close(id);
    }

    pub fn log_message_impression(&self, message: String) -> Outcome {
        self.try_log(|| Ok(RecordKind::MessageImpression { message: campaign(message)? }))
    }

    pub fn log_message_click(&self, message: String, button: Option<String>) -> Outcome {
        self.try_log(|| Ok(RecordKind::MessageClick { message: campaign(message)?, button }))
    }

    /// The held messages, each with `last_shown_at`.
    pub fn held_messages(&self) -> Array {
        self.shell.look(|client| client.held_messages().map(|held| convert::to_js(&held)).collect())
    }

    /// The records that wait.
    pub fn queued_records(&self) -> JsValue {
        JSON::parse(&self.shell.look(Client::queued_records)).unwrap_or_else(|_| Array::new().into())
    }
}

impl Sdk {
    fn try_log(&self, kind: impl FnOnce() -> Result<RecordKind, &'static str>) -> Outcome {
        let done = kind().and_then(|kind| self.shell.log(kind).map_err(|error| error.detail()));
        done.err().map(ToOwned::to_owned)
    }
}

fn campaign(id: String) -> Result<CampaignId, &'static str> {
    CampaignId::parse(id).map_err(|_| "that is not a message of this SDK")
}

#[expect(clippy::cast_possible_truncation, reason = "a float cast saturates")]
fn seconds(seconds: f64) -> Duration {
    Duration::from_ms((seconds * 1000.0) as i64)
}
