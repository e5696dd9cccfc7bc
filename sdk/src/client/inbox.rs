//! The messages that the device holds, what it showed of them, and what waits for messages that a flush may bring.

use std::{
    cell::{Cell, OnceCell},
    rc::Rc,
};

use kindling_core::{
    ids::{Seq, StreamId},
    json::Json,
    limits,
    message::{Held, History, Occurrence, Rules, choose},
    protocol::{HeldSet, Identity},
    time::{Duration, Timestamp},
};

use super::{
    Host,
    keys::{self, split_at},
    queue, write,
};
use crate::json::Writer;

/// So long a message waits whose delay is over, and of which it can't be told yet whom it is for.
const UNDECIDED: Duration = Duration::from_seconds(1);

/// The messages of the current user.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    held: HeldSet,
    /// Whose they are, as it is stored with their records.
    owner: String,
    history: History,
    /// The same as it is stored.
    history_source: String,
    /// What happened and is not yet covered by an answer: an answer may bring messages that it triggers.
    pending: Vec<Pending>,
    /// Messages whose trigger fired and whose delay is not over: when it is, and which. Pages share them through storage, so that the
    /// next page shows what this one has no time for.
    delayed: Vec<(Timestamp, String)>,
    /// Of messages that say something of what triggered them: what that was, as JSON, by their ids.
    events: Vec<(String, String)>,
}

#[derive(Debug)]
struct Pending {
    stream: StreamId,
    seq: Seq,
    occurrence: Occurrence,
    doubt: Doubt,
}

/// How sure it is what an occurrence shows.
#[derive(Debug, Clone, Copy, Default)]
struct Doubt {
    /// It can't be told: conditions are not to be had yet.
    undecided: bool,
    /// It shows nothing, but might, if the filter of some message held of the user.
    left_out: bool,
}

/// What was asked of the host for one choice.
#[derive(Debug, Default)]
struct Asked {
    /// The user, as [`Host::hold`] has them.
    user: OnceCell<String>,
    /// What came of it.
    doubt: Cell<Doubt>,
}

impl Inbox {
    /// Reads what is stored for the user, again when another tab changed it.
    pub(super) fn load(&mut self, host: &impl Host, identity: &Identity) {
        let stored = |key| host.get(key).filter(|text| host.is_json(text)).unwrap_or_default();
        let (messages, history) = (stored(keys::MESSAGES), stored(keys::HISTORY));
        let messages = Json::of(&messages);
        self.owner = write::identity(identity);
        let is_theirs = messages.get("identity").is_some_and(|owner| owner.text() == self.owner);
        self.held = is_theirs.then(|| HeldSet::read(messages)).flatten().unwrap_or_default();
        self.history = read_history(Json::of(&history));
        self.history_source = history;
        self.load_delayed(host);
        self.prepare(host);
    }

    fn load_delayed(&mut self, host: &impl Host) {
        self.delayed.clear();
        let stored = host.get(keys::DELAYED).unwrap_or_default();
        for (id, due) in Json::of(&stored).members() {
            if let (Some(id), Some(due)) = (id.plain(), due.integer()) {
                self.delayed.push((Timestamp::from_ms(due), id.to_owned()));
            }
        }
    }

    fn store_delayed(&self, host: &mut impl Host) {
        if self.delayed.is_empty() {
            return host.remove(keys::DELAYED);
        }
        let mut to = Writer::new();
        for (due, id) in &self.delayed {
            to.integer(id, due.as_ms());
        }
        host.set(keys::DELAYED, &to.end());
    }

    /// Has filters and tests of properties made ready, if there are any.
    fn prepare(&self, host: &impl Host) {
        let (mut filter, mut tests) = ("", "");
        for message in &self.held.items {
            if !message.filter.is_empty() {
                filter = &message.filter;
            }
            for trigger in &message.triggers {
                if !trigger.tests.is_empty() {
                    tests = &trigger.tests;
                }
            }
        }
        for condition in [filter, tests] {
            if !condition.is_empty() {
                host.hold(condition, "");
            }
        }
    }

