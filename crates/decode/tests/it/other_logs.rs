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
        r#"{"timestamp":"2026-11-20T12:00:01.250000+0000","flow_id":586497171462735,"event_type":"dns","src_ip":"192.0.2.1","src_port":5,"dest_ip":"10.0.0.5","dest_port":53,"proto":"UDP","dns":{"type":"query","rrname":"a.example","rrtype":"A"}}"#,
        (LogKind::Suricata, "dns"),
        "192.0.2.1",
        "2026-11-20T12:00:01.250Z",
        &[("dns.rrname", "a.example"), ("dest_port", "53")],
    ),
    // The answer alarmed: its source is the server.
    (
        r#"{"timestamp":"2026-11-20T14:00:01.250000+0200","flow_id":1,"event_type":"alert","src_ip":"10.0.0.5","src_port":80,"dest_ip":"192.0.2.1","dest_port":5,"alert":{"action":"allowed","gid":1,"signature_id":7,"signature":"A \"B\"","category":"C","severity":2,"metadata":{"tag":["x","y"]}},"direction":"to_client"}"#,
        (LogKind::Suricata, "alert"),
        "192.0.2.1",
        "2026-11-20T12:00:01.250Z",
        &[
            ("alert.signature", "A \"B\""),
            ("alert.severity", "2"),
            ("alert.metadata.tag", "y"),
        ],
    ),
    // Older versions name the flow's ends, and a signature may name the attacker.
    (
        r#"{"timestamp":"2026-11-20T12:00:01.250000+0000","event_type":"alert","src_ip":"10.0.0.5","dest_ip":"192.0.2.1","alert":{"severity":1},"flow":{"src_ip":"192.0.2.1"}}"#,
        (LogKind::Suricata, "alert"),
        "192.0.2.1",
        "2026-11-20T12:00:01.250Z",
        &[("flow.src_ip", "192.0.2.1")],
    ),
    (
        r#"{"timestamp":"2026-11-20T12:00:01.250000+0000","event_type":"alert","src_ip":"10.0.0.5","dest_ip":"10.0.0.6","alert":{"severity":1,"source":{"ip":"192.0.2.1"},"target":{"ip":"10.0.0.6"}},"flow":{"src_ip":"10.0.0.5"}}"#,
        (LogKind::Suricata, "alert"),
        "192.0.2.1",
        "2026-11-20T12:00:01.250Z",
        &[("alert.target.ip", "10.0.0.6")],
    ),
    // A file of a request is no second request.
    (
        r#"{"timestamp":"2026-11-20T12:00:01.250000+0000","flow_id":1,"event_type":"fileinfo","src_ip":"192.0.2.1","http":{"url":"/a","http_method":"GET"},"fileinfo":{"filename":"/a"}}"#,
        (LogKind::Suricata, "fileinfo"),
        "192.0.2.1",
        "2026-11-20T12:00:01.250Z",
        &[("fileinfo.filename", "/a")],
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
fn what_a_web_server_sends_to_syslog_is_a_request() {
    let access =
        r#"192.0.2.7 - - [20/Nov/2026:12:00:01 +0000] "GET /a?b=1 HTTP/1.1" 404 5 "-" "curl/8""#;
    for head in [
        "<190>Nov 20 12:00:03 web nginx: ",
        "2026-11-20T12:00:03Z web apache2[7]: ",
    ] {
        for format in [Format::Auto, Format::Syslog] {
            let event = event(&format!("{head}{access}"), format);
            assert_eq!((event.log, event.status), (LogKind::Web, 404), "{head}");
            assert_eq!(event.raw(Field::UrlPath), Some(&b"/a"[..]), "{head}");
            assert_eq!(
                event.source_ip,
                Some("192.0.2.7".parse().unwrap()),
                "{head}"
            );
            let time = event.occurred_at.to_string();
            assert_eq!(time, "2026-11-20T12:00:01.000Z", "{head}");
        }
    }
    // Other programs may say what they like.
    let other = event(
        &format!("Nov 20 12:00:03 web app: {access}"),
        Format::Syslog,
    );
    assert_eq!(other.log, LogKind::Syslog);
}

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
fn a_request_that_suricata_saw_is_a_request() {
    let line = |kind: &str| {
        format!(
            r#"{{"timestamp":"2026-11-20T12:00:01.250000+0000","flow_id":1,"event_type":"{kind}","src_ip":"192.0.2.1","dest_ip":"10.0.0.5","http":{{"hostname":"a.example:8080","http_port":8080,"url":"/a?b=%27\\xff","http_user_agent":"curl/8","xff":"198.51.100.9","http_refer":"https://b.example/","http_method":"GET","protocol":"HTTP/1.1","status":404,"length":7}}}}"#
        )
    };
    for kind in ["http", "alert"] {
        let event = event(&line(kind), Format::Auto);
        assert_eq!(event.log, LogKind::Suricata);
        assert_eq!(event.service(), kind.as_bytes());
        assert_eq!((event.status, event.body_bytes), (404, 7));
        for (field, expected) in [
            (Field::Method, "GET"),
            (Field::UrlPath, "/a"),
            (Field::UrlQuery, "b=%27\\xff"),
            (Field::UrlDomain, "a.example"),
            (Field::HttpVersion, "1.1"),
            (Field::UserAgent, "curl/8"),
            (Field::Referrer, "https://b.example/"),
        ] {
            assert_eq!(raw(&event, field), expected, "{field:?}");
        }
        let seen = event.views_of(Field::UrlQuery);
        assert!(seen.into_iter().any(|view| view.text.starts_with(b"b='")));
    }
    let behind = Proxies::new(vec!["192.0.2.0/24".parse().unwrap()]);
    let parsed = try_parse(line("http").as_bytes(), Format::Suricata, &behind, false);
    let client = parsed.unwrap().event().source_ip;
    assert_eq!(client, Some("198.51.100.9".parse().unwrap()));
    // Without `extended: yes` there is neither method nor status.
    let short = r#"{"timestamp":"2026-11-20T12:00:01.250000+0000","flow_id":1,"event_type":"http","src_ip":"192.0.2.1","http":{"url":"/a"}}"#;
    let event = event(short, Format::Auto);
    assert_eq!(
        (raw(&event, Field::UrlPath), event.status),
        ("/a".into(), 0)
    );
}

#[test]
fn records_without_a_flow_are_suricatas_too() {
    let stats = r#"{"timestamp":"2026-11-20T12:00:01.250000+0000","event_type":"stats","stats":{"uptime":8,"capture":{"kernel_packets":5}}}"#;
    let event = event(stats, Format::Auto);
    assert_eq!(
        (event.log, event.service()),
        (LogKind::Suricata, &b"stats"[..])
    );
    assert_eq!(event.source_ip, None);
    let web = r#"{"request":"GET / HTTP/1.1","event_type":"access"}"#;
    assert_eq!(self::event(web, Format::Auto).log, LogKind::Web);
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
