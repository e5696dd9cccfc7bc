//! Who calls the management API.

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{header, request::Parts},
};

use super::{App, Problem};
use crate::catalog::Workspace;

/// The workspace that the request's secret key is for. A handler that takes it can reach no other workspace.
pub(super) struct Secret(pub(super) Arc<Workspace>);

impl FromRequestParts<App> for Secret {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let authorization = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let key = authorization
            .and_then(|value| value.strip_prefix("Bearer "))
            .ok_or_else(|| Problem::unauthorized("this needs a secret key: Authorization: Bearer sk_…"))?;
        let catalog = app.catalogs.current();
        let workspace = catalog.by_secret_key(key.trim());
        workspace
            .map(|workspace| Self(Arc::clone(workspace)))
            .ok_or_else(|| Problem::unauthorized("the secret key is not known"))
    }
}
