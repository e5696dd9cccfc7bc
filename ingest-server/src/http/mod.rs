//! The HTTP surface. Handlers decode, authenticate, call and encode; they decide nothing.

mod audience;
mod auth;
mod body;
mod campaigns;
mod compression;
mod decisions;
mod flush;
mod front;
mod health;
mod live;
mod problem;
mod records;
mod render;
mod reports;
mod sdk_authentication;
mod sdk_files;
mod segments;
mod settings;
mod test_sends;
mod users;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    http::{Method, StatusCode, header},
    middleware,
    routing::{get, post, put},
};
use tower_http::{
    catch_panic::CatchPanicLayer,
    cors::{Any, CorsLayer},
    timeout::TimeoutLayer,
    trace::{DefaultMakeSpan, TraceLayer},
};

use crate::{
    catalog::Catalogs, ingest::Ingest, live::Live, sdk_authentication::Verifier, store::Store, test_sends::TestSends,
};

pub use compression::{Coding, DecompressError, decompress};
pub use front::Front;
pub use problem::Problem;

/// A request that takes longer is given up: a client that sends a byte a second must not hold a connection for ever.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What handlers work with.
#[derive(Debug, Clone)]
pub struct App {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// What is defined.
    pub catalogs: Arc<Catalogs>,
    /// The write path.
    pub ingest: Ingest,
    /// Who users are proven to be.
    pub verifier: Arc<Verifier>,
    /// Open pages that want to be told what happens elsewhere.
    pub live: Arc<Live>,
    /// Messages that somebody wants to see on a user's devices.
    pub tests: Arc<TestSends>,
}

/// Every route but the one that [`Front`] serves itself.
fn router(app: App) -> Router {
    Router::new()
        .merge(sdk())
        .nest("/api/v1", management())
        .route("/health", get(health::health))
        .fallback(async || Problem::not_found("there is nothing at this address"))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, TIMEOUT))
        .layer(middleware::map_response(problem::complete))
        .layer(CatchPanicLayer::custom(problem::from_panic))
        .layer(TraceLayer::new_for_http().make_span_with(DefaultMakeSpan::new()))
        .with_state(app)
}

/// What web pages may ask before they call, from any origin.
fn sdk() -> Router<App> {
    let cors = CorsLayer::new().allow_origin(Any).allow_methods([Method::POST]).expose_headers([header::RETRY_AFTER]);
    // A POST never comes this far.
    Router::new()
        .route(flush::PATH, post(async || Problem::not_found("this is served elsewhere")))
        .route(live::PATH, post(live::listen))
        .route(render::PATH, post(render::render))
        .layer(cors)
        .route(sdk_files::ROUTE, get(sdk_files::get))
}

/// What a site's own servers and people call, with a secret key. No browser of another origin may: there is no CORS.
fn management() -> Router<App> {
    Router::new()
        .route("/segments", get(segments::list))
        .route("/segments/preview", post(audience::preview))
        .route("/segments/explain", post(audience::explain_filter))
        .route("/segments/{id}", put(segments::put).get(segments::get))
        .route("/segments/{id}/members", get(audience::members))
        .route("/segments/{id}/growth", get(audience::growth))
        .route("/segments/{id}/explain/{user}", get(audience::explain_segment))
        .route("/segment_changes", get(audience::changes))
        .route("/campaigns", get(campaigns::list))
        .route("/campaigns/{id}/test", post(test_sends::post))
        .route("/campaigns/{id}", put(campaigns::put).get(campaigns::get))
        .route("/campaigns/{id}/report", get(reports::get))
        .route("/settings", put(settings::put).get(settings::get))
        .route("/sdk_authentication", put(sdk_authentication::put).get(sdk_authentication::get))
        .route("/users/{user}", get(users::get))
        .route("/users/{user}/records", get(users::records).post(records::post))
        .route("/users/{user}/decisions", get(decisions::get))
}
