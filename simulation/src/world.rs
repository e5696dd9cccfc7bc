//! The world: devices, their pages, and what is on its way.

use std::collections::BTreeMap;

use kindling_core::{
    ids::{CampaignId, ExternalId, StreamId},
    profile::StandardAttribute,
    protocol::{AttributeChange, Currency, Hundredths, RecordKind},
    time::{Duration, Timestamp},
    value::{Map, Value},
};
use kindling_sdk::client::Reply;

use crate::{
    Dice,
    browser::{Browser, Page, Sent, at, call},
    server::{Answered, Server},
    truth::{self, Fate, Identities},
};

/// What came of a world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// A number that is another one if anything went otherwise.
    pub trace: u64,
    /// How often the server crashed.
    pub crashes: usize,
    /// How many unique events were logged.
    pub events: usize,
    /// How many conversions the reports have in the end.
    pub conversions: i64,
}

struct Device {
    browser: Browser,
    pages: Vec<(u32, Page)>,
    /// How wrong its clock is.
    clock: Duration,
    is_behind: bool,
    /// Events that were logged on it, and are not known to be taken.
    open: Vec<String>,
}

impl Device {
    fn now(&self, now: Timestamp) -> Timestamp {
        if self.is_behind { now.minus(self.clock) } else { now.plus(self.clock) }
    }

    fn live(&self) -> Vec<StreamId> {
        self.pages.iter().map(|(_, page)| page.client.stream()).collect()
    }
}

struct World {
    dice: Dice,
    now: Timestamp,
    server: Server,
    devices: Vec<Device>,
    /// Requests on their way, with the device and page that sent them.
    requests: Vec<(usize, u32, Sent)>,
    identities: Identities,
    events: BTreeMap<String, Fate>,
    opened: u32,
    raw: u64,
    trace: u64,
    talkative: bool,
}

/// Plays the world of a seed to its end. Panics when something does not hold. `talkative`: every step is printed.
pub fn run(seed: u64, talkative: bool) -> Outcome {
    let mut dice = Dice::new(seed);
    let server = Server::start(&mut dice);
    let mut world = World {
        now: at(0),
        server,
        devices: Vec::new(),
        requests: Vec::new(),
        identities: Identities::new(),
        events: BTreeMap::new(),
        opened: 0,
        raw: 0,
        trace: 0,
        talkative,
        dice,
    };
    for _ in 0..1 + world.dice.roll(3) {
        let browser = Browser::seeded(world.dice.bits());
        let clock = *world.dice.pick(&[0, 0, 700, 90_000, 3 * 86_400_000]);
        let is_behind = world.dice.once_in(2);
        let (clock, pages, open) = (Duration::from_ms(clock), Vec::new(), Vec::new());
        world.devices.push(Device { browser, pages, clock, is_behind, open });
    }
    (0..world.devices.len()).for_each(|device| world.open(device));
    let steps = 40 + world.dice.roll(120);
    for _ in 0..steps {
        world.step();
    }
    world.settle();
    let conversions = truth::conversions(&mut world.server);
    Outcome { trace: world.trace, crashes: world.server.crashes, events: world.events.len(), conversions }
}

