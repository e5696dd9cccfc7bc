//! The SDK as a state machine: calls, timer ticks and answers go in; what to send and to show comes out.
//!
//! Nothing in here waits, calls into the page or knows what time it is. The shell around it passes the time with every call,
//! carries out the [`Effect`]s that [`Client::take_effects`] returns, and calls [`Client::tick`] at [`Client::next_wake`].
//!
//! - A record is stored before the call that made it returns; it is forgotten only when the server has answered for it.
//! - One flush is under way at a time. What is sent twice is dropped by the server (by stream and `seq`), so that sending again
//!   is always safe and losing an answer never matters.
//! - Tabs share device, identity, session and messages through storage. Each page writes a stream of its own.

mod activity;
mod auth;
mod backoff;
mod flush;
mod host;
mod inbox;
mod keys;
mod queue;
mod session;
mod write;

use std::rc::Rc;

use kindling_core::{
    ids::{AnonymousId, CampaignId, DeviceId, ExternalId, Seq, SessionId, StreamId},
    json::Json,
    limits,
    message::{Held, Occasion, Occurrence},
    protocol::{AuthFailure, Identity},
    time::{Duration, Timestamp},
};

pub use activity::{Activity, Reason};
pub use auth::SignatureError;
pub use flush::Reply;
pub use host::Host;

#[cfg(target_arch = "wasm32")]
pub(crate) use keys::split_at;

use auth::store_signature;
use flush::Flights;
use inbox::Inbox;
use queue::Stream;
use session::Session;

use crate::{calls::check_call, json::Writer};

pub use crate::wrong::Wrong;

/// So long after a session began a page may still say that it shows messages: the order of calls must not matter.
const MAKE_UP: Duration = Duration::from_ms(10_000);

/// What the site can set.
#[derive(Debug, Clone)]
pub struct Config {
    /// The workspace's publishable key.
    pub key: String,
    /// Who speaks, like `web/0.1.0`.
    pub sdk: String,
    /// The device's id, if the site has one of its own for it.
    pub device: Option<DeviceId>,
    /// A session ends after a pause of this length.
    pub session_timeout: Duration,
    /// At least this long lies between two messages that a trigger shows.
    pub message_interval: Duration,
    /// Records wait at most this long before they are sent.
    pub flush_interval: Duration,
    /// Flushes carry what proves who their user is.
    pub authentication: bool,
    /// What the server may take from the User-Agent header, as a JSON list of the protocol's names; `None`: everything.
    pub agent: Option<String>,
}

/// What the shell has to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Send a flush and report the outcome with [`Client::reply`].
    Send {
        /// Names the flush in the reply.
        flush: u32,
        /// The body.
        body: String,
        /// The page may be closing: the request must outlive it.
        keepalive: bool,
    },
    /// A trigger fired this message: hand it to whoever shows messages.
    Show {
        /// Which.
        message: Rc<Held>,
        /// What triggered it, as JSON, if something of that is still to be put into it.
        event: String,
    },
    /// Everything that was queued when a flush was asked for has been taken (`true`), or has not got through (`false`).
    Flushed {
        /// Names the request to flush.
        token: u32,
        /// Whether it was taken.
        taken: bool,
    },
    /// The server does not take a user for proven: tell the page, which may have it signed anew.
    AuthenticationFailed {
        /// Why.
        failure: AuthFailure,
        /// Who.
        user: ExternalId,
        /// What was to prove it, if there was anything.
        signature: Option<String>,
    },
    /// Tell those who watch.
    Activity(Activity),
}

/// The SDK's state on one page.
#[derive(Debug)]
pub struct Client<H> {
    host: H,
    config: Config,
    device: DeviceId,
    identity: Identity,
    /// What proves who that is.
    signature: Option<String>,
    /// Streams with something to send; the last one is the one that this page writes.
    streams: Vec<Stream>,
    session: Option<Session>,
    inbox: Inbox,
    flights: Flights,
    /// What the device says of itself: the members of a record, as JSON.
    described: String,
    /// Whether anybody shows messages. Without it a trigger uses up nothing.
    shows_messages: bool,
    /// When a session began while nobody did.
    missed_start: Option<Timestamp>,
    /// Whether anybody watches.
    watched: bool,
    /// What time new records get, if not the time of the call.
    record_time: Option<Timestamp>,
    effects: Vec<Effect>,
}

