//! The two servers of a page: the site that it comes from, and the one that its SDK sends to, which answers every SDK and counts.
//! They have addresses of their own, as in life, so that what an SDK sends crosses origins.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::{Html, IntoResponse, Response},
};
use serde::Deserialize;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle, time::timeout};

use crate::{answers, arrivals, subjects::Subject};

/// The script in the page.
const PAGE_SCRIPT: &str = include_str!("page.js");
const PAGE: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<title>A shop</title>
<link rel=\"icon\" href=\"data:,\">
<body>
<h1>A shop</h1>
<script src=\"/page.js\"></script>
</body>
</html>
";

/// What has come since the last [`Stub::forget`].
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// Requests to the server, those included by which a browser asks whether it may send another one.
    pub(crate) requests: u64,
    /// Their bodies, as they were sent, and what stood behind the question mark of their addresses.
    pub(crate) bytes: u64,
    /// Numbers of the tracked events that have arrived.
    pub(crate) arrived: BTreeSet<u32>,
    /// Files of the subject that the page has loaded.
    pub(crate) loaded: BTreeSet<String>,
    /// What the page says of its calls.
    calls: Option<Calls>,
}

/// Calls in a loop.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Calls {
    pub(crate) number: usize,
    /// Until the last of them returned.
    pub(crate) milliseconds: f64,
}

/// The servers of one subject. They are gone when this is dropped.
#[derive(Debug)]
pub(crate) struct Stub {
    site: String,
    server: String,
    entry: String,
    seen: watch::Sender<Seen>,
    tasks: [JoinHandle<()>; 2],
}

impl Stub {
    /// Serves the subject's files, and answers what it sends.
    pub(crate) async fn start(subject: &Subject) -> anyhow::Result<Self> {
        let seen = watch::Sender::default();
        let site = Site { files: Arc::new(subject.contents()?), seen: seen.clone() };
        let site = Router::new().fallback(serve_file).with_state(site);
        let server = Router::new().fallback(answer).with_state(seen.clone()).layer(DefaultBodyLimit::disable());
        let ((site, site_task), (server, server_task)) = (serve(site).await?, serve(server).await?);
        Ok(Self { site, server, entry: format!("/{}", subject.entry), seen, tasks: [site_task, server_task] })
    }

    /// The address of the page.
    pub(crate) fn page(&self) -> &str {
        &self.site
    }

    /// The path of the script that the page imports.
    pub(crate) fn entry(&self) -> &str {
        &self.entry
    }

    /// The address that the SDK is to send to.
    pub(crate) fn server(&self) -> &str {
        &self.server
    }

    /// What has come.
    pub(crate) fn seen(&self) -> Seen {
        self.seen.borrow().clone()
    }

    /// Begins to count anew; what the page has loaded it still has.
    pub(crate) fn forget(&self) {
        self.seen.send_modify(|seen| *seen = Seen { loaded: std::mem::take(&mut seen.loaded), ..Seen::default() });
    }

    /// Waits until the page says what it called, but no longer than `limit`.
    pub(crate) async fn calls(&self, limit: Duration) -> anyhow::Result<Calls> {
        let mut seen = self.seen.subscribe();
        let told =
            timeout(limit, seen.wait_for(|seen| seen.calls.is_some())).await.context("the page's calls do not end")?;
        told?.calls.context("no calls")
    }

    /// Waits until so many events have arrived, but no longer than `limit`.
    pub(crate) async fn wait_for(&self, events: usize, limit: Duration) {
        let mut seen = self.seen.subscribe();
        // What has come until then is what is reported, whichever it is.
        timeout(limit, seen.wait_for(|seen| seen.arrived.len() >= events)).await.map(drop).ok();
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Serves on a free port of this machine. Returns the address.
async fn serve(router: Router) -> anyhow::Result<(String, JoinHandle<()>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    // It ends when it is aborted.
    let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap_or_default() });
    Ok((url, task))
}

/// What the site has.
#[derive(Debug, Clone)]
struct Site {
    files: Arc<BTreeMap<String, Bytes>>,
    seen: watch::Sender<Seen>,
}

