//! `/api/v1/campaigns`.

use axum::{
    Json,
    body::Body,
    extract::{Path, State},
    http::HeaderMap,
};
use kindling_core::{
    decode,
    ids::{CampaignId, SegmentId},
    segment::Filter,
    value::{Object, Value},
};
use serde::Serialize;

use super::{App, Problem, auth::Secret, body};
use crate::{
    campaign::{Audience, Campaign, nobody},
    catalog::{CampaignEntry, Workspace},
    personalization::LossCounts,
    segments::{self, HereIn},
};

/// A campaign as the API shows it: its definition, with its id.
#[derive(Serialize)]
pub(super) struct CampaignView {
    id: CampaignId,
    #[serde(flatten)]
    definition: Object,
    /// Of a message with templates: how often nothing came of it since the server started.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_rendered: Option<LossCounts>,
}

/// A list of campaigns.
#[derive(Serialize)]
pub(super) struct CampaignList {
    campaigns: Vec<CampaignView>,
}

fn view(id: &CampaignId, definition: &Value) -> CampaignView {
    let definition = definition.as_object().cloned().unwrap_or_default();
    CampaignView { id: id.clone(), definition, not_rendered: None }
}

impl From<&CampaignEntry> for CampaignView {
    fn from(entry: &CampaignEntry) -> Self {
        let not_rendered = entry.campaign.variants.have_templates().then(|| entry.losses.counts());
        Self { not_rendered, ..view(&entry.id, &entry.definition) }
    }
}

pub(super) fn parse_id(id: String) -> Result<CampaignId, Problem> {
    CampaignId::parse(id).map_err(|error| Problem::bad_request("invalid_id", format!("the campaign's id: {error}")))
}

/// Every campaign, in the order of ids.
pub(super) async fn list(Secret(workspace): Secret) -> Json<CampaignList> {
    let campaigns = workspace.campaigns.iter().map(CampaignView::from).collect();
    Json(CampaignList { campaigns })
}

/// One campaign.
pub(super) async fn get(Secret(workspace): Secret, Path(id): Path<String>) -> Result<Json<CampaignView>, Problem> {
    let id = parse_id(id)?;
    let entry = workspace.campaign(&id).ok_or_else(|| Problem::not_found(format!("there is no campaign {id}")))?;
    Ok(Json(entry.into()))
}

/// Makes or changes a campaign: see [`Campaign`].
pub(super) async fn put(
    State(app): State<App>,
    Secret(workspace): Secret,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<CampaignView>, Problem> {
    let id = parse_id(id)?;
    let definition = body::read_definition(&headers, body).await?;
    let campaign = Campaign::parse(id.clone(), &definition).map_err(|error| Problem::invalid(&error))?;
    // What it is held against must still be so when it is stored.
    let _editing = app.catalogs.edit().await;
    let catalog = app.catalogs.current();
    let current = catalog.workspace(workspace.key).unwrap_or(&workspace);
    check_audience(current, &campaign)?;
    let own = SegmentId::of_campaign(&id);
    match campaign.own_filter() {
        Some(filter) => app.store.put_segment(workspace.key, own, campaign.name, filter).await?,
        None if current.segment(&own).is_some() => {
            app.store.put_segment(workspace.key, own, campaign.name, nobody()).await?;
        }
        None => {}
    }
    app.store.put_campaign(workspace.key, id.clone(), definition.clone()).await?;
    app.catalogs.reload(app.store.as_ref()).await?;
    Ok(Json(view(&id, &definition)))
}

/// Whether there can be such an audience.
fn check_audience(workspace: &Workspace, campaign: &Campaign) -> Result<(), Problem> {
    match &campaign.audience {
        Audience::Segment(segment) if workspace.segment(segment).is_none() => {
            Err(Problem::bad_request("unknown_segment", format!("there is no segment {segment}")))
        }
        Audience::Everybody | Audience::Segment(_) => Ok(()),
        Audience::Filter(filter, _) => {
            let path = &decode::Path::Member(&decode::Path::Definition, "filter");
            let parsed = Filter::parse_within(filter, path, &HereIn(&workspace.counters));
            let mut filters = workspace.filters();
            filters.insert(SegmentId::of_campaign(&campaign.id), parsed.map_err(|error| Problem::invalid(&error))?);
            segments::link(&mut filters).map_err(|error| Problem::invalid_link(&error))
        }
    }
}
