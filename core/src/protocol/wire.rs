//! Reading records.
//!
//! A derived reader of a tagged enum keeps every member aside until it has seen the tag. This one reads a record in one pass into
//! all the members that any record may have, and then takes those that its type needs: several times quicker, and records are
//! what a server mostly reads.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor},
};

use super::{
    device::DeviceInfo,
    location::Location,
    money::{Currency, Hundredths},
    record::{AttributeChange, Record, RecordKind},
    subscription::{Channel, SubscriptionState},
};
use crate::{
    ids::{CampaignId, Seq, SessionId, VariantId},
    profile::StandardAttribute,
    time::Timestamp,
    value::{Number, Unknown, Value, name_hash},
};

impl<'de, P: Deserialize<'de>> Deserialize<'de> for Record<P> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RecordVisitor(PhantomData))
    }
}

/// Members that the reader does not know, in one record.
const UNKNOWN_MEMBERS: usize = 32;

impl<'de> Deserialize<'de> for Member {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_identifier(MemberVisitor)
    }
}

struct MemberVisitor;

impl Visitor<'_> for MemberVisitor {
    type Value = Member;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_str<E>(self, text: &str) -> Result<Member, E> {
        Ok(Member::of(text))
    }
}

struct RecordVisitor<P>(PhantomData<P>);

impl<'de, P: Deserialize<'de>> Visitor<'de> for RecordVisitor<P> {
    type Value = Record<P>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Record<P>, A::Error> {
        let mut members = Members::default();
        while let Some(name) = map.next_key::<Member>()? {
            members.read(name, &mut map)?;
        }
        members.into_record().ok_or_else(|| de::Error::custom("a record lacks a member that its type needs"))
    }
}

macro_rules! members {
    (
        common { $($text:literal $variant:ident => $name:ident: $kind:ty),* $(,)? }
        rare { $($rare_text:literal $rare_variant:ident => $rare_name:ident: $rare_kind:ty),* $(,)? }
    ) => {
        #[derive(Clone, Copy)]
        enum Member {
            $($variant,)*
            Value,
            $($rare_variant,)*
            /// One that this reader does not know, by its hash.
            Unknown(u64),
        }

        impl Member {
            fn of(text: &str) -> Self {
                match text {
                    $($text => Self::$variant,)*
                    "value" => Self::Value,
                    $($rare_text => Self::$rare_variant,)*
                    unknown => Self::Unknown(name_hash(unknown)),
                }
            }

            /// Its place among those that are known.
            const fn place(self) -> u64 {
                enum Place { $($variant,)* Value, $($rare_variant,)* }
                match self {
                    $(Self::$variant => Place::$variant as u64,)*
                    Self::Value => Place::Value as u64,
                    $(Self::$rare_variant => Place::$rare_variant as u64,)*
                    Self::Unknown(_) => u64::BITS as u64,
                }
            }
        }

        /// The members of every type of record. A member that is null counts as missing, except `value`.
        struct Members<P> {
            $($name: Option<$kind>,)*
            value: Option<Value>,
            /// Members that few records have, and that the others should not carry about.
            rare: Option<Box<Rare>>,
            /// A bit for each name that was read.
            seen: u64,
            /// The hashes of names that are not known.
            unknown: Vec<u64>,
        }

        #[derive(Default)]
        struct Rare {
            $($rare_name: Option<$rare_kind>,)*
        }

        impl<P> Default for Members<P> {
            fn default() -> Self {
                Self { $($name: None,)* value: None, rare: None, seen: 0, unknown: Vec::new() }
            }
        }

        impl<P> Members<P> {
            fn read<'de, A: MapAccess<'de>>(&mut self, name: Member, map: &mut A) -> Result<(), A::Error>
            where
                P: Deserialize<'de>,
            {
                let twice = match name {
                    Member::Unknown(hash) => self.unknown.contains(&hash),
                    known => self.seen & (1 << known.place()) != 0,
                };
                if twice || self.unknown.len() == UNKNOWN_MEMBERS {
                    return Err(de::Error::custom("a member stands twice, or there are too many"));
                }
                match name {
                    $(Member::$variant => self.$name = map.next_value()?,)*
                    Member::Value => self.value = Some(map.next_value()?),
                    $(Member::$rare_variant => self.rare.get_or_insert_default().$rare_name = map.next_value()?,)*
                    // It may be newer than this reader; it is stored with the rest.
                    Member::Unknown(hash) => {
                        map.next_value::<Unknown>()?;
                        self.unknown.push(hash);
                        return Ok(());
                    }
                }
                self.seen |= 1 << name.place();
                Ok(())
            }
        }
    };
}

