//! What holds for every line, however it was made.

use proptest::collection::vec;
use proptest::prelude::*;
use vigil_decode::{Decoder, Format, Proxies, Request, parse};
use vigil_event::{Decodings, Event, Field, Record, Timestamp};

use super::{READ_AT, parsed, views};

/// Bytes that look enough like a log to get far into the parser.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        vec(any::<u8>(), 0..12),
        "[ -~]{0,20}".prop_map(String::into_bytes),
        prop::sample::select(vec![
            "192.0.2.1",
            "[::1]:80",
            "host:443",
            " - - ",
            " [20/Nov/2026:12:00:00 +0000] ",
            "] \"",
            "\"",
            "\\\"",
            "\\x22",
            "GET /",
            " HTTP/1.1",
            "\" 200 5",
            " \"-\"",
            "{\"",
            "\":",
            "{",
            "}",
            "[",
            ",",
            "\"request\":\"",
            "\"request_uri\":\"/",
            "\"url\":{\"path\":\"/",
            "\"event_type\":\"alert\",\"src_ip\":\"192.0.2.1\",",
            "\"http\":{\"url\":\"/",
            "\\u00",
            "\\ud83d",
            "%",
            "%25",
            "%c0%af",
            "%u00",
            "&lt",
            "&#x",
            "../",
            "\\..\\",
            ";",
            "+",
            "\u{ff1c}",
            "?",
        ])
        .prop_map(|text: &str| text.as_bytes().to_vec()),
    ];
    vec(word, 0..24).prop_map(|words| words.concat())
}

fn format() -> impl Strategy<Value = Format> {
    prop::sample::select(Format::ALL.to_vec())
}

