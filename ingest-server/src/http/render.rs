//! `POST /sdk/v1/render`: the message of a campaign with what its trigger's event says, where a device can't put that in by itself.

use axum::{Json, body::Body, extract::State, http::HeaderMap};
use kindling_core::{
    ids::{CampaignId, VariantId},
    limits,
    message::Content,
    protocol::Identity,
    value::Object,
};
use serde::{Deserialize, Serialize};

use super::{App, Problem, body, compression, sdk_authentication};
use crate::{
    ingest, messages, now,
    personalization::{Event, NotRendered},
    store::UserRef,
};

/// Where devices ask.
pub(super) const PATH: &str = "/sdk/v1/render";

/// Bytes of the request: what stands in a flush with one event and the longest proof of who the user is.
const MOST_BYTES: usize = limits::PROPERTIES_BYTES + limits::SDK_SIGNATURE_BYTES + 8 * 1024;

/// What stands beside the head of a flush.
#[derive(Deserialize)]
struct Asked {
    render: Wanted,
}

#[derive(Deserialize)]
struct Wanted {
    campaign: CampaignId,
    #[serde(default)]
    variant: Option<VariantId>,
    #[serde(default)]
    event: Triggered,
}

/// What triggered it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Triggered {
    name: String,
    properties: Option<Object>,
}

/// The message.
#[derive(Serialize)]
pub(super) struct Made {
    content: Content,
}

/// Makes a message for the user who is asked for, if they are meant to have it.
pub(super) async fn render(State(app): State<App>, headers: HeaderMap, body: Body) -> Result<Json<Made>, Problem> {
    let body = body::read(&headers, body, MOST_BYTES).await?;
    let body = compression::plain(&headers, body, MOST_BYTES)?;
    let asked: Result<Asked, _> = serde_json::from_slice(&body);
    let at = now();
    let mut head = ingest::decode(body, &app.catalogs.current(), at)?;
    let Asked { render: Wanted { campaign, variant, event } } =
        asked.map_err(|error| Problem::bad_request("not_a_flush", format!("what is to be rendered: {error}")))?;
    sdk_authentication::check(&app, &mut head, at)?;

    let workspace = head.workspace;
    let not_for_them = || Problem::not_found("this user is not meant to have such a message");
    let user = match head.identity {
        Identity { external_id: Some(id), .. } => Some(UserRef::External(id)),
        Identity { anonymous_id, .. } => anonymous_id.map(UserRef::Anonymous),
    };
    let user = app.store.user(workspace.key, user.ok_or_else(not_for_them)?).await?.ok_or_else(not_for_them)?;
    let entry = workspace.campaign(&campaign).ok_or_else(not_for_them)?;
    let meant = messages::meant(&workspace, user.id, &user.state, &entry.campaign, at);
    let meant = meant.filter(|meant| meant.id == variant).ok_or_else(not_for_them)?;
    let event = Event { name: &event.name, properties: event.properties.as_ref() };
    let content =
        messages::word_with(entry, meant, &user.state, event, at).inspect_err(|loss| entry.losses.count(loss));
    Ok(Json(Made { content: content?.ok_or_else(not_for_them)? }))
}

impl From<NotRendered> for Problem {
    fn from(loss: NotRendered) -> Self {
        match loss {
            NotRendered::Aborted { because } => Self::unprocessable("aborted", because),
            NotRendered::Failed { error } => Self::unprocessable("not_rendered", error),
        }
    }
}
