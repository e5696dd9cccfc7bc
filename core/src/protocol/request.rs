//! Reading flushes. By hand, because what is unknown in one is stored with the rest, and so must keep the limits: a derived
//! reader would skip it unread.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor},
};

use super::flush::{FlushRequest, Identity};
use crate::value::Unknown;

/// Reads a member that may stand there once.
fn once<'de, T: Deserialize<'de>, A: MapAccess<'de>>(place: &mut Option<T>, map: &mut A) -> Result<(), A::Error> {
    if place.is_some() {
        return Err(de::Error::custom("a member stands twice"));
    }
    *place = map.next_value()?;
    Ok(())
}

fn required<T, E: de::Error>(member: Option<T>, name: &'static str) -> Result<T, E> {
    member.ok_or_else(|| E::missing_field(name))
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum RequestName {
    Key,
    Sdk,
    Device,
    Stream,
    Identity,
    SentAt,
    Messages,
    Auth,
    Agent,
    Records,
    #[serde(other)]
    Unknown,
}

impl<'de, R: Deserialize<'de>> Deserialize<'de> for FlushRequest<R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RequestVisitor(PhantomData))
    }
}

struct RequestVisitor<R>(PhantomData<R>);

impl<'de, R: Deserialize<'de>> Visitor<'de> for RequestVisitor<R> {
    type Value = FlushRequest<R>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a flush")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<FlushRequest<R>, A::Error> {
        let (mut key, mut sdk, mut device, mut stream) = (None, None, None, None);
        let (mut identity, mut sent_at, mut messages, mut auth) = (None, None, None, None);
        let (mut agent, mut records) = (None, None);
        while let Some(name) = map.next_key()? {
            match name {
                RequestName::Key => once(&mut key, &mut map)?,
                RequestName::Sdk => once(&mut sdk, &mut map)?,
                RequestName::Device => once(&mut device, &mut map)?,
                RequestName::Stream => once(&mut stream, &mut map)?,
                RequestName::Identity => once(&mut identity, &mut map)?,
                RequestName::SentAt => once(&mut sent_at, &mut map)?,
                RequestName::Messages => once(&mut messages, &mut map)?,
                RequestName::Auth => once(&mut auth, &mut map)?,
                RequestName::Agent => once(&mut agent, &mut map)?,
                RequestName::Records => once(&mut records, &mut map)?,
                RequestName::Unknown => map.next_value::<Unknown>().map(|_| ())?,
            }
        }
        Ok(FlushRequest {
            key: required(key, "key")?,
            sdk: required(sdk, "sdk")?,
            device: required(device, "device")?,
            stream: required(stream, "stream")?,
            identity: required(identity, "identity")?,
            sent_at: required(sent_at, "sent_at")?,
            messages,
            auth,
            agent,
            records: required(records, "records")?,
        })
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum IdentityName {
    ExternalId,
    AnonymousId,
    #[serde(other)]
    Unknown,
}

impl<'de> Deserialize<'de> for Identity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(IdentityVisitor)
    }
}

struct IdentityVisitor;

impl<'de> Visitor<'de> for IdentityVisitor {
    type Value = Identity;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an identity")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Identity, A::Error> {
        let mut identity = Identity { external_id: None, anonymous_id: None };
        while let Some(name) = map.next_key()? {
            match name {
                IdentityName::ExternalId => once(&mut identity.external_id, &mut map)?,
                IdentityName::AnonymousId => once(&mut identity.anonymous_id, &mut map)?,
                IdentityName::Unknown => map.next_value::<Unknown>().map(|_| ())?,
            }
        }
        Ok(identity)
    }
}
