//! Records: the things that happen.

use serde::Serialize;

use super::money::{Currency, Hundredths};
use crate::{
    ids::{CampaignId, Seq, SessionId},
    limits,
    profile::StandardAttribute,
    time::Timestamp,
    value::{Number, Object, Properties, Value, ValueError, is_name},
};

/// One thing that happened, at its place in its stream.
///
/// `P` is what properties are to the reader: all of them, or only whether they keep the limits ([`crate::value::Checked`]).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Record<P = Object> {
    /// Its place in the stream.
    pub seq: Seq,
    /// When it happened, by the device's clock.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub kind: RecordKind<P>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum RecordKind<P = Object> {
    /// The site logged an event of its own.
    CustomEvent {
        /// The event's name.
        name: String,
        /// Facts about this occurrence.
        #[serde(skip_serializing_if = "Option::is_none")]
        properties: Option<P>,
    },
    /// The user bought something.
    Purchase {
        /// What.
        product_id: String,
        /// The price of one piece.
        price: Hundredths,
        /// In which currency.
        currency: Currency,
        /// How many pieces, from 1 to [`limits::PURCHASE_QUANTITY`].
        quantity: u32,
        /// Facts about this purchase.
        #[serde(skip_serializing_if = "Option::is_none")]
        properties: Option<P>,
    },
    /// A standard attribute was set, or with null cleared.
    Attribute {
        /// Which.
        name: StandardAttribute,
        /// To what.
        value: Value,
    },
    /// A custom attribute was changed.
    CustomAttribute {
        /// Which.
        name: String,
        /// How.
        #[serde(flatten)]
        change: AttributeChange,
    },
    /// A session began.
    SessionStart {
        /// Which.
        session: SessionId,
    },
    /// A session ended, by a long pause or because another user signed in.
    SessionEnd {
        /// Which.
        session: SessionId,
        /// From its start to its last activity.
        duration_ms: i64,
    },
    /// The user signed in: the stream's first record. Who they are stands in the stream's [`super::Identity`].
    Identified,
    /// A message was seen.
    MessageImpression {
        /// Whose.
        message: CampaignId,
    },
    /// A message was clicked.
    MessageClick {
        /// Whose.
        message: CampaignId,
        /// The button, if it was one.
        #[serde(skip_serializing_if = "Option::is_none")]
        button: Option<String>,
    },
}

/// How a custom attribute changes.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum AttributeChange {
    /// It gets a value; null clears it.
    Set {
        /// The value.
        value: Value,
    },
    /// A number grows, or with a negative number shrinks; a missing attribute counts as 0.
    Increment {
        /// By how much.
        by: Number,
    },
    /// An array gets an element, at its end and only once; a missing attribute counts as an empty array.
    Add {
        /// The element.
        value: Value,
    },
    /// An array loses an element.
    Remove {
        /// The element.
        value: Value,
    },
}

macro_rules! record_errors {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $detail:literal;)*) => {
        /// Why a record can't be taken. The record is rejected alone; its neighbours are taken.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
        pub enum RecordError { $($(#[$doc])* #[error($detail)] $variant),* }

        impl RecordError {
            /// A stable name for programs.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code),* }
            }

            /// A sentence for people. It is fixed text, so that the browser needs no formatting code for it.
            pub const fn detail(self) -> &'static str {
                match self { $(Self::$variant => $detail),* }
            }
        }
    };
}

record_errors! {
    /// The JSON is not a record.
    Malformed = "malformed_record", "the record is not of any known form";
    /// A name is empty or too long.
    InvalidName = "invalid_name", "a name must have 1 to 255 characters and may not start with $";
    /// A value is nested too deeply.
    TooDeep = "too_deep", "a value may be nested at most 16 levels deep";
    /// The properties, or an attribute's value, are too large.
    TooLarge = "too_large", "properties, or the value of an attribute, may have at most 50 KiB as JSON";
    /// A string is too long.
    StringTooLong = "string_too_long", "a string may have at most 8 KiB";
    /// A price is out of range.
    InvalidPrice = "invalid_price", "a price must be from 0 to 10,000,000";
    /// A quantity is out of range.
    InvalidQuantity = "invalid_quantity", "a quantity must be a whole number from 1 to 100";
    /// A standard attribute is not of its form.
    InvalidAttribute = "invalid_attribute", "the value is not of the attribute's form";
    /// An attribute has another type than the change needs.
    WrongAttributeType = "wrong_attribute_type", "the attribute has a value of another type than this change needs";
    /// The profile can't take another name.
    ProfileFull = "profile_full", "the profile has as many different events, attributes or messages as it may have";
}

impl From<ValueError> for RecordError {
    fn from(error: ValueError) -> Self {
        match error {
            ValueError::TooDeep => Self::TooDeep,
            ValueError::TooLarge => Self::TooLarge,
            ValueError::StringTooLong => Self::StringTooLong,
            ValueError::BadName => Self::InvalidName,
        }
    }
}

