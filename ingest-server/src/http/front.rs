//! What stands before the router: flushes, which are nearly all that a server gets, go straight to their handler.
//!
//! The router with its layers costs a request several times what this does, and everything else can afford it.

use std::{
    convert::Infallible,
    future::Future,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderValue, Method, header},
    response::{IntoResponse as _, Response},
};
use futures_util::FutureExt as _;
use tower_service::Service;

use super::{App, flush, problem};

/// The whole HTTP surface.
#[derive(Debug, Clone)]
pub struct Front {
    app: Arc<App>,
    router: Router,
}

impl Front {
    /// The surface of a server.
    pub fn new(app: App) -> Self {
        let router = super::router(app.clone());
        Self { app: Arc::new(app), router }
    }
}

impl Service<Request> for Front {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::<Request>::poll_ready(&mut self.router, context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if request.method() != Method::POST || request.uri().path() != flush::PATH {
            return Box::pin(self.router.call(request));
        }
        let app = Arc::clone(&self.app);
        Box::pin(async move {
            let answer = AssertUnwindSafe(flush::flush(&app, request)).catch_unwind().await;
            let mut response = match answer {
                Ok(Ok(answer)) => answer.into_response(),
                Ok(Err(problem)) => problem.into_response(),
                Err(panic) => problem::from_panic(panic),
            };
            // Web pages of any origin call this: the publishable key is no secret, and no cookie is used.
            let headers = response.headers_mut();
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("retry-after"));
            Ok(response)
        })
    }
}
