//! What campaigns come to: the report, and that it is exact whatever happens to the server.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on has failed")]

use std::{fs, sync::Arc};

use kindling_tests::{
    api::Api,
    server::{Server, campaign, empty_workspace},
    traffic::Dice,
    visitor::{Visitor, now},
    wait,
};
use serde_json::{Value, json};
use tokio::{sync::Semaphore, task::JoinSet, time::timeout};

const HOUR: i64 = 3_600_000;

fn sale() -> Value {
    let mut sale = campaign("sale", None, "looked");
    sale.as_object_mut().unwrap().remove("id");
    sale["message"]["buttons"] = json!([{"id": "go", "text": "Go"}]);
    sale["conversions"] = json!([
        {"id": "bought", "type": "purchase", "within": "2h"},
        {"id": "large", "type": "purchase", "where": [{"property": "size", "is": "L"}], "within": "2h"},
    ]);
    sale
}

fn seen(at: i64) -> Value {
    json!({"type": "message_impression", "message": "sale", "at": at})
}

fn clicked(button: Option<&str>, at: i64) -> Value {
    json!({"type": "message_click", "message": "sale", "button": button, "at": at})
}

fn dismissed(at: i64) -> Value {
    json!({"type": "message_dismissal", "message": "sale", "at": at})
}

fn bought(price: i64, size: &str, at: i64) -> Value {
    json!({"type": "purchase", "product_id": "mug", "price": price, "currency": "EUR", "quantity": 2,
        "properties": {"size": size}, "at": at})
}

/// The report of all days that there can be anything of.
async fn report(api: &Api) -> Value {
    api.get("/campaigns/sale/report").await.ok()
}

#[tokio::test]
async fn a_report_has_what_happened_and_what_followed() {
    let mut server = Server::start(empty_workspace("shop")).await;
    let api = server.api();
    api.put("/campaigns/sale", &sale()).await.ok();
    // A time of which all is of one day.
    let day = (now() - 24 * HOUR) / (24 * HOUR) * (24 * HOUR);
    let at = |minutes: i64| day + minutes * 60_000;
    let mut ada = Visitor::new();
    let mut bob = Visitor::new();
    let records = [seen(at(1)), clicked(Some("go"), at(2)), clicked(Some("made_up"), at(3)), bought(10, "M", at(60))];
    api.flush(ada.flush_of(records)).await;
    api.flush(ada.flush_of([bought(20, "L", at(70)), seen(at(80)), dismissed(at(81))])).await;
    // Bob bought before the impression, and long after it.
    api.flush(bob.flush_of([bought(40, "L", at(10)), seen(at(20)), bought(50, "L", at(200))])).await;
    let found = report(&api).await;
    let totals = &found["totals"];
    assert_eq!(totals["impressions"], 3);
    assert_eq!(totals["unique_impressions"], 2);
    assert_eq!((&totals["eligible"], &totals["sent"]), (&json!(2), &json!(2)));
    assert_eq!((&totals["clicks"], &totals["buttons"]), (&json!(2), &json!({"go": 1})));
    assert_eq!(totals["dismissals"], 1);
    let bought_by_ada = &totals["conversions"]["bought"];
    assert_eq!((&bought_by_ada["users"], &bought_by_ada["revenue"]), (&json!(1), &json!({"EUR": 20})));
    assert_eq!(totals["conversions"]["large"]["revenue"], json!({"EUR": 40}));
    assert_eq!(bought_by_ada["rate"], 0.5);
    assert!(bought_by_ada["rate_interval"]["low"].as_f64().unwrap() < 0.1);
    assert!(bought_by_ada.get("against_control").is_none());
    assert_eq!(found["days"].as_array().unwrap().len(), 1);
    assert_eq!(found["days"][0]["impressions"], 3);
    let table = api.get("/campaigns/sale/report?format=csv").await;
    let header = |name: &str| table.headers[name].to_str().unwrap().to_owned();
    assert_eq!((table.status, header("content-type")), (200, "text/csv; charset=utf-8".to_owned()));
    assert!(header("content-disposition").starts_with("attachment; filename=\"sale_20"));
    let [names, row] = table.text.lines().collect::<Vec<_>>()[..] else { panic!("{}", table.text) };
    assert!(names.ends_with(",clicks on go,bought: users,large: users,bought: EUR,large: EUR"), "{names}");
    assert!(row.contains(",,false,2,2,3,2,2,1,1,1,"), "{row}");

    // Another device of Bob's was without a network: there he saw it before.
    let mut phone = Visitor::new();
    api.flush(phone.flush_of([seen(at(5))])).await;
    assert_eq!(report(&api).await["totals"]["unique_impressions"], 3);
    for visitor in [&bob, &phone] {
        let mut signed_in = visitor.signed_in("bob");
        api.flush(signed_in.flush_of([json!({"type": "identified", "at": at(300)})])).await;
    }
    let totals = &report(&api).await["totals"];
    assert_eq!((&totals["impressions"], &totals["unique_impressions"]), (&json!(4), &json!(2)));
    assert_eq!((&totals["eligible"], &totals["sent"]), (&json!(2), &json!(2)));
    assert_eq!(totals["conversions"]["bought"]["users"], 2);
    assert_eq!(totals["conversions"]["bought"]["revenue"], json!({"EUR": 100}));
    // What is written down is what it was in memory.
    let before = report(&api).await;
    server.start_again().await;
    assert_eq!(report(&server.api()).await, before);
    server.process().ask_to_stop();
    assert_eq!(server.process().ended().await.code(), Some(0));
    server.start_again().await;
    assert_eq!(report(&server.api()).await, before);
}

