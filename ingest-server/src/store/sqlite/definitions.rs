//! Workspaces, keys, segments and campaigns.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use kindling_core::{
    ids::{CampaignId, SegmentId, UserId, WorkspaceId},
    segment::Filter,
    time::Timestamp,
    value::Value,
};
use rusqlite::{Connection, OptionalExtension as _, params};
use sha2::{Digest as _, Sha256};
use tracing::warn;

use super::{
    counting,
    rows::{from_json, to_json},
};
use crate::{
    campaign::Campaign,
    catalog::{CampaignEntry, Catalog, Counter, KeyHash, Segment, Workspace},
    sdk_authentication::SdkAuthentication,
    segments::{self, Here, HereIn},
    settings::Settings,
    store::{StoreError, WorkspaceKey},
};

pub(super) fn put_workspace(connection: &Connection, id: &WorkspaceId, name: &str) -> Result<WorkspaceKey, StoreError> {
    let name = if name.is_empty() { id.as_str() } else { name };
    let key = connection.query_row(
        "INSERT INTO workspaces (id, name) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET name = excluded.name RETURNING key",
        params![id.as_str(), name],
        |row| row.get(0),
    )?;
    Ok(WorkspaceKey(key))
}

/// A key that another workspace has is refused by the foreign workspace's row, not taken over.
pub(super) fn put_sdk_key(connection: &Connection, workspace: WorkspaceKey, key: &str) -> Result<(), StoreError> {
    let owner: i64 = connection.query_row(
        "INSERT INTO sdk_keys (sdk_key, workspace) VALUES (?1, ?2)
         ON CONFLICT (sdk_key) DO UPDATE SET workspace = workspace RETURNING workspace",
        params![key, workspace.0],
        |row| row.get(0),
    )?;
    own(owner, workspace)
}

pub(super) fn put_secret_key(connection: &Connection, workspace: WorkspaceKey, key: KeyHash) -> Result<(), StoreError> {
    let owner: i64 = connection.query_row(
        "INSERT INTO secret_keys (hash, workspace) VALUES (?1, ?2)
         ON CONFLICT (hash) DO UPDATE SET workspace = workspace RETURNING workspace",
        params![key.0, workspace.0],
        |row| row.get(0),
    )?;
    own(owner, workspace)
}

fn own(owner: i64, workspace: WorkspaceKey) -> Result<(), StoreError> {
    if owner == workspace.0 {
        Ok(())
    } else {
        Err(StoreError::Corrupt("the key belongs to another workspace".to_owned()))
    }
}

pub(super) fn put_sdk_authentication(
    connection: &Connection,
    workspace: WorkspaceKey,
    settings: &SdkAuthentication,
) -> Result<(), StoreError> {
    connection.execute(
        "UPDATE workspaces SET sdk_authentication = ?2 WHERE key = ?1",
        params![workspace.0, to_json(settings)?],
    )?;
    Ok(())
}

pub(super) fn put_settings(
    connection: &Connection,
    workspace: WorkspaceKey,
    definition: &Value,
) -> Result<(), StoreError> {
    connection
        .execute("UPDATE workspaces SET settings = ?2 WHERE key = ?1", params![workspace.0, to_json(definition)?])?;
    Ok(())
}

