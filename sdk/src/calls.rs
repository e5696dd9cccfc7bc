//! Checking what the facade asks to be recorded: an object in the form of a record, as JSON, without its place and time.
//!
//! It is recorded as it stands. The rules are the server's own, by which it would reject the record: a site should hear of what is wrong
//! when it calls.

use kindling_core::{
    ids::{CampaignId, VariantId},
    json::{Json, Place, check, is_name},
    limits,
    profile::StandardAttribute,
    protocol::{Currency, Hundredths, RecordError, check_place},
    value::Number,
};

use crate::wrong::Wrong;

/// Checks a call. `number` reads a number as JavaScript does. The error is what is wrong.
pub(crate) fn check_call(call: Json<'_>, number: &dyn Fn(&str) -> f64) -> Result<(), Wrong> {
    let call = Call { call, number };
    match call.word("type") {
        "custom_event" => {
            call.name("name")?;
            call.properties()
        }
        "purchase" => {
            call.name("product_id")?;
            call.number("price")
                .and_then(|price| Hundredths::from_units(price.get()))
                .ok_or(RecordError::InvalidPrice)?;
            Currency::parse(call.word("currency")).ok_or(Wrong::CURRENCY)?;
            let quantity = call.get("quantity").and_then(Json::integer).unwrap_or_default();
            if !(1..=limits::PURCHASE_QUANTITY.into()).contains(&quantity) {
                return Err(RecordError::InvalidQuantity.into());
            }
            call.properties()
        }
        "attribute" => {
            let name = StandardAttribute::parse(call.word("name")).ok_or(Wrong::CALL)?;
            match call.get("value") {
                Some(value) if !value.string().is_some_and(|text| name.takes(&text)) => {
                    Err(RecordError::InvalidAttribute.into())
                }
                _ => Ok(()),
            }
        }
        "custom_attribute" => {
            call.name("name")?;
            call.change()
        }
        "subscription" => {
            call.one_of("channel", &["email", "push"], Wrong::CALL)?;
            call.one_of("state", &["opted_in", "subscribed", "unsubscribed"], Wrong::SUBSCRIPTION)
        }
        "subscription_group" => {
            call.name("group")?;
            call.one_of("state", &["subscribed", "unsubscribed"], Wrong::GROUP)
        }
        "location" => {
            call.place()?;
            let inexact = call.number("accuracy").is_some_and(|accuracy| accuracy.get() < 0.0);
            if inexact { Err(RecordError::InvalidLocation.into()) } else { Ok(()) }
        }
        "alias" => {
            call.name("label")?;
            call.name("name")
        }
        "message_impression" | "message_dismissal" => call.message(),
        "message_click" => {
            call.message()?;
            if call.get("button").is_some() { call.name("button") } else { Ok(()) }
        }
        _ => Err(Wrong::CALL),
    }
}

/// A call, with what reads its numbers.
struct Call<'a> {
    call: Json<'a>,
    number: &'a dyn Fn(&str) -> f64,
}

impl<'a> Call<'a> {
    fn get(&self, name: &str) -> Option<Json<'a>> {
        self.call.get(name)
    }

    /// A member that is one of a few words; empty if it is none.
    fn word(&self, name: &str) -> &'a str {
        self.get(name).and_then(Json::plain).unwrap_or_default()
    }

    fn name(&self, name: &str) -> Result<(), Wrong> {
        if self.get(name).is_some_and(is_name) { Ok(()) } else { Err(RecordError::InvalidName.into()) }
    }

    fn one_of(&self, name: &str, words: &[&str], otherwise: Wrong) -> Result<(), Wrong> {
        if words.contains(&self.word(name)) { Ok(()) } else { Err(otherwise) }
    }

    fn number(&self, name: &str) -> Option<Number> {
        let text = self.get(name)?.text();
        let is_number = text.as_bytes().first().is_some_and(|first| matches!(first, b'-' | b'0'..=b'9'));
        if is_number { Number::new((self.number)(text)) } else { None }
    }

    fn message(&self) -> Result<(), Wrong> {
        CampaignId::parse(self.word("message")).map_err(|_| Wrong::MESSAGE)?;
        if self.get("variant").is_some() {
            VariantId::parse(self.word("variant")).map_err(|_| Wrong::MESSAGE)?;
        }
        Ok(())
    }

    fn properties(&self) -> Result<(), Wrong> {
        match self.get("properties") {
            None => Ok(()),
            Some(properties) if properties.is_object() => {
                Ok(check(properties, Place::Properties).map_err(RecordError::from)?)
            }
            Some(_) => Err(Wrong::PROPERTIES),
        }
    }

    fn place(&self) -> Result<(), Wrong> {
        let (latitude, longitude) = self.number("latitude").zip(self.number("longitude")).ok_or(Wrong::PLACE)?;
        Ok(check_place(latitude, longitude)?)
    }

    fn change(&self) -> Result<(), Wrong> {
        let value = self.get("value").unwrap_or(Json::of("null"));
        match self.word("op") {
            "set" if value.is_array() && value.members().count() > limits::ARRAY_ELEMENTS => {
                return Err(RecordError::TooLarge.into());
            }
            "merge" if !value.is_object() => return Err(Wrong::MERGE),
            "set" | "add" | "remove" | "merge" => {}
            "increment" => {
                let by = self.number("by").ok_or(Wrong::NUMBER)?;
                let fits = by.get().abs() <= limits::COUNTED;
                return if fits { Ok(()) } else { Err(RecordError::InvalidIncrement.into()) };
            }
            "set_location" => return self.place(),
            _ => return Err(Wrong::CALL),
        }
        Ok(check(value, Place::Attribute).map_err(RecordError::from)?)
    }
}

