//! `POST /api/v1/users/{user}/records`: what a site's own servers record for a user.

use std::sync::Arc;

use axum::{
    Json,
    body::Body,
    extract::{Path, State},
    http::HeaderMap,
};
use kindling_core::{
    ids::{DeviceId, ExternalId, StreamId, Uuid},
    limits,
    protocol::FlushAnswer,
    time::Timestamp,
};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};
use tracing::debug;

use super::{
    App, Problem,
    auth::Secret,
    body,
    users::{parse_user, unknown},
};
use crate::{
    catalog::Workspace,
    ingest::{self, DecodeBatchError},
    now,
    store::UserRef,
};

/// The header by which a request that is repeated is known. (IETF draft-ietf-httpapi-idempotency-key-header)
const KEY: &str = "idempotency-key";

/// What is posted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Posted {
    /// A queue of the caller's own, of which each record says its place; without it a key names the request.
    stream: Option<StreamId>,
    records: Vec<Box<RawValue>>,
}

/// What of a record is completed.
#[derive(Deserialize)]
struct Given {
    seq: Option<IgnoredAny>,
    at: Option<IgnoredAny>,
}

/// Records for a user, once however often it is asked. Whoever has an external id that nobody had becomes a new user.
pub(super) async fn post(
    State(app): State<App>,
    Secret(workspace): Secret,
    Path(user): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<FlushAnswer>, Problem> {
    let user = signed_in(&app, &workspace, &user).await?;
    let body = body::read(&headers, body, limits::FLUSH_BODY_BYTES).await?;
    // What it becomes is not much longer.
    let _room = app.ingest.room(body.len())?;
    let received_at = now();
    let (stream, records) = read(&headers, &body, &user, received_at)?;
    let batch = ingest::from_server(workspace, (stream, user), records, received_at)?;
    let (workspace, identity, records) = (batch.workspace.key, batch.identity.clone(), batch.records.len());
    let answer = app.ingest.submit(batch).await?;
    app.live.recorded(workspace, &identity, DeviceId::NONE);
    debug!(%stream, records, acked = answer.acked.0, rejected = answer.rejected.len(), "records of a server stored");
    Ok(Json(answer))
}

/// The external id of the user: records of servers belong to those who have one.
async fn signed_in(app: &App, workspace: &Arc<Workspace>, user: &str) -> Result<ExternalId, Problem> {
    match parse_user(user)? {
        UserRef::External(id) => Ok(id),
        other => {
            let user = app.store.user(workspace.key, other).await?.ok_or_else(unknown)?;
            let detail = "only a user with an external id can be recorded for: a visitor may turn out to be somebody";
            user.state.external_id.clone().ok_or_else(|| Problem::conflict("anonymous_user", detail))
        }
    }
}

/// Reads the records, each with its place and time, and to which stream they belong.
fn read(
    headers: &HeaderMap,
    body: &[u8],
    user: &ExternalId,
    now: Timestamp,
) -> Result<(StreamId, Vec<Box<RawValue>>), Problem> {
    let wrong = |detail: String| Problem::bad_request("not_records", detail);
    let posted: Posted = serde_json::from_slice(body).map_err(|error| wrong(error.to_string()))?;
    if posted.records.len() > limits::BATCH_RECORDS {
        return Err(DecodeBatchError::TooManyRecords.into());
    }
    let key = headers.get(KEY).map(|key| key.to_str().ok().filter(|key| (1..=limits::NAME_CHARS).contains(&key.len())));
    let stream = match (posted.stream, key) {
        (Some(stream), None) => stream_of(user, "stream", &stream.text()),
        (None, Some(Some(key))) => stream_of(user, "key", key),
        _ => {
            let detail = "either the header Idempotency-Key, of 1 to 255 visible characters, or a stream is needed";
            return Err(Problem::bad_request("no_idempotency_key", detail));
        }
    };
    let is_numbered = posted.stream.is_some();
    let complete = |(place, raw): (usize, Box<RawValue>)| {
        let given: Option<Given> = serde_json::from_str(raw.get()).ok();
        if !is_numbered && given.as_ref().is_some_and(|given| given.seq.is_some()) {
            return Err(wrong(format!("record {place} has a seq, which only records of a stream have")));
        }
        Ok(completed(raw, given.as_ref(), (!is_numbered).then_some(place + 1), now))
    };
    Ok((stream, posted.records.into_iter().enumerate().map(complete).collect::<Result<_, _>>()?))
}

/// The stream by which a server's records are told from repeated ones. It is of one user, like every stream.
fn stream_of(user: &ExternalId, kind: &str, name: &str) -> StreamId {
    let mut hash = Sha256::new_with_prefix("records of a server");
    for part in [kind, user.as_str(), name] {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(hash.finalize()).for_each(|(byte, of)| *byte = of);
    // A UUID of version 8, which says nothing of where it comes from. (RFC 9562)
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    StreamId(Uuid::from_bytes(bytes))
}

/// A record with what it lacks. What is no record gets a place, so that it can be rejected by itself.
fn completed(raw: Box<RawValue>, given: Option<&Given>, seq: Option<usize>, now: Timestamp) -> Box<RawValue> {
    let members = given.and_then(|_| raw.get().trim_start().strip_prefix('{'));
    let mut lacking = Vec::new();
    lacking.extend(seq.map(|seq| format!("\"seq\":{seq}")));
    if given.is_some_and(|given| given.at.is_none()) {
        lacking.push(format!("\"at\":{}", now.as_ms()));
    }
    let text = match members {
        _ if lacking.is_empty() => return raw,
        Some(members) if members.trim_start().starts_with('}') => format!("{{{}}}", lacking.join(",")),
        Some(members) => format!("{{{},{members}", lacking.join(",")),
        None => format!("{{{}}}", lacking.join(",")),
    };
    RawValue::from_string(text).unwrap_or(raw)
}