members! {
    common {
        "seq" Seq => seq: Seq,
        "at" At => at: Timestamp,
        "type" Kind => kind: Kind,
        "name" Name => name: String,
        "properties" Properties => properties: P,
    }
    rare {
        "product_id" ProductId => product_id: String,
        "price" Price => price: Hundredths,
        "currency" Currency => currency: Currency,
        "quantity" Quantity => quantity: u32,
        "op" Op => op: Operation,
        "by" By => by: Number,
        "path" Path => path: Vec<String>,
        "latitude" Latitude => latitude: Number,
        "longitude" Longitude => longitude: Number,
        "altitude" Altitude => altitude: Number,
        "accuracy" Accuracy => accuracy: Number,
        "channel" Channel => channel: Channel,
        "state" State => state: SubscriptionState,
        "group" Group => group: String,
        "label" Label => label: String,
        "session" Session => session: SessionId,
        "duration_ms" DurationMs => duration_ms: i64,
        "message" Message => message: CampaignId,
        "button" Button => button: String,
        "variant" Variant => variant: VariantId,
        "browser" Browser => browser: String,
        "browser_version" BrowserVersion => browser_version: String,
        "os" Os => os: String,
        "os_version" OsVersion => os_version: String,
        "model" Model => model: String,
        "language" Language => language: String,
        "time_zone" TimeZone => time_zone: String,
        "screen_width" ScreenWidth => screen_width: u16,
        "screen_height" ScreenHeight => screen_height: u16,
        "app_version" AppVersion => app_version: String,
        "app_version_number" AppVersionNumber => app_version_number: String,
        "sdk_metadata" SdkMetadata => sdk_metadata: Vec<String>,
    }
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    CustomEvent,
    Purchase,
    Attribute,
    CustomAttribute,
    SessionStart,
    SessionEnd,
    Identified,
    MessageImpression,
    MessageClick,
    MessageDismissal,
    Subscription,
    SubscriptionGroup,
    Location,
    Alias,
    Device,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Operation {
    Set,
    Increment,
    Add,
    Remove,
    Merge,
    SetPath,
    SetLocation,
}

impl<P> Members<P> {
    /// The record; `None` if a member is missing.
    fn into_record(self) -> Option<Record<P>> {
        let (seq, at) = (self.seq?, self.at?);
        Some(Record { seq, at, kind: self.into_kind()? })
    }

    fn into_kind(self) -> Option<RecordKind<P>> {
        if let Kind::CustomEvent = self.kind? {
            return Some(RecordKind::CustomEvent { name: self.name?, properties: self.properties });
        }
        let rare = self.rare.map_or_else(Rare::default, |rare| *rare);
        Some(match self.kind? {
            Kind::CustomEvent => return None,
            Kind::Purchase => RecordKind::Purchase {
                product_id: rare.product_id?,
                price: rare.price?,
                currency: rare.currency?,
                quantity: rare.quantity?,
                properties: self.properties,
            },
            Kind::Attribute => {
                RecordKind::Attribute { name: StandardAttribute::parse(&self.name?)?, value: self.value? }
            }
            Kind::CustomAttribute => {
                let change = match rare.op? {
                    Operation::Set => AttributeChange::Set { value: self.value? },
                    Operation::Increment => AttributeChange::Increment { by: rare.by? },
                    Operation::Add => AttributeChange::Add { value: self.value? },
                    Operation::Remove => AttributeChange::Remove { value: self.value? },
                    Operation::Merge => match self.value? {
                        Value::Object(value) => AttributeChange::Merge { value },
                        _ => return None,
                    },
                    Operation::SetPath => AttributeChange::SetPath { path: rare.path?, value: self.value? },
                    Operation::SetLocation => {
                        AttributeChange::SetLocation { latitude: rare.latitude?, longitude: rare.longitude? }
                    }
                };
                RecordKind::CustomAttribute { name: self.name?, change }
            }
            Kind::SessionStart => RecordKind::SessionStart { session: rare.session? },
            Kind::SessionEnd => RecordKind::SessionEnd { session: rare.session?, duration_ms: rare.duration_ms? },
            Kind::Identified => RecordKind::Identified,
            Kind::MessageImpression => RecordKind::MessageImpression { message: rare.message?, variant: rare.variant },
            Kind::MessageClick => {
                RecordKind::MessageClick { message: rare.message?, button: rare.button, variant: rare.variant }
            }
            Kind::MessageDismissal => RecordKind::MessageDismissal { message: rare.message?, variant: rare.variant },
            Kind::Subscription => RecordKind::Subscription { channel: rare.channel?, state: rare.state? },
            Kind::SubscriptionGroup => {
                RecordKind::SubscriptionGroup { group: rare.group?, state: rare.state?.of_group()? }
            }
            Kind::Location => RecordKind::Location(Location {
                latitude: rare.latitude?,
                longitude: rare.longitude?,
                altitude: rare.altitude,
                accuracy: rare.accuracy,
            }),
            Kind::Alias => RecordKind::Alias { label: rare.label?, name: self.name? },
            Kind::Device => RecordKind::Device(Box::new(DeviceInfo {
                browser: rare.browser,
                browser_version: rare.browser_version,
                os: rare.os,
                os_version: rare.os_version,
                model: rare.model,
                language: rare.language,
                time_zone: rare.time_zone,
                screen_width: rare.screen_width,
                screen_height: rare.screen_height,
                app_version: rare.app_version,
                app_version_number: rare.app_version_number,
                sdk_metadata: rare.sdk_metadata,
            })),
        })
    }
}
