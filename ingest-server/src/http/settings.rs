//! `/api/v1/settings`.

use axum::{Json, body::Body, extract::State, http::HeaderMap};
use kindling_core::value::Value;

use super::{App, Problem, auth::Secret, body};
use crate::settings::Settings;

/// What holds for all campaigns of the workspace.
pub(super) async fn get(Secret(workspace): Secret) -> Json<Value> {
    Json(workspace.settings.definition.clone())
}

/// Sets that: see [`Settings`]. It holds for flushes that come after the answer.
pub(super) async fn put(
    State(app): State<App>,
    Secret(workspace): Secret,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Problem> {
    let definition = body::read_definition(&headers, body).await?;
    let settings = Settings::parse(&definition).map_err(|error| Problem::invalid(&error))?;
    app.store.put_settings(workspace.key, settings.definition).await?;
    app.catalogs.reload(app.store.as_ref()).await?;
    Ok(Json(definition))
}
