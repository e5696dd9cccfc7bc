//! A flush and its answer.

use std::rc::Rc;

use serde::Serialize;

use super::agent::AgentParts;
use crate::{
    ids::{AnonymousId, DeviceId, ExternalId, Seq, StreamId},
    json::Json,
    message::{Cap, Held, HeldCap, InAppMessage},
    profile::Profile,
    time::Timestamp,
};

/// A flush: a run of records of one stream.
///
/// `R` is what a record is to the reader: the server reads each by itself, so that one that can't be read is rejected alone.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FlushRequest<R> {
    /// The workspace's publishable key. It stands in the body so that the request needs no preflight.
    pub key: String,
    /// Who speaks, like `web/0.1.0`.
    pub sdk: String,
    /// The device.
    pub device: DeviceId,
    /// The stream.
    pub stream: StreamId,
    /// Whose records these are.
    pub identity: Identity,
    /// When the flush was sent, by the device's clock: with it the server corrects the clock.
    pub sent_at: Timestamp,
    /// The version of the messages that the device holds for this user, empty if it holds none. Without it the answer carries
    /// no messages: they are not wanted (the stream belongs to a user who has signed out since).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages: Option<String>,
    /// The JWT by which the site's server says that this is the user: at most [`crate::limits::SDK_SIGNATURE_BYTES`], which whoever
    /// verifies it looks at. It stands in the body for the same reason as the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<String>,
    /// What the server may take from the User-Agent header that the flush comes with. Without it: everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentParts>,
    /// The records, in the order of their `seq`. Must be the last field: see [`join_records`].
    pub records: Vec<R>,
}

/// Completes a flush: puts records, each JSON already, into a request that was encoded without any.
pub fn join_records<'a>(empty: &str, records: impl Iterator<Item = &'a str>) -> String {
    let mut body = String::from(empty.strip_suffix("]}").unwrap_or(empty));
    for (i, record) in records.enumerate() {
        if i > 0 {
            body.push(',');
        }
        body.push_str(record);
    }
    body.push_str("]}");
    body
}

/// Whose records a stream carries. A stream belongs to one identity; when the user changes, the device begins a new stream. So
/// no loss of a record can put its neighbours on the wrong profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// The user who is signed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<ExternalId>,
    /// The anonymous visitor: with no external id, whose records these are; with one, who turned out to be that user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anonymous_id: Option<AnonymousId>,
}

impl Identity {
    /// A visitor who has not signed in.
    pub const fn anonymous(id: AnonymousId) -> Self {
        Self { external_id: None, anonymous_id: Some(id) }
    }

    /// Reads an identity; `None` if it names nobody.
    pub fn read(json: Json<'_>) -> Option<Self> {
        let external_id = json.get("external_id").and_then(Json::string).and_then(|id| ExternalId::parse(id).ok());
        let anonymous_id = json.get("anonymous_id").and_then(Json::plain).and_then(AnonymousId::recall);
        (external_id.is_some() || anonymous_id.is_some()).then_some(Self { external_id, anonymous_id })
    }
}

/// The answer to a flush. It is sent when everything it says is durable.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FlushAnswer {
    /// The server has this record of the stream and all before it, or has rejected them; the device may forget them.
    pub acked: Seq,
    /// The records that were not taken.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rejected: Vec<Rejected>,
    /// The user's messages, if they differ from the version that the device named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages: Option<MessageSet>,
    /// Messages that somebody wants to see on this user's devices: to be shown now, each once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<InAppMessage>,
    /// Why the user is not proven to be who they are said to be, where that is only asked for: the records were taken all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<AuthFailure>,
}

/// Why a user is not proven to be who they are said to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuthFailure {
    /// The reason as a number, which stays.
    pub error_code: u32,
    /// The reason as a word, which stays.
    pub reason: String,
}

/// The code of the problem document by which a server refuses a flush whose user is not proven. [`AuthFailure`] has its further
/// members.
pub const AUTH_FAILED: &str = "sdk_authentication_failed";

