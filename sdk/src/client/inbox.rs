//! The messages that the device holds, what it showed of them, and what waits for messages that a flush may bring.

use std::{cell::Cell, rc::Rc};

use kindling_core::{
    ids::{CampaignId, Seq, StreamId},
    json::Json,
    limits,
    message::{Held, History, Occurrence, choose},
    protocol::{HeldSet, Identity},
    time::{Duration, Timestamp},
};

use super::{Host, keys, write};
use crate::json::Writer;

/// The messages of the current user.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    held: HeldSet,
    history: History,
    /// What happened and is not yet covered by an answer: an answer may bring messages that it triggers.
    pending: Vec<Pending>,
}

#[derive(Debug)]
struct Pending {
    stream: StreamId,
    seq: Seq,
    occurrence: Occurrence,
    /// What it shows could not be told: tests of properties are not to be had yet.
    undecided: bool,
}

impl Inbox {
    /// Reads what is stored for the user, again when another tab changed it.
    pub(super) fn load(&mut self, host: &impl Host, identity: &Identity) {
        let stored = |key| host.get(key).filter(|text| host.is_json(text)).unwrap_or_default();
        let (messages, history) = (stored(keys::MESSAGES), stored(keys::HISTORY));
        let messages = Json::of(&messages);
        let is_theirs = messages.get("identity").is_some_and(|owner| owner.text() == write::identity(identity));
        self.held = is_theirs.then(|| HeldSet::read(messages)).flatten().unwrap_or_default();
        self.history = read_history(Json::of(&history));
        self.prepare(host);
    }

    /// Has the tests of properties made ready, if there are any.
    fn prepare(&self, host: &impl Host) {
        for message in &self.held.items {
            for trigger in &message.triggers {
                if !trigger.tests.is_empty() {
                    host.hold(&trigger.tests, "");
                    return;
                }
            }
        }
    }

    /// Forgets messages and what waits for them; with `and_history` also what was shown.
    pub(super) fn clear(&mut self, host: &mut impl Host, and_history: bool) {
        self.held = HeldSet::default();
        self.pending.clear();
        host.remove(keys::MESSAGES);
        host.remove(keys::DEFERRED);
        if and_history {
            self.history = History::default();
            host.remove(keys::HISTORY);
        }
    }

    /// The version of what is held; empty if nothing is.
    pub(super) fn version(&self) -> &str {
        &self.held.version
    }

    /// The messages that are held, each with when it was shown last.
    pub(super) fn held(&self) -> impl Iterator<Item = (&Held, Option<Timestamp>)> {
        self.held.items.iter().map(|message| (&**message, self.history.shown(&message.id)))
    }

