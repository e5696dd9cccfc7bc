//! Bodies that arrive compressed, taken apart within a bound.
//!
//! A page sends its flush as a request that needs no preflight, and such a request may not say `Content-Encoding`. So a body is
//! known by its first bytes: JSON begins with none of those. A client that does send the header has to mean what it says.

use std::io::Read as _;

use axum::{
    body::Bytes,
    http::{HeaderMap, header},
};
use flate2::bufread::MultiGzDecoder;
use zstd::zstd_safe::{DCtx, is_error_kind, zstd_sys::ZSTD_ErrorCode};

use super::Problem;

/// What a gzip buffer is first made larger by, when the stream does not say how large it gets.
const FIRST_BYTES: usize = 4 * 1024;

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// gzip (RFC 1952), one member or several.
    Gzip,
    /// Zstandard (RFC 8878), one frame or several.
    Zstd,
}

impl Coding {
    /// The codings that are understood, as a header lists them.
    pub(super) const ALL: &str = "gzip, zstd";

    /// How the body is compressed; `None` if it is not.
    pub fn of(body: &[u8]) -> Option<Self> {
        if body.starts_with(&[0x1f, 0x8b]) {
            Some(Self::Gzip)
        } else if body.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
            Some(Self::Zstd)
        } else {
            None
        }
    }

    /// What the headers say of it. `Err`: something that is not understood.
    fn named(headers: &HeaderMap) -> Result<Option<Self>, Problem> {
        let mut named = None;
        for value in headers.get_all(header::CONTENT_ENCODING) {
            let text = value.to_str().unwrap_or("?").trim();
            let coding = match text.to_ascii_lowercase().as_str() {
                "" | "identity" => continue,
                "gzip" | "x-gzip" => Self::Gzip,
                "zstd" => Self::Zstd,
                _ => return Err(unsupported(text)),
            };
            if named.replace(coding).is_some() {
                return Err(unsupported("compressed twice"));
            }
        }
        Ok(named)
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

fn unsupported(what: &str) -> Problem {
    Problem::unsupported_encoding(format!("a body may be plain, gzip or zstd, not {what:?}"))
}

/// Why a compressed body can't be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecompressError {
    /// There is more in it than it may hold.
    #[error("there is too much in it")]
    TooLarge,
    /// It is not what it begins as: damaged, cut off, or followed by something else.
    #[error("it is damaged, cut off or followed by something else")]
    Damaged,
}

/// The body as it was before it was compressed, at most `most` bytes of it. One that is not compressed is given back as it is.
///
/// This is done where it is called, on a thread that serves other requests too. A full MiB of records takes half a millisecond, and
/// what the SDK sends a tenth of that: less than the JSON of it, which is read next, on this thread too. The worst that was found
/// within the bounds, a MiB of the smallest frames there are, takes 13 ms.
pub(super) fn plain(headers: &HeaderMap, body: Bytes, most: usize) -> Result<Bytes, Problem> {
    let (named, found) = (Coding::named(headers)?, Coding::of(&body));
    if let Some(named) = named.filter(|_| named != found) {
        let detail = format!("the body is not {}, as its Content-Encoding says", named.name());
        return Err(Problem::bad_request("bad_compression", detail));
    }
    let Some(coding) = found else { return Ok(body) };
    decompress(&body, coding, most).map(Bytes::from).map_err(|error| match error {
        DecompressError::TooLarge => Problem::too_large_decompressed(most),
        DecompressError::Damaged => {
            Problem::bad_request("bad_compression", format!("the body begins as {}, but {error}", coding.name()))
        }
    })
}

/// Decompresses a body into a buffer of at most `most` bytes. It stops as soon as that is not enough.
pub fn decompress(body: &[u8], coding: Coding, most: usize) -> Result<Vec<u8>, DecompressError> {
    match coding {
        Coding::Gzip => gunzip(body, most),
        Coding::Zstd => unzstd(body, most),
    }
}

fn gunzip(body: &[u8], most: usize) -> Result<Vec<u8>, DecompressError> {
    let mut decoder = MultiGzDecoder::new(body);
    let mut read = |space: &mut [u8]| decoder.read(space).map_err(|_| DecompressError::Damaged);
    let mut plain = vec![0; announced(body).min(most)];
    let mut filled = 0;
    loop {
        if filled == plain.len() {
            // Full. Is there more, and is there room for it?
            let mut next = [0];
            if read(&mut next)? == 0 {
                break;
            }
            if filled == most {
                return Err(DecompressError::TooLarge);
            }
            let size = (filled * 2 + FIRST_BYTES).min(most);
            plain.reserve_exact(size - filled);
            plain.resize(size, 0);
            plain[filled] = next[0];
            filled += 1;
        } else {
            match read(&mut plain[filled..])? {
                0 => break,
                bytes => filled += bytes,
            }
        }
    }
    plain.truncate(filled);
    Ok(plain)
}

/// How long the content of the last member says it is. It is only a guess at the whole: nobody has to tell the truth there.
fn announced(body: &[u8]) -> usize {
    body.last_chunk().map_or(0, |length| u32::from_le_bytes(*length) as usize)
}

