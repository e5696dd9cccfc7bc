//! JWTs as a site's server would sign them, by keys that only tests have.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use ring::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use serde_json::{Value, json};

use crate::visitor::now;

/// A pair of keys.
#[derive(Debug, Clone, Copy)]
pub struct KeyPair {
    /// The public one, as a workspace has it.
    pub public: &'static str,
    private: &'static str,
}

/// A pair of keys.
pub const FIRST: KeyPair = KeyPair {
    public: include_str!("../keys/first.public.pem").trim_ascii_end(),
    private: include_str!("../keys/first.private.pem"),
};

/// Another pair of keys.
pub const SECOND: KeyPair = KeyPair {
    public: include_str!("../keys/second.public.pem").trim_ascii_end(),
    private: include_str!("../keys/second.private.pem"),
};

/// A public key of 1024 bits.
pub const WEAK: &str = include_str!("../keys/weak.public.pem").trim_ascii_end();

impl KeyPair {
    /// Says that somebody is this user, for so many seconds from now.
    pub fn sign(&self, user: &str, seconds: i64) -> String {
        self.sign_claims(&json!({"sub": user, "exp": now() / 1000 + seconds}))
    }

    /// Signs claims.
    pub fn sign_claims(&self, claims: &Value) -> String {
        let body: String = self.private.lines().filter(|line| !line.starts_with('-')).collect();
        let der = STANDARD.decode(body).expect("the key is in base64");
        let pair = RsaKeyPair::from_pkcs8(&der).expect("the key is one of RSA");
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&json!({"alg": "RS256", "typ": "JWT"})), part(claims));
        let mut signature = vec![0; pair.public().modulus_len()];
        let random = SystemRandom::new();
        pair.sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature).expect("it can be signed");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// What a workspace is to ask of SDKs.
pub fn sdk_authentication(mode: &str, keys: &[KeyPair]) -> Value {
    let keys: Vec<&str> = keys.iter().map(|key| key.public).collect();
    json!({"mode": mode, "public_keys": keys})
}
