//! The records of a stream that wait for the server.

use kindling_core::{
    ids::{Seq, StreamId},
    json::Json,
    protocol::Identity,
    value::sort,
};

use super::{
    Host,
    auth::Proof,
    keys::{self, split_at},
    write,
};

/// A stream as its device sees it.
///
/// A stream is written by one page only, for one identity, and its `seq` counts in memory: no crash of the browser, nor a
/// restored copy of its storage, can make two records of one `seq`. What a page leaves behind is sent by a later one, which
/// may well send what was already sent; the server drops that by its watermark.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) id: StreamId,
    pub(super) identity: Identity,
    /// What proves who that is.
    pub(super) proof: Proof,
    last: Seq,
    waiting: Vec<Waiting>,
    bytes: usize,
}

/// A record that waits, as JSON.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) seq: Seq,
    pub(super) json: String,
}

impl Stream {
    /// A new stream.
    pub(super) fn new(id: StreamId, identity: Identity) -> Self {
        Self { id, identity, proof: Proof::default(), last: Seq::NONE, waiting: Vec::new(), bytes: 0 }
    }

    /// The place of the next record.
    pub(super) const fn next_seq(&self) -> Seq {
        self.last.next()
    }

    /// The place of the last record; zero before the first.
    pub(super) const fn last_seq(&self) -> Seq {
        self.last
    }

    /// Appends a record, stored before this returns. `false`: it waits in memory only.
    ///
    /// What is stored says whose record it is. An entry of its own for the stream would be smaller, but pages that clean up
    /// after each other could remove it while a record is being written.
    pub(super) fn append(&mut self, host: &mut impl Host, json: String) -> bool {
        self.last = self.next_seq();
        let mut text = write::identity(&self.identity);
        text.push(char::from(SEPARATOR));
        text.push_str(&json);
        let stored = host.set(&keys::record(self.id, self.last), &text);
        self.push(self.last, json);
        stored
    }

    fn push(&mut self, seq: Seq, json: String) {
        self.bytes += json.len();
        self.waiting.push(Waiting { seq, json });
    }

    /// Forgets the records up to and including `seq`, here and in storage.
    pub(super) fn forget(&mut self, host: &mut impl Host, seq: Seq) {
        let mut forgotten = 0;
        for record in &self.waiting {
            if record.seq > seq {
                break;
            }
            self.bytes -= record.json.len();
            host.remove(&keys::record(self.id, record.seq));
            forgotten += 1;
        }
        self.waiting = self.waiting.split_off(forgotten);
    }

    /// Gives up the oldest record that is not worth much, or with `any` the oldest there is, and says which it was.
    pub(super) fn give_up(&mut self, host: &mut impl Host, any: bool) -> Option<Seq> {
        let place = self.waiting.iter().position(|record| any || is_minor(&record.json))?;
        let record = self.waiting.remove(place);
        self.bytes -= record.json.len();
        host.remove(&keys::record(self.id, record.seq));
        Some(record.seq)
    }

    /// The records that wait, oldest first.
    pub(super) const fn waiting(&self) -> &[Waiting] {
        self.waiting.as_slice()
    }

    /// How many bytes of JSON wait.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Takes over what other pages left: the records of every stream that is not among `known`. An entry that is damaged is
/// removed: nobody can say any more what it was, or whose.
pub(super) fn adopt(host: &mut impl Host, known: &[StreamId]) -> Vec<Stream> {
    let mut records: Vec<(StreamId, Seq)> = Vec::new();
    for key in host.keys() {
        if let Some(record) = keys::parse_record(&key)
            && !known.contains(&record.0)
        {
            records.push(record);
        }
    }
    sort(&mut records, Ord::cmp);
    let mut streams: Vec<Stream> = Vec::new();
    for (id, seq) in records {
        let key = keys::record(id, seq);
        let Some((identity, json)) = host.get(&key).and_then(|text| read(&text)) else {
            host.remove(&key);
            continue;
        };
        if streams.last().is_none_or(|stream| stream.id != id) {
            streams.push(Stream::new(id, identity));
        }
        if let Some(stream) = streams.last_mut() {
            stream.last = seq;
            stream.push(seq, json);
        }
    }
    streams
}

/// What waits of one identity, of whatever page, as a JSON array. (`identity` as it is stored with each.)
pub(super) fn waiting_of(host: &impl Host, identity: &str) -> String {
    let mut list = String::from("[");
    for key in host.keys() {
        if keys::parse_record(&key).is_none() {
            continue;
        }
        let text = host.get(&key).unwrap_or_default();
        if let Some((owner, json)) = split_at(&text, SEPARATOR)
            && owner == identity
            && host.is_json(json)
        {
            if list.len() > 1 {
                list.push(',');
            }
            list.push_str(json);
        }
    }
    list.push(']');
    list
}

/// Whether a record is one of many, without which the profile is still right in what it says: not what somebody bought or said of
/// themselves.
fn is_minor(json: &str) -> bool {
    const TYPE: &str = "\"type\":\"";
    // Its place and time stand before it, which are numbers.
    let kind = json.as_bytes().windows(TYPE.len()).position(|bytes| bytes == TYPE.as_bytes());
    let kind = kind.and_then(|place| json.get(place + TYPE.len()..)).unwrap_or_default();
    ["custom_event", "session_", "message_", "location", "device"].iter().any(|minor| kind.starts_with(minor))
}

/// Stands between identity and record. JSON has no line breaks of its own, and escapes those in texts.
const SEPARATOR: u8 = b'\n';

/// Reads a stored record. It goes into a request as it stands, so it must look whole; one that only looks so is found out and
/// rejected by the server.
fn read(text: &str) -> Option<(Identity, String)> {
    let (identity, json) = split_at(text, SEPARATOR)?;
    let whole = json.starts_with("{\"seq\":") && json.as_bytes().last() == Some(&b'}');
    let identity = Identity::read(Json::of(identity))?;
    whole.then(|| (identity, json.to_owned()))
}
