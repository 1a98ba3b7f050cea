//! Batches of log lines that somebody sends; whole requests in `requests` and `mirror`.
//!
//! *Input*: JSON, or plain text with a line each. *Output*: what became of them. *Limits*: 10,000
//! lines and 8 MiB a batch; a line over 64 KiB is cut; a batch must arrive within 30 s.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest as _, Request, State};
use axum::http::{HeaderMap, header};
use tokio::sync::OwnedSemaphorePermit;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use vigil_auth::Principal;
use vigil_event::{RecordBatch, SourceId, Timestamp};

use self::lines::Sent;
use crate::allowed::{Allowed, Ingest};
use crate::error::ErrorBody;
use crate::extract;
use crate::state::Shared;
use crate::{ApiError, ErrorCode, IngestBatch, IngestOutcome, IntakeError};

mod lines;
mod mirror;
mod requests;

pub(super) use self::lines::BatchBody;

/// The longest body of a batch, in bytes.
pub(super) const BODY_BYTES: usize = 8 * 1024 * 1024;

/// How long a batch may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(30);

/// How long a batch may take to be stored.
const STORING: Duration = Duration::from_mins(1);

/// The longest idempotency key, in bytes.
const MAX_KEY_BYTES: usize = 200;

/// The longest name of a source, in bytes.
const MAX_SOURCE_BYTES: usize = 100;

pub(super) fn documented() -> OpenApiRouter<Shared> {
    OpenApiRouter::default()
        .routes(routes!(batch))
        .routes(routes!(requests::requests))
        .routes(routes!(mirror::mirror))
        .layer(DefaultBodyLimit::max(BODY_BYTES))
}

/// Takes a batch of log lines
///
/// As JSON, or as plain text with a line each. Answers when what was found is stored. A batch is
/// taken whole or not at all; sent again under its idempotency key, nothing is stored twice.
#[utoipa::path(
    post, path = "/api/v1/ingest/batch", tag = "ingest", operation_id = "ingest_batch",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "For plain text: names the batch, so that it can be sent again"),
        ("X-Vigil-Source" = Option<String>, Header, description = "For plain text: names the source"),
        ("X-Vigil-Format" = Option<String>, Header, description = "For plain text: the lines' format"),
    ),
    request_body(content((BatchBody = "application/json"), (String = "text/plain"))),
    responses(
        (status = 200, description = "The batch is stored", body = IngestOutcome),
        (status = 400, description = "The batch is not understood", body = ErrorBody),
        (status = 401, description = "No token", body = ErrorBody),
        (status = 403, description = "The token does not allow this", body = ErrorBody),
        (status = 413, description = "More than 10,000 lines or 8 MiB", body = ErrorBody),
        (status = 415, description = "Neither JSON nor plain text", body = ErrorBody),
        (status = 429, description = "No room now: nothing was taken; `Retry-After` says when to try again", body = ErrorBody),
        (status = 503, description = "No lines are taken", body = ErrorBody),
    ),
)]
pub(super) async fn batch(
    allowed: Allowed<Ingest>,
    State(api): State<Shared>,
    request: Request,
) -> Result<Json<IngestOutcome>, ApiError> {
    let turn = turn(&api)?;
    let kind = Kind::of(request.headers())?;
    let headers = request.headers().clone();
    let bytes = arrive(request).await?;
    let sent = tokio::task::spawn_blocking(move || read(kind, &headers, &bytes))
        .await
        .map_err(|failure| {
            tracing::error!(%failure, "reading a batch did not end");
            ApiError::internal()
        })??;
    let batch = assemble(&api, &allowed.principal, sent)?;
    drop(turn);
    stored(api.state.intake.submit(batch)).await
}

/// The right to have a batch arrive now.
fn turn(api: &Shared) -> Result<OwnedSemaphorePermit, ApiError> {
    Arc::clone(&api.arriving).try_acquire_owned().map_err(|_| {
        full(
            "too many batches arrive at once: nothing of this one was taken",
            Duration::from_secs(1),
        )
    })
}

