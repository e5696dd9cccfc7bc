//! `/api/v1/segments`.

use std::collections::BTreeMap;

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
    value::Value,
};
use serde::Serialize;

use super::{App, Problem, auth::Secret, body};
use crate::{
    catalog::Segment,
    segments::{self, Here},
};

/// A segment as the API shows it.
#[derive(Serialize)]
pub(super) struct SegmentView {
    id: SegmentId,
    name: String,
    filter: Value,
}

/// A list of segments.
#[derive(Serialize)]
pub(super) struct SegmentList {
    segments: Vec<SegmentView>,
}

impl From<&Segment> for SegmentView {
    fn from(segment: &Segment) -> Self {
        Self { id: segment.id.clone(), name: segment.name.clone(), filter: segment.definition.clone() }
    }
}

fn parse_id(id: String) -> Result<SegmentId, Problem> {
    SegmentId::parse(id).map_err(|error| Problem::bad_request("invalid_id", format!("the segment's id: {error}")))
}

/// Every segment, in the order of ids.
pub(super) async fn list(Secret(workspace): Secret) -> Json<SegmentList> {
    Json(SegmentList { segments: workspace.segments.iter().map(SegmentView::from).collect() })
}

/// One segment.
pub(super) async fn get(Secret(workspace): Secret, Path(id): Path<String>) -> Result<Json<SegmentView>, Problem> {
    let id = parse_id(id)?;
    let segment = workspace.segment(&id).ok_or_else(|| Problem::not_found(format!("there is no segment {id}")))?;
    Ok(Json(segment.into()))
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
    let (name, filter, parsed) = read(&definition, path, &id).map_err(|error| Problem::invalid(&error))?;
    // What it is held against must still be so when it is stored.
    let _editing = app.catalogs.edit().await;
    let catalog = app.catalogs.current();
    let stored = catalog.workspace(workspace.key).map(|workspace| workspace.segments.as_slice()).unwrap_or_default();
    let mut filters: BTreeMap<SegmentId, Filter> =
        stored.iter().map(|segment| (segment.id.clone(), segment.filter.clone())).collect();
    filters.insert(id.clone(), parsed);
    segments::link(&mut filters).map_err(|error| Problem::invalid_link(&error))?;
    app.store.put_segment(workspace.key, id.clone(), name.clone(), filter.clone()).await?;
    app.catalogs.reload(app.store.as_ref()).await?;
    Ok(Json(SegmentView { id, name, filter }))
}

fn read(
    definition: &Value,
    path: &decode::Path<'_>,
    id: &SegmentId,
) -> Result<(String, Value, Filter), decode::DecodeError> {
    let fields = Fields::of(definition, path)?;
    fields.only(&["name", "filter"], "name and filter only")?;
    let name = fields.text("name")?.unwrap_or(id.as_str()).to_owned();
    let filter = fields.read("filter", |value, path| Ok((value.clone(), Filter::parse_within(value, path, &Here)?)))?;
    let (filter, parsed) = filter.ok_or_else(|| fields.error("filter", "a filter"))?;
    Ok((name, filter, parsed))
}
