//! What the client tells those who watch it: developer panels, logs, tests.

use kindling_core::ids::{CampaignId, ExternalId, Seq, SessionId, StreamId};

use crate::json::Writer;

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
        /// What it did not take, as it said it: a JSON array.
        rejected: String,
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

/// Why a flush failed, or records were dropped. The facade has their names, in `REASONS` of `codes.js`.
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
    /// The server does not take the user for proven.
    NotProven,
}

impl Activity {
    /// As the facade hands it to the page, but for the reason, which is a place in `REASONS`.
    pub fn json(&self) -> String {
        let to = &mut Writer::new();
        match self {
            Self::RecordQueued { stream, record } => {
                to.text("type", "record_queued");
                to.raw("record", &of_stream(*stream, record));
            }
            Self::FlushStarted { flush, stream, first_seq, last_seq, records, bytes } => {
                about_flush(to, "flush_started", *flush, *stream);
                seqs(to, *first_seq, *last_seq);
                size(to, "records", *records);
                size(to, "bytes", *bytes);
            }
            Self::FlushSucceeded { flush, stream, acked, duration_ms, rejected, messages } => {
                about_flush(to, "flush_succeeded", *flush, *stream);
                to.integer("acked", acked.0.cast_signed());
                to.integer("durationMs", *duration_ms);
                to.raw("rejected", rejected);
                optional(to, "messages", messages.map(|messages| messages as i64));
            }
            Self::FlushFailed { flush, stream, status, reason, retry_in_ms } => {
                about_flush(to, "flush_failed", *flush, *stream);
                optional(to, "status", status.map(i64::from));
                to.integer("reason", *reason as i64);
                optional(to, "retryInMs", *retry_in_ms);
            }
            Self::RecordsDropped { stream, first_seq, last_seq, reason } => {
                to.text("type", "records_dropped");
                to.text("stream", &stream.text());
                seqs(to, *first_seq, *last_seq);
                to.integer("reason", *reason as i64);
            }
            Self::MessagesChanged { held } => {
                to.text("type", "messages_changed");
                size(to, "held", *held);
            }
            Self::MessageTriggered { id } => {
                to.text("type", "message_triggered");
                to.text("id", id.as_str());
            }
            Self::UserChanged { external_id } => {
                to.text("type", "user_changed");
                match external_id {
                    Some(id) => to.text("externalId", id.as_str()),
                    None => to.raw("externalId", "null"),
                }
            }
            Self::SessionStarted { session } => {
                to.text("type", "session_started");
                to.text("session", &session.text());
            }
        }
        to.end()
    }
}

/// A record with its stream.
pub(super) fn of_stream(stream: StreamId, record: &str) -> String {
    let mut json = String::from("{\"stream\":\"");
    json.push_str(&stream.text());
    json.push_str("\",");
    json.push_str(record.get(1..).unwrap_or("}"));
    json
}

fn about_flush(to: &mut Writer, name: &str, flush: u32, stream: StreamId) {
    to.text("type", name);
    to.integer("flush", flush.into());
    to.text("stream", &stream.text());
}

fn seqs(to: &mut Writer, first: Seq, last: Seq) {
    to.integer("firstSeq", first.0.cast_signed());
    to.integer("lastSeq", last.0.cast_signed());
}

fn size(to: &mut Writer, name: &str, size: usize) {
    to.integer(name, size as i64);
}

fn optional(to: &mut Writer, name: &str, number: Option<i64>) {
    match number {
        Some(number) => to.integer(name, number),
        None => to.raw(name, "null"),
    }
}
