//! Which user a request is about.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use uuid::Uuid;

/// The longest external id that the SDK takes.
const EXTERNAL_ID_BYTES_MAX: usize = 997;

/// A reference to a user, as the management API takes it. Only well-formed references are passed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum UserRef {
    /// The id that the shop gave: `external_id:alice`.
    External(String),
    /// A device of the user: `device_id:<uuid>`.
    Device(Uuid),
    /// The number that Kindling gave.
    User(u64),
}

/// The text is no user reference.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("a user is named by external_id:<id>, device_id:<uuid> or a number")]
pub(crate) struct InvalidUserRef;

impl FromStr for UserRef {
    type Err = InvalidUserRef;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some(("external_id", id)) if is_external_id(id) => Ok(Self::External(id.to_owned())),
            Some(("device_id", id)) => id.parse().map(Self::Device).map_err(|_| InvalidUserRef),
            Some(_) => Err(InvalidUserRef),
            // `parse` alone would also take "+1".
            None if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                text.parse().map(Self::User).map_err(|_| InvalidUserRef)
            }
            None => Err(InvalidUserRef),
        }
    }
}

fn is_external_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= EXTERNAL_ID_BYTES_MAX && !id.chars().any(char::is_control)
}

impl fmt::Display for UserRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::External(id) => write!(f, "external_id:{id}"),
            Self::Device(id) => write!(f, "device_id:{id}"),
            Self::User(id) => write!(f, "{id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_formed_references_keep_their_text() {
        for text in [
            "external_id:alice",
            "external_id:a:b",
            "external_id:ada@example.com",
            "external_id:ünï/cødé",
            "device_id:0c2f7a1e-5d2b-4c3a-9a53-1f0f6f0d7c11",
            "42",
        ] {
            assert_eq!(text.parse::<UserRef>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_device_id_is_passed_on_in_its_canonical_form() {
        let user_ref: UserRef = "device_id:0C2F7A1E5D2B4C3A9A531F0F6F0D7C11".parse().unwrap();
        assert_eq!(user_ref.to_string(), "device_id:0c2f7a1e-5d2b-4c3a-9a53-1f0f6f0d7c11");
    }

    #[test]
    fn everything_else_is_refused() {
        let too_long = format!("external_id:{}", "x".repeat(EXTERNAL_ID_BYTES_MAX + 1));
        for text in [
            "",
            "alice",
            "+1",
            "-1",
            "99999999999999999999999",
            "external_id:",
            "external_id:a\nb",
            "device_id:",
            "device_id:42",
            "alias:alice",
            "..",
            too_long.as_str(),
        ] {
            assert_eq!(text.parse::<UserRef>(), Err(InvalidUserRef), "{text:?}");
        }
    }
}
