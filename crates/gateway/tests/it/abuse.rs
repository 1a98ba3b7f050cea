//! What is too much: refused by name before work is done, and with a time to come again.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Error;
use vigil_gateway::Limits;

use crate::client::{Heard, connect, open};
use crate::raw::{ask, handshake};
use crate::server::{Server, Setup, patient};

/// A limit of the protocol, and something just beyond it.
fn beyond() -> Vec<(&'static str, Value, &'static str)> {
    let long = |count: usize| "x".repeat(count);
    let subscribe = |data: Value| json!({"type": "subscribe", "channel": "threats", "data": data});
    let filter = |expression: String| subscribe(json!({"filter": expression}));
    let many = |count: usize| (0..count).map(|n| format!("a{n}")).collect::<Vec<_>>();
    vec![
        (
            "a channel's name",
            json!({"type": "subscribe", "channel": format!("chat:{}", long(252))}),
            "invalid",
        ),
        (
            "a channel's name, said within",
            json!({"type": "history", "data": {"channel": long(100_000)}}),
            "invalid",
        ),
        (
            "a frame's id",
            json!({"id": long(129), "type": "ping"}),
            "invalid",
        ),
        (
            "a filter",
            filter(format!("data.a == '{}'", long(4_096))),
            "invalid",
        ),
        (
            "a filter's parts",
            filter(vec!["data.a == 1"; 200].join("||")),
            "invalid",
        ),
        (
            "a filter's depth",
            filter(format!("{}true{}", "(".repeat(300), ")".repeat(300))),
            "invalid",
        ),
        (
            "chosen fields",
            subscribe(json!({"fields": many(65)})),
            "invalid",
        ),
        (
            "a field's name",
            subscribe(json!({"fields": [long(129)]})),
            "invalid",
        ),
    ]
}

