//! Each format: from a well-formed line to its parts.

use vigil_decode::{Format, ParseError, Proxies};
use vigil_event::Field;

use super::{TIME, parsed, raw, try_parse};

/// What stands in a line: address, host, user, method, path, query, version, status, bytes,
/// referrer, user agent.
type Row = (&'static str, [&'static str; 11]);

fn check(rows: &[Row]) {
    for (line, expected) in rows {
        let line = line.replace("TIME", TIME);
        let parsed = parsed(&line);
        let request = parsed.request;
        let found = [
            request
                .source_ip
                .map(|ip| ip.to_string())
                .unwrap_or_default(),
            parsed.text(request.host),
            parsed.text(request.user),
            parsed.text(request.method),
            parsed.text(request.path),
            parsed.text(request.query),
            parsed.text(request.version),
            request.status.to_string(),
            request.body_bytes.to_string(),
            parsed.text(request.referrer),
            parsed.text(request.user_agent),
        ];
        assert_eq!(found, *expected, "{line}");
        assert_eq!(
            request.occurred_at.to_string(),
            "2026-11-20T12:00:01.000Z",
            "{line}"
        );
    }
}

const TEXT: &[Row] = &[
    (
        r#"192.0.2.1 - - TIME "GET /a?b=c HTTP/1.1" 200 612 "-" "curl/8.5""#,
        [
            "192.0.2.1",
            "",
            "",
            "GET",
            "/a",
            "b=c",
            "1.1",
            "200",
            "612",
            "",
            "curl/8.5",
        ],
    ),
    (
        r#"192.0.2.1 - - TIME "GET / HTTP/1.0" 304 -"#,
        [
            "192.0.2.1",
            "",
            "",
            "GET",
            "/",
            "",
            "1.0",
            "304",
            "0",
            "",
            "",
        ],
    ),
    (
        r#"2001:db8::1 - jane doe TIME "POST /login HTTP/2.0" 302 0 "https://h/?q=a b" "A \x22B\x22 C" "198.51.100.7""#,
        [
            "2001:db8::1",
            "",
            "jane doe",
            "POST",
            "/login",
            "",
            "2.0",
            "302",
            "0",
            "https://h/?q=a b",
            r"A \x22B\x22 C",
        ],
    ),
    (
        r#"shop.example:443 192.0.2.1 - - TIME "GET / HTTP/1.1" 200 5 "-" "Apache \"quoted\" \\""#,
        [
            "192.0.2.1",
            "shop.example",
            "",
            "GET",
            "/",
            "",
            "1.1",
            "200",
            "5",
            "",
            r#"Apache \"quoted\" \\"#,
        ],
    ),
    (
        r#"shop.example 192.0.2.1 - - TIME "GET / HTTP/1.1" 200 5"#,
        [
            "192.0.2.1",
            "shop.example",
            "",
            "GET",
            "/",
            "",
            "1.1",
            "200",
            "5",
            "",
            "",
        ],
    ),
    (
        r#"10.0.0.1:80 [2001:db8::1]:4711 - - TIME "GET / HTTP/1.1" 200 5 "-" "x""#,
        [
            "2001:db8::1",
            "10.0.0.1",
            "",
            "GET",
            "/",
            "",
            "1.1",
            "200",
            "5",
            "",
            "x",
        ],
    ),
    (
        r#"client.example - - TIME "GET http://Other.example:8080/p HTTP/1.1" 400 5 "-" "-""#,
        [
            "",
            "Other.example",
            "",
            "GET",
            "/p",
            "",
            "1.1",
            "400",
            "5",
            "",
            "",
        ],
    ),
    (
        r#"shop.example client.example - - TIME "GET / HTTP/1.1" 000 5 "-" "x" 0.003 "-""#,
        [
            "",
            "shop.example",
            "",
            "GET",
            "/",
            "",
            "1.1",
            "0",
            "5",
            "",
            "x",
        ],
    ),
];

#[test]
fn text_formats() {
    check(TEXT);
}