    /// What the occurrence shows of some messages, and whether that can be told yet.
    fn choose<'a>(
        &self,
        host: &impl Host,
        messages: &mut dyn Iterator<Item = &'a Rc<Held>>,
        occurrence: &Occurrence,
        interval: Duration,
        now: Timestamp,
    ) -> (Option<&'a Rc<Held>>, bool) {
        let undecided = Cell::new(false);
        let hold = |tests: &str, properties: &str| {
            let holds = host.hold(tests, properties);
            undecided.set(undecided.get() || holds.is_none());
            holds == Some(true)
        };
        let chosen = choose(messages, occurrence, &self.history, interval, now, &hold);
        (chosen.filter(|_| !undecided.get()), undecided.get())
    }

    /// Something happened: chooses what it shows, and remembers it for messages that are on their way.
    pub(super) fn happened(
        &mut self,
        host: &impl Host,
        (stream, seq): (StreamId, Seq),
        occurrence: Occurrence,
        interval: Duration,
        now: Timestamp,
    ) -> Option<Rc<Held>> {
        let (chosen, undecided) = self.choose(host, &mut self.held.items.iter(), &occurrence, interval, now);
        let chosen = chosen.cloned();
        if self.pending.len() == limits::PENDING_OCCURRENCES {
            self.pending.remove(0);
        }
        self.pending.push(Pending { stream, seq, occurrence, undecided });
        chosen
    }

    /// Tests of properties can be told from now on: what the first undecided occurrence shows that shows anything.
    pub(super) fn decide(&mut self, host: &impl Host, interval: Duration, now: Timestamp) -> Option<Rc<Held>> {
        for place in 0..self.pending.len() {
            if std::mem::take(&mut self.pending[place].undecided) {
                let occurrence = &self.pending[place].occurrence;
                let (chosen, _) = self.choose(host, &mut self.held.items.iter(), occurrence, interval, now);
                if chosen.is_some() {
                    return chosen.cloned();
                }
            }
        }
        None
    }

    /// Takes the messages that an answer brought and offers those that are new to what happened before they came. The first
    /// occurrence that shows one decides.
    pub(super) fn replace(
        &mut self,
        host: &mut impl Host,
        identity: &Identity,
        set: HeldSet,
        interval: Duration,
        now: Timestamp,
    ) -> Option<Rc<Held>> {
        let before = std::mem::replace(&mut self.held, set);
        let mut items = String::from("[");
        for message in &self.held.items {
            if items.len() > 1 {
                items.push(',');
            }
            items.push_str(&message.source);
        }
        items.push(']');
        let mut to = Writer::new();
        to.raw("identity", &write::identity(identity));
        to.text("version", &self.held.version);
        to.raw("items", &items);
        host.set(keys::MESSAGES, &to.end());
        if self.deferred(host).is_none() {
            host.remove(keys::DEFERRED);
        }
        self.prepare(host);
        let new = |message: &&Rc<Held>| !before.items.iter().any(|old| old.id == message.id);
        for place in 0..self.pending.len() {
            let mut candidates = self.held.items.iter().filter(new);
            let occurrence = &self.pending[place].occurrence;
            let (chosen, undecided) = self.choose(host, &mut candidates, occurrence, interval, now);
            if chosen.is_some() {
                return chosen.cloned();
            }
            self.pending[place].undecided |= undecided;
        }
        None
    }

    /// The message that the site put off, if it is still held.
    pub(super) fn deferred(&self, host: &impl Host) -> Option<&Held> {
        let id = host.get(keys::DEFERRED)?;
        self.held.items.iter().find(|message| message.id.as_str() == id).map(|message| &**message)
    }

    /// The server has answered for everything up to `seq` of the stream: no message that it triggers is on its way any more.
    pub(super) fn answered(&mut self, stream: StreamId, seq: Seq) {
        let mut place = 0;
        while let Some(pending) = self.pending.get(place) {
            if pending.stream != stream || pending.seq > seq || pending.undecided {
                place += 1;
            } else {
                self.pending.remove(place);
            }
        }
    }

    /// A message is handed out to be shown.
    pub(super) fn shown(&mut self, host: &mut impl Host, id: &CampaignId, now: Timestamp) {
        let shown = &mut self.history.shown;
        if let Some(place) = shown.iter().position(|(other, _)| other == id.as_str()) {
            shown.swap_remove(place);
        }
        shown.push((id.as_str().to_owned(), now));
        if shown.len() > limits::HISTORY_MESSAGES {
            // The clock may have been set back: the last in the list need not be the latest.
            let mut oldest = 0;
            for place in 1..shown.len() {
                if shown[place].1 < shown[oldest].1 {
                    oldest = place;
                }
            }
            shown.remove(oldest);
        }
        self.history.last = Some(now);
        let mut shown = Writer::new();
        for (id, at) in &self.history.shown {
            shown.integer(id, at.as_ms());
        }
        let mut to = Writer::new();
        to.raw("shown", &shown.end());
        to.integer("last", now.as_ms());
        host.set(keys::HISTORY, &to.end());
    }
}

fn read_history(json: Json<'_>) -> History {
    let time = |json: Json<'_>| json.integer().map(Timestamp::from_ms);
    let mut shown = Vec::new();
    for (id, at) in json.get("shown").unwrap_or(Json::of("")).members() {
        if let (Some(id), Some(at)) = (id.plain(), time(at)) {
            shown.push((id.to_owned(), at));
        }
    }
    History { shown, last: json.get("last").and_then(time) }
}
