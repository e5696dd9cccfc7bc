//! Many clients flush while the server is killed again and again: what was answered is there, once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on has failed")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use kindling_tests::{
    api::Api,
    server::{Server, Setup, empty_workspace},
    traffic::{Dice, Page, Sent, expect_all_once, expect_once},
    visitor::Visitor,
    wait,
};
use tokio::{task::JoinSet, time::sleep};

/// Streams that a device writes at most.
const PAGES: usize = 5;

/// A device on which somebody opens page after page, and signs in on the way.
struct Device {
    dice: Dice,
    /// Who they turn out to be. Some are the same.
    external_id: String,
    pages: Vec<Page>,
}

impl Device {
    fn new(seed: u64) -> Self {
        let external_id = if seed.is_multiple_of(2) { "shared".to_owned() } else { format!("only-{seed}") };
        let mut visitor = Visitor::new();
        if seed.is_multiple_of(3) {
            // Has been signed in from the start.
            visitor.identity = serde_json::json!({"external_id": external_id});
        }
        Self { dice: Dice::new(seed), external_id, pages: vec![Page::new(visitor)] }
    }

    /// Opens pages, makes records and flushes them in many ways, until the server is gone.
    async fn send_until_the_server_is_gone(mut self, api: Api, answered: Arc<AtomicU64>) -> Self {
        loop {
            match self.step(&api).await {
                Sent::Acked => drop(answered.fetch_add(1, Ordering::Relaxed)),
                // It says so itself: not now.
                Sent::Refused => sleep(Duration::from_millis(20)).await,
                Sent::NoAnswer => return self,
            }
        }
    }

    async fn step(&mut self, api: &Api) -> Sent {
        let Self { dice, external_id, pages } = self;
        if pages.len() < PAGES && dice.roll(25) == 0 {
            let last = &pages[pages.len() - 1].visitor;
            let signs_in = last.identity["external_id"].is_null() && dice.roll(2) == 0;
            let next = if signs_in { last.signed_in(external_id) } else { last.on_another_page() };
            pages.push(Page::new(next));
        }
        let which = dice.roll(pages.len() as u64);
        let page = &mut pages[usize::try_from(which).unwrap()];
        page.make(1 + dice.roll(4));
        // Up to the end or not, and from the first unanswered record on or from before it.
        let new = page.made() - page.acked;
        let to = page.acked + 1 + dice.roll(new);
        let from = page.acked + 1 - dice.roll(5).min(page.acked);
        match dice.roll(6) {
            0 => page.send_both(api, (from, to), (from, to)).await,
            1 => page.send_both(api, (from, to), (page.acked + 1, page.made())).await,
            2 => page.send(api, from, to).await,
            _ => page.send_rest(api).await,
        }
    }
}

/// Lets the devices send until they have got about this many answers, and kills the server in the middle of that.
async fn crash(server: &mut Server, devices: &mut Vec<Device>, answers: u64) {
    let answered = Arc::new(AtomicU64::new(0));
    let mut clients = JoinSet::new();
    for device in devices.drain(..) {
        clients.spawn(device.send_until_the_server_is_gone(server.api(), Arc::clone(&answered)));
    }
    wait::until("answers", async || (answered.load(Ordering::Relaxed) >= answers).then_some(())).await;
    server.kill();
    devices.extend(clients.join_all().await);
}

fn pages(devices: &[Device]) -> impl Iterator<Item = &Page> {
    devices.iter().flat_map(|device| &device.pages)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_survives_every_crash_once() {
    const CRASHES: u64 = 22;
    let mut server = Server::start(empty_workspace("shop")).await;
    let mut devices: Vec<Device> = (0..6).map(Device::new).collect();
    let mut dice = Dice::new(1_000);
    for round in 1..=CRASHES {
        crash(&mut server, &mut devices, dice.roll(60)).await;
        server.start_again().await;
        if round % 4 == 0 {
            expect_once(&server.api(), pages(&devices)).await;
        }
    }
    let mut pages: Vec<Page> = devices.into_iter().flat_map(|device| device.pages).collect();
    expect_all_once(&server.api(), &mut pages).await;
    // And it all stays where it is.
    server.start_again().await;
    expect_all_once(&server.api(), &mut pages).await;
}

/// Somebody new in the crowd does one thing. Whoever did not get an answer tries again after the crash.
async fn crowd(api: &Api, seen: &mut Vec<Page>, dice: &mut Dice, count: usize) {
    let mut visits = JoinSet::new();
    for _ in 0..count {
        // Some come back, whom the server may have forgotten meanwhile.
        let returns = !seen.is_empty() && dice.roll(4) == 0;
        let mut page = if returns {
            seen.swap_remove(usize::try_from(dice.roll(seen.len() as u64)).unwrap())
        } else {
            Page::new(Visitor::new())
        };
        let api = api.clone();
        visits.spawn(async move {
            page.make(1);
            while page.send_rest(&api).await == Sent::Refused {
                sleep(Duration::from_millis(20)).await;
            }
            page
        });
        if visits.len() >= 16 {
            seen.push(visits.join_next().await.unwrap().unwrap());
        }
    }
    seen.extend(visits.join_all().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_holds_few_users_in_memory_loses_none() {
    const CRASHES: usize = 8;
    let environment = vec![("KINDLING_CACHE_MIB", "1".to_owned()), ("RUST_LOG", "info,ingest_server=debug".to_owned())];
    let setup = Setup { environment, ..Setup::default() };
    let mut server = Server::start_with(empty_workspace("shop"), setup).await;
    let mut devices: Vec<Device> = (10..14).map(Device::new).collect();
    let mut dice = Dice::new(2_000);
    let mut seen = Vec::new();
    for round in 1..=CRASHES {
        let api = server.api();
        crowd(&api, &mut seen, &mut dice, 420).await;
        crash(&mut server, &mut devices, dice.roll(40)).await;
        // Killed again while it reads what it has, or just after that.
        for _ in 0..round % 4 {
            server.start_and_kill(Duration::from_millis(dice.roll(120))).await;
        }
        server.start_again().await;
    }
    let log = std::fs::read_to_string(server.log_file()).unwrap();
    let checkpoints = log.matches("profiles written down").count();
    assert!(checkpoints >= 2, "users were to be written down and forgotten on the way: {checkpoints}");
    let mut pages: Vec<Page> = devices.into_iter().flat_map(|device| device.pages).collect();
    expect_all_once(&server.api(), &mut pages).await;
    // One request for each of so many is enough for most; a visitor of the crowd is a user of their own.
    let api = server.api();
    let (some, others) = seen.split_at_mut(100);
    expect_all_once(&api, some).await;
    for page in others {
        assert_eq!(page.send_rest(&api).await, Sent::Acked);
        assert_eq!(api.event_count(&page.visitor.device_ref(), "step").await, page.made(), "{:?}", page.visitor);
    }
}
