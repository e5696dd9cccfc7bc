//! Reading bodies within a bound.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, header},
};
use bytes::BytesMut;
use http_body_util::BodyExt as _;
use kindling_core::value::Value;
use tokio::time::timeout;

use super::Problem;

/// Bytes of a segment's or campaign's definition.
const DEFINITION_BYTES: usize = 256 * 1024;

/// Bytes that are still read of a body that is too long, and thrown away. A client that is sending when the connection closes
/// never reads why it is refused; one that sends more than this, or takes longer, is not owed an explanation.
const PATIENCE_BYTES: usize = 16 * 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a client may take to send a body: one that sends a byte a second must not hold a connection for ever.
const SENDING: Duration = Duration::from_secs(30);
/// Memory that is set aside for a body because it was announced, before any of it has come.
const ANNOUNCED_BYTES: usize = 64 * 1024;

/// Reads a body of at most `max` bytes. One that is longer is refused as soon as that is known.
pub(super) async fn read(headers: &HeaderMap, mut body: Body, max: usize) -> Result<Bytes, Problem> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_none_or(|bytes| bytes <= max) {
        let taken = BytesMut::with_capacity(announced.unwrap_or_default().min(ANNOUNCED_BYTES));
        let whole = timeout(SENDING, take(&mut body, taken, max)).await.map_err(|_| Problem::timeout())??;
        if let Some(whole) = whole {
            return Ok(whole);
        }
    }
    tokio::spawn(timeout(PATIENCE, discard(body)));
    Err(Problem::too_large(max))
}

/// Takes all of a body; `None` if it is longer than `max`.
async fn take(body: &mut Body, mut taken: BytesMut, max: usize) -> Result<Option<Bytes>, Problem> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Problem::bad_request("incomplete_body", "the body did not arrive whole"))?;
        let Ok(data) = frame.into_data() else { continue };
        if taken.len() + data.len() > max {
            return Ok(None);
        }
        taken.extend_from_slice(&data);
    }
    Ok(Some(taken.freeze()))
}

async fn discard(mut body: Body) {
    let mut received = 0;
    while let Some(Ok(frame)) = body.frame().await {
        received += frame.data_ref().map_or(0, Bytes::len);
        if received > PATIENCE_BYTES {
            break;
        }
    }
}

/// Reads the definition of a segment or campaign.
pub(super) async fn read_definition(headers: &HeaderMap, body: Body) -> Result<Value, Problem> {
    let body = read(headers, body, DEFINITION_BYTES).await?;
    serde_json::from_slice(&body)
        .map_err(|error| Problem::bad_request("not_json", format!("the body is not JSON: {error}")))
}
