//! The server: a process that uses a disk, ends at any moment, and is started again.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use ingest_server::{
    catalog::Catalog,
    ingest::{Batch, decode},
    store::{CountStep, MemoryDisk, Moment, SimulatedStore, StoreError, StoreOptions, WorkspaceKey},
};
use kindling_core::{
    ids::{CampaignId, SegmentId, Seq, StreamId, WorkspaceId},
    protocol::FlushAnswer,
    time::Timestamp,
};

use crate::Dice;

const SEGMENTS: [(&str, &str); 5] = [
    ("busy", r#"{"event":"tick","count":{"at_least":3},"within":"2m"}"#),
    ("gone", r#"{"all":[{"event":"tick"},{"not":{"event":"tick","within":"5m"}}]}"#),
    ("counted", r#"{"custom_attribute":"visits","greater":2}"#),
    ("named", r#"{"any":[{"attribute":"first_name","is":"Ada"},{"event":"tick","count":{"at_least":6}}]}"#),
    ("picky", r#"{"any":[{"segment":"busy"},{"event":"tick","where":[{"property":"n","greater":1}]}]}"#),
];

/// What segments are changed to, or made anew as.
const CHANGES: [(&str, &str); 9] = [
    ("busy", r#"{"event":"tick","count":{"at_least":2},"within":"3m"}"#),
    ("busy", SEGMENTS[0].1),
    ("counted", r#"{"not":{"custom_attribute":"visits","greater":1}}"#),
    ("keen", r#"{"any":[{"segment":"busy"},{"purchase":{},"within":"10m"}]}"#),
    ("buyer", r#"{"spent":"EUR","at_least":10}"#),
    // Something new to count, something that may be counted already, and nothing.
    ("choosy", r#"{"event":"tick","where":[{"property":"n","greater":1}],"count":{"at_least":2}}"#),
    ("choosy", r#"{"not":{"event":"tick","where":[{"property":"n","is":0}],"within":"4m"}}"#),
    ("choosy", r#"{"event":"tick"}"#),
    ("exact", r#"{"event":"tick","where":[{"property":"n","is":3}],"count":{"exactly":1}}"#),
];

/// Nothing shows their messages; that they were seen is made up.
pub const CAMPAIGNS: [(&str, &str); 2] = [
    (
        "sale",
        r#"{"channel":"in_app","trigger":{"type":"custom_event","name":"never"},"message":{"type":"modal","body":"B"},
            "conversions":[{"id":"bought","type":"purchase","within":"10m"},
                {"id":"ticked","type":"custom_event","name":"tick","within":"1m"},
                {"id":"thrice","type":"custom_event","name":"tick","where":[{"property":"n","is":3}],"within":"20m"},
                {"id":"back","type":"session_start","within":"5m"}]}"#,
    ),
    (
        "hello",
        r#"{"channel":"in_app","trigger":{"type":"custom_event","name":"never"},"message":{"type":"modal","body":"B"}}"#,
    ),
];

/// What an answer is, if there is one.
#[derive(Debug, Clone, PartialEq)]
pub enum Answered {
    /// The batch was taken.
    Taken(FlushAnswer),
    /// It was refused, with this status.
    Refused(u16),
    /// The process ended, or there is none.
    Nothing,
}

pub struct Server {
    disk: MemoryDisk,
    options: StoreOptions,
    store: Option<SimulatedStore>,
    /// How often the process ends at a moment: once in so many; `None`: never.
    deadly: Arc<Mutex<(Dice, Option<usize>)>>,
    pub workspace: WorkspaceKey,
    pub catalog: Arc<Catalog>,
    /// The greatest `acked` that was answered for each stream.
    acked: BTreeMap<StreamId, Seq>,
    pub crashes: usize,
    /// Whether the disk refuses writes.
    is_refusing: bool,
}

impl Server {
    pub fn start(dice: &mut Dice) -> Self {
        let disk = MemoryDisk::new().unwrap();
        // So little that users are forgotten and read again all the time, or so much that they never are.
        let cache_bytes = *dice.pick(&[1, 70_000, 1 << 24]);
        let options = StoreOptions { cache_bytes, ..StoreOptions::default() };
        let mut store = SimulatedStore::open(&disk, &options, |_| true).unwrap();
        let workspace = store.put_workspace(&WorkspaceId::parse("w").unwrap(), "pk").unwrap();
        for (id, filter) in SEGMENTS {
            let filter = serde_json::from_str(filter).unwrap();
            store.put_segment(workspace, &SegmentId::parse(id).unwrap(), &filter).unwrap();
        }
        for (id, definition) in CAMPAIGNS {
            let definition = serde_json::from_str(definition).unwrap();
            store.put_campaign(workspace, &CampaignId::parse(id).unwrap(), &definition).unwrap();
        }
        let catalog = Arc::new(store.load_catalog().unwrap());
        let deadly = Arc::new(Mutex::new((Dice::new(dice.bits()), Some(*dice.pick(&[6, 20, 60])))));
        let mut server = Self {
            disk,
            options,
            store: None,
            deadly,
            workspace,
            catalog,
            acked: BTreeMap::new(),
            crashes: 0,
            is_refusing: false,
        };
        drop(store);
        server.store();
        server
    }

    /// Lets the process live until [`Server::resume`].
    pub fn pause(&mut self) -> Option<usize> {
        self.deadly.lock().unwrap().1.take()
    }

    /// Goes on as before [`Server::pause`].
    pub fn resume(&mut self, deadly: Option<usize>) {
        self.deadly.lock().unwrap().1 = deadly;
    }

    /// From here on the process lives.
    pub fn calm(&mut self) {
        self.deadly.lock().unwrap().1 = None;
    }

    /// The process that runs, started again if it must be. Starting can fail as well.
    pub fn store(&mut self) -> &mut SimulatedStore {
        while self.store.is_none() {
            let deadly = Arc::clone(&self.deadly);
            let goes_on = move |_: Moment| {
                let (dice, once_in) = &mut *deadly.lock().unwrap();
                !once_in.is_some_and(|times| dice.once_in(times))
            };
            match SimulatedStore::open(&self.disk, &self.options, goes_on) {
                Ok(mut store) => {
                    store.refuse_writes(self.is_refusing).unwrap();
                    self.store = Some(store);
                }
                Err(error) => {
                    let closed =
                        error.downcast_ref::<StoreError>().is_some_and(|error| matches!(error, StoreError::Closed));
                    assert!(closed, "the server does not start: {error:#}");
                    self.crashes += 1;
                }
            }
        }
        self.store.as_mut().unwrap()
    }

    /// The process has ended, if this is why.
    fn note<T>(&mut self, result: Result<T, StoreError>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(StoreError::Closed) => {
                self.store = None;
                self.crashes += 1;
                None
            }
            Err(StoreError::Behind) => None,
            Err(StoreError::Database(_)) if self.is_refusing => None,
            Err(other) => panic!("the store failed: {other}"),
        }
    }

    /// Takes bodies that arrive in one moment, as groups of which one is applied while others are written.
    pub fn take(&mut self, bodies: &[&str], now: Timestamp) -> Vec<Answered> {
        let decoded: Vec<Result<Batch, u16>> = bodies
            .iter()
            .map(|body| decode(Bytes::from((*body).to_owned()), &self.catalog, now).map_err(|_| 400))
            .collect();
        let mut groups: Vec<Vec<Batch>> = vec![Vec::new()];
        for batch in decoded.iter().flatten() {
            if self.deadly.lock().unwrap().0.once_in(3) {
                groups.push(Vec::new());
            }
            groups.last_mut().expect("there is one").push(batch.clone());
        }
        let outcomes = self.store().ingest(&groups);
        let mut answers = Vec::new();
        let mut is_over = false;
        for (group, outcome) in groups.iter().zip(outcomes) {
            let failed = match outcome {
                Ok(answered) => {
                    assert_eq!(answered.len(), group.len(), "an answer for each batch");
                    answers.extend(group.iter().zip(answered).map(|(batch, answer)| self.taken(batch.stream, answer)));
                    continue;
                }
                Err(StoreError::Closed) => {
                    is_over = true;
                    Answered::Nothing
                }
                Err(StoreError::Behind) => Answered::Refused(503),
                Err(StoreError::Database(_) | StoreError::Unwritten) if self.is_refusing => Answered::Refused(503),
                Err(other) => panic!("the store failed: {other}"),
            };
            answers.extend(group.iter().map(|_| failed.clone()));
        }
        if is_over {
            self.crash();
        }
        let mut answers = answers.into_iter();
        let answer = |batch: Result<Batch, u16>| match batch {
            Err(status) => Answered::Refused(status),
            Ok(_) => answers.next().expect("an answer for each batch"),
        };
        decoded.into_iter().map(answer).collect()
    }

    fn taken(&mut self, stream: StreamId, answer: FlushAnswer) -> Answered {
        let acked = self.acked.entry(stream).or_default();
        assert!(answer.acked >= *acked, "{stream}: {} was acknowledged, now only {}", acked.0, answer.acked.0);
        *acked = answer.acked;
        Answered::Taken(answer)
    }

    pub fn begin_checkpoint(&mut self) {
        let result = self.store().begin_checkpoint();
        self.note(result);
    }

    pub fn write_checkpoint(&mut self) {
        let result = self.store().write_checkpoint();
        self.note(result);
    }

    pub fn fire_timers(&mut self, now: Timestamp) {
        let catalog = Arc::clone(&self.catalog);
        loop {
            let result = self.store().fire_timers(&catalog, now, 16);
            match self.note(result) {
                Some(16) => {}
                _ => return,
            }
        }
    }

    /// Somebody changes a segment, or makes one.
    pub fn change_segment(&mut self, dice: &mut Dice) {
        let (id, filter) = dice.pick(&CHANGES);
        let (id, filter) = (SegmentId::parse(*id).unwrap(), serde_json::from_str(filter).unwrap());
        let workspace = self.workspace;
        let result = self.store().put_segment(workspace, &id, &filter);
        if self.note(result).is_some() {
            self.catalog = Arc::new(self.store().load_catalog().unwrap());
        }
    }

    /// Counts some batches for what new and changed segments ask for, and asks some users what they want to know. Returns whether that
    /// could be done.
    pub fn backfill(&mut self, now: Timestamp) -> bool {
        let catalog = Arc::clone(&self.catalog);
        let result = self.store().count(&catalog, now, 2);
        match self.note(result) {
            None => return false,
            Some(CountStep::Completed) => self.catalog = Arc::new(self.store().load_catalog().unwrap()),
            Some(_) => {}
        }
        let catalog = Arc::clone(&self.catalog);
        let result = self.store().backfill(&catalog, now, 2);
        self.note(result).is_some()
    }

    /// Does all of it.
    pub fn finish_backfill(&mut self, now: Timestamp) {
        let workspace = self.workspace;
        let mut steps = 0;
        while !self.store().backfill_of(workspace).unwrap().is_done() {
            steps += 1;
            assert!(steps < 1_000, "asking all users does not end");
            self.backfill(now);
            // Those that are in memory only have to be written down.
            self.write_checkpoint();
        }
    }

    /// The disk refuses every write, or takes them again.
    pub fn refuse_writes(&mut self, refuse: bool) {
        self.is_refusing = refuse;
        self.store().refuse_writes(refuse).unwrap();
    }

    /// The power fails.
    pub fn crash(&mut self) {
        self.store = None;
        self.crashes += 1;
    }
}