impl<H: Host> Client<H> {
    /// Starts: recalls or makes up who this device and its user are. What other pages left is taken over with
    /// [`Client::adopt`].
    pub fn new(mut host: H, config: Config) -> Self {
        let stored = host.get(keys::DEVICE).and_then(|text| DeviceId::recall(&text));
        let device = config.device.or(stored).unwrap_or_else(|| DeviceId(host.uuid()));
        if stored != Some(device) {
            host.set(keys::DEVICE, &device.text());
        }
        let identity = load_identity(&host).unwrap_or_else(|| {
            let identity = Identity::anonymous(AnonymousId(host.uuid()));
            store_identity(&mut host, &identity);
            identity
        });
        let session = Session::load(&host);
        let mut inbox = Inbox::default();
        inbox.load(&host, &identity);
        let stream = Stream::new(StreamId(host.uuid()), identity.clone());
        let mut client = Self {
            host,
            config,
            device,
            identity,
            signature: None,
            streams: vec![stream],
            session,
            inbox,
            flights: Flights::default(),
            described: String::new(),
            shows_messages: false,
            missed_start: None,
            watched: false,
            record_time: None,
            effects: Vec::new(),
        };
        client.reload_signature();
        client
    }

    /// What is to be done, in order. The shell takes it after every call.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// The place where the client runs.
    pub const fn host(&self) -> &H {
        &self.host
    }

    /// The device's id.
    pub const fn device(&self) -> DeviceId {
        self.device
    }

    /// The stream that this page writes. The shell holds a lock of its name, where there are locks, so that other pages know
    /// that it is taken care of.
    pub fn stream(&self) -> StreamId {
        self.current().id
    }

    /// The external id of the user, if one is signed in.
    pub fn external_id(&mut self) -> Option<&ExternalId> {
        self.refresh();
        self.identity.external_id.as_ref()
    }

    /// Says whether anybody shows messages. If nobody did when a session began just now, that is made up for.
    pub fn set_shows_messages(&mut self, shows: bool, now: Timestamp) {
        self.shows_messages = shows;
        if shows
            && let Some(began) = self.missed_start.take()
            && now.since(began) < MAKE_UP
        {
            self.happened(Some(Occurrence::session_start()), now);
        }
    }

    /// Tests of properties can be told from now on: shows what waited for that.
    pub fn can_test(&mut self, now: Timestamp) {
        while let Some(message) = self.inbox.decide(&mut self.host, self.config.message_interval, now) {
            self.show(message, now);
        }
    }

    /// Says whether anybody wants [`Effect::Activity`].
    pub fn set_watched(&mut self, watched: bool) {
        self.watched = watched;
    }

    /// Until it is called with `None`, records are made as of that time: they belong to calls that could not be carried out when
    /// they were made.
    pub fn set_record_time(&mut self, at: Option<Timestamp>) {
        self.record_time = at;
    }

    /// Takes over what pages that are gone left behind: every stored stream but those of `live` pages. Taking over too much
    /// does no harm: what two pages send, the server takes once.
    pub fn adopt(&mut self, live: &[StreamId], now: Timestamp) {
        let mut known = live.to_vec();
        for stream in &self.streams {
            known.push(stream.id);
        }
        let mut left = queue::adopt(&mut self.host, &known);
        if !left.is_empty() {
            self.flights.due(now);
            self.sign(&mut left);
            left.append(&mut self.streams);
            self.streams = left;
            self.pump(now);
        }
    }

    /// Another tab changed what is stored under `key` (`None`: everything).
    pub fn storage_changed(&mut self, key: Option<&str>) {
        if key.is_none_or(|key| matches!(key, keys::MESSAGES | keys::HISTORY | keys::DELAYED)) {
            self.inbox.load(&self.host, &self.identity);
        }
        self.refresh();
        if key.is_none_or(|key| key == keys::SIGNATURE) {
            self.reload_signature();
        }
    }