/// A record that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rejected {
    /// Its place in the stream.
    pub seq: Seq,
    /// Why, for programs.
    pub code: String,
    /// Why, for people.
    pub detail: String,
}

/// The messages meant for a user.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct MessageSet {
    /// Names this set; a device that holds it need not get it again.
    pub version: String,
    /// The messages, highest priority first; `None`: those of the version that the device named, of which only the profile has changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items: Option<Vec<InAppMessage>>,
    /// How many of them may be shown in which time.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub caps: Vec<Cap>,
    /// Of the user's profile what filters of the messages look at, if any has one: as it is with all records of the stream up to those that
    /// the answer acknowledges.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<Box<Profile>>,
}

/// An answer as a device reads it.
#[derive(Debug)]
pub struct Answer {
    /// The server has this record of the stream and all before it, or has rejected them.
    pub acked: Seq,
    /// The records that were not taken, as the server put them: a JSON array, for people.
    pub rejected: String,
    /// The user's messages, if they came.
    pub messages: Option<HeldSet>,
    /// What is to be shown now.
    pub tests: Vec<Rc<Held>>,
    /// Why the user is not proven, where that is only asked for.
    pub auth: Option<AuthFailure>,
}

/// The messages that a device holds.
#[derive(Debug, Default)]
pub struct HeldSet {
    /// Names this set.
    pub version: String,
    /// The messages, highest priority first.
    pub items: Vec<Rc<Held>>,
    /// How many of them may be shown in which time.
    pub caps: Vec<HeldCap>,
    /// The same as it came: a JSON list.
    pub caps_source: String,
    /// What filters look at, as it came; empty if nothing did.
    pub profile: String,
    /// Whether only the profile came: the messages are those that are held under the same version up to its dot.
    pub is_of_profile: bool,
}

impl Answer {
    /// Reads an answer. What an older SDK does not know in it, it leaves alone; `None` if it is no answer at all.
    pub fn read(answer: Json<'_>) -> Option<Self> {
        let acked = answer.get("acked")?.integer().and_then(|acked| u64::try_from(acked).ok())?;
        let rejected = answer.get("rejected").filter(|items| items.is_array());
        let mut tests = Vec::new();
        if let Some(of) = answer.get("tests") {
            read_items(of, &mut tests);
        }
        Some(Self {
            acked: Seq(acked),
            rejected: rejected.map_or("[]", Json::text).to_owned(),
            messages: answer.get("messages").and_then(HeldSet::read),
            tests,
            auth: answer.get("auth").and_then(AuthFailure::read),
        })
    }
}

/// Reads messages. One that this SDK can't read is left out.
fn read_items(from: Json<'_>, items: &mut Vec<Rc<Held>>) {
    for (_, item) in from.members() {
        if let Some(message) = Held::read(item) {
            items.push(Rc::new(message));
        }
    }
}

impl AuthFailure {
    fn read(failure: Json<'_>) -> Option<Self> {
        let error_code = u32::try_from(failure.get("error_code")?.integer()?).ok()?;
        Some(Self { error_code, reason: failure.get("reason")?.plain()?.to_owned() })
    }

    /// Reads the problem document that refuses a flush; `None` if it is another problem, or none at all.
    pub fn read_problem(problem: Json<'_>) -> Option<Self> {
        if problem.get("code")?.plain()? == AUTH_FAILED { Self::read(problem) } else { None }
    }
}

