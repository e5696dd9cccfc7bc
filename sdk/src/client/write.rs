//! What the client writes, as JSON: records, whose they are, and the head of a flush. It is what the types' own serializers write,
//! which tests hold it to; those bring a copy of each for every place that it stands in.

use kindling_core::{
    ids::Seq,
    protocol::{AttributeChange, FlushRequest, Identity, RecordKind},
    time::Timestamp,
    value::{Number, Object, Value},
};

use crate::json::Writer;

/// Writes what a device says of itself, which is an object as JSON.
pub(super) fn device(seq: Seq, at: Timestamp, said: &str) -> String {
    let to = &mut Writer::new();
    to.integer("seq", seq.0.cast_signed());
    to.integer("at", at.as_ms());
    to.text("type", "device");
    let mut record = to.end();
    record.pop();
    record.push(',');
    record.push_str(said.get(1..).unwrap_or("}"));
    record
}

/// Writes a record.
pub(super) fn record(seq: Seq, at: Timestamp, kind: &RecordKind) -> String {
    let to = &mut Writer::new();
    to.integer("seq", seq.0.cast_signed());
    to.integer("at", at.as_ms());
    to.text("type", name(kind));
    match kind {
        RecordKind::CustomEvent { name, properties } => {
            to.text("name", name);
            optional_object(to, properties.as_ref());
        }
        RecordKind::Purchase { product_id, price, currency, quantity, properties } => {
            to.text("product_id", product_id);
            optional_number(to, "price", Number::new(price.as_units()));
            to.text("currency", currency.as_str());
            to.integer("quantity", i64::from(*quantity));
            optional_object(to, properties.as_ref());
        }
        RecordKind::Attribute { name, value } => {
            to.text("name", name.name());
            to.value("value", value);
        }
        RecordKind::CustomAttribute { name, change: changed } => {
            to.text("name", name);
            change(to, changed);
        }
        RecordKind::SessionStart { session } => to.text("session", &session.text()),
        RecordKind::SessionEnd { session, duration_ms } => {
            to.text("session", &session.text());
            to.integer("duration_ms", *duration_ms);
        }
        RecordKind::Identified => {}
        RecordKind::MessageImpression { message } | RecordKind::MessageDismissal { message } => {
            to.text("message", message.as_str());
        }
        RecordKind::MessageClick { message, button } => {
            to.text("message", message.as_str());
            optional_text(to, "button", button.as_deref());
        }
        RecordKind::Subscription { channel, state } => {
            to.text("channel", channel.name());
            to.text("state", state.name());
        }
        RecordKind::SubscriptionGroup { group, state } => {
            to.text("group", group);
            to.text("state", state.name());
        }
        RecordKind::Location(place) => {
            optional_number(to, "latitude", Some(place.latitude));
            optional_number(to, "longitude", Some(place.longitude));
            optional_number(to, "altitude", place.altitude);
            optional_number(to, "accuracy", place.accuracy);
        }
        RecordKind::Alias { label, name } => {
            to.text("label", label);
            to.text("name", name);
        }
        // It is not made by a call: see `device`.
        RecordKind::Device(_) => {}
    }
    to.end()
}

const fn name(kind: &RecordKind) -> &'static str {
    match kind {
        RecordKind::CustomEvent { .. } => "custom_event",
        RecordKind::Purchase { .. } => "purchase",
        RecordKind::Attribute { .. } => "attribute",
        RecordKind::CustomAttribute { .. } => "custom_attribute",
        RecordKind::SessionStart { .. } => "session_start",
        RecordKind::SessionEnd { .. } => "session_end",
        RecordKind::Identified => "identified",
        RecordKind::MessageImpression { .. } => "message_impression",
        RecordKind::MessageClick { .. } => "message_click",
        RecordKind::MessageDismissal { .. } => "message_dismissal",
        RecordKind::Subscription { .. } => "subscription",
        RecordKind::SubscriptionGroup { .. } => "subscription_group",
        RecordKind::Location(_) => "location",
        RecordKind::Alias { .. } => "alias",
        RecordKind::Device(_) => "device",
    }
}

fn change(to: &mut Writer, change: &AttributeChange) {
    let name = match change {
        AttributeChange::Set { .. } => "set",
        AttributeChange::Increment { .. } => "increment",
        AttributeChange::Add { .. } => "add",
        AttributeChange::Remove { .. } => "remove",
        AttributeChange::Merge { .. } => "merge",
        AttributeChange::SetPath { .. } => "set_path",
        AttributeChange::SetLocation { .. } => "set_location",
    };
    to.text("op", name);
    match change {
        AttributeChange::Set { value } | AttributeChange::Add { value } | AttributeChange::Remove { value } => {
            to.value("value", value);
        }
        AttributeChange::Increment { by } => optional_number(to, "by", Some(*by)),
        AttributeChange::Merge { value } => to.object("value", value),
        AttributeChange::SetPath { path, value } => {
            to.texts("path", path);
            to.value("value", value);
        }
        AttributeChange::SetLocation { latitude, longitude } => {
            optional_number(to, "latitude", Some(*latitude));
            optional_number(to, "longitude", Some(*longitude));
        }
    }
}

fn optional_object(to: &mut Writer, properties: Option<&Object>) {
    if let Some(properties) = properties {
        to.object("properties", properties);
    }
}

#[inline(never)]
fn optional_text(to: &mut Writer, name: &str, text: Option<&str>) {
    if let Some(text) = text {
        to.text(name, text);
    }
}

