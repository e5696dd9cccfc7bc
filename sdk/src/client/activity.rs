//! What the client tells those who watch it: developer panels, logs, tests.

use kindling_core::{
    ids::{CampaignId, ExternalId, Seq, SessionId, StreamId},
    protocol::{Record, Rejected},
};
use serde::Serialize;

/// Something the client did. Its JSON is part of the package's public API (`index.d.ts`).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum Activity {
    /// A record was stored.
    RecordQueued {
        /// The record.
        record: QueuedRecord,
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
        /// What it did not take.
        rejected: Vec<Rejected>,
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
        /// Why, for people.
        reason: &'static str,
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
        /// Why, for people.
        reason: &'static str,
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

/// A record with its stream.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QueuedRecord {
    /// Its stream.
    pub stream: StreamId,
    /// The record.
    #[serde(flatten)]
    pub record: Record,
}
