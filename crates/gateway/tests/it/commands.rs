//! What each command does, and what is answered when it does not.

use serde_json::json;
use vigil_auth::{Grant, Rights, Role};
use vigil_event::Severity;

use crate::client::connect;
use crate::server::{START, Server, Setup, principal};

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_hears_what_is_published() {
    let server = Server::start(Setup::default()).await;
    let mut client = connect(&server, "/ws").await;
    server.publish(1, Severity::High, 0);
    client
        .send(json!({"id": 7, "type": "subscribe", "channel": "threats"}))
        .await;
    let subscribed = client.frame().await;
    assert_eq!(subscribed["reply_to"], 7);
    assert_eq!(subscribed["channel"], "threats");
    assert_eq!(
        subscribed["data"],
        json!({"position": {"epoch": "e1", "offset": 1}, "head": {"epoch": "e1", "offset": 1}, "recovered": true, "lane": "normal"})
    );
    server.publish(2, Severity::High, 0);
    let frame = client.frame().await;
    assert_eq!(frame["type"], "threat.new");
    assert_eq!(frame["channel"], "threats");
    assert_eq!(frame["epoch"], "e1");
    assert_eq!(frame["offset"], 2);
    assert_eq!(frame["timestamp"], START.to_string());
    assert_eq!(frame["data"], json!({"number": 2, "padding": ""}));

    let again = client
        .ask(json!({"type": "subscribe", "channel": "threats"}))
        .await;
    assert_eq!(again["data"]["code"], "already_subscribed");
    let unsubscribed = client
        .ask(json!({"type": "unsubscribe", "channel": "threats"}))
        .await;
    assert_eq!(unsubscribed["type"], "unsubscribed");
    server.publish(3, Severity::High, 0);
    client.send(json!({"id": "last", "type": "ping"})).await;
    let pong = client.frame().await;
    assert_eq!(
        (&pong["type"], &pong["reply_to"]),
        (&json!("pong"), &json!("last"))
    );
    assert_eq!(pong["data"]["positions"], json!({}));
    let not_there = client
        .ask(json!({"type": "unsubscribe", "channel": "threats"}))
        .await;
    assert_eq!(not_there["data"]["code"], "not_subscribed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filtered_subscription_keeps_its_position() {
    let server = Server::start(Setup::default()).await;
    let mut client = connect(&server, "/ws").await;
    let options =
        json!({"type": "subscribe", "channel": "threats", "data": {"min_severity": "high"}});
    let subscribed = client.ask(options).await;
    assert_eq!(subscribed["data"]["min_severity"], "high");
    server.publish(1, Severity::Critical, 0);
    assert_eq!(client.frame().await["offset"], 1);
    server.publish(2, Severity::Low, 0);
    server.publish(3, Severity::High, 0);
    assert_eq!(client.frame().await["offset"], 3);
    for number in 4..=9 {
        server.publish(number, Severity::Medium, 0);
    }
    // The position moves on though nothing is sent.
    loop {
        client.send(json!({"id": 1, "type": "ping"})).await;
        let pong = client.frame().await;
        assert_eq!(
            pong["type"], "pong",
            "nothing that is less than high is sent"
        );
        if pong["data"]["positions"]["threats"] == json!({"epoch": "e1", "offset": 9}) {
            break;
        }
    }
}

/// A frame, the code of the error that answers it, and what the error's text must say.
const NOT_UNDERSTOOD: &[(&str, &str, &str)] = &[
    ("hello", "malformed", "JSON"),
    ("", "malformed", "JSON"),
    ("{}", "invalid", "`type` is missing"),
    (r#"{"type":"dance"}"#, "unknown_type", "use subscribe"),
    (r#"{"type":"subscribe"}"#, "invalid", "`channel` is missing"),
    (
        r#"{"type":"subscribe","channel":"nowhere"}"#,
        "unknown_channel",
        "`channels` lists those there are",
    ),
    (
        r#"{"type":"subscribe","channel":"chat:a*"}"#,
        "unknown_channel",
        "`channels` lists those there are",
    ),
    (
        r#"{"type":"subscribe","channel":"investigations:*","data":{"since":"e1:4"}}"#,
        "invalid",
        "rooms",
    ),
    (
        r#"{"type":"subscribe","channel":"threats","data":{"filter":"a > 1"}}"#,
        "invalid",
        "`filter`: `a` is unknown: use type",
    ),
    (
        r#"{"type":"subscribe","channel":"threats","data":{"min_severity":"bad"}}"#,
        "invalid",
        "use informational",
    ),
    (
        r#"{"type":"subscribe","channel":"threats","data":{"since":"2026-99-99T00:00:00Z"}}"#,
        "invalid",
        "time",
    ),
    (
        r#"{"type":"subscribe","channel":"threats","data":{"since":{"offset":3}}}"#,
        "invalid",
        "epoch",
    ),
    (
        r#"{"type":"acknowledge","data":{"alert_id":"7"}}"#,
        "invalid",
        "alert_id",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_understood_is_answered_and_the_socket_stays_open() {
    let server = Server::start(Setup::default()).await;
    let mut client = connect(&server, "/ws").await;
    for (text, code, said) in NOT_UNDERSTOOD {
        client.send_text(text).await;
        let frame = client.frame().await;
        assert_eq!(frame["type"], "error", "{text}");
        assert_eq!(frame["data"]["code"], *code, "{text}");
        assert_eq!(frame["data"]["retryable"], false, "{text}");
        assert!(
            frame["data"]["message"].as_str().unwrap().contains(said),
            "{text}: {frame}"
        );
    }
    let error = client
        .ask(json!({"type": "subscribe", "channel": "nowhere"}))
        .await;
    let channels = error["data"]["channels"].as_array().unwrap();
    assert!(channels.contains(&json!("threats")) && channels.contains(&json!("chat:{id}")));
    assert_eq!(client.ask(json!({"type": "ping"})).await["type"], "pong");
    assert_eq!(
        server.metric("websocket_errors_total{reason=\"malformed\"}"),
        2
    );
    assert_eq!(
        server.metric("vigil_gateway_connections{transport=\"websocket\"}"),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_are_asked_for() {
    let patterns = Some(vec!["threats".to_owned()]);
    let viewer = vigil_auth::Principal {
        rights: Rights {
            subscribe: patterns,
            ..Rights::default()
        },
        ..principal(Role::Viewer)
    };
    let server = Server::start(Setup {
        principal: Some(viewer),
        ..Setup::default()
    })
    .await;
    let mut client = connect(&server, "/ws").await;
    let refused = client
        .ask(json!({"type": "subscribe", "channel": "alerts"}))
        .await;
    assert_eq!(refused["data"]["code"], "forbidden");
    let granted = client
        .ask(json!({"type": "subscribe", "channel": "threats"}))
        .await;
    assert_eq!(granted["type"], "subscribed");
    let acknowledge =
        json!({"type": "acknowledge", "data": {"alert_id": server.alert.to_string()}});
    assert_eq!(client.ask(acknowledge).await["data"]["code"], "forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_analyst_acknowledges() {
    let server = Server::start(Setup::default()).await;
    let mut client = connect(&server, "/ws").await;
    let acknowledge = |id: String| json!({"type": "acknowledge", "data": {"alert_id": id}});
    let done = client.ask(acknowledge(server.alert.to_string())).await;
    assert_eq!(done["type"], "acknowledged");
    assert_eq!(done["data"]["alert"]["state"], "acknowledged");
    assert_eq!(done["data"]["alert"]["assignee"], "anna");
    let unknown = client
        .ask(acknowledge(
            vigil_event::Id::from_bytes([0; 16]).to_string(),
        ))
        .await;
    assert_eq!(unknown["data"]["code"], "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_goes_on_with_a_newer_token() {
    let expires_at = Some(START.plus_millis(60_000));
    let anna = vigil_auth::Principal {
        expires_at,
        ..principal(Role::Analyst)
    };
    let server = Server::start(Setup {
        principal: Some(anna),
        ..Setup::default()
    })
    .await;
    let token = |subject: &str, end_ms: i64, subscribe: Option<Vec<String>>| {
        let grant = Grant {
            expires_at: Some(START.plus_millis(end_ms)),
            rights: Rights {
                subscribe,
                ..Rights::default()
            },
            ..Grant::new(subject, Role::Viewer)
        };
        server.gatekeeper.authority.issue(&grant, START).unwrap()
    };
    let auth = |token: &str| json!({"type": "auth", "data": {"token": token}});
    let mut client = connect(&server, "/ws/threats").await;
    assert_eq!(
        client.ask(auth("nonsense")).await["data"]["code"],
        "unauthenticated"
    );
    assert_eq!(
        client.ask(auth(&token("ben", 600_000, None))).await["data"]["code"],
        "forbidden"
    );
    let renewed = client.ask(auth(&token("anna", 600_000, None))).await;
    assert_eq!(renewed["type"], "authenticated");
    assert_eq!(renewed["data"]["role"], "viewer");
    server.clock.forward(120_000);
    assert_eq!(
        client.ask(json!({"type": "ping"})).await["type"],
        "pong",
        "the first token has ended"
    );
    client
        .send(auth(&token("anna", 600_000, Some(vec!["alerts".into()]))))
        .await;
    assert_eq!(
        client.closed().await.0,
        4003,
        "what is heard is not granted any more"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_narrowed_analyst_changes_no_alert_unseen() {
    let mut analyst = principal(Role::Analyst);
    analyst.rights.subscribe = Some(vec!["threats".to_owned()]);
    let server = Server::start(Setup {
        principal: Some(analyst),
        ..Setup::default()
    })
    .await;
    let mut client = connect(&server, "/ws").await;
    let acknowledge =
        json!({"type": "acknowledge", "data": {"alert_id": server.alert.to_string()}});
    assert_eq!(client.ask(acknowledge).await["data"]["code"], "forbidden");
}
