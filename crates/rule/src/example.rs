//! The requests that a rule must and must not match, as its author writes them, and the log lines
//! they stand for.
//!
//! *Input*: under `vigil: examples:`, a list of `/path?query` (a GET), `METHOD target`, whole log
//! lines, or maps of what differs from an ordinary request. *Output*: a line as nginx writes it, so
//! that an example passes through the real parser and decoder.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

/// A request with what the rule must make of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Example {
    /// The example as short text: the string as written, or the request of a map.
    pub text: String,
    /// Whether the rule must match.
    pub should_match: bool,
    /// What is requested.
    #[serde(skip)]
    request: Written,
}

/// How an example is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    Text(String),
    Parts(Parts),
}

/// What differs from an ordinary request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Parts {
    method: Option<String>,
    url: Option<String>,
    user_agent: Option<String>,
    referrer: Option<String>,
    cookie: Option<String>,
    host: Option<String>,
    status: Option<u16>,
}

/// The client of every example: an address kept for documentation.
const ADDRESS: &str = "203.0.113.7";
/// An ordinary browser.
const USER_AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
const BODY_BYTES: u64 = 612;

impl Example {
    pub(crate) fn new(request: Written, should_match: bool) -> Self {
        let text = match &request {
            Written::Text(text) => text.clone(),
            Written::Parts(parts) => parts.summary(),
        };
        Self {
            text,
            should_match,
            request,
        }
    }

    /// What somebody typed: a path, a method and a target, or a whole log line.
    pub fn typed(text: &str) -> Self {
        Self::new(Written::Text(text.to_owned()), true)
    }

    /// The log line, without a line break: in nginx's combined format, or as JSON where the example
    /// has a cookie or a host, which that format lacks.
    pub fn to_line(&self) -> String {
        match &self.request {
            Written::Text(text) => match requested(text) {
                Some(request) => combined(&request, &Parts::default()),
                None => text.trim_end_matches(['\r', '\n']).to_owned(),
            },
            Written::Parts(parts) if parts.cookie.is_some() || parts.host.is_some() => json(parts),
            Written::Parts(parts) => combined(&parts.request_line(), parts),
        }
    }
}

impl Parts {
    fn request_line(&self) -> String {
        format!(
            "{} {} HTTP/1.1",
            self.method.as_deref().unwrap_or("GET"),
            self.url.as_deref().unwrap_or("/")
        )
    }

    fn summary(&self) -> String {
        let mut text = format!(
            "{} {}",
            self.method.as_deref().unwrap_or("GET"),
            self.url.as_deref().unwrap_or("/")
        );
        let others = [
            ("host", &self.host),
            ("user agent", &self.user_agent),
            ("referrer", &self.referrer),
            ("cookie", &self.cookie),
        ];
        for (name, value) in others {
            if let Some(value) = value {
                _ = write!(text, ", {name} {value}");
            }
        }
        if let Some(status) = self.status {
            _ = write!(text, ", status {status}");
        }
        text
    }
}

/// The request line of a text that is a path, or a method and a target; none for a log line.
fn requested(text: &str) -> Option<String> {
    if text.starts_with('/') {
        return Some(format!("GET {text} HTTP/1.1"));
    }
    let (method, target) = text.split_once(' ')?;
    let is_method = (1..=20).contains(&method.len())
        && method
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    let absolute = target.split_once("://").is_some_and(|(scheme, _)| {
        !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric())
    });
    if !is_method || !(target.starts_with('/') || absolute || method == "CONNECT" || target == "*")
    {
        return None;
    }
    let versioned = target.rsplit_once(" HTTP/").is_some();
    Some(if versioned {
        text.to_owned()
    } else {
        format!("{text} HTTP/1.1")
    })
}

fn combined(request: &str, parts: &Parts) -> String {
    format!(
        "{ADDRESS} - - [20/Nov/2026:12:00:00 +0000] \"{}\" {} {BODY_BYTES} \"{}\" \"{}\"",
        escaped(request),
        parts.status.unwrap_or(200),
        escaped(parts.referrer.as_deref().unwrap_or("-")),
        escaped(parts.user_agent.as_deref().unwrap_or(USER_AGENT)),
    )
}

fn json(parts: &Parts) -> String {
    serde_json::json!({
        "time_iso8601": "2026-11-20T12:00:00+00:00",
        "remote_addr": ADDRESS,
        "host": parts.host.as_deref().unwrap_or("www.example.com"),
        "request": parts.request_line(),
        "status": parts.status.unwrap_or(200),
        "body_bytes_sent": BODY_BYTES,
        "http_referer": parts.referrer.as_deref().unwrap_or_default(),
        "http_user_agent": parts.user_agent.as_deref().unwrap_or(USER_AGENT),
        "http_cookie": parts.cookie.as_deref().unwrap_or_default(),
    })
    .to_string()
}

/// The text as nginx writes it between quotes.
fn escaped(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' | 0..0x20 | 0x7f.. => _ = write!(line, "\\x{byte:02X}"),
            _ => line.push(char::from(byte)),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(written: &str) -> String {
        Example::new(Written::Text(written.to_owned()), true).to_line()
    }

    #[test]
    fn strings_become_log_lines() {
        let rest = format!("200 612 \"-\" \"{USER_AGENT}\"");
        for (written, request) in [
            ("/a?b=c", "GET /a?b=c HTTP/1.1"),
            ("POST /a", "POST /a HTTP/1.1"),
            (
                "GET http://a.example/ HTTP/1.0",
                "GET http://a.example/ HTTP/1.0",
            ),
            ("/a?b=1' or '1", "GET /a?b=1' or '1 HTTP/1.1"),
            ("/\"\\\u{e9}\n", "GET /\\x22\\x5C\\xC3\\xA9\\x0A HTTP/1.1"),
        ] {
            assert_eq!(
                line(written),
                format!("{ADDRESS} - - [20/Nov/2026:12:00:00 +0000] \"{request}\" {rest}")
            );
        }
        let whole =
            "192.0.2.1 - - [20/Nov/2026:12:00:00 +0000] \"GET / HTTP/1.1\" 200 1 \"-\" \"x\"";
        assert_eq!(line(&format!("{whole}\n")), whole);
        assert_eq!(
            line("{\"request\": \"GET / HTTP/1.1\"}"),
            "{\"request\": \"GET / HTTP/1.1\"}"
        );
    }

    #[test]
    fn maps_say_what_differs() {
        let parts = Parts {
            user_agent: Some("sqlmap/1.7".to_owned()),
            status: Some(404),
            ..Parts::default()
        };
        let example = Example::new(Written::Parts(parts), true);
        assert_eq!(example.text, "GET /, user agent sqlmap/1.7, status 404");
        assert!(
            example
                .to_line()
                .ends_with("\"GET / HTTP/1.1\" 404 612 \"-\" \"sqlmap/1.7\"")
        );
        let parts = Parts {
            cookie: Some("a=\"b\"".to_owned()),
            ..Parts::default()
        };
        let line = Example::new(Written::Parts(parts), false).to_line();
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value.get("http_cookie").unwrap(), "a=\"b\"");
        assert_eq!(value.get("request").unwrap(), "GET / HTTP/1.1");
    }
}
