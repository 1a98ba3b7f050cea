//! Server-Sent Events, read as bytes.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use vigil_auth::{Principal, Role};
use vigil_bus::LogLimits;
use vigil_event::Severity;
use vigil_gateway::Limits;

use crate::server::{START, Server, Setup, principal};

/// A raw HTTP client that reads one event after the other.
pub(crate) struct Listener {
    stream: TcpStream,
    text: String,
    head: String,
}

/// One event.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Event {
    pub(crate) id: Option<String>,
    pub(crate) kind: Option<String>,
    pub(crate) data: Option<Value>,
}

impl Listener {
    pub(crate) async fn open(server: &Server, path: &str, headers: &str) -> Self {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        // HTTP/1.0 has no chunks: the body is what comes until the end.
        let request = format!(
            "GET {path} HTTP/1.0\r\nHost: {}\r\n{headers}\r\n",
            server.address
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut listener = Self {
            stream,
            text: String::new(),
            head: String::new(),
        };
        listener.head = listener.block("\r\n\r\n").await.expect("a response");
        listener
    }

    /// The text before the separator; none at the end of the stream.
    async fn block(&mut self, separator: &str) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once(separator) {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                return Some(block);
            }
            let mut buffer = [0; 4096];
            let read = timeout(Duration::from_mins(1), self.stream.read(&mut buffer))
                .await
                .expect("something comes");
            match read.unwrap() {
                0 => return None,
                count => self
                    .text
                    .push_str(std::str::from_utf8(&buffer[..count]).unwrap()),
            }
        }
    }

    /// The next event that has data; heartbeats are left out.
    pub(crate) async fn event(&mut self) -> Option<Event> {
        loop {
            let event = self.any_event().await?;
            if event.data.is_some() {
                return Some(event);
            }
        }
    }

    async fn any_event(&mut self) -> Option<Event> {
        let mut event = Event::default();
        for line in self.block("\n\n").await?.lines() {
            match line.split_once(": ") {
                Some(("id", id)) => event.id = Some(id.to_owned()),
                Some(("event", kind)) => event.kind = Some(kind.to_owned()),
                Some(("data", data)) => event.data = Some(serde_json::from_str(data).unwrap()),
                _ => {}
            }
        }
        Some(event)
    }
}

/// The status line and headers of an answer.
pub(crate) async fn head_of(server: &Server, path: &str) -> String {
    Listener::open(server, path, "").await.head
}

