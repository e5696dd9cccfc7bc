//! All routes of the shop.

use axum::Router;
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::get;
use tower_http::services::ServeDir;

use crate::configuration::{Configuration, get_configuration};
use crate::definitions::Keys;
use crate::options::Options;
use crate::profiles::{Profiles, get_records, get_user};
use crate::security_headers::SecurityHeaders;

/// The shop: its pages, the SDK package, the configuration for the browser, and what its backend asks Kindling.
pub(crate) fn router(options: &Options, keys: Keys) -> anyhow::Result<Router> {
    let configuration = Configuration::new(&options.kindling, &keys);
    let profiles = Profiles::new(options.kindling.clone(), &keys)?;
    let headers = SecurityHeaders::new(&options.kindling)?;

    Ok(Router::new()
        .route("/config.json", get(get_configuration))
        .with_state(configuration)
        .merge(
            Router::new()
                .route("/shop/kindling/users/{ref}", get(get_user))
                .route("/shop/kindling/users/{ref}/records", get(get_records))
                .with_state(profiles),
        )
        // Where a package manager would have put it: the pages import it from there, with no build step.
        .nest_service("/node_modules/@kindling/web-sdk", ServeDir::new(&options.package))
        .fallback_service(ServeDir::new(&options.site))
        .layer(map_response(move |response: Response| {
            let response = headers.add_to(response);
            async { response }
        })))
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::path::Path;

    use axum::extract::Request;
    use axum::http::{StatusCode, header};
    use axum::response::{IntoResponse, Redirect};
    use clap::Parser;
    use serde_json::{Value, json};
    use tempfile::TempDir;
    use tokio::net::TcpListener;

    use super::*;

    const SECRET: &str = "sk_of_the_test";

    async fn serve(router: Router) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(crate::shutdown::serve_until(listener, router, std::future::pending()));
        address
    }

    /// Answers with what it was asked, so that a test sees what was passed on.
    async fn mirror(request: Request) -> Response {
        match request.uri().path() {
            "/api/v1/users/external_id:nobody" => {
                let problem = axum::Json(json!({"code": "user_not_found"}));
                let content_type = [(header::CONTENT_TYPE, "application/problem+json")];
                (StatusCode::NOT_FOUND, content_type, problem).into_response()
            }
            "/api/v1/users/external_id:refused" => StatusCode::UNAUTHORIZED.into_response(),
            "/api/v1/users/external_id:elsewhere" => Redirect::to("/x").into_response(),
            "/api/v1/users/external_id:endless" => vec![b' '; 5 * 1024 * 1024].into_response(),
            _ => axum::Json(json!({
                "asked": request.uri().to_string(),
                "authorized": request.headers()[header::AUTHORIZATION] == format!("Bearer {SECRET}"),
            }))
            .into_response(),
        }
    }

    fn write(folder: &Path, file: &str, content: &[u8]) {
        let path = folder.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    struct Shop {
        address: SocketAddr,
        _folder: TempDir,
    }

    impl Shop {
        async fn open() -> Self {
            let upstream = serve(Router::new().fallback(mirror)).await;
            Self::before(upstream).await
        }

        async fn before(upstream: SocketAddr) -> Self {
            let folder = tempfile::tempdir().unwrap();
            write(folder.path(), "site/index.html", b"<!doctype html>");
            write(folder.path(), "site/js/main.js", b"export {};");
            write(folder.path(), "pkg/dist/kindling_bg.wasm", b"\0asm");
            let options = Options::parse_from([
                "demo-web".into(),
                "--kindling".into(),
                format!("http://{upstream}").into(),
                "--site".into(),
                folder.path().join("site").into_os_string(),
                "--package".into(),
                folder.path().join("pkg").into_os_string(),
            ]);
            let keys = Keys { sdk: "pk_of_the_test".to_owned(), secret: SECRET.to_owned() };
            let address = serve(router(&options, keys).unwrap()).await;
            Self { address, _folder: folder }
        }

        async fn get(&self, path: &str) -> reqwest::Response {
            reqwest::get(format!("http://{}{path}", self.address)).await.unwrap()
        }

        async fn get_json(&self, path: &str, status: u16) -> Value {
            let response = self.get(path).await;
            assert_eq!(response.status().as_u16(), status, "{path}");
            response.json().await.unwrap()
        }
    }

    #[tokio::test]
    async fn pages_and_package_are_served_with_their_types() {
        let shop = Shop::open().await;
        for (path, content_type) in [
            ("/", "text/html"),
            ("/js/main.js", "text/javascript"),
            ("/node_modules/@kindling/web-sdk/dist/kindling_bg.wasm", "application/wasm"),
        ] {
            let response = shop.get(path).await;
            assert_eq!(response.status(), 200, "{path}");
            assert_eq!(response.headers()[header::CONTENT_TYPE], content_type, "{path}");
            assert_eq!(response.headers()[header::CACHE_CONTROL], "no-cache");
            assert!(response.headers().contains_key(header::CONTENT_SECURITY_POLICY));
        }
        for path in ["/nothing", "/../Cargo.toml", "/%2e%2e/pkg/dist/kindling_bg.wasm"] {
            assert_eq!(shop.get(path).await.status(), 404, "{path}");
        }
    }

    #[tokio::test]
    async fn the_browser_gets_the_public_key_only() {
        let shop = Shop::open().await;
        let configuration = shop.get_json("/config.json", 200).await;
        assert_eq!(configuration["sdkKey"], "pk_of_the_test");
        assert!(configuration["baseUrl"].as_str().unwrap().starts_with("http://127.0.0.1:"));
        assert!(!configuration.to_string().contains(SECRET));
    }

    #[tokio::test]
    async fn users_are_asked_for_with_the_secret_key() {
        let shop = Shop::open().await;
        let answer = shop.get_json("/shop/kindling/users/external_id:a%2Fb%20c", 200).await;
        assert_eq!(answer, json!({"asked": "/api/v1/users/external_id:a%2Fb%20c", "authorized": true}));
        let answer = shop.get_json("/shop/kindling/users/7/records?limit=3&before=x%26y", 200).await;
        assert_eq!(answer["asked"], "/api/v1/users/7/records?limit=3&before=x%26y");
    }

    #[tokio::test]
    async fn malformed_requests_go_no_further() {
        let shop = Shop::open().await;
        for path in [
            "/shop/kindling/users/alice",
            "/shop/kindling/users/..%2Fsegments",
            "/shop/kindling/users/external_id:%FF",
            "/shop/kindling/users/device_id:1",
            "/shop/kindling/users/7/records?limit=0",
            "/shop/kindling/users/7/records?limit=x",
        ] {
            let problem = shop.get_json(path, 400).await;
            assert_eq!(problem["code"], "invalid_request", "{path}");
        }
    }

    #[tokio::test]
    async fn an_unknown_user_is_passed_on_as_such() {
        let shop = Shop::open().await;
        let response = shop.get("/shop/kindling/users/external_id:nobody").await;
        assert_eq!(response.status(), 404);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    }

    #[tokio::test]
    async fn what_goes_wrong_behind_the_shop_is_a_bad_gateway() {
        let shop = Shop::open().await;
        for user in ["refused", "elsewhere", "endless"] {
            let path = format!("/shop/kindling/users/external_id:{user}");
            let problem = shop.get_json(&path, 502).await;
            assert_eq!(problem["code"], "kindling_unavailable", "{user}");
        }
    }

    #[tokio::test]
    async fn a_server_that_is_down_is_a_bad_gateway() {
        // A port that was just free: nobody listens there.
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let upstream = listener.local_addr().unwrap();
        drop(listener);
        let shop = Shop::before(upstream).await;
        let response = shop.get("/shop/kindling/users/7").await;
        assert_eq!(response.status(), 502);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        // The shop itself goes on.
        assert_eq!(shop.get("/").await.status(), 200);
    }
}
