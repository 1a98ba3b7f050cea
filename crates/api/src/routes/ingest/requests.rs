//! Whole requests that somebody sends, in batches.
//!
//! *Input*: JSON. *Output*: what became of them. *Limits*: 1,000 requests and 8 MiB a batch, 200
//! headers a request; of a body, 128 KiB are looked at. Bodies and secrets are not kept.

use std::net::IpAddr;

use axum::Json;
use axum::extract::{Request, State};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use utoipa::ToSchema;
use vigil_event::Timestamp;
use vigil_event::whole::Pair;

use super::{arrive, named, stored, turn};
use crate::allowed::{Allowed, Ingest};
use crate::error::ErrorBody;
use crate::state::Shared;
use crate::{ApiError, ErrorCode, IngestOutcome, RequestBatch, SentRequest};

/// The most requests of a batch.
const MAX_REQUESTS: usize = 1_000;
/// The most headers of a request.
const MAX_HEADERS: usize = 200;

/// Whole requests.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RequestBatch)]
pub(in crate::routes) struct RequestsBody {
    /// Names the source: letters, digits and `._:-`.
    #[serde(default)]
    #[schema(max_length = 100, example = "shop")]
    source: Option<String>,
    /// Names the batch: sent again under the same key, nothing is stored twice.
    #[serde(default)]
    #[schema(max_length = 200)]
    idempotency_key: Option<String>,
    /// The requests.
    #[schema(max_items = 1_000)]
    requests: Vec<RequestBody>,
}

/// A whole request.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WholeRequest)]
struct RequestBody {
    /// The method.
    #[schema(example = "POST")]
    method: String,
    /// Path and query as received.
    #[schema(example = "/login?next=%2F")]
    uri: String,
    /// The protocol.
    #[serde(default)]
    #[schema(example = "HTTP/1.1")]
    protocol: Option<String>,
    /// Names and values, in the order they came.
    #[serde(default)]
    headers: Vec<[String; 2]>,
    /// The body, where it is text.
    #[serde(default)]
    body: Option<String>,
    /// The body in base64, where it is not.
    #[serde(default)]
    body_base64: Option<String>,
    /// The client's address; behind a trusted proxy, the proxy's.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "203.0.113.9")]
    client: Option<IpAddr>,
    /// When it came; now, where that is missing.
    #[serde(default)]
    timestamp: Option<Timestamp>,
}

impl RequestBody {
    fn into_sent(self) -> Result<SentRequest, ApiError> {
        if self.headers.len() > MAX_HEADERS {
            return Err(ApiError::invalid(format!(
                "a request has more than {MAX_HEADERS} headers"
            )));
        }
        let protocol = self.protocol.as_deref().unwrap_or("HTTP/1.1");
        let version = protocol.strip_prefix("HTTP/").unwrap_or(protocol);
        let mut sent = SentRequest {
            client: self.client,
            occurred_at: self.timestamp,
            method: self.method.into_bytes(),
            target: self.uri.into_bytes(),
            version: version.as_bytes().to_vec(),
            ..SentRequest::default()
        };
        for [name, value] in &self.headers {
            sent.headers
                .push(Pair::new(name.as_bytes(), value.as_bytes()));
        }
        match (self.body, self.body_base64) {
            (Some(_), Some(_)) => {
                return Err(ApiError::invalid("give `body` or `body_base64`, not both"));
            }
            (Some(text), None) => sent.set_body(text.as_bytes()),
            (None, Some(text)) => {
                let bytes = STANDARD.decode(&text).map_err(|error| {
                    ApiError::invalid(format!("a `body_base64` is not base64: {error}"))
                })?;
                sent.set_body(&bytes);
            }
            (None, None) => {}
        }
        Ok(sent)
    }
}

