//! Reading what the facade asks to be recorded.

use kindling_core::{
    ids::CampaignId,
    profile::StandardAttribute,
    protocol::{AttributeChange, Channel, Currency, Hundredths, Location, RecordError, RecordKind, SubscriptionState},
    value::{Number, Object, Value},
};

use crate::wrong::Wrong;

/// Reads an object in the form of a record, without its place and time. The error is what is wrong.
pub(crate) fn record(call: Value) -> Result<RecordKind, Wrong> {
    let Value::Object(mut call) = call else { return Err(Wrong::RECORD) };
    let kind = text(&mut call, "type");
    Ok(match kind.as_str() {
        "custom_event" => RecordKind::CustomEvent { name: text(&mut call, "name"), properties: properties(&mut call)? },
        "purchase" => RecordKind::Purchase {
            product_id: text(&mut call, "product_id"),
            price: price(&call).ok_or(RecordError::InvalidPrice)?,
            currency: Currency::parse(&text(&mut call, "currency")).ok_or(Wrong::CURRENCY)?,
            quantity: quantity(&call).ok_or(RecordError::InvalidQuantity)?,
            properties: properties(&mut call)?,
        },
        "attribute" => RecordKind::Attribute {
            name: StandardAttribute::parse(&text(&mut call, "name")).ok_or(Wrong::ATTRIBUTE_NAME)?,
            value: value(&mut call),
        },
        "custom_attribute" => RecordKind::CustomAttribute { name: text(&mut call, "name"), change: change(&mut call)? },
        "subscription" => RecordKind::Subscription {
            channel: match text(&mut call, "channel").as_str() {
                "email" => Channel::Email,
                "push" => Channel::Push,
                _ => return Err(Wrong::CHANNEL),
            },
            state: state(&mut call).ok_or(Wrong::SUBSCRIPTION)?,
        },
        "subscription_group" => RecordKind::SubscriptionGroup {
            group: text(&mut call, "group"),
            state: state(&mut call).and_then(SubscriptionState::of_group).ok_or(Wrong::GROUP)?,
        },
        "location" => {
            let (latitude, longitude) = place(&call)?;
            let (altitude, accuracy) = (number(&call, "altitude"), number(&call, "accuracy"));
            RecordKind::Location(Location { latitude, longitude, altitude, accuracy })
        }
        "alias" => RecordKind::Alias { label: text(&mut call, "label"), name: text(&mut call, "name") },
        "message_impression" => RecordKind::MessageImpression { message: message(&mut call)? },
        "message_click" => {
            let button = call.get("button").and_then(Value::as_str).map(ToOwned::to_owned);
            RecordKind::MessageClick { message: message(&mut call)?, button }
        }
        "message_dismissal" => RecordKind::MessageDismissal { message: message(&mut call)? },
        _ => return Err(Wrong::RECORD_TYPE),
    })
}

fn change(call: &mut Object) -> Result<AttributeChange, Wrong> {
    let operation = text(call, "op");
    Ok(match operation.as_str() {
        "set" => AttributeChange::Set { value: value(call) },
        "increment" => AttributeChange::Increment { by: number(call, "by").ok_or(Wrong::NUMBER)? },
        "merge" => match call.remove("value") {
            Some(Value::Object(value)) => AttributeChange::Merge { value },
            _ => return Err(Wrong::MERGE),
        },
        "set_location" => {
            let (latitude, longitude) = place(call)?;
            AttributeChange::SetLocation { latitude, longitude }
        }
        "add" => AttributeChange::Add { value: value(call) },
        "remove" => AttributeChange::Remove { value: value(call) },
        _ => return Err(Wrong::CHANGE),
    })
}

fn state(call: &mut Object) -> Option<SubscriptionState> {
    Some(match text(call, "state").as_str() {
        "opted_in" => SubscriptionState::OptedIn,
        "subscribed" => SubscriptionState::Subscribed,
        "unsubscribed" => SubscriptionState::Unsubscribed,
        _ => return None,
    })
}

fn place(call: &Object) -> Result<(Number, Number), Wrong> {
    number(call, "latitude").zip(number(call, "longitude")).ok_or(Wrong::PLACE)
}

fn number(call: &Object, name: &str) -> Option<Number> {
    if let Value::Number(number) = call.get(name)? { Some(*number) } else { None }
}

fn text(call: &mut Object, name: &str) -> String {
    match call.remove(name) {
        Some(Value::String(text)) => text,
        _ => String::new(),
    }
}

