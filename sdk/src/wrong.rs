//! What is wrong with a call. The facade has the sentences for people, in `WRONGS` of `wrongs.js`.

use kindling_core::protocol::RecordError;

use crate::client::SignatureError;

/// What is wrong with a call, by its place in `WRONGS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wrong(pub(crate) u8);

impl Wrong {
    /// The facade makes no such call; only one that an older SDK kept may be.
    pub(crate) const CALL: Self = Self(1);
    pub(crate) const MESSAGE: Self = Self(2);
    pub(crate) const PROPERTIES: Self = Self(3);
    pub(crate) const CURRENCY: Self = Self(4);
    pub(crate) const NUMBER: Self = Self(5);
    #[cfg(target_arch = "wasm32")]
    pub(crate) const USER_ID: Self = Self(6);
    pub(crate) const SUBSCRIPTION: Self = Self(7);
    pub(crate) const GROUP: Self = Self(8);
    pub(crate) const MERGE: Self = Self(9);
    pub(crate) const PLACE: Self = Self(10);
}

impl From<SignatureError> for Wrong {
    fn from(error: SignatureError) -> Self {
        Self(11 + error as u8)
    }
}

/// Behind our own stand the core's, in its order.
impl From<RecordError> for Wrong {
    fn from(error: RecordError) -> Self {
        Self(14 + error as u8)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use kindling_core::ids::{CampaignId, ExternalId, Seq, SessionId, StreamId, Uuid};

    use super::*;
    use crate::client::{Activity, Reason};

    /// A list of the facade.
    fn list(name: &str) -> Vec<serde_json::Value> {
        let script = [include_str!("../js/codes.js"), include_str!("../js/wrongs.js")].concat();
        let (_, list) = script.split_once(&format!("export const {name} = ")).unwrap();
        let (list, _) = list.split_once("\n];").unwrap();
        serde_json::from_str(&format!("{list}]")).unwrap()
    }

    /// What the facade says.
    pub(crate) fn sentence(wrong: Wrong) -> String {
        list("WRONGS")[usize::from(wrong.0)].as_str().unwrap().to_owned()
    }

    #[test]
    fn the_facade_says_of_records_what_the_server_says() {
        // The others are the server's alone.
        for error in [
            RecordError::InvalidName,
            RecordError::TooDeep,
            RecordError::TooLarge,
            RecordError::StringTooLong,
            RecordError::InvalidPrice,
            RecordError::InvalidQuantity,
            RecordError::InvalidAttribute,
            RecordError::InvalidIncrement,
            RecordError::InvalidLocation,
        ] {
            assert_eq!(sentence(error.into()), error.detail());
        }
        for (error, wanted) in [
            (SignatureError::NotEnabled, "without"),
            (SignatureError::Length, "8192"),
            (SignatureError::Nobody, "nobody"),
        ] {
            assert!(sentence(error.into()).contains(wanted));
        }
        assert_eq!(list("WRONGS").len(), usize::from(Wrong::from(RecordError::InvalidLocation).0) + 1);
    }

    #[test]
    fn what_happens_is_said_as_the_declarations_have_it() {
        let id = Uuid::from_u128(1);
        let (stream, session) = (StreamId(id), SessionId(id));
        let all = [
            (Activity::RecordQueued { stream, record: "{\"seq\":1}".into() }, "record_queued: record"),
            (
                Activity::FlushStarted { flush: 1, stream, first_seq: Seq(1), last_seq: Seq(2), records: 2, bytes: 9 },
                "flush_started: flush stream firstSeq lastSeq records bytes",
            ),
            (
                Activity::FlushSucceeded {
                    flush: 1,
                    stream,
                    acked: Seq(2),
                    duration_ms: 7,
                    rejected: "[]".into(),
                    messages: None,
                },
                "flush_succeeded: flush stream acked durationMs rejected messages",
            ),
            (
                Activity::FlushFailed {
                    flush: 1,
                    stream,
                    status: Some(503),
                    reason: Reason::AskedToWait,
                    retry_in_ms: None,
                },
                "flush_failed: flush stream status reason retryInMs",
            ),
            (
                Activity::RecordsDropped { stream, first_seq: Seq(1), last_seq: Seq(2), reason: Reason::QueueFull },
                "records_dropped: stream firstSeq lastSeq reason",
            ),
            (Activity::MessagesChanged { held: 1 }, "messages_changed: held"),
            (Activity::MessageTriggered { id: CampaignId::parse("a").unwrap() }, "message_triggered: id"),
            (Activity::UserChanged { external_id: Some(ExternalId::parse("a").unwrap()) }, "user_changed: externalId"),
            (Activity::SessionStarted { session }, "session_started: session"),
        ];
        for (activity, wanted) in &all {
            let json = activity.json();
            let said: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&json).unwrap();
            let places = wanted.split_once(": ").map_or(vec![], |(_, names)| names.split(' ').collect());
            assert!(json.starts_with(&format!("{{\"type\":\"{}\",", wanted.split(':').next().unwrap())), "{json}");
            assert!(places.iter().all(|name| said.contains_key(*name)), "{json}");
            assert_eq!(said.len(), places.len() + 1, "{json}");
        }
        for (reason, wanted) in [
            (Reason::Unreachable, "unreachable"),
            (Reason::NotKindling, "not_kindling"),
            (Reason::KeyRefused, "unknown_key"),
            (Reason::AskedToWait, "busy"),
            (Reason::Unreadable, "unreadable"),
            (Reason::QueueFull, "queue_full"),
            (Reason::NotProven, "sdk_authentication_failed"),
        ] {
            assert_eq!(list("REASONS")[reason as usize], wanted);
            assert!(
                include_str!("../js/index.d.ts").contains(&format!("  | \"{wanted}\"")),
                "{wanted} is no FlushProblem"
            );
        }
    }
}
