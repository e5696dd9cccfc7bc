//! The SDK as the server serves it: whole, compressed as asked, for any origin, and kept as long as that is right.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on has failed")]

use std::{fs, io::Read as _, process::Command};

use flate2::read::GzDecoder;
use kindling_tests::{
    api::Api,
    programs,
    server::{Server, empty_workspace},
};
use reqwest::{
    Method, StatusCode,
    header::{HeaderMap, HeaderName},
    redirect::Policy,
};

/// The server without redirections, which are looked at too.
async fn get(api: &Api, path: &str, headers: &[(HeaderName, &str)]) -> (StatusCode, HeaderMap, Vec<u8>) {
    send(api, Method::GET, path, headers).await
}

async fn send(
    api: &Api,
    method: Method,
    path: &str,
    headers: &[(HeaderName, &str)],
) -> (StatusCode, HeaderMap, Vec<u8>) {
    let client = reqwest::Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
    let mut request = client.request(method, format!("{}{path}", api.url));
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    let answer = request.send().await.unwrap();
    (answer.status(), answer.headers().clone(), answer.bytes().await.unwrap().to_vec())
}

/// The folder of the SDK's files, which the loader names.
async fn folder(api: &Api) -> String {
    let (_, _, loader) = get(api, "/sdk/kindling.js", &[]).await;
    let loader = String::from_utf8(loader).unwrap();
    let (before, _) = loader.split_once("/index.js\"").expect("the loader names the SDK");
    before.rsplit_once("\"./").unwrap().1.to_owned()
}

const ACCEPT: HeaderName = reqwest::header::ACCEPT_ENCODING;
const IF_NONE_MATCH: HeaderName = reqwest::header::IF_NONE_MATCH;

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut plain).unwrap();
    plain
}

fn unbrotli(bytes: &[u8]) -> Vec<u8> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    let script = "process.stdout.write(require('node:zlib').brotliDecompressSync(require('node:fs').readFileSync(process.argv[1])))";
    Command::new(programs::node()).args(["-e", script]).arg(file.path()).output().unwrap().stdout
}

#[tokio::test]
async fn every_file_is_served_as_it_is_in_the_package() {
    let server = Server::start(empty_workspace("shop")).await;
    let api = server.api();
    let folder = folder(&api).await;
    assert!(folder.starts_with(concat!(env!("CARGO_PKG_VERSION"), "-")), "{folder}");
    for (name, kind) in [("index.js", "text/javascript; charset=utf-8"), ("kindling_bg.wasm", "application/wasm")] {
        let path = format!("/sdk/{folder}/{name}");
        let plain = fs::read(programs::package().join("dist").join(name)).unwrap();
        let mut tags = Vec::new();
        for (accept, coding, decode) in [
            ("identity", None, (|bytes| bytes.to_vec()) as fn(&[u8]) -> Vec<u8>),
            ("gzip", Some("gzip"), gunzip),
            ("gzip, deflate, br, zstd", Some("br"), unbrotli),
            ("br;q=0.1, gzip;q=0.9", Some("gzip"), gunzip),
        ] {
            let (status, headers, body) = get(&api, &path, &[(ACCEPT, accept)]).await;
            assert_eq!(status, 200, "{path}");
            assert_eq!(
                headers.get("content-encoding").map(|coding| coding.to_str().unwrap()),
                coding,
                "{path} {accept}"
            );
            assert!(decode(&body) == plain, "{path} as {accept} is another file");
            for (header, wanted) in [
                ("content-type", kind),
                ("content-length", &body.len().to_string()),
                ("cache-control", "public, max-age=31536000, immutable"),
                ("vary", "accept-encoding"),
                ("access-control-allow-origin", "*"),
                ("cross-origin-resource-policy", "cross-origin"),
                ("x-content-type-options", "nosniff"),
            ] {
                assert_eq!(headers[header], wanted, "{path} {accept}: {header}");
            }
            let tag = headers["etag"].to_str().unwrap().to_owned();
            let (status, headers, body) = get(&api, &path, &[(ACCEPT, accept), (IF_NONE_MATCH, &tag)]).await;
            assert_eq!((status.as_u16(), body.len()), (304, 0), "{path}");
            assert!(headers["etag"] == tag.as_str() && headers["access-control-allow-origin"] == "*", "{headers:?}");
            tags.push(tag);
        }
        tags.sort();
        tags.dedup();
        assert_eq!(tags.len(), 3, "a tag for each form: {tags:?}");
    }
}

#[tokio::test]
async fn the_loader_has_an_address_that_stays() {
    let server = Server::start(empty_workspace("shop")).await;
    let api = server.api();
    let (status, headers, body) = get(&api, "/sdk/kindling.js", &[(ACCEPT, "br")]).await;
    assert_eq!(status, 200);
    assert_eq!(headers["cache-control"], "public, max-age=600");
    assert_eq!(headers["access-control-allow-origin"], "*");
    assert_eq!(headers["content-type"], "text/javascript; charset=utf-8");
    assert!(body.len() < 1000);
    let (status, head, body) = send(&api, Method::HEAD, "/sdk/kindling.js", &[(ACCEPT, "br")]).await;
    assert_eq!((status.as_u16(), body.len()), (200, 0));
    assert_eq!((&head["etag"], &head["content-length"]), (&headers["etag"], &headers["content-length"]));
}

#[tokio::test]
async fn what_an_older_loader_names_leads_to_the_sdk() {
    let server = Server::start(empty_workspace("shop")).await;
    let api = server.api();
    let wanted = format!("../{}/index.js", folder(&api).await);
    for version in ["0.0.1-00000000", env!("CARGO_PKG_VERSION")] {
        let (status, headers, _) = get(&api, &format!("/sdk/{version}/index.js"), &[]).await;
        assert_eq!(status, 307);
        assert!(headers["location"] == wanted.as_str() && headers["cache-control"] == "no-store", "{headers:?}");
        assert_eq!(headers["access-control-allow-origin"], "*");
    }
}

#[tokio::test]
async fn nothing_else_is_served() {
    let server = Server::start(empty_workspace("shop")).await;
    let api = server.api();
    let folder = folder(&api).await;
    for path in [
        "/sdk",
        "/sdk/",
        "/sdk/index.js",
        "/sdk/nothing/kindling_bg.wasm",
        &format!("/sdk/{folder}"),
        &format!("/sdk/{folder}/"),
        &format!("/sdk/{folder}/index.js.br"),
    ] {
        let (status, headers, body) = get(&api, path, &[]).await;
        assert_eq!(status, 404, "{path}");
        assert_eq!(headers["content-type"], "application/problem+json", "{path}");
        assert!(String::from_utf8(body).unwrap().contains("\"not_found\""), "{path}");
    }
    let (status, ..) = send(&api, Method::PUT, "/sdk/kindling.js", &[]).await;
    assert_eq!(status, 405);
    // The address of flushes lies beside them.
    let (status, ..) = get(&api, "/sdk/v1/flush", &[]).await;
    assert_eq!(status, 405);
}
