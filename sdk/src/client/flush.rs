//! Flushing: when, what, and what an answer means.

use kindling_core::{
    ids::{Seq, StreamId},
    json::Json,
    limits,
    protocol::{Answer, AuthFailure, Identity, join_records},
    time::{Duration, Timestamp},
};

use super::{
    Activity, Client, Effect, Host, Reason, Stream,
    backoff::{Meaning, meaning, pause},
    write,
};

/// What came of a flush.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// The server, or something before it, answered.
    Answer {
        /// The HTTP status.
        status: u16,
        /// How long the server asks to wait.
        retry_after: Option<Duration>,
        /// The body.
        body: String,
    },
    /// There was no answer.
    Unreachable,
}

/// The flushes of a page: what is under way and what is due.
#[derive(Debug)]
pub(super) struct Flights {
    next: u32,
    /// Flushes that were sent and not answered. One that is not `keepalive` is the only one of its kind.
    under_way: Vec<Flight>,
    /// When the next flush is to be sent; `None`: nothing waits.
    due: Option<Timestamp>,
    /// Not before this, because the last flush failed.
    not_before: Option<Timestamp>,
    failures: u32,
    /// At most so many records in one flush. Halved when a body is refused, to find the record that spoils it.
    batch: usize,
    /// The key was refused: nothing is sent any more.
    key_refused: bool,
    waiters: Vec<Waiter>,
}

#[derive(Debug)]
pub(super) struct Flight {
    id: u32,
    stream: StreamId,
    pub(super) identity: Identity,
    pub(super) signature: Option<String>,
    last: Seq,
    records: usize,
    /// Whether records were waiting that did not fit in. They were due as well.
    left_some: bool,
    keepalive: bool,
    sent_at: Timestamp,
}

/// Somebody who asked for a flush and waits until these are acknowledged.
#[derive(Debug)]
struct Waiter {
    token: u32,
    targets: Vec<(StreamId, Seq)>,
}

impl Default for Flights {
    fn default() -> Self {
        Self {
            next: 1,
            under_way: Vec::new(),
            due: None,
            not_before: None,
            failures: 0,
            batch: limits::BATCH_RECORDS,
            key_refused: false,
            waiters: Vec::new(),
        }
    }
}

impl Flights {
    /// Makes a flush due at `at`, or leaves it due earlier.
    pub(super) fn due(&mut self, at: Timestamp) {
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    /// Forgets everything: answers that still come are for nobody.
    pub(super) fn cancel(&mut self, effects: &mut Vec<Effect>) {
        self.fail_waiters(effects);
        *self = Self { next: self.next, ..Self::default() };
    }

    /// Tells those who wait that what they wait for has not got through.
    fn fail_waiters(&mut self, effects: &mut Vec<Effect>) {
        for waiter in &self.waiters {
            effects.push(Effect::Flushed { token: waiter.token, taken: false });
        }
        self.waiters.clear();
    }

    fn is_busy(&self) -> bool {
        self.under_way.iter().any(|flight| !flight.keepalive)
    }

    /// When the next flush can go: due, or the end of a stream's rest, and not too soon after a failure.
    fn ready_at(&self, resumes: Option<Timestamp>) -> Option<Timestamp> {
        if self.is_busy() || self.key_refused {
            return None;
        }
        let due = self.due.into_iter().chain(resumes).min()?;
        Some(self.not_before.map_or(due, |not_before| due.max(not_before)))
    }
}

impl<H: Host> Client<H> {
    /// When [`Client::tick`] is to be called; `None`: not until something happens.
    pub fn next_wake(&self) -> Option<Timestamp> {
        let delayed = self.inbox.next_due().filter(|_| self.shows_messages);
        self.flights.ready_at(self.resumes_at()).into_iter().chain(delayed).min()
    }

    /// Does what is due.
    pub fn tick(&mut self, now: Timestamp) {
        if self.shows_messages {
            let pauses = (self.config.message_interval, self.config.session_timeout);
            if let Some(message) = self.inbox.due(&mut self.host, pauses, now) {
                self.show(message, now);
            }
        }
        self.pump(now);
    }

    /// The network is back: no need to wait out the pause.
    pub fn online(&mut self, now: Timestamp) {
        self.flights.not_before = None;
        if self.flights.failures > 0 {
            self.flights.due(now);
        }
        self.pump(now);
    }

    /// Sends what is queued now, and the messages' version even if nothing is. `token` names the request in
    /// [`Effect::Flushed`].
    pub fn flush(&mut self, token: u32, now: Timestamp) {
        let mut targets = Vec::new();
        for stream in &self.streams {
            if let Some(last) = stream.waiting().last() {
                targets.push((stream.id, last.seq));
            }
        }
        self.flights.waiters.push(Waiter { token, targets });
        if self.flights.key_refused {
            return self.fail_waiters();
        }
        self.flights.due(now);
        self.flights.not_before = None;
        self.pump(now);
    }

