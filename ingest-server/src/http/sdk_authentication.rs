//! `/api/v1/sdk_authentication`, and what it comes to for a flush.

use axum::{Json, body::Body, extract::State, http::HeaderMap};
use kindling_core::{protocol::AuthFailure, time::Timestamp};

use super::{App, Problem, auth::Secret, body};
use crate::{
    ingest::Batch,
    sdk_authentication::{Mode, SdkAuthentication},
};

/// What the workspace asks of flushes that name a user.
pub(super) async fn get(Secret(workspace): Secret) -> Json<SdkAuthentication> {
    Json(workspace.sdk_authentication.clone())
}

/// Sets that: see [`SdkAuthentication`]. It holds for flushes that come after the answer.
pub(super) async fn put(
    State(app): State<App>,
    Secret(workspace): Secret,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<SdkAuthentication>, Problem> {
    let definition = body::read_definition(&headers, body).await?;
    let settings = SdkAuthentication::parse(&definition).map_err(|error| Problem::invalid(&error))?;
    app.store.put_sdk_authentication(workspace.key, settings.clone()).await?;
    app.catalogs.reload(app.store.as_ref()).await?;
    Ok(Json(settings))
}

/// Looks whether a flush proves who its user is. The error refuses it; a failure that is returned is only to be told.
pub(super) fn check(app: &App, batch: &mut Batch, now: Timestamp) -> Result<Option<AuthFailure>, Problem> {
    let token = batch.auth.take();
    let wanted = &batch.workspace.sdk_authentication;
    let (false, Some(user)) = (wanted.mode == Mode::Off, &batch.identity.external_id) else { return Ok(None) };
    let Err(refusal) = app.verifier.verify(wanted, user, token.as_deref(), now) else { return Ok(None) };
    app.verifier.report(refusal, now);
    if wanted.mode == Mode::Required { Err(refusal.into()) } else { Ok(Some(refusal.into())) }
}
