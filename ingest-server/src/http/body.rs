//! Reading bodies within a bound.

use axum::body::{Body, Bytes};
use bytes::BytesMut;
use http_body_util::BodyExt as _;
use kindling_core::value::Value;

use super::Problem;

/// Bytes of a segment's or campaign's definition.
const DEFINITION_BYTES: usize = 256 * 1024;

/// Bytes that are read past the bound, and thrown away. A client that is still sending when the connection closes never reads
/// why; one that sends more than this is not owed an explanation.
const PATIENCE_BYTES: usize = 16 * 1024 * 1024;

/// Reads a body of at most `max` bytes.
pub(super) async fn read(mut body: Body, max: usize) -> Result<Bytes, Problem> {
    let mut taken = BytesMut::new();
    let mut received = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Problem::bad_request("incomplete_body", "the body did not arrive whole"))?;
        let Ok(data) = frame.into_data() else { continue };
        received += data.len();
        if received <= max {
            taken.extend_from_slice(&data);
        } else if received > max + PATIENCE_BYTES {
            break;
        }
    }
    if received > max { Err(Problem::too_large(max)) } else { Ok(taken.freeze()) }
}

/// Reads the definition of a segment or campaign.
pub(super) async fn read_definition(body: Body) -> Result<Value, Problem> {
    let body = read(body, DEFINITION_BYTES).await?;
    serde_json::from_slice(&body)
        .map_err(|error| Problem::bad_request("not_json", format!("the body is not JSON: {error}")))
}
