//! One parsed request: where its parts stand, and the facts that are numbers.
//!
//! Owns: how a request line falls into method, target and version, and a target into path, query
//! and host. Never holds: text, decoded values.

use std::net::IpAddr;

use vigil_event::{LogKind, Timestamp};

use crate::span::Span;

/// A parsed line: spans of its batch's bytes, as logged and not decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Which log the line is from. Of a line that is no request, the parts of requests are empty.
    pub log: LogKind,
    /// Which part of a program's logs, or whose message, where the line says.
    pub service: Span,
    /// What a program wrote, behind time and name; empty for requests.
    pub message: Span,
    /// When it happened; when it was read, where the line's time is absent or broken.
    pub occurred_at: Timestamp,
    /// The client's real address; none where the line has a host name or nonsense in its place.
    pub source_ip: Option<IpAddr>,
    /// Who was at the other end of the connection: the client, or a proxy before it.
    pub peer_ip: Option<IpAddr>,
    /// The response's status; 0 where the line has none.
    pub status: u16,
    /// The response body's size in bytes; 0 where the line has none.
    pub body_bytes: u64,
    /// The user that the server authenticated.
    pub user: Span,
    /// The method; empty for a request line that is none, such as TLS bytes on a plain port.
    pub method: Span,
    /// The target as received; the whole request line where that is malformed.
    pub target: Span,
    /// The target's path; empty for a malformed request line.
    pub path: Span,
    /// The target's query, without `?`.
    pub query: Span,
    /// The host that was asked for, without its port.
    pub host: Span,
    /// The protocol's version, such as `1.1`.
    pub version: Span,
    /// The user agent.
    pub user_agent: Span,
    /// The referrer.
    pub referrer: Span,
    /// The cookie header.
    pub cookie: Span,
    /// The headers of a whole request; empty for a line of a log.
    pub head: Span,
    /// The body of a whole request.
    pub body: Span,
    /// All of the request is known, not only what a log keeps.
    pub is_whole: bool,
    /// The server wrote bytes as `\xHH` and `\"`, as nginx and Apache do outside JSON.
    pub log_escaped: bool,
}

/// The parts of a request line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RequestLine {
    pub(crate) method: Span,
    pub(crate) target: Span,
    pub(crate) version: Span,
}

/// The longest method that is taken for one, in bytes.
const MAX_METHOD_BYTES: usize = 32;

/// Splits `METHOD target HTTP/x`; none for what is no request line.
///
/// The target may hold spaces, as attackers send them. Without a version (HTTP/0.9) the target
/// must look like one.
pub(crate) fn split_line(bytes: &[u8], line: Span) -> Option<RequestLine> {
    let text = line.of(bytes);
    let space = memchr::memchr(b' ', text)?;
    let method = text.get(..space)?;
    if method.is_empty()
        || method.len() > MAX_METHOD_BYTES
        || !method.iter().all(|byte| is_token(*byte))
    {
        return None;
    }
    let method = line.part(0, space);
    let last = memchr::memrchr(b' ', text)?;
    let version = text.get(last + 1..)?.strip_prefix(b"HTTP/");
    if let Some(version) = version
        && last > space
    {
        return Some(RequestLine {
            method,
            target: line.part(space + 1, last),
            version: line.part(text.len() - version.len(), text.len()),
        });
    }
    let target = text.get(space + 1..)?;
    let plausible = target.starts_with(b"/")
        || target == b"*"
        || memchr::memmem::find(target, b"://").is_some();
    plausible.then(|| RequestLine {
        method,
        target: line.part(space + 1, text.len()),
        version: Span::EMPTY,
    })
}

/// Whether the byte may stand in a method: RFC 9110, `tchar`.
const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

/// The parts of a target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) path: Span,
    pub(crate) query: Span,
    pub(crate) host: Span,
}

