//! The messages that the device holds, what it showed of them, and what waits for messages that a flush may bring.

use std::rc::Rc;

use kindling_core::{
    ids::{CampaignId, Seq, StreamId},
    limits,
    message::{Held, History, Occurrence, choose},
    protocol::{HeldSet, Identity},
    time::{Duration, Timestamp},
    value::Value,
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
}

impl Inbox {
    /// Reads what is stored for the user, again when another tab changed it.
    pub(super) fn load(&mut self, host: &impl Host, identity: &Identity) {
        let decode = |key| host.get(key).and_then(|text| host.decode(&text));
        self.held = decode(keys::MESSAGES)
            .filter(|stored: &Value| {
                let owner = stored.as_object().and_then(|members| members.get("identity"));
                owner.and_then(Identity::read).as_ref() == Some(identity)
            })
            .and_then(|stored| HeldSet::read(&stored))
            .unwrap_or_default();
        self.history = decode(keys::HISTORY).as_ref().and_then(read_history).unwrap_or_default();
    }

    /// Forgets messages and what waits for them; with `and_history` also what was shown.
    pub(super) fn clear(&mut self, host: &mut impl Host, and_history: bool) {
        self.held = HeldSet::default();
        self.pending.clear();
        host.remove(keys::MESSAGES);
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

    /// Something happened: chooses what it shows, and remembers it for messages that are on their way.
    pub(super) fn happened(
        &mut self,
        stream: StreamId,
        seq: Seq,
        occurrence: Occurrence,
        interval: Duration,
        now: Timestamp,
    ) -> Option<Rc<Held>> {
        let chosen = choose(&mut self.held.items.iter(), &occurrence, &self.history, interval, now).cloned();
        if self.pending.len() == limits::PENDING_OCCURRENCES {
            self.pending.remove(0);
        }
        self.pending.push(Pending { stream, seq, occurrence });
        chosen
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
        let mut to = Writer::new();
        to.raw("identity", &write::identity(identity));
        to.text("version", &self.held.version);
        to.values("items", &mut self.held.items.iter().map(|message| &message.source));
        host.set(keys::MESSAGES, &to.end());
        let new = |message: &&Rc<Held>| !before.items.iter().any(|old| old.id == message.id);
        self.pending
            .iter()
            .find_map(|pending| {
                let mut candidates = self.held.items.iter().filter(new);
                choose(&mut candidates, &pending.occurrence, &self.history, interval, now)
            })
            .cloned()
    }

    /// The server has answered for everything up to `seq` of the stream: no message that it triggers is on its way any more.
    pub(super) fn answered(&mut self, stream: StreamId, seq: Seq) {
        let mut place = 0;
        while let Some(pending) = self.pending.get(place) {
            if pending.stream != stream || pending.seq > seq {
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

fn read_history(value: &Value) -> Option<History> {
    let members = value.as_object()?;
    let time = |value: &Value| match value {
        Value::Number(number) => number.as_integer().map(Timestamp::from_ms),
        _ => None,
    };
    let mut shown = Vec::new();
    if let Some(entries) = members.get("shown").and_then(Value::as_object) {
        for (id, at) in entries {
            if let Some(at) = time(at) {
                shown.push((id.to_owned(), at));
            }
        }
    }
    Some(History { shown, last: members.get("last").and_then(time) })
}
