//! Who gets which message: variants and the control group, filters of a campaign's own, schedules by the clock, frequency caps.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on has failed")]

use kindling_tests::{
    api::Api,
    server::{Server, campaign, workspace},
    visitor::{Visitor, event, now},
};
use serde_json::{Value, json};

/// A campaign for everybody, with further members.
fn with(id: &str, more: Value) -> Value {
    let mut campaign = campaign(id, None, "seen");
    more.as_object().unwrap().iter().for_each(|(name, value)| campaign[name] = value.clone());
    campaign
}

/// The messages that a device which holds none gets with this flush.
async fn messages(api: &Api, visitor: &mut Visitor, records: Vec<Value>) -> Vec<Value> {
    visitor.messages = Some(String::new());
    let answer = api.flush(visitor.flush_of(records)).await;
    answer["messages"]["items"].as_array().cloned().unwrap_or_default()
}

fn ids(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["id"].as_str().unwrap()).collect()
}

fn split() -> Value {
    let mut campaign = with("split", json!({}));
    let message = campaign.as_object_mut().unwrap().remove("message").unwrap();
    campaign["variants"] = json!([
        {"id": "shown", "percentage": 50, "message": message},
        {"id": "none", "percentage": 50, "control": true},
    ]);
    campaign
}

#[tokio::test]
async fn a_user_gets_one_variant_and_keeps_it() {
    let server = Server::start(workspace("shop", json!([]), json!([split()]))).await;
    let api = server.api();
    let mut met = [0, 0];
    for _ in 0..40 {
        let mut visitor = Visitor::new();
        let first = messages(&api, &mut visitor, vec![event("came")]).await;
        let variant = first[0]["variant"].as_str().unwrap().to_owned();
        assert_eq!(first[0]["content"]["type"] == "control", variant == "none", "{first:?}");
        met[usize::from(variant == "none")] += 1;
        // On another device of theirs as well, and for the server's own account of it.
        let mut other = visitor.on_another_page();
        assert_eq!(messages(&api, &mut other, vec![event("came")]).await[0]["variant"], *variant);
        let decisions = api.get(&format!("/users/{}/decisions", visitor.device_ref())).await.json();
        let decision = &decisions["decisions"][0];
        assert_eq!(decision["variant"], *variant);
        assert_eq!(decision["verdict"], if variant == "none" { "in_control" } else { "waiting_for_trigger" });
    }
    assert!(met[0] > 5 && met[1] > 5, "{met:?}");

    // Whoever has seen a variant keeps it, though hardly anybody is given it any more.
    let mut visitor = Visitor::new();
    let seen = json!({"type": "message_impression", "message": "split", "variant": "shown"});
    api.flush(visitor.flush_of([seen])).await;
    let mut changed = split();
    changed.as_object_mut().unwrap().remove("id");
    changed["repeat_after"] = json!("1s");
    changed["variants"][0]["percentage"] = json!(0);
    changed["variants"][1]["percentage"] = json!(100);
    api.put("/campaigns/split", &changed).await.ok();
    assert_eq!(messages(&api, &mut visitor, vec![]).await[0]["variant"], "shown");
    assert_eq!(messages(&api, &mut Visitor::new(), vec![event("came")]).await[0]["variant"], "none");
}

#[tokio::test]
async fn a_campaign_can_have_a_filter_of_its_own() {
    let buyers = |event: &str| json!({"filter": {"event": event}});
    let server = Server::start(workspace("shop", json!([]), json!([with("thanks", buyers("bought"))]))).await;
    let api = server.api();
    let mut visitor = Visitor::new();
    assert!(messages(&api, &mut visitor, vec![event("came")]).await.is_empty());
    let decisions = || async { api.get(&format!("/users/{}/decisions", visitor.device_ref())).await.json() };
    let decision = decisions().await["decisions"][0].clone();
    assert_eq!((&decision["verdict"], &decision["explanation"]["matches"]), (&json!("not_in_segment"), &json!(false)));
    assert!(decision.get("segment").is_none(), "{decision}");
    assert_eq!(ids(&messages(&api, &mut visitor, vec![event("bought")]).await), ["thanks"]);

    // Nobody sees the segment that it has for that.
    assert_eq!(api.get("/segments").await.json()["segments"], json!([]));
    assert_eq!(api.get("/segment_changes").await.json()["changes"], json!([]));
    assert_eq!(api.user(&visitor.device_ref()).await["segments"], json!([]));
    api.get("/segments/campaign.thanks").await.problem(400, "invalid_id");

    let mut changed = with("thanks", buyers("returned"));
    changed.as_object_mut().unwrap().remove("id");
    api.put("/campaigns/thanks", &changed).await.ok();
    assert!(messages(&api, &mut visitor, vec![]).await.is_empty());
    assert_eq!(ids(&messages(&api, &mut visitor, vec![event("returned")]).await), ["thanks"]);
    changed["filter"] = json!({"event": 7});
    let problem = api.put("/campaigns/thanks", &changed).await.problem(422, "invalid_definition");
    assert!(problem["path"].as_str().unwrap().starts_with("$.filter"), "{problem}");
    changed["filter"] = json!({"segment": "nobodys"});
    api.put("/campaigns/thanks", &changed).await.problem(422, "invalid_definition");
    changed.as_object_mut().unwrap().remove("filter");
    api.put("/campaigns/thanks", &changed).await.ok();
    assert_eq!(ids(&messages(&api, &mut Visitor::new(), vec![event("came")]).await), ["thanks"]);
}