/// The variant of a report.
fn variant<'r>(report: &'r Value, id: &str) -> &'r Value {
    report["variants"].as_array().unwrap().iter().find(|variant| variant["variant"] == id).unwrap()
}

#[tokio::test]
async fn variants_are_compared_with_the_control_group() {
    const VISITORS: usize = 120;
    let mut server = Server::start(empty_workspace("shop")).await;
    let api = server.api();
    let mut sale = sale();
    let message = sale.as_object_mut().unwrap().remove("message").unwrap();
    sale["variants"] = json!([
        {"id": "shown", "percentage": 60, "message": message}, {"id": "nothing", "percentage": 40, "control": true},
    ]);
    api.put("/campaigns/sale", &sale).await.ok();
    // Of those who are shown it three of four buy, of the others one of four. Every tenth never sees it.
    let (mut sent, mut seen, mut buyers) = ([0_u64; 2], [0_u64; 2], [0_u64; 2]);
    let mut visitors = Vec::new();
    for place in 0..VISITORS {
        let mut visitor = Visitor::new();
        visitor.messages = Some(String::new());
        let answer = api.flush(visitor.flush_of([json!({"type": "custom_event", "name": "came"})])).await;
        let message = &answer["messages"]["items"][0];
        visitor.messages = answer["messages"]["version"].as_str().map(ToOwned::to_owned);
        let which = usize::from(message["content"]["type"] == "control");
        assert_eq!(message["variant"], ["shown", "nothing"][which]);
        sent[which] += 1;
        if place % 10 > 0 {
            let mut records =
                vec![json!({"type": "message_impression", "message": "sale", "variant": message["variant"]})];
            if seen[which] % 4 < [3, 1][which] {
                records.push(bought(10, "M", now()));
                buyers[which] += 1;
            }
            seen[which] += 1;
            api.flush(visitor.flush_of(records)).await;
        }
        visitors.push(visitor);
    }
    let check = |report: &Value| {
        for (which, id) in ["shown", "nothing"].into_iter().enumerate() {
            let found = variant(report, id);
            assert_eq!(found["control"], which == 1);
            assert_eq!((&found["eligible"], &found["sent"]), (&json!(sent[which]), &json!(sent[which])));
            assert_eq!(found["unique_impressions"], seen[which]);
            assert_eq!(found["conversions"]["bought"]["users"], buyers[which]);
        }
        // Without the control group.
        let totals = &report["totals"];
        assert_eq!((&totals["sent"], &totals["impressions"]), (&json!(sent[0]), &json!(seen[0])));
        assert_eq!(totals["conversions"]["bought"]["users"], buyers[0]);
        assert!(variant(report, "nothing")["conversions"]["bought"].get("against_control").is_none());
        let compared = &variant(report, "shown")["conversions"]["bought"]["against_control"];
        let rate = |which: usize| buyers[which] as f64 / seen[which] as f64;
        assert!((compared["lift"].as_f64().unwrap() - (rate(0) / rate(1) - 1.0)).abs() < 1e-9, "{compared}");
        assert!((compared["difference"].as_f64().unwrap() - (rate(0) - rate(1))).abs() < 1e-9, "{compared}");
        assert_eq!(compared["significant"], true);
        assert!(compared["lift_interval"]["low"].as_f64().unwrap() > 0.0, "{compared}");
        assert_eq!(&totals["conversions"]["bought"]["against_control"], compared);
        assert_eq!(
            report["days"].as_array().unwrap().iter().map(|day| day["sent"].as_u64().unwrap()).sum::<u64>(),
            sent[0]
        );
    };
    check(&report(&api).await);
    // After a crash, whoever comes again was sent it before, and no second time.
    server.kill();
    server.start_again().await;
    for visitor in &visitors {
        server.api().flush(visitor.flush(Vec::new())).await;
    }
    check(&report(&server.api()).await);
    server.process().ask_to_stop();
    assert_eq!(server.process().ended().await.code(), Some(0));
    server.start_again().await;
    for visitor in &visitors {
        server.api().flush(visitor.flush(Vec::new())).await;
    }
    check(&report(&server.api()).await);
}

