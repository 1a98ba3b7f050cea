//! Every server frame as it stands on the wire, and read back.

use super::*;
use crate::GapReason;

fn position(offset: u64) -> Position {
    Position {
        epoch: "k3f9".into(),
        offset,
    }
}

fn heartbeat() -> Heartbeat {
    Heartbeat {
        server_time: "2026-11-20T12:00:00.000Z".into(),
        positions: BTreeMap::from([("threats".to_owned(), position(7))]),
    }
}

fn check(message: Message, channel: Option<&str>, expected: &str) {
    let frame = ServerFrame {
        reply_to: Some(RequestId::Text("7".into())),
        channel: channel.map(str::to_owned),
        message,
    };
    let text = frame.encode();
    assert_eq!(text, expected);
    match Incoming::decode(&text).unwrap() {
        Incoming::Frame(read) => assert_eq!(read.encode(), text),
        other => panic!("{other:?}"),
    }
}

#[test]
fn answers() {
    let subscribed = Subscribed {
        position: Some(position(7)),
        head: Some(position(9)),
        recovered: true,
        min_severity: Some("high".into()),
        lane: Lane::Normal,
        durable: None,
        ignored: Vec::new(),
    };
    check(
        Message::Subscribed(subscribed),
        Some("threats"),
        r#"{"type":"subscribed","reply_to":"7","channel":"threats","data":{"position":{"epoch":"k3f9","offset":7},"head":{"epoch":"k3f9","offset":9},"recovered":true,"min_severity":"high","lane":"normal"}}"#,
    );
    check(
        Message::Unsubscribed(Unsubscribed {
            channel: "threats".into(),
            durable: None,
        }),
        Some("threats"),
        r#"{"type":"unsubscribed","reply_to":"7","channel":"threats","data":{"channel":"threats"}}"#,
    );
    check(
        Message::Pong(heartbeat()),
        None,
        r#"{"type":"pong","reply_to":"7","data":{"server_time":"2026-11-20T12:00:00.000Z","positions":{"threats":{"epoch":"k3f9","offset":7}}}}"#,
    );
    let alert =
        RawValue::from_string(r#"{"id":"0192","state":"acknowledged"}"#.to_owned()).unwrap();
    check(
        Message::Acknowledged(Acknowledged { alert }),
        None,
        r#"{"type":"acknowledged","reply_to":"7","data":{"alert":{"id":"0192","state":"acknowledged"}}}"#,
    );
    let authenticated = Authenticated {
        subject: "anna".into(),
        role: "viewer".into(),
        expires_at: None,
        channels: vec!["threats".into()],
    };
    check(
        Message::Authenticated(authenticated),
        None,
        r#"{"type":"authenticated","reply_to":"7","data":{"subject":"anna","role":"viewer","channels":["threats"]}}"#,
    );
}

#[test]
fn answers_of_rooms() {
    let published = PublishedSaid {
        id: "0192".into(),
        position: position(7),
        duplicate: false,
    };
    check(
        Message::Published(published),
        Some("chat:1"),
        r#"{"type":"published","reply_to":"7","channel":"chat:1","data":{"id":"0192","position":{"epoch":"k3f9","offset":7},"duplicate":false}}"#,
    );
    let member = Member {
        connection_id: "c".into(),
        user: "anna".into(),
        joined_at: "t".into(),
    };
    let presence = PresenceSaid {
        members: vec![member],
        connections: 1,
        users: 1,
    };
    check(
        Message::Presence(presence),
        Some("chat:1"),
        r#"{"type":"presence","reply_to":"7","channel":"chat:1","data":{"members":[{"connection_id":"c","user":"anna","joined_at":"t"}],"connections":1,"users":1}}"#,
    );
    let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
    let history = HistorySaid {
        items: vec![raw(r#"{"offset":7}"#)],
        position: position(7),
        head: position(9),
        more: true,
        gaps: Vec::new(),
        ignored: Vec::new(),
    };
    check(
        Message::History(history),
        Some("chat:1"),
        r#"{"type":"history","reply_to":"7","channel":"chat:1","data":{"items":[{"offset":7}],"position":{"epoch":"k3f9","offset":7},"head":{"epoch":"k3f9","offset":9},"more":true}}"#,
    );
    let cursor = DurableCursor {
        durable: "desk".into(),
        channel: "alerts".into(),
        position: position(7),
    };
    check(
        Message::Acked(cursor),
        None,
        r#"{"type":"acked","reply_to":"7","data":{"durable":"desk","channel":"alerts","position":{"epoch":"k3f9","offset":7}}}"#,
    );
    let notification = Notification {
        id: "i".into(),
        timestamp: "t".into(),
        from: "root".into(),
        message: raw(r#"{"text":"hi"}"#),
    };
    check(
        Message::Notification(notification),
        None,
        r#"{"type":"notification","reply_to":"7","data":{"id":"i","timestamp":"t","from":"root","message":{"text":"hi"}}}"#,
    );
}

#[test]
fn the_answer_to_status() {
    let status = StatusSaid {
        server_time: "t".into(),
        connection_id: "c".into(),
        connection_type: "chat".into(),
        subject: "anna".into(),
        role: "viewer".into(),
        connected_ms: 5,
        subscriptions: vec![SubscriptionSaid {
            channel: "chat:*".into(),
            position: None,
            lane: Lane::Bulk,
            rooms: Some(3),
            durable: None,
        }],
    };
    check(
        Message::Status(status),
        None,
        r#"{"type":"status","reply_to":"7","data":{"server_time":"t","connection_id":"c","connection_type":"chat","subject":"anna","role":"viewer","connected_ms":5,"subscriptions":[{"channel":"chat:*","lane":"bulk","rooms":3}]}}"#,
    );
}

#[test]
fn errors_and_gaps() {
    check(
        Message::Error(ErrorBody::new(ErrorCode::Forbidden, "no")),
        None,
        r#"{"type":"error","reply_to":"7","data":{"code":"forbidden","message":"no","retryable":false}}"#,
    );
    let gap = Gap {
        epoch: "k3f9".into(),
        from: 3,
        to: 5,
        missed: 3,
        by_severity: BTreeMap::from([("high".to_owned(), 3)]),
        reason: GapReason::SlowConsumer,
    };
    check(
        Message::Gap(gap),
        Some("threats"),
        r#"{"type":"gap","reply_to":"7","channel":"threats","data":{"epoch":"k3f9","from":3,"to":5,"missed":3,"by_severity":{"high":3},"reason":"slow_consumer"}}"#,
    );
}

#[test]
fn what_comes_unasked() {
    check(
        Message::Ping(heartbeat()),
        None,
        r#"{"type":"ping","reply_to":"7","data":{"server_time":"2026-11-20T12:00:00.000Z","positions":{"threats":{"epoch":"k3f9","offset":7}}}}"#,
    );
    check(
        Message::Expiring(Expiring {
            expires_at: "2026-11-20T12:01:00.000Z".into(),
        }),
        None,
        r#"{"type":"expiring","reply_to":"7","data":{"expires_at":"2026-11-20T12:01:00.000Z"}}"#,
    );
    let welcome = Welcome {
        connection_id: "c".into(),
        server_time: "t".into(),
        node: "n".into(),
        protocol_version: 1,
        subject: "anna".into(),
        role: "viewer".into(),
        expires_at: None,
        connection_type: "general".into(),
        channels: vec!["threats".into()],
        durable: Vec::new(),
        ping_interval_ms: 30_000,
        limits: LimitsSaid {
            max_message_bytes: 1,
            max_subscriptions: 2,
            max_rooms: 6,
            max_publish_bytes: 7,
            messages_per_second: 3,
            message_burst: 4,
            silence_ms: 5,
        },
    };
    check(
        Message::Welcome(welcome),
        None,
        r#"{"type":"welcome","reply_to":"7","data":{"connection_id":"c","server_time":"t","node":"n","protocol_version":1,"subject":"anna","role":"viewer","connection_type":"general","channels":["threats"],"ping_interval_ms":30000,"limits":{"max_message_bytes":1,"max_subscriptions":2,"max_rooms":6,"max_publish_bytes":7,"messages_per_second":3,"message_burst":4,"silence_ms":5}}}"#,
    );
}

#[test]
fn a_client_passes_over_what_it_does_not_know() {
    assert!(matches!(
        Incoming::decode(r#"{"type":"news","data":[1]}"#).unwrap(),
        Incoming::Other(kind) if kind == "news"
    ));
    assert!(Incoming::decode(r#"{"type":"gap","data":{}}"#).is_err());
    let item = r#"{"type":"threat.new","id":"i","channel":"threats","epoch":"k","offset":1,"timestamp":"t","data":{"a":1}}"#;
    match Incoming::decode(item).unwrap() {
        Incoming::Publication(received) => {
            assert_eq!((received.offset, received.data.get()), (1, r#"{"a":1}"#));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn gap_reasons_are_named_as_serde_writes_them() {
    for reason in GapReason::ALL {
        assert_eq!(
            serde_json::to_string(&reason).unwrap(),
            format!("\"{}\"", reason.name())
        );
    }
}
