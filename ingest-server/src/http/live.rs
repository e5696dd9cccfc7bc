//! `POST /sdk/v1/live`: an open page is told that something of its user changed elsewhere.
//!
//! The answer is a stream of server-sent events. It is asked for by POST, with the head of a flush as body, because who the user is must
//! not stand in an address: those are in everybody's logs.

use std::{convert::Infallible, time::Duration};

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderName},
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use futures_util::stream;
use kindling_core::limits;
use tokio::time::{Instant, sleep, sleep_until};

use super::{App, Problem, body, compression, sdk_authentication};
use crate::{ingest, live::Listening, now};

/// Where pages listen.
pub(super) const PATH: &str = "/sdk/v1/live";

/// Bytes of the request: the longest proof of who the user is, and what stands beside it.
const MOST_BYTES: usize = limits::SDK_SIGNATURE_BYTES + 8 * 1024;
/// So often something is sent, that whoever stands between does not think that the connection is dead.
const HEARTBEAT: Duration = Duration::from_secs(20);
/// So long a stream lasts, and up to a minute longer: pages come back, perhaps to another node, and not all at once.
const LASTS: Duration = Duration::from_secs(240);
const SPREAD: u64 = 60;
/// A page is told at most so often.
const PACE: Duration = Duration::from_secs(1);

/// Proxies that collect answers before they hand them on are told not to.
const UNBUFFERED: (HeaderName, &str) = (HeaderName::from_static("x-accel-buffering"), "no");

/// Tells a page from now on, each time by an event that says only that.
pub(super) async fn listen(State(app): State<App>, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let body = body::read(&headers, body, MOST_BYTES).await?;
    let body = compression::plain(&headers, body, MOST_BYTES)?;
    let at = now();
    let mut page = ingest::decode(body, &app.catalogs.current(), at)?;
    if !page.records.is_empty() {
        return Err(Problem::bad_request("not_a_flush", "records are to be flushed: here they would be lost"));
    }
    sdk_authentication::check(&app, &mut page, at)?;
    let listening = app.live.listen(page.workspace.key, &page.identity, page.device).map_err(Problem::from)?;
    let end = Instant::now() + LASTS + Duration::from_secs(listening.number() % SPREAD);
    let events = stream::unfold((listening, false), move |(listening, paced)| next(listening, paced, end));
    let events = Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT));
    Ok(([UNBUFFERED], events).into_response())
}

type Told = (Result<Event, Infallible>, (Listening, bool));

async fn next(mut listening: Listening, paced: bool, end: Instant) -> Option<Told> {
    if paced {
        sleep(PACE).await;
    }
    let told = tokio::select! {
        told = listening.told() => told,
        () = sleep_until(end) => false,
    };
    told.then(|| (Ok(Event::default().data("changed")), (listening, true)))
}
