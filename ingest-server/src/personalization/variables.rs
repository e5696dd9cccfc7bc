//! What templates can name.

use jiff::Timestamp as Instant;
use kindling_core::{
    ids::{CampaignId, ExternalId},
    profile::{Profile, StandardAttribute},
    time::Timestamp,
    value::Value as Kept,
};
use liquid_core::{Object, Value};

use super::{Event, source::Names};

/// Whom a message is for, which it is, and when.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'s> {
    /// What is known of the user.
    pub profile: &'s Profile,
    /// The id that the site gave them, if they signed in.
    pub external_id: Option<&'s ExternalId>,
    /// The language that they get it in, if that is known.
    pub language: Option<&'s str>,
    /// The campaign.
    pub campaign: (&'s CampaignId, &'s str),
    /// The instant.
    pub now: Timestamp,
}

impl Subject<'_> {
    /// The values of what a template names, and no others.
    pub(super) fn values(&self, names: &Names, event: Option<Event<'_>>) -> Object {
        let mut user = Object::new();
        for name in &names.user {
            let value = match StandardAttribute::parse(name) {
                Some(attribute) => self.profile.standard(attribute).map(to_liquid),
                None => self.external_id.map(|id| Value::scalar(id.as_str().to_owned())),
            };
            user.insert((*name).into(), value.unwrap_or(Value::Nil));
        }
        let mut custom = Object::new();
        if names.any_custom {
            custom.extend(
                self.profile.custom_attributes().map(|(name, value)| (name.to_owned().into(), to_liquid(value))),
            );
        } else {
            for name in &names.custom {
                custom.extend(self.profile.custom(name).map(|value| (name.clone().into(), to_liquid(value))));
            }
        }
        let (id, name) = self.campaign;
        let mut campaign = Object::new();
        campaign.insert("id".into(), Value::scalar(id.as_str().to_owned()));
        campaign.insert("name".into(), Value::scalar(name.to_owned()));
        let mut values = Object::new();
        values.insert("user".into(), Value::Object(user));
        values.insert("custom".into(), Value::Object(custom));
        values.insert("campaign".into(), Value::Object(campaign));
        values.insert("now".into(), Value::scalar(written(self.now)));
        if let Some(Event { name, properties }) = event {
            let mut event = Object::new();
            event.insert("name".into(), Value::scalar(name.to_owned()));
            event.insert("properties".into(), Value::Object(properties.map(members).unwrap_or_default()));
            values.insert("event".into(), Value::Object(event));
        }
        values
    }
}

/// An instant as templates have it: to the second, so that of two the later one is the greater text.
fn written(at: Timestamp) -> String {
    let instant = Instant::from_second(at.as_ms().div_euclid(1_000));
    instant.map(|instant| instant.to_string()).unwrap_or_default()
}

fn members(members: &kindling_core::value::Object) -> Object {
    members.iter().map(|(name, value)| (name.to_owned().into(), to_liquid(value))).collect()
}

fn to_liquid(value: &Kept) -> Value {
    match value {
        Kept::Null => Value::Nil,
        Kept::Bool(flag) => Value::scalar(*flag),
        Kept::Number(number) => number.as_integer().map_or_else(|| Value::scalar(number.get()), Value::scalar),
        Kept::String(text) => Value::scalar(text.clone()),
        Kept::Time(at) => Value::scalar(written(*at)),
        Kept::Array(items) => Value::Array(items.iter().map(to_liquid).collect()),
        Kept::Object(object) => Value::Object(members(object)),
    }
}
