//! Whether a JWT proves who somebody is.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use kindling_core::{limits, protocol::AuthFailure, time::Timestamp};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde::{Deserialize, de::IgnoredAny};

use super::PublicKey;

/// How far the clock of whoever signed may be from the server's.
const LEEWAY_SECONDS: f64 = 60.0;

macro_rules! refusals {
    ($($(#[$doc:meta])* $variant:ident = $number:literal, $name:literal, $detail:literal;)*) => {
        /// Why a user is not proven to be who they are said to be.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
        pub enum Refusal { $($(#[$doc])* #[error($detail)] $variant),* }

        impl Refusal {
            /// A stable number for programs.
            pub const fn number(self) -> u32 {
                match self { $(Self::$variant => $number),* }
            }

            /// A stable name for programs.
            pub const fn reason(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }
    };
}

refusals! {
    /// It says nothing of when it ends.
    NoExpiry = 10, "no_expiry", "the signature has no exp";
    /// It is no JWT.
    Malformed = 20, "malformed", "the signature is not a JWT of at most 8 KiB";
    /// It is about somebody else.
    WrongSubject = 21, "wrong_subject", "the sub of the signature is not the user's id";
    /// Its time is over.
    Expired = 22, "expired", "the signature has expired";
    /// Its time has not come.
    NotYetValid = 23, "not_yet_valid", "the signature is not valid yet";
    /// It is signed in another way.
    WrongAlgorithm = 24, "wrong_algorithm", "the signature's alg is not RS256";
    /// The workspace has no key.
    NoKey = 25, "no_key", "the workspace has no public key";
    /// There is none.
    Missing = 26, "missing", "the flush names a user and has no signature";
    /// None of the keys has signed it.
    BadSignature = 27, "bad_signature", "no key of the workspace has made the signature";
}

impl From<Refusal> for AuthFailure {
    fn from(refusal: Refusal) -> Self {
        Self { error_code: refusal.number(), reason: refusal.reason().to_owned() }
    }
}

#[derive(Deserialize)]
struct Header<'a> {
    #[serde(borrow)]
    alg: Cow<'a, str>,
    /// What must be understood. Nothing of the kind is.
    crit: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Claims<'a> {
    #[serde(borrow)]
    sub: Option<Cow<'a, str>>,
    exp: Option<f64>,
    nbf: Option<f64>,
}

/// Verifies that `token` is a JWT about `subject` that holds at `now` and was signed (RS256) by one of `keys`. Returns until when that
/// is so. What costs most comes last: who makes something up seldom gets there.
pub fn verify(token: &str, subject: &str, keys: &[PublicKey], now: Timestamp) -> Result<Timestamp, Refusal> {
    if keys.is_empty() {
        return Err(Refusal::NoKey);
    }
    if token.len() > limits::SDK_SIGNATURE_BYTES {
        return Err(Refusal::Malformed);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(Refusal::Malformed)?;
    let (header, claims) = signed.split_once('.').ok_or(Refusal::Malformed)?;
    let decode = |part| URL_SAFE_NO_PAD.decode(part).map_err(|_| Refusal::Malformed);
    let (header, claims, signature) = (decode(header)?, decode(claims)?, decode(signature)?);
    let header: Header<'_> = serde_json::from_slice(&header).map_err(|_| Refusal::Malformed)?;
    // What it says of itself only ever ends it: how it is verified does not depend on it.
    if header.alg != "RS256" {
        return Err(Refusal::WrongAlgorithm);
    }
    if header.crit.is_some() {
        return Err(Refusal::Malformed);
    }
    let claims: Claims<'_> = serde_json::from_slice(&claims).map_err(|_| Refusal::Malformed)?;
    if claims.sub.as_deref() != Some(subject) {
        return Err(Refusal::WrongSubject);
    }
    let expires = claims.exp.ok_or(Refusal::NoExpiry)? + LEEWAY_SECONDS;
    #[expect(clippy::cast_precision_loss, reason = "exact for 200,000 years")]
    let seconds = now.as_ms() as f64 / 1000.0;
    if seconds >= expires {
        return Err(Refusal::Expired);
    }
    if claims.nbf.is_some_and(|begins| seconds < begins - LEEWAY_SECONDS) {
        return Err(Refusal::NotYetValid);
    }
    let is_signed = |key: &PublicKey| {
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.der());
        key.verify(signed.as_bytes(), &signature).is_ok()
    };
    if !keys.iter().any(is_signed) {
        return Err(Refusal::BadSignature);
    }
    #[expect(clippy::cast_possible_truncation, reason = "a float cast saturates")]
    let until = Timestamp::from_ms((expires * 1000.0) as i64);
    Ok(until)
}

#[cfg(test)]
mod tests {
    use super::{
        super::samples::{KEYS, Key, claims, token, with_header},
        *,
    };

    const NOW: Timestamp = Timestamp::from_ms(1_763_917_561_000);
    /// In seconds.
    const THEN: i64 = 1_763_917_561;

    fn keys(of: &[&Key]) -> Vec<PublicKey> {
        of.iter().map(|key| PublicKey::parse(key.public).unwrap()).collect()
    }

    fn judge(token: &str) -> Result<Timestamp, Refusal> {
        verify(token, "ada", &keys(&[&KEYS[0]]), NOW)
    }

    #[test]
    fn a_token_holds_until_a_minute_after_it_has_expired() {
        let expires = |seconds: i64| judge(&token(&KEYS[0], &claims("ada", THEN + seconds)));
        assert_eq!(expires(600), Ok(Timestamp::from_ms((THEN + 660) * 1000)));
        assert!(expires(-59).is_ok());
        assert_eq!(expires(-60), Err(Refusal::Expired));
        assert_eq!(expires(-THEN), Err(Refusal::Expired));
        let exp = |exp: &str| judge(&token(&KEYS[0], &format!(r#"{{"sub":"ada","exp":{exp}}}"#)));
        assert_eq!(exp("1e300"), Ok(Timestamp::from_ms(i64::MAX)));
        assert!(exp("1763917561.5").is_ok());
        assert_eq!(exp("-1e300"), Err(Refusal::Expired));
        assert_eq!(exp("\"1763917999\""), Err(Refusal::Malformed));
        assert_eq!(exp("null"), Err(Refusal::NoExpiry));
        assert_eq!(judge(&token(&KEYS[0], r#"{"sub":"ada"}"#)), Err(Refusal::NoExpiry));
    }

    #[test]
    fn a_token_may_say_when_it_begins() {
        let begins = |seconds: i64| {
            judge(&token(&KEYS[0], &format!(r#"{{"sub":"ada","exp":{},"nbf":{}}}"#, THEN + 600, THEN + seconds)))
        };
        assert!(begins(60).is_ok());
        assert_eq!(begins(61), Err(Refusal::NotYetValid));
    }

    #[test]
    fn it_is_about_exactly_this_user() {
        for subject in ["Ada", "ada ", "", "bob"] {
            assert_eq!(judge(&token(&KEYS[0], &claims(subject, THEN + 9))), Err(Refusal::WrongSubject), "{subject}");
        }
        assert_eq!(judge(&token(&KEYS[0], &format!(r#"{{"exp":{}}}"#, THEN + 9))), Err(Refusal::WrongSubject));
        assert!(judge(&token(&KEYS[0], &format!(r#"{{"sub":"\u0061da","exp":{},"iss":[1]}}"#, THEN + 9))).is_ok());
        let twice = format!(r#"{{"sub":"ada","sub":"bob","exp":{}}}"#, THEN + 9);
        assert_eq!(judge(&token(&KEYS[0], &twice)), Err(Refusal::Malformed));
    }

    #[test]
    fn any_of_the_keys_may_have_signed() {
        let [old, new] = [&KEYS[0], &KEYS[1]].map(|key| token(key, &claims("ada", THEN + 9)));
        let both = keys(&[&KEYS[0], &KEYS[1]]);
        assert!(verify(&old, "ada", &both, NOW).is_ok());
        assert!(verify(&new, "ada", &both, NOW).is_ok());
        let only_new = keys(&[&KEYS[1]]);
        assert_eq!(verify(&old, "ada", &only_new, NOW), Err(Refusal::BadSignature));
        assert!(verify(&new, "ada", &only_new, NOW).is_ok());
        assert_eq!(verify(&new, "ada", &[], NOW), Err(Refusal::NoKey));
    }

    #[test]
    fn what_was_changed_is_not_signed() {
        let whole = token(&KEYS[0], &claims("ada", THEN + 9));
        let (signed, signature) = whole.rsplit_once('.').unwrap();
        let (header, _) = signed.split_once('.').unwrap();
        let other = URL_SAFE_NO_PAD.encode(claims("ada", THEN + 999));
        assert_eq!(judge(&format!("{header}.{other}.{signature}")), Err(Refusal::BadSignature));
        assert_eq!(judge(&format!("{signed}.")), Err(Refusal::BadSignature));
        let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
        bytes[7] ^= 1;
        assert_eq!(judge(&format!("{signed}.{}", URL_SAFE_NO_PAD.encode(bytes))), Err(Refusal::BadSignature));
    }

    #[test]
    fn no_other_algorithm_is_taken() {
        let claims = claims("ada", THEN + 9);
        for alg in ["none", "None", "HS256", "RS384", "PS256", "ES256", "rs256", ""] {
            let signed = with_header(&KEYS[0], &format!(r#"{{"alg":"{alg}","typ":"JWT"}}"#), &claims);
            assert_eq!(judge(&signed), Err(Refusal::WrongAlgorithm), "{alg}");
            let (unsigned, _) = signed.rsplit_once('.').unwrap();
            assert_eq!(judge(&format!("{unsigned}.")), Err(Refusal::WrongAlgorithm), "{alg}");
        }
        // With the public key, which everybody may know, as the secret; and saying so or not.
        for (alg, refusal) in [("HS256", Refusal::WrongAlgorithm), ("RS256", Refusal::BadSignature)] {
            let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"{alg}"}}"#));
            let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(&claims));
            let pem = PublicKey::parse(KEYS[0].public).unwrap();
            for secret in [pem.pem().as_bytes(), pem.der()] {
                let secret = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
                let tag = URL_SAFE_NO_PAD.encode(ring::hmac::sign(&secret, signed.as_bytes()));
                assert_eq!(judge(&format!("{signed}.{tag}")), Err(refusal));
            }
        }
        let critical = with_header(&KEYS[0], r#"{"alg":"RS256","crit":["b64"],"b64":false}"#, &claims);
        assert_eq!(judge(&critical), Err(Refusal::Malformed));
    }

    #[test]
    fn what_is_no_jwt_is_refused_whatever_it_is() {
        let whole = token(&KEYS[0], &claims("ada", THEN + 9));
        let (header, rest) = whole.split_once('.').unwrap();
        for text in ["", ".", "..", "...", "a.b", "e30.e30.e30", "é.é.é", "W10.W10.", &whole[1..]] {
            assert_eq!(judge(text), Err(Refusal::Malformed), "{text}");
        }
        for text in
            [format!("{whole}.a"), format!("{whole}="), format!(" {whole}"), format!("{header}.{header}.{rest}")]
        {
            assert_eq!(judge(&text), Err(Refusal::Malformed), "{text}");
        }
        let filler = "x".repeat(limits::SDK_SIGNATURE_BYTES);
        let long = token(&KEYS[0], &format!(r#"{{"sub":"ada","exp":{},"filler":"{filler}"}}"#, THEN + 9));
        assert_eq!(judge(&long), Err(Refusal::Malformed));
        for end in 0..whole.len() {
            assert!(judge(&whole[..end]).is_err(), "{end}");
        }
    }
}
