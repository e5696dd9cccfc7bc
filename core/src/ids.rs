//! The identifiers, each a type of its own, so that one can't be taken for another. Text is checked where it comes in.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
pub use uuid::Uuid;

use crate::limits;

/// An identifier was not of its form. The text says what the form is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}")]
pub struct InvalidId {
    /// What was expected, as the end of a sentence.
    pub expected: &'static str,
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// Reads a UUID.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                Uuid::try_parse(text).map(Self).map_err(|_| InvalidId { expected: "a UUID" })
            }

            /// Writes it, in the one form that we write.
            pub fn text(self) -> String {
                write_uuid(self.0)
            }

            /// Reads what [`Self::text`] wrote.
            pub fn recall(text: &str) -> Option<Self> {
                read_uuid(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

/// The place of each byte's digits in the text of a UUID.
const DIGITS: [u8; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

fn write_uuid(id: Uuid) -> String {
    let mut text = String::new();
    for (byte, place) in id.as_bytes().iter().zip(DIGITS) {
        if text.len() < place.into() {
            text.push('-');
        }
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from(digit + if digit < 10 { b'0' } else { b'a' - 10 }));
        }
    }
    text
}

fn read_uuid(text: &str) -> Option<Uuid> {
    let mut bytes = [0; 16];
    let mut digits = 0;
    for char in text.bytes() {
        let digit = match char {
            b'0'..=b'9' => char - b'0',
            b'a'..=b'f' => char - b'a' + 10,
            _ => continue,
        };
        let byte: &mut u8 = bytes.get_mut(digits / 2)?;
        *byte = *byte << 4 | digit;
        digits += 1;
    }
    let id = Uuid::from_bytes(bytes);
    (write_uuid(id) == text).then_some(id)
}

uuid_id!(
    /// One browser profile (one storage area).
    DeviceId
);
uuid_id!(
    /// One ordered queue of records of a device, written by one page, for one user.
    StreamId
);
uuid_id!(
    /// A visitor who has not signed in, as a device names them.
    AnonymousId
);
uuid_id!(
    /// A stretch of activity on a device.
    SessionId
);

/// How the id of a test send begins. No campaign has such an id.
pub const TEST_SEND: &str = "kindling-test-";

impl CampaignId {
    /// Whether it is that of a test send: what is done with it counts nowhere.
    pub fn is_test(&self) -> bool {
        self.as_str().starts_with(TEST_SEND)
    }
}

impl DeviceId {
    /// The device of records that come from none: a site's own servers send them.
    pub const NONE: Self = Self(Uuid::nil());

    /// Whether it is a device at all.
    pub fn is_some(self) -> bool {
        self != Self::NONE
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $check:path, $expected:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes the text if it is of the form.
            pub fn parse(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                if $check(&text) { Ok(Self(text)) } else { Err(InvalidId { expected: $expected }) }
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::parse(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
            }
        }
    };
}

fn is_external_id(text: &str) -> bool {
    !text.is_empty() && text.len() <= limits::EXTERNAL_ID_BYTES && !text.chars().any(char::is_control)
}

fn is_slug(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= limits::SLUG_BYTES
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-')
}

text_id!(
    /// The id that the site gives a user (`changeUser`): 1 to 997 bytes without control characters.
    ExternalId,
    is_external_id,
    "1 to 997 bytes without control characters"
);
text_id!(
    /// A workspace, the tenant.
    WorkspaceId,
    is_slug,
    "1 to 64 of a-z, 0-9, _ and -"
);
text_id!(
    /// A segment of a workspace.
    SegmentId,
    is_slug,
    "1 to 64 of a-z, 0-9, _ and -"
);
text_id!(
    /// A campaign of a workspace; an in-app message bears the id of its campaign.
    CampaignId,
    is_slug,
    "1 to 64 of a-z, 0-9, _ and -"
);
text_id!(
    /// One of a campaign's variants, of which each user gets the same one each time.
    VariantId,
    is_slug,
    "1 to 64 of a-z, 0-9, _ and -"
);
text_id!(
    /// What counts as a conversion of a campaign.
    ConversionId,
    is_slug,
    "1 to 64 of a-z, 0-9, _ and -"
);

text_id!(
    /// A word for campaigns of one kind, by which they are counted together.
    Tag,
    is_slug,
    "1 to 64 of a-z, 0-9, _ and -"
);

impl SegmentId {
    /// What a campaign's own segment begins with. No other has a dot in its id.
    const OF_CAMPAIGN: &str = "campaign.";

    /// The segment of a campaign's own, which has the campaign's filter.
    pub fn of_campaign(campaign: &CampaignId) -> Self {
        Self([Self::OF_CAMPAIGN, campaign.as_str()].concat())
    }

    /// Whether it is a campaign's own.
    pub fn is_of_campaign(&self) -> bool {
        self.0.starts_with(Self::OF_CAMPAIGN)
    }

    /// Reads an id that was stored: also that of a campaign's own segment, by which nobody else can call one.
    pub fn recall(text: &str) -> Result<Self, InvalidId> {
        match text.strip_prefix(Self::OF_CAMPAIGN) {
            Some(campaign) => CampaignId::parse(campaign).map(|campaign| Self::of_campaign(&campaign)),
            None => Self::parse(text),
        }
    }
}

/// A further name of a user: a name among those of one kind, which the label names (`crm` / `4711`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Alias {
    /// The kind of name.
    pub label: String,
    /// The name.
    pub name: String,
}

