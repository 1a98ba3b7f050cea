//! Log formats: from a line to the places of a request's parts.
//!
//! Owns: the list of formats, which one a line has, what is wrong with a line that has none. Never
//! holds: decoded values, anything from an earlier line.

mod combined;
mod error_log;
mod json;
mod syslog;
mod time;
mod whole;

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use vigil_event::{LogKind, Record, Timestamp};

use crate::client_address::Proxies;
use crate::request::{self, Request, RequestLine};
use crate::span::Span;

pub(crate) use self::json::set_labels;

/// What web servers call themselves in messages to syslog.
const WEB_SERVERS: [&[u8]; 4] = [b"nginx", b"apache2", b"httpd", b"apache"];

/// A log format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Seen from each line: JSON (a web server's, OpenCanary's, Zeek's or Suricata's) if it starts with `{`, else
    /// combined or common, with or without a host in front, also as a message to syslog, else a message of
    /// sshd or a line of an error log.
    #[default]
    Auto,
    /// nginx's and Apache's `combined`, and nginx's `main` with `X-Forwarded-For` at the end.
    Combined,
    /// The Common Log Format: `combined` without referrer and user agent.
    Common,
    /// `combined` or `common` with the host, and its port, in front.
    VhostCombined,
    /// One JSON object a line, with nginx's variable names or those of the Elastic Common Schema.
    Json,
    /// OpenCanary's JSON lines.
    #[serde(rename = "opencanary")]
    OpenCanary,
    /// Zeek's logs as JSON lines.
    Zeek,
    /// Suricata's EVE log: JSON lines.
    Suricata,
    /// Messages in syslog's traditional form, with RFC 3339 times or as RFC 5424 writes them, such as
    /// `/var/log/auth.log`; those of nginx and Apache that are lines of an access log are requests.
    Syslog,
    /// nginx's error log.
    NginxError,
    /// Apache's error log.
    ApacheError,
    /// A whole request as [`whole::write`](crate::whole::write) hands it on. No log has it, and no
    /// configuration names it.
    #[serde(skip)]
    Request,
}

impl Format {
    /// Every format that a log can have.
    pub const ALL: [Self; 11] = [
        Self::Auto,
        Self::Combined,
        Self::Common,
        Self::VhostCombined,
        Self::Json,
        Self::OpenCanary,
        Self::Zeek,
        Self::Suricata,
        Self::Syslog,
        Self::NginxError,
        Self::ApacheError,
    ];

    /// The name in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Combined => "combined",
            Self::Common => "common",
            Self::VhostCombined => "vhost_combined",
            Self::Json => "json",
            Self::OpenCanary => "opencanary",
            Self::Zeek => "zeek",
            Self::Suricata => "suricata",
            Self::Syslog => "syslog",
            Self::NginxError => "nginx_error",
            Self::ApacheError => "apache_error",
            Self::Request => "request",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text names no format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no log format: use auto, combined, common, vhost_combined, json, opencanary, zeek, suricata, syslog, nginx_error \
     or apache_error"
)]
pub struct UnknownFormat(pub String);

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        Self::ALL
            .into_iter()
            .find(|format| format.name() == text)
            .ok_or_else(|| UnknownFormat(text.chars().take(64).collect()))
    }
}

/// Why a line could not be parsed. It says nothing about who sent it: count it and go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ParseError {
    /// The record is no span of the batch, or lies beyond 4 GiB.
    #[error("the record lies outside its batch of at most 4 GiB: read smaller batches")]
    OutOfBounds,
    /// Nothing but white space.
    #[error("the line is empty")]
    Empty,
    /// No `[time] "request"`.
    #[error(
        "no `[time] \"request\"` in the line: check that the log's format is the one configured"
    )]
    NotAnAccessLog,
    /// The quote before the request has no partner.
    #[error("the request has no closing quote: the line was cut off while it was written")]
    OpenRequest,
    /// No status after the request.
    #[error("no status after the request: check that the log's format is the one configured")]
    NoStatus,
    /// Not a JSON object.
    #[error("the line is no whole JSON object: check that each entry is written on one line")]
    BadJson,
    /// No message of a program that syslog wrote.
    #[error("the line is no syslog message: check that the log's format is the one configured")]
    NotSyslog,
    /// No line of a web server's error log.
    #[error("the line is of no error log: check that the log's format is the one configured")]
    NotAnErrorLog,
    /// A JSON object without a request.
    #[error(
        "the JSON object has no request: log `request`, or `request_method` with `request_uri`"
    )]
    NoRequest,
}

impl ParseError {
    /// The name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OutOfBounds => "out_of_bounds",
            Self::Empty => "empty",
            Self::NotAnAccessLog => "not_an_access_log",
            Self::OpenRequest => "open_request",
            Self::NoStatus => "no_status",
            Self::BadJson => "bad_json",
            Self::NotSyslog => "not_syslog",
            Self::NotAnErrorLog => "not_an_error_log",
            Self::NoRequest => "no_request",
        }
    }
}

/// What a format finds in a line.
#[derive(Clone, Copy, Debug, Default)]
struct Fields {
    log: LogKind,
    service: Span,
    message: Span,
    time: Option<Timestamp>,
    peer: Option<IpAddr>,
    status: u16,
    body_bytes: u64,
    host: Span,
    user: Span,
    line: Option<RequestLine>,
    /// The target as received, or the whole request line where that is malformed.
    target: Span,
    referrer: Span,
    user_agent: Span,
    cookie: Span,
    forwarded: Span,
    log_escaped: bool,
    head: Span,
    body: Span,
    is_whole: bool,
}

