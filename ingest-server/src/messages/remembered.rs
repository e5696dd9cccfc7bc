//! What is remembered of a selection stands for what would be selected now: whatever happens to a user, and however much time passes.

use std::sync::Arc;

use bytes::Bytes;
use kindling_core::{
    ids::{CampaignId, SegmentId, UserId, WorkspaceId},
    segment::Filter,
    time::Timestamp,
    value::Value,
};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::select;
use crate::{
    campaign::Campaign,
    catalog::{CampaignEntry, Catalog, Segment, Workspace},
    ingest::{Person, UserState, Working, apply, decode},
    segments::Here,
    settings::Settings,
    store::WorkspaceKey,
};

const START: i64 = 1_763_917_561_000;
const HOUR: i64 = 3_600_000;

fn value(json: Json) -> Value {
    serde_json::from_value(json).unwrap()
}

fn campaign(number: u8, id: &str, more: &Json) -> CampaignEntry {
    let mut definition = json!({"channel": "in_app", "trigger": {"type": "session_start"}});
    if more.get("variants").is_none() {
        definition["message"] = json!({"type": "modal", "body": "Hello"});
    }
    more.as_object().unwrap().iter().for_each(|(name, value)| definition[name] = value.clone());
    let definition = value(definition);
    let id = CampaignId::parse(id).unwrap();
    let campaign = Campaign::parse(id.clone(), &definition).unwrap();
    CampaignEntry { id, campaign, definition, digest: [number; 32], losses: Arc::default() }
}

/// A campaign for each thing that a selection can stand on.
fn catalog() -> Catalog {
    let filter = |json: Json| Filter::parse(&value(json), &Here).unwrap();
    let segment = Segment {
        id: SegmentId::parse("lately").unwrap(),
        name: String::new(),
        filter: filter(json!({"event": "a", "count": {"at_least": 2}, "within": "3h"})),
        definition: Value::Null,
        changed_in: 1,
        awaits_counters: false,
    };
    let thrice = json!({"event": "a", "count": {"at_least": 3}});
    let own = Segment {
        id: SegmentId::of_campaign(&CampaignId::parse("on_device").unwrap()),
        filter: filter(thrice.clone()),
        ..segment.clone()
    };
    let said = |text: &str, lang: &str| json!({"type": "modal", "body": text, "language": lang});
    let campaigns = [
        ("again", json!({"repeat_after": "2h", "tags": ["promo"]})),
        ("early", json!({"starts_at": START + 4 * HOUR, "ends_at": START + 9 * HOUR})),
        ("every_hour", json!({"message": {"type": "modal", "body": "{{ now | date: '%H' }}"}})),
        ("in_segment", json!({"segment": "lately", "priority": 3})),
        ("local", json!({"starts_at": "2025-11-23T20:00", "time_zone": "user"})),
        ("named", json!({"message": {"type": "modal", "body": "{{ user.first_name | default: 'you' }}"}})),
        ("on_device", json!({"filter": thrice, "evaluate": "device", "repeat_after": "1h"})),
        ("once", json!({"tags": ["promo"]})),
        (
            "split",
            json!({"variants": [
            {"id": "x", "percentage": 50, "message": said("X", "en")}, {"id": "y", "percentage": 50, "control": true},
        ], "repeat_after": "1h"}),
        ),
        (
            "spoken",
            json!({"message": {"type": "modal", "body": "Hi", "language": "en",
            "translations": {"de": {"body": "Hallo"}}}}),
        ),
    ];
    let campaigns = (1..).zip(&campaigns).map(|(number, (id, more))| campaign(number, id, more)).collect();
    let caps = json!({"frequency_caps": [{"count": 2, "per": "3h"}, {"count": 1, "per": "5h", "tag": "promo"}]});
    let settings = Settings::parse(&value(caps)).unwrap();
    let name = (WorkspaceKey(1), WorkspaceId::parse("w").unwrap(), String::new());
    let mut catalog = Catalog::default();
    let workspace = Workspace::new(name, 1, vec![segment, own], campaigns, settings);
    catalog.insert(workspace, vec!["pk".to_owned()], Vec::new());
    catalog
}

fn record() -> impl Strategy<Value = Json> {
    let message = prop::sample::select(vec!["again", "early", "in_segment", "once", "split", "spoken"]);
    let language = prop::sample::select(vec!["en", "de", "fr"]);
    let zone = prop::sample::select(vec!["UTC", "Asia/Tokyo", "America/Lima"]);
    prop_oneof![
        3 => "[ab]".prop_map(|name| json!({"type": "custom_event", "name": name})),
        2 => (message, prop::option::of("[xy]")).prop_map(|(message, variant)| {
            let mut seen = json!({"type": "message_impression", "message": message});
            if let Some(variant) = variant {
                seen["variant"] = json!(variant);
            }
            seen
        }),
        1 => language.prop_map(|language| json!({"type": "attribute", "name": "language", "value": language})),
        1 => "[AB]".prop_map(|name| json!({"type": "attribute", "name": "first_name", "value": name})),
        1 => zone.prop_map(|zone| json!({"type": "device", "time_zone": zone})),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_is_remembered_is_what_would_be_selected(
        steps in prop::collection::vec((prop::collection::vec(record(), 0..3), 0..4 * HOUR, any::<bool>()), 1..14),
    ) {
        let catalog = catalog();
        let mut working = Working::default();
        let (mut now, mut seq, mut held) = (START, 0, String::new());
        for (records, pause, holds_it) in steps {
            now += pause;
            let records: Vec<Json> = records.into_iter().map(|mut record| {
                seq += 1;
                record["seq"] = json!(seq);
                record["at"] = json!(now);
                record
            }).collect();
            let id = |kind: u32| format!("{kind}0000000-0000-4000-8000-000000000001");
            let flush = json!({
                "key": "pk", "sdk": "web/0", "device": id(1), "stream": id(2), "identity": {"anonymous_id": id(3)},
                "sent_at": now, "messages": held, "records": records,
            });
            let at = Timestamp::from_ms(now);
            let batch = decode(Bytes::from(flush.to_string()), &catalog, at).unwrap();
            let answer = apply(&mut working, &batch);
            // There is one user, once there are records.
            let Some(Person::Here(state)) = working.users.get(&UserId(1)) else { continue };
            // A copy remembers nothing.
            let copy = UserState::clone(state);
            let afresh = select(&batch.workspace, UserId(1), &copy, &held, at).messages;
            prop_assert_eq!(&answer.messages, &afresh);
            if let Some(set) = answer.messages.filter(|_| holds_it) {
                held = set.version;
            }
        }
    }
}
