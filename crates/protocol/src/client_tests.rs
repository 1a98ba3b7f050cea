//! Frames as clients send them: good, odd and hostile.

use proptest::prelude::*;

use super::*;
use crate::{Batch, Lane, Since};

fn text_id(id: &str) -> RequestId {
    RequestId::Text(id.to_owned())
}

fn refused(text: &str) -> FrameError {
    ClientFrame::decode(text).unwrap_err()
}

fn subscribed(text: &str) -> Subscribe {
    match ClientFrame::decode(text).unwrap().command {
        Command::Subscribe(subscribe) => *subscribe,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_subscription_in_full() {
    let text = r#"{"id":"7","type":"subscribe","channel":"threats",
        "data":{"since":{"epoch":"k3f9","offset":1042},"min_severity":"high"}}"#;
    assert_eq!(ClientFrame::decode(text).unwrap().id, Some(text_id("7")));
    assert_eq!(
        subscribed(text),
        Subscribe {
            channel: "threats".into(),
            since: Some(Since::Position {
                epoch: "k3f9".into(),
                offset: 1042
            }),
            min_severity: Some("high".into()),
            ..Subscribe::default()
        }
    );
}

#[test]
fn the_channel_may_stand_in_several_places() {
    for (text, channel) in [
        (r#"{"type":"subscribe","channel":"alerts"}"#, "alerts"),
        (
            r#"{"type":"subscribe","data":{"channel":"alerts"}}"#,
            "alerts",
        ),
        (
            r#"{"type":"subscribe","channel":"alerts","data":{"channel":"alerts"}}"#,
            "alerts",
        ),
        (
            r#"{"type":"subscribe","data":{"investigation_id":"42"}}"#,
            "investigations:42",
        ),
        (
            r#"{"type":"subscribe","data":{"investigation_id":42}}"#,
            "investigations:42",
        ),
        (
            r#"{"type":"subscribe","channel":"\u0061lerts","data":null}"#,
            "alerts",
        ),
    ] {
        assert_eq!(subscribed(text).channel, channel, "{text}");
    }
    let both = r#"{"type":"subscribe","channel":"alerts","data":{"channel":"threats"}}"#;
    assert!(refused(both).message.contains("two channels"));
}

#[test]
fn an_id_is_text_or_a_number() {
    let number = ClientFrame::decode(r#"{"id":7,"type":"ping"}"#).unwrap();
    assert_eq!(number.id, Some(RequestId::Number(7.into())));
    assert!(matches!(number.command, Command::Ping));
    assert_eq!(serde_json::to_string(&number.id).unwrap(), "7");
    assert_eq!(ClientFrame::decode(r#"{"type":"ping"}"#).unwrap().id, None);
    assert_eq!(
        refused(r#"{"id":[1],"type":"ping"}"#).code,
        ErrorCode::Invalid
    );
    let long = format!(r#"{{"id":"{}","type":"ping"}}"#, "x".repeat(129));
    assert!(refused(&long).message.contains("128 bytes"));
}

/// A command as `Debug` writes it.
fn command(text: &str) -> String {
    format!("{:?}", ClientFrame::decode(text).unwrap().command)
}

#[test]
fn other_commands() {
    for (text, expected) in [
        (
            r#"{"type":"unsubscribe","channel":"alerts"}"#,
            r#"Unsubscribe { channel: "alerts", durable: None }"#,
        ),
        (
            r#"{"type":"unsubscribe","channel":"alerts","data":{"durable":"desk"}}"#,
            r#"Unsubscribe { channel: "alerts", durable: Some("desk") }"#,
        ),
        (
            r#"{"type":"acknowledge","data":{"alert_id":"0192"}}"#,
            r#"Acknowledge { alert_id: "0192" }"#,
        ),
        (
            r#"{"type":"auth","data":{"token":"a.b.c"}}"#,
            "Auth { token: Token(…) }",
        ),
        (r#"{"type":"pong","unknown":{"deep":[1,2]}}"#, "Pong"),
        (r#"{"type":"status"}"#, "Status"),
        (
            r#"{"type":"presence","data":{"session_id":"ab12"}}"#,
            r#"Presence { channel: "chat:ab12" }"#,
        ),
        (
            r#"{"type":"typing","channel":"chat:1","data":{"typing":false}}"#,
            r#"Typing { channel: "chat:1", typing: false }"#,
        ),
        (
            r#"{"type":"typing","channel":"chat:1"}"#,
            r#"Typing { channel: "chat:1", typing: true }"#,
        ),
        (
            r#"{"type":"chat","data":{"session_id":"1","message":"hi","idempotency_key":"k"}}"#,
            r#"Chat(Chat { channel: "chat:1", message: "hi", idempotency_key: Some("k") })"#,
        ),
        (
            r#"{"type":"ack","channel":"alerts","data":{"durable":"desk","offset":7}}"#,
            r#"Ack { durable: "desk", channel: "alerts", offset: 7 }"#,
        ),
        (
            r#"{"type":"history","data":{"analysis_id":9,"limit":5,"since":{"last":3}}}"#,
            r#"History(History { channel: "analysis:9", since: Some(Last(3)), limit: Some(5), min_severity: None, filter: None, fields: [], ignored: [] })"#,
        ),
        (
            r#"{"type":"publish","channel":"investigations:4","data":{"type":"investigation.finding","severity":"low","data":{"a":1},"idempotency_key":"k"}}"#,
            r#"Publish(Publish { channel: "investigations:4", kind: Some("investigation.finding"), severity: Some("low"), data: RawValue({"a":1}), idempotency_key: Some("k") })"#,
        ),
        (
            r#"{"type":"publish","channel":"investigations:4","data":{"text":"hi"}}"#,
            r#"Publish(Publish { channel: "investigations:4", kind: None, severity: None, data: RawValue({"text":"hi"}), idempotency_key: None })"#,
        ),
    ] {
        assert_eq!(command(text), expected, "{text}");
    }
}

#[test]
fn anything_is_published_and_what_stands_beside_it_counts() {
    for (text, expected) in [
        (
            r#"{"type":"publish","channel":"chat:1","data":"hello"}"#,
            r#"Publish(Publish { channel: "chat:1", kind: None, severity: None, data: RawValue("hello"), idempotency_key: None })"#,
        ),
        (
            r#"{"type":"publish","session_id":1,"data":[1,2],"idempotency_key":"k","severity":"low"}"#,
            r#"Publish(Publish { channel: "chat:1", kind: None, severity: Some("low"), data: RawValue([1,2]), idempotency_key: Some("k") })"#,
        ),
        (
            r#"{"type":"publish","channel":"chat:1","data":{"type":"message","data":null,"idempotency_key":"k"},"idempotency_key":"other"}"#,
            r#"Publish(Publish { channel: "chat:1", kind: Some("message"), severity: None, data: RawValue(null), idempotency_key: Some("k") })"#,
        ),
        (
            r#"{"type":"publish","channel":"chat:1","data":{"channel":"mail","session_id":{}}}"#,
            r#"Publish(Publish { channel: "chat:1", kind: None, severity: None, data: RawValue({"channel":"mail","session_id":{}}), idempotency_key: None })"#,
        ),
        (
            r#"{"type":"publish","data":{"channel":"chat:1","text":"hi"}}"#,
            r#"Publish(Publish { channel: "chat:1", kind: None, severity: None, data: RawValue({"channel":"chat:1","text":"hi"}), idempotency_key: None })"#,
        ),
        (
            r#"{"type":"chat","session_id":"1","message":"hi","data":{"idempotency_key":"k"}}"#,
            r#"Chat(Chat { channel: "chat:1", message: "hi", idempotency_key: Some("k") })"#,
        ),
        (
            r#"{"type":"auth","token":"a.b.c"}"#,
            "Auth { token: Token(…) }",
        ),
        (
            r#"{"type":"ack","channel":"alerts","durable":"desk","offset":7}"#,
            r#"Ack { durable: "desk", channel: "alerts", offset: 7 }"#,
        ),
    ] {
        assert_eq!(command(text), expected, "{text}");
    }
    let empty =
        r#"{"type":"chat","channel":"chat:1","data":{"message":"hi","idempotency_key":""}}"#;
    assert!(refused(empty).message.contains("is empty"));
}

#[test]
fn a_list_is_no_object_though_it_has_the_same_values_in_order() {
    for (text, code) in [
        (r#"["7","ping",null,null]"#, ErrorCode::Malformed),
        (
            r#"{"type":"unsubscribe","data":["alerts"]}"#,
            ErrorCode::Invalid,
        ),
        (
            r#"{"type":"unsubscribe","channel":"alerts","data":{"durable":""}}"#,
            ErrorCode::Invalid,
        ),
        (
            r#"{"type":"subscribe","channel":"alerts","data":{"batch":[5,5]}}"#,
            ErrorCode::Invalid,
        ),
    ] {
        let error = refused(text);
        assert_eq!(error.code, code, "{text}");
        assert!(!error.message.contains("struct"), "{error}");
    }
}

#[test]
fn an_id_comes_back_as_it_was_or_is_refused() {
    for (id, told) in [
        ("18446744073709551615", Some("18446744073709551615")),
        ("-9223372036854775808", Some("-9223372036854775808")),
        ("1.5", Some("1.5")),
        ("-0", Some("-0.0")),
        ("18446744073709551616", None),
        ("12345678901234567890123", None),
    ] {
        let read = ClientFrame::decode(&format!(r#"{{"id":{id},"type":"ping"}}"#));
        let read = read
            .ok()
            .map(|frame| serde_json::to_string(&frame.id).unwrap());
        assert_eq!(read.as_deref(), told, "{id}");
    }
}

#[test]
fn every_option_of_a_subscription() {
    let asked = subscribed(
        r#"{"type":"subscribe","channel":"threats","data":{"filter":{"severity":"high"},
        "fields":["score","source.ip"],"batch":{"max_wait_ms":50},"lane":"bulk","conflate":"source.ip",
        "durable":"desk"}}"#,
    );
    assert_eq!(asked.filter.unwrap().severity, ["high"]);
    assert_eq!(asked.fields, ["score", "source.ip"]);
    assert_eq!(
        asked.batch,
        Some(Batch {
            max_wait_ms: 50,
            max_messages: 100
        })
    );
    assert_eq!(asked.lane, Some(Lane::Bulk));
    assert_eq!(asked.conflate.as_deref(), Some("source.ip"));
    assert_eq!(asked.durable.as_deref(), Some("desk"));
}

#[test]
fn a_wrong_option_is_named() {
    for (option, said) in [
        (r#""filter":7"#, "`data.filter`: invalid type"),
        (r#""fields":["a..b"]"#, "`data.fields`"),
        (r#""fields":"a""#, "`data.fields`"),
        (r#""batch":{"max_messages":0}"#, "`data.batch` may have"),
        (r#""batch":{"wait":1}"#, "`data.batch`: unknown field"),
        (r#""lane":"fast""#, "`data.lane`: unknown variant `fast`"),
        (r#""lane":"control""#, "`data.lane`"),
        (r#""conflate":"""#, "`data.conflate`"),
        (r#""durable":"a b""#, "`data.durable`"),
    ] {
        let text = format!(r#"{{"type":"subscribe","channel":"a","data":{{{option}}}}}"#);
        let error = refused(&text);
        assert_eq!(error.code, ErrorCode::Invalid, "{text}");
        assert!(error.message.contains(said), "{text}: {}", error.message);
    }
    let history = r#"{"type":"history","channel":"a","data":{"limit":5000}}"#;
    assert!(refused(history).message.contains("1 to 1000"));
    let publish = r#"{"type":"publish","channel":"a","data":{"data":1,"kind":"x"}}"#;
    assert!(refused(publish).message.contains("unknown field"));
}

#[test]
fn what_is_wrong_is_said() {
    for (text, code, said) in [
        ("", ErrorCode::Malformed, "JSON"),
        ("[]", ErrorCode::Malformed, "JSON"),
        (r#"{"type":"ping""#, ErrorCode::Malformed, "JSON"),
        (r#"{"id":"1"}"#, ErrorCode::Invalid, "`type` is missing"),
        (
            r#"{"id":"1","type":5}"#,
            ErrorCode::Invalid,
            "`type` must be a string",
        ),
        (
            r#"{"id":"1","type":"dance"}"#,
            ErrorCode::UnknownType,
            "`dance` is no command: use subscribe",
        ),
        (
            r#"{"id":"1","type":"subscribe"}"#,
            ErrorCode::Invalid,
            "`channel` is missing",
        ),
        (
            r#"{"id":"1","type":"subscribe","channel":"a b"}"#,
            ErrorCode::Invalid,
            "`channel` may have",
        ),
        (
            r#"{"id":"1","type":"subscribe","channel":"a","data":7}"#,
            ErrorCode::Invalid,
            "`data` must be an object",
        ),
        (
            r#"{"id":"1","type":"subscribe","channel":"a","data":{"since":{"offset":1}}}"#,
            ErrorCode::Invalid,
            "epoch",
        ),
        (
            r#"{"id":"1","type":"subscribe","channel":"a","data":{"min_severity":3}}"#,
            ErrorCode::Invalid,
            "`data.min_severity`",
        ),
        (
            r#"{"id":"1","type":"chat","channel":"chat:1","data":{}}"#,
            ErrorCode::Invalid,
            "`data.message` is missing",
        ),
        (
            r#"{"id":"1","type":"acknowledge"}"#,
            ErrorCode::Invalid,
            "`data.alert_id` is missing",
        ),
        (
            r#"{"id":"1","type":"auth"}"#,
            ErrorCode::Invalid,
            "`data.token` is missing",
        ),
    ] {
        let error = refused(text);
        assert_eq!(error.code, code, "{text}");
        assert!(error.message.contains(said), "{text}: {}", error.message);
        if code != ErrorCode::Malformed {
            assert_eq!(error.reply_to, Some(text_id("1")), "{text}");
        }
    }
}

#[test]
fn a_token_is_never_shown() {
    let frame = ClientFrame::decode(r#"{"type":"auth","data":{"token":"secret"}}"#).unwrap();
    assert!(!format!("{frame:?}").contains("secret"));
    let wrong = refused(r#"{"type":"auth","data":{"token":["secret"]}}"#);
    assert!(!format!("{wrong:?} {wrong}").contains("secret"));
}

#[test]
fn depth_is_bounded() {
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    for text in [
        format!(r#"{{"type":"publish","channel":"a","data":{deep}}}"#),
        format!(r#"{{"type":"publish","channel":"a","data":{{"x":{deep}}}}}"#),
        format!(r#"{{"type":"subscribe","channel":"a","data":{{"filter":{deep}}}}}"#),
        format!(r#"{{"type":"subscribe","channel":"a","data":{deep}}}"#),
    ] {
        assert!(ClientFrame::decode(&text).is_err());
    }
}

proptest! {
    #[test]
    fn any_text_is_no_panic(text in "\\PC{0,200}") {
        _ = ClientFrame::decode(&text);
    }

    #[test]
    fn any_values_are_no_panic(
        id in json(), kind in prop_oneof![json(), Just("\"subscribe\"".to_owned()), Just("\"auth\"".to_owned())],
        channel in json(), since in json(), severity in json(),
    ) {
        let text = format!(
            r#"{{"id":{id},"type":{kind},"channel":{channel},"data":{{"since":{since},"min_severity":{severity},"token":{id},
                "filter":{since},"fields":{severity},"batch":{since},"lane":{id},"conflate":{id},"durable":{id},
                "limit":{id},"offset":{id},"message":{severity},"typing":{id}}}}}"#
        );
        if let Ok(frame) = ClientFrame::decode(&text)
            && let Command::Subscribe(subscribe) = frame.command
        {
            prop_assert!(is_channel_name(&subscribe.channel));
        }
    }

    #[test]
    fn channels_round_trip(channel in "[a-z][a-z0-9._:*-]{0,60}", offset: u64) {
        let text = serde_json::json!({
            "id": offset, "type": "subscribe", "channel": channel,
            "data": { "since": { "epoch": "e", "offset": offset } },
        });
        let frame = ClientFrame::decode(&text.to_string()).unwrap();
        prop_assert_eq!(frame.id, Some(RequestId::Number(offset.into())));
        let expected = Subscribe {
            channel,
            since: Some(Since::Position { epoch: "e".into(), offset }),
            ..Subscribe::default()
        };
        match frame.command {
            Command::Subscribe(read) => prop_assert_eq!(*read, expected),
            other => prop_assert!(false, "{other:?}"),
        }
    }
}

fn json() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("null".to_owned()),
        Just("{}".to_owned()),
        Just("[[]]".to_owned()),
        any::<f64>().prop_map(|number| serde_json::json!(number).to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        "\\PC{0,300}".prop_map(|text| serde_json::json!(text).to_string()),
        any::<u64>().prop_map(|n| format!(r#"{{"epoch":"a","offset":{n}}}"#)),
    ]
}