    /// Signs a user in, with what proves who they are. If they are signed in already, only a new signature changes anything. It must
    /// be one that [`Self::signature_error`] finds nothing wrong with.
    pub fn change_user(&mut self, external_id: ExternalId, signature: Option<String>, now: Timestamp) {
        self.refresh();
        if self.identity.external_id.as_ref() == Some(&external_id) {
            if signature.is_some() {
                store_signature(&mut self.host, Some(&external_id), signature.as_ref());
                self.put_signature(signature);
                self.pump(now);
            }
            return;
        }
        let in_session = self.session.is_some();
        self.end_session(now);
        // The anonymous visitor turns out to be this user. Whoever was signed in before does not.
        let was_anonymous = self.identity.external_id.is_none();
        let anonymous_id = self.identity.anonymous_id.filter(|_| was_anonymous);
        self.identity = Identity { external_id: Some(external_id), anonymous_id };
        store_identity(&mut self.host, &self.identity);
        store_signature(&mut self.host, self.identity.external_id.as_ref(), signature.as_ref());
        self.inbox.clear(&mut self.host, !was_anonymous);
        self.begin_stream();
        self.put_signature(signature);
        self.append(write::IDENTIFIED, now);
        if in_session {
            self.start_session(now);
        }
        self.flights.due(now);
        self.pump(now);
    }

    /// Signs the user out: from here on an unknown visitor uses the device. What the user did is theirs, and is sent.
    pub fn log_out(&mut self, now: Timestamp) {
        self.refresh();
        if self.identity.external_id.is_none() {
            return;
        }
        let in_session = self.session.is_some();
        self.end_session(now);
        self.identity = Identity::anonymous(AnonymousId(self.host.uuid()));
        store_identity(&mut self.host, &self.identity);
        store_signature(&mut self.host, None, None);
        self.inbox.clear(&mut self.host, true);
        self.begin_stream();
        if in_session {
            self.start_session(now);
        }
        self.flights.due(now);
        self.pump(now);
    }

    /// Opens a session, or resumes the open one.
    pub fn open_session(&mut self, now: Timestamp) {
        self.refresh();
        if !self.renew_session(now) && self.session.is_none() {
            self.start_session(now);
        }
        self.pump(now);
    }

    /// Takes what the device says of itself: a record without its place and time. It is recorded with a session, if it has not been
    /// before for this user.
    pub fn describe(&mut self, device: String, now: Timestamp) {
        self.described = device;
        if self.session.is_some() {
            self.say_device(now);
        }
    }

