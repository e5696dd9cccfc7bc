//! The store without threads, on disks that live in memory: for simulations, which must be quick, and the same each time.
//!
//! It is the store's own engine, log and checkpoints. Only who does what when is decided from outside, and a process that uses it can
//! end at any [`Moment`].

use std::{
    fmt,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
};

use kindling_core::{
    calendar::Date,
    ids::{CampaignId, SegmentId, UserId, WorkspaceId},
    protocol::FlushAnswer,
    time::Timestamp,
    value::Value,
};
use rusqlite::Connection;

use super::{
    counting, definitions,
    engine::{Engine, Files},
    read, reports, segments,
};
use crate::{
    catalog::{Catalog, Workspace},
    ingest::{Batch, UserState},
    store::{
        AskStep, Backfill, CountStep, LoggedChange, RecordPage, RecordQuery, ReportRows, StoreError, StoreOptions,
        UserRef, WorkspaceKey,
    },
};

/// A moment at which a process can end: between any two things that it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// A group has been applied in memory, and nothing of it is on disk.
    Applied,
    /// Groups are on disk, and not answered.
    Appended,
    /// A checkpoint has been handed over, and nothing of it is on disk.
    CheckpointBegun,
    /// A checkpoint is on disk, and nobody knows it yet.
    CheckpointWritten,
    /// A piece of the log has been applied again after a start.
    Replayed,
}

/// Decides whether the process goes on after a moment, or ends there.
pub(super) struct Fate(Box<dyn FnMut(Moment) -> bool + Send>);

impl Fate {
    /// Whether it goes on.
    pub(super) fn goes_on(&mut self, moment: Moment) -> bool {
        (self.0)(moment)
    }
}

impl fmt::Debug for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fate")
    }
}

/// A disk that lives in memory, and outlives the stores that use it.
#[derive(Debug)]
pub struct MemoryDisk {
    files: Files,
    /// What is in memory is gone when nobody has it open.
    _open: [Connection; 2],
}

impl MemoryDisk {
    /// An empty disk.
    pub fn new() -> Result<Self, StoreError> {
        static DISKS: AtomicU64 = AtomicU64::new(0);
        let disk = DISKS.fetch_add(1, Ordering::Relaxed);
        let file = |name: &str| PathBuf::from(format!("file:kindling-{disk}-{name}?mode=memory&cache=shared"));
        let files = Files { log: file("log"), profiles: file("profiles") };
        let open = [Connection::open(&files.log)?, Connection::open(&files.profiles)?];
        Ok(Self { files, _open: open })
    }
}

/// The store of one process.
#[derive(Debug)]
pub struct SimulatedStore {
    engine: Engine,
    /// What was read and has not been taken yet: anything can happen between.
    counted: Option<(counting::Plan, counting::Found)>,
    asked: Option<(segments::Row, Arc<Workspace>, segments::Page)>,
}

impl SimulatedStore {
    /// Starts on a disk. `goes_on` is asked at every [`Moment`]; when it says no, the process has ended, and every call fails.
    pub fn open(
        disk: &MemoryDisk,
        options: &StoreOptions,
        goes_on: impl FnMut(Moment) -> bool + Send + 'static,
    ) -> anyhow::Result<Self> {
        let engine = Engine::open_simulated(&disk.files, options, Fate(Box::new(goes_on)))?;
        Ok(Self { engine, counted: None, asked: None })
    }

    /// Makes a workspace with a publishable key, as a definitions file would.
    pub fn put_workspace(&mut self, id: &WorkspaceId, sdk_key: &str) -> Result<WorkspaceKey, StoreError> {
        let key = definitions::put_workspace(self.engine.definitions(), id, "")?;
        definitions::put_sdk_key(self.engine.definitions(), key, sdk_key)?;
        Ok(key)
    }

    /// Makes a segment.
    pub fn put_segment(&mut self, workspace: WorkspaceKey, id: &SegmentId, filter: &Value) -> Result<(), StoreError> {
        self.engine.put_segment(workspace, id, id.as_str(), filter, Timestamp::from_ms(0))
    }

