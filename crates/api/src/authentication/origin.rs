//! Whether a request that a browser made comes from our own page.
//!
//! A session cookie comes along with requests that other pages cause, at least those of other ports
//! of the same machine. What changes something therefore needs the browser's word that it comes from
//! here: `Sec-Fetch-Site`, or where a browser does not send that, `Origin`. A page can set neither.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, header};

use super::OverTls;
use crate::{ApiError, ErrorCode};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses what does not come from our own page or from one of the listed origins.
pub(super) fn check(headers: &HeaderMap, listed: &[String]) -> Result<(), ApiError> {
    if text(headers, &SEC_FETCH_SITE) == Some("same-origin") {
        return Ok(());
    }
    let origin = text(headers, &header::ORIGIN);
    if origin.is_some_and(|origin| {
        is_own(origin, headers) || listed.iter().any(|one| one.eq_ignore_ascii_case(origin))
    }) {
        return Ok(());
    }
    Err(ApiError::new(
        ErrorCode::CrossOrigin,
        "a session may change something only from Vigil's own page",
    )
    .hint("programs send `Authorization: Bearer <token>` instead of the cookie"))
}

/// Whether the browser did not come from another site. Nothing said is no.
pub(super) fn is_from_elsewhere(headers: &HeaderMap) -> bool {
    matches!(
        text(headers, &SEC_FETCH_SITE),
        Some("cross-site" | "same-site")
    )
}

/// Whether the browser speaks through TLS, which we end or something before us.
pub(super) fn is_https(request: &Request) -> bool {
    let headers = request.headers();
    request.extensions().get::<OverTls>().is_some()
        || text(headers, &header::ORIGIN)
            .is_some_and(|origin| origin.starts_with("https://") && is_own(origin, headers))
}

fn is_own(origin: &str, headers: &HeaderMap) -> bool {
    let authority = origin
        .strip_prefix("http://")
        .or_else(|| origin.strip_prefix("https://"));
    let host = text(headers, &header::HOST);
    authority
        .zip(host)
        .is_some_and(|(authority, host)| authority.eq_ignore_ascii_case(host))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(pairs: &[(&'static str, &str)]) -> bool {
        let mut headers = HeaderMap::from_iter([(header::HOST, "localhost:8082".parse().unwrap())]);
        for (name, value) in pairs {
            headers.insert(HeaderName::from_static(name), value.parse().unwrap());
        }
        check(&headers, &["https://vigil.example".to_owned()]).is_ok()
    }

    #[test]
    fn only_our_own_page_may() {
        assert!(passes(&[
            ("sec-fetch-site", "same-origin"),
            ("origin", "null")
        ]));
        assert!(passes(&[("origin", "http://localhost:8082")]));
        assert!(passes(&[("origin", "https://LOCALHOST:8082")]));
        assert!(passes(&[
            ("origin", "https://vigil.example"),
            ("sec-fetch-site", "same-site")
        ]));
        assert!(!passes(&[]));
        assert!(!passes(&[("sec-fetch-site", "none")]));
        assert!(!passes(&[("sec-fetch-site", "same-site")]));
        for origin in [
            "null",
            "",
            "http://localhost:3000",
            "http://localhost",
            "http://evil.example",
            "ftp://localhost:8082",
        ] {
            assert!(!passes(&[("origin", origin)]), "{origin}");
        }
    }
}