    /// Forgets messages and what waits for them; with `and_history` also what was shown.
    pub(super) fn clear(&mut self, host: &mut impl Host, and_history: bool) {
        self.held = HeldSet::default();
        self.pending.clear();
        self.delayed.clear();
        host.remove(keys::DELAYED);
        host.remove(keys::MESSAGES);
        host.remove(keys::DEFERRED);
        if and_history {
            self.history = History::default();
            self.history_source.clear();
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

    /// What the occurrence shows of some messages; without one, what may be shown of those whose trigger fired before. What it shows later
    /// begins to wait.
    fn choose(
        &mut self,
        host: &mut impl Host,
        is_candidate: &dyn Fn(&Held) -> bool,
        occurrence: Option<&Occurrence>,
        interval: Duration,
        now: Timestamp,
    ) -> (Option<Rc<Held>>, Doubt) {
        let asked = Asked::default();
        let mut later = Vec::new();
        let chosen = loop {
            let host = &*host;
            let hold = |condition: &str, of: &str| self.ask(host, now, &asked, condition, of);
            let minute = || host.minute_of_day(now);
            let rules = self.rules(&minute, interval, now);
            let mut at_once =
                self.held.items.iter().filter(|message| match occurrence.filter(|_| message.delay > Duration::ZERO) {
                    Some(occurrence) => {
                        if is_candidate(message) && message.fires(occurrence, &hold) && message.is_for_user(&hold) {
                            later.push(Rc::clone(message));
                        }
                        false
                    }
                    None => is_candidate(message),
                });
            let chosen = choose(&mut at_once, occurrence, &rules, &hold).cloned();
            // What is left has its turn too, if it is shown later.
            at_once.for_each(drop);
            if chosen.is_none() || !self.reload_history(host) {
                break chosen;
            }
        };
        if let Some(occurrence) = occurrence {
            for message in chosen.iter().chain(&later) {
                self.note_event(message, occurrence);
            }
        }
        for message in &later {
            self.delay(message, now);
        }
        if !later.is_empty() {
            self.store_delayed(host);
        }
        let mut doubt = asked.doubt.get();
        doubt.left_out &= chosen.is_none();
        (chosen.filter(|_| !doubt.undecided), doubt)
    }

    /// Whether tests hold of properties, or a filter of the user, as far as that can be told.
    fn ask(&self, host: &impl Host, now: Timestamp, asked: &Asked, condition: &str, of: &str) -> bool {
        let is_filter = condition.as_bytes().first() == Some(&b'{');
        let of = if is_filter { asked.user.get_or_init(|| self.user(host, now)) } else { of };
        let holds = host.hold(condition, of);
        let mut doubt = asked.doubt.get();
        doubt.undecided |= holds.is_none();
        doubt.left_out |= is_filter && holds == Some(false);
        asked.doubt.set(doubt);
        holds == Some(true)
    }

    /// The user, as [`Host::hold`] has them; nothing if the server said nothing of them.
    fn user(&self, host: &impl Host, now: Timestamp) -> String {
        if self.held.profile.is_empty() {
            return String::new();
        }
        let mut to = Writer::new();
        to.raw("user", &self.owner);
        to.raw("profile", &self.held.profile);
        to.raw("records", &queue::waiting_of(host, &self.owner));
        to.integer("now", now.as_ms());
        to.end()
    }

    fn note_event(&mut self, message: &Held, occurrence: &Occurrence) {
        if message.renders {
            let mut event = Writer::new();
            if !occurrence.name.is_empty() {
                event.raw("name", &occurrence.name);
            }
            if !occurrence.properties.is_empty() {
                event.raw("properties", &occurrence.properties);
            }
            self.take_event(message);
            self.events.push((message.id.as_str().to_owned(), event.end()));
        }
    }

    /// What triggered a message that is shown now, as JSON; empty if it does not say anything of that.
    pub(super) fn take_event(&mut self, message: &Held) -> String {
        match self.events.iter().position(|(id, _)| id == message.id.as_str()) {
            Some(place) => self.events.swap_remove(place).1,
            None => String::new(),
        }
    }

    /// A message could not be made whole: it was not shown after all, and its next trigger tries again.
    pub(super) fn not_shown(&mut self, host: &mut impl Host, id: &str) {
        self.forget_shown(id);
        self.store_history(host);
    }

    /// Whether a test send is to be shown here: once.
    pub(super) fn shows_test(&mut self, host: &mut impl Host, test: &Held, now: Timestamp) -> bool {
        let is_new = self.history.shown(&test.id).is_none();
        if is_new {
            self.remember(test, now);
            self.store_history(host);
        }
        is_new
    }

    /// Looks what other pages have shown, of which this one may not have been told yet. Says whether there was any of it.
    fn reload_history(&mut self, host: &impl Host) -> bool {
        let stored = host.get(keys::HISTORY).unwrap_or_default();
        let is_new = stored != self.history_source;
        if is_new {
            self.history = read_history(Json::of(&stored));
            self.history_source = stored;
        }
        is_new
    }

    fn rules<'a>(&'a self, minute: &'a dyn Fn() -> u16, interval: Duration, now: Timestamp) -> Rules<'a> {
        Rules { history: &self.history, interval, caps: &self.held.caps, now, minute }
    }

    /// Has a message wait until its delay is over, if it does not already.
    fn delay(&mut self, message: &Held, now: Timestamp) {
        let id = message.id.as_str();
        if self.delayed.len() < limits::MESSAGES_DELAYED && !self.delayed.iter().any(|(_, other)| other == id) {
            self.delayed.push((now.plus(message.delay), id.to_owned()));
        }
    }

    /// When the first delay is over.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let mut next: Option<Timestamp> = None;
        for (due, _) in &self.delayed {
            next = Some(next.map_or(*due, |next| next.min(*due)));
        }
        next
    }

    /// What is shown of the messages whose delay is over, and has not been for longer than `patience`.
    pub(super) fn due(
        &mut self,
        host: &mut impl Host,
        (interval, patience): (Duration, Duration),
        now: Timestamp,
    ) -> Option<Rc<Held>> {
        if self.next_due().is_none_or(|due| due > now) {
            return None;
        }
        // Another page may have been quicker.
        self.load_delayed(host);
        let farthest = now.plus(limits::MESSAGE_DELAY);
        let mut ready = Vec::new();
        let mut place = 0;
        while let Some((due, id)) = self.delayed.get(place) {
            if *due <= now || *due > farthest {
                if *due <= now && now < due.plus(patience) {
                    ready.push(id.clone());
                }
                self.delayed.remove(place);
            } else {
                place += 1;
            }
        }
        let is_ready = |message: &Held| ready.iter().any(|id| id == message.id.as_str());
        let (chosen, doubt) = self.choose(host, &is_ready, None, interval, now);
        if doubt.undecided {
            // They wait until that can be told.
            for id in ready {
                self.delayed.push((now.plus(UNDECIDED), id));
            }
        }
        self.store_delayed(host);
        chosen
    }

    /// Something happened: chooses what it shows, and remembers it for messages that are on their way.
    pub(super) fn happened(
        &mut self,
        host: &mut impl Host,
        (stream, seq): (StreamId, Seq),
        occurrence: Occurrence,
        interval: Duration,
        now: Timestamp,
    ) -> Option<Rc<Held>> {
        let (chosen, doubt) = self.choose(host, &|_| true, Some(&occurrence), interval, now);
        if self.pending.len() == limits::PENDING_OCCURRENCES {
            self.pending.remove(0);
        }
        self.pending.push(Pending { stream, seq, occurrence, doubt });
        chosen
    }

    /// Conditions can be told from now on: what the first undecided occurrence shows that shows anything.
    pub(super) fn decide(&mut self, host: &mut impl Host, interval: Duration, now: Timestamp) -> Option<Rc<Held>> {
        for place in 0..self.pending.len() {
            if self.pending[place].doubt.undecided {
                let chosen = self.find(host, place, &|_| true, interval, now);
                if chosen.is_some() {
                    return chosen;
                }
            }
        }
        None
    }

    /// Looks again what one that is pending shows.
    fn find(
        &mut self,
        host: &mut impl Host,
        place: usize,
        is_candidate: &dyn Fn(&Held) -> bool,
        interval: Duration,
        now: Timestamp,
    ) -> Option<Rc<Held>> {
        let occurrence = self.pending[place].occurrence.clone();
        let (chosen, doubt) = self.choose(host, is_candidate, Some(&occurrence), interval, now);
        self.pending[place].doubt = doubt;
        chosen
    }

    /// Takes the messages that an answer brought and offers those that are new to what happened before they came: also those of which
    /// the device thought that they are not for the user, as the server may know better. The first occurrence that shows one decides.
    pub(super) fn replace(
        &mut self,
        host: &mut impl Host,
        identity: &Identity,
        set: HeldSet,
        interval: Duration,
        now: Timestamp,
    ) -> Option<Rc<Held>> {
        let mut before: Option<Vec<Rc<Held>>> = None;
        if set.is_of_profile {
            if items_of(&set.version) != items_of(&self.held.version) {
                // It is about messages that another page has replaced since.
                return None;
            }
            (self.held.version, self.held.profile) = (set.version, set.profile);
        } else {
            before = Some(std::mem::replace(&mut self.held, set).items);
        }
        self.owner = write::identity(identity);
        self.store_held(host);
        if self.deferred(host).is_none() {
            host.remove(keys::DEFERRED);
        }
        self.prepare(host);
        let is_new = |message: &Held| match &before {
            Some(before) => !before.iter().any(|old| old.id == message.id),
            None => false,
        };
        for place in 0..self.pending.len() {
            let Doubt { undecided, left_out } = self.pending[place].doubt;
            let is_candidate = |message: &Held| is_new(message) || (left_out && !message.filter.is_empty());
            let chosen = self.find(host, place, &is_candidate, interval, now);
            if chosen.is_some() {
                return chosen;
            }
            self.pending[place].doubt.undecided |= undecided;
        }
        None
    }

    fn store_held(&self, host: &mut impl Host) {
        let mut items = String::from("[");
        for message in &self.held.items {
            if items.len() > 1 {
                items.push(',');
            }
            items.push_str(&message.source);
        }
        items.push(']');
        let mut to = Writer::new();
        to.raw("identity", &self.owner);
        to.text("version", &self.held.version);
        to.raw("items", &items);
        if !self.held.caps.is_empty() {
            to.raw("caps", &self.held.caps_source);
        }
        if !self.held.profile.is_empty() {
            to.raw("profile", &self.held.profile);
        }
        host.set(keys::MESSAGES, &to.end());
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
            if pending.stream != stream || pending.seq > seq || pending.doubt.undecided {
                place += 1;
            } else {
                self.pending.remove(place);
            }
        }
    }

