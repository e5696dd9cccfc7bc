//! Public keys, as `openssl` writes them.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use kindling_core::limits;
use serde::{Serialize, Serializer};

const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";
/// A key in this form is less than a fifth of it.
const PEM_BYTES: usize = 8 * 1024;

const IN_PEM: &str = "a public key in PEM, from -----BEGIN PUBLIC KEY----- to -----END PUBLIC KEY-----";
const RSA: &str = "an RSA key";
const BITS: &str = "an RSA key of 2048 to 4096 bits";

/// What stands before an RSA key in its envelope: that it is one.
const RSA_ENCRYPTION: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;

/// An RSA key by which signatures are verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    pem: String,
    /// An `RSAPublicKey` of PKCS #1.
    der: Vec<u8>,
}

impl PublicKey {
    /// Reads a key in PEM, of [`limits::RSA_BITS_LEAST`] to [`limits::RSA_BITS_MOST`] bits. The error says what was expected.
    pub fn parse(pem: &str) -> Result<Self, &'static str> {
        let pem = pem.trim();
        let body = pem.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END)).ok_or(IN_PEM)?;
        if body.len() > PEM_BYTES {
            return Err(IN_PEM);
        }
        let letters: String = body.split_ascii_whitespace().collect();
        let envelope = STANDARD.decode(letters).map_err(|_| IN_PEM)?;
        let der = unwrap(&envelope).ok_or(RSA)?;
        let (modulus, exponent) = numbers(der).ok_or(RSA)?;
        if !(limits::RSA_BITS_LEAST..=limits::RSA_BITS_MOST).contains(&bits(modulus)) {
            return Err(BITS);
        }
        // As those who verify want it; 65537 is what nearly all have.
        if modulus.last().is_none_or(|last| last % 2 == 0) || !is_odd_and_fit(exponent) {
            return Err(RSA);
        }
        Ok(Self { pem: pem.to_owned(), der: der.to_owned() })
    }

    /// As it was written.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    pub(super) fn der(&self) -> &[u8] {
        &self.der
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.pem)
    }
}

/// Takes an RSA key out of its envelope, a `SubjectPublicKeyInfo`.
fn unwrap(envelope: &[u8]) -> Option<&[u8]> {
    let (info, rest) = element(envelope, SEQUENCE)?;
    let (algorithm, key) = element(info, SEQUENCE)?;
    let (key, more) = element(key, BIT_STRING)?;
    // The first byte says how many bits of the last one are unused.
    let key = key.strip_prefix(&[0])?;
    (rest.is_empty() && more.is_empty() && algorithm == RSA_ENCRYPTION).then_some(key)
}

/// Modulus and exponent of a key, without zeros before them.
fn numbers(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (numbers, rest) = element(der, SEQUENCE)?;
    let (modulus, exponent) = element(numbers, INTEGER)?;
    let (exponent, more) = element(exponent, INTEGER)?;
    (rest.is_empty() && more.is_empty()).then_some((positive(modulus)?, positive(exponent)?))
}

fn positive(integer: &[u8]) -> Option<&[u8]> {
    match integer {
        [0, rest @ ..] if rest.first().is_some_and(|first| *first >= 0x80) => Some(rest),
        [first, ..] if *first > 0 && *first < 0x80 => Some(integer),
        _ => None,
    }
}

fn bits(number: &[u8]) -> usize {
    let zeros = number.first().map_or(0, |first| first.leading_zeros() as usize);
    number.len() * 8 - zeros
}

/// Odd, and from 3 to 33 bits.
fn is_odd_and_fit(exponent: &[u8]) -> bool {
    exponent.last().is_some_and(|last| last % 2 == 1) && (2..=33).contains(&bits(exponent))
}

/// The content of the element that `der` begins with, which must be of this kind, and what comes after it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (first, rest) = der.split_first()?;
    let (length, rest) = match rest {
        [short @ 0..=0x7f, rest @ ..] => (usize::from(*short), rest),
        [0x81, length @ 0x80..=0xff, rest @ ..] => (usize::from(*length), rest),
        [0x82, high @ 1..=0xff, low, rest @ ..] => (usize::from(*high) << 8 | usize::from(*low), rest),
        _ => return None,
    };
    (*first == tag).then(|| rest.split_at_checked(length)).flatten()
}

#[cfg(test)]
mod tests {
    use super::{
        super::samples::{KEYS, WEAK_KEY},
        *,
    };

    #[test]
    fn keys_are_read_however_their_lines_are_broken() {
        let key = PublicKey::parse(KEYS[0].public).unwrap();
        assert_eq!(PublicKey::parse(&format!("\n  {}\n", KEYS[0].public)), Ok(key.clone()));
        let one_line = KEYS[0].public.replace('\n', "");
        assert_eq!(PublicKey::parse(&one_line).unwrap().der, key.der);
        assert_eq!(PublicKey::parse(&KEYS[0].public.replace('\n', "\r\n")).unwrap().der, key.der);
        let (modulus, exponent) = numbers(&key.der).unwrap();
        assert_eq!((bits(modulus), exponent), (2048, &[1, 0, 1][..]));
    }

    #[test]
    fn what_is_no_such_key_is_refused() {
        assert_eq!(PublicKey::parse(WEAK_KEY), Err(BITS));
        let ed25519 = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----";
        assert_eq!(PublicKey::parse(ed25519), Err(RSA));
        for text in ["", "MIIB", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"] {
            assert_eq!(PublicKey::parse(text), Err(IN_PEM), "{text}");
        }
        let broken = KEYS[0].public.replacen("MII", "M!I", 1);
        assert_eq!(PublicKey::parse(&broken), Err(IN_PEM));
        let other = |from: &[u8], to: &[u8]| {
            let body: String = KEYS[0].public.lines().filter(|line| !line.starts_with('-')).collect();
            let mut der = STANDARD.decode(body).unwrap();
            let at = der.windows(from.len()).rposition(|part| part == from).unwrap();
            der.splice(at..at + from.len(), to.iter().copied());
            PublicKey::parse(&format!("{BEGIN}\n{}\n{END}", STANDARD.encode(der)))
        };
        assert!(other(&[2, 3, 1, 0, 1], &[2, 3, 1, 0, 3]).is_ok());
        assert_eq!(other(&[2, 3, 1, 0, 1], &[2, 3, 1, 0, 2]), Err(RSA));
        assert_eq!(other(&[2, 3, 1, 0, 1], &[2, 3, 0, 0, 1]), Err(RSA));
        assert_eq!(other(&[2, 3, 1, 0, 1], &[2, 4, 1, 0, 1]), Err(RSA));
        assert_eq!(other(&[2, 3, 1, 0, 1], &[2, 3, 1, 0, 1, 0]), Err(RSA));
        // Every beginning of a key is none.
        let body: String = KEYS[0].public.lines().filter(|line| !line.starts_with('-')).collect();
        let der = STANDARD.decode(body).unwrap();
        for end in 0..der.len() {
            let text = format!("{BEGIN}{}{END}", STANDARD.encode(&der[..end]));
            assert!(PublicKey::parse(&text).is_err(), "{end}");
        }
    }
}
