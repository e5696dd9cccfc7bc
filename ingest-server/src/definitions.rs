//! Definitions files: a workspace with its keys, segments, campaigns and what it asks of SDKs, applied at start.
//!
//! Applying a file again changes nothing; what it does not name stays as it is.

use std::{fs, path::Path};

use anyhow::{Context as _, bail};
use kindling_core::{
    ids::{CampaignId, SegmentId, WorkspaceId},
    segment::Filter,
    value::{Object, Value},
};
use serde::Deserialize;

use crate::{
    campaign::{Audience, Campaign, nobody},
    catalog::KeyHash,
    sdk_authentication::SdkAuthentication,
    segments::{self, HereIn},
    settings::Settings,
    store::Store,
};

/// A definitions file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definitions {
    workspace: WorkspaceDefinition,
    #[serde(default)]
    keys: KeyDefinitions,
    /// As in `PUT /api/v1/sdk_authentication`.
    sdk_authentication: Option<Value>,
    /// As in `PUT /api/v1/settings`.
    settings: Option<Value>,
    #[serde(default)]
    segments: Vec<SegmentDefinition>,
    /// Each as in `PUT /api/v1/campaigns/{id}`, with its id beside.
    #[serde(default)]
    campaigns: Vec<Object>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WorkspaceDefinition {
    id: WorkspaceId,
    #[serde(default)]
    name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyDefinitions {
    /// Publishable: they stand in web pages.
    #[serde(default)]
    sdk: Vec<String>,
    /// For the management API.
    #[serde(default)]
    secret: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SegmentDefinition {
    id: SegmentId,
    #[serde(default)]
    name: String,
    filter: Value,
}

impl Definitions {
    /// Reads a file.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("reading {}", path.display()))
    }

    /// Puts everything into the store.
    pub async fn apply(self, store: &dyn Store) -> anyhow::Result<()> {
        let workspace = store.put_workspace(self.workspace.id, self.workspace.name).await?;
        for key in self.keys.sdk {
            store.put_sdk_key(workspace, key).await.context("an SDK key")?;
        }
        for key in self.keys.secret {
            store.put_secret_key(workspace, KeyHash::of(&key)).await.context("a secret key")?;
        }
        if let Some(definition) = &self.sdk_authentication {
            let settings = SdkAuthentication::parse(definition).context("sdk_authentication")?;
            store.put_sdk_authentication(workspace, settings).await?;
        }
        if let Some(definition) = self.settings {
            Settings::parse(&definition).context("settings")?;
            store.put_settings(workspace, definition).await?;
        }
        let catalog = store.load_catalog().await?;
        let current = catalog.workspace(workspace);
        let mut filters = current.map(|workspace| workspace.filters()).unwrap_or_default();
        let counters = current.map(|workspace| workspace.counters.clone()).unwrap_or_default();
        for SegmentDefinition { id, filter, .. } in &self.segments {
            let filter =
                Filter::parse(filter, &HereIn(&counters)).with_context(|| format!("the filter of segment {id}"))?;
            filters.insert(id.clone(), filter);
        }
        let campaigns = self.campaigns.into_iter().map(read_campaign).collect::<anyhow::Result<Vec<_>>>()?;
        for (campaign, _) in &campaigns {
            if let Some(filter) = campaign.own_filter() {
                let parsed = Filter::parse(&filter, &HereIn(&counters))
                    .with_context(|| format!("the filter of campaign {}", campaign.id))?;
                filters.insert(SegmentId::of_campaign(&campaign.id), parsed);
            }
        }
        // Of all of them together: one may stand on another that comes later.
        segments::link(&mut filters)?;
        for (campaign, _) in &campaigns {
            if let Audience::Segment(segment) = &campaign.audience
                && !filters.contains_key(segment)
            {
                bail!("campaign {}: there is no segment {segment}", campaign.id);
            }
        }
        for SegmentDefinition { id, name, filter } in self.segments {
            let name = if name.is_empty() { id.to_string() } else { name };
            store.put_segment(workspace, id, name, filter).await?;
        }
        for (campaign, definition) in campaigns {
            let own = SegmentId::of_campaign(&campaign.id);
            let is_known = current.is_some_and(|workspace| workspace.segment(&own).is_some());
            if let Some(filter) = campaign.own_filter().or_else(|| is_known.then(nobody)) {
                store.put_segment(workspace, own, campaign.name, filter).await?;
            }
            store.put_campaign(workspace, campaign.id, definition).await?;
        }
        Ok(())
    }
}

fn read_campaign(mut definition: Object) -> anyhow::Result<(Campaign, Value)> {
    let Some(Value::String(id)) = definition.remove("id") else { bail!("a campaign has no id") };
    let id = CampaignId::parse(id).context("the id of a campaign")?;
    let definition = Value::Object(definition);
    let campaign = Campaign::parse(id.clone(), &definition).with_context(|| format!("campaign {id}"))?;
    Ok((campaign, definition))
}
