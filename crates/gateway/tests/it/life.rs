//! How connections end.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use vigil_auth::{Principal, Role};
use vigil_event::Severity;
use vigil_gateway::Limits;

use crate::client::{Client, Heard, connect, refused};
use crate::server::{START, Server, Setup, principal};

/// Short intervals, so that a moved clock is noticed at once.
fn quick() -> Limits {
    Limits {
        ping_interval: Duration::from_millis(20),
        ..Limits::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ending_token_is_warned_of_and_ends_the_connection() {
    let expires_at = Some(START.plus_millis(90_000));
    let anna = Principal {
        expires_at,
        ..principal(Role::Viewer)
    };
    let server = Server::start(Setup {
        limits: quick(),
        principal: Some(anna),
        ..Setup::default()
    })
    .await;
    let mut client = connect(&server, "/ws").await;
    assert_eq!(client.ask(json!({"type": "ping"})).await["type"], "pong");
    server.clock.forward(31_000);
    let warning = client.frame().await;
    assert_eq!(warning["type"], "expiring");
    assert_eq!(
        warning["data"]["expires_at"],
        START.plus_millis(90_000).to_string()
    );
    server.clock.forward(60_000);
    assert_eq!(
        client.closed().await,
        (4001, json!({"code": "unauthenticated", "reconnect": false}))
    );
    assert_eq!(
        server.metric("vigil_gateway_closed_total{code=\"unauthenticated\"}"),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn heartbeats_say_positions() {
    let server = Server::start(Setup {
        limits: quick(),
        ..Setup::default()
    })
    .await;
    let mut client = connect(&server, "/ws/threats").await;
    server.publish(1, Severity::Low, 0);
    loop {
        let Heard::Frame(frame) = client.hear().await else {
            panic!("it ended")
        };
        if frame["type"] == "ping" && frame["data"]["positions"]["threats"]["offset"] == 1 {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_client_is_closed() {
    let limits = Limits {
        silence: Duration::from_millis(100),
        ..quick()
    };
    let server = Server::start(Setup {
        limits,
        ..Setup::default()
    })
    .await;
    let mut client = connect(&server, "/ws").await;
    // The library answers pings while it is read from; now it is not.
    server
        .metric_reaches("vigil_gateway_closed_total{code=\"silent\"}", 1)
        .await;
    assert_eq!(
        client.closed().await,
        (4009, json!({"code": "silent", "reconnect": true}))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_only_answers_pings_stays() {
    let limits = Limits {
        silence: Duration::from_secs(5),
        ..quick()
    };
    let server = Server::start(Setup {
        limits,
        ..Setup::default()
    })
    .await;
    let mut client = connect(&server, "/ws").await;
    let begun = tokio::time::Instant::now();
    while begun.elapsed() < Duration::from_secs(6) {
        assert!(matches!(client.hear().await, Heard::Frame(_)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_too_long_ends_the_connection() {
    let server = Server::start(Setup::default()).await;
    let mut client = connect(&server, "/ws").await;
    let fits = format!(
        "{{\"type\":\"ping\",\"more\":\"{}\"}}",
        "x".repeat((1 << 20) - 100)
    );
    client.send_text(&fits).await;
    assert_eq!(client.frame().await["type"], "pong");
    // Sent and read at once, as browsers do: the answer comes while the rest is still under way.
    let (mut sending, receiving) = client.socket.split();
    let mut client = Client { socket: receiving };
    let too_long = Message::text("x".repeat((1 << 20) + 1));
    let (_, closed) = tokio::join!(sending.send(too_long), client.closed());
    assert_eq!(
        closed,
        (1009, json!({"code": "too_big", "reconnect": false}))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_refused_and_then_closed() {
    // However long the machine takes for it, the messages are too many.
    let limits = Limits {
        messages_per_second: 1,
        ..Limits::default()
    };
    let server = Server::start(Setup {
        limits,
        ..Setup::default()
    })
    .await;
    let mut client = connect(&server, "/ws").await;
    for number in 0..400 {
        let text = json!({"id": number, "type": "ping"}).to_string();
        client.socket.feed(Message::text(text)).await.unwrap();
    }
    // The server may close while this is still under way.
    _ = client.socket.flush().await;
    let (mut answered, mut refused) = (0, 0);
    let (code, reason) = loop {
        match client.hear().await {
            Heard::Frame(frame) if frame["type"] == "pong" => answered += 1,
            Heard::Frame(frame) => {
                assert_eq!(frame["data"]["code"], "rate_limited");
                assert_eq!(frame["data"]["retryable"], true);
                assert_eq!(frame["reply_to"], answered + refused, "each is named");
                assert!(frame["data"]["retry_after_ms"].as_u64().unwrap() > 0);
                refused += 1;
            }
            Heard::Closed(code, reason) => break (code, reason),
            Heard::Gone => panic!("no close frame"),
        }
    };
    assert_eq!(
        (code, &reason["code"], &reason["reconnect"]),
        (4002, &json!("rate_limited"), &json!(true))
    );
    assert!((100..200).contains(&answered), "{answered} answered");
    assert!(refused >= 100, "{refused} refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn binary_messages_are_answered_and_bytes_that_are_no_frames_end_it() {
    let server = Server::start(Setup::default()).await;
    let mut client = connect(&server, "/ws").await;
    client
        .socket
        .send(Message::binary(vec![1, 2]))
        .await
        .unwrap();
    assert_eq!(client.frame().await["data"]["code"], "unsupported");
    // A text frame without the mask that every client must use (RFC 6455, 5.1).
    let mut raw = TcpStream::connect(server.address).await.unwrap();
    let upgrade = format!(
        "GET /ws HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        server.address
    );
    raw.write_all(upgrade.as_bytes()).await.unwrap();
    raw.write_all(b"\x81\x02{}").await.unwrap();
    let mut answer = Vec::new();
    raw.read_to_end(&mut answer).await.unwrap();
    // A close frame with 1002.
    assert!(
        answer
            .windows(2)
            .any(|bytes| bytes == 1002_u16.to_be_bytes()),
        "{answer:?}"
    );
    assert_eq!(
        server.metric("vigil_gateway_closed_total{code=\"protocol\"}"),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_server_says_when_to_come_back() {
    let server = Server::start(Setup::default()).await;
    let mut clients = Vec::new();
    for _ in 0..5 {
        clients.push(connect(&server, "/ws/threats").await);
    }
    server.shutdown.cancel();
    let mut waits = Vec::new();
    for client in &mut clients {
        let (code, reason) = client.closed().await;
        assert_eq!(
            (code, &reason["code"], &reason["reconnect"]),
            (1001, &json!("going_away"), &json!(true))
        );
        waits.push(reason["retry_after_ms"].as_u64().unwrap());
    }
    waits.dedup();
    assert!(waits.len() > 1, "they are spread: {waits:?}");
    assert!(waits.iter().all(|wait| (500..5_500).contains(wait)));
    assert_eq!(refused(&server, "/ws", &[]).await.0, 503);
    server.tasks.close();
    tokio::time::timeout(Duration::from_mins(1), server.tasks.wait())
        .await
        .expect("every connection ends");
    assert_eq!(
        server.metric("vigil_gateway_connections{transport=\"websocket\"}"),
        0
    );
    assert_eq!(server.metric("vigil_gateway_subscriptions"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_started_again_says_so() {
    let server = Server::start(Setup::default()).await;
    let mut client = connect(&server, "/ws/threats").await;
    server.comes_back.store(true, Ordering::Release);
    server.shutdown.cancel();
    let (code, reason) = client.closed().await;
    assert_eq!((code, &reason["code"]), (1012, &json!("restart")));
    assert_eq!(reason["reconnect"], true);
    assert!(reason["retry_after_ms"].is_u64(), "{reason}");
    assert_eq!(
        server.metric("vigil_gateway_closed_total{code=\"restart\"}"),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_clients_are_each_told_where_they_stand_and_end_in_time() {
    const CLIENTS: usize = 400;
    let server = Server::start(Setup {
        limits: Limits {
            max_connections_per_user: CLIENTS,
            drain_spread: Duration::from_secs(1),
            ..Limits::default()
        },
        ..Setup::default()
    })
    .await;
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(connect(&server, "/ws/threats").await);
    }
    server
        .metric_reaches("vigil_gateway_subscriptions", CLIENTS as u64)
        .await;
    for number in 1..=7 {
        server.publish(number, Severity::Low, 10);
    }
    let begun = tokio::time::Instant::now();
    server.shutdown.cancel();
    let mut waits = std::collections::BTreeSet::new();
    for client in &mut clients {
        let (mut position, mut delivered) = (None, 0);
        let (code, reason) = loop {
            match client.hear().await {
                Heard::Frame(frame) if frame["type"] == "ping" => {
                    position = frame["data"]["positions"]["threats"]["offset"].as_u64();
                }
                Heard::Frame(frame) if frame["offset"].is_u64() => delivered += 1,
                Heard::Frame(_) => {}
                Heard::Closed(code, reason) => break (code, reason),
                Heard::Gone => panic!("a connection ended without a word"),
            }
        };
        assert_eq!((code, position), (1001, Some(delivered)));
        waits.insert(reason["retry_after_ms"].as_u64().unwrap());
    }
    assert!(waits.len() > CLIENTS / 3, "{} moments", waits.len());
    server.tasks.close();
    let ended = tokio::time::timeout(Duration::from_mins(1), server.tasks.wait()).await;
    ended.expect("every connection ends");
    assert!(
        begun.elapsed() < Duration::from_secs(30),
        "{:?}",
        begun.elapsed()
    );
}
