//! Whatever arrives as a compressed body: no more comes out of it than the bound, and what was compressed comes back.

#![no_main]

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use ingest_server::http::{Coding, DecompressError, decompress};
use kindling_core::limits::FLUSH_PLAIN_BYTES;
use libfuzzer_sys::fuzz_target;

/// Decompresses within a bound, which has to hold.
fn within(body: &[u8], coding: Coding, most: usize) -> Result<Vec<u8>, DecompressError> {
    let plain = decompress(body, coding, most);
    if let Ok(plain) = &plain {
        assert!(plain.len() <= most && plain.capacity() <= most, "{} of {most}", plain.capacity());
    }
    plain
}

fuzz_target!(|body: &[u8]| {
    if let Some(coding) = Coding::of(body) {
        let whole = within(body, coding, FLUSH_PLAIN_BYTES);
        for most in [0, 1, 1_000] {
            match within(body, coding, most) {
                Ok(plain) => assert_eq!(Ok(plain), whole),
                // More than that comes out of it, or something behind that is damaged.
                Err(DecompressError::TooLarge) => {
                    assert!(whole.as_ref().is_ok_and(|plain| plain.len() > most) || whole.is_err())
                }
                Err(DecompressError::Damaged) => assert!(whole.is_err()),
            }
        }
        if let Ok(plain) = &whole {
            assert_eq!(within(body, coding, plain.len()).as_ref(), Ok(plain));
        }
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).unwrap();
    for (coding, compressed) in
        [(Coding::Gzip, encoder.finish().unwrap()), (Coding::Zstd, zstd::bulk::compress(body, 1).unwrap())]
    {
        assert_eq!(Coding::of(&compressed), Some(coding));
        assert_eq!(within(&compressed, coding, body.len()).as_deref(), Ok(body));
        if !body.is_empty() {
            assert_eq!(within(&compressed, coding, body.len() - 1), Err(DecompressError::TooLarge));
        }
    }
});