/// And of what is said beside filters.
fn beyond_otherwise() -> Vec<(&'static str, Value, &'static str)> {
    let long = |count: usize| "x".repeat(count);
    let subscribe = |data: Value| json!({"type": "subscribe", "channel": "threats", "data": data});
    vec![
        (
            "networks",
            subscribe(json!({"filter": {"network": vec!["10.0.0.0/8"; 65]}})),
            "invalid",
        ),
        (
            "a batch",
            subscribe(json!({"batch": {"max_messages": 1_001}})),
            "invalid",
        ),
        (
            "a batch's wait",
            subscribe(json!({"batch": {"max_wait_ms": 10_001}})),
            "invalid",
        ),
        (
            "a cursor's name",
            subscribe(json!({"durable": long(65)})),
            "invalid",
        ),
        (
            "an epoch",
            subscribe(json!({"since": {"epoch": long(65), "offset": 1}})),
            "invalid",
        ),
        (
            "a kind",
            json!({"type": "publish", "channel": "chat:1", "data": {"type": long(65), "data": 1}}),
            "invalid",
        ),
        (
            "what is published",
            json!({"type": "publish", "channel": "chat:1", "data": {"data": long(65_537)}}),
            "invalid",
        ),
        (
            "what is said in a chat",
            json!({"type": "chat", "channel": "chat:1", "data": {"message": long(16_385)}}),
            "invalid",
        ),
        (
            "a token",
            json!({"type": "auth", "data": {"token": long(8_193)}}),
            "invalid",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_beyond_a_bound_is_named_and_the_socket_stays() {
    let server = Server::start(Setup::default()).await;
    let mut client = connect(&server, "/ws").await;
    let mut wrong = Vec::new();
    for (what, frame, code) in beyond().into_iter().chain(beyond_otherwise()) {
        client.send(frame).await;
        let answer = client.frame().await;
        if answer["type"] != "error" || answer["data"]["code"] != code {
            wrong.push(format!("{what}: {answer}"));
        }
    }
    // As deep as a message can be, which must end nobody's stack.
    let deep = "[".repeat(500_000);
    for text in [
        format!("{{\"type\":\"ping\",\"data\":{deep}"),
        deep.clone(),
        format!("{deep}{}", "]".repeat(500_000)),
    ] {
        client.send_text(&text).await;
        let answer = client.frame().await;
        assert_eq!(answer["type"], "error", "{answer}");
    }
    assert_eq!(client.ask(json!({"type": "ping"})).await["type"], "pong");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_channel_too_many_is_refused() {
    let limits = Limits {
        max_subscriptions: 2,
        ..Limits::default()
    };
    let server = Server::start(Setup {
        limits,
        ..Setup::default()
    })
    .await;
    let mut client = connect(&server, "/ws").await;
    for (room, expected) in [(1, "subscribed"), (2, "subscribed"), (3, "error")] {
        let channel = format!("analysis:{room}");
        let answer = client
            .ask(json!({"type": "subscribe", "channel": channel}))
            .await;
        assert_eq!(answer["type"], expected, "{answer}");
    }
    let answer = client
        .ask(json!({"type": "unsubscribe", "channel": "analysis:1"}))
        .await;
    assert_eq!(answer["type"], "unsubscribed");
    let answer = client
        .ask(json!({"type": "subscribe", "channel": "analysis:3"}))
        .await;
    assert_eq!(answer["type"], "subscribed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_is_told_when_to_come_again() {
    let limits = Limits {
        connections_per_second: 2,
        max_connections_per_user: 1_000,
        ..Limits::default()
    };
    let server = Server::start(Setup {
        limits,
        ..Setup::default()
    })
    .await;
    // Two are let in, and on a slow machine some more.
    let mut let_in = Vec::new();
    let response = loop {
        match open(&server, "/ws/threats", &[]).await {
            Ok((client, _)) => let_in.push(client),
            Err(Error::Http(response)) => break response,
            Err(other) => panic!("{other}"),
        }
    };
    assert!(let_in.len() >= 2);
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "1");
    let body: Value = serde_json::from_slice(response.body().as_deref().unwrap()).unwrap();
    assert_eq!(body["error"]["code"], "unavailable");
    assert_eq!(body["error"]["retryable"], true);
    let told = body["error"]["retry_after_ms"].as_u64().unwrap();
    assert!((1..=1_000).contains(&told), "{told}");
    let sse = handshake(server.address, "/sse/threats", "");
    loop {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let head = ask(&mut stream, &sse).await;
        if head.starts_with("HTTP/1.1 503 ") {
            break;
        }
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    }
    assert_eq!(
        server.metric("vigil_gateway_refused_total{reason=\"server_rate\"}"),
        2
    );
    tokio::time::sleep(Duration::from_millis(told)).await;
    connect(&server, "/ws").await;
}

/// Stops a server that has so many clients, each of whom hears where it stands; over what time they end.
async fn ends(clients: usize) -> Duration {
    let limits = Limits {
        max_connections_per_user: clients,
        ..patient()
    };
    let server = Server::start(Setup {
        limits,
        ..Setup::default()
    })
    .await;
    let mut connected = Vec::new();
    for _ in 0..clients {
        let mut client = connect(&server, "/ws/threats").await;
        assert_eq!(client.frame().await["type"], "subscribed");
        connected.push(client);
    }
    server.publish(1, vigil_event::Severity::High, 0);
    server.shutdown.cancel();
    let ends = connected.iter_mut().map(async |client| {
        let (mut last, mut heard) = (Value::Null, 0);
        loop {
            match client.hear().await {
                Heard::Frame(frame) => {
                    heard = frame["offset"].as_u64().unwrap_or(heard);
                    last = frame;
                }
                Heard::Closed(code, _) => return (code, heard, last, Instant::now()),
                Heard::Gone => panic!("no close frame"),
            }
        }
    });
    let ends = futures_util::future::join_all(ends).await;
    for (code, heard, last, _) in &ends {
        assert_eq!(*code, 1001);
        assert_eq!(last["type"], "ping", "{last}");
        // Where it stands is what it has heard, whether the last item still came or not.
        assert_eq!(
            last["data"]["positions"]["threats"],
            json!({"epoch": "e1", "offset": heard})
        );
    }
    let first = ends.iter().map(|end| end.3).min().unwrap();
    let last = ends.iter().map(|end| end.3).max().unwrap();
    last - first
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_server_hands_over_positions_and_paces_the_ends() {
    let mut took = Vec::new();
    // To who is not woken in time they seem to end at once.
    while took.len() < 5 {
        took.push(ends(200).await);
        if took.last() > Some(&Duration::from_millis(100)) {
            return;
        }
    }
    panic!("200 take a fifth of a second: {took:?}");
}