    /// Makes a campaign.
    pub fn put_campaign(
        &mut self,
        workspace: WorkspaceKey,
        id: &CampaignId,
        definition: &Value,
    ) -> Result<(), StoreError> {
        definitions::put_campaign(self.engine.definitions(), workspace, id, definition)
    }

    /// The numbers of a campaign's report, as [`crate::store::Store::report`] has them.
    pub fn report(
        &mut self,
        workspace: WorkspaceKey,
        campaign: &CampaignId,
        days: (Date, Date),
    ) -> Result<ReportRows, StoreError> {
        self.engine.settle()?;
        let wanted = reports::Wanted { workspace, campaign: campaign.clone(), days };
        let recent = self.engine.recent_of_report(&wanted)?;
        let rows = reports::read(self.engine.connections().1, &wanted, &recent)?;
        rows.ok_or_else(|| StoreError::Corrupt("a checkpoint that nobody wrote".to_owned()))
    }

    /// Everything that is defined.
    pub fn load_catalog(&mut self) -> Result<Catalog, StoreError> {
        definitions::load(self.engine.definitions())
    }

    /// Applies groups of batches, one after the other, and then writes them, unless something asks for that before. Those of which
    /// it returns `Ok` are durable.
    pub fn ingest(&mut self, groups: &[Vec<Batch>]) -> Vec<Result<Vec<FlushAnswer>, StoreError>> {
        let (reply, replied) = mpsc::channel();
        for (place, group) in groups.iter().enumerate() {
            let reply = reply.clone();
            self.engine.ingest(group, Box::new(move |done| drop(reply.send((place, done)))));
        }
        // If it fails, so do those that wait for it.
        let _ = self.engine.settle();
        let mut outcomes: Vec<_> = groups.iter().map(|_| Err(StoreError::Closed)).collect();
        for (place, done) in replied.try_iter() {
            outcomes[place] = done;
        }
        outcomes
    }

    /// Lets the disk of the log refuse every write, or take them again.
    pub fn refuse_writes(&mut self, refuse: bool) -> Result<(), StoreError> {
        Ok(self.engine.definitions().pragma_update(None, "query_only", refuse)?)
    }

    /// Begins a checkpoint, if none is under way.
    pub fn begin_checkpoint(&mut self) -> Result<(), StoreError> {
        self.engine.begin_checkpoint_now()
    }

    /// Writes the checkpoint that is under way, if there is one.
    pub fn write_checkpoint(&mut self) -> Result<(), StoreError> {
        self.engine.write_checkpoint_now()
    }

    /// Works off due timers.
    pub fn fire_timers(&mut self, catalog: &Catalog, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.engine.fire_timers(catalog, now, limit)
    }

    /// Lets go of records and streams whose time is over.
    pub fn sweep(&mut self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.engine.sweep(now, limit)
    }

    /// A user.
    pub fn user(
        &mut self,
        workspace: WorkspaceKey,
        user: &UserRef,
    ) -> Result<Option<(UserId, Arc<UserState>)>, StoreError> {
        self.engine.find(workspace, user)
    }

    /// Everybody who entered a segment or left it, in that order.
    pub fn changes(&mut self, workspace: WorkspaceKey) -> Result<Vec<LoggedChange>, StoreError> {
        self.engine.settle()?;
        Ok(segments::changes(self.engine.connections().0, workspace, 0, usize::MAX)?.changes)
    }

    /// The members of a segment, and how many they are said to be.
    pub fn members(&mut self, workspace: WorkspaceKey, segment: u32) -> Result<(Vec<UserId>, u64), StoreError> {
        let recent = self.engine.recent_changes(workspace, segment);
        let (_, profiles) = self.engine.connections();
        let members = segments::members(profiles, (workspace, segment), &recent, UserId(0), usize::MAX)?;
        Ok((members, self.engine.segment_sizes(workspace).get(&segment).copied().unwrap_or_default()))
    }