fn spans_are_inside(request: &Request, bytes: &[u8]) -> bool {
    [
        request.user,
        request.method,
        request.target,
        request.path,
        request.query,
        request.host,
        request.version,
        request.user_agent,
        request.referrer,
        request.cookie,
    ]
    .into_iter()
    .all(|span| span.start() <= span.end() && span.end() <= bytes.len())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn nothing_leaves_its_bounds(before in vec(any::<u8>(), 0..8), line in line(), truncated: bool, format in format()) {
        let mut bytes = [before.as_slice(), &line, b"\" 200 5 \"next\""].concat();
        let length = bytes.len();
        let record = Record { start: before.len() as u32, len: line.len() as u32, offset: 0, truncated };
        let proxies = Proxies::new(vec!["192.0.2.0/24".parse().unwrap()]);
        let parsed = parse(&mut bytes, &record, format, &proxies, READ_AT);
        prop_assert!(bytes.len() <= length + 2 * line.len());
        if let Ok(request) = parsed {
            prop_assert!(spans_are_inside(&request, &bytes));
            let mut event = Event::new();
            Decoder::new().decode(&bytes, &record, &request, &mut event);
            prop_assert!(event.views().count() <= Event::MAX_VIEWS);
            prop_assert!(event.decode_depth <= 5);
            for field in Field::ALL {
                let texts: Vec<_> = event.views_of(field).map(|view| view.text).collect();
                prop_assert!(texts.len() <= 12 || field == Field::ParameterName || field == Field::ParameterValue);
            }
            for decoded in event.views().filter(|view| !view.decodings.is_raw()) {
                prop_assert_ne!(Some(decoded.text), event.raw(decoded.field));
            }
        }
    }

    /// Six layers, the least that the bound can stop, need thirteen characters.
    #[test]
    fn what_is_decoded_stays_decoded(value in "[%2536uxX&ampltg;#0{}+\\\\a-c\\.\u{ff0f}\u{ff05}\u{c0}]{0,12}") {
        let first = decoded_agent(&value);
        prop_assert_eq!(&decoded_agent(&first), &first);
    }

    #[test]
    fn layers_of_encoding_come_off(plain in "[a-z<>'\"/()=; ]{1,20}", layers in vec(0..6_u8, 0..5)) {
        let mut value = plain.clone();
        for layer in layers {
            value = encoded(&value, layer);
        }
        prop_assert_eq!(decoded_agent(&value), plain);
    }

    #[test]
    fn marks_that_nobody_sees_make_no_difference(
        plain in "[a-z<>'/()=; ]{1,20}",
        marks in vec(prop::sample::select(vec!["", "\u{200b}", "\u{feff}", "\u{ad}", "\u{202e}", "%E2%80%8D", "\\u200c"]), 20),
    ) {
        let hidden: String = plain.chars().zip(marks).flat_map(|(letter, mark)| [letter.to_string(), mark.to_owned()]).collect();
        prop_assert_eq!(decoded_agent(&hidden), plain);
    }

    #[test]
    fn what_is_peeled_is_text(words in vec("[A-Za-z0-9+/_-]{0,40}", 0..6)) {
        let event = parsed(format!(r#"192.0.2.1 - - [-] "GET /?d={} HTTP/1.1" 200 5"#, words.join("/"))).event();
        for view in event.views().filter(|view| view.decodings == Decodings::BASE64) {
            prop_assert!(view.text.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r')));
        }
    }

    #[test]
    fn a_well_formed_line_is_read_back(
        fields in (any::<std::net::IpAddr>(), "[a-zA-Z0-9_ -]{0,12}", "[A-Z]{1,10}", "/[!-~&&[^\"\\\\?]]{0,40}", "[!-~&&[^\"\\\\]]{0,40}"),
        numbers in (100_u16..600, any::<u64>(), 0_i64..253_402_300_799),
        tail in ("[ -~&&[^\"\\\\]]{1,40}", "[ -~&&[^\"\\\\]]{1,60}"),
        json: bool,
    ) {
        let (ip, user, method, path, query) = fields;
        let (status, size, seconds) = numbers;
        let (referrer, agent) = tail;
        let moment = Timestamp::from_millis(seconds * 1_000);
        let target = if query.is_empty() { path.clone() } else { format!("{path}?{query}") };
        let line = if json {
            serde_json::json!({
                "time_iso8601": moment.to_string(), "remote_addr": ip.to_string(), "remote_user": user,
                "request": format!("{method} {target} HTTP/1.1"), "status": status, "body_bytes_sent": size.to_string(),
                "http_referer": referrer, "http_user_agent": agent,
            })
            .to_string()
        } else {
            format!(r#"{ip} - {user} [{moment}] "{method} {target} HTTP/1.1" {status} {size} "{referrer}" "{agent}""#)
        };
        let parsed = parsed(line);
        let request = parsed.request;
        let unless_dash = |text: String| if text == "-" { String::new() } else { text };
        prop_assert_eq!(request.occurred_at, moment);
        prop_assert_eq!(request.source_ip, Some(ip.to_canonical()));
        prop_assert_eq!((request.status, request.body_bytes), (status, size));
        for (span, expected) in [
            (request.user, unless_dash(user)), (request.method, method), (request.target, target), (request.path, path), (request.query, query),
            (request.version, "1.1".to_owned()), (request.referrer, unless_dash(referrer)), (request.user_agent, unless_dash(agent)),
        ] {
            prop_assert_eq!(parsed.text(span), expected);
        }
    }
}

/// The value as a user agent, decoded but not read in any further way.
fn decoded_agent(value: &str) -> String {
    let line =
        serde_json::json!({"request": "GET / HTTP/1.1", "http_user_agent": value}).to_string();
    let event = parsed(line).event();
    let decoded = views(&event, Field::UserAgent).into_iter();
    let mut unread =
        decoded.filter(|(_, decodings)| decodings.kind() == vigil_event::ViewKind::Decoded);
    unread
        .next()
        .map_or_else(|| value.to_owned(), |(text, _)| text)
}

/// The value wrapped in one more layer.
fn encoded(value: &str, layer: u8) -> String {
    let each = |write: fn(u32) -> String| {
        value
            .chars()
            .map(|character| write(u32::from(character)))
            .collect()
    };
    match layer {
        0 => each(|code| format!("%{code:02x}")),
        1 => each(|code| format!("&#{code};")),
        2 => each(|code| format!("&#x{code:X};")),
        3 => each(|code| format!("\\u{code:04x}")),
        4 => each(|code| format!("\\x{code:02X}")),
        _ => value
            .replace('%', "%25")
            .replace('<', "%3C")
            .replace('/', "%2F")
            .replace('&', "%26"),
    }
}
