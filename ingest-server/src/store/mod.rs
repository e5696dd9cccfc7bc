//! Where everything is kept.

mod sqlite;

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
};

use kindling_core::{
    calendar::Date,
    conversion::Figure,
    ids::{Alias, AnonymousId, CampaignId, DeviceId, ExternalId, SegmentId, StreamId, UserId, VariantId, WorkspaceId},
    limits,
    protocol::FlushAnswer,
    segment::Filter,
    time::{Duration, Timestamp},
    value::Value,
};

pub use sqlite::{MemoryDisk, Moment, SegmentOverview, SimulatedStore, SqliteStore, WorkspaceOverview, overview};

use crate::{
    catalog::{Catalog, KeyHash},
    ingest::{Batch, Change, UserState, WorkspaceCounters},
    sdk_authentication::SdkAuthentication,
};

/// A workspace, as the store numbers them. Every row that belongs to a workspace carries it, and every query names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkspaceKey(pub i64);

/// Why the store did not do something. Nothing of it was done.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database failed. Trying again may help, if its cause (a full disk) goes.
    #[error("the database failed: {0}")]
    Database(#[from] rusqlite::Error),
    /// What is stored can't be read.
    #[error("stored data can't be read: {0}")]
    Corrupt(String),
    /// Batches that were to be written before could not be, and these come after them. Trying again may help.
    #[error("batches before these could not be written")]
    Unwritten,
    /// More has been taken than could be written down. It is being written; trying again helps.
    #[error("the profiles can't be written down as quickly as records come in")]
    Behind,
    /// The store has been closed, or has stopped after a failure that it must not go on after.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Whether nothing can be relied on any more that the disk said before, so that the process must end: flushing to disk
    /// failed, after which a system may claim that what it lost is there.
    pub fn is_fatal(&self) -> bool {
        let Self::Database(error) = self else { return matches!(self, Self::Closed) };
        let code = error.sqlite_error().map(|error| error.extended_code);
        matches!(code, Some(rusqlite::ffi::SQLITE_IOERR_FSYNC | rusqlite::ffi::SQLITE_IOERR_DIR_FSYNC))
    }
}

/// How a store works.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// Bytes of users that are held in memory, about.
    pub cache_bytes: usize,
    /// How old a record may be when it arrives.
    pub oldest_record: Duration,
    /// How long records are kept after they arrived; `None`: for ever.
    pub keep_records: Option<Duration>,
    /// How long the watermark of a stream is kept after its last flush.
    pub keep_streams: Duration,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            cache_bytes: 256 * 1024 * 1024,
            oldest_record: limits::CLOCK_PAST,
            keep_records: None,
            keep_streams: limits::CLOCK_PAST,
        }
    }
}

/// What the store returns, later.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// How a request names a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserRef {
    /// By number.
    Id(UserId),
    /// By the id that the site gave.
    External(ExternalId),
    /// By a further name.
    Alias(Alias),
    /// By a device: whoever used it last.
    Device(DeviceId),
    /// By what a device calls a visitor who has not signed in.
    Anonymous(AnonymousId),
}

/// A user.
#[derive(Debug, Clone)]
pub struct StoredUser {
    /// The number.
    pub id: UserId,
    /// What is known of them.
    pub state: Arc<UserState>,
}

/// Which records of a user.
#[derive(Debug, Clone, Copy)]
pub struct RecordQuery {
    /// Only what happened at this instant or later.
    pub from: Timestamp,
    /// Only what happened before this instant.
    pub to: Timestamp,
    /// Only what stands before this place in the log.
    pub before: Option<RecordCursor>,
    /// So many at most.
    pub limit: usize,
}

/// Records of a user, newest first.
#[derive(Debug, Clone, Default)]
pub struct RecordPage {
    /// The records.
    pub records: Vec<StoredRecord>,
    /// Where the next page begins, if there is one.
    pub next: Option<RecordCursor>,
}

/// A record of the log.
#[derive(Debug, Clone)]
pub struct StoredRecord {
    /// When it happened, by the server's clock.
    pub at: Timestamp,
    /// When it arrived.
    pub received_at: Timestamp,
    /// From which device.
    pub device: DeviceId,
    /// Of which stream.
    pub stream: StreamId,
    /// As it was sent.
    pub record: Value,
}

