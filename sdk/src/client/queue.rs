//! The records of a stream that wait for the server.

use std::collections::VecDeque;

use kindling_core::{
    ids::{Seq, StreamId},
    protocol::Identity,
};

use super::{Host, keys};

/// A stream as its device sees it.
///
/// A stream is written by one page only, for one identity, and its `seq` counts in memory: no crash of the browser, nor a
/// restored copy of its storage, can make two records of one `seq`. What a page leaves behind is sent by a later one, which
/// may well send what was already sent; the server drops that by its watermark.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) id: StreamId,
    pub(super) identity: Identity,
    last: Seq,
    waiting: VecDeque<Waiting>,
    bytes: usize,
}

/// A record that waits, as JSON.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) seq: Seq,
    pub(super) json: String,
}

impl Stream {
    /// A new stream; nothing of it is stored before its first record.
    pub(super) const fn new(id: StreamId, identity: Identity) -> Self {
        Self { id, identity, last: Seq::NONE, waiting: VecDeque::new(), bytes: 0 }
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
    pub(super) fn append(&mut self, host: &mut impl Host, json: String) -> bool {
        self.last = self.next_seq();
        // Another page may have cleaned up after this one while it had nothing to say.
        let key = keys::stream(self.id);
        let known =
            host.get(&key).is_some() || host.encode(&self.identity).is_some_and(|identity| host.set(&key, &identity));
        let stored = known && host.set(&keys::record(self.id, self.last), &json);
        self.push(self.last, json);
        stored
    }

    fn push(&mut self, seq: Seq, json: String) {
        self.bytes += json.len();
        self.waiting.push_back(Waiting { seq, json });
    }

    /// Forgets the records up to and including `seq`, here and in storage.
    pub(super) fn forget(&mut self, host: &mut impl Host, seq: Seq) {
        while let Some(record) = self.waiting.pop_front_if(|record| record.seq <= seq) {
            self.bytes -= record.json.len();
            host.remove(&keys::record(self.id, record.seq));
        }
    }

    /// Forgets the oldest record and says which it was.
    pub(super) fn forget_oldest(&mut self, host: &mut impl Host) -> Option<Seq> {
        let seq = self.waiting.front()?.seq;
        self.forget(host, seq);
        Some(seq)
    }

    /// Forgets that the stream was there. It has nothing waiting and gets no more records.
    pub(super) fn close(self, host: &mut impl Host) {
        host.remove(&keys::stream(self.id));
    }

    /// The records that wait, oldest first.
    pub(super) const fn waiting(&self) -> &VecDeque<Waiting> {
        &self.waiting
    }

    /// How many bytes of JSON wait.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Takes over what other pages left: every stored stream that is not among `live`. Records without a stream's identity can't be
/// put on anybody's profile; they are removed, and their number is returned.
pub(super) fn adopt(host: &mut impl Host, live: &[StreamId]) -> (Vec<Stream>, usize) {
    let mut records: Vec<(StreamId, Seq)> = Vec::new();
    let mut streams: Vec<Stream> = Vec::new();
    for key in host.keys() {
        if let Some(record) = keys::parse_record(&key) {
            if !live.contains(&record.0) {
                records.push(record);
            }
        } else if let Some(id) = keys::parse_stream(&key)
            && !live.contains(&id)
        {
            let identity = host.get(&key).and_then(|text| host.decode(&text)).and_then(|value| Identity::read(&value));
            match identity {
                Some(identity) => streams.push(Stream::new(id, identity)),
                None => host.remove(&key),
            }
        }
    }
    records.sort_unstable();
    let mut lost = 0;
    for (id, seq) in records {
        let key = keys::record(id, seq);
        let json = host.get(&key).filter(|json| is_whole(json));
        match (streams.iter_mut().find(|stream| stream.id == id), json) {
            (Some(stream), Some(json)) => {
                stream.last = seq;
                stream.push(seq, json);
            }
            _ => {
                host.remove(&key);
                lost += 1;
            }
        }
    }
    let (left, empty): (Vec<_>, Vec<_>) = streams.into_iter().partition(|stream| !stream.waiting.is_empty());
    for stream in empty {
        stream.close(host);
    }
    (left, lost)
}

/// Whether a stored record still looks like one. It goes into a request as it stands, so a damaged one would spoil the request;
/// one that only looks whole is found out and rejected by the server.
fn is_whole(json: &str) -> bool {
    json.starts_with("{\"seq\":") && json.ends_with('}')
}
