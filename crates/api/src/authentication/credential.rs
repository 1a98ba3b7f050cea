//! Where a credential may stand in a request.
//!
//! What was put there on purpose goes before the cookie, which browsers add by themselves; a wrong
//! one is refused and not passed over for the next.

use axum::http::{HeaderMap, HeaderName, Uri, header};
use vigil_auth::Credential;

use super::{cookie, query_value, unauthenticated};
use crate::ApiError;

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// A credential, and how it came here.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Shown<'a> {
    /// Put there on purpose.
    Explicit(Credential<'a>),
    /// The session's token, added by the browser.
    Session(&'a str),
}

/// The request's credential.
pub(super) fn of<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> Result<Option<Shown<'a>>, ApiError> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let token = value
            .to_str()
            .ok()
            .and_then(|text| text.trim().split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim())
            .ok_or_else(|| {
                unauthenticated("the Authorization header must read `Bearer <token>`")
            })?;
        return Ok(Some(Shown::Explicit(Credential::Bearer(token))));
    }
    if let Some(value) = headers.get(API_KEY) {
        let key = value
            .to_str()
            .map_err(|_| unauthenticated("the X-API-Key header has other than ASCII characters"))?;
        return Ok(Some(Shown::Explicit(Credential::ApiKey(key))));
    }
    if let Some(token) = sub_protocol(headers) {
        return Ok(Some(Shown::Explicit(Credential::Bearer(token))));
    }
    if is_stream(uri.path()) {
        if let Some(ticket) = query_value(uri, "ticket") {
            return Ok(Some(Shown::Explicit(Credential::Ticket(ticket))));
        }
        // The last resort: an address is easily kept where a header is not, though not by us.
        if let Some(token) = query_value(uri, "token") {
            return Ok(Some(Shown::Explicit(Credential::Bearer(token))));
        }
    }
    Ok(cookie::session(headers).map(Shown::Session))
}

/// The token in the list of WebSocket sub-protocols: the only header that a page can choose there.
fn sub_protocol(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .find_map(|name| name.trim().strip_prefix("bearer."))
}

/// Whether a socket is opened that may show its credential in its first frame.
pub(super) fn may_follow(headers: &HeaderMap, uri: &Uri) -> bool {
    headers.contains_key(header::SEC_WEBSOCKET_KEY) && is_below(uri.path(), &["/ws", "/api/v1/ws"])
}

/// Only what a browser opens without headers of its own takes a credential in its address.
fn is_stream(path: &str) -> bool {
    is_below(path, &["/ws", "/sse", "/api/v1/ws"])
}

fn is_below(path: &str, roots: &[&str]) -> bool {
    roots
        .iter()
        .filter_map(|root| path.strip_prefix(root))
        .any(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(headers: &[(&'static str, &'static str)], uri: &'static str) -> String {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
            .collect();
        let uri = Uri::from_static(uri);
        match of(&headers, &uri) {
            Ok(Some(Shown::Explicit(Credential::Bearer(text)))) => format!("token {text}"),
            Ok(Some(Shown::Explicit(Credential::ApiKey(text)))) => format!("key {text}"),
            Ok(Some(Shown::Explicit(Credential::Ticket(text)))) => format!("ticket {text}"),
            Ok(Some(Shown::Session(text))) => format!("session {text}"),
            Ok(None) => "nothing".to_owned(),
            Err(_) => "refused".to_owned(),
        }
    }

    #[test]
    fn only_a_socket_may_show_it_later() {
        let key = HeaderMap::from_iter([(header::SEC_WEBSOCKET_KEY, "k".parse().unwrap())]);
        for (path, may) in [
            ("/ws", true),
            ("/ws/threats", true),
            ("/api/v1/ws", true),
            ("/api/v1/threats", false),
            ("/sse/threats", false),
            ("/wsx", false),
        ] {
            assert_eq!(may_follow(&key, &Uri::from_static(path)), may, "{path}");
            assert!(!may_follow(&HeaderMap::new(), &Uri::from_static(path)));
        }
    }

    #[test]
    fn each_place_is_known() {
        let cookie = ("cookie", "vigil_session=c");
        for (headers, uri, expected) in [
            (&[][..], "/", "nothing"),
            (&[("authorization", "bearer t")], "/", "token t"),
            (&[("authorization", "Basic t")], "/", "refused"),
            (&[("authorization", "t"), cookie], "/", "refused"),
            (&[("x-api-key", "k"), cookie], "/", "key k"),
            (
                &[("sec-websocket-protocol", "vigil.v1, bearer.j.w.t")],
                "/ws",
                "token j.w.t",
            ),
            (&[], "/ws?a=b&ticket=42", "ticket 42"),
            (&[], "/sse/threats?ticket=42", "ticket 42"),
            (&[], "/api/v1/ws/health?ticket=42", "ticket 42"),
            (&[], "/ws?token=j.w.t", "token j.w.t"),
            (&[], "/sse/threats?last=1&token=j.w.t", "token j.w.t"),
            (&[], "/ws?token=j.w.t&ticket=42", "ticket 42"),
            (
                &[("authorization", "bearer t")],
                "/ws?token=j.w.t",
                "token t",
            ),
            (&[], "/api/v1/threats?token=j.w.t", "nothing"),
            (&[], "/ui/?token=j.w.t", "nothing"),
            (&[], "/wsx?ticket=42", "nothing"),
            (&[], "/api/v1/threats?ticket=42", "nothing"),
            (&[cookie], "/ws?xticket=1", "session c"),
        ] {
            assert_eq!(found(headers, uri), expected, "{headers:?} {uri}");
        }
    }
}
