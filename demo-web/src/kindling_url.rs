//! The address of the Kindling server, checked once.

use std::str::FromStr;

use reqwest::Url;
use thiserror::Error;

/// Base address of the Kindling server. A path in it is kept; there is no query, no fragment and no password.
#[derive(Clone, Debug)]
pub(crate) struct KindlingUrl(Url);

/// Why a text is not the address of a Kindling server.
#[derive(Debug, Error)]
pub(crate) enum InvalidKindlingUrl {
    #[error("not a URL: {0}")]
    Malformed(String),
    /// The pass-through is built without TLS: demo and server run on one machine.
    #[error("only http:// is supported by the demo")]
    Scheme,
    #[error("only scheme, host, port and path are allowed")]
    Extras,
}

impl FromStr for KindlingUrl {
    type Err = InvalidKindlingUrl;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text).map_err(|e| InvalidKindlingUrl::Malformed(e.to_string()))?;
        if url.scheme() != "http" {
            return Err(InvalidKindlingUrl::Scheme);
        }
        let has_extras =
            !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some();
        if has_extras {
            return Err(InvalidKindlingUrl::Extras);
        }
        Ok(Self(url))
    }
}

impl KindlingUrl {
    /// The address as the SDK takes it: without a slash at the end.
    pub(crate) fn base(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }

    /// Scheme, host and port: what a content security policy names.
    pub(crate) fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    /// The address of a resource below the base. Each segment is percent-encoded, so that none can reach another resource.
    pub(crate) fn resource(&self, segments: &[&str]) -> Url {
        let mut url = self.0.clone();
        // An http URL always has a path, so that this never skips.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> KindlingUrl {
        text.parse().unwrap()
    }

    #[test]
    fn the_base_has_no_slash_at_the_end() {
        assert_eq!(url("http://127.0.0.1:8081").base(), "http://127.0.0.1:8081");
        assert_eq!(url("http://127.0.0.1:8081/").base(), "http://127.0.0.1:8081");
        assert_eq!(url("http://localhost/kindling/").base(), "http://localhost/kindling");
    }

    #[test]
    fn the_origin_leaves_the_path_out() {
        assert_eq!(url("http://localhost:81/kindling").origin(), "http://localhost:81");
    }

    #[test]
    fn resources_stay_below_the_base() {
        let base = url("http://localhost/kindling/");
        assert_eq!(base.resource(&["api", "v1"]).as_str(), "http://localhost/kindling/api/v1");
        assert_eq!(
            base.resource(&["users", "external_id:a/../b?c#d%2e"]).as_str(),
            "http://localhost/kindling/users/external_id:a%2F..%2Fb%3Fc%23d%252e"
        );
    }

    #[test]
    fn what_is_no_plain_http_address_is_refused() {
        for text in [
            "",
            "127.0.0.1:8081",
            "https://kindling.example",
            "http://user:pw@host",
            "http://host/?q",
            "http://host/#f",
        ] {
            assert!(text.parse::<KindlingUrl>().is_err(), "{text}");
        }
    }
}
