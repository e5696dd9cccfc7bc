//! What the client writes, as JSON: records, whose they are, and the head of a flush. It is what the types' own serializers write,
//! which tests hold it to; those bring a copy of each for every place that it stands in.

use kindling_core::{
    ids::{DeviceId, Seq, SessionId},
    protocol::Identity,
    time::Timestamp,
};

use super::{Config, Stream};
use crate::json::Writer;

/// Writes a record: a call as it was made, with its place and time before it.
pub(super) fn record(seq: Seq, at: Timestamp, call: &str) -> String {
    let to = &mut Writer::new();
    to.integer("seq", seq.0.cast_signed());
    to.integer("at", at.as_ms());
    let mut record = to.end();
    record.pop();
    record.push(',');
    record.push_str(call.get(1..).unwrap_or("}"));
    record
}

/// Writes that somebody signed in, without place and time.
pub(super) const IDENTIFIED: &str = "{\"type\":\"identified\"}";

/// Writes that a session began, or with a length that it ended, without place and time.
pub(super) fn session(session: SessionId, duration_ms: Option<i64>) -> String {
    let mut to = Writer::new();
    to.text("type", if duration_ms.is_some() { "session_end" } else { "session_start" });
    to.text("session", &session.text());
    if let Some(ms) = duration_ms {
        to.integer("duration_ms", ms);
    }
    to.end()
}

/// Writes whose records those of a stream are.
pub(super) fn identity(identity: &Identity) -> String {
    let mut to = Writer::new();
    if let Some(id) = &identity.external_id {
        to.text("external_id", id.as_str());
    }
    if let Some(id) = identity.anonymous_id {
        to.text("anonymous_id", &id.text());
    }
    to.end()
}

/// Writes a flush that has no records yet.
pub(super) fn request(
    config: &Config,
    device: DeviceId,
    stream: &Stream,
    sent_at: Timestamp,
    messages: Option<&str>,
) -> String {
    let mut to = Writer::new();
    to.text("key", &config.key);
    to.text("sdk", &config.sdk);
    to.text("device", &device.text());
    to.text("stream", &stream.id.text());
    to.raw("identity", &identity(&stream.identity));
    to.integer("sent_at", sent_at.as_ms());
    if let Some(version) = messages {
        to.text("messages", version);
    }
    if let Some(signature) = &stream.proof.signature {
        to.text("auth", signature);
    }
    if let Some(agent) = &config.agent {
        to.raw("agent", agent);
    }
    to.raw("records", "[]");
    to.end()
}

#[cfg(test)]
mod tests {
    use kindling_core::{
        ids::{AnonymousId, ExternalId, StreamId, Uuid},
        protocol::{FlushRequest, Record},
        time::Duration,
    };

    use super::*;

    #[test]
    fn records_are_written_as_they_are_read() {
        let id = SessionId(Uuid::from_u128(1));
        let device = r#"{"type":"device","browser":"a","os":"c","language":"f","screen_width":412,"screen_height":9}"#;
        let event = r#"{"type":"custom_event","name":"added","properties":{"a":[1,[],{}],"at":{"$time":5}}}"#;
        for call in [IDENTIFIED, &session(id, None), &session(id, Some(7)), device, event] {
            let written = record(Seq(3), Timestamp::from_ms(-5), call);
            let read: Record = serde_json::from_str(&written).unwrap();
            assert_eq!((read.seq, read.at), (Seq(3), Timestamp::from_ms(-5)));
            assert_eq!(serde_json::to_string(&read).unwrap(), written);
        }
    }

    #[test]
    fn a_flush_is_written_as_its_type_says() {
        let id = Uuid::from_u128(7);
        for (external_id, anonymous_id, messages) in [
            (Some(ExternalId::parse("al\"ice").unwrap()), None, Some("")),
            (None, Some(AnonymousId(id)), None),
            (Some(ExternalId::parse("alice").unwrap()), Some(AnonymousId(id)), Some("v1")),
        ] {
            let config = Config {
                key: "pk".into(),
                sdk: "web/0".into(),
                device: None,
                session_timeout: Duration::ZERO,
                message_interval: Duration::ZERO,
                flush_interval: Duration::ZERO,
                authentication: true,
                agent: messages.map(|_| r#"["browser","os"]"#.to_owned()),
            };
            let identity = Identity { external_id, anonymous_id };
            let mut stream = Stream::new(StreamId(id), identity.clone());
            stream.proof.signature = messages.map(|_| "a.b-c".to_owned());
            let wanted = FlushRequest::<()> {
                key: "pk".into(),
                sdk: "web/0".into(),
                device: DeviceId(id),
                stream: StreamId(id),
                identity,
                sent_at: Timestamp::from_ms(-7),
                auth: stream.proof.signature.clone(),
                messages: messages.map(ToOwned::to_owned),
                agent: messages.map(|_| serde_json::from_str(r#"["browser","os"]"#).unwrap()),
                records: vec![],
            };
            let written = request(&config, DeviceId(id), &stream, Timestamp::from_ms(-7), messages);
            assert_eq!(written, serde_json::to_string(&wanted).unwrap());
        }
    }
}
