//! A flush as it comes in: read in one pass, or record by record where one of them can't be read.

use std::{borrow::Cow, fmt, sync::Arc};

use bytes::Bytes;
use kindling_core::{
    ids::{DeviceId, ExternalId, Seq, StreamId},
    limits,
    protocol::{AgentParts, FlushRequest, Identity, Record, RecordError},
    time::Timestamp,
    value::Checked,
};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, Error as _, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::UserAgent;
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
    /// The JWT that is to prove who the user is, until it has been looked at. The record log never gets it.
    pub auth: Option<String>,
    /// What of the User-Agent header that it came with may be known: at first only what that is.
    pub user_agent: UserAgent,
    /// The records, by ascending `seq`, each `seq` once.
    pub records: Vec<Incoming>,
    /// The flush as it was sent, which the record log keeps.
    pub body: Bytes,
    /// Whether the log may keep `body` as it is: all of its records could be read, in ascending order, and it has nothing that must
    /// not be kept.
    pub is_plain: bool,
}

/// A record that came in.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// Its place in the stream.
    pub seq: Seq,
    /// What it says, or why it can't be taken. Its properties have been held against the limits, and stand in the body.
    pub record: Result<Record<Checked>, RecordError>,
}

impl<'de> Deserialize<'de> for Incoming {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let record = Record::deserialize(deserializer)?;
        Ok(Self { seq: record.seq, record: record.kind.check().map(|()| record) })
    }
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
fn seq_of(json: &str) -> Option<Seq> {
    serde_json::Deserializer::from_str(json).deserialize_map(OnlySeq).ok()
}

/// Reads an object, which need not be right otherwise. A derived reader would take a list for one.
struct OnlySeq;

impl<'de> Visitor<'de> for OnlySeq {
    type Value = Seq;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Seq, A::Error> {
        let mut seq = None;
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            if name != "seq" {
                map.next_value::<IgnoredAny>()?;
            } else if seq.replace(map.next_value()?).is_some() {
                return Err(de::Error::duplicate_field("seq"));
            }
        }
        seq.ok_or_else(|| de::Error::missing_field("seq"))
    }
}

/// Decodes the body of a flush.
pub fn decode(body: Bytes, catalog: &Catalog, received_at: Timestamp) -> Result<Batch, DecodeBatchError> {
    let find = |key: &str| catalog.by_sdk_key(key).ok_or(DecodeBatchError::UnknownKey);
    // Nearly every flush has only records that can be read. They are read in one pass, and gone through one by one only when
    // that fails.
    // Looking at it as a whole is quicker than at each string of it.
    let text = std::str::from_utf8(&body).map_err(serde_json::Error::custom)?;
    match serde_json::from_str::<FlushRequest<Incoming>>(text) {
        Ok(request) => {
            let workspace = Arc::clone(find(&request.key)?);
            let (head, records) = split(request)?;
            if let Some(place) = records.iter().position(|record| record.seq == Seq::NONE) {
                return Err(DecodeBatchError::NoSeq(place));
            }
            Ok(head.batch(workspace, records, body, received_at))
        }
        Err(_) => {
            let request: FlushRequest<&RawValue> = serde_json::from_str(text)?;
            let workspace = Arc::clone(find(&request.key)?);
            let (head, records) = split(request)?;
            let read = |(place, raw): (usize, &&RawValue)| read_record(raw.get()).ok_or(DecodeBatchError::NoSeq(place));
            let records = records.iter().enumerate().map(read).collect::<Result<_, _>>()?;
            Ok(head.batch(workspace, records, body.clone(), received_at))
        }
    }
}

/// Decodes a flush that the record log kept.
pub fn decode_logged(
    body: Bytes,
    workspace: Arc<Workspace>,
    received_at: Timestamp,
) -> Result<Batch, serde_json::Error> {
    let Logged { device, stream, identity, sent_at, records } = serde_json::from_slice(&body)?;
    // What was taken from the header has been decided, and stands beside the flush.
    let head = Head { device, stream, identity, sent_at, messages: None, auth: None, agent: None };
    Ok(head.batch(workspace, records, body, received_at))
}