    /// A message is handed out to be shown.
    pub(super) fn shown(&mut self, host: &mut impl Host, message: &Held, now: Timestamp) {
        self.remember(message, now);
        // Of what shows nothing nobody has had too much.
        if !message.is_control {
            self.history.last = Some(now);
            self.count(message, now);
        }
        self.store_history(host);
    }

    fn forget_shown(&mut self, id: &str) {
        let shown = &mut self.history.shown;
        if let Some(place) = shown.iter().position(|(other, _)| other == id) {
            shown.swap_remove(place);
        }
    }

    fn remember(&mut self, message: &Held, now: Timestamp) {
        let id = message.id.as_str();
        self.forget_shown(id);
        let shown = &mut self.history.shown;
        shown.push((id.to_owned(), now));
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
    }

    /// Counts a message for the caps, and forgets what has left the window of all of them.
    fn count(&mut self, message: &Held, now: Timestamp) {
        let mut longest = Duration::ZERO;
        for cap in &self.held.caps {
            longest = longest.max(cap.per);
        }
        let seen = &mut self.history.seen;
        if longest > Duration::ZERO {
            seen.push((now, message.tags.clone()));
        }
        let mut place = 0;
        while let Some((at, _)) = seen.get(place) {
            if at.plus(longest) <= now || seen.len() > limits::HISTORY_SEEN {
                seen.remove(place);
            } else {
                place += 1;
            }
        }
    }

