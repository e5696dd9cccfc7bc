//! Addresses that a click may open.

use serde::Serialize;

/// An address that is safe to open from a page: a relative one, or one with a harmless scheme. `javascript:` and the like would
/// let the author of a message run code in the site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct SafeUrl(String);

const SCHEMES: [&str; 5] = ["https", "http", "mailto", "tel", "sms"];

impl SafeUrl {
    /// Takes the address if it is safe. Control characters are refused: browsers skip them when they look for the scheme.
    pub fn parse(url: &str) -> Option<Self> {
        let sane = !url.is_empty() && url.len() <= 2_048 && !url.bytes().any(|b| b <= b' ' || b == 0x7f);
        let scheme = url.find([':', '/', '?', '#']).filter(|end| url.as_bytes().get(*end) == Some(&b':'));
        let safe = scheme.is_none_or(|end| SCHEMES.iter().any(|known| url[..end].eq_ignore_ascii_case(known)));
        (sane && safe).then(|| Self(url.to_owned()))
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
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