/// Makes a segment or changes it. Returns what is counted because of it, and what no longer is.
pub(super) fn put_segment(
    connection: &mut Connection,
    workspace: WorkspaceKey,
    id: &SegmentId,
    name: &str,
    filter: &Value,
    asked: Asked,
) -> Result<counting::Registered, StoreError> {
    let transaction = connection.transaction()?;
    let json = to_json(filter)?;
    let known: Option<String> = transaction
        .query_row(
            "SELECT filter FROM segments WHERE workspace = ?1 AND id = ?2",
            params![workspace.0, id.as_str()],
            |row| row.get(0),
        )
        .optional()?;
    if known.as_ref() == Some(&json) {
        transaction.execute(
            "UPDATE segments SET name = ?3 WHERE workspace = ?1 AND id = ?2",
            params![workspace.0, id.as_str(), name],
        )?;
        transaction.commit()?;
        return Ok(counting::Registered::default());
    }
    let parsed = Filter::parse(filter, &Here).map_err(|error| StoreError::Corrupt(format!("segment {id}: {error}")))?;
    transaction.execute("UPDATE workspaces SET revision = revision + 1 WHERE key = ?1", [workspace.0])?;
    transaction.execute(
        "INSERT INTO segments (workspace, id, name, filter, place, changed_in, counts)
         VALUES (?1, ?2, ?3, ?4, (SELECT count(*) FROM segments WHERE workspace = ?1),
             (SELECT revision FROM workspaces WHERE key = ?1), ?5)
         ON CONFLICT (workspace, id) DO UPDATE SET name = excluded.name, filter = excluded.filter,
             changed_in = excluded.changed_in, counts = excluded.counts",
        params![workspace.0, id.as_str(), name, json, to_json(&counting::definitions(&parsed))?],
    )?;
    let registered = counting::register(&transaction, workspace, &parsed, asked)?;
    if !registered.is_awaited() {
        ask_everybody(&transaction, workspace, asked)?;
    }
    transaction.commit()?;
    Ok(registered)
}

/// What is so when a definition is changed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    /// When that is.
    pub(super) now: Timestamp,
    /// The last user there is.
    pub(super) last_user: UserId,
    /// The batches that the log has: the first, and the last.
    pub(super) batches: (i64, i64),
}

/// Has everybody asked what the workspace's segments want to know, from the first user on.
pub(super) fn ask_everybody(log: &Connection, workspace: WorkspaceKey, asked: Asked) -> Result<(), StoreError> {
    log.execute(
        "INSERT OR REPLACE INTO backfills (workspace, revision, cursor, last_user, done, started_at)
         SELECT key, revision, 0, ?3, 0, ?2 FROM workspaces WHERE key = ?1",
        params![workspace.0, asked.now.as_ms(), asked.last_user.0],
    )?;
    Ok(())
}

pub(super) fn put_campaign(
    connection: &Connection,
    workspace: WorkspaceKey,
    id: &CampaignId,
    definition: &Value,
) -> Result<(), StoreError> {
    connection.execute(
        "INSERT INTO campaigns (workspace, id, definition) VALUES (?1, ?2, ?3)
         ON CONFLICT (workspace, id) DO UPDATE SET definition = excluded.definition",
        params![workspace.0, id.as_str(), to_json(definition)?],
    )?;
    Ok(())
}

/// Loads and compiles everything that is defined.
pub(super) fn load(connection: &Connection) -> Result<Catalog, StoreError> {
    let mut catalog = Catalog::default();
    let mut statement = connection.prepare("SELECT key, id, name, revision FROM workspaces")?;
    let rows = statement.query_map([], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?, row.get::<_, i64>(3)?))
    })?;
    for row in rows {
        let (key, id, name, revision) = row?;
        let id = WorkspaceId::parse(id).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        let key = WorkspaceKey(key);
        let counters = counting::counters(connection, key)?;
        let segments = load_segments(connection, key, &counters)?;
        let campaigns = load_campaigns(connection, key)?;
        let sdk_keys = column(connection, "SELECT sdk_key FROM sdk_keys WHERE workspace = ?1", key)?;
        let secret_keys = column(connection, "SELECT hash FROM secret_keys WHERE workspace = ?1", key)?;
        let settings = load_settings(connection, key)?;
        let mut workspace = Workspace::new((key, id, name), revision, segments, campaigns, settings);
        workspace.counters = counters;
        workspace.sdk_authentication = load_sdk_authentication(connection, key)?;
        catalog.insert(workspace, sdk_keys, secret_keys.into_iter().map(KeyHash).collect());
    }
    Ok(catalog)
}

fn load_sdk_authentication(connection: &Connection, workspace: WorkspaceKey) -> Result<SdkAuthentication, StoreError> {
    let stored: Option<String> =
        connection
            .query_row("SELECT sdk_authentication FROM workspaces WHERE key = ?1", [workspace.0], |row| row.get(0))?;
    let Some(json) = stored else { return Ok(SdkAuthentication::default()) };
    let definition: Value = from_json("SDK authentication", &json)?;
    SdkAuthentication::parse(&definition)
        .map_err(|error| StoreError::Corrupt(format!("the SDK authentication of a workspace: {error}")))
}