    /// The page is hidden and may not come back: sends what fits into a request that outlives it. If its answer is lost, the
    /// next page sends the same again and the server drops it.
    pub fn hidden(&mut self, now: Timestamp) {
        let mut room = limits::KEEPALIVE_BYTES;
        for index in 0..self.streams.len() {
            let stream = &self.streams[index];
            if self.flights.key_refused || stream.waiting().is_empty() || stream.rests(now) {
                continue;
            }
            let sent = self.send(index, room, true, now);
            room = room.saturating_sub(sent);
            if sent == 0 {
                break;
            }
        }
    }

    /// Takes what came of a flush.
    pub fn reply(&mut self, flush: u32, reply: Reply, now: Timestamp) {
        let Some(place) = self.flights.under_way.iter().position(|flight| flight.id == flush) else { return };
        let flight = self.flights.under_way.swap_remove(place);
        match reply {
            Reply::Unreachable => self.failed(&flight, None, None, Reason::Unreachable, now),
            Reply::Answer { status, retry_after, body } => match meaning(status) {
                // A damaged set of messages would be kept, under a version that the server does not send again.
                Meaning::Answered => match Answer::read(Json::of(&body)).filter(|_| self.host.is_json(&body)) {
                    Some(answer) => self.answered(&flight, answer, now),
                    None => self.failed(&flight, Some(status), None, Reason::NotKindling, now),
                },
                Meaning::KeyRefused => match AuthFailure::read_problem(Json::of(&body)) {
                    Some(failure) => self.not_proven(&flight, status, failure, now),
                    None => {
                        self.flights.key_refused = true;
                        self.failed(&flight, Some(status), None, Reason::KeyRefused, now);
                    }
                },
                Meaning::Unreadable => self.refused(&flight, status, now),
                Meaning::TryLater => self.failed(&flight, Some(status), retry_after, Reason::AskedToWait, now),
            },
        }
        self.pump(now);
    }

    /// Sends the next flush if one is due and none is under way.
    pub(super) fn pump(&mut self, now: Timestamp) {
        // A clock that was set back must not leave a flush due in a far future.
        let farthest = now.plus(self.config.flush_interval);
        self.flights.due = self.flights.due.map(|due| due.min(farthest));
        if self.flights.ready_at(self.resumes_at()).is_none_or(|at| at > now) {
            return;
        }
        self.flights.due = None;
        let oldest = self.streams.iter().position(|stream| !stream.waiting().is_empty() && !stream.rests(now));
        let current = self.streams.len() - 1;
        if oldest.is_none() && self.streams[current].rests(now) {
            // What anybody waits for rests.
            return self.fail_waiters();
        }
        self.send(oldest.unwrap_or(current), limits::FLUSH_TARGET_BYTES, false, now);
    }

    /// Sends the oldest records of a stream, as many as fit; at least one unless it must be `keepalive`. Returns the bytes.
    fn send(&mut self, index: usize, room: usize, keepalive: bool, now: Timestamp) -> usize {
        let stream = &self.streams[index];
        let is_current = stream.identity == self.identity;
        let messages = is_current.then(|| self.inbox.version());
        let empty = write::request(&self.config, self.device, stream, now, messages);
        let records = fitting(stream, room.saturating_sub(empty.len()), self.flights.batch, keepalive);
        let batch = stream.waiting().iter().take(records);
        let last = batch.clone().next_back().map_or(Seq::NONE, |record| record.seq);
        if keepalive && records == 0 {
            return 0;
        }
        let body = join_records(&empty, batch.map(|record| record.json.as_str()));
        let (id, stream, bytes) = (self.flights.next, stream.id, body.len());
        let first = self.streams[index].waiting().first().map_or(Seq(1), |record| record.seq);
        self.flights.next = id.wrapping_add(1);
        let identity = self.streams[index].identity.clone();
        let signature = self.streams[index].proof.signature.clone();
        let left_some = self.ready(now) > records;
        self.flights.under_way.push(Flight {
            id,
            stream,
            identity,
            signature,
            last,
            records,
            left_some,
            keepalive,
            sent_at: now,
        });
        self.tell(Activity::FlushStarted { flush: id, stream, first_seq: first, last_seq: last, records, bytes });
        self.effects.push(Effect::Send { flush: id, body, keepalive });
        bytes
    }