impl World {
    fn say(&mut self, what: &str) {
        for byte in what.bytes() {
            self.trace = (self.trace ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        #[allow(clippy::print_stdout, reason = "asked for, to find out what went wrong")]
        if self.talkative {
            println!("{:>9} {what}", self.now.as_ms() - at(0).as_ms());
        }
    }

    fn step(&mut self) {
        let device = self.dice.roll(self.devices.len());
        match self.dice.roll(100) {
            0..30 => self.log(device),
            30..38 => self.open(device),
            38..42 => self.close(device),
            42..60 => self.wait(),
            60..76 => self.deliver(),
            76..79 => self.lose(),
            79..81 => self.double(),
            81..84 => self.sign_in(device),
            84..87 => self.fill_or_wipe(device),
            87..89 => self.raw_flush(),
            89..92 => self.server.begin_checkpoint(),
            92..95 => self.server.write_checkpoint(),
            95..97 => {
                let full = self.dice.once_in(2);
                self.say(if full { "the server's disk is full" } else { "the server's disk has room" });
                self.server.refuse_writes(full);
            }
            97 => match self.dice.roll(3) {
                0 => {
                    self.say("a segment is changed");
                    self.server.change_segment(&mut self.dice);
                }
                1 => {
                    self.server.backfill(self.now);
                }
                _ => {
                    self.say("the power fails");
                    self.server.crash();
                }
            },
            98 => self.server.fire_timers(self.now),
            _ => {
                let events = self.events.keys().map(|name| (name.clone(), Fate::AtMostOnce)).collect();
                // Asking needs a server that lives to answer.
                let (identities, now) = (self.identities.clone(), self.now);
                self.undisturbed(|server| truth::check(server, &identities, &events, now));
            }
        }
        self.gather();
    }

    /// Looks at the store while nothing crashes.
    fn undisturbed(&mut self, look: impl FnOnce(&mut Server)) {
        let deadly = self.server.pause();
        self.server.refuse_writes(false);
        look(&mut self.server);
        self.server.resume(deadly);
    }

    fn log(&mut self, device: usize) {
        let kind = match self.dice.roll(10) {
            0..3 => {
                let name = format!("event-{}", self.events.len());
                RecordKind::CustomEvent { name, properties: None }
            }
            3 | 4 => {
                let n = Value::from(*self.dice.pick(&[0, 1, 2, 3]));
                let properties = Map::from_entries(vec![("n".to_owned(), n)]);
                RecordKind::CustomEvent { name: "tick".into(), properties }
            }
            5 => RecordKind::CustomAttribute {
                name: "visits".into(),
                change: AttributeChange::Increment { by: 1.into() },
            },
            6 => {
                let name = *self.dice.pick(&["Ada", "Bob"]);
                RecordKind::Attribute { name: StandardAttribute::FirstName, value: name.into() }
            }
            7 => {
                let message = CampaignId::parse(*self.dice.pick(&["sale", "sale", "hello"])).unwrap();
                RecordKind::MessageImpression { message, variant: None }
            }
            8 => RecordKind::MessageClick { message: CampaignId::parse("sale").unwrap(), button: None, variant: None },
            _ => RecordKind::Purchase {
                product_id: "mug".into(),
                price: Hundredths(250),
                currency: Currency::parse("EUR").unwrap(),
                quantity: 2,
                properties: None,
            },
        };
        let Device { pages, browser, .. } = &mut self.devices[device];
        if pages.is_empty() {
            return;
        }
        let place = self.dice.roll(pages.len());
        let full = browser.disk.borrow().full;
        let unique = match &kind {
            RecordKind::CustomEvent { name, .. } if name != "tick" => Some(name.clone()),
            _ => None,
        };
        let now = self.devices[device].now(self.now);
        self.devices[device].pages[place].1.client.log(&call(&kind), now).unwrap();
        if let Some(name) = unique {
            self.say(&format!("device {device} logs {name}{}", if full { ", which it can't store" } else { "" }));
            self.devices[device].open.push(name.clone());
            self.events.insert(name, if full { Fate::AtMostOnce } else { Fate::Once });
        }
    }

    fn open(&mut self, device: usize) {
        if self.devices[device].pages.len() >= 3 {
            return;
        }
        self.say(&format!("device {device} opens a page"));
        let sees_locks = !self.dice.once_in(3);
        let Device { pages, browser, .. } = &self.devices[device];
        let live: Vec<StreamId> =
            if sees_locks { pages.iter().map(|(_, page)| page.client.stream()).collect() } else { Vec::new() };
        let now = self.devices[device].now(self.now);
        let mut page = browser.open(&live, now);
        page.client.open_session(now);
        self.opened += 1;
        self.devices[device].pages.push((self.opened, page));
    }

    fn close(&mut self, device: usize) {
        if self.devices[device].pages.is_empty() {
            return;
        }
        self.say(&format!("device {device} closes a page"));
        let place = self.dice.roll(self.devices[device].pages.len());
        let hidden = self.dice.once_in(2);
        let now = self.devices[device].now(self.now);
        let (id, mut page) = self.devices[device].pages.remove(place);
        if hidden {
            page.client.hidden(now);
            for sent in page.sent() {
                self.send(device, id, sent);
            }
        }
    }

    fn wait(&mut self) {
        let seconds = *self.dice.pick(&[1, 5, 11, 30, 130, 400]);
        self.now = self.now.plus(Duration::from_seconds(seconds));
        self.say(&format!("{seconds} s pass"));
        for device in &mut self.devices {
            let now = device.now(self.now);
            for (_, page) in &mut device.pages {
                page.client.tick(now);
            }
        }
    }

    /// Some requests arrive, in one moment and in any order. Some answers get through.
    fn deliver(&mut self) {
        let mut group = Vec::new();
        for _ in 0..1 + self.dice.roll(4) {
            if !self.requests.is_empty() {
                let place = self.dice.roll(self.requests.len());
                group.push(self.requests.swap_remove(place));
            }
        }
        if group.is_empty() {
            return;
        }
        if self.dice.once_in(12) {
            for (device, page, sent) in group {
                self.reply(device, page, &sent, Reply::Answer { status: 503, retry_after: None, body: String::new() });
            }
            return;
        }
        let bodies: Vec<&str> = group.iter().map(|(_, _, sent)| sent.body.as_str()).collect();
        let answers = self.server.take(&bodies, self.now);
        self.say(&format!("{} requests arrive: {}", group.len(), summary(&answers)));
        for ((device, page, sent), answer) in group.into_iter().zip(answers) {
            let reply = match answer {
                Answered::Nothing => Reply::Unreachable,
                Answered::Refused(status) => Reply::Answer { status, retry_after: None, body: String::new() },
                Answered::Taken(_) if self.dice.once_in(5) => Reply::Unreachable,
                Answered::Taken(answer) => {
                    let body = serde_json::to_string(&answer).unwrap();
                    Reply::Answer { status: 200, retry_after: None, body }
                }
            };
            self.reply(device, page, &sent, reply);
        }
    }

    fn lose(&mut self) {
        if !self.requests.is_empty() {
            let place = self.dice.roll(self.requests.len());
            let (device, page, sent) = self.requests.swap_remove(place);
            self.say("a request is lost");
            self.reply(device, page, &sent, Reply::Unreachable);
        }
    }

    /// The network delivers a request twice; the second may arrive much later.
    fn double(&mut self) {
        if !self.requests.is_empty() {
            let copy = self.requests[self.dice.roll(self.requests.len())].clone();
            self.say("a request is doubled");
            self.requests.push((copy.0, u32::MAX, copy.2));
        }
    }

    fn sign_in(&mut self, device: usize) {
        let user = self.dice.roll(3);
        let now = self.devices[device].now(self.now);
        if self.devices[device].pages.is_empty() {
            return;
        }
        let place = self.dice.roll(self.devices[device].pages.len());
        if self.dice.once_in(5) {
            self.say(&format!("whoever is signed in on device {device} logs out"));
            return self.devices[device].pages[place].1.client.log_out(now);
        }
        self.say(&format!("user-{user} signs in on device {device}"));
        let id = ExternalId::parse(format!("user-{user}")).unwrap();
        self.devices[device].pages[place].1.client.change_user(id, None, now);
    }

    fn fill_or_wipe(&mut self, device: usize) {
        if self.dice.once_in(3) {
            self.say(&format!("the storage of device {device} is wiped"));
            self.devices[device].browser.disk.borrow_mut().items.clear();
            for name in std::mem::take(&mut self.devices[device].open) {
                self.events.insert(name, Fate::AtMostOnce);
            }
        } else {
            let full = self.dice.once_in(2);
            self.say(&format!("the storage of device {device} is {}", if full { "full" } else { "free" }));
            self.devices[device].browser.disk.borrow_mut().full = full;
        }
    }

    /// Somebody who is not our SDK sends a flush of three records, of which one is no good.
    fn raw_flush(&mut self) {
        self.raw += 1;
        let (raw, now) = (self.raw, self.now.as_ms());
        let good = |seq: u32| {
            let name = format!("raw-{raw}-{seq}");
            (format!(r#"{{"seq":{seq},"at":{now},"type":"custom_event","name":"{name}"}}"#), name)
        };
        let bad = *self.dice.pick(&[
            r#"{"seq":2,"at":1,"type":"custom_event","name":""}"#,
            r#"{"seq":2,"at":1,"type":"teleported"}"#,
            r#"{"seq":2,"at":1,"type":"custom_event","name":"x","properties":{"$":1}}"#,
            r#"{"seq":2}"#,
        ]);
        let (first, third) = (good(1), good(3));
        let stream = format!("70000000-0000-4000-8000-{raw:012x}");
        let external_id = format!("user-{}", self.dice.roll(3));
        let body = format!(
            r#"{{"key":"pk","sdk":"raw","device":"80000000-0000-4000-8000-{raw:012x}","stream":"{stream}",
                "identity":{{"external_id":"{external_id}"}},"sent_at":{now},"records":[{},{bad},{}]}}"#,
            first.0, third.0
        );
        self.note_identity(&body);
        let answers = self.server.take(&[&body], self.now);
        self.say(&format!("a flush by hand: {}", summary(&answers)));
        match &answers[0] {
            Answered::Taken(answer) => {
                assert_eq!(answer.acked.0, 3);
                assert_eq!(answer.rejected.iter().map(|rejected| rejected.seq.0).collect::<Vec<_>>(), [2]);
                self.events.insert(first.1, Fate::Once);
                self.events.insert(third.1, Fate::Once);
            }
            Answered::Nothing | Answered::Refused(503) => {
                self.events.insert(first.1, Fate::AtMostOnce);
                self.events.insert(third.1, Fate::AtMostOnce);
            }
            Answered::Refused(status) => panic!("a flush with a bad record was refused: {status}"),
        }
    }

    /// Takes what the pages want sent.
    fn gather(&mut self) {
        for device in 0..self.devices.len() {
            let pages = std::mem::take(&mut self.devices[device].pages);
            let mut kept = Vec::with_capacity(pages.len());
            for (id, mut page) in pages {
                for sent in page.sent() {
                    self.send(device, id, sent);
                }
                kept.push((id, page));
            }
            self.devices[device].pages = kept;
        }
    }

    fn send(&mut self, device: usize, page: u32, sent: Sent) {
        self.note_identity(&sent.body);
        self.requests.push((device, page, sent));
    }

    fn note_identity(&mut self, body: &str) {
        let request: kindling_core::protocol::FlushRequest<serde_json::Value> = serde_json::from_str(body).unwrap();
        let known = self.identities.entry(request.stream).or_insert_with(|| request.identity.clone());
        assert_eq!(*known, request.identity, "a stream is one identity's");
    }

    fn reply(&mut self, device: usize, page: u32, sent: &Sent, reply: Reply) {
        let Device { pages, .. } = &mut self.devices[device];
        let now = self.now;
        let place = pages.iter().position(|(id, _)| *id == page);
        if let Some(place) = place {
            let now = self.devices[device].now(now);
            self.devices[device].pages[place].1.client.reply(sent.flush, reply, now);
        }
    }

    /// The storm is over: everything that is on its way arrives, and each device is visited once more.
    fn settle(&mut self) {
        self.say("calm");
        self.server.calm();
        self.server.refuse_writes(false);
        for device in 0..self.devices.len() {
            self.devices[device].browser.disk.borrow_mut().full = false;
        }
        for visit in 0..2 {
            for device in 0..self.devices.len() {
                if visit == 1 {
                    self.devices[device].pages.clear();
                }
                let now = self.devices[device].now(self.now);
                let live = self.devices[device].live();
                let page = self.devices[device].browser.open(&live, now);
                self.opened += 1;
                let id = self.opened;
                self.devices[device].pages.push((id, page));
            }
            for _ in 0..200 {
                self.gather();
                if self.requests.is_empty()
                    && self.devices.iter().all(|device| device.pages.iter().all(|(_, page)| page.client.queued() == 0))
                {
                    break;
                }
                while let Some((device, page, sent)) = self.requests.pop() {
                    let answer = self.server.take(&[&sent.body], self.now).remove(0);
                    let Answered::Taken(answer) = answer else { panic!("a calm server refuses: {answer:?}") };
                    let body = serde_json::to_string(&answer).unwrap();
                    self.reply(device, page, &sent, Reply::Answer { status: 200, retry_after: None, body });
                }
                self.now = self.now.plus(Duration::from_seconds(60));
                for device in &mut self.devices {
                    let now = device.now(self.now);
                    device.pages.iter_mut().for_each(|(_, page)| page.client.tick(now));
                }
            }
            for device in &self.devices {
                for (_, page) in &device.pages {
                    assert_eq!(page.client.queued(), 0, "records are left on a device");
                }
            }
        }
        truth::check(&mut self.server, &self.identities, &self.events, self.now);
        // And so it is after the power fails once more.
        self.server.crash();
        truth::check(&mut self.server, &self.identities, &self.events, self.now);
    }
}

fn summary(answers: &[Answered]) -> String {
    let texts: Vec<String> = answers
        .iter()
        .map(|answer| match answer {
            Answered::Taken(answer) => format!("acked {}", answer.acked.0),
            Answered::Refused(status) => status.to_string(),
            Answered::Nothing => "crash".to_owned(),
        })
        .collect();
    texts.join(", ")
}
