//! `POST /sdk/v1/flush`.

use axum::{Json, extract::Request, http::header};
use kindling_core::{
    ids::CampaignId,
    limits,
    protocol::{FlushAnswer, Identity, RecordKind},
};
use tracing::{debug, warn};

use super::{App, Problem, body, compression, sdk_authentication};
use crate::{
    ingest::{self, Batch},
    now,
};

/// Where flushes go.
pub(super) const PATH: &str = "/sdk/v1/flush";

/// Takes a flush. The body is read as JSON, compressed or not, whatever its content type says: browsers send it as text, without a
/// preflight.
pub(super) async fn flush(app: &App, request: Request) -> Result<Json<FlushAnswer>, Problem> {
    let (head, body) = request.into_parts();
    let headers = head.headers;
    let body = body::read(&headers, body, limits::FLUSH_BODY_BYTES).await?;
    let body = compression::plain(&headers, body, limits::FLUSH_PLAIN_BYTES)?;
    let bytes = body.len();
    let _room = app.ingest.room(bytes)?;
    let received_at = now();
    let mut batch = ingest::decode(body, &app.catalogs.current(), received_at).inspect_err(|error| {
        warn!(%error, bytes, "a flush was refused");
    })?;
    let doubt = sdk_authentication::check(app, &mut batch, received_at)?;
    // Where nothing may be taken from the header, it is not even looked for.
    if !batch.user_agent.allowed.is_empty()
        && let Some(agent) = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok())
    {
        batch.user_agent.take(agent);
    }
    let (stream, records) = (batch.stream, batch.records.len());
    let (workspace, device) = (batch.workspace.key, batch.device);
    let told = (records > 0 && app.live.is_watched()).then(|| batch.identity.clone());
    let tested = app.tests.any().then(|| Tested::by(&batch));
    let mut answer = app.ingest.submit(batch).await?;
    if let Some(identity) = told {
        app.live.recorded(workspace, &identity, device);
    }
    if let Some(tested) = tested {
        tested.seen.iter().for_each(|id| app.tests.seen(workspace, id));
        answer.tests = tested.wanted_by.map_or_else(Vec::new, |who| app.tests.of(workspace, &who, device, received_at));
    }
    answer.auth = doubt;
    debug!(%stream, records, acked = answer.acked.0, rejected = answer.rejected.len(), "flush stored");
    if let Some(first) = answer.rejected.first() {
        warn!(%stream, rejected = answer.rejected.len(), seq = first.seq.0, code = %first.code, "records were rejected");
    }
    Ok(Json(answer))
}

/// What a flush has to do with test sends.
struct Tested {
    /// Those that were seen.
    seen: Vec<CampaignId>,
    /// Who is shown them, if messages are wanted.
    wanted_by: Option<Identity>,
}

impl Tested {
    fn by(batch: &Batch) -> Self {
        let seen = batch.records.iter().filter_map(|incoming| match &incoming.record.as_ref().ok()?.kind {
            RecordKind::MessageImpression { message, .. } if message.is_test() => Some(message.clone()),
            _ => None,
        });
        Self { seen: seen.collect(), wanted_by: batch.messages.as_ref().map(|_| batch.identity.clone()) }
    }
}
