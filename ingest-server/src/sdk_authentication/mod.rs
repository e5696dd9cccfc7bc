//! SDK authentication: a site proves who its user is by a JWT that its own server signs.
//!
//! | module | what it does |
//! |---|---|
//! | `key` | the public keys, as they are written |
//! | `token` | whether a JWT proves who somebody is |
//! | `verifier` | the same, remembered; and who is told of failures |

mod key;
#[cfg(test)]
mod samples;
mod token;
mod verifier;

use kindling_core::{
    decode::{DecodeError, Fields, Path},
    limits,
    value::Value,
};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

pub use key::PublicKey;
pub use token::{Refusal, verify};
pub use verifier::Verifier;

/// What a workspace asks of flushes that name a user.
///
/// In JSON:
/// ```json
/// {"mode": "required", "public_keys": ["-----BEGIN PUBLIC KEY-----\nMIIB…\n-----END PUBLIC KEY-----"]}
/// ```
#[derive(Debug, Clone, Default, Serialize)]
pub struct SdkAuthentication {
    /// Whether they must be proven.
    pub mode: Mode,
    /// The keys of which one must have signed. With none, nobody is proven.
    pub public_keys: Vec<PublicKey>,
    /// Names the keys.
    #[serde(skip)]
    digest: [u8; 32],
}

/// Whether users must be proven to be who they are said to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Nobody looks.
    #[default]
    Off,
    /// It is looked at, and the SDK is told, but all is taken.
    Optional,
    /// What is not proven is refused.
    Required,
}

impl SdkAuthentication {
    /// Reads a definition. The error names the path and says what was expected; unknown keys are errors.
    pub fn parse(definition: &Value) -> Result<Self, DecodeError> {
        let fields = Fields::of(definition, &Path::Definition)?;
        fields.only(&["mode", "public_keys"], "mode or public_keys")?;
        let mode = match fields.required_text("mode", "off, optional or required")? {
            "off" => Mode::Off,
            "optional" => Mode::Optional,
            "required" => Mode::Required,
            _ => return Err(fields.error("mode", "off, optional or required")),
        };
        let public_keys = fields.read_all("public_keys", limits::SDK_PUBLIC_KEYS, |value, path| {
            let pem = value.as_str().ok_or_else(|| path.expected("a string"))?;
            PublicKey::parse(pem).map_err(|expected| path.expected(expected))
        })?;
        let mut digest = Sha256::new();
        for key in &public_keys {
            digest.update(Sha256::digest(key.der()));
        }
        Ok(Self { mode, public_keys, digest: digest.finalize().into() })
    }
}

#[cfg(test)]
mod tests {
    use super::{
        samples::{KEYS, WEAK_KEY},
        *,
    };

    fn parse(text: &str) -> Result<SdkAuthentication, String> {
        SdkAuthentication::parse(&serde_json::from_str(text).unwrap()).map_err(|error| error.to_string())
    }

    fn with_keys(keys: &[&str]) -> String {
        serde_json::to_string(&serde_json::json!({"mode": "required", "public_keys": keys})).unwrap()
    }

    #[test]
    fn a_definition_is_shown_as_it_was_written() {
        let text = with_keys(&[KEYS[0].public, KEYS[1].public]);
        let read = parse(&text).unwrap();
        assert_eq!((read.mode, read.public_keys.len()), (Mode::Required, 2));
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
        assert_eq!(parse(r#"{"mode":"off"}"#).unwrap().mode, Mode::Off);
        assert_ne!(read.digest, parse(&with_keys(&[KEYS[0].public])).unwrap().digest);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let wrong = |text: &str| parse(text).unwrap_err();
        assert_eq!(wrong("[]"), "at $: expected an object");
        assert_eq!(wrong("{}"), "at $.mode: expected off, optional or required");
        assert_eq!(wrong(r#"{"mode":"on"}"#), "at $.mode: expected off, optional or required");
        assert_eq!(wrong(r#"{"mode":"off","keys":[]}"#), "at $.keys: expected mode or public_keys");
        assert_eq!(wrong(r#"{"mode":"off","public_keys":[7]}"#), "at $.public_keys[0]: expected a string");
        assert_eq!(wrong(&with_keys(&[KEYS[0].public; 4])), "at $.public_keys: expected fewer elements");
        let weak = wrong(&with_keys(&[KEYS[0].public, WEAK_KEY]));
        assert_eq!(weak, "at $.public_keys[1]: expected an RSA key of 2048 to 4096 bits");
    }
}
