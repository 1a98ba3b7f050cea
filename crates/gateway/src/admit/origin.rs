//! Which sites' pages may connect. A browser lets any page open a socket and sends the user's cookie
//! along, so the server must ask where the page is from.

use axum::http::HeaderMap;
use axum::http::header::{HOST, ORIGIN};

/// Whether a page may connect: one of this very site, or of a site in the list. A request without an
/// `Origin` is from no page.
pub(crate) fn is_allowed(headers: &HeaderMap, allowed: &[String]) -> bool {
    let mut origins = headers.get_all(ORIGIN).iter();
    let Some(origin) = origins.next() else {
        return true;
    };
    let (Ok(origin), None) = (origin.to_str(), origins.next()) else {
        return false;
    };
    if allowed
        .iter()
        .any(|site| site.trim_end_matches('/').eq_ignore_ascii_case(origin))
    {
        return true;
    }
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    match (authority_of(origin), host) {
        (Some((scheme, authority)), Some(host)) => without_default_port(authority, scheme)
            .eq_ignore_ascii_case(without_default_port(host, scheme)),
        _ => false,
    }
}

/// The scheme and what stands after `://`, for a page's origin.
fn authority_of(origin: &str) -> Option<(&str, &str)> {
    let (scheme, authority) = origin.split_once("://")?;
    let is_page = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    (is_page && !authority.is_empty()).then_some((scheme, authority))
}

/// Browsers leave the default port out of `Origin`; a proxy may have it in `Host`.
fn without_default_port<'a>(authority: &'a str, scheme: &str) -> &'a str {
    let port = if scheme.eq_ignore_ascii_case("https") {
        ":443"
    } else {
        ":80"
    };
    authority.strip_suffix(port).unwrap_or(authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(origin: Option<&str>, host: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        if let Some(origin) = origin {
            headers.insert(ORIGIN, origin.parse().unwrap());
        }
        if let Some(host) = host {
            headers.insert(HOST, host.parse().unwrap());
        }
        is_allowed(&headers, &["https://soc.example.org/".to_owned()])
    }

    #[test]
    fn same_site_listed_site_or_no_page() {
        for (origin, host, expected) in [
            (None, Some("localhost:8082"), true),
            (Some("http://localhost:8082"), Some("localhost:8082"), true),
            (Some("http://LOCALHOST:8082"), Some("localhost:8082"), true),
            (
                Some("https://vigil.example"),
                Some("vigil.example:443"),
                true,
            ),
            (
                Some("https://soc.example.org"),
                Some("localhost:8082"),
                true,
            ),
            (
                Some("http://soc.example.org"),
                Some("localhost:8082"),
                false,
            ),
            (Some("http://localhost:8083"), Some("localhost:8082"), false),
            (Some("http://localhost"), Some("localhost:8082"), false),
            (Some("http://evil.example"), Some("localhost:8082"), false),
            (
                Some("http://localhost:8082.evil.example"),
                Some("localhost:8082"),
                false,
            ),
            (Some("null"), Some("localhost:8082"), false),
            (Some("file://"), Some("localhost:8082"), false),
            (
                Some("chrome-extension://localhost:8082"),
                Some("localhost:8082"),
                false,
            ),
            (Some("http://localhost:8082"), None, false),
        ] {
            assert_eq!(allowed(origin, host), expected, "{origin:?} {host:?}");
        }
    }

    #[test]
    fn two_origins_are_none() {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, "a".parse().unwrap());
        headers.append(ORIGIN, "http://a".parse().unwrap());
        headers.append(ORIGIN, "http://a".parse().unwrap());
        assert!(!is_allowed(&headers, &[]));
    }
}
