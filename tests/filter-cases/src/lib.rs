//! Evaluates the cases of `tests/cases/filters.json`. Built natively it is a test; built to WebAssembly, a page calls it.

use std::collections::BTreeMap;

use kindling_core::{
    ids::Seq,
    profile::{Origin, Profile, Stamp},
    protocol::{DeviceInfo, Record, RecordKind},
    segment::{Device, Filter, Source, Subject, Tracked, evaluate},
    time::{Duration, Timestamp},
    value::{Object, Value},
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Cases {
    now_ms: Timestamp,
    users: BTreeMap<String, User>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct User {
    anonymous: bool,
    random_bucket: u16,
    devices: Vec<DeviceInfo>,
    records: Vec<Incoming>,
}

#[derive(Deserialize)]
struct Incoming {
    ago_ms: i64,
    #[serde(flatten)]
    record: Object,
}

#[derive(Deserialize)]
struct Case {
    filter: Value,
    matches: Vec<String>,
    #[serde(default)]
    until_ms: BTreeMap<String, Timestamp>,
}

/// Evaluates every case. Returns how many verdicts were given, and what is wrong with those that are.
pub fn run(json: &str) -> Result<(usize, Vec<String>), serde_json::Error> {
    let Cases { now_ms: now, users, cases } = serde_json::from_str(json)?;
    let mut wrong = Vec::new();
    for case in &cases {
        let filter = match Filter::parse(&case.filter, &Device) {
            Ok(filter) => filter,
            Err(error) => {
                wrong.push(format!("{}: {error}", serde_json::to_string(&case.filter)?));
                continue;
            }
        };
        for (name, user) in &users {
            let profile = profile(user, &filter, now)?;
            let subject = Subject {
                profile: &profile,
                is_anonymous: user.anonymous,
                bucket: user.random_bucket,
                devices: &user.devices,
                zones: &Device,
            };
            let verdict = evaluate(&filter, &subject, now);
            if verdict.matches != case.matches.contains(name) {
                wrong.push(format!("{} of {name}: {}", serde_json::to_string(&case.filter)?, verdict.matches));
            }
            let until = case.until_ms.get(name);
            if (until.is_some() || !case.until_ms.is_empty()) && verdict.until.as_ref() != until {
                wrong.push(format!("{} of {name} until {:?}", serde_json::to_string(&case.filter)?, verdict.until));
            }
        }
    }
    Ok((cases.len() * users.len(), wrong))
}

/// The profile of a user who did all that, with what the filter asks to be counted.
fn profile(user: &User, filter: &Filter, now: Timestamp) -> Result<Profile, serde_json::Error> {
    let mut tracked: Vec<&Tracked> = Vec::new();
    let mut sources = Vec::new();
    filter.visit(&mut |condition| {
        if let kindling_core::segment::Condition::Occurrences { of: Source::Tracked(tracked), .. } = condition {
            sources.push(std::sync::Arc::clone(tracked));
        }
    });
    tracked.extend(sources.iter().map(AsRef::as_ref));
    let mut profile = Profile::new(now);
    for (seq, incoming) in (1_i32..).zip(&user.records) {
        let at = now.minus(Duration::from_ms(incoming.ago_ms));
        let mut record = incoming.record.clone();
        record.insert("seq".to_owned(), Value::from(seq));
        record.insert("at".to_owned(), Value::from(0));
        let Record { kind, .. } = serde_json::from_str::<Record>(&serde_json::to_string(&record)?)?;
        let origin = if user.anonymous { Origin::Anonymous } else { Origin::Identified };
        let taken = profile.apply(&kind, Stamp { origin, at, seq: Seq(seq.unsigned_abs().into()) });
        taken.map_err(|error| serde::de::Error::custom(error.detail()))?;
        let properties: Option<&Object> = match &kind {
            RecordKind::CustomEvent { properties, .. } | RecordKind::Purchase { properties, .. } => properties.as_ref(),
            _ => None,
        };
        for tracked in &tracked {
            if tracked.of.is(&kind) && tracked.counts(properties, at) {
                profile.track(tracked.id, at);
            }
        }
    }
    Ok(profile)
}

/// What a page calls: `"ok N"`, or what is wrong, a line for each.
#[cfg(target_family = "wasm")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn run_cases(json: &str) -> String {
    match run(json) {
        Ok((verdicts, wrong)) if wrong.is_empty() => format!("ok {verdicts}"),
        Ok((_, wrong)) => wrong.join("\n"),
        Err(error) => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_filter_says_what_it_should() {
        let (verdicts, wrong) = super::run(include_str!("../../cases/filters.json")).unwrap();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert!(verdicts >= 300, "{verdicts}");
    }
}
