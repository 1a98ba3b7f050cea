//! `vigil watch`: follows a channel in the terminal. What came from a log line cannot steer it:
//! control characters are made visible, in JSON as JSON writes them.

use std::io::{BufRead as _, BufReader};
use std::time::Duration;

use clap::Args;
use serde_json::Value;
use vigil_auth::Role;
use vigil_event::text::visible;

use super::client::{Server, ServerFlags, encoded, refusal};
use super::{Failure, say};

/// The longest line of the stream that is taken.
const MAX_LINE_BYTES: usize = 4 << 20;
/// How long to wait before the next try when the stream ended, at first and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));

#[derive(Debug, Args)]
pub(super) struct WatchArgs {
    #[command(flatten)]
    server: ServerFlags,
    /// The channel: threats, alerts, status, models, a room, or any other that the token grants
    #[arg(default_value = "threats")]
    channel: String,
    /// Begin with this many messages of the past
    #[arg(long, value_name = "N", default_value_t = 0)]
    last: u32,
    /// Only what is at least this bad
    #[arg(long, value_name = "SEVERITY")]
    min_severity: Option<vigil_event::Severity>,
    /// Print each frame as JSON
    #[arg(long)]
    json: bool,
    /// End after this many messages
    #[arg(long, value_name = "N")]
    count: Option<u64>,
}

/// How far the stream was followed.
struct Progress {
    position: Option<String>,
    seen: u64,
}

pub(super) fn run(args: &WatchArgs) -> Result<(), Failure> {
    let server = args.server.connect(Role::Viewer)?;
    let mut progress = Progress {
        position: None,
        seen: 0,
    };
    let mut wait = RETRY.0;
    loop {
        let before = progress.seen;
        match follow(&server, args, &mut progress) {
            Ok(true) => return Ok(()),
            Err(failure @ (Failure::Refused(_) | Failure::Input(_))) => return Err(failure),
            // The first connection must work; later the server may be away for a while.
            Err(failure) if progress.position.is_none() => return Err(failure),
            Ok(false) | Err(_) => {}
        }
        wait = if progress.seen > before {
            RETRY.0
        } else {
            (wait * 2).min(RETRY.1)
        };
        std::thread::sleep(wait);
    }
}

/// Follows until the stream ends; true when as many messages came as were asked for.
fn follow(server: &Server, args: &WatchArgs, progress: &mut Progress) -> Result<bool, Failure> {
    let mut response = server.get(&path(args, progress))?;
    if response.status().as_u16() != 200 {
        return Err(refusal(&mut response));
    }
    let mut lines = BufReader::new(response.into_body().into_reader());
    let mut data = String::new();
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut limited = std::io::Read::take(&mut lines, MAX_LINE_BYTES as u64);
        if limited.read_until(b'\n', &mut line)? == 0 {
            return Ok(false);
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches(['\r', '\n']);
        if let Some(id) = text.strip_prefix("id:") {
            progress.position = Some(id.trim().to_owned());
        } else if let Some(part) = text.strip_prefix("data:") {
            data.push_str(part.trim_start());
        } else if text.is_empty() && !data.is_empty() {
            show(&data, args.json)?;
            data.clear();
            progress.seen += 1;
            if args.count.is_some_and(|count| progress.seen >= count) {
                return Ok(true);
            }
        }
    }
}

fn path(args: &WatchArgs, progress: &Progress) -> String {
    let channel = encoded(&args.channel);
    let from = match &progress.position {
        Some(position) => format!("since={position}"),
        None => format!("last={}", args.last),
    };
    let severity = args
        .min_severity
        .map_or_else(String::new, |severity| format!("&min_severity={severity}"));
    format!("/sse/{channel}?{from}{severity}")
}

fn show(data: &str, json: bool) -> Result<(), Failure> {
    if json {
        return say!("{data}");
    }
    let frame: Value = serde_json::from_str(data).unwrap_or_default();
    match summary(&frame) {
        Some(line) => say!("{}", visible(&line)),
        None => say!("{data}"),
    }
}