#[cfg(test)]
mod tests {
    use kindling_core::protocol::Record;

    use super::*;
    use crate::wrong::tests::sentence;

    fn checked(json: &str) -> Result<(), Wrong> {
        check_call(Json::of(json), &|text| text.parse().unwrap())
    }

    #[test]
    fn what_is_taken_is_a_record_that_the_server_takes() {
        for json in [
            r#"{"type":"custom_event","name":"added","properties":{"price":12.5}}"#,
            r#"{"type":"custom_event","name":"added"}"#,
            r#"{"type":"purchase","product_id":"mug","price":12.5,"currency":"EUR","quantity":2,"properties":{"a":1}}"#,
            r#"{"type":"purchase","product_id":"mug","price":1e2,"currency":"eur","quantity":100}"#,
            r#"{"type":"attribute","name":"email","value":null}"#,
            r#"{"type":"attribute","name":"first_name","value":"\"A\""}"#,
            r#"{"type":"custom_attribute","name":"plan","op":"set","value":["a"]}"#,
            r#"{"type":"custom_attribute","name":"plan","op":"set","value":null}"#,
            r#"{"type":"custom_attribute","name":"seen","op":"set","value":{"$time":5}}"#,
            r#"{"type":"custom_attribute","name":"visits","op":"increment","by":-1.5}"#,
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
            r#"{"type":"message_dismissal","message":"welcome"}"#,
            r#"{"type":"message_impression","message":"welcome","variant":"short"}"#,
            r#"{"type":"message_dismissal","message":"welcome","variant":null}"#,
            r#"{"type":"message_click","message":"welcome","button":"go"}"#,
            r#"{"type":"message_click","message":"welcome"}"#,
        ] {
            assert_eq!(checked(json), Ok(()), "{json}");
            let record: Record = serde_json::from_str(&format!("{{\"seq\":1,\"at\":5,{}", &json[1..])).unwrap();
            assert_eq!(record.kind.check(), Ok(()), "{json}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let deep = format!(
            r#"{{"type":"custom_event","name":"a","properties":{{"a":{}1{}}}}}"#,
            "[".repeat(17),
            "]".repeat(17)
        );
        let many = format!(r#"{{"type":"custom_attribute","name":"a","op":"set","value":[{}1]}}"#, "1,".repeat(500));
        for (json, wrong) in [
            ("1", "no such call"),
            (r#"{"type":"session_start"}"#, "no such call"),
            (r#"{"type":"custom_event","name":"$a"}"#, "a name must"),
            (r#"{"type":"custom_event","name":7}"#, "a name must"),
            (r#"{"type":"custom_event","name":"a","properties":[]}"#, "properties must be"),
            (r#"{"type":"custom_event","name":"a","properties":{"$a":1}}"#, "a name must"),
            (&deep, "at most 16 levels"),
            (&many, "at most 50 KiB"),
            (r#"{"type":"purchase","product_id":"a","price":null,"currency":"EUR","quantity":1}"#, "a price must be"),
            (r#"{"type":"purchase","product_id":"a","price":"1","currency":"EUR","quantity":1}"#, "a price must be"),
            (r#"{"type":"purchase","product_id":"a","price":1,"currency":"euro","quantity":1}"#, "a currency must be"),
            (r#"{"type":"purchase","product_id":"a","price":1,"currency":"EUR","quantity":1.5}"#, "a quantity must be"),
            (r#"{"type":"purchase","product_id":"a","price":1,"currency":"EUR","quantity":101}"#, "a quantity must be"),
            (r#"{"type":"attribute","name":"shoe_size","value":1}"#, "no such call"),
            (r#"{"type":"attribute","name":"country","value":"Germany"}"#, "not of the attribute's form"),
            (r#"{"type":"attribute","name":"email","value":1}"#, "not of the attribute's form"),
            (r#"{"type":"custom_attribute","name":"a","op":"increment","by":null}"#, "a number must be"),
            (r#"{"type":"custom_attribute","name":"a","op":"increment","by":1e19}"#, "an increment must be"),
            (r#"{"type":"custom_attribute","name":"a","op":"multiply","by":2}"#, "no such call"),
            (r#"{"type":"custom_attribute","name":"a","op":"merge","value":[]}"#, "only an object"),
            (r#"{"type":"custom_attribute","name":"a","op":"set_location","latitude":1}"#, "a place needs"),
            (r#"{"type":"subscription","channel":"sms","state":"subscribed"}"#, "no such call"),
            (r#"{"type":"subscription","channel":"push","state":"yes"}"#, "a subscription must be"),
            (r#"{"type":"subscription_group","group":"a","state":"opted_in"}"#, "a group must be"),
            (r#"{"type":"location","latitude":"1","longitude":2}"#, "a place needs"),
            (r#"{"type":"location","latitude":91,"longitude":2}"#, "a latitude must be"),
            (r#"{"type":"location","latitude":1,"longitude":2,"accuracy":-1}"#, "a latitude must be"),
            (r#"{"type":"alias","label":"a","name":""}"#, "a name must"),
            (r#"{"type":"message_click","message":"No!"}"#, "not a message"),
            (r#"{"type":"message_impression","message":"a","variant":"No!"}"#, "not a message"),
            (r#"{"type":"message_impression","message":"a","variant":1}"#, "not a message"),
        ] {
            assert!(sentence(checked(json).unwrap_err()).contains(wrong), "{json}");
        }
    }
}
