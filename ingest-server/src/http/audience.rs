//! Who is in segments: members, entering and leaving, previews, and why somebody is in one or not.

use std::sync::Arc;

use axum::{
    Json,
    body::Body,
    extract::{Path, Query, State},
    http::HeaderMap,
};
use kindling_core::{
    decode::{self, Fields},
    ids::{ExternalId, SegmentId, UserId},
    segment::{Explanation, Filter, explain},
    time::Timestamp,
    value::Value,
};
use serde::{Deserialize, Serialize};

use super::{
    App, Problem,
    auth::Secret,
    body,
    segments::{link_into, parse_id},
    users::{parse_user, unknown},
};
use crate::{
    catalog::Workspace,
    now,
    segments::HereIn,
    store::{ChangePage, LoggedChange, SizeAt, StoredUser, UserRef},
};

/// Users or changes on a page, unless it is said how many, and at most.
const PAGE: usize = 50;
const LARGEST_PAGE: usize = 500;
/// Users that a preview shows.
const SAMPLE: usize = 20;

/// Which page.
#[derive(Deserialize)]
pub(super) struct Page {
    #[serde(default)]
    after: i64,
    limit: Option<usize>,
}

impl Page {
    fn limit(&self) -> usize {
        self.limit.unwrap_or(PAGE).clamp(1, LARGEST_PAGE)
    }
}

#[derive(Serialize)]
struct MemberView {
    id: UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<ExternalId>,
}

/// A page of members.
#[derive(Serialize)]
pub(super) struct MembersView {
    members: Vec<MemberView>,
    /// What to pass as `after` for the next page, if there may be one.
    next: Option<UserId>,
}

/// The members of a segment, in the order of their numbers.
pub(super) async fn members(
    State(app): State<App>,
    Secret(workspace): Secret,
    Path(id): Path<String>,
    Query(page): Query<Page>,
) -> Result<Json<MembersView>, Problem> {
    let place = place(&workspace, id)?;
    let ids = app.store.members(workspace.key, place, UserId(page.after), page.limit()).await?;
    let next = ids.last().copied().filter(|_| ids.len() == page.limit());
    Ok(Json(MembersView { members: views(&app, &workspace, ids).await?, next }))
}

async fn views(app: &App, workspace: &Workspace, ids: Vec<UserId>) -> Result<Vec<MemberView>, Problem> {
    let mut members = Vec::with_capacity(ids.len());
    for id in ids {
        // Whoever has just turned out to be somebody else is shown as a number.
        let user = app.store.user(workspace.key, UserRef::Id(id)).await?.filter(|user| user.id == id);
        let external_id = user.and_then(|user| user.state.external_id.clone());
        members.push(MemberView { id, external_id });
    }
    Ok(members)
}

fn place(workspace: &Workspace, id: String) -> Result<u32, Problem> {
    let id = parse_id(id)?;
    workspace.segment_place(&id).ok_or_else(|| Problem::not_found(format!("there is no segment {id}")))
}

#[derive(Serialize)]
struct SizeView {
    /// The hour that begins then; at its end.
    at: Timestamp,
    size: u64,
}

/// How a segment grew.
#[derive(Serialize)]
pub(super) struct GrowthView {
    /// An entry for each hour in which it changed, and how many are in it now.
    hours: Vec<SizeView>,
    size: u64,
}

/// How many were in a segment at the end of the last hours in which that changed.
pub(super) async fn growth(
    State(app): State<App>,
    Secret(workspace): Secret,
    Path(id): Path<String>,
    Query(page): Query<Page>,
) -> Result<Json<GrowthView>, Problem> {
    let place = place(&workspace, id)?;
    let hours = app.store.segment_history(workspace.key, place, page.limit()).await?;
    let size = app.store.segment_sizes(workspace.key).await?.get(&place).copied().unwrap_or_default();
    let hours = hours.into_iter().map(|SizeAt { at, size }| SizeView { at, size }).collect();
    Ok(Json(GrowthView { hours, size }))
}

#[derive(Serialize)]
struct ChangeView {
    id: i64,
    segment: SegmentId,
    user: UserId,
    /// `entered` or `left`.
    change: &'static str,
    at: Timestamp,
}

/// A page of the change feed.
#[derive(Serialize)]
pub(super) struct ChangesView {
    changes: Vec<ChangeView>,
    /// What to pass as `after` to go on, now or later.
    next: i64,
    /// Whether some may be missing before the first one, because they were kept no longer: what they came to is in the lists of members.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    has_gap: bool,
}

/// Who entered segments and left them, in that order. Nothing comes in later before what was given out.
pub(super) async fn changes(
    State(app): State<App>,
    Secret(workspace): Secret,
    Query(page): Query<Page>,
) -> Result<Json<ChangesView>, Problem> {
    let ChangePage { changes, has_gap } = app.store.segment_changes(workspace.key, page.after, page.limit()).await?;
    let next = changes.last().map_or(page.after, |last| last.id);
    let view = |LoggedChange { id, change }| {
        let segment = workspace.segments.get(change.segment as usize)?.id.clone();
        if segment.is_of_campaign() {
            return None;
        }
        let what = if change.entered { "entered" } else { "left" };
        Some(ChangeView { id, segment, user: change.user, change: what, at: change.at })
    };
    Ok(Json(ChangesView { changes: changes.into_iter().filter_map(view).collect(), next, has_gap }))
}

