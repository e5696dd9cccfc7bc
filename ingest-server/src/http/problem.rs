//! Errors as problem documents (RFC 9457).

use std::any::Any;

use axum::{
    Json,
    body::to_bytes,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use kindling_core::protocol::{AUTH_FAILED, AuthFailure};
use serde::Serialize;
use tracing::error;

use super::Coding;
use crate::{
    ingest::{DecodeBatchError, IngestError},
    live::Full,
    sdk_authentication::Refusal,
    segments::LinkError,
    store::StoreError,
};

const PROBLEM: &str = "application/problem+json";

/// An error as the client sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Always `about:blank`: `code` says which problem it is.
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    #[serde(serialize_with = "status_number")]
    status: StatusCode,
    code: &'static str,
    detail: String,
    /// Where in the request, if that can be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    /// The reason, where there are several.
    #[serde(flatten)]
    reason: Option<Box<AuthFailure>>,
    /// Seconds after which trying again makes sense.
    #[serde(skip)]
    retry_after: Option<u32>,
}

fn status_number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Error");
        Self {
            kind: "about:blank",
            title,
            status,
            code,
            detail: detail.into(),
            path: None,
            reason: None,
            retry_after: None,
        }
    }

    /// Which problem it is, for programs.
    #[cfg(test)]
    pub(super) const fn code(&self) -> &'static str {
        self.code
    }

    /// 404.
    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// 404, where the SDK would be.
    pub(super) fn sdk_not_built() -> Self {
        let detail = "this server was built without the SDK; `cargo xtask build` builds one that has it";
        Self::new(StatusCode::NOT_FOUND, "sdk_not_built", detail)
    }

    /// 401.
    pub(super) fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unknown_key", detail)
    }

    /// 400.
    pub(super) fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 409.
    pub(super) fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// 408.
    pub(super) fn timeout() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "timeout", "the body did not arrive in time")
    }

    /// 413.
    pub(super) fn too_large(bytes: usize) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", format!("a body may have at most {bytes} bytes"))
    }

    /// 413, for a body that is too large only when it is decompressed.
    pub(super) fn too_large_decompressed(bytes: usize) -> Self {
        let detail = format!("a body may have at most {bytes} bytes when it is decompressed");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
    }

    /// 415.
    pub(super) fn unsupported_encoding(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_encoding", detail)
    }

    /// 422.
    pub(super) fn unprocessable(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    /// 422, for a definition that is JSON but not right.
    pub(super) fn invalid(error: &kindling_core::decode::DecodeError) -> Self {
        let problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_definition", error.to_string());
        Self { path: Some(error.path.clone()), ..problem }
    }

    /// 422, for a filter that can't stand on the segments that it names.
    pub(super) fn invalid_link(error: &LinkError) -> Self {
        let problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_definition", error.to_string());
        Self { path: Some("$.filter".to_owned()), ..problem }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, retry_after) = (self.status, self.retry_after);
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM));
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNSUPPORTED_MEDIA_TYPE {
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(Coding::ALL));
        }
        response
    }
}

impl From<DecodeBatchError> for Problem {
    fn from(error: DecodeBatchError) -> Self {
        let detail = error.to_string();
        match error {
            DecodeBatchError::NotAFlush(_) => Self::bad_request("not_a_flush", detail),
            DecodeBatchError::NoSeq(_) => Self::bad_request("no_seq", detail),
            DecodeBatchError::NoIdentity => Self::bad_request("no_identity", detail),
            DecodeBatchError::TooManyRecords => Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_many_records", detail),
            DecodeBatchError::UnknownKey => Self::unauthorized(detail),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let problem = Self::new(StatusCode::UNAUTHORIZED, AUTH_FAILED, refusal.to_string());
        Self { reason: Some(Box::new(refusal.into())), ..problem }
    }
}

impl From<IngestError> for Problem {
    fn from(error: IngestError) -> Self {
        let (code, seconds) = match error {
            IngestError::Busy => ("busy", 1),
            IngestError::Unavailable => ("unavailable", 10),
        };
        Self { retry_after: Some(seconds), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, code, error.to_string()) }
    }
}

impl From<Full> for Problem {
    fn from(full: Full) -> Self {
        /// Seconds. A page does without until then; it is no loss.
        const LATER: u32 = 60;
        Self { retry_after: Some(LATER), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", full.to_string()) }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        error!(%error, "a request failed");
        Self::from(IngestError::Unavailable)
    }
}

/// Makes a problem document of what the framework refuses by itself (a wrong method, a path that is not UTF-8, a request that took
/// too long), with its text as detail.
pub(super) async fn complete(response: Response) -> Response {
    let status = response.status();
    let is_problem = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == PROBLEM);
    if is_problem || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let (parts, body) = response.into_parts();
    let text = to_bytes(body, 4 * 1024).await.ok().and_then(|text| String::from_utf8(text.to_vec()).ok());
    let detail = text.filter(|text| !text.is_empty()).unwrap_or_else(|| "the request can't be served".to_owned());
    let code = match status {
        StatusCode::METHOD_NOT_ALLOWED => "method_not_allowed",
        StatusCode::REQUEST_TIMEOUT => "timeout",
        _ => "bad_request",
    };
    let mut problem = Problem::new(status, code, detail).into_response();
    // What other layers added stays: who may read it, which methods are allowed.
    for (name, value) in &parts.headers {
        if *name != header::CONTENT_TYPE && *name != header::CONTENT_LENGTH {
            problem.headers_mut().append(name, value.clone());
        }
    }
    problem
}

/// What a client gets when a handler panics. The panic itself has been reported.
pub(super) fn from_panic(_: Box<dyn Any + Send>) -> Response {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the server made a mistake").into_response()
}
