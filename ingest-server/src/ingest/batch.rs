//! Decoding a flush.

use std::sync::Arc;

use kindling_core::{
    ids::{DeviceId, Seq, StreamId},
    limits,
    protocol::{FlushRequest, Identity, Record, RecordError},
    time::Timestamp,
};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::catalog::{Catalog, Workspace};

/// A flush that was received, and that nothing is wrong with as a whole.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Whose workspace.
    pub workspace: Arc<Workspace>,
    /// From which device.
    pub device: DeviceId,
    /// Of which stream.
    pub stream: StreamId,
    /// Whose records.
    pub identity: Identity,
    /// When it was sent, by the device's clock.
    pub sent_at: Timestamp,
    /// When it arrived.
    pub received_at: Timestamp,
    /// The version of the messages that the device holds; `None`: it wants none.
    pub messages: Option<String>,
    /// The records, by ascending `seq`, each `seq` once.
    pub records: Vec<Incoming>,
}

/// A record that came in.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// Its place in the stream.
    pub seq: Seq,
    /// As it was sent.
    pub json: Box<str>,
    /// What it says, or why it can't be taken.
    pub record: Result<Record, RecordError>,
}

/// Why a whole flush can't be taken.
#[derive(Debug, thiserror::Error)]
pub enum DecodeBatchError {
    /// The body is not a flush.
    #[error("the body is not a flush: {0}")]
    NotAFlush(#[from] serde_json::Error),
    /// A record has no usable `seq`, so that it can't even be rejected by itself.
    #[error("record {0} of the flush has no seq from 1 on")]
    NoSeq(usize),
    /// The flush says nothing of whose records these are.
    #[error("the flush names neither an external_id nor an anonymous_id")]
    NoIdentity,
    /// Too many records.
    #[error("a flush may have at most {} records", limits::BATCH_RECORDS)]
    TooManyRecords,
    /// The key is not known.
    #[error("the SDK key is not known")]
    UnknownKey,
}

/// The one part of a record without which it can't be named.
#[derive(Deserialize)]
struct OnlySeq {
    seq: Seq,
}

/// Decodes the body of a flush.
pub fn decode(body: &[u8], catalog: &Catalog, received_at: Timestamp) -> Result<Batch, DecodeBatchError> {
    let request: FlushRequest<&RawValue> = serde_json::from_slice(body)?;
    let workspace = catalog.by_sdk_key(&request.key).ok_or(DecodeBatchError::UnknownKey)?;
    if request.identity.external_id.is_none() && request.identity.anonymous_id.is_none() {
        return Err(DecodeBatchError::NoIdentity);
    }
    if request.records.len() > limits::BATCH_RECORDS {
        return Err(DecodeBatchError::TooManyRecords);
    }
    let read = |(place, raw): (usize, &&RawValue)| read_record(raw.get()).ok_or(DecodeBatchError::NoSeq(place));
    let mut records = request.records.iter().enumerate().map(read).collect::<Result<Vec<_>, _>>()?;
    records.sort_by_key(|record| record.seq);
    records.dedup_by_key(|record| record.seq);
    Ok(Batch {
        workspace: Arc::clone(workspace),
        device: request.device,
        stream: request.stream,
        identity: request.identity,
        sent_at: request.sent_at,
        received_at,
        messages: request.messages,
        records,
    })
}

fn read_record(json: &str) -> Option<Incoming> {
    let record = serde_json::from_str::<Record>(json);
    let (seq, record) = match record {
        Ok(record) => (record.seq, record.kind.check().map(|()| record)),
        Err(_) => (serde_json::from_str::<OnlySeq>(json).ok()?.seq, Err(RecordError::Malformed)),
    };
    (seq > Seq::NONE).then(|| Incoming { seq, json: json.into(), record })
}