#[tokio::test]
async fn what_is_asked_wrongly_is_said() {
    let server = Server::start(empty_workspace("shop")).await;
    let api = server.api();
    api.get("/campaigns/sale/report").await.problem(404, "not_found");
    api.put("/campaigns/sale", &sale()).await.ok();
    for days in ["from=2026-11-02&to=2026-11-01", "from=2020-01-01&to=2026-01-01", "from=yesterday", "to=2026-02-30"] {
        api.get(&format!("/campaigns/sale/report?{days}")).await.problem(400, "invalid_days");
    }
    let empty = api.get("/campaigns/sale/report?from=2026-11-01&to=2026-11-30").await.ok();
    assert_eq!((&empty["from"], &empty["days"]), (&json!("2026-11-01"), &json!([])));
    assert_eq!(empty["totals"]["conversions"], json!({"bought": {"users": 0}, "large": {"users": 0}}));
    let mut wrong = sale();
    wrong["conversions"][1]["within"] = json!("31d");
    let problem = api.put("/campaigns/sale", &wrong).await.problem(422, "invalid_definition");
    assert_eq!(problem["path"], "$.conversions[1].within");
}

/// A device that sends its flushes one after the other, each until it is answered.
struct Device {
    flushes: Vec<Value>,
    answered: usize,
}

/// What happens between two crashes. However quick the server is, no more than was allowed is sent.
struct Round {
    /// Flushes that may still be sent.
    allowed: Semaphore,
    /// Flushes that were answered.
    answers: Semaphore,
}

impl Device {
    async fn send(mut self, api: Api, round: Arc<Round>) -> Self {
        while let Some(flush) = self.flushes.get(self.answered) {
            // Closed when the server is gone.
            let Ok(allowed) = round.allowed.acquire().await else { return self };
            allowed.forget();
            match api.flush_request(api.with_sdk_key(flush.clone()).to_string()).send().await {
                Ok(answer) if answer.status() == 200 => {
                    self.answered += 1;
                    round.answers.add_permits(1);
                }
                _ => return self,
            }
        }
        self
    }
}

