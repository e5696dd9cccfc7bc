//! Where everything is kept.

mod sqlite;

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use kindling_core::{
    ids::{CampaignId, DeviceId, ExternalId, SegmentId, StreamId, UserId, WorkspaceId},
    profile::Profile,
    protocol::FlushAnswer,
    time::Timestamp,
    value::Value,
};

pub use sqlite::SqliteStore;

use crate::{
    catalog::{Catalog, KeyHash},
    ingest::Batch,
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
    /// The store has been closed, or has stopped after a failure that it must not go on after.
    #[error("the store is closed")]
    Closed,
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
    /// By a device: whoever used it last.
    Device(DeviceId),
}

/// A user with what is kept beside the profile.
#[derive(Debug, Clone)]
pub struct StoredUser {
    /// The number.
    pub id: UserId,
    /// The external id, once they signed in.
    pub external_id: Option<ExternalId>,
    /// Their devices, the last used first.
    pub devices: Vec<DeviceId>,
    /// All that is known of them.
    pub profile: Profile,
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

/// Keeps everything. Methods take and return sets where that saves round trips, and assume neither a single node nor a cache
/// that is always right.
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// Applies a group of batches with [`crate::ingest::apply`], in one transaction. Resolves when it is durable.
    fn ingest(&self, group: Vec<Batch>) -> Answer<'_, Vec<FlushAnswer>>;

    /// Brings the memberships of at most `limit` users up to date whose timer is due. Returns how many there were.
    fn fire_timers(&self, catalog: Arc<Catalog>, now: Timestamp, limit: usize) -> Answer<'_, usize>;

    /// Whether the store answers.
    fn check(&self) -> Answer<'_, ()>;

    /// Everything that is defined.
    fn load_catalog(&self) -> Answer<'_, Catalog>;

    /// Makes a workspace, or renames it.
    fn put_workspace(&self, id: WorkspaceId, name: String) -> Answer<'_, WorkspaceKey>;

    /// Adds a publishable key.
    fn put_sdk_key(&self, workspace: WorkspaceKey, key: String) -> Answer<'_, ()>;

    /// Adds a secret key.
    fn put_secret_key(&self, workspace: WorkspaceKey, key: KeyHash) -> Answer<'_, ()>;

    /// Makes a segment, or changes it. The filter has been checked.
    fn put_segment(&self, workspace: WorkspaceKey, id: SegmentId, name: String, filter: Value) -> Answer<'_, ()>;

    /// Makes a campaign, or changes it. The definition has been checked.
    fn put_campaign(&self, workspace: WorkspaceKey, id: CampaignId, definition: Value) -> Answer<'_, ()>;

    /// A user.
    fn user(&self, workspace: WorkspaceKey, user: UserRef) -> Answer<'_, Option<StoredUser>>;

    /// Records of a user, newest first. `None`: there is no such user.
    fn records(
        &self,
        workspace: WorkspaceKey,
        user: UserRef,
        before: Option<RecordCursor>,
        limit: usize,
    ) -> Answer<'_, Option<RecordPage>>;
}