/// A frame in one line; nothing for those that are best read as they are.
fn summary(frame: &Value) -> Option<String> {
    let text = |pointer: &str| match frame.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => "-".to_owned(),
        Some(value) => value.to_string(),
    };
    let kind = text("/type");
    Some(match kind.as_str() {
        "threat.new" => {
            let rules: Vec<_> = frame
                .pointer("/data/detections")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(|detection| detection.get("title").and_then(Value::as_str))
                .collect();
            format!(
                "{} {:<8} {:>4.1} {:<15} {} {}  [{}]",
                text("/data/@timestamp"),
                text("/data/severity"),
                frame
                    .pointer("/data/score")
                    .and_then(Value::as_f64)
                    .unwrap_or_default(),
                text("/data/source/ip"),
                text("/data/http/request/method"),
                text("/data/url/original"),
                rules.join(", ")
            )
        }
        "gap" => format!(
            "-- {} messages were not delivered ({})",
            text("/data/missed"),
            text("/data/reason")
        ),
        kind if kind.starts_with("alert.") => format!(
            "{} {:<8} {kind:<18} {:<15} {} x{} ({})",
            text("/data/last_seen"),
            text("/data/severity"),
            text("/data/source_ip"),
            text("/data/title"),
            text("/data/count"),
            text("/data/state")
        ),
        "status.update" => status(frame.pointer("/data").unwrap_or(frame)),
        _ => return None,
    })
}

/// How the server is, in one line.
fn status(data: &Value) -> String {
    let number = |pointer: &str| data.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    let text = |pointer: &str| data.pointer(pointer).and_then(Value::as_str);
    let texts = |pointer: &str| -> String {
        let all = data.pointer(pointer).and_then(Value::as_array);
        let all = all.into_iter().flatten().filter_map(Value::as_str);
        all.collect::<Vec<_>>().join("; ")
    };
    let rate = data.pointer("/lines_per_second").and_then(Value::as_f64);
    let sources = data.pointer("/sources").and_then(Value::as_array);
    let ready = match data.pointer("/ready") {
        Some(Value::Bool(true)) => "ready".to_owned(),
        _ => format!("not ready ({})", texts("/reasons")),
    };
    let saved = match text("/state/saved_at") {
        Some(at) => format!(
            "saved {at} ({} keys, {} bytes, {} ms)",
            number("/state/keys"),
            number("/state/bytes"),
            number("/state/milliseconds")
        ),
        None => "not saved yet".to_owned(),
    };
    let problem = text("/state/problem").map(|why| format!(", cannot be saved: {why}"));
    let refused = Some(texts("/state/restored/refused")).filter(|refused| !refused.is_empty());
    let refused = refused.map(|refused| format!(", refused at the start: {refused}"));
    format!(
        "{ready}, up {} s, {} lines ({:.1}/s), {} threats, {} logs, state {saved}{}{}",
        number("/uptime_seconds"),
        number("/lines_total"),
        rate.unwrap_or_default(),
        number("/threats_total"),
        sources.map_or(0, Vec::len),
        problem.unwrap_or_default(),
        refused.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_says_when_the_state_was_saved_and_what_was_refused() {
        let mut frame = serde_json::json!({
            "type": "status.update",
            "data": {"ready": true, "uptime_seconds": 61, "lines_total": 5_000, "lines_per_second": 12.5,
                "threats_total": 3, "sources": [{}], "state": {"saved_at": "T", "keys": 40, "bytes": 900,
                "milliseconds": 7, "restored": {"refused": ["rule:a: it is damaged"]}}}
        });
        assert_eq!(
            summary(&frame).unwrap(),
            "ready, up 61 s, 5000 lines (12.5/s), 3 threats, 1 logs, \
             state saved T (40 keys, 900 bytes, 7 ms), refused at the start: rule:a: it is damaged"
        );
        frame["data"] =
            serde_json::json!({"ready": false, "reasons": ["store"], "state": {"problem": "full"}});
        let line = summary(&frame).unwrap();
        assert!(line.starts_with("not ready (store)"), "{line}");
        assert!(
            line.ends_with("state not saved yet, cannot be saved: full"),
            "{line}"
        );
    }

    #[test]
    fn a_threat_is_one_line_without_controls() {
        let frame = serde_json::json!({
            "type": "threat.new",
            "data": {"severity": "high", "score": 8.0, "@timestamp": "T", "source": {"ip": "192.0.2.1"},
                "url": {"original": "/\u{1b}]0;x\u{7}"}, "http": {"request": {"method": "GET"}},
                "detections": [{"title": "SQL injection"}]}
        });
        let line = visible(&summary(&frame).unwrap());
        assert!(
            line.contains("high") && line.contains("[SQL injection]"),
            "{line}"
        );
        assert!(!line.chars().any(char::is_control), "{line}");
    }
}