async fn serve_file(State(site): State<Site>, uri: Uri, body: Bytes) -> Response {
    let name = uri.path().trim_start_matches('/');
    let script = |content: Bytes| ([(header::CONTENT_TYPE, "text/javascript")], content).into_response();
    match (name, site.files.get(name)) {
        ("", _) => Html(PAGE).into_response(),
        ("calls", _) => {
            site.seen.send_modify(|seen| seen.calls = serde_json::from_slice(&body).ok());
            StatusCode::NO_CONTENT.into_response()
        }
        ("page.js", _) => script(Bytes::from_static(PAGE_SCRIPT.as_bytes())),
        (_, Some(content)) => {
            site.seen.send_modify(|seen| seen.loaded.extend([name.to_owned()]));
            match name.ends_with(".wasm") {
                true => ([(header::CONTENT_TYPE, "application/wasm")], content.clone()).into_response(),
                false => script(content.clone()),
            }
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn answer(
    State(seen): State<watch::Sender<Seen>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let query = uri.query().unwrap_or_default();
    let mut arrived = arrivals::marks(&arrivals::plain(&body));
    arrived.extend(arrivals::marks(query.as_bytes()));
    seen.send_modify(|seen| {
        seen.requests += 1;
        seen.bytes += (body.len() + query.len()) as u64;
        seen.arrived.append(&mut arrived);
    });
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let mut response = if method == Method::OPTIONS {
        StatusCode::NO_CONTENT.into_response()
    } else if uri.path().ends_with(".js") {
        // A script that an SDK would load has nothing to do.
        ([(header::CONTENT_TYPE, "text/javascript")], "").into_response()
    } else {
        axum::Json(answers::to(&method, uri.path(), host, &body)).into_response()
    };
    allow(response.headers_mut(), &headers);
    response
}

/// Says that any page may send anything, and need not ask again.
fn allow(headers: &mut HeaderMap, request: &HeaderMap) {
    let echo = |name| request.get(name).cloned().unwrap_or(HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, echo(header::ORIGIN));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, echo(header::ACCESS_CONTROL_REQUEST_HEADERS));
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, echo(header::ACCESS_CONTROL_REQUEST_METHOD));
    headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("7200"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_sent_is_counted() {
        let seen = watch::Sender::<Seen>::default();
        for (method, uri, body) in [
            (Method::POST, "/track", "[\"bench00001\",\"bench00002\"]"),
            (Method::GET, "/i?e=bench00003&bench00002", ""),
            (Method::OPTIONS, "/track", ""),
        ] {
            answer(State(seen.clone()), method, uri.parse().unwrap(), HeaderMap::new(), Bytes::from(body)).await;
        }
        let seen = seen.borrow().clone();
        assert_eq!((seen.requests, seen.bytes), (3, 27 + 23));
        assert_eq!(seen.arrived, BTreeSet::from([1, 2, 3]));
    }

    #[tokio::test]
    async fn any_page_may_send_anything() {
        let mut request = HeaderMap::new();
        request.insert(header::ORIGIN, HeaderValue::from_static("http://127.0.0.1:1"));
        request.insert(header::ACCESS_CONTROL_REQUEST_HEADERS, HeaderValue::from_static("x-key"));
        let uri = Uri::from_static("/track");
        let response = answer(State(watch::Sender::default()), Method::OPTIONS, uri, request, Bytes::new()).await;
        let headers = response.headers();
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        assert_eq!(headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "http://127.0.0.1:1");
        assert_eq!(headers[header::ACCESS_CONTROL_ALLOW_HEADERS], "x-key");
    }

    #[tokio::test]
    async fn the_site_knows_what_was_loaded_and_called() {
        let files = Arc::new(BTreeMap::from([("a.js".to_owned(), Bytes::from("1"))]));
        let site = Site { files, seen: watch::Sender::default() };
        let get = async |path: &'static str, body: &'static str| {
            serve_file(State(site.clone()), Uri::from_static(path), Bytes::from(body)).await.status()
        };
        assert_eq!(get("/", "").await, StatusCode::OK);
        assert_eq!(get("/a.js", "").await, StatusCode::OK);
        assert_eq!(get("/b.js", "").await, StatusCode::NOT_FOUND);
        assert_eq!(get("/calls", r#"{"number":10,"milliseconds":2.5}"#).await, StatusCode::NO_CONTENT);
        let seen = site.seen.borrow().clone();
        assert_eq!(seen.loaded, BTreeSet::from(["a.js".to_owned()]));
        assert_eq!(seen.calls.map(|calls| calls.microseconds()), Some(250.0));
    }
}
