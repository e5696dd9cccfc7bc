//! Whatever somebody writes as a filter: it is understood or refused with a place and a reason, and evaluating it is safe and lawful.

#![no_main]

use std::sync::LazyLock;

use ingest_server::segments::Here;
use kindling_core::{
    ids::Seq,
    profile::{Origin, Profile, Stamp},
    protocol::Record,
    segment::{Filter, SegmentIndex, Subject, evaluate},
    time::{Duration, Timestamp},
    value::Value,
};
use libfuzzer_sys::fuzz_target;

const NOW: Timestamp = Timestamp::from_ms(1_763_917_561_000);
const MILLISECOND: Duration = Duration::from_ms(1);

/// Somebody who did a little of everything, so that conditions hold and windows end.
static PROFILE: LazyLock<Profile> = LazyLock::new(|| {
    let mut profile = Profile::new(NOW.minus(Duration::from_days(30)));
    for (age, change) in [
        (864_000_000, r#""type":"custom_event","name":"a""#),
        (3_600_000, r#""type":"custom_event","name":"a""#),
        (60_000, r#""type":"custom_event","name":"a""#),
        (0, r#""type":"custom_event","name":"b""#),
        (0, r#""type":"attribute","name":"country","value":"DE""#),
        (0, r#""type":"custom_attribute","name":"a","op":"set","value":1"#),
        (0, r#""type":"custom_attribute","name":"t","op":"set","value":{"$time":1763917561000}"#),
        (0, r#""type":"custom_attribute","name":"o","op":"set","value":{"k":[1,"Ab",{"v":"1.10"}]}"#),
        (0, r#""type":"attribute","name":"date_of_birth","value":"2000-02-29""#),
        (0, r#""type":"attribute","name":"time_zone","value":"Europe/Vienna""#),
        (90_000, r#""type":"purchase","product_id":"p","price":2.5,"currency":"EUR","quantity":2"#),
        (80_000, r#""type":"session_start","session":"00000000-0000-4000-8000-000000000001""#),
        (70_000, r#""type":"message_impression","message":"m""#),
        (0, r#""type":"location","latitude":48,"longitude":16"#),
    ] {
        let at = NOW.minus(Duration::from_ms(age));
        let text = format!(r#"{{"seq":1,"at":{},{change}}}"#, at.as_ms());
        let record: Record = serde_json::from_str(&text).unwrap();
        profile.apply(&record.kind, Stamp { origin: Origin::Identified, at, seq: Seq(1) }).unwrap();
    }
    profile
});

fuzz_target!(|text: &[u8]| {
    let Ok(value) = serde_json::from_slice::<Value>(text) else { return };
    let filter = match Filter::parse(&value, &Here) {
        Ok(filter) => filter,
        Err(error) => {
            assert!(error.path.starts_with('$') && !error.expected.is_empty());
            return;
        }
    };
    // The order and the look of the text do not matter.
    let again: Value = serde_json::from_str(&serde_json::to_string(&value).unwrap()).unwrap();
    assert_eq!(format!("{:?}", Filter::parse(&again, &Here)), format!("{:?}", Ok::<_, ()>(&filter)));
    SegmentIndex::new([&filter]);

    let opposite = Filter::Not(Box::new(filter.clone()));
    for profile in [&Profile::new(NOW), &*PROFILE] {
        let profile = &Subject { zones: &Here, ..Subject::of(profile) };
        let verdict = evaluate(&filter, profile, NOW);
        let other = evaluate(&opposite, profile, NOW);
        assert_eq!((other.matches, other.until), (!verdict.matches, verdict.until));
        if let Some(until) = verdict.until {
            // It is certain to the last millisecond before.
            assert!(until > NOW);
            assert_eq!(evaluate(&filter, profile, until.minus(MILLISECOND)).matches, verdict.matches);
            evaluate(&filter, profile, until);
        } else {
            assert_eq!(evaluate(&filter, profile, NOW.plus(Duration::from_days(4_000))).matches, verdict.matches);
        }
    }
});
