//! The names under which the client stores things, one for each concern.

use kindling_core::ids::{Seq, StreamId};

/// The device's id.
pub(super) const DEVICE: &str = "device";
/// Who the user is.
pub(super) const IDENTITY: &str = "identity";
/// The open session.
pub(super) const SESSION: &str = "session";
/// The messages that are held, with the identity that they are for.
pub(super) const MESSAGES: &str = "messages";
/// Which messages were shown, and when.
pub(super) const HISTORY: &str = "history";

const RECORD: &str = "record.";

/// A record of a stream.
pub(super) fn record(stream: StreamId, seq: Seq) -> String {
    let mut key = String::from(RECORD);
    key.push_str(&stream.text());
    key.push('.');
    key.push_str(&seq.to_string());
    key
}

/// The record that the key stores.
pub(super) fn parse_record(key: &str) -> Option<(StreamId, Seq)> {
    let (stream, seq) = key.strip_prefix(RECORD)?.split_once('.')?;
    Some((StreamId::recall(stream)?, Seq(seq.parse().ok()?)))
}
