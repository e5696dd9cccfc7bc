use std::sync::Arc;

use super::*;
use crate::segment::{Device, Pattern, PatternError};

/// Where every text but one is a regular expression, and there are two time zones.
struct Here;

#[derive(Debug)]
struct Anything;

impl Pattern for Anything {
    fn matches(&self, _: &str) -> bool {
        true
    }
}

impl Host for Here {
    fn pattern(&self, source: &str) -> Result<Arc<dyn Pattern>, PatternError> {
        if source == "(" { Err("a regular expression") } else { Ok(Arc::new(Anything)) }
    }

    fn is_zone(&self, name: &str) -> bool {
        matches!(name, "UTC" | "Europe/Vienna")
    }
}

fn parse(json: &str) -> Result<Filter, String> {
    Filter::parse(&serde_json::from_str(json).unwrap(), &Here).map_err(|e| e.to_string())
}

#[test]
fn errors_name_the_path_and_what_was_expected() {
    for (json, wanted) in [
        ("[]", "$: expected an object with one of"),
        ("{}", "$: expected an object with one of"),
        (r#"{"all":[{"event":"a"},{"event":"b","within":"7 days"}]}"#, "$.all[1].within: expected a duration"),
        (r#"{"any":{}}"#, "$.any: expected an array"),
        (r#"{"any":[],"x":1}"#, "$.x: expected no other key"),
        (r#"{"not":{"foo":1}}"#, "$.not: expected an object with one of"),
        (r#"{"not":null}"#, "$.not: expected something else than null"),
        (r#"{"segment":"No"}"#, "$.segment: expected the id of a segment"),
        (r#"{"attribute":"plan","is":1}"#, "$.attribute: expected a standard attribute"),
        (r#"{"custom_attribute":"plan"}"#, "$: expected exactly one of"),
        (r#"{"custom_attribute":"plan","is":1,"less":2}"#, "$: expected exactly one of"),
        (r#"{"custom_attribute":"plan","is":null}"#, "$.is: expected a string, a number"),
        (r#"{"custom_attribute":"plan","equals":1}"#, "$.equals: expected exactly one of"),
        (r#"{"custom_attribute":"plan","in":[]}"#, "$.in: expected an array of 1 to 256"),
        (r#"{"custom_attribute":"plan","in":["a",[]]}"#, "$.in[1]: expected a string"),
        (r#"{"custom_attribute":"plan","path":[],"is":1}"#, "$.path: expected an array of names"),
        (r#"{"custom_attribute":"plan","path":["a",1],"is":1}"#, "$.path[1]: expected a name"),
        (
            r#"{"custom_attribute":"plan","is":1,"ignore_case":true}"#,
            "$.ignore_case: expected ignore_case only with texts",
        ),
        (r#"{"custom_attribute":"plan","matches":"("}"#, "$.matches: expected a regular expression"),
        (r#"{"custom_attribute":"plan","between":[1,{"$time":2}]}"#, "$.between: expected two numbers"),
        (r#"{"custom_attribute":"plan","between":["2024-01-01"]}"#, "$.between: expected two instants"),
        (r#"{"custom_attribute":"plan","between":["2024-01-02","2024-01-01"]}"#, "$.between: expected two instants"),
        (r#"{"custom_attribute":"plan","before":"soon"}"#, "$.before: expected an instant"),
        (
            r#"{"custom_attribute":"plan","before":"2024-01-01","after":"2023-01-01"}"#,
            "$: expected exactly one of: before",
        ),
        (r#"{"custom_attribute":"plan","less_than_ago":"0d"}"#, "$.less_than_ago: expected a duration"),
        (r#"{"custom_attribute":"plan","size":{}}"#, "$.size: expected at_least"),
        (r#"{"custom_attribute":"plan","version_less":"new"}"#, "$.version_less: expected a version"),
        (
            r#"{"attribute":"date_of_birth","anniversary_within_days":367}"#,
            "$.anniversary_within_days: expected a whole number of days",
        ),
        (
            r#"{"attribute":"date_of_birth","anniversary_within_days":1,"time_zone":"Mars"}"#,
            "$.time_zone: expected \"user\"",
        ),
        (r#"{"event":"a","count":{"at_least":65},"within":"1d"}"#, "$.count: expected no more than 64"),
        (r#"{"event":"a","count":{"at_most":64},"within":"1d"}"#, "$.count: expected no more than 64"),
        (r#"{"event":"a","count":{"at_least":-1}}"#, "$.count.at_least: expected at_least, at_most, or exactly"),
        (r#"{"event":"a","count":{"at_least":2,"at_most":1}}"#, "$.count.at_most: expected no less than"),
        (r#"{"event":"a","count":{"exactly":2,"at_most":1}}"#, "$.count: expected at_least, at_most, or exactly"),
        (r#"{"event":"a","count":{"more":1}}"#, "$.count.more: expected at_least, at_most, or exactly"),
        (r#"{"event":"","within":"1d"}"#, "$.event: expected a name"),
        (r#"{"event":"a","within":"3000d"}"#, "$.within: expected a duration of at most 731 days"),
        (r#"{"event":"a","within":"3d","days":3}"#, "$.days: expected no days beside within"),
        (r#"{"event":"a","days":0}"#, "$.days: expected a whole number of days"),
        (r#"{"event":"a","time_zone":"UTC"}"#, "$.time_zone: expected no time_zone without days"),
        (
            r#"{"event":"a","between":["2024-01-01","2024-02-01"],"within":"1d"}"#,
            "$.within: expected between, within or days",
        ),
        (
            r#"{"event":"a","first":{"before":"2024-01-01"},"count":{"at_least":1}}"#,
            "$.count: expected first or last alone",
        ),
        (
            r#"{"event":"a","first":{"before":"2024-01-01"},"last":{"before":"2024-01-01"}}"#,
            "$.last: expected first or last, not both",
        ),
        (r#"{"event":"a","where":[{"property":"p"}]}"#, "$.where[0]: expected exactly one of"),
        (r#"{"event":"a","where":[{"property":"","is":1}]}"#, "$.where[0].property: expected the name of a property"),
        (r#"{"purchase":{"sku":"a"}}"#, "$.purchase.sku: expected product only"),
        (r#"{"session":{"x":1}}"#, "$.session.x: expected {}"),
        (r#"{"session":{},"where":[]}"#, "$.where: expected session, count"),
        (r#"{"message":"m","was":"loved"}"#, "$.was: expected seen, clicked or dismissed"),
        (
            r#"{"message":"m","was":"seen","count":{"at_least":2},"within":"1d"}"#,
            "$.count: expected no count beside within",
        ),
        (r#"{"spent":"ABC","at_least":1}"#, "$.spent: expected a currency's code"),
        (r#"{"spent":"EUR"}"#, "$: expected at_least or at_most"),
        (r#"{"spent":"EUR","at_least":-1}"#, "$.at_least: expected an amount of money"),
        (r#"{"spent":"EUR","at_most":27.996}"#, "$.at_most: expected an amount of money"),
        (r#"{"session_time":{}}"#, "$.session_time: expected at_least or at_most"),
        (r#"{"first_seen":{}}"#, "$.first_seen: expected exactly one of: before"),
        (r#"{"near":{"latitude":91,"longitude":0,"within_km":1}}"#, "$.near.latitude: expected degrees"),
        (r#"{"near":{"latitude":1,"longitude":0,"within_km":0}}"#, "$.near.within_km: expected kilometres"),
        (r#"{"device":"colour","is":"red"}"#, "$.device: expected browser"),
        (r#"{"device":"sdk_metadata","contains":"npm"}"#, "$.device: expected browser"),
        (r#"{"subscription":"fax","is":"subscribed"}"#, "$.subscription: expected email or push"),
        (r#"{"subscription":"email","is":"maybe"}"#, "$.is: expected opted_in"),
        (r#"{"subscription":"email"}"#, "$: expected exactly one of: is, in"),
        (r#"{"subscription_group":"g","in":["opted_in"]}"#, "$.in[0]: expected subscribed"),
        (r#"{"anonymous":1}"#, "$.anonymous: expected true or false"),
        (r#"{"random_bucket":[5,4]}"#, "$.random_bucket: expected the first and the last"),
        (r#"{"random_bucket":[0,10000]}"#, "$.random_bucket[1]: expected the first and the last"),
    ] {
        let error = parse(json).unwrap_err();
        assert!(error.contains(wanted), "{json}: {error}");
    }
}

#[test]
fn size_is_bounded() {
    let deep = format!("{}{}{}", r#"{"not":"#.repeat(17), r#"{"event":"a"}"#, "}".repeat(17));
    assert!(parse(&deep).unwrap_err().contains("less nesting"));
    let wide = format!(r#"{{"all":[{}]}}"#, vec![r#"{"event":"a"}"#; 256].join(","));
    assert!(parse(&wide).unwrap_err().contains("fewer conditions"));
}

#[test]
fn a_device_takes_all_but_patterns_and_zones() {
    let on_device =
        |json: &str| Filter::parse(&serde_json::from_str(json).unwrap(), &Device).map_err(|error| error.to_string());
    assert!(on_device(r#"{"custom_attribute":"x","matches":"a"}"#).unwrap_err().contains("a device has none"));
    assert!(on_device(r#"{"event":"x","days":2,"time_zone":"Europe/Vienna"}"#).is_err());
    assert!(on_device(r#"{"event":"x","days":2,"time_zone":"UTC"}"#).is_ok());
}

/// What is counted has a number that says what it is, for ever: it stands in profiles.
#[test]
fn the_same_question_has_the_same_number() {
    let id = |json: &str| {
        let mut ids = Vec::new();
        parse(json).unwrap().visit(&mut |condition| {
            if let Condition::Occurrences { of: Source::Tracked(tracked), .. } = condition {
                ids.push(tracked.id);
            }
        });
        ids.remove(0)
    };
    let asked = r#"{"event":"a","where":[{"property":"p","is":1}],"count":{"at_least":2}}"#;
    assert_eq!(id(asked), 286_021_388_113_044_975);
    assert_eq!(id(asked), id(r#"{"within":"1d","where":[{"is":1.0,"property":"p"}],"event":"a"}"#));
    for other in [
        r#"{"event":"b","where":[{"property":"p","is":1}]}"#,
        r#"{"event":"a","where":[{"property":"p","is":2}]}"#,
        r#"{"event":"a","where":[{"property":"p","is_not":1}]}"#,
        r#"{"event":"a","where":[{"property":"p","is":1}],"between":["2024-01-01","2024-02-01"]}"#,
        r#"{"event":"a","between":["2024-01-01","2024-02-01"]}"#,
        r#"{"purchase":{},"where":[{"property":"p","is":1}]}"#,
        r#"{"purchase":{"product":"a"},"where":[{"property":"p","is":1}]}"#,
    ] {
        assert_ne!(id(asked), id(other), "{other}");
    }
}
