//! What the shop's own backend would ask Kindling: the profile of a user and the user's records.
//!
//! The browser asks the shop, the shop asks Kindling with its secret key. A real shop would answer only for the visitor
//! who is signed in; the demo answers for whoever is asked about, because its panel shows devices that nobody signed in on.

use std::time::Duration;

use anyhow::Context;
use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use reqwest::{Client, Url, redirect};
use serde::Deserialize;

use crate::definitions::Keys;
use crate::kindling_url::KindlingUrl;
use crate::problem::Problem;
use crate::user_ref::UserRef;

/// A visitor waits for the panel at most so long.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Far above any profile of the demo: an answer beyond it is a fault, and is not held in memory.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;
const RECORDS_DEFAULT: u16 = 50;
const RECORDS_MAX: u16 = 200;
const CURSOR_BYTES_MAX: usize = 512;

/// Kindling's management API, as far as the shop uses it.
#[derive(Clone)]
pub(crate) struct Profiles {
    client: Client,
    kindling: KindlingUrl,
}

impl Profiles {
    /// A client that sends the secret key with each request.
    pub(crate) fn new(kindling: KindlingUrl, keys: &Keys) -> anyhow::Result<Self> {
        let mut authorization = HeaderValue::try_from(format!("Bearer {}", keys.secret))
            .context("the secret key has characters that no header can carry")?;
        authorization.set_sensitive(true);
        let client = Client::builder()
            .default_headers(HeaderMap::from_iter([(header::AUTHORIZATION, authorization)]))
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ANSWER_TIMEOUT)
            // The key goes to the configured server and nowhere else: to no proxy, and to where no redirect points.
            .no_proxy()
            .redirect(redirect::Policy::none())
            .build()
            .context("cannot set up the HTTP client")?;
        Ok(Self { client, kindling })
    }

    fn user(&self, user_ref: &UserRef) -> Url {
        self.kindling.resource(&["api", "v1", "users", &user_ref.to_string()])
    }

    fn records(&self, user_ref: &UserRef, page: &Page) -> Url {
        let user_ref = user_ref.to_string();
        let mut url = self.kindling.resource(&["api", "v1", "users", &user_ref, "records"]);
        let mut query = url.query_pairs_mut();
        query.append_pair("limit", &page.limit.to_string());
        if let Some(cursor) = &page.before {
            query.append_pair("before", cursor);
        }
        drop(query);
        url
    }

    async fn ask(&self, url: Url) -> Result<Response, Problem> {
        let unreachable = |error: reqwest::Error| {
            // The address names the user, so it stays out of the log.
            tracing::warn!(error = %error.without_url(), "Kindling does not answer");
            Problem::bad_gateway("The Kindling server does not answer.")
        };
        let mut answer = self.client.get(url).send().await.map_err(unreachable)?;
        let status = answer.status();
        if !may_pass(status) {
            tracing::warn!(%status, "Kindling gave an answer that is not passed on");
            return Err(Problem::bad_gateway(format!("The Kindling server answered {}.", status.as_u16())));
        }
        let content_type = answer.headers().get(header::CONTENT_TYPE).cloned();
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(Problem::bad_gateway("The answer of the Kindling server is too large."));
            }
            body.extend_from_slice(&chunk);
        }
        let mut response = (status, Body::from(body)).into_response();
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, content_type.unwrap_or(HeaderValue::from_static("application/json")));
        Ok(response)
    }
}

/// The visitor's page can do something about these answers. Any other (a refused key, a redirect, a fault) is between the
/// shop and Kindling.
fn may_pass(status: StatusCode) -> bool {
    status.is_success() || status == StatusCode::BAD_REQUEST || status == StatusCode::NOT_FOUND
}

/// Which part of the records is asked for.
#[derive(Debug, PartialEq, Eq)]
struct Page {
    limit: u16,
    before: Option<String>,
}

/// The query of a request for records, before it is checked.
#[derive(Deserialize)]
pub(crate) struct PageQuery {
    limit: Option<u16>,
    before: Option<String>,
}

impl TryFrom<PageQuery> for Page {
    type Error = Problem;

    fn try_from(query: PageQuery) -> Result<Self, Problem> {
        let limit = query.limit.unwrap_or(RECORDS_DEFAULT);
        if !(1..=RECORDS_MAX).contains(&limit) {
            return Err(Problem::bad_request(format!("limit must be 1 to {RECORDS_MAX}")));
        }
        let is_cursor = |text: &String| {
            (1..=CURSOR_BYTES_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if query.before.as_ref().is_some_and(|text| !is_cursor(text)) {
            return Err(Problem::bad_request("before is no cursor"));
        }
        Ok(Self { limit, before: query.before })
    }
}

/// `GET /shop/kindling/users/{ref}`
pub(crate) async fn get_user(
    State(profiles): State<Profiles>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let user_ref = user_ref(path)?;
    profiles.ask(profiles.user(&user_ref)).await
}

/// `GET /shop/kindling/users/{ref}/records`
pub(crate) async fn get_records(
    State(profiles): State<Profiles>,
    path: Result<Path<String>, PathRejection>,
    query: Result<Query<PageQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let user_ref = user_ref(path)?;
    let Query(query) = query.map_err(Problem::bad_request)?;
    let page = Page::try_from(query)?;
    profiles.ask(profiles.records(&user_ref, &page)).await
}

fn user_ref(path: Result<Path<String>, PathRejection>) -> Result<UserRef, Problem> {
    let Path(text) = path.map_err(Problem::bad_request)?;
    text.parse().map_err(Problem::bad_request)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profiles() -> Profiles {
        let keys = Keys { sdk: "pk".to_owned(), secret: "sk".to_owned() };
        Profiles::new("http://localhost/k".parse().unwrap(), &keys).unwrap()
    }

    fn page(limit: Option<u16>, before: Option<&str>) -> Result<Page, Problem> {
        Page::try_from(PageQuery { limit, before: before.map(str::to_owned) })
    }

    #[test]
    fn the_address_of_a_profile_names_the_user_and_nothing_else() {
        let user_ref = "external_id:../keys?x=1".parse().unwrap();
        assert_eq!(profiles().user(&user_ref).as_str(), "http://localhost/k/api/v1/users/external_id:..%2Fkeys%3Fx=1");
    }

    #[test]
    fn the_address_of_records_carries_the_page() {
        let user_ref = "42".parse().unwrap();
        let url = profiles().records(&user_ref, &page(Some(5), Some("a&limit=9")).unwrap());
        assert_eq!(url.as_str(), "http://localhost/k/api/v1/users/42/records?limit=5&before=a%26limit%3D9");
    }

    #[test]
    fn pages_are_bounded() {
        assert_eq!(page(None, None).unwrap().limit, RECORDS_DEFAULT);
        assert!(page(Some(0), None).is_err());
        assert!(page(Some(RECORDS_MAX + 1), None).is_err());
        assert!(page(None, Some("")).is_err());
        assert!(page(None, Some("a b")).is_err());
        assert!(page(None, Some(&"x".repeat(CURSOR_BYTES_MAX + 1))).is_err());
    }
}
