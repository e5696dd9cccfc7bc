//! Headers that every answer carries.
//!
//! The content security policy is as strict as the SDK allows, on purpose: a shop with a strict policy has to be able to
//! use Kindling, and this is where that is seen.

use anyhow::Context;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;

use crate::kindling_url::KindlingUrl;

/// The headers, built once.
#[derive(Clone)]
pub(crate) struct SecurityHeaders(HeaderMap);

impl SecurityHeaders {
    /// The headers of a shop that talks to `kindling`.
    pub(crate) fn new(kindling: &KindlingUrl) -> anyhow::Result<Self> {
        let policy = HeaderValue::try_from(content_security_policy(&kindling.origin()))
            .context("the Kindling server's address can't be part of a content security policy")?;
        let fixed = |name: HeaderName, value: &'static str| (name, HeaderValue::from_static(value));
        Ok(Self(HeaderMap::from_iter([
            (header::CONTENT_SECURITY_POLICY, policy),
            fixed(header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            fixed(header::X_FRAME_OPTIONS, "SAMEORIGIN"),
            fixed(header::REFERRER_POLICY, "same-origin"),
            fixed(HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
            fixed(HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
            fixed(
                HeaderName::from_static("permissions-policy"),
                "camera=(), geolocation=(), microphone=(), payment=()",
            ),
            // Files change while the shop is worked on: the browser keeps them, but asks before it uses them.
            fixed(header::CACHE_CONTROL, "no-cache"),
        ])))
    }

    /// Adds the headers to an answer.
    pub(crate) fn add_to(&self, mut response: Response) -> Response {
        response.headers_mut().extend(self.0.clone());
        response
    }
}

/// Scripts and styles come from the shop's own files only. `wasm-unsafe-eval` lets the browser compile WebAssembly; it
/// does not allow `eval`. Images of messages may come from any https address.
fn content_security_policy(kindling_origin: &str) -> String {
    [
        "default-src 'self'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "style-src 'self'",
        "img-src 'self' data: https:",
        &format!("connect-src 'self' {kindling_origin}"),
        // The server's frame, in which HTML messages have their scripts, and the phone of the gallery.
        &format!("frame-src 'self' {kindling_origin}"),
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    ]
    .join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_names_the_server_and_allows_nothing_inline() {
        let policy = content_security_policy("http://127.0.0.1:8081");
        assert!(policy.contains("connect-src 'self' http://127.0.0.1:8081;"));
        assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"));
    }
}
