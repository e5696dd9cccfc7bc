//! What the browser has to know to start the SDK.

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use crate::definitions::Keys;
use crate::kindling_url::KindlingUrl;

/// The answer to `GET /config.json`. Everything in it is public.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Configuration {
    sdk_key: String,
    base_url: String,
}

impl Configuration {
    /// What a visitor may know of the keys and the server.
    pub(crate) fn new(kindling: &KindlingUrl, keys: &Keys) -> Self {
        Self { sdk_key: keys.sdk.clone(), base_url: kindling.base().to_owned() }
    }
}

/// `GET /config.json`
pub(crate) async fn get_configuration(State(configuration): State<Configuration>) -> Json<Configuration> {
    Json(configuration)
}