    fn answered(&mut self, flight: &Flight, answer: Answer, now: Timestamp) {
        self.flights.failures = 0;
        self.flights.not_before = None;
        self.flights.batch = self.flights.batch.saturating_mul(2).min(limits::BATCH_RECORDS);
        // Never forget what was not sent, whatever the answer says.
        let acked = answer.acked.min(flight.last);
        self.forget(flight.stream, acked);
        self.tell(Activity::FlushSucceeded {
            flush: flight.id,
            stream: flight.stream,
            acked,
            duration_ms: now.since(flight.sent_at).as_ms(),
            rejected: answer.rejected,
            messages: answer.messages.as_ref().filter(|set| !set.is_of_profile).map(|set| set.items.len()),
        });
        match answer.auth {
            Some(failure) if self.is_of_now(flight) => _ = self.unproven(flight, failure, false, now),
            Some(_) => {}
            None => self.proven(flight),
        }
        if flight.identity == self.identity {
            if let Some(set) = answer.messages {
                let held = if set.is_of_profile { None } else { Some(set.items.len()) };
                let interval = self.config.message_interval;
                let shown = self.inbox.replace(&mut self.host, &self.identity, set, interval, now);
                if let Some(held) = held {
                    self.tell(Activity::MessagesChanged { held });
                }
                if let Some(message) = shown.filter(|_| self.shows_messages) {
                    self.show(message, now);
                }
            }
            self.show_tests(answer.tests, now);
            self.inbox.answered(flight.stream, acked);
        }
        if flight.left_some && acked == flight.last {
            self.flights.due(now);
        } else if self.ready(now) > 0 {
            self.flights.due(now.plus(self.config.flush_interval));
        }
        self.notify_waiters();
        if self.ready(now) == 0 {
            // What they still wait for rests.
            self.fail_waiters();
        }
    }

    /// Whether the user of a flush still has the signature that it went with.
    fn is_of_now(&self, flight: &Flight) -> bool {
        let stream = self.streams.iter().find(|stream| stream.id == flight.stream);
        stream.is_none_or(|stream| stream.proof.signature == flight.signature)
    }

    /// The server wants proof of who the user is, and does not take what it got for that.
    fn not_proven(&mut self, flight: &Flight, status: u16, failure: AuthFailure, now: Timestamp) {
        let pause =
            if self.is_of_now(flight) { self.unproven(flight, failure, true, now) } else { Some(Duration::ZERO) };
        self.tell_failed(flight, Some(status), Reason::NotProven, pause);
        if self.ready(now) > 0 {
            self.flights.due(now);
        } else {
            self.fail_waiters();
        }
    }

    /// The server can't read the body. Half of it may be fine; a single record that can't be read is dropped, or it would block
    /// the queue for ever.
    fn refused(&mut self, flight: &Flight, status: u16, now: Timestamp) {
        const REASON: Reason = Reason::Unreadable;
        if flight.records > 1 {
            self.flights.batch = (flight.records / 2).max(1);
            self.tell_failed(flight, Some(status), REASON, Some(Duration::ZERO));
            return self.flights.due(now);
        }
        if flight.records == 1 {
            self.forget(flight.stream, flight.last);
            let (stream, seq) = (flight.stream, flight.last);
            self.tell(Activity::RecordsDropped { stream, first_seq: seq, last_seq: seq, reason: REASON });
        }
        self.failed(flight, Some(status), None, REASON, now);
    }

    fn failed(
        &mut self,
        flight: &Flight,
        status: Option<u16>,
        asked: Option<Duration>,
        reason: Reason,
        now: Timestamp,
    ) {
        let pause = if self.flights.key_refused {
            None
        } else {
            self.flights.failures = self.flights.failures.saturating_add(1);
            let pause = pause(self.flights.failures, asked, self.host.random());
            self.flights.not_before = Some(now.plus(pause));
            if self.ready(now) > 0 {
                self.flights.due(now);
            }
            Some(pause)
        };
        self.tell_failed(flight, status, reason, pause);
        self.fail_waiters();
    }

    fn tell_failed(&mut self, flight: &Flight, status: Option<u16>, reason: Reason, pause: Option<Duration>) {
        let retry_in_ms = pause.map(Duration::as_ms);
        self.tell(Activity::FlushFailed { flush: flight.id, stream: flight.stream, status, reason, retry_in_ms });
    }

    /// Forgets acknowledged records, and the stream with them if this page does not write it.
    fn forget(&mut self, id: StreamId, seq: Seq) {
        let current = self.current().id;
        let Some(place) = self.streams.iter().position(|stream| stream.id == id) else { return };
        self.streams[place].forget(&mut self.host, seq);
        if id != current && self.streams[place].waiting().is_empty() {
            self.streams.remove(place);
        }
    }

    fn notify_waiters(&mut self) {
        let waits = |(id, seq): &(StreamId, Seq)| {
            let stream = self.streams.iter().find(|stream| stream.id == *id);
            stream.and_then(|stream| stream.waiting().first()).is_some_and(|oldest| oldest.seq <= *seq)
        };
        let mut place = 0;
        while let Some(waiter) = self.flights.waiters.get(place) {
            if waiter.targets.iter().any(waits) {
                place += 1;
            } else {
                self.effects.push(Effect::Flushed { token: waiter.token, taken: true });
                self.flights.waiters.remove(place);
            }
        }
    }

    fn fail_waiters(&mut self) {
        self.flights.fail_waiters(&mut self.effects);
    }
}

/// How many of the oldest records fit.
fn fitting(stream: &Stream, mut room: usize, most: usize, keepalive: bool) -> usize {
    let mut records = 0;
    for record in stream.waiting().iter().take(most) {
        let bytes = record.json.len() + 1;
        if bytes > room && (keepalive || records > 0) {
            break;
        }
        room = room.saturating_sub(bytes);
        records += 1;
    }
    records
}
