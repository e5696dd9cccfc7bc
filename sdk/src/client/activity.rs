//! What the client tells those who watch it: developer panels, logs, tests.

use kindling_core::{
    ids::{CampaignId, ExternalId, Seq, SessionId, StreamId},
    value::{Number, Value},
};

/// Something the client did. The facade makes an object of it, which is part of the package's public API (`index.d.ts`).
#[derive(Debug, Clone, PartialEq)]
pub enum Activity {
    /// A record was stored.
    RecordQueued {
        /// Its stream.
        stream: StreamId,
        /// The record, as JSON.
        record: String,
    },
    /// A flush was sent.
    FlushStarted {
        /// Numbers the flushes of this page.
        flush: u32,
        /// Of which stream.
        stream: StreamId,
        /// Its first record; with no records, the stream's next.
        first_seq: Seq,
        /// Its last record.
        last_seq: Seq,
        /// How many records.
        records: usize,
        /// Bytes of the body.
        bytes: usize,
    },
    /// The server answered.
    FlushSucceeded {
        /// Which flush.
        flush: u32,
        /// Of which stream.
        stream: StreamId,
        /// The server has everything up to here.
        acked: Seq,
        /// From sending to the answer.
        duration_ms: i64,
        /// What it did not take, as it said it.
        rejected: Value,
        /// How many messages the answer brought; `None`: nothing new.
        messages: Option<usize>,
    },
    /// The flush did not get through; its records are kept.
    FlushFailed {
        /// Which flush.
        flush: u32,
        /// Of which stream.
        stream: StreamId,
        /// The status, if there was an answer.
        status: Option<u16>,
        /// Why.
        reason: Reason,
        /// When it is tried again; `None`: not before the page is loaded anew.
        retry_in_ms: Option<i64>,
    },
    /// Records were dropped.
    RecordsDropped {
        /// Of which stream.
        stream: StreamId,
        /// The first of them.
        first_seq: Seq,
        /// The last of them.
        last_seq: Seq,
        /// Why.
        reason: Reason,
    },
    /// The set of held messages changed.
    MessagesChanged {
        /// How many are held.
        held: usize,
    },
    /// A trigger fired a message.
    MessageTriggered {
        /// Whose.
        id: CampaignId,
    },
    /// The user changed.
    UserChanged {
        /// To whom; `None`: an anonymous visitor.
        external_id: Option<ExternalId>,
    },
    /// A new session began.
    SessionStarted {
        /// Which.
        session: SessionId,
    },
}

/// Why a flush failed, or records were dropped. The facade has the sentences for people, in `REASONS` of `codes.js`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// There was no answer.
    Unreachable,
    /// Something else than a Kindling server answered.
    NotKindling,
    /// The server does not know the key.
    KeyRefused,
    /// The server can't take anything now.
    AskedToWait,
    /// The server can't read the body.
    Unreadable,
    /// The queue was full, and its oldest record made room.
    QueueFull,
}

impl Activity {
    /// Its place in `ACTIVITIES` of `codes.js`, and what the names there stand for, in their order.
    pub fn plain(&self) -> Value {
        let code = |code: i32| Value::from(code);
        let seq = |seq: Seq| count(seq.0 as f64);
        Value::Array(match self {
            Self::RecordQueued { stream, record } => vec![code(0), stream.text().into(), record.as_str().into()],
            Self::FlushStarted { flush, stream, first_seq, last_seq, records, bytes } => vec![
                code(1),
                count(*flush),
                stream.text().into(),
                seq(*first_seq),
                seq(*last_seq),
                size(*records),
                size(*bytes),
            ],
            Self::FlushSucceeded { flush, stream, acked, duration_ms, rejected, messages } => vec![
                code(2),
                count(*flush),
                stream.text().into(),
                seq(*acked),
                count(*duration_ms as f64),
                rejected.clone(),
                messages.map_or(Value::Null, size),
            ],
            Self::FlushFailed { flush, stream, status, reason, retry_in_ms } => vec![
                code(3),
                count(*flush),
                stream.text().into(),
                status.map_or(Value::Null, count),
                code(*reason as i32),
                retry_in_ms.map_or(Value::Null, |ms| count(ms as f64)),
            ],
            Self::RecordsDropped { stream, first_seq, last_seq, reason } => {
                vec![code(4), stream.text().into(), seq(*first_seq), seq(*last_seq), code(*reason as i32)]
            }
            Self::MessagesChanged { held } => vec![code(5), size(*held)],
            Self::MessageTriggered { id } => vec![code(6), id.as_str().into()],
            Self::UserChanged { external_id } => {
                vec![code(7), external_id.as_ref().map_or(Value::Null, |id| id.as_str().into())]
            }
            Self::SessionStarted { session } => vec![code(8), session.text().into()],
        })
    }
}

fn count(number: impl Into<f64>) -> Value {
    Number::new(number.into()).map_or(Value::Null, Value::Number)
}

fn size(number: usize) -> Value {
    count(number as f64)
}