/// What everybody does, each a bit later than the one before. Each second one signs in as the same person as the one before, which is
/// known last.
fn devices(count: i64, begin: i64) -> Vec<Device> {
    let device = |number: i64| {
        let at = |minutes: i64| begin + minutes * 60_000 + number;
        let mut visitor = Visitor::new();
        let mut flushes = vec![
            visitor.flush_of([bought(1, "M", at(0)), seen(at(1))]),
            visitor.flush_of([clicked(Some("go"), at(2))]),
            visitor.flush_of([bought(10 + number, "M", at(10)), dismissed(at(11))]),
            visitor.flush_of([seen(at(12)), bought(100, "L", at(13))]),
        ];
        let mut signed_in = visitor.signed_in(&format!("person-{}", number / 2));
        flushes.push(signed_in.flush_of([seen(at(20)), bought(7, "L", at(21))]));
        Device { flushes, answered: 0 }
    };
    (0..count).map(device).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_is_exact_after_every_crash_and_when_users_are_made_up_again() {
    const DEVICES: i64 = 40;
    /// Flushes that may be in the air when the server is killed.
    const IN_THE_AIR: u32 = 10;
    let mut server = Server::start(empty_workspace("shop")).await;
    server.api().put("/campaigns/sale", &sale()).await.ok();
    let day = (now() - 24 * HOUR) / (24 * HOUR) * (24 * HOUR);
    let mut devices = devices(DEVICES, day);
    let mut dice = Dice::new(3_000);
    let is_done = |devices: &[Device]| devices.iter().all(|device| device.answered == device.flushes.len());
    let mut crashes = 0;
    while !is_done(&devices) {
        let left: usize = devices.iter().map(|device| device.flushes.len() - device.answered).sum();
        let wanted = u32::try_from(left.min(1 + usize::try_from(dice.roll(30)).unwrap())).unwrap();
        let allowed = Semaphore::new((wanted + IN_THE_AIR) as usize);
        let round = Arc::new(Round { allowed, answers: Semaphore::new(0) });
        let mut clients = JoinSet::new();
        for device in devices.drain(..) {
            clients.spawn(device.send(server.api(), Arc::clone(&round)));
        }
        drop(timeout(wait::PATIENCE, round.answers.acquire_many(wanted)).await.expect("answers"));
        server.kill();
        round.allowed.close();
        crashes += 1;
        devices = clients.join_all().await;
        server.start_again().await;
    }
    // 200 flushes, of which at most 40 are answered before a crash.
    assert!(crashes >= 5, "{crashes} crashes");
    let persons = DEVICES / 2;
    let found = report(&server.api()).await;
    let totals = &found["totals"];
    assert_eq!(totals["impressions"], 3 * DEVICES);
    assert_eq!(totals["unique_impressions"], persons);
    assert_eq!((&totals["eligible"], &totals["sent"]), (&json!(persons), &json!(persons)));
    assert_eq!((&totals["clicks"], &totals["buttons"]), (&json!(DEVICES), &json!({"go": DEVICES})));
    assert_eq!(totals["dismissals"], DEVICES);
    // The first purchase after the impression: that of the first of a person's two devices.
    let first: i64 = (0..persons).map(|person| 2 * (10 + 2 * person)).sum();
    assert_eq!(totals["conversions"]["bought"]["users"], persons);
    assert_eq!(totals["conversions"]["bought"]["revenue"], json!({"EUR": first}));
    assert_eq!(totals["conversions"]["large"]["users"], persons);
    assert_eq!(totals["conversions"]["large"]["revenue"], json!({"EUR": 200 * persons}));

    // Sent again, it changes nothing; and made up from the log alone, it is the same.
    let api = server.api();
    for device in &devices {
        for flush in &device.flushes {
            api.flush(flush.clone()).await;
        }
    }
    assert_eq!(report(&api).await, found);
    server.kill();
    for file in ["profiles.db", "profiles.db-wal", "profiles.db-shm"] {
        let _ = fs::remove_file(server.data().join(file));
    }
    server.start_again().await;
    assert_eq!(report(&server.api()).await, found);
}
