//! What stands in real logs beside well-formed lines.

use vigil_decode::{Format, ParseError, Proxies};
use vigil_event::Field;

use super::{READ_AT, TIME, parsed, raw, try_parse};

#[test]
fn what_is_no_request_is_kept_as_it_came() {
    for (request, status) in [
        (r"\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03", 400),
        ("", 400),
        ("-", 408),
        ("GET", 400),
        (r"t3 12.1.2\x0A", 400),
        ("\0\0\u{1}", 400),
    ] {
        let line = format!(r#"192.0.2.1 - - {TIME} "{request}" {status} 157 "-" "-""#);
        let parsed = parsed(line);
        assert_eq!(parsed.text(parsed.request.target), request);
        assert_eq!(parsed.request.status, status);
        assert!(parsed.request.method.is_empty() && parsed.request.path.is_empty());
        assert_eq!(raw(&parsed.event(), Field::UrlOriginal), request);
    }
    let tls = [b"192.0.2.1 - - [x] \"\x16\x03\x01\x00\xff\x80 \xfe\" 400 0 \"-\" \"-\"".as_slice()]
        .concat();
    let parsed = parsed(tls);
    assert_eq!(
        parsed.request.target.of(&parsed.bytes),
        b"\x16\x03\x01\x00\xff\x80 \xfe"
    );
    assert_eq!(parsed.request.occurred_at, READ_AT);
}

#[test]
fn json_need_not_be_utf_8() {
    let parsed = parsed(
        b"{\"remote_addr\":\"192.0.2.1\",\"request\":\"GET /\xff\\u0000 HTTP/1.1\",\"x\":\"\xc0\"}",
    );
    assert_eq!(parsed.request.path.of(&parsed.bytes), b"/\xff\0");
}

#[test]
fn json_of_a_request_that_nginx_could_not_read() {
    let parsed = parsed(
        r#"{"remote_addr":"192.0.2.1","request":"\u0016\u0003\u0001","request_method":"","request_uri":"","status":"400"}"#,
    );
    assert_eq!(parsed.text(parsed.request.target), "\u{16}\u{3}\u{1}");
    assert!(parsed.request.method.is_empty() && parsed.request.path.is_empty());
}

#[test]
fn a_broken_time_is_when_it_was_read() {
    for line in [
        r#"192.0.2.1 - - [yesterday] "GET / HTTP/1.1" 200 5"#,
        r#"192.0.2.1 - - [] "GET / HTTP/1.1" 200 5"#,
        r#"{"request":"GET / HTTP/1.1","time_local":"-"}"#,
        r#"{"request":"GET / HTTP/1.1"}"#,
    ] {
        assert_eq!(parsed(line).request.occurred_at, READ_AT, "{line}");
    }
}

#[test]
fn a_user_cannot_forge_the_rest_of_the_line() {
    let line = format!(
        r#"192.0.2.1 - x [01/Jan/1999:00:00:00 +0000] \x22GET /fake HTTP/1.1\x22 200 1 {TIME} "GET /real HTTP/1.1" 401 5 "-" "x""#
    );
    let nginx = parsed(line);
    assert_eq!(nginx.text(nginx.request.path), "/real");
    assert_eq!(
        nginx.request.occurred_at.to_string(),
        "2026-11-20T12:00:01.000Z"
    );
    let apache = parsed(format!(
        r#"192.0.2.1 - x [01/Jan/1999:00:00:00 +0000] \"GET /fake HTTP/1.1\" 200 1 {TIME} "GET /real HTTP/1.1" 401 5"#
    ));
    assert_eq!(apache.text(apache.request.path), "/real");
}

#[test]
fn a_server_that_does_not_escape_is_served_too() {
    let parsed = parsed(format!(
        r#"192.0.2.1 - - {TIME} "GET /?q="><script> HTTP/1.1" 200 5 "-" "x "y" z""#
    ));
    assert_eq!(parsed.text(parsed.request.query), "q=\"><script>");
}

#[test]
fn a_cut_line_is_judged_as_far_as_it_goes() {
    for line in [
        format!(r#"192.0.2.1 - - {TIME} "GET /a?q=../../etc/passwd"#),
        format!(r#"192.0.2.1 - - {TIME} "GET /a?q=../../etc/passwd HTTP/1.1""#),
        format!(r#"192.0.2.1 - - {TIME} "GET /a?q=../../etc/passwd HTTP/1.1" 200 5 "htt"#),
        r#"{"remote_addr":"192.0.2.1","request_method":"GET","request_uri":"/a?q=../../etc/passwd"#
            .to_owned(),
    ] {
        let parsed = try_parse(line.as_bytes(), Format::Auto, &Proxies::default(), true).unwrap();
        assert_eq!(
            parsed.text(parsed.request.query),
            "q=../../etc/passwd",
            "{line}"
        );
        assert_eq!(
            parsed.request.source_ip,
            Some("192.0.2.1".parse().unwrap()),
            "{line}"
        );
    }
}

#[test]
fn lines_that_are_none_are_refused() {
    for (line, error) in [
        (String::new(), ParseError::Empty),
        (" \t ".to_owned(), ParseError::Empty),
        ("hello".to_owned(), ParseError::NotAnAccessLog),
        (
            r#"2026/11/20 12:00:00 7#7: *1 open() "/x" failed"#.to_owned(),
            ParseError::NotAnAccessLog,
        ),
        (
            format!(r#"192.0.2.1 - - {TIME} "GET / HTTP"#),
            ParseError::OpenRequest,
        ),
        (
            format!(r#"192.0.2.1 - - {TIME} "GET / HTTP/1.1""#),
            ParseError::NoStatus,
        ),
        (
            format!(r#"192.0.2.1 - - {TIME} "GET / HTTP/1.1" ok"#),
            ParseError::NoStatus,
        ),
        ("{}".to_owned(), ParseError::NoRequest),
        (
            r#"{"request":"GET / HTTP/1.1""#.to_owned(),
            ParseError::BadJson,
        ),
        (
            r#"{"level":"info","msg":"started"}"#.to_owned(),
            ParseError::NoRequest,
        ),
    ] {
        let found = try_parse(line.as_bytes(), Format::Auto, &Proxies::default(), false);
        assert_eq!(found.err(), Some(error), "{line}");
    }
}
