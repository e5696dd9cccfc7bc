//! Whether the server works.

use axum::{Json, extract::State};
use serde::Serialize;

use super::{App, Problem};

/// The answer.
#[derive(Serialize)]
pub(super) struct Health {
    status: &'static str,
    version: &'static str,
}

/// 200 while the store answers, else 503.
pub(super) async fn health(State(app): State<App>) -> Result<Json<Health>, Problem> {
    app.store.check().await?;
    Ok(Json(Health { status: "ok", version: env!("CARGO_PKG_VERSION") }))
}
