//! Addresses that a click may open.

use serde::Serialize;

/// An address that is safe to open from a page: a relative one, or one with a harmless scheme. `javascript:` and the like would
/// let the author of a message run code in the site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct SafeUrl(String);

const SCHEMES: [&str; 5] = ["https", "http", "mailto", "tel", "sms"];

impl SafeUrl {
    /// Takes the address if it is safe.
    pub fn parse(url: &str) -> Option<Self> {
        is_safe(url).then(|| Self(url.to_owned()))
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether an address is safe. Control characters are refused: browsers skip them when they look for the scheme.
fn is_safe(url: &str) -> bool {
    let bytes = url.as_bytes();
    let sane = !bytes.is_empty() && bytes.len() <= 2_048 && !bytes.iter().any(|b| *b <= b' ' || *b == 0x7f);
    let end = bytes.iter().position(|b| matches!(b, b':' | b'/' | b'?' | b'#')).unwrap_or(bytes.len());
    let (scheme, rest) = bytes.split_at(end);
    let safe = rest.first() != Some(&b':') || SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known.as_bytes()));
    sane && safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_harmless_addresses_are_taken() {
        for good in
            ["/sale?a:b", "sale", "#top", "https://a.b/c", "HTTP://a", "mailto:a@b", "../x:y", "//cdn.example/x.png"]
        {
            assert!(SafeUrl::parse(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "javascript:alert(1)",
            "JaVaScRiPt:x",
            "java\tscript:x",
            " javascript:x",
            "data:text/html,x",
            "vbscript:x",
            "blob:x",
            "a b",
        ] {
            assert!(SafeUrl::parse(bad).is_none(), "{bad}");
        }
    }
}