/// What a clock in a zone so many hours before UTC shows in so many hours.
fn clock(zone: i64, hours: i64) -> String {
    let at = now() + (zone + hours) * 3_600_000;
    let (days, minutes) = (at.div_euclid(86_400_000), at.rem_euclid(86_400_000) / 60_000);
    // Civil from days, after Howard Hinnant.
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let (day, month) = (of_year - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    let year = year + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}", minutes / 60, minutes % 60)
}

#[tokio::test]
async fn a_schedule_goes_by_the_clock_that_it_names() {
    // In Tokyo it is always nine hours later than by UTC, and never summer.
    let since_an_hour = clock(9, -1);
    let campaigns = json!([
        with("users", json!({"starts_at": since_an_hour, "time_zone": "user"})),
        with("tokyos", json!({"starts_at": since_an_hour, "time_zone": "Asia/Tokyo"})),
        with("workspaces", json!({"starts_at": since_an_hour})),
        with("ending", json!({"ends_at": clock(9, 2), "time_zone": "user"})),
    ]);
    let mut definitions = workspace("shop", json!([]), campaigns);
    definitions["settings"] = json!({"time_zone": "Asia/Tokyo"});
    let server = Server::start(definitions).await;
    let api = server.api();
    let mut in_tokyo = Visitor::new();
    let device = |zone: &str| json!({"type": "device", "time_zone": zone});
    let sent = messages(&api, &mut in_tokyo, vec![device("Asia/Tokyo")]).await;
    assert_eq!(ids(&sent), ["ending", "tokyos", "users", "workspaces"]);
    let left = sent[0]["expires_at"].as_i64().unwrap() - now();
    assert!((7_000_000..=7_200_000).contains(&left), "{left}");
    // Who is nine hours behind has not come so far.
    let mut by_utc = Visitor::new();
    let sent = messages(&api, &mut by_utc, vec![device("UTC")]).await;
    assert_eq!(ids(&sent), ["ending", "tokyos", "workspaces"]);
    // They travel.
    let sent = messages(&api, &mut by_utc, vec![device("Asia/Tokyo")]).await;
    assert_eq!(ids(&sent), ["ending", "tokyos", "users", "workspaces"]);
    api.put("/settings", &json!({"time_zone": "UTC"})).await.ok();
    assert_eq!(api.get("/settings").await.json(), json!({"time_zone": "UTC"}));
    assert_eq!(ids(&messages(&api, &mut by_utc, vec![]).await), ["ending", "tokyos", "users"]);
    api.put("/settings", &json!({"time_zone": "Tokyo"})).await.problem(422, "invalid_definition");
}

#[tokio::test]
async fn caps_hold_across_devices() {
    let seen = |id: &str| json!({"type": "message_impression", "message": id});
    let campaigns = json!([
        with("promo_1", json!({"tags": ["promo", "x"]})),
        with("promo_2", json!({"tags": ["promo"]})),
        with("plain", json!({})),
        with("urgent", json!({"tags": ["promo"], "frequency_capping": false})),
    ]);
    let mut definitions = workspace("shop", json!([]), campaigns);
    definitions["settings"] =
        json!({"frequency_caps": [{"count": 1, "per": "7d", "tag": "promo"}, {"count": 3, "per": "1d"}]});
    let server = Server::start(definitions).await;
    let api = server.api();
    let mut phone = Visitor::new().signed_in("anna");
    phone.messages = Some(String::new());
    let answer = api.flush(phone.flush_of([event("came")])).await;
    assert_eq!(ids(answer["messages"]["items"].as_array().unwrap()), ["plain", "promo_1", "promo_2", "urgent"]);
    assert_eq!(answer["messages"]["caps"][0], json!({"count": 1, "per_ms": 604_800_000, "tag": "promo"}));
    // Only of tags that a cap is about a device need know.
    assert_eq!(answer["messages"]["items"][1]["tags"], json!(["promo"]));

    let mut laptop = Visitor::new().signed_in("anna");
    assert_eq!(ids(&messages(&api, &mut laptop, vec![seen("promo_1")]).await), ["plain", "urgent"]);
    let decisions = api.get("/users/external_id:anna/decisions").await.json();
    let capped =
        decisions["decisions"].as_array().unwrap().iter().find(|d| d["campaign"] == "promo_2").unwrap().clone();
    assert_eq!(capped["verdict"], "capped");
    let left = capped["until"].as_i64().unwrap() - now();
    assert!((604_700_000..=604_800_000).contains(&left), "{left}");
    // Also what no cap holds back counts for the others.
    assert_eq!(ids(&messages(&api, &mut phone, vec![seen("urgent"), seen("urgent")]).await), Vec::<&str>::new());
}