fn load_settings(connection: &Connection, workspace: WorkspaceKey) -> Result<Settings, StoreError> {
    let sql = "SELECT settings FROM workspaces WHERE key = ?1";
    let stored: Option<String> = connection.query_row(sql, [workspace.0], |row| row.get(0))?;
    let Some(json) = stored else { return Ok(Settings::default()) };
    Settings::parse(&from_json("settings", &json)?)
        .map_err(|error| StoreError::Corrupt(format!("the settings of a workspace: {error}")))
}

fn column<T: rusqlite::types::FromSql>(
    connection: &Connection,
    sql: &str,
    workspace: WorkspaceKey,
) -> Result<Vec<T>, StoreError> {
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([workspace.0], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn load_segments(
    connection: &Connection,
    workspace: WorkspaceKey,
    counters: &HashMap<u64, Counter>,
) -> Result<Vec<Segment>, StoreError> {
    let mut statement =
        connection.prepare("SELECT id, name, filter, changed_in FROM segments WHERE workspace = ?1 ORDER BY place")?;
    let rows = statement.query_map([workspace.0], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?, row.get(3)?))
    })?;
    let mut segments = Vec::new();
    for row in rows {
        let (id, name, filter, changed_in) = row?;
        let corrupt = |error: &dyn std::fmt::Display| StoreError::Corrupt(format!("segment {id}: {error}"));
        let definition: Value = from_json("a filter", &filter)?;
        segments.push(Segment {
            filter: Filter::parse(&definition, &HereIn(counters)).map_err(|error| corrupt(&error))?,
            id: SegmentId::recall(&id).map_err(|error| corrupt(&error))?,
            name,
            definition,
            changed_in,
            awaits_counters: false,
        });
    }
    link(&mut segments, workspace);
    let incomplete: HashSet<u64> =
        counters.values().filter(|counter| !counter.is_complete).map(|counter| counter.number).collect();
    for segment in &mut segments {
        segment.awaits_counters = segment.filter.tracked().iter().any(|tracked| incomplete.contains(&tracked.id));
    }
    Ok(segments)
}

fn link(segments: &mut [Segment], workspace: WorkspaceKey) {
    let mut filters = segments.iter().map(|segment| (segment.id.clone(), segment.filter.clone())).collect();
    if let Err(error) = segments::link(&mut filters) {
        // It is checked before it is stored.
        warn!(workspace = workspace.0, %error, "a segment holds for nobody");
    }
    let changed_in: HashMap<SegmentId, i64> =
        segments.iter().map(|segment| (segment.id.clone(), segment.changed_in)).collect();
    for segment in segments {
        let Some(filter) = filters.remove(&segment.id) else { continue };
        // Who is in it also becomes another question when one of those that it stands on does.
        filter.visit_linked(&mut |id| {
            segment.changed_in = segment.changed_in.max(changed_in.get(id).copied().unwrap_or_default());
        });
        segment.filter = filter;
    }
}

fn load_campaigns(connection: &Connection, workspace: WorkspaceKey) -> Result<Vec<CampaignEntry>, StoreError> {
    let mut statement = connection.prepare("SELECT id, definition FROM campaigns WHERE workspace = ?1 ORDER BY id")?;
    let rows = statement.query_map([workspace.0], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
    let mut campaigns = Vec::new();
    for row in rows {
        let (id, json) = row?;
        let corrupt = |error: &dyn std::fmt::Display| StoreError::Corrupt(format!("campaign {id}: {error}"));
        let definition: Value = from_json("a campaign", &json)?;
        let id = CampaignId::parse(id.as_str()).map_err(|error| corrupt(&error))?;
        let campaign = Campaign::parse(id.clone(), &definition).map_err(|error| corrupt(&error))?;
        let digest = Sha256::new().chain_update(id.as_str()).chain_update([0]).chain_update(&json).finalize().into();
        campaigns.push(CampaignEntry { id, campaign, definition, digest, losses: Arc::default() });
    }
    Ok(campaigns)
}