/// A place in a user's records: before this batch of the log, or before this record in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordCursor {
    /// The batch.
    pub batch: i64,
    /// The place in it.
    pub place: usize,
}

/// Somebody entered a segment or left it, as the log has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoggedChange {
    /// Its number: later ones have greater ones.
    pub id: i64,
    /// What happened.
    pub change: Change,
}

/// Changes of who is in which segment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChangePage {
    /// In their order.
    pub changes: Vec<LoggedChange>,
    /// Whether some may be missing before the first of them, because their time was over.
    pub has_gap: bool,
}

/// How far the store has come with what new and changed segments ask for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backfill {
    /// In counting batches of the log, for segments that await counters.
    pub counting: Option<Progress>,
    /// In putting the questions of all others to all users.
    pub asking: Option<Progress>,
}

impl Backfill {
    /// Whether nothing is left to do.
    pub const fn is_done(&self) -> bool {
        self.counting.is_none() && self.asking.is_none()
    }
}

/// How far something has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// So many are done.
    pub done: u64,
    /// Of so many, about.
    pub total: u64,
    /// When it began.
    pub started_at: Timestamp,
}

impl Progress {
    /// How far it is, from 0 to 99.
    pub fn percent(&self) -> u64 {
        self.done.saturating_mul(100).checked_div(self.total).unwrap_or(0).min(99)
    }

    /// When it ends, if it goes on as it went so far.
    pub fn expected_end(&self, now: Timestamp) -> Option<Timestamp> {
        let took = u64::try_from(now.since(self.started_at).as_ms()).unwrap_or_default();
        let left = took.saturating_mul(self.total.saturating_sub(self.done)).checked_div(self.done)?;
        Some(now.plus(Duration::from_ms(i64::try_from(left).unwrap_or(i64::MAX))))
    }
}

/// A step of putting questions to all users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskStep {
    /// All have been asked.
    Idle,
    /// So many more were asked, and there may be others.
    Asked(usize),
    /// Something has to be written down first.
    Waiting,
}

/// A step of counting from the log what segments ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountStep {
    /// There is nothing to count.
    Idle,
    /// Some batches were counted, and there are more.
    Counted,
    /// What has been counted is being written down.
    Waiting,
    /// A counter is complete: the catalog is to be loaded anew.
    Completed,
}

/// The numbers of a campaign's report, by day, variant and figure. What is 0 may be missing.
pub type ReportRows = BTreeMap<(Date, Option<VariantId>, Figure), i64>;

/// How many were in a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SizeAt {
    /// The hour that begins then; at its end.
    pub at: Timestamp,
    /// How many.
    pub size: u64,
}

/// What a filter comes to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preview {
    /// For how many it holds.
    pub count: u64,
    /// Of how many.
    pub users: u64,
    /// Some of those for whom it holds.
    pub sample: Vec<UserId>,
}