/// What a filter that is not stored comes to.
#[derive(Serialize)]
pub(super) struct PreviewView {
    /// How many are in it, of how many users.
    count: u64,
    users: u64,
    /// Some of them.
    sample: Vec<MemberView>,
}

/// How many users a filter holds for, and some of them: `{"filter": {…}}`.
pub(super) async fn preview(
    State(app): State<App>,
    Secret(workspace): Secret,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<PreviewView>, Problem> {
    let definition = body::read_definition(&headers, body).await?;
    let (_, filter) = read_filter(&workspace, &definition)?;
    let preview = app.store.preview(app.catalogs.current(), workspace.key, filter, now(), SAMPLE).await?;
    let sample = views(&app, &workspace, preview.sample).await?;
    Ok(Json(PreviewView { count: preview.count, users: preview.users, sample }))
}

/// A filter, branch by branch.
#[derive(Clone, Serialize)]
pub(super) struct ExplanationView {
    matches: bool,
    /// When that changes by itself, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    /// The condition as it was written, or which way the parts are put together.
    filter: Value,
    /// What was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    seen: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<ExplanationView>,
}

impl ExplanationView {
    fn new(told: Explanation, definition: &Value, workspace: &Workspace) -> Self {
        let written = definition.as_object();
        let member = |name: &str| written.and_then(|members| members.get(name));
        let named = |name: &str| Value::from(name);
        let (filter, definitions): (Value, Vec<&Value>) = match (member("all").or(member("any")), member("not")) {
            (Some(Value::Array(parts)), _) => {
                (named(if member("all").is_some() { "all" } else { "any" }), parts.iter().collect())
            }
            (_, Some(part)) => (named("not"), vec![part]),
            _ => {
                let segment = member("segment").and_then(Value::as_str).and_then(|id| SegmentId::parse(id).ok());
                let linked = segment.and_then(|id| workspace.segment(&id)).map(|segment| &segment.definition);
                (definition.clone(), linked.into_iter().collect())
            }
        };
        let parts = told.parts.into_iter().zip(definitions);
        Self {
            matches: told.verdict.matches,
            until: told.verdict.until,
            filter,
            seen: told.seen,
            parts: parts.map(|(part, definition)| Self::new(part, definition, workspace)).collect(),
        }
    }
}

/// Why somebody is in a segment or not.
pub(super) async fn explain_segment(
    State(app): State<App>,
    Secret(workspace): Secret,
    Path((id, user)): Path<(String, String)>,
) -> Result<Json<ExplanationView>, Problem> {
    let place = place(&workspace, id)?;
    let segment = workspace.segments.get(place as usize).ok_or_else(unknown)?;
    explain_to(&app, &workspace, &user, &segment.filter, &segment.definition).await
}

/// Whether a filter that is not stored holds for somebody, and why: `{"filter": {…}, "user": "external_id:…"}`.
pub(super) async fn explain_filter(
    State(app): State<App>,
    Secret(workspace): Secret,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<ExplanationView>, Problem> {
    let definition = body::read_definition(&headers, body).await?;
    let (written, filter) = read_filter(&workspace, &definition)?;
    let path = &decode::Path::Definition;
    let user = Fields::of(&definition, path).and_then(|fields| fields.required_text("user", "a user"));
    explain_to(&app, &workspace, user.map_err(|error| Problem::invalid(&error))?, &filter, &written).await
}

async fn explain_to(
    app: &App,
    workspace: &Workspace,
    user: &str,
    filter: &Filter,
    definition: &Value,
) -> Result<Json<ExplanationView>, Problem> {
    let user = app.store.user(workspace.key, parse_user(user)?).await?.ok_or_else(unknown)?;
    Ok(Json(explanation_of(app, workspace, user, filter, definition).await?))
}

/// Whether a filter holds for a user, and why.
pub(super) async fn explanation_of(
    app: &App,
    workspace: &Workspace,
    user: StoredUser,
    filter: &Filter,
    definition: &Value,
) -> Result<ExplanationView, Problem> {
    let mut state = user.state;
    let counters = workspace.uncounted(filter);
    if !counters.is_empty() {
        let of = UserRef::Id(user.id);
        let found = app.store.count_for(app.catalogs.current(), workspace.key, of, counters.clone()).await?;
        counters.recount(&mut Arc::make_mut(&mut state).profile, &found);
    }
    let told = explain(filter, &state.subject(user.id), now());
    Ok(ExplanationView::new(told, definition, workspace))
}

/// The filter of a question, as it was written and linked to the segments that it stands on.
fn read_filter(workspace: &Workspace, definition: &Value) -> Result<(Value, Filter), Problem> {
    let host = &HereIn(&workspace.counters);
    let read = || {
        let path = &decode::Path::Definition;
        let fields = Fields::of(definition, path)?;
        fields.only(&["filter", "user"], "filter and user only")?;
        let filter =
            fields.read("filter", |value, path| Ok((value.clone(), Filter::parse_within(value, path, host)?)))?;
        filter.ok_or_else(|| fields.error("filter", "a filter"))
    };
    let (written, filter) = read().map_err(|error: decode::DecodeError| Problem::invalid(&error))?;
    Ok((written, link_into(workspace, filter)?))
}
