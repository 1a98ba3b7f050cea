//! Requests that a proxy mirrors, each as itself.
//!
//! *Input*: the mirrored request, with what the proxy changes in headers of its own:
//! `X-Original-Id`, `-Method`, `-URI`, `-Protocol`, `-Client`, `-Host`, `-Connection`, `-Authorization` and
//! `-API-Key`. *Output*: nothing, at once: the request is queued. *Limits*: the queue is bounded; of a
//! body, 128 KiB are looked at, and a longer one is read up to 1 MiB. Bodies and secrets are not kept.
//!
//! The proxy must set each of these headers, if only to nothing: else a client could send them.

use std::future::poll_fn;
use std::net::IpAddr;

use axum::body::{Body, HttpBody as _};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use vigil_event::SourceId;
use vigil_event::whole::Pair;

use super::{ARRIVAL, refusal};
use crate::allowed::{Allowed, Ingest};
use crate::error::ErrorBody;
use crate::state::Shared;
use crate::{ApiError, SentRequest};

/// The most of a body that is read, in bytes.
const READ_BYTES: usize = 1 << 20;

/// What is ours or the proxy's own, and not the client's.
const OWN: [&str; 5] = [
    "host",
    "connection",
    "authorization",
    "x-api-key",
    "x-vigil-source",
];

/// Takes a mirrored request
///
/// For nginx's `mirror`. Takes the request and answers before anything is concluded from it.
#[utoipa::path(
    post, path = "/api/v1/ingest/mirror", tag = "ingest", operation_id = "ingest_mirror",
    params(
        ("X-Original-Id" = Option<String>, Header, description = "What the proxy calls the request: one of the same name that says the same is not taken in again"),
        ("X-Original-Method" = String, Header, description = "The method"),
        ("X-Original-URI" = String, Header, description = "Path and query as received"),
        ("X-Original-Protocol" = Option<String>, Header, description = "Such as `HTTP/1.1`"),
        ("X-Original-Client" = Option<String>, Header, description = "The client's address"),
        ("X-Original-Host" = Option<String>, Header, description = "The Host header"),
    ),
    responses(
        (status = 204, description = "The request is queued"),
        (status = 400, description = "Headers are missing", body = ErrorBody),
        (status = 401, description = "No token", body = ErrorBody),
        (status = 403, description = "The token does not allow this", body = ErrorBody),
        (status = 429, description = "The queue is full: the request was left out and counted", body = ErrorBody),
        (status = 503, description = "No requests are taken", body = ErrorBody),
    ),
)]
pub(super) async fn mirror(
    allowed: Allowed<Ingest>,
    State(api): State<Shared>,
    request: Request,
) -> Result<StatusCode, ApiError> {
    let (parts, body) = request.into_parts();
    let mut sent = original(&parts.headers)?;
    let body = tokio::time::timeout(ARRIVAL, read(body)).await;
    sent.set_body(&body.unwrap_or_default());
    sent.occurred_at = Some(api.state.clock.now());
    let source = SourceId::new(format!("mirror:{}", allowed.principal.subject));
    api.state
        .intake
        .mirror(source, sent)
        .map_err(|error| refusal(&error))?;
    Ok(StatusCode::NO_CONTENT)
}

/// The request as the proxy got it.
fn original(headers: &HeaderMap) -> Result<SentRequest, ApiError> {
    let text = |name: &str| {
        let value = headers.get(name).map(axum::http::HeaderValue::as_bytes);
        value.filter(|value| !value.is_empty())
    };
    let needed = |name: &str| {
        text(name).map(<[u8]>::to_vec).ok_or_else(|| {
            ApiError::invalid(format!("the header {name} is missing"))
                .hint("docs/whole-requests.md has what nginx must send")
        })
    };
    let client = text("x-original-client").and_then(|text| std::str::from_utf8(text).ok());
    let client: Option<IpAddr> = client.and_then(|text| text.parse().ok());
    let protocol = text("x-original-protocol").unwrap_or(b"HTTP/1.1");
    let mut sent = SentRequest {
        id: text("x-original-id").unwrap_or_default().to_vec(),
        client,
        method: needed("x-original-method")?,
        target: needed("x-original-uri")?,
        version: protocol.strip_prefix(b"HTTP/").unwrap_or(protocol).to_vec(),
        ..SentRequest::default()
    };
    for (name, original) in [
        ("Host", "x-original-host"),
        ("Connection", "x-original-connection"),
        ("Authorization", "x-original-authorization"),
        ("X-API-Key", "x-original-api-key"),
    ] {
        if let Some(value) = text(original) {
            sent.headers.push(Pair::new(name.as_bytes(), value));
        }
    }
    for (name, value) in headers {
        let is_own = OWN.contains(&name.as_str()) || name.as_str().starts_with("x-original-");
        if !is_own {
            sent.headers
                .push(Pair::new(name.as_str().as_bytes(), value.as_bytes()));
        }
    }
    Ok(sent)
}

/// The start of a body; what does not come is left out.
async fn read(mut body: Body) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < READ_BYTES {
        let frame = poll_fn(|context| std::pin::Pin::new(&mut body).poll_frame(context)).await;
        let Some(Ok(frame)) = frame else { break };
        if let Some(data) = frame.data_ref() {
            bytes.extend_from_slice(data);
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_is_as_the_proxy_got_it() {
        let headers: HeaderMap = [
            ("host", "127.0.0.1:8082"),
            ("x-api-key", "secret"),
            ("x-original-method", "PUT"),
            ("x-original-uri", "/a?b"),
            ("x-original-protocol", "HTTP/2.0"),
            ("x-original-client", "203.0.113.9"),
            ("x-original-host", "shop.example"),
            ("x-original-other", "forged"),
            ("cookie", "a=b"),
        ]
        .into_iter()
        .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
        .collect::<HeaderMap>();
        let sent = original(&headers).unwrap();
        assert_eq!(
            (
                sent.method.as_slice(),
                sent.target.as_slice(),
                sent.version.as_slice()
            ),
            (&b"PUT"[..], &b"/a?b"[..], &b"2.0"[..])
        );
        assert_eq!(
            sent.headers,
            [
                Pair::new(b"Host", b"shop.example"),
                Pair::new(b"cookie", b"a=b")
            ]
        );
        assert!(original(&HeaderMap::new()).is_err());
    }
}
