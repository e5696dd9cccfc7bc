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

/// Reads a body of at most `max` bytes. One that is longer is refused as soon as that is known.
pub(super) async fn read(headers: &HeaderMap, mut body: Body, max: usize) -> Result<Bytes, Problem> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    let mut taken = BytesMut::new();
    if announced.is_none_or(|bytes| bytes <= max) {
        loop {
            let Some(frame) = body.frame().await else { return Ok(taken.freeze()) };
            let frame = frame.map_err(|_| Problem::bad_request("incomplete_body", "the body did not arrive whole"))?;
            let Ok(data) = frame.into_data() else { continue };
            if taken.len() + data.len() > max {
                break;
            }
            taken.extend_from_slice(&data);
        }
    }
    tokio::spawn(timeout(PATIENCE, discard(body)));
    Err(Problem::too_large(max))
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
