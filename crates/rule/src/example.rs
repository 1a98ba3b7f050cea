//! The requests that a rule must and must not match, as its author writes them, and the log lines
//! they stand for.
//!
//! *Input*: under `vigil: examples:`, a list of `/path?query` (a GET), `METHOD target`, whole log
//! lines, maps of what differs from an ordinary request, or lists of these: sequences. *Output*:
//! lines as nginx writes them, so that an example passes through the real parser and decoder.
//! *Limits*: [`Example::MAX_LINES`] lines, within a week.

use std::fmt::Write as _;
use std::net::IpAddr;

use rsigma_parser::Timespan;
use serde::{Deserialize, Serialize};

/// A request, or several one after the other, with what the rule must make of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Example {
    /// The example as short text: the string as written, or the request of a map.
    pub text: String,
    /// Whether the rule must match.
    pub should_match: bool,
    /// What is requested, one after the other. Never empty.
    #[serde(skip)]
    steps: Vec<Written>,
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
    /// The client's address.
    from: Option<String>,
    /// How long after the request before it, such as `10s`.
    after: Option<String>,
    /// How often; `{n}` in a text or address is then the number of the request, from 1 up.
    times: Option<usize>,
}

/// The client of every example: an address kept for documentation.
const ADDRESS: &str = "203.0.113.7";
/// An ordinary browser.
const USER_AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
const BODY_BYTES: u64 = 612;

/// The seconds between two requests of a sequence that says nothing else.
const STEP_SECONDS: u64 = 1;
/// Every example begins at noon of this day of November 2026.
const FIRST_DAY: u64 = 20;

impl Example {
    /// The most lines of a sequence.
    pub const MAX_LINES: usize = 2_000;
    /// The longest time between a sequence's first line and its last, in seconds.
    const MAX_SECONDS: u64 = 7 * 86_400;

    /// One request, or several one after the other; what is wrong with them and what to do.
    pub(crate) fn new(steps: Vec<Written>, should_match: bool) -> Result<Self, String> {
        let summaries: Vec<String> = steps.iter().map(Written::summary).collect();
        let lines: usize = steps.iter().map(Written::times).sum();
        if !(1..=Self::MAX_LINES).contains(&lines) {
            return Err(format!("an example has 1 to {} requests", Self::MAX_LINES));
        }
        let mut seconds = 0_u64;
        for step in &steps {
            let after = step.after()?.saturating_mul(step.times() as u64);
            seconds = seconds.saturating_add(after);
            step.check_addresses()?;
        }
        if seconds > Self::MAX_SECONDS {
            return Err("an example takes at most a week".to_owned());
        }
        Ok(Self {
            text: summaries.join(", then "),
            should_match,
            steps,
        })
    }

    /// What somebody typed: a path, a method and a target, or a whole log line.
    pub fn typed(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            should_match: true,
            steps: vec![Written::Text(text.to_owned())],
        }
    }

    /// The first log line.
    pub fn to_line(&self) -> String {
        self.steps
            .first()
            .map(|step| step.to_line(0, 1))
            .unwrap_or_default()
    }

    /// The log lines, without line breaks: in nginx's combined format, or as JSON where the example
    /// has a cookie or a host, which that format lacks.
    pub fn to_lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut seconds = 0;
        for step in &self.steps {
            let after = step.after().unwrap_or(STEP_SECONDS);
            for number in 1..=step.times() {
                seconds += if lines.is_empty() { 0 } else { after };
                lines.push(step.to_line(seconds, number));
            }
        }
        lines
    }
}

impl Written {
    fn summary(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Parts(parts) => parts.summary(),
        }
    }

    const fn times(&self) -> usize {
        match self {
            Self::Parts(Parts {
                times: Some(times), ..
            }) => *times,
            _ => 1,
        }
    }

    /// How many seconds after the request before it.
    fn after(&self) -> Result<u64, String> {
        match self {
            Self::Parts(Parts {
                after: Some(after), ..
            }) => Timespan::parse(after)
                .map(|span| span.seconds)
                .map_err(|_| {
                    format!("`after: {after}`: write a number and s, m, h or d, such as `10s`")
                }),
            _ => Ok(STEP_SECONDS),
        }
    }

    fn check_addresses(&self) -> Result<(), String> {
        let Self::Parts(parts) = self else {
            return Ok(());
        };
        for number in 1..=self.times() {
            if let Some(from) = parts.numbered(number).from
                && from.parse::<IpAddr>().is_err()
            {
                return Err(format!("`from: {from}` is no address"));
            }
        }
        Ok(())
    }

    fn to_line(&self, seconds: u64, number: usize) -> String {
        match self {
            Self::Text(text) => match requested(text) {
                Some(request) => combined(&request, &Parts::default(), seconds),
                None => text.trim_end_matches(['\r', '\n']).to_owned(),
            },
            Self::Parts(parts) => {
                let parts = parts.numbered(number);
                if parts.cookie.is_some() || parts.host.is_some() {
                    json(&parts, seconds)
                } else {
                    combined(&parts.request_line(), &parts, seconds)
                }
            }
        }
    }
}