impl<P: Properties> RecordKind<P> {
    /// Holds the record against the limits. The SDK asks before it stores a record, the server before it applies one.
    pub fn check(&self) -> Result<(), RecordError> {
        match self {
            Self::CustomEvent { name, properties } => {
                check_name(name)?;
                properties.as_ref().map_or(Ok(()), |properties| Ok(properties.check()?))
            }
            Self::Purchase { product_id, price, quantity, properties, .. } => {
                check_name(product_id)?;
                if !(0..=limits::PRICE_HUNDREDTHS).contains(&price.0) {
                    return Err(RecordError::InvalidPrice);
                }
                if !(1..=limits::PURCHASE_QUANTITY).contains(quantity) {
                    return Err(RecordError::InvalidQuantity);
                }
                properties.as_ref().map_or(Ok(()), |properties| Ok(properties.check()?))
            }
            Self::Attribute { name, value } => name.check(value),
            Self::CustomAttribute { name, change } => {
                check_name(name)?;
                match change {
                    AttributeChange::Set { value: Value::Array(items) } if items.len() > limits::ARRAY_ELEMENTS => {
                        Err(RecordError::TooLarge)
                    }
                    AttributeChange::Set { value }
                    | AttributeChange::Add { value }
                    | AttributeChange::Remove { value } => Ok(value.check()?),
                    AttributeChange::Increment { .. } => Ok(()),
                }
            }
            Self::MessageClick { button: Some(button), .. } => check_name(button),
            Self::MessageClick { button: None, .. }
            | Self::MessageImpression { .. }
            | Self::SessionStart { .. }
            | Self::SessionEnd { .. }
            | Self::Identified => Ok(()),
        }
    }
}

fn check_name(name: &str) -> Result<(), RecordError> {
    if is_name(name) && !name.starts_with('$') { Ok(()) } else { Err(RecordError::InvalidName) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The wire form of each record, as `docs/protocol.md` shows it.
    const WIRE: &[&str] = &[
        r#"{"seq":1,"at":5,"type":"custom_event","name":"added","properties":{"price":12.5}}"#,
        r#"{"seq":2,"at":5,"type":"custom_event","name":"added"}"#,
        r#"{"seq":3,"at":5,"type":"purchase","product_id":"mug","price":12.5,"currency":"EUR","quantity":2}"#,
        r#"{"seq":4,"at":5,"type":"attribute","name":"email","value":"a@b"}"#,
        r#"{"seq":5,"at":5,"type":"custom_attribute","name":"plan","op":"set","value":null}"#,
        r#"{"seq":6,"at":5,"type":"custom_attribute","name":"visits","op":"increment","by":1}"#,
        r#"{"seq":7,"at":5,"type":"custom_attribute","name":"tags","op":"add","value":"x"}"#,
        r#"{"seq":8,"at":5,"type":"session_start","session":"00000000-0000-4000-8000-000000000001"}"#,
        r#"{"seq":9,"at":5,"type":"session_end","session":"00000000-0000-4000-8000-000000000001","duration_ms":9}"#,
        r#"{"seq":10,"at":5,"type":"identified"}"#,
        r#"{"seq":11,"at":5,"type":"message_impression","message":"welcome"}"#,
        r#"{"seq":12,"at":5,"type":"message_click","message":"welcome","button":"go"}"#,
    ];

    #[test]
    fn the_wire_form_is_fixed() {
        for text in WIRE {
            let record: Record = serde_json::from_str(text).unwrap();
            assert_eq!(record.kind.check(), Ok(()), "{text}");
            assert_eq!(&serde_json::to_string(&record).unwrap(), text);
        }
    }

    #[test]
    fn unknown_members_are_ignored_and_unknown_types_are_not_records() {
        let more = r#"{"seq":1,"at":5,"type":"custom_event","name":"a","later":true}"#;
        assert!(serde_json::from_str::<Record>(more).is_ok());
        assert!(serde_json::from_str::<Record>(r#"{"seq":1,"at":5,"type":"later"}"#).is_err());
        assert!(serde_json::from_str::<Record>(r#"{"seq":-1,"at":5,"type":"identified"}"#).is_err());
        assert!(serde_json::from_str::<Record>(r#"{"seq":1,"at":5,"type":"custom_event"}"#).is_err());
        assert!(serde_json::from_str::<Record>(r#"{"seq":1,"at":5,"type":"attribute","name":"email"}"#).is_err());
        assert!(serde_json::from_str::<Record>(r#"{"seq":1,"seq":2,"at":5,"type":"identified"}"#).is_err());
    }

    #[test]
    fn limits_are_checked() {
        let check = |text: &str| serde_json::from_str::<Record>(text).unwrap().kind.check();
        let event = |name: &str| check(&format!(r#"{{"seq":1,"at":5,"type":"custom_event","name":"{name}"}}"#));
        assert_eq!(event(""), Err(RecordError::InvalidName));
        assert_eq!(event("$x"), Err(RecordError::InvalidName));
        assert_eq!(event(&"x".repeat(256)), Err(RecordError::InvalidName));
        let purchase = |price: &str, quantity: u32| {
            check(&format!(
                r#"{{"seq":1,"at":5,"type":"purchase","product_id":"a","price":{price},"currency":"EUR","quantity":{quantity}}}"#
            ))
        };
        assert_eq!(purchase("0", 1), Ok(()));
        assert_eq!(purchase("-1", 1), Err(RecordError::InvalidPrice));
        assert_eq!(purchase("1e300", 1), Err(RecordError::InvalidPrice));
        assert_eq!(purchase("1", 101), Err(RecordError::InvalidQuantity));
        assert_eq!(
            check(r#"{"seq":1,"at":5,"type":"attribute","name":"country","value":"Germany"}"#),
            Err(RecordError::InvalidAttribute)
        );
    }
}
