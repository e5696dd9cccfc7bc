//! Clients that keep what was not answered and send it again, as the SDK does, and checking what a server has of them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::{
    api::Api,
    visitor::{Visitor, event},
};

/// A small generator of numbers that look random, the same in every run.
#[derive(Debug)]
pub struct Dice(u64);

impl Dice {
    /// Another seed gives other numbers.
    pub const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `below`.
    pub fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        // The high bits are the better ones.
        (self.0 >> 16) % below
    }
}

/// What became of a flush.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// It is acknowledged.
    Acked,
    /// The server can't take it now.
    Refused,
    /// No answer came, or only a part of one.
    NoAnswer,
}

/// A page that writes a stream of events named `step`. It keeps all that it ever made.
#[derive(Debug)]
pub struct Page {
    /// Who sends.
    pub visitor: Visitor,
    made: Vec<Value>,
    /// Up to which place the server has answered.
    pub acked: u64,
    /// Up to which place anything was ever sent.
    pub sent: u64,
}

impl Page {
    /// A page that has done nothing yet.
    pub const fn new(visitor: Visitor) -> Self {
        Self { visitor, made: Vec::new(), acked: 0, sent: 0 }
    }

    /// How many records there are.
    pub fn made(&self) -> u64 {
        self.made.len() as u64
    }

    /// Does `count` things.
    pub fn make(&mut self, count: u64) {
        for _ in 0..count {
            let mut step = event("step");
            step["properties"] = json!({"n": self.made() + 1});
            self.made.push(self.visitor.record(step));
        }
    }

    /// A flush of the records from one place to another, both included.
    pub fn flush(&self, api: &Api, from: u64, to: u64) -> String {
        let at = |place: u64| usize::try_from(place).expect("it is small");
        let records = self.made[at(from - 1)..at(to)].to_vec();
        api.with_sdk_key(self.visitor.flush(records)).to_string()
    }

    /// Sends the records from one place to another.
    pub async fn send(&mut self, api: &Api, from: u64, to: u64) -> Sent {
        let answer = post(api, self.flush(api, from, to)).await;
        self.note(to, answer)
    }

    /// Sends two flushes at once, each on a connection of its own. Each goes to one place from another.
    pub async fn send_both(&mut self, api: &Api, first: (u64, u64), second: (u64, u64)) -> Sent {
        let flush = |(from, to)| post(api, self.flush(api, from, to));
        let (one, other) = tokio::join!(flush(first), flush(second));
        let (one, other) = (self.note(first.1, one), self.note(second.1, other));
        if one == Sent::Acked { other } else { one }
    }

    /// Sends all that is not acknowledged.
    pub async fn send_rest(&mut self, api: &Api) -> Sent {
        if self.acked == self.made() { Sent::Acked } else { self.send(api, self.acked + 1, self.made()).await }
    }

    fn note(&mut self, to: u64, answer: Option<(u16, Value)>) -> Sent {
        self.sent = self.sent.max(to);
        match answer {
            Some((200, answer)) => {
                let acked = answer["acked"].as_u64().expect("an answer acknowledges");
                assert!(acked >= to && acked <= self.made(), "{to} places were sent: {answer}");
                assert_eq!(answer["rejected"], Value::Null);
                self.acked = self.acked.max(acked);
                Sent::Acked
            }
            Some((503, problem)) => {
                assert!(problem["code"] == "unavailable" || problem["code"] == "busy", "{problem}");
                Sent::Refused
            }
            Some((status, answer)) => panic!("{status}: {answer}"),
            None => Sent::NoAnswer,
        }
    }

    /// How the management API names whoever used it.
    fn refs(&self) -> impl Iterator<Item = String> {
        let signed_in = self.visitor.identity["external_id"].as_str();
        [Some(self.visitor.device_ref()), signed_in.map(|id| format!("external_id:{id}"))].into_iter().flatten()
    }
}

async fn post(api: &Api, body: String) -> Option<(u16, Value)> {
    let response = api.flush_request(body).send().await.ok()?;
    let status = response.status().as_u16();
    Some((status, response.json().await.ok()?))
}

/// Checks what the server has of these pages: of each a beginning of what it made, once, with all that was acknowledged, and on the
/// profiles what is in the records. Returns how many records there are.
pub async fn expect_once(api: &Api, pages: impl IntoIterator<Item = &Page>) -> u64 {
    let pages: Vec<&Page> = pages.into_iter().collect();
    let refs: BTreeSet<String> = pages.iter().flat_map(|page| page.refs()).collect();
    let mut users = BTreeSet::new();
    let mut streams: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let mut total = 0;
    for user in refs {
        let Some(user) = api.find_user(&user).await else { continue };
        let id = user["id"].to_string();
        if !users.insert(id.clone()) {
            continue;
        }
        let records = api.records(id.trim_matches('"'), 500).await;
        assert_eq!(
            user["events"]["step"]["count"].as_u64().unwrap_or(0),
            records.len() as u64,
            "the profile of user {id} and its records differ"
        );
        for record in records {
            let seq = record["seq"].as_u64().expect("a record has its place");
            assert_eq!(record["properties"]["n"], seq, "a record changed its place: {record}");
            streams.entry(record["stream"].as_str().expect("it has a stream").to_owned()).or_default().push(seq);
            total += 1;
        }
    }
    for page in pages {
        let mut stored = streams.remove(&page.visitor.stream).unwrap_or_default();
        stored.sort_unstable();
        let kept = stored.len() as u64;
        let name = format!("{} of {}", page.visitor.stream, page.visitor.identity);
        assert!(stored.iter().copied().eq(1..=kept), "twice, or with gaps: {name}: {stored:?}");
        assert!(kept >= page.acked, "{} were acknowledged, {kept} are there: {name}", page.acked);
        assert!(kept <= page.sent, "{} were sent, {kept} are there: {name}", page.sent);
    }
    assert!(streams.is_empty(), "streams that nobody wrote: {streams:?}");
    total
}

/// Sends what is not acknowledged, and checks that then every record that was made is there once.
pub async fn expect_all_once(api: &Api, pages: &mut [Page]) {
    for page in pages.iter_mut() {
        assert_eq!(page.send_rest(api).await, Sent::Acked);
    }
    let made: u64 = pages.iter().map(Page::made).sum();
    assert_eq!(expect_once(api, pages.iter()).await, made);
}
