//! Frames as clients send them: good, odd and hostile.

use proptest::prelude::*;

use super::*;

fn text_id(id: &str) -> RequestId {
    RequestId::Text(id.to_owned())
}

fn refused(text: &str) -> FrameError {
    ClientFrame::decode(text).unwrap_err()
}

fn subscribed(text: &str) -> Subscribe {
    match ClientFrame::decode(text).unwrap().command {
        Command::Subscribe(subscribe) => subscribe,
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
    assert_eq!(
        number,
        ClientFrame {
            id: Some(RequestId::Number(7.into())),
            command: Command::Ping
        }
    );
    assert_eq!(serde_json::to_string(&number.id).unwrap(), "7");
    assert_eq!(ClientFrame::decode(r#"{"type":"ping"}"#).unwrap().id, None);
    assert_eq!(
        refused(r#"{"id":[1],"type":"ping"}"#).code,
        ErrorCode::Invalid
    );
    let long = format!(r#"{{"id":"{}","type":"ping"}}"#, "x".repeat(129));
    assert!(refused(&long).message.contains("128 bytes"));
}

#[test]
fn other_commands() {
    for (text, command) in [
        (
            r#"{"type":"unsubscribe","channel":"alerts"}"#,
            Command::Unsubscribe {
                channel: "alerts".into(),
            },
        ),
        (
            r#"{"type":"acknowledge","data":{"alert_id":"0192"}}"#,
            Command::Acknowledge {
                alert_id: "0192".into(),
            },
        ),
        (
            r#"{"type":"auth","data":{"token":"a.b.c"}}"#,
            Command::Auth {
                token: Token("a.b.c".into()),
            },
        ),
        (r#"{"type":"pong","unknown":{"deep":[1,2]}}"#, Command::Pong),
    ] {
        assert_eq!(ClientFrame::decode(text).unwrap().command, command);
    }
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
            "`data` is not",
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
            r#"{"id":"1","type":"subscribe","channel":"a","data":{"filter":"x"}}"#,
            ErrorCode::Unsupported,
            "`data.filter`",
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
    let deep = format!(
        r#"{{"type":"ping","data":{}{}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    assert!(ClientFrame::decode(&deep).is_err());
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
            r#"{{"id":{id},"type":{kind},"channel":{channel},"data":{{"since":{since},"min_severity":{severity},"token":{id}}}}}"#
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
            channel, since: Some(Since::Position { epoch: "e".into(), offset }), min_severity: None,
        };
        prop_assert_eq!(frame.command, Command::Subscribe(expected));
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