/// All at once: the buffer serves as the window, so that none is allocated, however large a window a frame asks for. Memory that is
/// reserved costs nothing before it is written to.
fn unzstd(body: &[u8], most: usize) -> Result<Vec<u8>, DecompressError> {
    let mut plain = Vec::with_capacity(most);
    // It fails only when there is no memory; then the request must not take the process with it.
    let mut decoder = DCtx::try_create().ok_or(DecompressError::TooLarge)?;
    match decoder.decompress(&mut plain, body) {
        Ok(_) => Ok(plain),
        Err(code) if is_error_kind(code, ZSTD_ErrorCode::ZSTD_error_dstSize_tooSmall) => Err(DecompressError::TooLarge),
        Err(_) => Err(DecompressError::Damaged),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use axum::http::HeaderValue;
    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(plain: &[u8]) -> Vec<u8> {
        zstd::bulk::compress(plain, 3).unwrap()
    }

    type Compress = fn(&[u8]) -> Vec<u8>;
    const ENCODERS: [(Coding, Compress); 2] = [(Coding::Gzip, gzip), (Coding::Zstd, zstd)];

    fn text(bytes: usize) -> Vec<u8> {
        (0..).flat_map(|n: u32| format!("{n},").into_bytes()).take(bytes).collect()
    }

    #[test]
    fn what_was_compressed_comes_back_if_it_is_within_the_bound() {
        for (coding, compress) in ENCODERS {
            for bytes in [0, 1, 4_095, 4_096, 4_097, 100_000] {
                let plain = text(bytes);
                let body = compress(&plain);
                assert_eq!(Coding::of(&body), Some(coding));
                for most in [bytes, bytes + 1, 1 << 20] {
                    let taken = decompress(&body, coding, most).unwrap();
                    assert!(taken == plain && taken.capacity() <= most, "{coding:?} {bytes} {most}");
                }
                if bytes > 0 {
                    assert_eq!(
                        decompress(&body, coding, bytes - 1),
                        Err(DecompressError::TooLarge),
                        "{coding:?} {bytes}"
                    );
                    assert_eq!(decompress(&body, coding, 0), Err(DecompressError::TooLarge), "{coding:?} {bytes}");
                }
            }
        }
    }

    #[test]
    fn members_and_frames_are_joined_within_one_bound() {
        for (coding, compress) in ENCODERS {
            let (plain, empty) = (text(10_000), compress(b""));
            let (first, rest) = plain.split_at(6_000);
            let body = [empty.as_slice(), &compress(first), &empty, &compress(rest), &empty].concat();
            assert_eq!(decompress(&body, coding, 10_000).as_deref(), Ok(plain.as_slice()), "{coding:?}");
            assert_eq!(decompress(&body, coding, 9_999), Err(DecompressError::TooLarge), "{coding:?}");
        }
    }

    #[test]
    fn what_is_damaged_is_not_taken() {
        for (coding, compress) in ENCODERS {
            let body = compress(&text(5_000));
            for end in 4..body.len() {
                assert_eq!(decompress(&body[..end], coding, 5_000), Err(DecompressError::Damaged), "{coding:?} {end}");
            }
            for behind in [b"\0".as_slice(), b"{}", &body[..1], &body[..body.len() - 1]] {
                let body = [&body, behind].concat();
                assert!(decompress(&body, coding, 1 << 20).is_err(), "{coding:?} {behind:?}");
            }
        }
        // The checksum, and the length behind it.
        let body = gzip(b"{}");
        for place in body.len() - 8..body.len() {
            let mut body = body.clone();
            body[place] ^= 1;
            assert_eq!(decompress(&body, Coding::Gzip, 5_000), Err(DecompressError::Damaged), "{place}");
        }
    }

    #[test]
    fn a_frame_that_asks_for_a_large_window_gets_none() {
        // A window of 2 GiB, the size of the content unknown, one raw block with two bytes.
        let body = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x11, 0x00, 0x00, b'{', b'}'];
        assert_eq!(decompress(&body, Coding::Zstd, 2).as_deref(), Ok(b"{}".as_slice()));
    }

    fn headers(codings: &[&'static str]) -> HeaderMap {
        codings.iter().map(|coding| (header::CONTENT_ENCODING, HeaderValue::from_static(coding))).collect()
    }

    #[test]
    fn a_header_has_to_agree_with_the_body() {
        let status = |codings: &[&'static str], body: Vec<u8>| {
            plain(&headers(codings), body.into(), 100).map_err(|problem| problem.code()).map(|body| body.to_vec())
        };
        let text = b"{}".to_vec();
        for (codings, body) in [
            (&[] as &[&str], text.clone()),
            (&[], gzip(&text)),
            (&[], zstd(&text)),
            (&["identity"], text.clone()),
            (&[""], gzip(&text)),
            (&["gzip"], gzip(&text)),
            (&["X-GZip"], gzip(&text)),
            (&["zstd"], zstd(&text)),
        ] {
            assert_eq!(status(codings, body), Ok(text.clone()), "{codings:?}");
        }
        for (codings, body) in [
            (&["gzip"] as &[&str], text.clone()),
            (&["gzip"], zstd(&text)),
            (&["zstd"], gzip(&text)),
            (&["zstd"], Vec::new()),
        ] {
            assert_eq!(status(codings, body), Err("bad_compression"), "{codings:?}");
        }
        for codings in [&["br"] as &[&str], &["deflate"], &["gzip, zstd"], &["gzip", "gzip"], &["gzip", "br"]] {
            assert_eq!(status(codings, gzip(&text)), Err("unsupported_encoding"), "{codings:?}");
        }
    }

    #[test]
    fn a_plain_body_is_not_copied() {
        let body = Bytes::from(text(1_000));
        let same = plain(&HeaderMap::new(), body.clone(), 0).unwrap();
        assert_eq!(same.as_ptr(), body.as_ptr());
    }
}