/// Finds the parts of a record's request.
///
/// JSON text that had escapes is appended unescaped to `bytes`, at most twice as much as the record
/// is long. `read_at` stands in for a time that is absent or broken. A record that was cut is parsed
/// as far as it goes.
pub fn parse(
    bytes: &mut Vec<u8>,
    record: &Record,
    format: Format,
    proxies: &Proxies,
    read_at: Timestamp,
) -> Result<Request, ParseError> {
    let start = record.start as usize;
    let end = start.saturating_add(record.len as usize);
    let line = bytes.get(start..end).ok_or(ParseError::OutOfBounds)?;
    // Unescaped JSON goes behind the batch and must be within reach of a span too.
    if u32::try_from(bytes.len().saturating_add(line.len().saturating_mul(2))).is_err() {
        return Err(ParseError::OutOfBounds);
    }
    let first = line
        .iter()
        .position(|byte| !byte.is_ascii_whitespace())
        .ok_or(ParseError::Empty)?;
    let is_json = match format {
        Format::Json | Format::OpenCanary | Format::Zeek | Format::Suricata => true,
        Format::Auto => line.get(first) == Some(&b'{'),
        _ => false,
    };
    let start = start + first;
    let fields = if is_json {
        json::parse(bytes, start, end, format, record.truncated)?
    } else {
        let text = bytes.get(..end).unwrap_or_default();
        plain(text, start, format, record.truncated, read_at)?
    };
    Ok(assemble(bytes, &fields, proxies, read_at))
}

/// Parses a line that is no JSON.
fn plain(
    text: &[u8],
    start: usize,
    format: Format,
    truncated: bool,
    read_at: Timestamp,
) -> Result<Fields, ParseError> {
    match format {
        Format::Request => return whole::parse(text, start),
        Format::Syslog => return message(text, start, truncated, read_at),
        Format::NginxError => return error_log::nginx(text, start),
        Format::ApacheError => return error_log::apache(text, start),
        _ => {}
    }
    let request = combined::parse(text, start, combined::Layout::of(format), truncated);
    match request {
        // What syslog wrote in front is no client.
        Ok(request) if format == Format::Auto && request.peer.is_none() => {
            let message = message(text, start, truncated, read_at).ok();
            Ok(message
                .filter(|message| message.log == LogKind::Web)
                .unwrap_or(request))
        }
        Err(ParseError::NotAnAccessLog) if format == Format::Auto => {
            let message = message(text, start, truncated, read_at);
            message
                .and_then(|message| {
                    let is_known =
                        message.log == LogKind::Web || message.service.of(text) == b"sshd";
                    is_known.then_some(message).ok_or(ParseError::NotSyslog)
                })
                .or_else(|_| error_log::nginx(text, start))
                .or_else(|_| error_log::apache(text, start))
                .or(request)
        }
        other => other,
    }
}

/// A message of syslog; that of a web server may be a line of its access log.
fn message(
    text: &[u8],
    start: usize,
    truncated: bool,
    read_at: Timestamp,
) -> Result<Fields, ParseError> {
    let message = syslog::parse(text, start, read_at)?;
    if WEB_SERVERS.contains(&message.service.of(text)) {
        let layout = combined::Layout::of(Format::Auto);
        if let Ok(request) = combined::parse(text, message.message.start(), layout, truncated) {
            return Ok(request);
        }
    }
    Ok(message)
}

fn assemble(bytes: &[u8], fields: &Fields, proxies: &Proxies, read_at: Timestamp) -> Request {
    let line = fields.line.unwrap_or_default();
    let parts = fields
        .line
        .map(|_| request::split_target(bytes, fields.target))
        .unwrap_or_default();
    let host = request::without_port(bytes, fields.host.unless_dash(bytes));
    Request {
        log: fields.log,
        service: fields.service,
        message: fields.message,
        occurred_at: fields.time.unwrap_or(read_at),
        source_ip: proxies.client(fields.peer, fields.forwarded.unless_dash(bytes).of(bytes)),
        peer_ip: fields.peer,
        status: fields.status,
        body_bytes: fields.body_bytes,
        user: fields.user.unless_dash(bytes),
        method: line.method,
        target: fields.target,
        path: parts.path,
        query: parts.query,
        host: if host.is_empty() { parts.host } else { host },
        version: line.version,
        user_agent: fields.user_agent.unless_dash(bytes),
        referrer: fields.referrer.unless_dash(bytes),
        cookie: fields.cookie.unless_dash(bytes),
        head: fields.head,
        body: fields.body,
        is_whole: fields.is_whole,
        log_escaped: fields.log_escaped,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_have_one_name_everywhere() {
        for format in Format::ALL {
            assert_eq!(format.name().parse(), Ok(format));
            assert_eq!(
                serde_json::to_string(&format).unwrap(),
                format!("\"{format}\"")
            );
        }
        assert!("nginx".parse::<Format>().is_err());
    }

    #[test]
    fn a_record_outside_its_batch_is_refused() {
        let mut bytes = b"1.2.3.4".to_vec();
        let record = Record {
            start: 5,
            len: 90,
            offset: 0,
            truncated: false,
        };
        let parsed = parse(
            &mut bytes,
            &record,
            Format::Auto,
            &Proxies::default(),
            Timestamp::default(),
        );
        assert_eq!(parsed, Err(ParseError::OutOfBounds));
    }
}
