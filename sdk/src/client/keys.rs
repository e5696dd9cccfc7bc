//! The names under which the client stores things, one for each concern.

use kindling_core::{
    ids::{Seq, StreamId},
    json::Json,
};

use crate::json;

/// The device's id.
pub(super) const DEVICE: &str = "device";
/// Who the user is.
pub(super) const IDENTITY: &str = "identity";
/// What proves that, with whose it is.
pub(super) const SIGNATURE: &str = "signature";
/// The open session.
pub(super) const SESSION: &str = "session";
/// The messages that are held, with the identity that they are for.
pub(super) const MESSAGES: &str = "messages";
/// A message that the site put off.
pub(super) const DEFERRED: &str = "deferred";
/// Messages whose trigger fired, each with when it is to be shown.
pub(super) const DELAYED: &str = "delayed";
/// Which messages were shown, and when.
pub(super) const HISTORY: &str = "history";

/// What the device last said of itself, and for whom.
pub(super) const DESCRIBED: &str = "described";

const RECORD: &str = "record.";

/// A record of a stream.
pub(super) fn record(stream: StreamId, seq: Seq) -> String {
    let mut key = String::from(RECORD);
    key.push_str(&stream.text());
    key.push('.');
    key.push_str(&json::whole(seq.0.cast_signed()));
    key
}

/// The record that the key stores.
pub(super) fn parse_record(key: &str) -> Option<(StreamId, Seq)> {
    let (stream, seq) = split_at(key.strip_prefix(RECORD)?, b'.')?;
    let place = Json::of(seq).integer().filter(|place| *place > 0)?;
    Some((StreamId::recall(stream)?, Seq(place.cast_unsigned())))
}

/// What stands before a character of ASCII, and what behind it.
pub(crate) fn split_at(text: &str, separator: u8) -> Option<(&str, &str)> {
    let place = text.bytes().position(|byte| byte == separator)?;
    Some((text.get(..place)?, text.get(place + 1..)?))
}