#[tokio::test]
async fn how_a_message_is_shown_travels_with_it() {
    let more = json!({"delay": "10s", "hours": {"from": "22:00", "to": "06:00"}});
    let server = Server::start(workspace("shop", json!([]), json!([with("night", more)]))).await;
    let sent = messages(&server.api(), &mut Visitor::new(), vec![event("came")]).await;
    assert_eq!((&sent[0]["delay_ms"], &sent[0]["hours"]), (&json!(10_000), &json!({"from": 1_320, "to": 360})));
}

/// A campaign whose filter devices evaluate.
fn on_device(id: &str, filter: Value) -> Value {
    with(id, json!({"filter": filter, "evaluate": "device", "repeat_after": "1s"}))
}

#[tokio::test]
async fn a_filter_can_travel_with_the_message_and_what_it_looks_at_with_the_answer() {
    let often = json!({"event": "seen", "count": {"at_least": 3}});
    let server = Server::start(workspace("shop", json!([]), json!([on_device("often", often.clone())]))).await;
    let api = server.api();
    let mut visitor = Visitor::new();
    visitor.messages = Some(String::new());
    let answer = api.flush(visitor.flush_of([event("seen"), event("other")])).await;
    let set = &answer["messages"];
    assert_eq!(ids(set["items"].as_array().unwrap()), ["often"], "also who is not in it has it");
    assert_eq!(set["items"][0]["filter"], often);
    let events = set["profile"]["events"].as_object().unwrap();
    assert_eq!((events.len(), &events["seen"]["count"]), (1, &json!(1)), "{set}");
    assert_eq!(set["profile"]["last_seen"], 0, "nothing looks at that");

    let decisions = format!("/users/{}/decisions", visitor.device_ref());
    let decision = async || api.get(&decisions).await.json()["decisions"][0].clone();
    let waiting = decision().await;
    assert_eq!(waiting["verdict"], "waiting_for_trigger");
    assert_eq!((&waiting["evaluated"], &waiting["matches"]), (&json!("device"), &json!(false)));

    // What no filter looks at changes nothing.
    let version = set["version"].as_str().unwrap().to_owned();
    visitor.messages = Some(version.clone());
    assert_eq!(api.flush(visitor.flush_of([event("other")])).await.get("messages"), None);
    // Of what one does only the profile comes, also while the server's own verdict stays what it is.
    let answer = api.flush(visitor.flush_of([event("seen")])).await;
    assert_eq!(answer["messages"]["profile"]["events"]["seen"]["count"], 2, "{answer}");
    visitor.messages = Some(answer["messages"]["version"].as_str().unwrap().to_owned());
    let answer = api.flush(visitor.flush_of([event("seen")])).await;
    let changed = &answer["messages"];
    assert_eq!((changed.get("items"), &changed["profile"]["events"]["seen"]["count"]), (None, &json!(3)));
    let other = changed["version"].as_str().unwrap();
    assert_ne!(other, version);
    assert_eq!(other.split('.').next(), version.split('.').next(), "of the same messages");
    // Who holds nothing, or something else, gets all of it.
    for held in ["", "0123456789abcdef.0123456789abcdef"] {
        visitor.messages = Some(held.to_owned());
        let answer = api.flush(visitor.flush_of([])).await;
        assert_eq!(answer["messages"]["items"].as_array().unwrap().len(), 1, "{held}");
    }
    visitor.messages = Some(other.to_owned());
    assert_eq!(api.flush(visitor.flush_of([])).await.get("messages"), None);
    assert_eq!(decision().await["matches"], true);

    // It was seen here, and rests by the device's own rules.
    let seen = json!({"type": "message_impression", "message": "often"});
    assert_eq!(api.flush(visitor.flush_of([seen])).await.get("messages"), None);
}

#[tokio::test]
async fn a_filter_that_asks_what_a_device_can_not_know_is_refused_with_the_reason() {
    let server = Server::start(workspace("shop", json!([]), json!([]))).await;
    let api = server.api();
    let put = async |filter: Value| {
        let mut campaign = on_device("often", filter);
        campaign.as_object_mut().unwrap().remove("id");
        api.put("/campaigns/often", &campaign).await
    };
    for (filter, path, reason) in [
        (json!({"all": [{"event": "a"}, {"segment": "b"}]}), "$.filter.all[1].segment", "no other segment"),
        (json!({"custom_attribute": "x", "matches": "^a"}), "$.filter.matches", "no regular expression"),
        (json!({"event": "a", "where": [{"property": "p", "is": 1}]}), "$.filter.where", "only the server counts"),
        (json!({"event": "a", "days": 7}), "$.filter.time_zone", "UTC"),
        (json!({"device": "os", "is": "Android"}), "$.filter.device", "the user's other ones"),
        (json!({"random_bucket": [0, 99]}), "$.filter.random_bucket", "a device does not know"),
    ] {
        let answer = put(filter.clone()).await;
        let problem = answer.problem(422, "invalid_definition");
        assert_eq!(problem["path"], path, "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(reason), "{problem}");
    }
    put(json!({"event": "a", "days": 7, "time_zone": "UTC"})).await.ok();
}
