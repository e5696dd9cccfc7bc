//! Exactly once, whatever happens: random pages, crashes, lost requests and lost answers against a server that keeps a
//! watermark for each stream.

use std::collections::BTreeMap;

use kindling_core::{
    ids::{ExternalId, Seq, StreamId},
    protocol::RecordKind,
    time::{Duration, Timestamp},
};
use kindling_sdk::client::Reply;
use proptest::prelude::*;

use super::browser::{Browser, Page, Sent, at};

/// A step of the world. Pages and requests are chosen by number, modulo how many there are.
#[derive(Debug, Clone)]
enum Step {
    Log {
        page: usize,
    },
    Open {
        sees_locks: bool,
    },
    Close {
        page: usize,
        hidden: bool,
    },
    Wait {
        seconds: i64,
    },
    Deliver {
        request: usize,
    },
    /// The server takes it, but the answer is lost.
    DeliverAndLoseAnswer {
        request: usize,
    },
    Lose {
        request: usize,
    },
    Refuse {
        request: usize,
        status: u16,
    },
    SetClockBack,
    SignIn {
        page: usize,
        user: u8,
        signed: bool,
    },
    /// The page gets a signature that the server takes, for whoever is signed in.
    Sign {
        page: usize,
    },
    /// The server wants proof of who users are, or does not; and what proved it so far does not any more.
    Demand {
        proof: bool,
    },
    LogOut {
        page: usize,
    },
    FillDisk {
        full: bool,
    },
}

fn any_step() -> impl Strategy<Value = Step> {
    let which = any::<usize>;
    prop_oneof![
        6 => which().prop_map(|page| Step::Log { page }),
        2 => any::<bool>().prop_map(|sees_locks| Step::Open { sees_locks }),
        1 => (which(), any::<bool>()).prop_map(|(page, hidden)| Step::Close { page, hidden }),
        4 => (1..40i64).prop_map(|seconds| Step::Wait { seconds }),
        4 => which().prop_map(|request| Step::Deliver { request }),
        2 => which().prop_map(|request| Step::DeliverAndLoseAnswer { request }),
        2 => which().prop_map(|request| Step::Lose { request }),
        1 => (which(), prop::sample::select(vec![429, 500, 503])).prop_map(|(request, status)| Step::Refuse { request, status }),
        1 => Just(Step::SetClockBack),
        1 => (which(), 0..2u8, any::<bool>()).prop_map(|(page, user, signed)| Step::SignIn { page, user, signed }),
        1 => which().prop_map(|page| Step::Sign { page }),
        1 => any::<bool>().prop_map(|proof| Step::Demand { proof }),
        1 => which().prop_map(|page| Step::LogOut { page }),
        1 => any::<bool>().prop_map(|full| Step::FillDisk { full }),
    ]
}

#[derive(Default)]
struct Server {
    watermarks: BTreeMap<StreamId, Seq>,
    /// How often each event was taken.
    taken: BTreeMap<String, u32>,
    /// Whether users must be proven, and how often that changed.
    demands_proof: bool,
    demands: u32,
}

/// The problem document of a server that does not take a user for proven.
const UNPROVEN: &str = r#"{"code":"sdk_authentication_failed","error_code":27,"reason":"bad_signature"}"#;

impl Server {
    /// What proves now that somebody is this user.
    fn signature(&self, user: &ExternalId) -> String {
        format!("{user} {}", self.demands)
    }

    /// Takes a request, and returns status and body of the answer.
    fn take(&mut self, sent: &Sent) -> (u16, String) {
        let request = sent.request();
        if let Some(user) = &request.identity.external_id
            && self.demands_proof
            && request.auth != Some(self.signature(user))
        {
            return (401, UNPROVEN.to_owned());
        }
        let watermark = self.watermarks.entry(request.stream).or_default();
        for record in request.records {
            if record.seq <= *watermark {
                continue;
            }
            *watermark = record.seq;
            if let RecordKind::CustomEvent { name, .. } = record.kind {
                *self.taken.entry(name).or_default() += 1;
            }
        }
        (200, format!("{{\"acked\":{}}}", watermark.0))
    }
}

#[derive(Default)]
struct World {
    browser: Browser,
    server: Server,
    pages: Vec<(u32, Page)>,
    opened: u32,
    /// Requests on their way, with the page that sent them. They outlive their page.
    requests: Vec<(u32, Sent)>,
    now: Timestamp,
    logged: u32,
    /// Events that were logged while nothing could be stored: they live as long as their page.
    volatile: BTreeMap<String, u32>,
}

