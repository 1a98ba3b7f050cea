//! What every answer carries, also those of other crates' routes: headers that keep browsers from
//! doing more with it than we mean, and for errors the one JSON shape.

use axum::body::{HttpBody as _, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::{ApiError, ErrorCode};

/// What an answer gets unless its route has set it otherwise.
const HEADERS: [(HeaderName, &str); 8] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
    (header::CACHE_CONTROL, "no-store"),
];

/// The longest plain text that is taken for an error's message, in bytes.
const MAX_PLAIN_BYTES: usize = 4 * 1024;

pub(crate) async fn complete(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let mut response = match response.status() {
        status if status.is_client_error() || status.is_server_error() => {
            in_our_shape(response).await
        }
        _ => response,
    };
    for (name, value) in HEADERS {
        response
            .headers_mut()
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Gives an error that the framework made, empty or as plain text, our shape. Its other headers,
/// such as `Allow`, stay.
async fn in_our_shape(response: Response) -> Response {
    let plain = match response.headers().get(header::CONTENT_TYPE) {
        None => response.body().size_hint().exact() == Some(0),
        Some(kind) => kind.as_bytes().starts_with(b"text/plain"),
    };
    if !plain {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let said = to_bytes(body, MAX_PLAIN_BYTES).await.unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    let message = match (parts.status, said.trim()) {
        (StatusCode::METHOD_NOT_ALLOWED, _) => "this path does not take that method",
        (status, "") => status
            .canonical_reason()
            .unwrap_or("the request is refused"),
        (_, said) => said,
    };
    let mut error = ApiError::new(ErrorCode::of_status(parts.status), message).into_response();
    *error.status_mut() = parts.status;
    parts.headers.remove(header::CONTENT_TYPE);
    parts.headers.remove(header::CONTENT_LENGTH);
    error.headers_mut().extend(parts.headers);
    error
}
