//! Keys, and JWTs that they sign.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use ring::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};

pub(super) struct Key {
    pub(super) public: &'static str,
    private: &'static str,
}

pub(super) const KEYS: [Key; 2] = [
    Key {
        public: include_str!("../../../tests/keys/first.public.pem").trim_ascii_end(),
        private: include_str!("../../../tests/keys/first.private.pem"),
    },
    Key {
        public: include_str!("../../../tests/keys/second.public.pem").trim_ascii_end(),
        private: include_str!("../../../tests/keys/second.private.pem"),
    },
];

/// Of 1024 bits.
pub(super) const WEAK_KEY: &str = include_str!("../../../tests/keys/weak.public.pem").trim_ascii_end();

pub(super) fn claims(subject: &str, expires: i64) -> String {
    format!(r#"{{"sub":"{subject}","exp":{expires}}}"#)
}

pub(super) fn token(key: &Key, claims: &str) -> String {
    with_header(key, r#"{"alg":"RS256","typ":"JWT"}"#, claims)
}

pub(super) fn with_header(key: &Key, header: &str, claims: &str) -> String {
    let body: String = key.private.lines().filter(|line| !line.starts_with('-')).collect();
    let pair = RsaKeyPair::from_pkcs8(&STANDARD.decode(body).unwrap()).unwrap();
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}
