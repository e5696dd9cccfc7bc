//! Which of the tracked events have arrived, whatever an SDK made of them: each carries a mark, and the marks are looked for in the
//! bodies as they are, decompressed, and decoded from base64.

use std::{collections::BTreeSet, io::Read as _};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use flate2::read::{GzDecoder, ZlibDecoder};

/// What stands before the number in a mark. `page.js` makes them.
const MARK: &[u8] = b"bench";
const DIGITS: usize = 5;

/// A body may come to so many bytes. The largest of a subject has a few hundred thousand.
const LARGEST: u64 = 64 * 1024 * 1024;

/// Shorter runs of letters and digits than this hold no event.
const SHORTEST_BASE64: usize = 40;

/// A body without its compression.
pub(crate) fn plain(body: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    let read = match body {
        [0x1f, 0x8b, ..] => GzDecoder::new(body).take(LARGEST).read_to_end(&mut text),
        [0x78, ..] => ZlibDecoder::new(body).take(LARGEST).read_to_end(&mut text),
        _ => Err(std::io::ErrorKind::InvalidData.into()),
    };
    if read.is_ok() { text } else { body.to_vec() }
}

/// The numbers of the events that this text, which is not compressed, carries.
pub(crate) fn marks(text: &[u8]) -> BTreeSet<u32> {
    let mut found = plain_marks(text);
    for run in text.split(|byte| !is_base64(*byte)).filter(|run| run.len() >= SHORTEST_BASE64) {
        let decoded = STANDARD_NO_PAD.decode(run).or_else(|_| URL_SAFE_NO_PAD.decode(run));
        found.extend(decoded.map(|decoded| plain_marks(&plain(&decoded))).unwrap_or_default());
    }
    found
}

const fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

fn plain_marks(text: &[u8]) -> BTreeSet<u32> {
    let starts = text.windows(MARK.len() + DIGITS).filter_map(|window| window.strip_prefix(MARK));
    starts.filter_map(|digits| std::str::from_utf8(digits).ok()?.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    use flate2::{Compression, write::GzEncoder};

    use super::*;

    const BODY: &[u8] =
        br#"{"events":[{"product":"bench00000"},{"product":"bench00041"},{"product":"bench00041"},{"x":"bench"}]}"#;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn marks_are_found_however_a_body_is_packed() {
        let expected = BTreeSet::from([0, 41]);
        let encoded = format!("{{\"payload\":\"{}\"}}", STANDARD.encode(BODY));
        let in_address = format!("e=1&data={}&v=2", URL_SAFE.encode(BODY));
        let both = format!("data={}", STANDARD_NO_PAD.encode(gzip(BODY)));
        for body in [BODY, &gzip(BODY), encoded.as_bytes(), in_address.as_bytes(), both.as_bytes()] {
            assert_eq!(marks(&plain(body)), expected, "{}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn what_only_looks_compressed_stays_as_it_is() {
        for body in [&b"x bench00007"[..], b"\x1f\x8b bench00007"] {
            assert_eq!(plain(body), body);
        }
        assert_eq!(plain(&gzip(BODY)), BODY);
    }

    #[test]
    fn no_mark_is_no_arrival() {
        assert!(marks(b"bench0004 workbench bench").is_empty());
    }
}
