//! Records: the things that happen.

use serde::Serialize;

use super::{
    device::DeviceInfo,
    location::{Location, check_place},
    money::{Currency, Hundredths},
    subscription::{Channel, GroupState, SubscriptionState},
};
use crate::{
    ids::{CampaignId, Seq, SessionId, VariantId},
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
    /// A message was seen, or would have been by a user who is in the control group.
    MessageImpression {
        /// Whose.
        message: CampaignId,
        /// In which variant, if the campaign has some.
        #[serde(skip_serializing_if = "Option::is_none")]
        variant: Option<VariantId>,
    },
    /// A message was clicked.
    MessageClick {
        /// Whose.
        message: CampaignId,
        /// The button, if it was one.
        #[serde(skip_serializing_if = "Option::is_none")]
        button: Option<String>,
        /// In which variant, if the campaign has some.
        #[serde(skip_serializing_if = "Option::is_none")]
        variant: Option<VariantId>,
    },
    /// A message was put away without a click.
    MessageDismissal {
        /// Whose.
        message: CampaignId,
        /// In which variant, if the campaign has some.
        #[serde(skip_serializing_if = "Option::is_none")]
        variant: Option<VariantId>,
    },
    /// The user said whether they want messages on a channel.
    Subscription {
        /// On which.
        channel: Channel,
        /// What they said.
        state: SubscriptionState,
    },
    /// The user said whether they want the messages of a group.
    SubscriptionGroup {
        /// Of which.
        group: String,
        /// What they said.
        state: GroupState,
    },
    /// Where the user was.
    Location(Location),
    /// The user has a further name.
    Alias {
        /// What kind of name, like `loyalty_card`.
        label: String,
        /// The name.
        name: String,
    },
    /// What the device says of itself. Rare and large, so it stands apart.
    Device(Box<DeviceInfo>),
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
    /// An object is patched (RFC 7386): members that the patch names change, with null they go; what is not an object counts as
    /// an empty one.
    Merge {
        /// The patch.
        value: Object,
    },
    /// A member of an object, or of an object in it, gets a value; what is not an object on the way there becomes one.
    SetPath {
        /// The names on the way, from 1 to [`limits::PATH_NAMES`].
        path: Vec<String>,
        /// The value; null removes the member, if it is there.
        value: Value,
    },
    /// It becomes an object with these two members.
    SetLocation {
        /// Degrees north, from -90 to 90.
        latitude: Number,
        /// Degrees east, from -180 to 180.
        longitude: Number,
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
    /// An increment is out of range.
    InvalidIncrement = "invalid_increment", "an increment must be from -10^18 to 10^18";
    /// The path of a nested value is empty or too long.
    InvalidPath = "invalid_path", "a path must have 1 to 16 names";
    /// A place is not on earth.
    InvalidLocation = "invalid_location", "a latitude must be from -90 to 90, a longitude from -180 to 180, an accuracy not negative";
    /// The alias is somebody else's.
    AliasTaken = "alias_taken", "the alias belongs to another user";
    /// The profile can't take another name.
    ProfileFull = "profile_full", "the profile has as many different events, attributes, messages or groups as it may have";
    /// An app's version number is not numbers.
    InvalidVersion = "invalid_version", "a version number must be 1 to 4 whole numbers with dots between";
    /// There is too much of where the SDK comes from.
    InvalidMetadata = "invalid_metadata", "SDK metadata must be at most 16 texts of 1 to 64 characters";
    /// Only a device can say it, not a site's server.
    OnlyOfDevices = "only_of_devices", "sessions, devices, sign-ins and what is done with messages are recorded by devices only";
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

impl<P> RecordKind<P> {
    /// Whether it says what was done with a test send, which counts nowhere.
    pub fn is_of_test(&self) -> bool {
        match self {
            Self::MessageImpression { message, .. }
            | Self::MessageClick { message, .. }
            | Self::MessageDismissal { message, .. } => message.is_test(),
            _ => false,
        }
    }

    /// Whether it is about a device, or about what was done there: nobody else can know that.
    pub const fn is_of_device(&self) -> bool {
        match self {
            Self::SessionStart { .. }
            | Self::SessionEnd { .. }
            | Self::Identified
            | Self::Device(_)
            | Self::MessageImpression { .. }
            | Self::MessageClick { .. }
            | Self::MessageDismissal { .. } => true,
            Self::CustomEvent { .. }
            | Self::Purchase { .. }
            | Self::Attribute { .. }
            | Self::CustomAttribute { .. }
            | Self::Subscription { .. }
            | Self::SubscriptionGroup { .. }
            | Self::Location(_)
            | Self::Alias { .. } => false,
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
                change.check()
            }
            Self::MessageClick { button: Some(button), .. } => check_name(button),
            Self::SubscriptionGroup { group, .. } => check_name(group),
            Self::Location(location) => location.check(),
            Self::Alias { label, name } => {
                if is_name(label) && is_name(name) {
                    Ok(())
                } else {
                    Err(RecordError::InvalidName)
                }
            }
            Self::Device(info) => info.check(),
            Self::MessageClick { button: None, .. }
            | Self::MessageDismissal { .. }
            | Self::Subscription { .. }
            | Self::MessageImpression { .. }
            | Self::SessionStart { .. }
            | Self::SessionEnd { .. }
            | Self::Identified => Ok(()),
        }
    }
}

impl AttributeChange {
    fn check(&self) -> Result<(), RecordError> {
        match self {
            Self::Set { value: Value::Array(items) } if items.len() > limits::ARRAY_ELEMENTS => {
                Err(RecordError::TooLarge)
            }
            Self::Set { value } | Self::Add { value } | Self::Remove { value } => Ok(value.check()?),
            Self::Increment { by } if by.get().abs() > limits::COUNTED => Err(RecordError::InvalidIncrement),
            Self::Increment { .. } => Ok(()),
            Self::Merge { value } => Ok(value.check()?),
            Self::SetPath { path, value } => {
                if !(1..=limits::PATH_NAMES).contains(&path.len()) {
                    return Err(RecordError::InvalidPath);
                }
                path.iter().try_for_each(|name| check_name(name))?;
                value.check()?;
                if path.len() + depth(value) > limits::VALUE_DEPTH { Err(RecordError::TooDeep) } else { Ok(()) }
            }
            Self::SetLocation { latitude, longitude } => check_place(*latitude, *longitude),
        }
    }
}

/// How deep a value is nested: a plain one not at all.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.iter().map(|(_, member)| depth(member)).max().unwrap_or(0),
        _ => 0,
    }
}