/// A user of a workspace, as the store numbers them. Stable: a merge keeps the survivor's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserId(pub i64);

impl UserId {
    /// A number from 0 to 9999 that looks random (the finaliser of MurmurHash3) and never changes.
    pub fn random_bucket(self) -> u16 {
        u16::try_from(spread(self.0.cast_unsigned()) % 10_000).unwrap_or_default()
    }
}

/// The finaliser of MurmurHash3: numbers that differ in one bit differ in about half of them afterwards.
pub(crate) const fn spread(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The place of a record in its stream: 1, 2, 3 … Zero stands for "none yet".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
#[serde(transparent)]
pub struct Seq(pub u64);

impl<'de> Deserialize<'de> for Seq {
    /// Beyond 2^53 - 1 a browser can't count, and JSON's readers do not agree on what a number is.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seq = u64::deserialize(deserializer)?;
        if seq <= limits::SAFE_INTEGER.unsigned_abs() {
            Ok(Self(seq))
        } else {
            Err(serde::de::Error::custom("a seq too large"))
        }
    }
}

impl Seq {
    /// Before the first record.
    pub const NONE: Self = Self(0);

    /// The next place.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_checked() {
        assert!(ExternalId::parse("alice@example.com").is_ok());
        assert!(ExternalId::parse("").is_err());
        assert!(ExternalId::parse("a\nb").is_err());
        assert!(ExternalId::parse("x".repeat(997)).is_ok());
        assert!(ExternalId::parse("x".repeat(998)).is_err());
        assert!(SegmentId::parse("basket_builders-2").is_ok());
        assert!(SegmentId::parse("Basket").is_err());
        assert!(DeviceId::parse("00000000-0000-4000-8000-000000000001").is_ok());
        assert!(DeviceId::parse("not-a-uuid").is_err());
    }

    #[test]
    fn uuids_are_recalled_as_they_were_written() {
        for text in ["00000000-0000-4000-8000-000000000001", "0123abcd-ef45-4678-9abc-def012345678"] {
            let id = DeviceId::parse(text).unwrap();
            assert_eq!(id.text(), id.to_string());
            assert_eq!(DeviceId::recall(text), Some(id));
        }
        for bad in ["", "x", "0123abcd_ef45-4678-9abc-def012345678", "0123ABCD-ef45-4678-9abc-def012345678"] {
            assert_eq!(DeviceId::recall(bad), None, "{bad}");
        }
        assert_eq!(DeviceId::recall("0123abcd-ef45-4678-9abc-def0123456789"), None);
    }
}
