//! What is defined in each workspace, compiled and held in memory: keys, segments, campaigns.
//!
//! A catalog is immutable. When a definition changes, the next catalog is loaded from the store and takes the place of the last
//! one; whoever works with the last one finishes with it.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, PoisonError, RwLock},
};

use kindling_core::{
    conversion::ConversionIndex,
    ids::{CampaignId, SegmentId, WorkspaceId},
    segment::{Filter, SegmentIndex},
    value::Value,
};
use sha2::{Digest as _, Sha256};

use crate::{
    campaign::Campaign,
    ingest::WorkspaceCounters,
    messages::Candidates,
    personalization::Losses,
    sdk_authentication::SdkAuthentication,
    settings::Settings,
    store::{Store, StoreError, WorkspaceKey},
};

/// A secret key as it is stored: only its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyHash(pub [u8; 32]);

impl KeyHash {
    /// Hashes a key.
    pub fn of(key: &str) -> Self {
        Self(Sha256::digest(key.as_bytes()).into())
    }
}

/// Everything that is defined.
#[derive(Debug, Default)]
pub struct Catalog {
    workspaces: HashMap<WorkspaceKey, Arc<Workspace>>,
    sdk_keys: HashMap<String, WorkspaceKey>,
    secret_keys: HashMap<KeyHash, WorkspaceKey>,
}

/// What is defined in one workspace.
#[derive(Debug)]
pub struct Workspace {
    /// How the store names it.
    pub key: WorkspaceKey,
    /// Its id.
    pub id: WorkspaceId,
    /// Its name, for people.
    pub name: String,
    /// Grows with every change of its segments.
    pub revision: i64,
    /// Its segments, each at its place, which stays.
    pub segments: Vec<Segment>,
    /// Which segments look at which part of a user. Those that await counters look at nothing.
    pub index: SegmentIndex,
    /// What is counted because segments ask for it, by definition.
    pub counters: HashMap<u64, Counter>,
    /// Its campaigns, in the order of their ids.
    pub campaigns: Vec<CampaignEntry>,
    /// What counts as a conversion of them, by what happens.
    pub conversions: ConversionIndex,
    /// What holds for all of those.
    pub settings: Settings,
    /// Whether flushes must prove who their users are.
    pub sdk_authentication: SdkAuthentication,
    places: HashMap<SegmentId, u32>,
    candidates: Candidates,
}

/// A segment.
#[derive(Debug, Clone)]
pub struct Segment {
    /// Its id.
    pub id: SegmentId,
    /// Its name, for people.
    pub name: String,
    /// Who is in it.
    pub filter: Filter,
    /// The filter as it was written.
    pub definition: Value,
    /// The revision in which who is in it last became another question.
    pub changed_in: i64,
    /// Whether it asks for counters that the record log has not all been counted for: it stays as it is until then.
    pub awaits_counters: bool,
}

/// A counter of a workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counter {
    /// The number under which profiles count.
    pub number: u64,
    /// Batches of the log up to this one were there before the counter.
    pub since: i64,
    /// Whether those have been counted.
    pub is_complete: bool,
}

/// A campaign with what it was made from.
#[derive(Debug, Clone)]
pub struct CampaignEntry {
    /// Its id.
    pub id: CampaignId,
    /// The campaign.
    pub campaign: Campaign,
    /// As it was written.
    pub definition: Value,
    /// Names this state of the campaign's message.
    pub digest: [u8; 32],
    /// How often nothing came of it for a user. It stays when the catalog is loaded anew.
    pub losses: Arc<Losses>,
}

impl Workspace {
    /// A workspace with these segments, in the order of their places, campaigns, in the order of their ids, and settings.
    pub fn new(
        (key, id, name): (WorkspaceKey, WorkspaceId, String),
        revision: i64,
        segments: Vec<Segment>,
        campaigns: Vec<CampaignEntry>,
        settings: Settings,
    ) -> Self {
        let nobody = Filter::Any(Vec::new());
        let index = SegmentIndex::new(
            segments.iter().map(|segment| if segment.awaits_counters { &nobody } else { &segment.filter }),
        );
        let places = (0..).zip(&segments).map(|(place, segment)| (segment.id.clone(), place)).collect();
        let candidates = Candidates::new(&campaigns, &places, &settings);
        let conversions = campaigns.iter().map(|entry| (&entry.id, entry.campaign.conversions.as_slice()));
        let conversions = ConversionIndex::new(conversions);
        let (counters, sdk_authentication) = (HashMap::new(), SdkAuthentication::default());
        Self {
            key,
            id,
            name,
            revision,
            segments,
            index,
            counters,
            campaigns,
            conversions,
            settings,
            sdk_authentication,
            places,
            candidates,
        }
    }

    /// The place of the segment of that id.
    pub fn segment_place(&self, id: &SegmentId) -> Option<u32> {
        self.places.get(id).copied()
    }

