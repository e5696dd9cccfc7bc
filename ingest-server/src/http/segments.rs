//! `/api/v1/segments`.

use std::sync::Arc;

use axum::{
    Json,
    body::Body,
    extract::{Path, State},
    http::HeaderMap,
};
use kindling_core::{
    decode::{self, Fields},
    ids::SegmentId,
    segment::Filter,
    time::Timestamp,
    value::Value,
};
use serde::Serialize;

use super::{App, Problem, auth::Secret, body};
use crate::{
    catalog::{Segment, Workspace},
    now,
    segments::{self, HereIn, LinkError},
    store::{Backfill, Progress},
};

/// A segment as the API shows it.
#[derive(Serialize)]
pub(super) struct SegmentView {
    id: SegmentId,
    name: String,
    filter: Value,
    /// How many are in it.
    size: u64,
    /// While not all users have been asked whether they are in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    backfill: Option<BackfillView>,
}

/// How far finding out who is in it has come.
#[derive(Clone, Serialize)]
struct BackfillView {
    /// `counting`: it stays as it is until the record log has been counted for it. `asking`: users enter it and leave it as they
    /// are asked.
    stage: &'static str,
    /// From 0 to 100, of this stage.
    percent: u64,
    /// Batches of records that were counted, or users who were asked.
    done: u64,
    total: u64,
    started_at: Timestamp,
    /// When the stage ends, if it goes on as it went so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    expected_end_at: Option<Timestamp>,
}

impl BackfillView {
    fn new(stage: &'static str, progress: Progress, now: Timestamp) -> Self {
        let Progress { done, total, started_at } = progress;
        Self {
            stage,
            percent: progress.percent(),
            done,
            total,
            started_at,
            expected_end_at: progress.expected_end(now),
        }
    }
}

/// A list of segments.
#[derive(Serialize)]
pub(super) struct SegmentList {
    segments: Vec<SegmentView>,
}

/// Segments with how many are in them, in the order of their ids.
async fn views(
    app: &App,
    workspace: &Workspace,
    is_meant: impl Fn(&Segment) -> bool,
) -> Result<Vec<SegmentView>, Problem> {
    let sizes = app.store.segment_sizes(workspace.key).await?;
    let Backfill { counting, asking } = app.store.backfill_of(workspace.key).await?;
    let counting = counting.map(|progress| BackfillView::new("counting", progress, now()));
    let asking = asking.map(|progress| BackfillView::new("asking", progress, now()));
    let segments = (0_u32..).zip(&workspace.segments).filter(|(_, segment)| is_meant(segment));
    let mut views: Vec<SegmentView> = segments
        .map(|(place, segment)| SegmentView {
            id: segment.id.clone(),
            name: segment.name.clone(),
            filter: segment.definition.clone(),
            size: sizes.get(&place).copied().unwrap_or_default(),
            // When it has been counted and the catalog does not say so yet, everybody is about to be asked.
            backfill: counting.clone().filter(|_| segment.awaits_counters).or_else(|| asking.clone()),
        })
        .collect();
    views.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    Ok(views)
}

/// Links a filter that is not stored to the segments that it stands on.
pub(super) fn link_into(workspace: &Workspace, mut filter: Filter) -> Result<Filter, Problem> {
    let mut unknown = None;
    filter.link(&mut |id| {
        let segment = workspace.segment(id);
        if segment.is_none() {
            unknown = Some(id.clone());
        }
        segment.map(|segment| Arc::new(segment.filter.clone()))
    });
    if let Some(id) = unknown {
        return Err(Problem::invalid_link(&LinkError::Unknown(id)));
    }
    Ok(filter)
}

pub(super) fn parse_id(id: String) -> Result<SegmentId, Problem> {
    SegmentId::parse(id).map_err(|error| Problem::bad_request("invalid_id", format!("the segment's id: {error}")))
}

/// Every segment, in the order of ids.
pub(super) async fn list(State(app): State<App>, Secret(workspace): Secret) -> Result<Json<SegmentList>, Problem> {
    Ok(Json(SegmentList { segments: views(&app, &workspace, |segment| !segment.id.is_of_campaign()).await? }))
}

/// One segment.
pub(super) async fn get(
    State(app): State<App>,
    Secret(workspace): Secret,
    Path(id): Path<String>,
) -> Result<Json<SegmentView>, Problem> {
    view(&app, &workspace, &parse_id(id)?).await.map(Json)
}

async fn view(app: &App, workspace: &Workspace, id: &SegmentId) -> Result<SegmentView, Problem> {
    let view = views(app, workspace, |segment| segment.id == *id).await?.pop();
    view.ok_or_else(|| Problem::not_found(format!("there is no segment {id}")))
}

/// Makes or changes a segment: `{"name": "…", "filter": {…}}`.
pub(super) async fn put(
    State(app): State<App>,
    Secret(workspace): Secret,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<SegmentView>, Problem> {
    let id = parse_id(id)?;
    let definition = body::read_definition(&headers, body).await?;
    let path = &decode::Path::Definition;
    // What it is held against must still be so when it is stored.
    let _editing = app.catalogs.edit().await;
    let catalog = app.catalogs.current();
    let current = catalog.workspace(workspace.key).unwrap_or(&workspace);
    let read = read(&definition, path, &id, &HereIn(&current.counters));
    let (name, filter, parsed) = read.map_err(|error| Problem::invalid(&error))?;
    let mut filters = current.filters();
    filters.insert(id.clone(), parsed);
    segments::link(&mut filters).map_err(|error| Problem::invalid_link(&error))?;
    app.store.put_segment(workspace.key, id.clone(), name.clone(), filter.clone()).await?;
    app.catalogs.reload(app.store.as_ref()).await?;
    let catalog = app.catalogs.current();
    let workspace = catalog.workspace(workspace.key).unwrap_or(&workspace);
    view(&app, workspace, &id).await.map(Json)
}

fn read(
    definition: &Value,
    path: &decode::Path<'_>,
    id: &SegmentId,
    host: &HereIn<'_>,
) -> Result<(String, Value, Filter), decode::DecodeError> {
    let fields = Fields::of(definition, path)?;
    fields.only(&["name", "filter"], "name and filter only")?;
    let name = fields.text("name")?.unwrap_or(id.as_str()).to_owned();
    let filter = fields.read("filter", |value, path| Ok((value.clone(), Filter::parse_within(value, path, host)?)))?;
    let (filter, parsed) = filter.ok_or_else(|| fields.error("filter", "a filter"))?;
    Ok((name, filter, parsed))
}