/// What became of a batch, once it is stored.
async fn stored(
    outcome: impl Future<Output = Result<IngestOutcome, IntakeError>>,
) -> Result<Json<IngestOutcome>, ApiError> {
    match tokio::time::timeout(STORING, outcome).await {
        Ok(outcome) => outcome.map(Json).map_err(|error| refusal(&error)),
        Err(_) => Err(ApiError::new(
            ErrorCode::Unavailable,
            "the batch was not stored in time; it may still be",
        )
        .hint("send it again with the same idempotency key: nothing is stored twice")),
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Json,
    Text,
}

impl Kind {
    fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        let named = headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let named = named.split_once(';').map_or(named, |(kind, _)| kind).trim();
        if named.eq_ignore_ascii_case("application/json") {
            Ok(Self::Json)
        } else if named.eq_ignore_ascii_case("text/plain") {
            Ok(Self::Text)
        } else {
            Err(ApiError::new(ErrorCode::UnsupportedMediaType, "a batch is application/json or text/plain")
                .hint("set Content-Type; with curl: -H 'Content-Type: text/plain' --data-binary @access.log"))
        }
    }
}

async fn arrive(request: Request) -> Result<Bytes, ApiError> {
    match tokio::time::timeout(ARRIVAL, Bytes::from_request(request, &())).await {
        Ok(bytes) => bytes.map_err(|rejection| extract::unread(&rejection, BODY_BYTES)),
        Err(_) => Err(ApiError::invalid(format!(
            "the batch did not arrive within {} s",
            ARRIVAL.as_secs()
        ))
        .hint("send it in smaller parts")),
    }
}

fn read(kind: Kind, headers: &HeaderMap, bytes: &[u8]) -> Result<Sent, ApiError> {
    match kind {
        Kind::Json => Sent::from_json(bytes),
        Kind::Text => {
            let text = |name: &str| {
                headers
                    .get(name)
                    .and_then(|value| value.to_str().ok())
                    .map(str::to_owned)
            };
            let mut sent = Sent::from_text(bytes)?;
            sent.source = text("x-vigil-source");
            sent.format = text("x-vigil-format");
            sent.idempotency_key = text("idempotency-key");
            Ok(sent)
        }
    }
}

/// Names the batch and its source so that they can't be mistaken for a file or another sender's.
fn assemble(api: &Shared, principal: &Principal, sent: Sent) -> Result<IngestBatch, ApiError> {
    let read_at = api.state.clock.now();
    let names = (sent.source.as_deref(), sent.idempotency_key.as_deref());
    let (source, stream) = named(api, principal, names, read_at)?;
    let records = RecordBatch {
        source,
        stream: stream.into(),
        bytes: sent.bytes,
        records: sent.records,
        read_at,
        checkpoint: None,
    };
    Ok(IngestBatch {
        records,
        format: sent.format,
    })
}

/// The source's and the stream's names, of what the sender called his source and the batch.
fn named(
    api: &Shared,
    principal: &Principal,
    (source, key): (Option<&str>, Option<&str>),
    read_at: Timestamp,
) -> Result<(SourceId, String), ApiError> {
    let name = source.unwrap_or("default");
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
    if name.is_empty() || name.len() > MAX_SOURCE_BYTES || !name.bytes().all(is_name) {
        return Err(ApiError::invalid(format!(
            "the source's name must have 1 to {MAX_SOURCE_BYTES} letters, digits or characters of ._:-"
        )));
    }
    let stream = match key {
        Some(key) if key.is_empty() || key.len() > MAX_KEY_BYTES => {
            return Err(ApiError::invalid(format!(
                "an idempotency key has 1 to {MAX_KEY_BYTES} bytes"
            )));
        }
        Some(key) => format!("key:{key}"),
        None => format!("batch:{}", api.state.ids.next(read_at)),
    };
    let source = SourceId::new(format!("ingest:{}/{name}", principal.subject));
    Ok((source, stream))
}

fn refusal(error: &IntakeError) -> ApiError {
    let message = error.to_string();
    match error {
        IntakeError::Full { retry_after } => full(message, *retry_after),
        IntakeError::Stopped => ApiError::new(ErrorCode::Unavailable, message).none_accepted(),
        IntakeError::Refused(_) => ApiError::invalid(message).none_accepted(),
    }
}

fn full(message: impl Into<String>, retry_after: Duration) -> ApiError {
    ApiError::new(ErrorCode::Full, message)
        .hint("send the whole batch again after `Retry-After`")
        .retry_after(retry_after)
        .none_accepted()
}