    /// Asks users what new and changed segments want to know, or takes what they said when this was last called.
    pub fn backfill(&mut self, catalog: &Catalog, now: Timestamp, limit: usize) -> Result<AskStep, StoreError> {
        if let Some((row, workspace, page)) = self.asked.take() {
            return self.engine.take_page(&row, &page, &workspace, now);
        }
        let Some(row) = self.engine.next_backfill()? else { return Ok(AskStep::Idle) };
        let Some(workspace) = segments::ready_for(catalog, &row) else { return Ok(AskStep::Waiting) };
        let page = segments::ask(self.engine.connections().1, &workspace, row.range(0, limit), now)?;
        self.asked = Some((row, workspace, page));
        Ok(AskStep::Asked(0))
    }

    /// Counts batches of the log for counters that are not complete, or takes what was counted when this was last called.
    pub fn count(&mut self, catalog: &Catalog, now: Timestamp, limit: usize) -> Result<CountStep, StoreError> {
        if let Some((plan, found)) = self.counted.take() {
            return self.engine.take_counted(&plan, found, now);
        }
        let Some(plan) = self.engine.plan_counting()? else { return Ok(CountStep::Idle) };
        let found = counting::count(self.engine.connections().0, catalog, &plan, limit)?;
        self.counted = Some((plan, found));
        Ok(CountStep::Counted)
    }

    /// How far counting and asking have come.
    pub fn backfill_of(&mut self, workspace: WorkspaceKey) -> Result<Backfill, StoreError> {
        let counting = self.engine.counted(workspace)?;
        let (log, profiles) = self.engine.connections();
        Ok(Backfill { counting, asking: segments::asking(log, profiles, workspace)? })
    }