    /// The filters of its segments.
    pub fn filters(&self) -> BTreeMap<SegmentId, Filter> {
        self.segments.iter().map(|segment| (segment.id.clone(), segment.filter.clone())).collect()
    }

    /// The places of the segments that became another question after a revision.
    pub fn changed_since(&self, revision: i64) -> impl Iterator<Item = u32> {
        let is_meant = move |segment: &Segment| segment.changed_in > revision && !segment.awaits_counters;
        (0..).zip(&self.segments).filter(move |(_, segment)| is_meant(segment)).map(|(place, _)| place)
    }

    /// What a filter asks to be counted that is not, or not completely.
    pub fn uncounted(&self, filter: &Filter) -> WorkspaceCounters {
        let complete: HashSet<u64> =
            self.counters.values().filter(|counter| counter.is_complete).map(|counter| counter.number).collect();
        let mut uncounted = WorkspaceCounters::default();
        for tracked in filter.tracked().iter().filter(|tracked| !complete.contains(&tracked.id)) {
            uncounted.add(tracked, i64::MAX);
        }
        uncounted
    }

    /// The segment of that id.
    pub fn segment(&self, id: &SegmentId) -> Option<&Segment> {
        self.segments.get(self.segment_place(id)? as usize)
    }

    /// The campaigns, those first whose message a device would rather have.
    pub fn ranked_campaigns(&self) -> impl Iterator<Item = &CampaignEntry> {
        self.candidates.ranked().iter().filter_map(|place| self.campaigns.get(*place as usize))
    }

    /// Which campaigns come into question for whom.
    pub const fn candidates(&self) -> &Candidates {
        &self.candidates
    }

    /// The campaign of that id.
    pub fn campaign(&self, id: &CampaignId) -> Option<&CampaignEntry> {
        let place = self.campaigns.binary_search_by(|entry| entry.id.cmp(id)).ok()?;
        self.campaigns.get(place)
    }
}

impl Catalog {
    /// Adds a workspace with its keys.
    pub fn insert(&mut self, workspace: Workspace, sdk_keys: Vec<String>, secret_keys: Vec<KeyHash>) {
        let key = workspace.key;
        self.sdk_keys.extend(sdk_keys.into_iter().map(|sdk_key| (sdk_key, key)));
        self.secret_keys.extend(secret_keys.into_iter().map(|hash| (hash, key)));
        self.workspaces.insert(key, Arc::new(workspace));
    }

    /// Goes on with what the catalog before it counted.
    fn go_on_counting(&mut self, before: &Self) {
        for (key, workspace) in &mut self.workspaces {
            let (Some(workspace), Some(before)) = (Arc::get_mut(workspace), before.workspaces.get(key)) else {
                continue;
            };
            for entry in &mut workspace.campaigns {
                if let Some(before) = before.campaign(&entry.id) {
                    entry.losses = Arc::clone(&before.losses);
                }
            }
        }
    }

    /// The workspace.
    pub fn workspace(&self, key: WorkspaceKey) -> Option<&Arc<Workspace>> {
        self.workspaces.get(&key)
    }

    /// All workspaces.
    pub fn workspaces(&self) -> impl Iterator<Item = &Arc<Workspace>> {
        self.workspaces.values()
    }

    /// The workspace that a publishable key is for.
    pub fn by_sdk_key(&self, key: &str) -> Option<&Arc<Workspace>> {
        self.workspace(*self.sdk_keys.get(key)?)
    }

    /// The workspace that a secret key is for. Looking up by hash takes no longer for a good guess than for a bad one.
    pub fn by_secret_key(&self, key: &str) -> Option<&Arc<Workspace>> {
        self.workspace(*self.secret_keys.get(&KeyHash::of(key))?)
    }
}

/// The current catalog.
#[derive(Debug)]
pub struct Catalogs {
    current: RwLock<Arc<Catalog>>,
    /// Held from reading the store to putting the result in place, so that an older reading never replaces a newer one.
    loading: tokio::sync::Mutex<()>,
    editing: tokio::sync::Mutex<()>,
}

impl Catalogs {
    /// Starts with what the store has.
    pub async fn load(store: &dyn Store) -> Result<Self, StoreError> {
        let current = RwLock::new(Arc::new(store.load_catalog().await?));
        Ok(Self { current, loading: tokio::sync::Mutex::default(), editing: tokio::sync::Mutex::default() })
    }

    /// The current catalog.
    pub fn current(&self) -> Arc<Catalog> {
        // Nothing panics while it holds the lock, and a whole catalog is in there in any case.
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// To be held by whoever changes definitions that others stand on, from looking at them to having stored them.
    pub async fn edit(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.editing.lock().await
    }

    /// Puts in place what the store has now. To be called after every change of a definition.
    pub async fn reload(&self, store: &dyn Store) -> Result<(), StoreError> {
        let _loading = self.loading.lock().await;
        let mut catalog = store.load_catalog().await?;
        catalog.go_on_counting(&self.current());
        let catalog = Arc::new(catalog);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = catalog;
        Ok(())
    }
}