/// What a stream says until a text comes.
pub(crate) async fn text_of(server: &Server, path: &str, last: &str) -> String {
    Listener::open(server, path, "")
        .await
        .block(last)
        .await
        .expect("the stream goes on")
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_whole_envelopes_and_resume_by_their_id() {
    let server = Server::start(Setup::default()).await;
    let mut listener = Listener::open(&server, "/sse/threats", "").await;
    assert!(
        listener.head.starts_with("HTTP/1.0 200"),
        "{}",
        listener.head
    );
    assert!(
        listener.head.contains("content-type: text/event-stream"),
        "{}",
        listener.head
    );
    for number in 1..=5 {
        server.publish(number, Severity::High, 0);
    }
    let first = listener.event().await.unwrap();
    assert_eq!(
        (first.id.as_deref(), first.kind.as_deref()),
        (Some("e1:1"), Some("threat.new"))
    );
    let data = first.data.unwrap();
    assert_eq!(data["type"], "threat.new");
    assert_eq!(data["data"]["number"], 1);
    let second = listener.event().await.unwrap();
    drop(listener);

    let header = format!("Last-Event-ID: {}\r\n", second.id.unwrap());
    // The URL asks for something else; where the client was counts more.
    let mut listener = Listener::open(&server, "/sse/threats?last=1", &header).await;
    for number in 3..=5 {
        assert_eq!(
            listener.event().await.unwrap().data.unwrap()["offset"],
            number
        );
    }
    server.publish(6, Severity::High, 0);
    assert_eq!(listener.event().await.unwrap().id.as_deref(), Some("e1:6"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_says_from_where_and_what() {
    let server = Server::start(Setup::default()).await;
    for number in 1..=6 {
        server.publish(number, Severity::from_rank((number % 5) as u8), 0);
    }
    for (path, offsets) in [
        ("/sse/threats?last=2", vec![5, 6]),
        ("/sse/threats?since=e1:4", vec![5, 6]),
        (
            "/sse/threats?since=2020-01-01T00:00:00Z&min_severity=high",
            vec![3, 4],
        ),
    ] {
        let mut listener = Listener::open(&server, path, "").await;
        for offset in offsets {
            assert_eq!(
                listener.event().await.unwrap().data.unwrap()["offset"],
                offset,
                "{path}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_an_event_too() {
    let log = LogLimits {
        max_items: 2,
        ..LogLimits::default()
    };
    let server = Server::start(Setup {
        log,
        ..Setup::default()
    })
    .await;
    for number in 1..=6 {
        server.publish(number, Severity::High, 0);
    }
    let mut listener = Listener::open(&server, "/sse/threats?since=e1:1", "").await;
    let gap = listener.event().await.unwrap();
    assert_eq!(
        (gap.id.as_deref(), gap.kind.as_deref()),
        (Some("e1:4"), Some("gap"))
    );
    let data = &gap.data.unwrap()["data"];
    assert_eq!(
        (&data["from"], &data["to"], &data["reason"]),
        (&json!(2), &json!(4), &json!("retention"))
    );
    assert_eq!(listener.event().await.unwrap().id.as_deref(), Some("e1:5"));
}

#[tokio::test(flavor = "multi_thread")]
async fn heartbeats_carry_the_position() {
    let limits = Limits {
        ping_interval: Duration::from_millis(20),
        ..Limits::default()
    };
    let server = Server::start(Setup {
        limits,
        ..Setup::default()
    })
    .await;
    let mut listener = Listener::open(&server, "/sse/threats?min_severity=critical", "").await;
    server.publish(1, Severity::Low, 0);
    loop {
        let beat = listener.any_event().await.unwrap();
        assert_eq!(
            beat.data, None,
            "nothing that is less than critical is sent"
        );
        if beat.id.as_deref() == Some("e1:1") {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_its_token() {
    let expires_at = Some(START.plus_millis(5_000));
    let anna = Principal {
        expires_at,
        ..principal(Role::Viewer)
    };
    let limits = Limits {
        ping_interval: Duration::from_millis(20),
        ..Limits::default()
    };
    let server = Server::start(Setup {
        limits,
        principal: Some(anna),
        ..Setup::default()
    })
    .await;
    let mut listener = Listener::open(&server, "/sse/threats", "").await;
    server.publish(1, Severity::Low, 0);
    assert_eq!(listener.event().await.unwrap().id.as_deref(), Some("e1:1"));
    server.clock.forward(5_000);
    let last = listener.event().await.unwrap();
    assert_eq!(last.kind.as_deref(), Some("close"));
    assert_eq!(last.data.unwrap()["code"], "unauthenticated");
    assert_eq!(listener.event().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_the_server() {
    let server = Server::start(Setup::default()).await;
    let mut listener = Listener::open(&server, "/sse/status", "").await;
    assert_eq!(
        server.metric("vigil_gateway_connections{transport=\"sse\"}"),
        1
    );
    server.shutdown.cancel();
    let last = listener.event().await.unwrap();
    assert_eq!(
        (last.kind.as_deref(), &last.data.unwrap()["reconnect"]),
        (Some("close"), &json!(true))
    );
    assert_eq!(listener.event().await, None);
    server.tasks.close();
    timeout(Duration::from_mins(1), server.tasks.wait())
        .await
        .expect("every stream ends");
    assert_eq!(
        server.metric("vigil_gateway_connections{transport=\"sse\"}"),
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_hears_that_the_server_is_started_again() {
    let server = Server::start(Setup::default()).await;
    let mut listener = Listener::open(&server, "/sse/threats", "").await;
    server.comes_back.store(true, Ordering::Release);
    server.shutdown.cancel();
    let last = listener.event().await.unwrap();
    assert_eq!(last.data.unwrap()["code"], "restart");
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_plain_http() {
    let server = Server::start(Setup::default()).await;
    for (path, headers, status) in [
        ("/sse/nowhere", "", "404"),
        ("/sse/threats?since=x", "", "400"),
        ("/sse/threats", "Last-Event-ID: x\r\n", "400"),
        ("/sse/threats", "Origin: http://evil.example\r\n", "403"),
        ("/ws", "", "426"),
    ] {
        let listener = Listener::open(&server, path, headers).await;
        assert!(
            listener.head.starts_with(&format!("HTTP/1.0 {status}")),
            "{path}: {}",
            listener.head
        );
    }
    let mut health = Listener::open(&server, "/api/v1/ws/health", "").await;
    assert_eq!(health.block("\n\n").await, None);
    let body: Value = serde_json::from_str(&health.text).unwrap();
    assert_eq!(
        body,
        json!({"status": "ok", "connections": 0, "subscriptions": 0, "uptime": 0})
    );
}
