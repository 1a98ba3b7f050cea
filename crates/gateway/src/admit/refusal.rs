//! Why a request is answered with an HTTP error instead of a stream.

use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::{CONNECTION, HeaderValue, RETRY_AFTER, SEC_WEBSOCKET_VERSION, UPGRADE};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use vigil_protocol::websocket::handshake;
use vigil_protocol::{ErrorBody, ErrorCode};

use crate::telemetry::Refused;

/// A request that is not served.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    error: ErrorBody,
}

#[derive(Serialize)]
struct Body {
    error: ErrorBody,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, error: ErrorBody) -> Self {
        Self { status, error }
    }

    /// With the time after which to try again.
    pub(crate) fn after(mut self, wait: Duration) -> Self {
        self.error.retry_after_ms = Some(wait.as_millis() as u64);
        self
    }

    /// With what exactly is refused.
    pub(crate) fn saying(mut self, error: ErrorBody) -> Self {
        self.error = error;
        self
    }

    /// What is said of it.
    pub(crate) fn into_error(self) -> ErrorBody {
        self.error
    }

    /// The request is not understood.
    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            ErrorBody::new(ErrorCode::Invalid, message),
        )
    }
}

impl From<Refused> for Refusal {
    fn from(reason: Refused) -> Self {
        let (status, code, message, retry_after_ms) = match reason {
            Refused::Unauthenticated => (
                StatusCode::UNAUTHORIZED,
                ErrorCode::Unauthenticated,
                "show a token: `vigil token` makes one",
                None,
            ),
            Refused::Origin => (
                StatusCode::FORBIDDEN,
                ErrorCode::Forbidden,
                "pages of this site may not connect: add the site to the allowed origins",
                None,
            ),
            Refused::Forbidden => (
                StatusCode::FORBIDDEN,
                ErrorCode::Forbidden,
                "the token does not grant this",
                None,
            ),
            Refused::TooManyOfUser => (
                StatusCode::TOO_MANY_REQUESTS,
                ErrorCode::RateLimited,
                "this user has as many connections open as allowed: close one first",
                Some(10_000),
            ),
            Refused::TooFast => (
                StatusCode::TOO_MANY_REQUESTS,
                ErrorCode::RateLimited,
                "too many new connections from this address: wait before the next one",
                Some(60_000),
            ),
            Refused::Crowd => (
                StatusCode::SERVICE_UNAVAILABLE,
                ErrorCode::Unavailable,
                "too many connect at once: try again after the time that is given",
                Some(1_000),
            ),
            Refused::TooMany => (
                StatusCode::SERVICE_UNAVAILABLE,
                ErrorCode::Unavailable,
                "the server has as many connections open as allowed: try later",
                Some(10_000),
            ),
            Refused::Stopping => (
                StatusCode::SERVICE_UNAVAILABLE,
                ErrorCode::Unavailable,
                "the server stops: try again in a moment",
                Some(2_000),
            ),
        };
        Self::new(
            status,
            ErrorBody {
                retry_after_ms,
                ..ErrorBody::new(code, message)
            },
        )
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let retry_after_ms = self.error.retry_after_ms;
        let mut response = (self.status, Json(Body { error: self.error })).into_response();
        let headers = response.headers_mut();
        if let Some(wait_ms) = retry_after_ms {
            headers.insert(RETRY_AFTER, HeaderValue::from(wait_ms.div_ceil(1_000)));
        }
        if self.status == StatusCode::UPGRADE_REQUIRED {
            // RFC 9110, 15.5.22 and RFC 6455, 4.4: with what would do.
            headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
            let version = HeaderValue::from_static(handshake::VERSION);
            headers.insert(SEC_WEBSOCKET_VERSION, version);
        }
        response
    }
}

/// What a command's error is in HTTP.
pub(crate) fn refusal(error: ErrorBody) -> Refusal {
    let status = match error.code {
        ErrorCode::Forbidden => StatusCode::FORBIDDEN,
        ErrorCode::UnknownChannel | ErrorCode::NotFound => StatusCode::NOT_FOUND,
        ErrorCode::AlreadySubscribed | ErrorCode::NotSubscribed | ErrorCode::Conflict => {
            StatusCode::CONFLICT
        }
        ErrorCode::TooManySubscriptions => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_REQUEST,
    };
    Refusal::new(status, error)
}