    /// Records of a user, newest first.
    pub fn records(
        &mut self,
        workspace: WorkspaceKey,
        user: &UserRef,
        query: &RecordQuery,
    ) -> Result<Option<RecordPage>, StoreError> {
        let Some(batches) = self.engine.batches_of(workspace, user)? else { return Ok(None) };
        let (log, profiles) = self.engine.connections();
        read::records(log, profiles, workspace, &batches, query).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use kindling_core::{ids::Seq, time::Duration};

    use super::*;
    use crate::ingest::decode;

    const DAY: i64 = 86_400_000;

    fn day(day: i64) -> Timestamp {
        Timestamp::from_ms(day * DAY)
    }

    /// A flush of one event by the stream's device, on a day.
    fn flush(catalog: &Catalog, stream: u8, seq: u64, on: Timestamp) -> Batch {
        let body = format!(
            r#"{{"key":"pk","sdk":"t","device":"00000000-0000-4000-8000-0000000000{stream:02x}",
                "stream":"00000000-0000-4000-8000-0000000001{stream:02x}","identity":{{"external_id":"ada"}},
                "sent_at":{at},"records":[{{"seq":{seq},"at":{at},"type":"custom_event","name":"e{seq}"}}]}}"#,
            at = on.as_ms()
        );
        decode(Bytes::from(body), catalog, on).unwrap()
    }

    fn ingest(store: &mut SimulatedStore, batch: Batch) -> Seq {
        store.ingest(&[vec![batch]]).remove(0).unwrap()[0].acked
    }

    #[test]
    fn what_is_kept_for_a_time_goes_when_it_is_written_down() {
        let disk = MemoryDisk::new().unwrap();
        let keep_records = Some(Duration::from_days(30));
        let options = StoreOptions { keep_records, keep_streams: Duration::from_days(60), ..StoreOptions::default() };
        let mut store = SimulatedStore::open(&disk, &options, |_| true).unwrap();
        let workspace = store.put_workspace(&WorkspaceId::parse("w").unwrap(), "pk").unwrap();
        let catalog = store.load_catalog().unwrap();
        for (stream, seq, on) in [(1, 1, 1), (1, 2, 20), (2, 1, 40)] {
            assert_eq!(ingest(&mut store, flush(&catalog, stream, seq, day(on))), Seq(seq));
        }
        let ada = UserRef::External(kindling_core::ids::ExternalId::parse("ada").unwrap());
        let all = RecordQuery {
            from: Timestamp::from_ms(i64::MIN),
            to: Timestamp::from_ms(i64::MAX),
            before: None,
            limit: 50,
        };
        // The profiles do not have them yet: the log is all there is.
        assert_eq!(store.sweep(day(45), 100).unwrap(), 0);
        store.begin_checkpoint().unwrap();
        store.write_checkpoint().unwrap();
        assert_eq!(store.sweep(day(45), 1).unwrap(), 1);
        assert_eq!(store.records(workspace, &ada, &all).unwrap().unwrap().records.len(), 2);
        let recent = RecordQuery { from: day(30), ..all };
        assert_eq!(store.records(workspace, &ada, &recent).unwrap().unwrap().records.len(), 1);
        assert_eq!(store.sweep(day(1_000), 100).unwrap(), 2);
        assert_eq!(store.sweep(day(1_000), 100).unwrap(), 0);
        assert!(store.records(workspace, &ada, &all).unwrap().unwrap().records.is_empty());
        drop(store);

        // The log is empty now; numbers go on, the profile is whole, and so are the watermarks that are still kept.
        let mut store = SimulatedStore::open(&disk, &options, |_| true).unwrap();
        let (_, user) = store.user(workspace, &ada).unwrap().unwrap();
        assert_eq!(user.profile.events().count(), 2);
        assert_eq!(ingest(&mut store, flush(&catalog, 2, 1, day(41))), Seq(1));
        ingest(&mut store, flush(&catalog, 2, 2, day(90)));
        assert_eq!(store.records(workspace, &ada, &all).unwrap().unwrap().records.len(), 1);
        assert_eq!(store.sweep(day(90), 100).unwrap(), 0);
        store.begin_checkpoint().unwrap();
        store.write_checkpoint().unwrap();
        drop(store);

        // The first stream had not been used for longer than streams are kept, the second one had.
        let mut store = SimulatedStore::open(&disk, &options, |_| true).unwrap();
        let (_, before) = store.user(workspace, &ada).unwrap().unwrap();
        ingest(&mut store, flush(&catalog, 2, 2, day(91)));
        assert_eq!(store.user(workspace, &ada).unwrap().unwrap().1.profile, before.profile);
        ingest(&mut store, flush(&catalog, 1, 1, day(91)));
        assert_ne!(store.user(workspace, &ada).unwrap().unwrap().1.profile, before.profile);
    }

    #[test]
    fn changes_go_with_the_records_of_their_time() {
        let disk = MemoryDisk::new().unwrap();
        let options = StoreOptions { keep_records: Some(Duration::from_days(30)), ..StoreOptions::default() };
        let mut store = SimulatedStore::open(&disk, &options, |_| true).unwrap();
        let workspace = store.put_workspace(&WorkspaceId::parse("w").unwrap(), "pk").unwrap();
        let filter = serde_json::from_str(r#"{"event":"e2","within":"10d"}"#).unwrap();
        store.put_segment(workspace, &SegmentId::parse("s").unwrap(), &filter).unwrap();
        let catalog = store.load_catalog().unwrap();
        for (seq, on) in [(1, 1), (2, 2)] {
            ingest(&mut store, flush(&catalog, 1, seq, day(on)));
        }
        assert_eq!(store.fire_timers(&catalog, day(20), 10).unwrap(), 1);
        let page = |store: &mut SimulatedStore, after| {
            store.engine.settle().unwrap();
            let page = segments::changes(store.engine.connections().0, workspace, after, 10).unwrap();
            (page.changes.iter().map(|logged| logged.id).collect::<Vec<_>>(), page.has_gap)
        };
        assert_eq!(page(&mut store, 0), (vec![1, 2], false));
        // The profiles do not have them yet.
        store.sweep(day(1_000), 10).unwrap();
        assert_eq!(page(&mut store, 0), (vec![1, 2], false));
        store.begin_checkpoint().unwrap();
        store.write_checkpoint().unwrap();
        store.sweep(day(45), 10).unwrap();
        assert_eq!((page(&mut store, 0), page(&mut store, 1)), ((vec![2], true), (vec![2], false)));
        store.sweep(day(1_000), 10).unwrap();
        assert_eq!(page(&mut store, 1), (vec![], true));
        drop(store);
        // Numbers go on.
        let mut store = SimulatedStore::open(&disk, &options, |_| true).unwrap();
        ingest(&mut store, flush(&catalog, 2, 2, day(50)));
        assert_eq!((page(&mut store, 0), page(&mut store, 2)), ((vec![3], true), (vec![3], false)));
    }
}
