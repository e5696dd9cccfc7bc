//! Between columns and types.

use kindling_core::ids::ExternalId;
use serde::{Serialize, de::DeserializeOwned};

use crate::store::StoreError;

pub(super) fn to_json<T: Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Corrupt(error.to_string()))
}

pub(super) fn from_json<T: DeserializeOwned>(what: &str, json: &str) -> Result<T, StoreError> {
    serde_json::from_str(json).map_err(|error| StoreError::Corrupt(format!("{what}: {error}")))
}

pub(super) fn external_id(text: Option<String>) -> Result<Option<ExternalId>, StoreError> {
    text.map(ExternalId::parse).transpose().map_err(|error| StoreError::Corrupt(format!("an external id: {error}")))
}
