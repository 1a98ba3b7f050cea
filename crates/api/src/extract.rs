//! What a request brings along, refused in our own words and shape where it is not understood.

use std::fmt::Display;
use std::str::FromStr;

use axum::extract::rejection::{BytesRejection, JsonRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _};
use vigil_event::Id;

use crate::{ApiError, ErrorCode};

/// The query string, with nothing unknown in it.
pub(crate) struct Parameters<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Parameters<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Query(parameters) =
            Query::from_request_parts(parts, state)
                .await
                .map_err(|rejection| {
                    let text = rejection.body_text();
                    let why = text
                        .strip_prefix("Failed to deserialize query string: ")
                        .unwrap_or(&text);
                    ApiError::invalid(format!("the query is not understood: {why}"))
                })?;
        Ok(Self(parameters))
    }
}

/// The id in the path.
pub(crate) struct PathId(pub(crate) Id);

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path(text) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|_| ApiError::invalid("the id in the path is no UTF-8"))?;
        text.parse()
            .map(Self)
            .map_err(|error: vigil_event::id::NotAnId| ApiError::invalid(error.to_string()))
    }
}

/// A JSON body.
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        match axum::Json::from_request(request, state).await {
            Ok(axum::Json(body)) => Ok(Self(body)),
            Err(JsonRejection::MissingJsonContentType(_)) => Err(ApiError::new(
                ErrorCode::UnsupportedMediaType,
                "the body must be JSON, and say so: Content-Type: application/json",
            )),
            Err(JsonRejection::BytesRejection(rejection)) => {
                Err(unread(&rejection, crate::routes::BODY_BYTES))
            }
            Err(rejection) => Err(ApiError::invalid(format!(
                "the body is not understood: {}",
                rejection.body_text()
            ))),
        }
    }
}

/// Why a body could not be read.
pub(crate) fn unread(rejection: &BytesRejection, limit: usize) -> ApiError {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return ApiError::new(
            ErrorCode::TooLarge,
            format!("the body is longer than {limit} bytes"),
        )
        .hint("send it in smaller parts");
    }
    ApiError::invalid("the body ended before it was complete")
}

/// Reads an optional value by its [`FromStr`], whose error then says what is wrong.
pub(crate) fn parsed<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr,
    T::Err: Display,
{
    String::deserialize(deserializer)?
        .parse()
        .map(Some)
        .map_err(D::Error::custom)
}
