//! Between columns and types.

use kindling_core::ids::ExternalId;
use rusqlite::types::ValueRef;
use serde::{Serialize, de::DeserializeOwned};

use crate::store::StoreError;

pub(super) fn to_json<T: Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Corrupt(error.to_string()))
}

pub(super) fn from_json<T: DeserializeOwned>(what: &str, json: &str) -> Result<T, StoreError> {
    serde_json::from_str(json).map_err(|error| StoreError::Corrupt(format!("{what}: {error}")))
}

/// As a blob: MessagePack with the names of fields, so that a field can be added. A third of what JSON takes, to write and to read.
pub(super) fn to_blob<T: Serialize>(value: &T) -> Result<Vec<u8>, StoreError> {
    rmp_serde::to_vec_named(value).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// From a blob, or from the JSON that was stored in its place at first.
pub(super) fn from_blob<T: DeserializeOwned>(what: &str, column: ValueRef<'_>) -> Result<T, StoreError> {
    match column {
        ValueRef::Blob(bytes) => {
            rmp_serde::from_slice(bytes).map_err(|error| StoreError::Corrupt(format!("{what}: {error}")))
        }
        other => from_json(what, other.as_str().unwrap_or_default()),
    }
}

pub(super) fn external_id(text: Option<String>) -> Result<Option<ExternalId>, StoreError> {
    text.map(ExternalId::parse).transpose().map_err(|error| StoreError::Corrupt(format!("an external id: {error}")))
}
