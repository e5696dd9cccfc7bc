//! Reading records.
//!
//! A derived reader of a tagged enum keeps every member aside until it has seen the tag. This one reads a record in one pass into
//! all the members that any record may have, and then takes those that its type needs: several times quicker, and records are
//! what a server mostly reads.

use serde::{Deserialize, Deserializer};

use super::{
    money::{Currency, Hundredths},
    record::{AttributeChange, Record, RecordKind},
};
use crate::{
    ids::{CampaignId, Seq, SessionId},
    profile::StandardAttribute,
    time::Timestamp,
    value::{Number, Object, Value},
};

/// The members of every type of record. Members that are not known are ignored.
#[derive(Deserialize)]
pub(super) struct WireRecord {
    seq: Seq,
    at: Timestamp,
    #[serde(rename = "type")]
    kind: Kind,
    name: Option<String>,
    properties: Option<Object>,
    product_id: Option<String>,
    price: Option<Hundredths>,
    currency: Option<Currency>,
    quantity: Option<u32>,
    #[serde(default, deserialize_with = "present")]
    value: Option<Value>,
    op: Option<Operation>,
    by: Option<Number>,
    session: Option<SessionId>,
    duration_ms: Option<i64>,
    message: Option<CampaignId>,
    button: Option<String>,
}

#[derive(Deserialize)]
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

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Operation {
    Set,
    Increment,
    Add,
    Remove,
}

/// A value that is there, be it null.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl TryFrom<WireRecord> for Record {
    type Error = &'static str;

    fn try_from(wire: WireRecord) -> Result<Self, &'static str> {
        let (seq, at) = (wire.seq, wire.at);
        wire.into_kind().map(|kind| Self { seq, at, kind }).ok_or("a record lacks a member that its type needs")
    }
}

impl WireRecord {
    /// What happened; `None` if a member is missing.
    fn into_kind(self) -> Option<RecordKind> {
        Some(match self.kind {
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
