//! The SDK as web pages load it: files that the build script has put into the server.
//!
//! A file in a folder belongs to one build of the SDK, which the folder is named after: it never changes. The others have addresses
//! that stay, and change with the server.

use axum::{
    extract::Path,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};

use super::Problem;

/// Where the files are.
pub(super) const ROUTE: &str = "/sdk/{*path}";

const FOR_EVER: &str = "public, max-age=31536000, immutable";
const FOR_MINUTES: &str = "public, max-age=600";
const NOT_AT_ALL: &str = "no-store";

/// What holds where one of the files is opened as a page, as the frame of HTML messages is: it has no origin, not even this server's, and
/// its page loads nothing but images, fonts and media. It is what `sdk/js/display/html.js` puts into pages as well.
const POLICY: &str = "sandbox allow-scripts; default-src 'none'; img-src https: http: data:; media-src https: http: data:; \
                      font-src https: http: data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; form-action 'none'";

/// What a page loads first. Everything else is named by it.
const ENTRY: &str = "index.js";

/// A file of the SDK.
#[derive(Debug, Clone, Copy)]
struct File {
    /// Its address below `/sdk/`.
    path: &'static str,
    /// Changes with the contents.
    tag: &'static str,
    plain: &'static [u8],
    brotli: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

static FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/sdk_files.rs"));

/// `GET /sdk/…`
pub(super) async fn get(Path(path): Path<String>, headers: HeaderMap) -> Response {
    let mut response = answer(FILES, &path, &headers).unwrap_or_else(Problem::into_response);
    // Pages of any origin load it, also those that have isolated themselves from others.
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("cross-origin"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

fn answer(files: &[File], path: &str, asked: &HeaderMap) -> Result<Response, Problem> {
    if let Some(file) = files.iter().find(|file| file.path == path) {
        return Ok(serve(file, asked));
    }
    if files.is_empty() {
        return Err(Problem::sdk_not_built());
    }
    match moved(files, path) {
        Some(place) => {
            let headers = [(header::LOCATION, place.as_str()), (header::CACHE_CONTROL, NOT_AT_ALL)];
            Ok((StatusCode::TEMPORARY_REDIRECT, headers).into_response())
        }
        None => Err(Problem::not_found("the SDK has no such file")),
    }
}

/// A browser may hold the loader of a server that was built before this one, or after it: what that loads is here under another
/// name. Relative, because nobody knows what stands before `/sdk/` where the page is.
fn moved(files: &[File], path: &str) -> Option<String> {
    let (folder, ENTRY) = path.split_once('/')? else { return None };
    let current = files.iter().find_map(|file| file.path.strip_suffix(ENTRY)?.strip_suffix('/'))?;
    (folder != current).then(|| format!("../{current}/{ENTRY}"))
}

fn serve(file: &File, asked: &HeaderMap) -> Response {
    let (body, coding) = choose(file, &accepted(asked));
    let tag = match coding {
        Some(coding) => format!("\"{}-{coding}\"", file.tag),
        None => format!("\"{}\"", file.tag),
    };
    let cache = if file.path.contains('/') { FOR_EVER } else { FOR_MINUTES };
    let always = [(header::ETAG, tag.as_str()), (header::CACHE_CONTROL, cache), (header::VARY, "accept-encoding")];
    if knows(asked, &tag) {
        return (StatusCode::NOT_MODIFIED, always).into_response();
    }
    let mut response = (always, [(header::CONTENT_TYPE, media_type(file.path))], body).into_response();
    if let Some(coding) = coding {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    response
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("js") => "text/javascript; charset=utf-8",
        // Anything else, and browsers would not compile it while it arrives.
        Some("wasm") => "application/wasm",
        Some("html") => "text/html; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// What a client says of codings, each with its weight in thousandths.
#[derive(Debug, Default)]
struct Accepted(Vec<(String, u16)>);

fn accepted(headers: &HeaderMap) -> Accepted {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let parts = values.flat_map(|value| value.split(',')).map(str::trim).filter(|part| !part.is_empty());
    Accepted(parts.map(weighted).collect())
}

/// A coding with its weight, which is 1 if it can't be read.
fn weighted(part: &str) -> (String, u16) {
    let (coding, parameters) = part.split_once(';').unwrap_or((part, ""));
    let weight = parameters.trim().strip_prefix(['q', 'Q']).and_then(|rest| rest.trim_start().strip_prefix('='));
    let weight = weight.and_then(|weight| weight.trim().parse::<f32>().ok()).unwrap_or(1.0);
    // A cast to an integer stays within its bounds.
    (coding.trim().to_ascii_lowercase(), (weight.clamp(0.0, 1.0) * 1000.0) as u16)
}

impl Accepted {
    /// The weight of a coding; `None` if nothing is said of it.
    fn weight(&self, coding: &str) -> Option<u16> {
        let of = |wanted: &str| self.0.iter().find(|(name, _)| name == wanted).map(|(_, weight)| *weight);
        of(coding).or_else(|| of("*"))
    }
}

/// The form of a file that the client likes best; of those that it likes as much, the smallest.
fn choose(file: &File, accepted: &Accepted) -> (&'static [u8], Option<&'static str>) {
    let compressed = [("br", file.brotli), ("gzip", file.gzip)];
    let best = compressed
        .into_iter()
        .filter_map(|(coding, bytes)| Some((accepted.weight(coding).unwrap_or(0), coding, bytes?)))
        // Of two with the same weight the last would stand.
        .rev()
        .max_by_key(|(weight, ..)| *weight)
        // Unless it is named, the file as it is comes last; it is also what those get who like nothing.
        .filter(|(weight, ..)| *weight > 0 && *weight >= accepted.weight("identity").unwrap_or(0));
    best.map_or((file.plain, None), |(_, coding, bytes)| (bytes, Some(coding)))
}

/// Whether the client has the file with this tag already.
fn knows(headers: &HeaderMap, tag: &str) -> bool {
    let values = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut tags = values.flat_map(|value| value.split(',')).map(str::trim);
    // A proxy that compresses by itself makes a tag weak.
    tags.any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDK: [File; 2] = [
        File { path: "1.2.3-ab/index.js", tag: "i", plain: b"plain", brotli: Some(b"br"), gzip: Some(b"gzip") },
        File { path: "kindling.js", tag: "k", plain: b"loader", brotli: None, gzip: None },
    ];

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    fn check_coding(accept: &str, expected: Option<&str>) {
        let (_, coding) = choose(&SDK[0], &accepted(&headers(header::ACCEPT_ENCODING, accept)));
        assert_eq!(coding, expected, "{accept:?}");
    }

    #[test]
    fn the_smallest_form_that_a_client_takes_is_chosen() {
        check_coding("", None);
        check_coding("gzip", Some("gzip"));
        check_coding("gzip, deflate, br, zstd", Some("br"));
        check_coding("BR", Some("br"));
        check_coding("deflate", None);
        check_coding("*", Some("br"));
    }

    #[test]
    fn weights_decide_before_sizes() {
        check_coding("br;q=0.5, gzip;q=0.8", Some("gzip"));
        check_coding("br;q=0, gzip", Some("gzip"));
        check_coding("br ; q = 0.0, *;q=0", None);
        check_coding("br;q=0, *", Some("gzip"));
        check_coding("identity, br;q=0.5", None);
        check_coding("identity;q=0.5, br;q=0.5", Some("br"));
        check_coding("identity;q=0", None);
        check_coding("gzip;q=nonsense", Some("gzip"));
    }

    #[test]
    fn a_form_that_is_not_there_is_not_chosen() {
        let all = headers(header::ACCEPT_ENCODING, "br, gzip");
        assert_eq!(choose(&SDK[1], &accepted(&all)), (&b"loader"[..], None));
    }

    fn status(path: &str, asked: &HeaderMap) -> StatusCode {
        answer(&SDK, path, asked).map_or_else(|problem| problem.into_response().status(), |response| response.status())
    }

    #[test]
    fn each_form_has_a_tag_of_its_own() {
        let known = |tag: &str, accept: &str| {
            let mut asked = headers(header::IF_NONE_MATCH, tag);
            asked.extend(headers(header::ACCEPT_ENCODING, accept));
            status("1.2.3-ab/index.js", &asked) == StatusCode::NOT_MODIFIED
        };
        assert!(
            known("\"i\"", "") && known("\"x\", \"i-br\"", "br") && known("W/\"i-gzip\"", "gzip") && known("*", "")
        );
        assert!(!known("\"i\"", "br") && !known("\"i-br\"", "gzip") && !known("i", ""));
    }

    #[test]
    fn only_what_is_named_after_its_contents_is_kept_for_ever() {
        for (path, cache) in [("1.2.3-ab/index.js", FOR_EVER), ("kindling.js", FOR_MINUTES)] {
            let response = answer(&SDK, path, &HeaderMap::new()).unwrap();
            assert_eq!(response.headers()[header::CACHE_CONTROL], cache, "{path}");
        }
    }

    #[test]
    fn the_entry_of_another_build_leads_to_this_one() {
        let response = answer(&SDK, "1.2.2-cd/index.js", &HeaderMap::new()).unwrap();
        assert_eq!(response.status(), StatusCode::TEMPORARY_REDIRECT);
        assert_eq!(response.headers()[header::LOCATION], "../1.2.3-ab/index.js");
        for path in ["1.2.2-cd/kindling.js", "index.js", "a/b/index.js", "", "1.2.3-ab", "1.2.3-ab/../kindling.js"] {
            assert_eq!(status(path, &HeaderMap::new()), StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[test]
    fn a_server_without_the_sdk_says_how_to_get_it() {
        let problem = answer(&[], "kindling.js", &HeaderMap::new()).unwrap_err();
        assert_eq!(problem.code(), "sdk_not_built");
    }

    #[test]
    fn what_is_built_in_is_complete() {
        // Without a package there is nothing, which is all right.
        let entries = FILES.iter().filter(|file| file.path.ends_with(ENTRY)).count();
        assert_eq!(entries, usize::from(!FILES.is_empty()));
        assert!(FILES.iter().all(|file| file.brotli.is_some() && file.gzip.is_some()));
    }
}
