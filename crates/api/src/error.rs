//! Errors as clients see them: one shape, and one closed list of codes.
//!
//! Never holds: details of the machine, such as paths; those go to the log.

use std::borrow::Cow;
use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use vigil_event::text;
use vigil_store::StoreError;

use crate::rulebook::{RuleProblem, RulesRefused};

/// What went wrong, for programs. The status follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// 400: a parameter or the body is not understood.
    Invalid,
    /// 401: no credential, or one that is not accepted.
    Unauthenticated,
    /// 403: the credential does not allow this.
    Forbidden,
    /// 403: a session's request that another site may have made.
    CrossOrigin,
    /// 404: there is no such thing.
    NotFound,
    /// 405: this path takes other methods.
    MethodNotAllowed,
    /// 409: its state does not allow it.
    Conflict,
    /// 413: more than is taken at once.
    TooLarge,
    /// 415: the body is of another type.
    UnsupportedMediaType,
    /// 421: the `Host` is not one of this server's names.
    WrongHost,
    /// 429: too many failed attempts.
    RateLimited,
    /// 429: no room now; nothing was taken.
    Full,
    /// 500: a fault of the server.
    Internal,
    /// 503: a needed part does not work now.
    Unavailable,
}

impl ErrorCode {
    /// Every code.
    pub const ALL: [Self; 14] = [
        Self::Invalid,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::CrossOrigin,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Conflict,
        Self::TooLarge,
        Self::UnsupportedMediaType,
        Self::WrongHost,
        Self::RateLimited,
        Self::Full,
        Self::Internal,
        Self::Unavailable,
    ];

    /// The status of an answer with this code.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Invalid => StatusCode::BAD_REQUEST,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::CrossOrigin => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::WrongHost => StatusCode::MISDIRECTED_REQUEST,
            Self::RateLimited | Self::Full => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Whether the same request may succeed later, with nothing changed but the time.
    pub const fn retryable(self) -> bool {
        matches!(self, Self::RateLimited | Self::Full | Self::Unavailable)
    }

    /// The code that says most about a status that somebody else chose.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        let named = Self::ALL.into_iter().find(|code| code.status() == status);
        named.unwrap_or(if status.is_server_error() {
            Self::Internal
        } else {
            Self::Invalid
        })
    }
}

/// The longest message, in bytes: some quote what was sent.
const MAX_MESSAGE_BYTES: usize = 500;

/// An answer that says what went wrong.
#[derive(Clone, Debug)]
pub struct ApiError {
    code: ErrorCode,
    message: String,
    hint: Option<Cow<'static, str>>,
    retry_after: Option<Duration>,
    accepted: Option<u64>,
    problems: Vec<RuleProblem>,
}

impl ApiError {
    /// An error that says what and where.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        let message = message.into();
        let kept = text::truncated(&message, MAX_MESSAGE_BYTES);
        let message = if kept.len() == message.len() {
            message
        } else {
            format!("{kept}…")
        };
        Self {
            code,
            message,
            hint: None,
            retry_after: None,
            accepted: None,
            problems: Vec::new(),
        }
    }

    /// Says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says when to try again.
    #[must_use]
    pub const fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Says that none of a batch was taken.
    #[must_use]
    pub(crate) const fn none_accepted(mut self) -> Self {
        self.accepted = Some(0);
        self
    }

    /// The code.
    pub const fn code(&self) -> ErrorCode {
        self.code
    }

    /// A parameter or a body that is not understood.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Invalid, message)
    }

    /// A fault of the server; the log has said which.
    pub(crate) fn internal() -> Self {
        Self::new(ErrorCode::Internal, "the server failed to answer").hint("its log says why")
    }
}

/// The JSON of an error.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Error)]
pub(crate) struct ErrorBody {
    error: ErrorText,
    /// For a refused batch: 0, since a batch is taken whole or not at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted: Option<u64>,
    /// For rules that cannot be loaded: what is wrong with which, at most 100.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<RuleProblem>,
}

