//! Logs that are no requests: what is found in them, and that `auto` tells them apart.

use vigil_decode::{Format, Proxies};
use vigil_event::{Event, Field, LogKind};

use super::{raw, try_parse};

fn event(line: &str, format: Format) -> Event {
    try_parse(line.as_bytes(), format, &Proxies::default(), false)
        .unwrap_or_else(|error| panic!("{line}: {error}"))
        .event()
}

fn labels(event: &Event) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    event
        .labels()
        .map(|(name, view)| (text(name), text(view.text)))
        .collect()
}

/// A line, its log and service, whose address it has, its time, some labels.
type Row = (
    &'static str,
    (LogKind, &'static str),
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

const ROWS: &[Row] = &[
    (
        r#"{"dst_host": "10.0.0.5", "dst_port": 22, "local_time": "2026-11-20 12:00:01.250000", "local_time_adjusted": "2026-11-20 13:00:01.250000", "logdata": {"LOCALVERSION": "SSH-2.0-OpenSSH_5.1p1", "PASSWORD": "a\"b", "USERNAME": "root"}, "logtype": 4002, "node_id": "canary-1", "src_host": "192.0.2.1", "src_port": 49333, "utc_time": "2026-11-20 12:00:01.250000"}"#,
        (LogKind::OpenCanary, ""),
        "192.0.2.1",
        "2026-11-20T12:00:01.250Z",
        &[
            ("logtype", "4002"),
            ("logdata.PASSWORD", "a\"b"),
            ("dst_port", "22"),
        ],
    ),
    (
        r#"{"ts":1795176001.25,"uid":"C1","id.orig_h":"192.0.2.1","id.orig_p":5,"id.resp_h":"10.0.0.5","id.resp_p":53,"proto":"udp","query":"a.example","qtype_name":"A","rejected":false,"answers":["10.0.0.1","10.0.0.2",{"x":1}],"rtt":null}"#,
        (LogKind::Zeek, "dns"),
        "192.0.2.1",
        "2026-11-20T12:00:01.250Z",
        &[
            ("id.resp_p", "53"),
            ("rejected", "false"),
            ("answers", "10.0.0.1"),
            ("answers", "10.0.0.2"),
        ],
    ),
    (
        r#"{"_path":"smb_files","ts":"2026-11-20T12:00:01.250000Z","uid":"C1","id":{"orig_h":"2001:db8::1","orig_p":5},"action":"SMB::FILE_OPEN","name":"x.exe"}"#,
        (LogKind::Zeek, "smb_files"),
        "2001:db8::1",
        "2026-11-20T12:00:01.250Z",
        &[("id.orig_p", "5"), ("name", "x.exe")],
    ),
    (
        "2026-11-20T12:00:01.250Z web sshd[7]: Failed password for root from 192.0.2.1 port 5 ssh2",
        (LogKind::Syslog, "sshd"),
        "192.0.2.1",
        "2026-11-20T12:00:01.250Z",
        &[(
            "message",
            "Failed password for root from 192.0.2.1 port 5 ssh2",
        )],
    ),
    (
        "2026/11/20 12:00:01 [error] 1#1: *7 x, client: 192.0.2.1, server: a",
        (LogKind::NginxError, ""),
        "192.0.2.1",
        "2026-11-20T12:00:01.000Z",
        &[("message", "1#1: *7 x, client: 192.0.2.1, server: a")],
    ),
    (
        "[Fri Nov 20 12:00:01.250000 2026] [core:error] [pid 1] [client 192.0.2.1:5] AH00126: x",
        (LogKind::ApacheError, ""),
        "192.0.2.1",
        "2026-11-20T12:00:01.250Z",
        &[("message", "AH00126: x")],
    ),
];

#[test]
fn each_log_is_told_from_its_lines() {
    for (line, (log, service), peer, time, expected) in ROWS {
        let event = event(line, Format::Auto);
        assert_eq!(
            (
                event.log,
                event.service(),
                event.occurred_at.to_string().as_str()
            ),
            (*log, service.as_bytes(), *time),
            "{line}"
        );
        assert_eq!(event.source_ip, Some(peer.parse().unwrap()), "{line}");
        assert_eq!(event.raw(Field::EventOriginal), Some(line.as_bytes()));
        assert_eq!(event.raw(Field::UrlPath), None, "{line}");
        let labels = labels(&event);
        for (name, value) in *expected {
            assert!(
                labels.contains(&((*name).to_owned(), (*value).to_owned())),
                "{name}: {value} is not in {labels:?}"
            );
        }
        assert!(
            labels.iter().all(|(name, _)| name != "rtt"),
            "null is no value"
        );
    }
}

#[test]
fn a_request_that_zeek_saw_is_a_request() {
    let line = r#"{"ts":1795176001.25,"uid":"C1","id.orig_h":"192.0.2.1","method":"GET","host":"a.example","uri":"/a?b=%27","user_agent":"curl/8","status_code":404,"status_msg":"Not Found","response_body_len":7}"#;
    let event = event(line, Format::Auto);
    assert_eq!((event.log, event.service()), (LogKind::Zeek, &b"http"[..]));
    assert_eq!((event.status, event.body_bytes), (404, 7));
    for (field, expected) in [
        (Field::UrlPath, "/a"),
        (Field::UrlQuery, "b=%27"),
        (Field::UrlDomain, "a.example"),
        (Field::UserAgent, "curl/8"),
    ] {
        assert_eq!(raw(&event, field), expected, "{field:?}");
    }
    assert!(labels(&event).contains(&("uri".to_owned(), "/a?b=%27".to_owned())));
}

#[test]
fn a_format_that_is_configured_is_not_guessed() {
    let line = "Nov 20 12:00:01 web sudo: eve : COMMAND=/bin/sh";
    assert_eq!(event(line, Format::Syslog).service(), b"sudo");
    assert!(try_parse(line.as_bytes(), Format::Auto, &Proxies::default(), false).is_err());
    let log = event(r#"{"ts":1795176001.25,"a":"b"}"#, Format::Zeek);
    assert_eq!((log.log, log.service()), (LogKind::Zeek, &b""[..]));
    let web = event(r#"{"request":"GET / HTTP/1.1","node_id":1}"#, Format::Auto);
    assert_eq!((web.log, web.labels().count()), (LogKind::Web, 0));
}