    fn store_history(&mut self, host: &mut impl Host) {
        let mut shown = Writer::new();
        for (id, at) in &self.history.shown {
            shown.integer(id, at.as_ms());
        }
        let mut to = Writer::new();
        to.raw("shown", &shown.end());
        if let Some(last) = self.history.last {
            to.integer("last", last.as_ms());
        }
        if !self.history.seen.is_empty() {
            let mut list = String::from("[");
            for (at, tags) in &self.history.seen {
                if list.len() > 1 {
                    list.push(',');
                }
                let mut seen = Writer::new();
                seen.integer("at", at.as_ms());
                if !tags.is_empty() {
                    seen.raw("tags", tags);
                }
                list.push_str(&seen.end());
            }
            list.push(']');
            to.raw("seen", &list);
        }
        self.history_source = to.end();
        host.set(keys::HISTORY, &self.history_source);
    }
}

/// The part of a set's version that names its messages, if it names what is known of the user as well.
fn items_of(version: &str) -> Option<&str> {
    split_at(version, b'.').map(|(items, _)| items)
}

fn read_history(json: Json<'_>) -> History {
    let time = |json: Json<'_>| json.integer().map(Timestamp::from_ms);
    let (mut shown, mut seen) = (Vec::new(), Vec::new());
    for (id, at) in json.get("shown").unwrap_or(Json::of("")).members() {
        if let (Some(id), Some(at)) = (id.plain(), time(at)) {
            shown.push((id.to_owned(), at));
        }
    }
    for (_, entry) in json.get("seen").unwrap_or(Json::of("")).members() {
        if let Some(at) = entry.get("at").and_then(time) {
            seen.push((at, entry.get("tags").map_or("", Json::text).to_owned()));
        }
    }
    History { shown, last: json.get("last").and_then(time), seen }
}