/// Takes whole requests
///
/// With method, URI, headers and body, so that all rules see what an access log leaves out. Answers
/// when what was found is stored. Bodies are not kept, nor what stands in Authorization, in cookies
/// or under names such as `password`.
#[utoipa::path(
    post, path = "/api/v1/ingest/requests", tag = "ingest", operation_id = "ingest_requests",
    request_body = RequestsBody,
    responses(
        (status = 200, description = "The batch is stored", body = IngestOutcome),
        (status = 400, description = "The batch is not understood", body = ErrorBody),
        (status = 401, description = "No token", body = ErrorBody),
        (status = 403, description = "The token does not allow this", body = ErrorBody),
        (status = 413, description = "More than 1,000 requests or 8 MiB", body = ErrorBody),
        (status = 429, description = "No room now: nothing was taken; `Retry-After` says when to try again", body = ErrorBody),
        (status = 503, description = "No requests are taken", body = ErrorBody),
    ),
)]
pub(super) async fn requests(
    allowed: Allowed<Ingest>,
    State(api): State<Shared>,
    request: Request,
) -> Result<Json<IngestOutcome>, ApiError> {
    let turn = turn(&api)?;
    let bytes = arrive(request).await?;
    let body = tokio::task::spawn_blocking(move || read(&bytes))
        .await
        .map_err(|failure| {
            tracing::error!(%failure, "reading a batch did not end");
            ApiError::internal()
        })??;
    let read_at = api.state.clock.now();
    let names = (body.source.as_deref(), body.idempotency_key.as_deref());
    let (source, stream) = named(&api, &allowed.principal, names, read_at)?;
    let requests = body.requests.into_iter().map(RequestBody::into_sent);
    let batch = RequestBatch {
        source,
        stream,
        read_at,
        requests: requests.collect::<Result<_, _>>()?,
    };
    drop(turn);
    stored(api.state.intake.submit_requests(batch)).await
}

fn read(bytes: &[u8]) -> Result<RequestsBody, ApiError> {
    let body: RequestsBody = serde_json::from_slice(bytes)
        .map_err(|error| ApiError::invalid(format!("the batch is not understood: {error}")))?;
    if body.requests.len() > MAX_REQUESTS {
        let message = format!("the batch has more than {MAX_REQUESTS} requests");
        return Err(ApiError::new(ErrorCode::TooLarge, message)
            .hint("send it in smaller parts")
            .none_accepted());
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_may_have_a_body_of_either_kind() {
        let body = read(
            br#"{"requests":[
                {"method":"POST","uri":"/a","headers":[["Host","h"]],"body":"x","client":"203.0.113.9","timestamp":"2026-11-20T12:00:00Z"},
                {"method":"PUT","uri":"/b","protocol":"HTTP/2.0","body_base64":"/w=="}]}"#,
        )
        .unwrap();
        let sent: Vec<_> = body
            .requests
            .into_iter()
            .map(|one| one.into_sent().unwrap())
            .collect();
        assert_eq!(
            (sent[0].body.as_slice(), sent[0].version.as_slice()),
            (&b"x"[..], &b"1.1"[..])
        );
        assert_eq!(
            (sent[1].body.as_slice(), sent[1].version.as_slice()),
            (&b"\xff"[..], &b"2.0"[..])
        );
        assert!(sent[0].client.is_some() && sent[0].occurred_at.is_some());
        for wrong in [
            r#"{"requests":[{"uri":"/"}]}"#,
            r#"{"requests":[{"method":"GET","uri":"/","bdy":"x"}]}"#,
            r#"{"lines":[]}"#,
        ] {
            assert!(read(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_long_body_is_cut_and_marked() {
        let mut sent = SentRequest::default();
        sent.set_body(&vec![b'a'; SentRequest::MAX_BODY_BYTES + 1]);
        assert_eq!(
            (sent.body.len(), sent.truncated),
            (SentRequest::MAX_BODY_BYTES, true)
        );
        sent.set_body(b"a");
        assert!(!sent.truncated);
    }
}