const JSON: &[Row] = &[
    (
        r#"{"time_iso8601":"2026-11-20T13:00:01+01:00","remote_addr":"192.0.2.1","remote_user":"","request":"GET /a?b=\"c\" HTTP/1.1","status":"200","body_bytes_sent":"612","http_referer":"","http_user_agent":"A \"B\" \\ C","http_host":"shop.example:8080"}"#,
        [
            "192.0.2.1",
            "shop.example",
            "",
            "GET",
            "/a",
            "b=\"c\"",
            "1.1",
            "200",
            "612",
            "",
            "A \"B\" \\ C",
        ],
    ),
    (
        r#"{"msec":1795176001.000,"remote_addr":"192.0.2.1","request_method":"POST","request_uri":"/x?y","server_protocol":"HTTP/2.0","status":404,"body_bytes_sent":7,"server_name":"shop.example","remote_user":"jane"}"#,
        [
            "192.0.2.1",
            "shop.example",
            "jane",
            "POST",
            "/x",
            "y",
            "2.0",
            "404",
            "7",
            "",
            "",
        ],
    ),
    (
        r#"{"time_local":"20\/Nov\/2026:13:00:01 +0100","remote_addr":"::1","request_method":"GET","uri":"\/x","args":"a=\u003c","status":200}"#,
        ["::1", "", "", "GET", "/x", "a=<", "", "200", "0", "", ""],
    ),
    (
        r#"{"@timestamp":"2026-11-20T12:00:01.000Z","source":{"ip":"192.0.2.1"},"http":{"version":"1.1","request":{"method":"GET","referrer":"https://r/"},"response":{"status_code":200,"body":{"bytes":9}}},"url":{"path":"/p","query":"q"},"user_agent":{"original":"x"}}"#,
        [
            "192.0.2.1",
            "",
            "",
            "GET",
            "/p",
            "q",
            "1.1",
            "200",
            "9",
            "https://r/",
            "x",
        ],
    ),
    (
        r#"{"@timestamp":"2026-11-20T12:00:01Z","source.ip":"192.0.2.1","url.original":"https://shop.example/p?q","http.request.method":"GET"}"#,
        [
            "192.0.2.1",
            "shop.example",
            "",
            "GET",
            "/p",
            "q",
            "",
            "0",
            "0",
            "",
            "",
        ],
    ),
];

#[test]
fn json_formats() {
    check(JSON);
}

#[test]
fn a_named_format_is_not_guessed() {
    let line = format!(r#"10.0.0.1 192.0.2.1 - - {TIME} "GET / HTTP/1.1" 200 5 "r" "a""#);
    let read = |format| try_parse(line.as_bytes(), format, &Proxies::default(), false);
    assert_eq!(
        read(Format::VhostCombined).unwrap().request.source_ip,
        Some("192.0.2.1".parse().unwrap())
    );
    assert_eq!(
        read(Format::Combined).unwrap().request.source_ip,
        Some("10.0.0.1".parse().unwrap())
    );
    assert!(read(Format::Common).unwrap().request.user_agent.is_empty());
    assert_eq!(read(Format::Json).err(), Some(ParseError::BadJson));
}

#[test]
fn the_client_behind_a_trusted_proxy() {
    let proxies = Proxies::new(vec!["10.0.0.0/8".parse().unwrap()]);
    let ip = |line: String| {
        try_parse(line.as_bytes(), Format::Auto, &proxies, false)
            .unwrap()
            .request
            .source_ip
    };
    for (peer, chain, expected) in [
        ("10.0.0.1", "198.51.100.7, 203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "-", "10.0.0.1"),
        ("192.0.2.1", "203.0.113.9", "192.0.2.1"),
    ] {
        let expected = Some(expected.parse().unwrap());
        let text = format!(r#"{peer} - - {TIME} "GET / HTTP/1.1" 200 5 "-" "x" "{chain}""#);
        let json = format!(
            r#"{{"remote_addr":"{peer}","request":"GET / HTTP/1.1","http_x_forwarded_for":"{chain}"}}"#
        );
        assert_eq!(ip(text), expected);
        assert_eq!(ip(json), expected);
    }
}

#[test]
fn an_event_has_every_field() {
    let event = parsed(
        r#"{"remote_addr":"192.0.2.1","remote_user":"jane","request":"GET /p?q HTTP/1.1","status":404,"body_bytes_sent":7,"http_referer":"r","http_user_agent":"a","http_cookie":"c=d","http_host":"h"}"#,
    )
    .event();
    for (field, expected) in [
        (Field::SourceIp, "192.0.2.1"),
        (Field::UserName, "jane"),
        (Field::Method, "GET"),
        (Field::UrlOriginal, "/p?q"),
        (Field::UrlPath, "/p"),
        (Field::UrlQuery, "q"),
        (Field::UrlDomain, "h"),
        (Field::HttpVersion, "1.1"),
        (Field::Status, "404"),
        (Field::BodyBytes, "7"),
        (Field::UserAgent, "a"),
        (Field::Referrer, "r"),
        (Field::Cookie, "c=d"),
    ] {
        assert_eq!(raw(&event, field), expected, "{field:?}");
    }
    assert!(raw(&event, Field::EventOriginal).starts_with("{\"remote_addr\""));
    assert_eq!(
        (event.status, event.body_bytes, event.decode_depth),
        (404, 7, 0)
    );
}