#[inline(never)]
fn optional_number(to: &mut Writer, name: &str, number: Option<Number>) {
    if let Some(number) = number {
        to.value(name, &Value::Number(number));
    }
}

/// Writes whose records those of a stream are.
pub(super) fn identity(identity: &Identity) -> String {
    let mut to = Writer::new();
    optional_text(&mut to, "external_id", identity.external_id.as_ref().map(|id| id.as_str()));
    if let Some(id) = identity.anonymous_id {
        to.text("anonymous_id", &id.text());
    }
    to.end()
}

/// Writes a flush that has no records yet.
pub(super) fn request(request: &FlushRequest<()>) -> String {
    let mut to = Writer::new();
    to.text("key", &request.key);
    to.text("sdk", &request.sdk);
    to.text("device", &request.device.text());
    to.text("stream", &request.stream.text());
    to.raw("identity", &identity(&request.identity));
    to.integer("sent_at", request.sent_at.as_ms());
    optional_text(&mut to, "messages", request.messages.as_deref());
    optional_text(&mut to, "auth", request.auth.as_deref());
    to.raw("records", "[]");
    to.end()
}

#[cfg(test)]
mod tests {
    use kindling_core::{
        ids::{AnonymousId, DeviceId, ExternalId, StreamId, Uuid},
        protocol::Record,
    };

    use super::*;

    #[test]
    fn records_are_written_as_they_are_read() {
        const SESSION: &str = "00000000-0000-4000-8000-000000000001";
        for kind in [
            r#""type":"custom_event","name":"added","properties":{"a":[1,[],{}],"at":{"$time":5},"b":-12.5}"#,
            r#""type":"custom_event","name":"added""#,
            r#""type":"purchase","product_id":"mug","price":12.5,"currency":"EUR","quantity":2,"properties":{"a":1}"#,
            r#""type":"attribute","name":"email","value":null"#,
            r#""type":"custom_attribute","name":"tags","op":"set","value":[1]"#,
            r#""type":"custom_attribute","name":"tags","op":"increment","by":-1.5"#,
            r#""type":"custom_attribute","name":"tags","op":"add","value":"x""#,
            r#""type":"custom_attribute","name":"tags","op":"remove","value":"x""#,
            r#""type":"custom_attribute","name":"tags","op":"merge","value":{"a":null}"#,
            r#""type":"custom_attribute","name":"a","op":"set_path","path":["b","c"],"value":true"#,
            r#""type":"custom_attribute","name":"a","op":"set_location","latitude":52.5,"longitude":13"#,
            r#""type":"session_start","session":"SESSION""#,
            r#""type":"session_end","session":"SESSION","duration_ms":7"#,
            r#""type":"identified""#,
            r#""type":"message_impression","message":"a""#,
            r#""type":"message_click","message":"a","button":"b""#,
            r#""type":"message_click","message":"a""#,
            r#""type":"message_dismissal","message":"a""#,
            r#""type":"subscription","channel":"email","state":"opted_in""#,
            r#""type":"subscription","channel":"push","state":"subscribed""#,
            r#""type":"subscription","channel":"push","state":"unsubscribed""#,
            r#""type":"subscription_group","group":"news","state":"subscribed""#,
            r#""type":"subscription_group","group":"news","state":"unsubscribed""#,
            r#""type":"location","latitude":52.5,"longitude":13,"altitude":1,"accuracy":2"#,
            r#""type":"location","latitude":52.5,"longitude":13"#,
            r#""type":"alias","label":"crm","name":"4711""#,
            r#""type":"device""#,
        ] {
            let text = format!("{{\"seq\":1,\"at\":5,{kind}}}").replace("SESSION", SESSION);
            let read: Record = serde_json::from_str(&text).unwrap();
            assert_eq!(record(read.seq, read.at, &read.kind), text);
            assert_eq!(serde_json::to_string(&read).unwrap(), text);
        }
    }

    #[test]
    fn a_device_is_written_as_it_is_read() {
        let said = r#"{"browser":"a","os":"c","language":"f","time_zone":"g","screen_width":412,"screen_height":9}"#;
        let written = device(Seq(3), Timestamp::from_ms(5), said);
        let read: Record = serde_json::from_str(&written).unwrap();
        assert!(matches!(&read.kind, RecordKind::Device(info) if info.screen_width == Some(412)));
        assert_eq!(serde_json::to_string(&read).unwrap(), written);
    }

    #[test]
    fn a_flush_is_written_as_its_type_says() {
        let id = Uuid::from_u128(7);
        for (external_id, anonymous_id, messages) in [
            (Some(ExternalId::parse("al\"ice").unwrap()), None, Some(String::new())),
            (None, Some(AnonymousId(id)), None),
            (Some(ExternalId::parse("alice").unwrap()), Some(AnonymousId(id)), Some(String::from("v1"))),
        ] {
            let wanted = FlushRequest::<()> {
                key: "pk".into(),
                sdk: "web/0".into(),
                device: DeviceId(id),
                stream: StreamId(id),
                identity: Identity { external_id, anonymous_id },
                sent_at: Timestamp::from_ms(-7),
                auth: messages.as_ref().map(|_| "a.b-c".to_owned()),
                messages,
                records: vec![],
            };
            assert_eq!(request(&wanted), serde_json::to_string(&wanted).unwrap());
        }
    }
}