fn value(call: &mut Object) -> Value {
    call.remove("value").unwrap_or(Value::Null)
}

fn properties(call: &mut Object) -> Result<Option<Object>, Wrong> {
    match call.remove("properties") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(properties)) => Ok(Some(properties)),
        Some(_) => Err(Wrong::PROPERTIES),
    }
}

fn price(call: &Object) -> Option<Hundredths> {
    Hundredths::from_units(number(call, "price")?.get())
}

fn quantity(call: &Object) -> Option<u32> {
    u32::try_from(number(call, "quantity")?.as_integer()?).ok()
}

fn message(call: &mut Object) -> Result<CampaignId, Wrong> {
    CampaignId::parse(text(call, "message")).map_err(|_| Wrong::MESSAGE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wrong::tests::sentence;

    fn read(json: &str) -> Result<RecordKind, Wrong> {
        record(serde_json::from_str(json).unwrap())
    }

    #[test]
    fn what_is_read_is_what_was_asked() {
        for json in [
            r#"{"type":"custom_event","name":"added","properties":{"price":12.5}}"#,
            r#"{"type":"custom_event","name":"added"}"#,
            r#"{"type":"purchase","product_id":"mug","price":12.5,"currency":"EUR","quantity":2,"properties":{"a":1}}"#,
            r#"{"type":"attribute","name":"email","value":null}"#,
            r#"{"type":"custom_attribute","name":"plan","op":"set","value":["a"]}"#,
            r#"{"type":"custom_attribute","name":"visits","op":"increment","by":1}"#,
            r#"{"type":"custom_attribute","name":"tags","op":"add","value":"x"}"#,
            r#"{"type":"custom_attribute","name":"tags","op":"remove","value":"x"}"#,
            r#"{"type":"custom_attribute","name":"pet","op":"merge","value":{"age":null}}"#,
            r#"{"type":"custom_attribute","name":"home","op":"set_location","latitude":48.2,"longitude":16}"#,
            r#"{"type":"subscription","channel":"email","state":"opted_in"}"#,
            r#"{"type":"subscription","channel":"push","state":"unsubscribed"}"#,
            r#"{"type":"subscription_group","group":"news","state":"subscribed"}"#,
            r#"{"type":"location","latitude":48.2,"longitude":16,"altitude":170,"accuracy":5}"#,
            r#"{"type":"location","latitude":48.2,"longitude":16}"#,
            r#"{"type":"alias","label":"card","name":"4711"}"#,
            r#"{"type":"message_impression","message":"welcome"}"#,
            r#"{"type":"message_click","message":"welcome","button":"go"}"#,
            r#"{"type":"message_click","message":"welcome"}"#,
        ] {
            assert_eq!(serde_json::to_string(&read(json).unwrap()).unwrap(), json);
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (json, wrong) in [
            ("1", "a record must be"),
            (r#"{"type":"session_start"}"#, "no such record"),
            (r#"{"type":"custom_event","name":"a","properties":[]}"#, "properties must be"),
            (r#"{"type":"purchase","product_id":"a","price":null,"currency":"EUR","quantity":1}"#, "a price must be"),
            (r#"{"type":"purchase","product_id":"a","price":1,"currency":"euro","quantity":1}"#, "a currency must be"),
            (r#"{"type":"purchase","product_id":"a","price":1,"currency":"EUR","quantity":1.5}"#, "a quantity must be"),
            (r#"{"type":"attribute","name":"shoe_size","value":1}"#, "no such attribute"),
            (r#"{"type":"custom_attribute","name":"a","op":"increment","by":null}"#, "a number must be"),
            (r#"{"type":"custom_attribute","name":"a","op":"multiply","by":2}"#, "no such change"),
            (r#"{"type":"custom_attribute","name":"a","op":"merge","value":[]}"#, "only an object"),
            (r#"{"type":"custom_attribute","name":"a","op":"set_location","latitude":1}"#, "a place needs"),
            (r#"{"type":"subscription","channel":"sms","state":"subscribed"}"#, "no such channel"),
            (r#"{"type":"subscription","channel":"push","state":"yes"}"#, "a subscription must be"),
            (r#"{"type":"subscription_group","group":"a","state":"opted_in"}"#, "a group must be"),
            (r#"{"type":"location","latitude":"1","longitude":2}"#, "a place needs"),
            (r#"{"type":"message_click","message":"No!"}"#, "not a message"),
        ] {
            assert!(sentence(read(json).unwrap_err()).contains(wrong), "{json}");
        }
    }
}