    fn say_device(&mut self, now: Timestamp) {
        let device = self.described.clone();
        let mut said = write::identity(&self.identity);
        said.push_str(&device);
        if device.len() > r#"{"type":"device"}"#.len() && self.host.get(keys::DESCRIBED).as_ref() != Some(&said) {
            self.host.set(keys::DESCRIBED, &said);
            self.append(&device, now);
        }
    }

    /// Records something: an object in the form of a record, as JSON, without its place and time. On success it is stored (or, with
    /// storage full or blocked, in memory) and will be sent.
    pub fn log(&mut self, call: &str, now: Timestamp) -> Result<(), Wrong> {
        let record = Json::of(call);
        check_call(record, &|text| self.host.number(text))?;
        self.refresh();
        self.renew_session(now);
        self.append(record.text(), now);
        self.happened(Occurrence::of(record), now);
        self.pump(now);
        Ok(())
    }

    /// Puts a message off, which must be one that is held. There is one at a time: it takes the place of the one before.
    pub fn defer(&mut self, message: &CampaignId) -> Result<(), Wrong> {
        if !self.inbox.held().any(|(held, _)| held.id == *message) {
            return Err(Wrong::MESSAGE);
        }
        self.host.set(keys::DEFERRED, message.as_str());
        Ok(())
    }

    /// The message that was put off, if it is still held, as JSON; it is put off no longer.
    pub fn take_deferred(&mut self) -> Option<String> {
        let message = self.inbox.deferred(&self.host).map(|message| message.source.clone());
        self.host.remove(keys::DEFERRED);
        message
    }

    /// The messages that are held, highest priority first, each with when this device showed it last.
    pub fn held_messages(&self) -> impl Iterator<Item = (&Held, Option<Timestamp>)> {
        self.inbox.held()
    }

    /// The same as a JSON array of `message` and `shown`.
    pub fn held_messages_json(&self) -> String {
        let mut json = String::from("[");
        for (message, last_shown_at) in self.held_messages() {
            if json.len() > 1 {
                json.push(',');
            }
            let mut to = Writer::new();
            to.raw("message", &message.source);
            if let Some(at) = last_shown_at {
                to.integer("shown", at.as_ms());
            }
            json.push_str(&to.end());
        }
        json.push(']');
        json
    }

    /// The records that wait, oldest first, as a JSON array.
    pub fn queued_records(&self) -> String {
        let mut json = String::from("[");
        for stream in &self.streams {
            for record in stream.waiting() {
                if json.len() > 1 {
                    json.push(',');
                }
                json.push_str(&activity::of_stream(stream.id, &record.json));
            }
        }
        json.push(']');
        json
    }

    /// The head of a flush, without any records: by it the server knows who asks for something else.
    pub fn head(&self, now: Timestamp) -> String {
        write::request(&self.config, self.device, self.current(), now, None)
    }

    /// How many records wait.
    pub fn queued(&self) -> usize {
        self.streams.iter().map(|stream| stream.waiting().len()).sum()
    }

    /// Forgets everything on this device and begins anew as an unknown visitor on an unknown device.
    pub fn wipe(&mut self) {
        for key in self.host.keys() {
            self.host.remove(&key);
        }
        self.streams.clear();
        self.signature = None;
        self.session = None;
        self.inbox.clear(&mut self.host, true);
        self.flights.cancel(&mut self.effects);
        self.device = DeviceId(self.host.uuid());
        self.host.set(keys::DEVICE, &self.device.text());
        self.identity = Identity::anonymous(AnonymousId(self.host.uuid()));
        store_identity(&mut self.host, &self.identity);
        self.streams.push(Stream::new(StreamId(self.host.uuid()), self.identity.clone()));
        self.tell(Activity::UserChanged { external_id: None });
        self.tell(Activity::MessagesChanged { held: 0 });
    }

    /// Catches up with what other tabs stored: who the user is, and the session.
    fn refresh(&mut self) {
        self.session = Session::load(&self.host);
        if let Some(identity) = load_identity(&self.host)
            && identity != self.identity
        {
            self.identity = identity;
            self.inbox.load(&self.host, &self.identity);
            self.begin_stream();
            self.reload_signature();
        }
    }

    /// A new stream for a new identity, which nothing proves yet. The one before it stays until its records are taken.
    fn begin_stream(&mut self) {
        if self.current().waiting().is_empty() {
            self.streams.pop();
        }
        self.streams.push(Stream::new(StreamId(self.host.uuid()), self.identity.clone()));
        self.signature = None;
        self.tell(Activity::UserChanged { external_id: self.identity.external_id.clone() });
    }

    /// Ends an open session that had too long a pause and begins the next; says whether it did. Within a session, notes the
    /// activity.
    fn renew_session(&mut self, now: Timestamp) -> bool {
        match &mut self.session {
            Some(session) if session.is_over(self.config.session_timeout, now) => {
                self.end_session(now);
                self.start_session(now);
                true
            }
            Some(session) => {
                session.touch(&mut self.host, now);
                false
            }
            None => false,
        }
    }

    fn start_session(&mut self, now: Timestamp) {
        let session = Session::new(SessionId(self.host.uuid()), now);
        session.store(&mut self.host);
        let id = session.id;
        self.session = Some(session);
        self.tell(Activity::SessionStarted { session: id });
        self.append(&write::session(id, None), now);
        self.say_device(now);
        self.happened(Some(Occurrence::session_start()), now);
        self.rested(now);
        // A session begins with fresh messages.
        self.flights.due(now);
    }

    fn end_session(&mut self, now: Timestamp) {
        if let Some(session) = self.session.take() {
            self.host.remove(keys::SESSION);
            let duration_ms = session.duration().as_ms();
            self.append(&write::session(session.id, Some(duration_ms)), now);
        }
    }

    /// Appends a record: a call, which gets its place and time.
    fn append(&mut self, call: &str, now: Timestamp) {
        self.make_room();
        let Some(stream) = self.streams.last_mut() else { return };
        let json = write::record(stream.next_seq(), self.record_time.unwrap_or(now), call);
        let shown = if self.watched { json.clone() } else { String::new() };
        stream.append(&mut self.host, json);
        let (id, waiting) = (stream.id, stream.waiting().len());
        if waiting >= limits::FLUSH_DUE_RECORDS {
            self.flights.due(now);
        } else {
            self.flights.due(now.plus(self.config.flush_interval));
        }
        self.tell(Activity::RecordQueued { stream: id, record: shown });
    }

    /// Gives up one record of all that wait: see [`Stream::give_up`].
    fn give_up(&mut self, any: bool) -> Option<(StreamId, Seq)> {
        for stream in &mut self.streams {
            if let Some(seq) = stream.give_up(&mut self.host, any) {
                return Some((stream.id, seq));
            }
        }
        None
    }

    /// Keeps the queue within its bounds: past them the oldest records go, those that are worth little first. The server counts what
    /// is missing.
    fn make_room(&mut self) {
        while self.queued() >= limits::QUEUE_RECORDS
            || self.streams.iter().map(Stream::bytes).sum::<usize>() >= limits::QUEUE_BYTES
        {
            let Some((id, seq)) = self.give_up(false).or_else(|| self.give_up(true)) else { return };
            let dropped =
                Activity::RecordsDropped { stream: id, first_seq: seq, last_seq: seq, reason: Reason::QueueFull };
            self.tell(dropped);
        }
    }

    /// Offers an occurrence to the held messages.
    fn happened(&mut self, occurrence: Option<Occurrence>, now: Timestamp) {
        let Some(occurrence) = occurrence else { return };
        if !self.shows_messages {
            if occurrence.occasion == Occasion::SessionStart {
                self.missed_start = Some(now);
            }
            return;
        }
        let (stream, interval) = (self.current(), self.config.message_interval);
        let place = (stream.id, stream.last_seq());
        if let Some(message) = self.inbox.happened(&mut self.host, place, occurrence, interval, now) {
            self.show(message, now);
        }
    }

    fn show(&mut self, message: Rc<Held>, now: Timestamp) {
        self.inbox.shown(&mut self.host, &message, now);
        self.hand_out(message);
    }

    /// Shows what somebody wants to see here, unless that has been done.
    fn show_tests(&mut self, tests: Vec<Rc<Held>>, now: Timestamp) {
        for test in tests {
            if self.shows_messages && self.inbox.shows_test(&mut self.host, &test, now) {
                self.hand_out(test);
            }
        }
    }

    fn hand_out(&mut self, message: Rc<Held>) {
        self.tell(Activity::MessageTriggered { id: message.id.clone() });
        let event = self.inbox.take_event(&message);
        self.effects.push(Effect::Show { message, event });
    }

    /// A message that was handed out could not be made whole, for want of a network: it has not been shown.
    pub fn not_shown(&mut self, message: &str) {
        self.inbox.not_shown(&mut self.host, message);
    }

    fn current(&self) -> &Stream {
        // There is always one: every place that takes a stream away puts one there.
        &self.streams[self.streams.len() - 1]
    }

    fn tell(&mut self, activity: Activity) {
        if self.watched {
            self.effects.push(Effect::Activity(activity));
        }
    }
}

fn load_identity(host: &impl Host) -> Option<Identity> {
    Identity::read(Json::of(&host.get(keys::IDENTITY)?))
}

fn store_identity(host: &mut impl Host, identity: &Identity) {
    host.set(keys::IDENTITY, &write::identity(identity));
}