/// What went wrong.
#[derive(Debug, Serialize, ToSchema)]
struct ErrorText {
    code: ErrorCode,
    /// What and where, for people.
    message: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    hint: Option<Cow<'static, str>>,
    /// Whether the same request may succeed later.
    retryable: bool,
    /// After how long, in milliseconds; `Retry-After` says it in whole seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Self {
            code,
            message,
            hint,
            retry_after,
            accepted,
            problems,
        } = self;
        let body = ErrorBody {
            error: ErrorText {
                code,
                message,
                hint,
                retryable: code.retryable(),
                retry_after_ms: retry_after
                    .map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
            },
            accepted,
            problems,
        };
        let mut response = (code.status(), Json(body)).into_response();
        if let Some(wait) = retry_after {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        if code == ErrorCode::Unauthenticated {
            let scheme = HeaderValue::from_static("Bearer realm=\"vigil\"");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}

impl From<RulesRefused> for ApiError {
    fn from(refused: RulesRefused) -> Self {
        const MOST: usize = 100;
        let mut problems = refused.problems;
        let message = format!(
            "the rules were not loaded, {} thing(s) are wrong with them; those in force stay",
            problems.len()
        );
        problems.truncate(MOST);
        Self {
            problems,
            ..Self::new(ErrorCode::Conflict, message)
                .hint("mend what `problems` lists, then reload again")
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::NotFound(_)
            | StoreError::NoSuppression(_)
            | StoreError::NoRevocation(_) => Self::new(ErrorCode::NotFound, error.to_string()),
            StoreError::Conflict { .. } => Self::new(ErrorCode::Conflict, error.to_string()),
            StoreError::BadChange { .. }
            | StoreError::BadSuppression { .. }
            | StoreError::BadRevocation { .. }
            | StoreError::BadCursor => Self::invalid(error.to_string()),
            StoreError::TooSlow { .. } => Self::new(ErrorCode::Unavailable, error.to_string()),
            StoreError::Busy { .. } => Self::new(ErrorCode::Unavailable, error.to_string())
                .retry_after(Duration::from_secs(1)),
            _ => {
                tracing::error!(%error, "the store failed");
                if error.is_temporary() {
                    Self::new(ErrorCode::Unavailable, "the store does not work now")
                        .hint("the server's log says why; /ready says when it works again")
                        .retry_after(Duration::from_secs(5))
                } else {
                    Self::internal()
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_an_error_and_listed_once() {
        for (place, code) in ErrorCode::ALL.into_iter().enumerate() {
            assert!(code.status().is_client_error() || code.status().is_server_error());
            assert!(!ErrorCode::ALL[..place].contains(&code));
            assert_eq!(ErrorCode::of_status(code.status()).status(), code.status());
        }
        assert_eq!(
            ErrorCode::of_status(StatusCode::IM_A_TEAPOT),
            ErrorCode::Invalid
        );
        assert_eq!(
            ErrorCode::of_status(StatusCode::BAD_GATEWAY),
            ErrorCode::Internal
        );
    }

    #[tokio::test]
    async fn whether_to_try_again_stands_in_the_body_and_in_the_header() {
        let of = async |error: ApiError| {
            let response = error.into_response();
            let after = response.headers().get(header::RETRY_AFTER).cloned();
            let body = axum::body::to_bytes(response.into_body(), 1_000).await;
            let body: serde_json::Value = serde_json::from_slice(&body.unwrap()).unwrap();
            (after, body["error"].clone())
        };
        let (after, error) = of(ApiError::new(ErrorCode::Unauthenticated, "no")).await;
        assert_eq!(after, None);
        assert_eq!(error["retryable"], false);
        assert!(error.get("retry_after_ms").is_none());
        let wait = Duration::from_millis(1_500);
        let (after, error) = of(ApiError::new(ErrorCode::Full, "no room").retry_after(wait)).await;
        assert_eq!(after.unwrap(), "2");
        assert_eq!(error["retryable"], true);
        assert_eq!(error["retry_after_ms"], 1_500);
    }

    #[test]
    fn the_manual_lists_every_code() {
        let manual = include_str!("../../../docs/api.md");
        for code in ErrorCode::ALL {
            let name = serde_json::to_value(code).unwrap();
            let row = format!(
                "| `{}` | {} |",
                name.as_str().unwrap(),
                code.status().as_u16()
            );
            assert!(manual.contains(&row), "docs/api.md lacks {row}");
        }
    }

    #[test]
    fn what_a_client_sent_is_quoted_only_so_far() {
        let error = ApiError::invalid("é".repeat(10_000));
        assert!(error.message.len() <= MAX_MESSAGE_BYTES + "…".len());
    }

    #[test]
    fn paths_of_the_machine_stay_in_the_log() {
        let error = ApiError::from(StoreError::ReadOnly {
            path: "/srv/secret/vigil.db".into(),
        });
        assert_eq!(error.code, ErrorCode::Unavailable);
        assert!(!format!("{error:?}").contains("secret"));
    }
}