impl Parts {
    /// With the request's number in its place.
    fn numbered(&self, number: usize) -> Self {
        let numbered = |text: &Option<String>| {
            text.as_ref()
                .map(|text| text.replace("{n}", &number.to_string()))
        };
        if self.times.is_none() {
            return self.clone();
        }
        Self {
            url: numbered(&self.url),
            user_agent: numbered(&self.user_agent),
            referrer: numbered(&self.referrer),
            cookie: numbered(&self.cookie),
            host: numbered(&self.host),
            from: numbered(&self.from),
            ..self.clone()
        }
    }

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
        if let Some(address) = &self.from {
            _ = write!(text, ", from {address}");
        }
        if let Some(after) = &self.after {
            _ = write!(text, ", after {after}");
        }
        if let Some(times) = self.times {
            _ = write!(text, ", {times} times");
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

/// The day of the month and the time of day, so many seconds after the beginning.
fn moment(seconds: u64) -> (u64, String) {
    let seconds = seconds + 12 * 3_600;
    let (hour, minute) = (seconds / 3_600 % 24, seconds / 60 % 60);
    let time = format!("{hour:02}:{minute:02}:{:02}", seconds % 60);
    (FIRST_DAY + seconds / 86_400, time)
}

fn combined(request: &str, parts: &Parts, seconds: u64) -> String {
    let (day, time) = moment(seconds);
    format!(
        "{} - - [{day}/Nov/2026:{time} +0000] \"{}\" {} {BODY_BYTES} \"{}\" \"{}\"",
        parts.from.as_deref().unwrap_or(ADDRESS),
        escaped(request),
        parts.status.unwrap_or(200),
        escaped(parts.referrer.as_deref().unwrap_or("-")),
        escaped(parts.user_agent.as_deref().unwrap_or(USER_AGENT)),
    )
}

fn json(parts: &Parts, seconds: u64) -> String {
    let (day, time) = moment(seconds);
    serde_json::json!({
        "time_iso8601": format!("2026-11-{day}T{time}+00:00"),
        "remote_addr": parts.from.as_deref().unwrap_or(ADDRESS),
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
        Example::typed(written).to_line()
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
        let example = Example::new(vec![Written::Parts(parts)], true).unwrap();
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
        let line = Example::new(vec![Written::Parts(parts)], false)
            .unwrap()
            .to_line();
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value.get("http_cookie").unwrap(), "a=\"b\"");
        assert_eq!(value.get("request").unwrap(), "GET / HTTP/1.1");
    }

    #[test]
    fn sequences_have_their_times_and_numbers() {
        let parts = |yaml: &str| Written::Parts(yaml_serde::from_str(yaml).unwrap());
        let steps = vec![
            Written::Text("/a".to_owned()),
            parts("{url: '/b{n}', times: 2, after: 12h}"),
            parts("{from: 2001:db8::1, method: POST}"),
        ];
        let example = Example::new(steps, true).unwrap();
        assert_eq!(
            example.text,
            "/a, then GET /b{n}, after 12h, 2 times, then POST /, from 2001:db8::1"
        );
        let lines = example.to_lines();
        let begins = [
            "203.0.113.7 - - [20/Nov/2026:12:00:00 +0000] \"GET /a HTTP/1.1\"",
            "203.0.113.7 - - [21/Nov/2026:00:00:00 +0000] \"GET /b1 HTTP/1.1\"",
            "203.0.113.7 - - [21/Nov/2026:12:00:00 +0000] \"GET /b2 HTTP/1.1\"",
            "2001:db8::1 - - [21/Nov/2026:12:00:01 +0000] \"POST / HTTP/1.1\"",
        ];
        assert_eq!(lines.len(), begins.len());
        for (line, begin) in lines.iter().zip(begins) {
            assert!(line.starts_with(begin), "{line}");
        }
        for (yaml, why) in [
            ("{times: 0}", "1 to 2000 requests"),
            ("{times: 2001}", "1 to 2000 requests"),
            ("{after: soon}", "`after: soon`: write a number"),
            ("{after: 2d, times: 4}", "at most a week"),
            (
                "{from: '192.0.2.{n}', times: 256}",
                "`from: 192.0.2.256` is no address",
            ),
        ] {
            let error = Example::new(vec![parts(yaml)], true).unwrap_err();
            assert!(error.contains(why), "{yaml}: {error}");
        }
    }
}