impl HeldSet {
    /// Reads a set of messages. A message that this SDK can't read is left out, not the whole set.
    pub fn read(set: Json<'_>) -> Option<Self> {
        let version = set.get("version")?.plain()?.to_owned();
        let mut items = Vec::new();
        let list = set.get("items");
        if let Some(list) = list {
            read_items(list, &mut items);
        }
        let caps = set.get("caps").unwrap_or(Json::of("[]"));
        let mut read = Vec::new();
        for (_, cap) in caps.members() {
            read.extend(HeldCap::read(cap));
        }
        let profile = set.get("profile").map_or("", Json::text).to_owned();
        if list.is_none() && profile.is_empty() {
            return None;
        }
        let caps_source = caps.text().to_owned();
        Some(Self { version, items, caps: read, caps_source, profile, is_of_profile: list.is_none() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_joined_as_they_stand() {
        let request = FlushRequest::<()> {
            key: "k]}".into(),
            sdk: "web/0".into(),
            device: DeviceId::parse("00000000-0000-4000-8000-000000000001").unwrap(),
            stream: StreamId::parse("00000000-0000-4000-8000-000000000002").unwrap(),
            identity: Identity { external_id: None, anonymous_id: None },
            sent_at: Timestamp::from_ms(7),
            messages: None,
            auth: None,
            agent: None,
            records: vec![],
        };
        let empty = serde_json::to_string(&request).unwrap();
        let body = join_records(&empty, ["{\"a\":1}", "{\"b\":2}"].into_iter());
        let read: FlushRequest<serde_json::Value> = serde_json::from_str(&body).unwrap();
        assert_eq!(read.records.len(), 2);
        assert_eq!(read.key, "k]}");
        assert_eq!(join_records(&empty, std::iter::empty()), empty);
    }

    #[test]
    fn what_may_be_taken_from_the_header_stands_before_the_records() {
        let flush = |agent: &str| {
            format!(
                r#"{{"key":"k","sdk":"web/0","device":"00000000-0000-4000-8000-000000000001","stream":"00000000-0000-4000-8000-000000000002","identity":{{}},"sent_at":7{agent},"records":[]}}"#
            )
        };
        let read = |agent: &str| {
            serde_json::from_str::<FlushRequest<serde_json::Value>>(&flush(agent)).map(|flush| flush.agent)
        };
        for written in ["", r#","agent":[]"#, r#","agent":["browser","user_agent"]"#] {
            let request: FlushRequest<serde_json::Value> = serde_json::from_str(&flush(written)).unwrap();
            assert_eq!(serde_json::to_string(&request).unwrap(), flush(written));
        }
        assert_eq!(read("").unwrap(), None);
        assert_eq!(read(r#","agent":null"#).unwrap(), None);
        assert_eq!(read(r#","agent":[]"#).unwrap(), Some(AgentParts::NONE));
        for other in [r#","agent":"os""#, r#","agent":{}"#, r#","agent":["os"],"agent":["os"]"#] {
            assert!(read(other).is_err(), "{other}");
        }
    }

    #[test]
    fn an_answer_is_read_as_it_was_written() {
        let answer = FlushAnswer {
            acked: Seq(4),
            rejected: vec![Rejected { seq: Seq(3), code: "too_deep".into(), detail: "…".into() }],
            messages: Some(MessageSet { version: "v".into(), items: Some(vec![]), caps: vec![], profile: None }),
            tests: vec![],
            auth: Some(AuthFailure { error_code: 22, reason: "expired".into() }),
        };
        let json = serde_json::to_string(&answer).unwrap();
        let read = Answer::read(Json::of(&json)).unwrap();
        assert_eq!(read.acked, answer.acked);
        assert_eq!(read.rejected, r#"[{"seq":3,"code":"too_deep","detail":"…"}]"#);
        assert_eq!(read.auth, answer.auth);
        let messages = read.messages.unwrap();
        assert_eq!((messages.version.as_str(), messages.items.len()), ("v", 0));
        for other in ["null", "{}", "[]", r#"{"acked":-1}"#, r#"{"acked":"1"}"#] {
            assert!(Answer::read(Json::of(other)).is_none(), "{other}");
        }
    }

    #[test]
    fn only_a_problem_of_that_code_is_about_the_user() {
        let read = |text: &str| AuthFailure::read_problem(Json::of(text));
        let problem = r#"{"code":"sdk_authentication_failed","error_code":26,"reason":"missing","status":401}"#;
        assert_eq!(read(problem), Some(AuthFailure { error_code: 26, reason: "missing".into() }));
        for other in [
            "null",
            r#"{"code":"unknown_key","error_code":26,"reason":"missing"}"#,
            r#"{"code":"sdk_authentication_failed","error_code":-1,"reason":"missing"}"#,
            r#"{"code":"sdk_authentication_failed","error_code":26}"#,
        ] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