impl World {
    fn run(&mut self, step: Step) {
        match step {
            Step::Log { page } => {
                let full = self.browser.disk.borrow().full;
                let now = self.now;
                let name = format!("event-{}", self.logged);
                if let Some((id, page)) = pick(&mut self.pages, page) {
                    page.log(&name, now);
                    self.logged += 1;
                    if full {
                        self.volatile.insert(name, *id);
                    }
                }
            }
            Step::Open { sees_locks } if self.pages.len() < 4 => {
                let live: Vec<StreamId> = self.pages.iter().map(|(_, page)| page.client.stream()).collect();
                let page = self.browser.open(if sees_locks { &live } else { &[] }, self.now);
                self.opened += 1;
                self.pages.push((self.opened, page));
            }
            Step::Open { .. } => {}
            Step::Close { page, hidden } if !self.pages.is_empty() => {
                let place = page % self.pages.len();
                let (id, mut page) = self.pages.remove(place);
                if hidden {
                    page.client.hidden(self.now);
                    let sent = page.sent();
                    self.requests.extend(sent.into_iter().map(|sent| (id, sent)));
                }
            }
            Step::Close { .. } => {}
            Step::Wait { seconds } => self.wait(seconds),
            Step::Deliver { request } => self.deliver(request, true),
            Step::DeliverAndLoseAnswer { request } => self.deliver(request, false),
            Step::Lose { request } => {
                if let Some((page, sent)) = self.take_request(request) {
                    self.reply(page, &sent, Reply::Unreachable);
                }
            }
            Step::Refuse { request, status } => {
                if let Some((page, sent)) = self.take_request(request) {
                    self.reply(page, &sent, Reply::Answer { status, retry_after: None, body: String::new() });
                }
            }
            Step::SetClockBack => self.now = self.now.minus(Duration::from_days(1)),
            Step::SignIn { page, user, signed } => {
                let now = self.now;
                if let Some((_, page)) = pick(&mut self.pages, page) {
                    let id = user_of(user);
                    let signature = signed.then(|| self.server.signature(&id));
                    page.client.change_user(id, signature, now);
                }
            }
            Step::Sign { page } => {
                let now = self.now;
                if let Some((_, page)) = pick(&mut self.pages, page)
                    && let Some(user) = page.client.external_id().cloned()
                {
                    page.client.set_signature(self.server.signature(&user), now).unwrap();
                }
            }
            Step::Demand { proof } => {
                self.server.demands_proof = proof;
                self.server.demands += 1;
            }
            Step::LogOut { page } => {
                let now = self.now;
                if let Some((_, page)) = pick(&mut self.pages, page) {
                    page.client.log_out(now);
                }
            }
            Step::FillDisk { full } => self.browser.disk.borrow_mut().full = full,
        }
        for (id, page) in &mut self.pages {
            let sent = page.sent();
            self.requests.extend(sent.into_iter().map(|sent| (*id, sent)));
        }
    }

    fn wait(&mut self, seconds: i64) {
        self.now = self.now.plus(Duration::from_seconds(seconds));
        for (_, page) in &mut self.pages {
            page.client.tick(self.now);
        }
    }

    fn take_request(&mut self, request: usize) -> Option<(u32, Sent)> {
        let place = request.checked_rem(self.requests.len())?;
        Some(self.requests.swap_remove(place))
    }

    fn deliver(&mut self, request: usize, answered: bool) {
        if let Some((page, sent)) = self.take_request(request) {
            let (status, body) = self.server.take(&sent);
            let reply = if answered { Reply::Answer { status, retry_after: None, body } } else { Reply::Unreachable };
            self.reply(page, &sent, reply);
        }
    }

    fn reply(&mut self, page: u32, sent: &Sent, reply: Reply) {
        if let Some((_, page)) = self.pages.iter_mut().find(|(id, _)| *id == page) {
            page.client.reply(sent.flush, reply, self.now);
        }
    }

    /// The storm is over: one more visit with a network that works.
    fn settle(&mut self) {
        self.browser.disk.borrow_mut().full = false;
        self.run(Step::Open { sees_locks: true });
        for _ in 0..200 {
            while !self.requests.is_empty() {
                self.run(Step::Deliver { request: 0 });
            }
            self.run(Step::Wait { seconds: 60 });
        }
        // What only closed pages knew of is left for the next visit.
        self.pages.clear();
        let mut last = self.browser.open(&[], self.now);
        // Everybody comes once more, and can prove who they are.
        for user in 0..2 {
            let id = user_of(user);
            let signature = self.server.signature(&id);
            last.client.change_user(id, Some(signature), self.now);
            for _ in 0..200 {
                for sent in last.sent() {
                    let (status, body) = self.server.take(&sent);
                    last.client.reply(sent.flush, Reply::Answer { status, retry_after: None, body }, self.now);
                }
                self.now = self.now.plus(Duration::from_seconds(60));
                last.client.tick(self.now);
            }
        }
        assert_eq!(last.client.queued(), 0);
    }
}

fn user_of(number: u8) -> ExternalId {
    ExternalId::parse(format!("user-{number}")).unwrap()
}

fn pick(pages: &mut [(u32, Page)], page: usize) -> Option<&mut (u32, Page)> {
    let place = page.checked_rem(pages.len())?;
    pages.get_mut(place)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn every_record_is_taken_exactly_once(seed in any::<u64>(), steps in prop::collection::vec(any_step(), 1..120)) {
        let mut world = World { browser: Browser::seeded(seed), now: at(0), ..World::default() };
        world.run(Step::Open { sees_locks: true });
        for step in steps {
            world.run(step);
        }
        world.settle();
        for event in 0..world.logged {
            let name = format!("event-{event}");
            let taken = world.server.taken.get(&name).copied().unwrap_or(0);
            if world.volatile.contains_key(&name) {
                // It could not be stored: at most once, and never twice.
                prop_assert!(taken <= 1, "{} was taken {} times", name, taken);
            } else {
                prop_assert_eq!(taken, 1, "{}", name);
            }
        }
    }
}