/// Makes a batch of records that come from a site's own server, each as JSON with its `seq` and `at`, in whatever order.
pub fn from_server(
    workspace: Arc<Workspace>,
    (stream, user): (StreamId, ExternalId),
    records: Vec<Box<RawValue>>,
    received_at: Timestamp,
) -> Result<Batch, DecodeBatchError> {
    let read = |(place, raw): (usize, &RawValue)| {
        let mut incoming = read_record(raw.get()).ok_or(DecodeBatchError::NoSeq(place))?;
        if incoming.record.as_ref().is_ok_and(|record| record.kind.is_of_device()) {
            incoming.record = Err(RecordError::OnlyOfDevices);
        }
        Ok(incoming)
    };
    let incoming: Vec<Incoming> =
        records.iter().map(AsRef::as_ref).enumerate().map(read).collect::<Result<_, DecodeBatchError>>()?;
    let (device, sent_at) = (DeviceId::NONE, received_at);
    let identity = Identity { external_id: Some(user), anonymous_id: None };
    let body = serde_json::to_vec(&Logged { device, stream, identity: identity.clone(), sent_at, records })?;
    let head = Head { device, stream, identity, sent_at, messages: None, auth: None, agent: Some(AgentParts::NONE) };
    Ok(head.batch(workspace, incoming, Bytes::from(body), received_at))
}

/// What the log needs of a flush.
#[derive(Serialize, Deserialize)]
struct Logged<R> {
    device: DeviceId,
    stream: StreamId,
    identity: Identity,
    sent_at: Timestamp,
    records: Vec<R>,
}

/// The records of a flush, whatever else it has.
#[derive(Deserialize)]
struct OnlyRecords<'r> {
    #[serde(borrow)]
    records: Vec<&'r RawValue>,
}

impl Batch {
    /// The flush with only those of its records that `keep` names, as JSON for the log.
    pub fn body_with(&self, keep: impl Fn(Seq) -> bool) -> Result<Bytes, serde_json::Error> {
        // What it says beside its records is known, and of nobody else's interest.
        let OnlyRecords { records: raws } = serde_json::from_slice(&self.body)?;
        let mut records: Vec<(Seq, &RawValue)> = Vec::with_capacity(raws.len());
        for raw in raws {
            records.extend(seq_of(raw.get()).map(|seq| (seq, raw)));
        }
        records.sort_by_key(|(seq, _)| *seq);
        records.dedup_by_key(|(seq, _)| *seq);
        let logged = Logged {
            device: self.device,
            stream: self.stream,
            identity: self.identity.clone(),
            sent_at: self.sent_at,
            records: records.into_iter().filter(|(seq, _)| keep(*seq)).map(|(_, raw)| raw).collect(),
        };
        serde_json::to_vec(&logged).map(Bytes::from)
    }
}

/// What a flush says besides its records.
struct Head {
    device: DeviceId,
    stream: StreamId,
    identity: Identity,
    sent_at: Timestamp,
    messages: Option<String>,
    auth: Option<String>,
    agent: Option<AgentParts>,
}

fn split<R>(request: FlushRequest<R>) -> Result<(Head, Vec<R>), DecodeBatchError> {
    let FlushRequest { device, stream, identity, sent_at, messages, auth, agent, records, .. } = request;
    if identity.external_id.is_none() && identity.anonymous_id.is_none() {
        return Err(DecodeBatchError::NoIdentity);
    }
    if records.len() > limits::BATCH_RECORDS {
        return Err(DecodeBatchError::TooManyRecords);
    }
    Ok((Head { device, stream, identity, sent_at, messages, auth, agent }, records))
}

impl Head {
    fn batch(
        self,
        workspace: Arc<Workspace>,
        mut records: Vec<Incoming>,
        body: Bytes,
        received_at: Timestamp,
    ) -> Batch {
        let Self { device, stream, identity, sent_at, messages, auth, agent } = self;
        let ascending = records.is_sorted_by(|a, b| a.seq < b.seq);
        if !ascending {
            records.sort_by_key(|record| record.seq);
            records.dedup_by_key(|record| record.seq);
        }
        // What proves who somebody is must not lie in the log: it is written anew, without.
        let is_plain = ascending && auth.is_none() && records.iter().all(|record| record.record.is_ok());
        let user_agent = UserAgent::allowing(agent.unwrap_or(AgentParts::ALL));
        Batch {
            workspace,
            device,
            stream,
            identity,
            sent_at,
            received_at,
            messages,
            auth,
            user_agent,
            records,
            body,
            is_plain,
        }
    }
}

fn read_record(json: &str) -> Option<Incoming> {
    let record = serde_json::from_str::<Record<Checked>>(json);
    let (seq, record) = match record {
        Ok(record) => (record.seq, record.kind.check().map(|()| record)),
        Err(_) => (seq_of(json)?, Err(RecordError::Malformed)),
    };
    (seq > Seq::NONE).then_some(Incoming { seq, record })
}
