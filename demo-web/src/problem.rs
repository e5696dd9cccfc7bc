//! Errors as problem documents (RFC 9457), in the form that Kindling's own API has.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// An error answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
}

#[derive(Serialize)]
struct Document<'a> {
    r#type: &'static str,
    title: &'a str,
    status: u16,
    code: &'a str,
    detail: &'a str,
}

impl Problem {
    /// The request makes no sense.
    pub(crate) fn bad_request(detail: impl ToString) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code: "invalid_request", detail: detail.to_string() }
    }

    /// Kindling can't be asked right now, or gave an answer that can't be passed on.
    pub(crate) fn bad_gateway(detail: impl ToString) -> Self {
        Self { status: StatusCode::BAD_GATEWAY, code: "kindling_unavailable", detail: detail.to_string() }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let document = Document {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or_default(),
            status: self.status.as_u16(),
            code: self.code,
            detail: &self.detail,
        };
        let mut response = (self.status, Json(document)).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response
    }
}
