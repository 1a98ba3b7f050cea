//! The page: its built files stand in the binary, under `/ui/`.
//!
//! Never holds: the page's sources (`dashboard/`), and nothing that a request sent.

use std::borrow::Cow;
use std::fmt::Write as _;

use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use bytes::Bytes;
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::allowed::{Allowed, Read};
use crate::state::Shared;
use crate::{ApiError, ErrorCode};

/// The files that `make page` builds; none in a build without them.
#[derive(RustEmbed)]
#[folder = "../../dashboard/dist"]
#[allow_missing = true]
struct Files;

const INDEX: &str = "index.html";

/// Files in this folder have a hash of their content in their name.
const HASHED: &str = "assets/";

pub(crate) fn routes() -> axum::Router<Shared> {
    axum::Router::new()
        .route("/", get(to_page))
        .route("/ui", get(to_page))
        .route("/ui/", get(index))
        .route("/ui/{*path}", get(file))
}

async fn to_page(_allowed: Allowed<Read>) -> Redirect {
    Redirect::temporary("/ui/")
}

async fn index(_allowed: Allowed<Read>, headers: HeaderMap) -> Result<Response, ApiError> {
    find(INDEX, &headers)
}

async fn file(
    _allowed: Allowed<Read>,
    Path(path): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    find(&path, &headers)
}

fn find(path: &str, headers: &HeaderMap) -> Result<Response, ApiError> {
    if Files::get(INDEX).is_none() {
        let message = "This build holds no page: run `make page` and build again";
        return Err(ApiError::new(ErrorCode::Unavailable, message));
    }
    let file = Files::get(path)
        .ok_or_else(|| ApiError::new(ErrorCode::NotFound, "the page has no such file"))?;
    Ok(answer(path, file, headers))
}

fn answer(path: &str, file: EmbeddedFile, headers: &HeaderMap) -> Response {
    let etag = etag(&file);
    let known = headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|tag| matches!(tag.trim(), "*") || tag.trim().trim_start_matches("W/") == etag);
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let bytes = match file.data {
            Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            Cow::Owned(bytes) => Bytes::from(bytes),
        };
        Response::new(Body::from(bytes))
    };
    let caching = if path.starts_with(HASHED) {
        "private, max-age=31536000, immutable"
    } else {
        "private, no-cache"
    };
    let answered = response.headers_mut();
    answered.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(media_type(path)),
    );
    answered.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        answered.insert(header::ETAG, etag);
    }
    response
}

fn etag(file: &EmbeddedFile) -> String {
    let mut text = String::from("\"");
    for byte in file.metadata.sha256_hash().iter().take(16) {
        // Writing to a string cannot fail.
        _ = write!(text, "{byte:02x}");
    }
    text.push('"');
    text
}

/// The media type by the name's ending. What is not listed is only saved by browsers, never run.
fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
