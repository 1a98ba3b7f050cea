//! The session cookie: read from a request, set, cleared.

use axum::http::{HeaderMap, HeaderValue, header};
use vigil_event::Timestamp;

use crate::ApiError;

/// The name of the cookie that holds the session's token.
pub const SESSION_COOKIE: &str = "vigil_session";

/// The longest token that fits: browsers drop a cookie over 4,096 bytes with its attributes.
pub(super) const MAX_TOKEN_BYTES: usize = 3_900;

/// The session's token; none where the cookie is missing or empty.
pub(super) fn session(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|pair| {
            pair.trim()
                .split_once('=')
                .filter(|(name, _)| *name == SESSION_COOKIE)
        })
        .map(|(_, token)| token)
        .filter(|token| !token.is_empty())
}

/// Sets the cookie until the token ends.
pub(super) fn set(
    token: &str,
    expires_at: Timestamp,
    now: Timestamp,
    by_https: bool,
) -> Result<HeaderValue, ApiError> {
    let age = expires_at.millis_since(now).max(0) / 1_000;
    let secure = if by_https { "; Secure" } else { "" };
    let text = format!(
        "{SESSION_COOKIE}={token}; HttpOnly; SameSite=Strict; Path=/; Max-Age={age}{secure}"
    );
    let mut value = HeaderValue::from_str(&text).map_err(|_| ApiError::internal())?;
    value.set_sensitive(true);
    Ok(value)
}

/// Takes the cookie away.
pub(super) const fn cleared() -> HeaderValue {
    HeaderValue::from_static("vigil_session=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(
            header::COOKIE,
            HeaderValue::from_static("a=b; xvigil_session=no"),
        );
        assert_eq!(session(&headers), None);
        headers.append(
            header::COOKIE,
            HeaderValue::from_static("c=d;vigil_session=t.o.k; e"),
        );
        assert_eq!(session(&headers), Some("t.o.k"));
        assert_eq!(
            session(&HeaderMap::from_iter([(header::COOKIE, cleared())])),
            None
        );
    }

    #[test]
    fn lasts_as_long_as_the_token() {
        let now = Timestamp::from_millis(5_000);
        let until = set("t", now.plus_millis(60_999), now, true).unwrap();
        assert_eq!(
            until,
            "vigil_session=t; HttpOnly; SameSite=Strict; Path=/; Max-Age=60; Secure"
        );
        let over = set("t", now.plus_millis(-1), now, false).unwrap();
        assert_eq!(
            over,
            "vigil_session=t; HttpOnly; SameSite=Strict; Path=/; Max-Age=0"
        );
        assert!(until.is_sensitive() && over.is_sensitive());
    }
}
