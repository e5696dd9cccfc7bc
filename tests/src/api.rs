//! Requests to a server, and what its answers must look like.

use reqwest::{Client, Method, RequestBuilder, header::HeaderMap};
use serde_json::Value;

/// A server as its clients see it: with a key for the SDK's side and one for the management API.
#[derive(Debug, Clone)]
pub struct Api {
    /// The server's address.
    pub url: String,
    /// The publishable key.
    pub sdk_key: String,
    /// The secret key.
    pub secret_key: String,
    http: Client,
}

/// An answer, whole.
#[derive(Debug)]
pub struct Answer {
    /// What was asked, for messages.
    what: String,
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub text: String,
}

impl Api {
    /// Requests to the server at `url` with these keys.
    pub fn new(url: String, sdk_key: String, secret_key: String) -> Self {
        // What a test talks to is on this machine.
        let http = Client::builder().no_proxy().build().expect("a client");
        Self { url, sdk_key, secret_key, http }
    }

    /// The same server with other keys.
    #[must_use]
    pub fn with_keys(&self, sdk_key: &str, secret_key: &str) -> Self {
        Self { sdk_key: sdk_key.to_owned(), secret_key: secret_key.to_owned(), ..self.clone() }
    }

    /// A request without any key.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    /// A request to the management API. `path` begins after `/api/v1`.
    pub fn management(&self, method: Method, path: &str) -> RequestBuilder {
        self.request(method, &format!("/api/v1{path}")).bearer_auth(&self.secret_key)
    }

    /// Asks the management API.
    pub async fn get(&self, path: &str) -> Answer {
        send(self.management(Method::GET, path)).await
    }

    /// POST of the management API.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        send(self.management(Method::POST, path).json(body)).await
    }

    /// Puts a definition.
    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        send(self.management(Method::PUT, path).body(body.to_string())).await
    }

    /// Sends a body to the flush address as browsers do: as text, with an origin.
    pub async fn post_flush(&self, body: impl Into<reqwest::Body>) -> Answer {
        send(self.flush_request(body)).await
    }

    /// A request to the flush address. Unlike the others it may fail, when the server is killed meanwhile.
    pub fn flush_request(&self, body: impl Into<reqwest::Body>) -> RequestBuilder {
        let request = self.request(Method::POST, "/sdk/v1/flush").header("origin", "http://shop.example");
        request.header("content-type", "text/plain;charset=UTF-8").body(body)
    }

    /// Sends a flush, with the key put in, and expects that it is taken.
    pub async fn flush(&self, flush: Value) -> Value {
        self.post_flush(self.with_sdk_key(flush).to_string()).await.ok()
    }

    /// The flush with the key put in.
    pub fn with_sdk_key(&self, mut flush: Value) -> Value {
        flush["key"] = self.sdk_key.as_str().into();
        flush
    }

    /// A user who must be known.
    pub async fn user(&self, user: &str) -> Value {
        self.get(&format!("/users/{user}")).await.ok()
    }

    /// A user, if the server knows them.
    pub async fn find_user(&self, user: &str) -> Option<Value> {
        let answer = self.get(&format!("/users/{user}")).await;
        if answer.status == 404 { None } else { Some(answer.ok()) }
    }

    /// How often a user did something; 0 for a user who is not known.
    pub async fn event_count(&self, user: &str, event: &str) -> u64 {
        let user = self.find_user(user).await.unwrap_or_default();
        user["events"][event]["count"].as_u64().unwrap_or(0)
    }

    /// All records of a user, newest first, read in pages of `limit`.
    pub async fn records(&self, user: &str, limit: usize) -> Vec<Value> {
        let mut records = Vec::new();
        let mut before = String::new();
        loop {
            let page = self.get(&format!("/users/{user}/records?limit={limit}{before}")).await.ok();
            let found = page["records"].as_array().expect("a page has records");
            assert!(found.len() <= limit, "a page of {limit} has {} records", found.len());
            records.extend(found.iter().cloned());
            match page["next"].as_str() {
                Some(next) => before = format!("&before={next}"),
                None => return records,
            }
        }
    }

    /// Fails unless the server works: it says so and takes a flush.
    pub async fn expect_healthy(&self) {
        let health = send(self.request(Method::GET, "/health")).await.ok();
        assert_eq!(health["status"], "ok");
        let mut visitor = crate::visitor::Visitor::new();
        let flush = visitor.flush_of([crate::visitor::event("still_alive")]);
        assert_eq!(self.flush(flush).await["acked"], 1);
    }
}

/// Sends a request and reads the answer.
pub async fn send(request: RequestBuilder) -> Answer {
    // The error names the address.
    let response = request.send().await.unwrap_or_else(|error| panic!("no answer: {error:?}"));
    let (what, status) = (response.url().to_string(), response.status().as_u16());
    let headers = response.headers().clone();
    let text = response.text().await.unwrap_or_else(|error| panic!("half an answer: {error:?}"));
    Answer { what, status, headers, text }
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|error| panic!("{}: {} with no JSON ({error}): {}", self.what, self.status, self.text))
    }

    /// A header's value, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Expects 200 and gives the body.
    pub fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}: {}", self.what, self.text);
        self.json()
    }

    /// Expects a problem document (RFC 9457) with this status and code, and gives it.
    pub fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}: {}", self.what, self.text);
        assert_eq!(self.header("content-type"), "application/problem+json", "{}: {}", self.what, self.text);
        let problem = self.json();
        assert_eq!(problem["status"], status, "{}: {problem}", self.what);
        assert_eq!(problem["code"], code, "{}: {problem}", self.what);
        for member in ["type", "title", "detail"] {
            let text = problem[member].as_str().unwrap_or_default();
            assert!(!text.is_empty(), "{}: no {member}: {problem}", self.what);
        }
        problem
    }
}
