//! Reading bodies within a bound.

use std::error::Error as _;

use axum::{
    body::{Body, Bytes, to_bytes},
    http::{HeaderMap, header},
};
use http_body_util::LengthLimitError;
use kindling_core::value::Value;

use super::Problem;

/// Bytes of a segment's or campaign's definition.
const DEFINITION_BYTES: usize = 256 * 1024;

/// Reads a body of at most `max` bytes.
pub(super) async fn read(headers: &HeaderMap, body: Body, max: usize) -> Result<Bytes, Problem> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|bytes| bytes > max) {
        return Err(Problem::too_large(max));
    }
    to_bytes(body, max).await.map_err(|error| {
        if error.source().is_some_and(|source| source.is::<LengthLimitError>()) {
            Problem::too_large(max)
        } else {
            Problem::bad_request("incomplete_body", "the body did not arrive whole")
        }
    })
}

/// Reads the definition of a segment or campaign.
pub(super) async fn read_definition(headers: &HeaderMap, body: Body) -> Result<Value, Problem> {
    let body = read(headers, body, DEFINITION_BYTES).await?;
    serde_json::from_slice(&body)
        .map_err(|error| Problem::bad_request("not_json", format!("the body is not JSON: {error}")))
}