pub(super) fn check_name(name: &str) -> Result<(), RecordError> {
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
        r#"{"seq":13,"at":5,"type":"custom_attribute","name":"tags","op":"remove","value":"x"}"#,
        r#"{"seq":14,"at":5,"type":"custom_attribute","name":"pet","op":"merge","value":{"age":null,"name":"Rex"}}"#,
        r#"{"seq":15,"at":5,"type":"custom_attribute","name":"pet","op":"set_path","path":["owner","age"],"value":null}"#,
        r#"{"seq":16,"at":5,"type":"custom_attribute","name":"home","op":"set_location","latitude":52.5,"longitude":-13}"#,
        r#"{"seq":17,"at":5,"type":"message_dismissal","message":"welcome"}"#,
        r#"{"seq":18,"at":5,"type":"subscription","channel":"email","state":"opted_in"}"#,
        r#"{"seq":19,"at":5,"type":"subscription","channel":"push","state":"unsubscribed"}"#,
        r#"{"seq":20,"at":5,"type":"subscription_group","group":"news","state":"subscribed"}"#,
        r#"{"seq":21,"at":5,"type":"location","latitude":52.5,"longitude":13,"altitude":34,"accuracy":10}"#,
        r#"{"seq":22,"at":5,"type":"location","latitude":52.5,"longitude":13}"#,
        r#"{"seq":23,"at":5,"type":"alias","label":"loyalty_card","name":"4711"}"#,
        r#"{"seq":24,"at":5,"type":"device","browser":"Firefox","browser_version":"145.0","os":"Android","os_version":"16","model":"Pixel","language":"de-AT","time_zone":"Europe/Vienna","screen_width":412,"screen_height":915,"app_version":"autumn","app_version_number":"1.2.3.4","sdk_metadata":["npm","cdn"]}"#,
        r#"{"seq":25,"at":5,"type":"device"}"#,
        r#"{"seq":26,"at":5,"type":"message_impression","message":"welcome","variant":"short"}"#,
        r#"{"seq":27,"at":5,"type":"message_click","message":"welcome","button":"go","variant":"short"}"#,
        r#"{"seq":28,"at":5,"type":"message_dismissal","message":"welcome","variant":"short"}"#,
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
    fn what_a_type_does_not_allow_is_not_a_record() {
        for text in [
            r#""type":"subscription","channel":"sms","state":"subscribed""#,
            r#""type":"subscription","channel":"email""#,
            r#""type":"subscription_group","group":"news","state":"opted_in""#,
            r#""type":"location","latitude":1"#,
            r#""type":"alias","label":"a""#,
            r#""type":"device","screen_width":70000"#,
            r#""type":"device","app_version_number":1.2"#,
            r#""type":"device","sdk_metadata":"npm""#,
        ] {
            assert!(serde_json::from_str::<Record>(&format!(r#"{{"seq":1,"at":5,{text}}}"#)).is_err(), "{text}");
        }
    }

    #[test]
    fn limits_are_checked() {
        let check = |text: &str| serde_json::from_str::<Record>(text).unwrap().kind.check();
        let event = |name: &str| check(&format!(r#"{{"seq":1,"at":5,"type":"custom_event","name":"{name}"}}"#));
        assert_eq!(event(""), Err(RecordError::InvalidName));
        assert_eq!(event("$x"), Err(RecordError::InvalidName));
        assert_eq!(event(&"x".repeat(256)), Err(RecordError::InvalidName));
        assert_eq!(
            check(r#"{"seq":1,"at":5,"type":"location","latitude":1,"longitude":2,"accuracy":-1}"#),
            Err(RecordError::InvalidLocation)
        );
        assert_eq!(check(r#"{"seq":1,"at":5,"type":"alias","label":"","name":"a"}"#), Err(RecordError::InvalidName));
        assert_eq!(
            check(r#"{"seq":1,"at":5,"type":"subscription_group","group":"","state":"subscribed"}"#),
            Err(RecordError::InvalidName)
        );
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

    #[test]
    fn changes_of_attributes_have_limits() {
        let change = |op: &str| {
            let text = format!(r#"{{"seq":1,"at":5,"type":"custom_attribute","name":"a",{op}}}"#);
            serde_json::from_str::<Record>(&text).map_err(|_| RecordError::Malformed)?.kind.check()
        };
        assert_eq!(change(r#""op":"increment","by":-1e18"#), Ok(()));
        assert_eq!(change(r#""op":"increment","by":1e19"#), Err(RecordError::InvalidIncrement));
        assert_eq!(change(r#""op":"merge","value":[1]"#), Err(RecordError::Malformed));
        assert_eq!(change(r#""op":"merge","value":{"$a":1}"#), Err(RecordError::InvalidName));
        let put = |names: usize, value: &str| {
            let path = vec!["\"a\""; names].join(",");
            change(&format!(r#""op":"set_path","path":[{path}],"value":{value}"#))
        };
        assert_eq!(put(0, "1"), Err(RecordError::InvalidPath));
        assert_eq!(put(17, "1"), Err(RecordError::InvalidPath));
        assert_eq!(put(16, "1"), Ok(()));
        assert_eq!(put(16, "[1]"), Err(RecordError::TooDeep));
        assert_eq!(put(15, r#"{"a":1}"#), Ok(()));
        assert_eq!(put(15, r#"{"a":[1]}"#), Err(RecordError::TooDeep));
        assert_eq!(change(r#""op":"set_path","path":["$a"],"value":1"#), Err(RecordError::InvalidName));
        let place = |latitude: &str, longitude: &str| {
            change(&format!(r#""op":"set_location","latitude":{latitude},"longitude":{longitude}"#))
        };
        assert_eq!(place("-90", "180"), Ok(()));
        assert_eq!(place("90.1", "0"), Err(RecordError::InvalidLocation));
        assert_eq!(place("0", "-180.1"), Err(RecordError::InvalidLocation));
    }
}