/// Keeps everything. Methods take and return sets where that saves round trips, and assume neither a single node nor a cache
/// that is always right.
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// Applies a group of batches with [`crate::ingest::apply`], in one transaction. Resolves when it is durable.
    fn ingest(&self, group: Vec<Batch>) -> Answer<'_, Vec<FlushAnswer>>;

    /// Brings the memberships of at most `limit` users up to date whose timer is due. Returns how many there were.
    fn fire_timers(&self, catalog: Arc<Catalog>, now: Timestamp, limit: usize) -> Answer<'_, usize>;

    /// Lets go of at most `limit` batches of the record log whose time is over, as many changes of who is in which segment, and in
    /// passing of streams. Returns how many batches or changes there were, whichever were more.
    fn sweep(&self, now: Timestamp, limit: usize) -> Answer<'_, usize>;

    /// Whether batches are taken.
    fn check(&self) -> Answer<'_, ()>;

    /// Writes down what has not been, so that the next start is quick. Batches are no longer to be sent.
    fn close(&self) -> Answer<'_, ()>;

    /// Everything that is defined.
    fn load_catalog(&self) -> Answer<'_, Catalog>;

    /// Makes a workspace, or renames it.
    fn put_workspace(&self, id: WorkspaceId, name: String) -> Answer<'_, WorkspaceKey>;

    /// Adds a publishable key.
    fn put_sdk_key(&self, workspace: WorkspaceKey, key: String) -> Answer<'_, ()>;

    /// Adds a secret key.
    fn put_secret_key(&self, workspace: WorkspaceKey, key: KeyHash) -> Answer<'_, ()>;

    /// Sets whether flushes must prove who their users are.
    fn put_sdk_authentication(&self, workspace: WorkspaceKey, settings: SdkAuthentication) -> Answer<'_, ()>;

    /// Sets what holds for all campaigns. The definition has been checked.
    fn put_settings(&self, workspace: WorkspaceKey, definition: Value) -> Answer<'_, ()>;

    /// Makes a segment, or changes it. The filter has been checked.
    fn put_segment(&self, workspace: WorkspaceKey, id: SegmentId, name: String, filter: Value) -> Answer<'_, ()>;

    /// Makes a campaign, or changes it. The definition has been checked.
    fn put_campaign(&self, workspace: WorkspaceKey, id: CampaignId, definition: Value) -> Answer<'_, ()>;

    /// A user.
    fn user(&self, workspace: WorkspaceKey, user: UserRef) -> Answer<'_, Option<StoredUser>>;

    /// At most `limit` changes of who is in which segment after the one of that number, in their order.
    fn segment_changes(&self, workspace: WorkspaceKey, after: i64, limit: usize) -> Answer<'_, ChangePage>;

    /// How many are in each segment, by place. A segment that nobody ever was in may be missing.
    fn segment_sizes(&self, workspace: WorkspaceKey) -> Answer<'_, HashMap<u32, u64>>;

    /// How many were in a segment at the end of the last hours in which that changed, at most `limit` of them, in their order. The
    /// present hour may be missing.
    fn segment_history(&self, workspace: WorkspaceKey, segment: u32, limit: usize) -> Answer<'_, Vec<SizeAt>>;

    /// At most `limit` members of the segment at that place, by number, after that number.
    fn members(&self, workspace: WorkspaceKey, segment: u32, after: UserId, limit: usize) -> Answer<'_, Vec<UserId>>;

    /// Puts the questions of new and changed segments to users who have not been asked, of whatever workspace, for some steps of at most
    /// `limit` users. Returns how far it came.
    fn backfill(&self, catalog: Arc<Catalog>, now: Timestamp, limit: usize) -> Answer<'_, AskStep>;

    /// How many users of a workspace a filter holds for, as of some moment from now on, and at most `sample` of them. What it asks
    /// to be counted and is not, is counted from the log, which can take long.
    fn preview(
        &self,
        catalog: Arc<Catalog>,
        workspace: WorkspaceKey,
        filter: Filter,
        now: Timestamp,
        sample: usize,
    ) -> Answer<'_, Preview>;

    /// What of a user's records is to be counted: under which number, and when it was.
    fn count_for(
        &self,
        catalog: Arc<Catalog>,
        workspace: WorkspaceKey,
        user: UserRef,
        counters: WorkspaceCounters,
    ) -> Answer<'_, Vec<(u64, Timestamp)>>;

    /// Counts at most `limit` batches of the log for counters that are not complete.
    fn count(&self, catalog: Arc<Catalog>, now: Timestamp, limit: usize) -> Answer<'_, CountStep>;

    /// The numbers of a campaign's report, of the days from the first to the last.
    fn report(&self, workspace: WorkspaceKey, campaign: CampaignId, days: (Date, Date)) -> Answer<'_, ReportRows>;

    /// How far the back-fill of a workspace has come.
    fn backfill_of(&self, workspace: WorkspaceKey) -> Answer<'_, Backfill>;

    /// Records of a user, newest first. `None`: there is no such user.
    fn records(&self, workspace: WorkspaceKey, user: UserRef, query: RecordQuery) -> Answer<'_, Option<RecordPage>>;
}
