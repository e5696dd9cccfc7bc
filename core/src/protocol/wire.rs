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
    money::{Currency, Hundredths},
    record::{AttributeChange, Record, RecordKind},
};
use crate::{
    ids::{CampaignId, Seq, SessionId},
    profile::StandardAttribute,
    time::Timestamp,
    value::{Number, Unknown, Value},
};

impl<'de, P: Deserialize<'de>> Deserialize<'de> for Record<P> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RecordVisitor(PhantomData))
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
        while let Some(name) = map.next_key::<Name>()? {
            members.read(name, &mut map)?;
        }
        members.into_record().ok_or_else(|| de::Error::custom("a record lacks a member that its type needs"))
    }
}

macro_rules! members {
    ($($(#[$attribute:meta])* $variant:ident => $name:ident: $kind:ty),* $(,)?) => {
        #[derive(Clone, Copy, Deserialize)]
        #[serde(field_identifier, rename_all = "snake_case")]
        enum Name {
            $($(#[$attribute])* $variant,)*
            Value,
            #[serde(other)]
            Unknown,
        }

        /// The members of every type of record. A member that is null counts as missing, except `value`.
        struct Members<P> {
            $($name: Option<$kind>,)*
            value: Option<Value>,
            /// A bit for each name that was read.
            seen: u32,
        }

        impl<P> Default for Members<P> {
            fn default() -> Self {
                Self { $($name: None,)* value: None, seen: 0 }
            }
        }

        impl<P> Members<P> {
            fn read<'de, A: MapAccess<'de>>(&mut self, name: Name, map: &mut A) -> Result<(), A::Error>
            where
                P: Deserialize<'de>,
            {
                if matches!(name, Name::Unknown) {
                    // It may be newer than this reader; it is stored with the rest.
                    return map.next_value::<Unknown>().map(|_| ());
                }
                let bit = 1 << name as u32;
                if self.seen & bit != 0 {
                    return Err(de::Error::custom("a member stands twice in one record"));
                }
                self.seen |= bit;
                match name {
                    $(Name::$variant => self.$name = map.next_value()?,)*
                    Name::Value => self.value = Some(map.next_value()?),
                    Name::Unknown => {}
                }
                Ok(())
            }
        }
    };
}

members! {
    Seq => seq: Seq,
    At => at: Timestamp,
    #[serde(rename = "type")]
    Kind => kind: Kind,
    Name => name: String,
    Properties => properties: P,
    ProductId => product_id: String,
    Price => price: Hundredths,
    Currency => currency: Currency,
    Quantity => quantity: u32,
    Op => op: Operation,
    By => by: Number,
    Session => session: SessionId,
    DurationMs => duration_ms: i64,
    Message => message: CampaignId,
    Button => button: String,
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
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Operation {
    Set,
    Increment,
    Add,
    Remove,
}

impl<P> Members<P> {
    /// The record; `None` if a member is missing.
    fn into_record(self) -> Option<Record<P>> {
        let (seq, at) = (self.seq?, self.at?);
        Some(Record { seq, at, kind: self.into_kind()? })
    }

    fn into_kind(self) -> Option<RecordKind<P>> {
        Some(match self.kind? {
            Kind::CustomEvent => RecordKind::CustomEvent { name: self.name?, properties: self.properties },
            Kind::Purchase => RecordKind::Purchase {
                product_id: self.product_id?,
                price: self.price?,
                currency: self.currency?,
                quantity: self.quantity?,
                properties: self.properties,
            },
            Kind::Attribute => {
                RecordKind::Attribute { name: StandardAttribute::parse(&self.name?)?, value: self.value? }
            }
            Kind::CustomAttribute => {
                let change = match self.op? {
                    Operation::Set => AttributeChange::Set { value: self.value? },
                    Operation::Increment => AttributeChange::Increment { by: self.by? },
                    Operation::Add => AttributeChange::Add { value: self.value? },
                    Operation::Remove => AttributeChange::Remove { value: self.value? },
                };
                RecordKind::CustomAttribute { name: self.name?, change }
            }
            Kind::SessionStart => RecordKind::SessionStart { session: self.session? },
            Kind::SessionEnd => RecordKind::SessionEnd { session: self.session?, duration_ms: self.duration_ms? },
            Kind::Identified => RecordKind::Identified,
            Kind::MessageImpression => RecordKind::MessageImpression { message: self.message? },
            Kind::MessageClick => RecordKind::MessageClick { message: self.message?, button: self.button },
        })
    }
}