/// Splits a target into path and query, and the host of an absolute one (`http://host/path`).
pub(crate) fn split_target(bytes: &[u8], target: Span) -> Target {
    let text = target.of(bytes);
    let question = memchr::memchr(b'?', text);
    let query = question.map_or(Span::EMPTY, |at| target.part(at + 1, text.len()));
    let path_end = question.unwrap_or(text.len());
    let before_query = text.get(..path_end).unwrap_or_default();
    let (path_start, host) = match authority(before_query) {
        Some((start, end)) => (end, without_port(bytes, target.part(start, end))),
        None => (0, Span::EMPTY),
    };
    Target {
        path: target.part(path_start, path_end),
        query,
        host,
    }
}

/// From where to where the authority of an absolute URL stands.
fn authority(text: &[u8]) -> Option<(usize, usize)> {
    if !text.first()?.is_ascii_alphabetic() {
        return None;
    }
    let colon = memchr::memchr(b':', text)?;
    let scheme = text.get(..colon)?;
    let known = scheme.eq_ignore_ascii_case(b"http") || scheme.eq_ignore_ascii_case(b"https");
    let rest = text.get(colon..)?.strip_prefix(b"://").filter(|_| known)?;
    let length = memchr::memchr(b'/', rest).unwrap_or(rest.len());
    Some((colon + 3, colon + 3 + length))
}

/// A host without its port and without the brackets of an IPv6 address.
pub(crate) fn without_port(bytes: &[u8], host: Span) -> Span {
    let text = host.of(bytes);
    if text.first() == Some(&b'[')
        && let Some(close) = memchr::memchr(b']', text)
    {
        return host.part(1, close);
    }
    match memchr::memrchr(b':', text) {
        Some(colon) if memchr::memchr(b':', text) == Some(colon) => host.part(0, colon),
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Option<(String, String, String)> {
        let bytes = text.as_bytes();
        let shown = |span: Span| String::from_utf8_lossy(span.of(bytes)).into_owned();
        split_line(bytes, Span::new(0, bytes.len())).map(|parts| {
            (
                shown(parts.method),
                shown(parts.target),
                shown(parts.version),
            )
        })
    }

    #[test]
    fn splits_request_lines() {
        for (text, method, target, version) in [
            ("GET / HTTP/1.1", "GET", "/", "1.1"),
            ("GET /a b' or 1 HTTP/1.0", "GET", "/a b' or 1", "1.0"),
            ("PROPFIND /x HTTP/2.0", "PROPFIND", "/x", "2.0"),
            ("GET /old", "GET", "/old", ""),
            ("OPTIONS *", "OPTIONS", "*", ""),
            ("GET http://h/ HTTP/1.1", "GET", "http://h/", "1.1"),
            ("CONNECT h:443 HTTP/1.1", "CONNECT", "h:443", "1.1"),
        ] {
            assert_eq!(
                line(text),
                Some((method.into(), target.into(), version.into())),
                "{text}"
            );
        }
    }

    #[test]
    fn refuses_what_is_no_request_line() {
        for text in [
            "",
            "-",
            "GET",
            "\\x16\\x03\\x01",
            "\\x16 / HTTP/1.1",
            "SSH-2.0-Go",
            "t3 12.1.2",
            "GET HTTP/1.1",
        ] {
            assert_eq!(line(text), None, "{text}");
        }
    }

    #[test]
    fn splits_targets() {
        for (text, path, query, host) in [
            ("/a?b=c?d", "/a", "b=c?d", ""),
            ("/a", "/a", "", ""),
            ("http://Host:80/a?b", "/a", "b", "Host"),
            ("https://[::1]:8443", "", "", "::1"),
            ("//evil/a", "//evil/a", "", ""),
            ("file:///etc/passwd", "file:///etc/passwd", "", ""),
        ] {
            let bytes = text.as_bytes();
            let parts = split_target(bytes, Span::new(0, bytes.len()));
            assert_eq!(parts.path.of(bytes), path.as_bytes(), "{text}");
            assert_eq!(parts.query.of(bytes), query.as_bytes(), "{text}");
            assert_eq!(parts.host.of(bytes), host.as_bytes(), "{text}");
        }
    }
}
