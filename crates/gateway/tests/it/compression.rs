//! permessage-deflate, as bytes on a plain socket: what is agreed on, what is compressed, what is shared.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use vigil_event::Severity;
use vigil_gateway::Limits;
use vigil_protocol::websocket::deflate::{Deflater, inflate};

use crate::server::{Server, Setup};

const PATIENCE: Duration = Duration::from_secs(20);

/// A client that sees frames as they are.
struct Raw {
    stream: TcpStream,
    head: String,
}

/// A frame as it came.
struct Seen {
    is_compressed: bool,
    payload: Vec<u8>,
}

impl Raw {
    async fn open(server: &Server, path: &str, offer: &str) -> Self {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Extensions: {offer}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(timeout(PATIENCE, stream.read_u8()).await.unwrap().unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        Self { stream, head }
    }

    async fn frame(&mut self) -> Seen {
        let read = async {
            let first = self.stream.read_u8().await?;
            let length = match self.stream.read_u8().await? {
                126 => u64::from(self.stream.read_u16().await?),
                127 => self.stream.read_u64().await?,
                short => u64::from(short),
            };
            let mut payload = vec![0; length as usize];
            self.stream.read_exact(&mut payload).await?;
            Ok::<_, std::io::Error>(Seen {
                is_compressed: first & 0x40 != 0,
                payload,
            })
        };
        timeout(PATIENCE, read).await.unwrap().unwrap()
    }

    /// Sends a message in one frame, masked with nothing.
    async fn send(&mut self, first: u8, payload: &[u8]) {
        let mut frame = vec![first];
        match payload.len() {
            short @ 0..126 => frame.push(0x80 | short as u8),
            length => {
                frame.push(0xfe);
                frame.extend((length as u16).to_be_bytes());
            }
        }
        frame.extend([0; 4]);
        frame.extend(payload);
        self.stream.write_all(&frame).await.unwrap();
    }
}

impl Seen {
    fn json(&self) -> Value {
        let text = if self.is_compressed {
            inflate(&self.payload, 1 << 20).unwrap()
        } else {
            self.payload.clone()
        };
        serde_json::from_slice(&text).unwrap()
    }

    /// Of a close frame.
    fn code(&self) -> u16 {
        u16::from_be_bytes([self.payload[0], self.payload[1]])
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn long_messages_are_compressed_for_those_who_agreed() {
    let server = Server::start(Setup::default()).await;
    let offer = "permessage-deflate; client_max_window_bits";
    let mut small = Raw::open(&server, "/ws/threats", offer).await;
    let answer = "sec-websocket-extensions: permessage-deflate; server_no_context_takeover; \
                  client_no_context_takeover\r\n";
    assert!(small.head.contains(answer), "{}", small.head);
    let mut plain = Raw::open(&server, "/ws/threats", "x-other").await;
    assert!(
        !plain.head.contains("sec-websocket-extensions"),
        "{}",
        plain.head
    );
    for client in [&mut small, &mut plain] {
        while client.frame().await.json()["type"] != "subscribed" {}
    }
    for (number, padding, is_compressed) in [(1, 2_000, true), (2, 10, false), (3, 900, true)] {
        server.publish(number, Severity::High, padding);
        let (one, other) = (small.frame().await, plain.frame().await);
        assert_eq!(one.is_compressed, is_compressed, "{number}");
        assert!(!other.is_compressed);
        assert_eq!(one.json(), other.json());
        assert_eq!(one.json()["data"]["number"], number);
        assert_eq!(one.payload.len() < other.payload.len(), is_compressed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn compressed_commands_are_read_within_the_bound_of_a_message() {
    let server = Server::start(Setup::default()).await;
    let mut client = Raw::open(&server, "/ws", "permessage-deflate").await;
    assert_eq!(client.frame().await.json()["type"], "welcome");
    let mut deflater = Deflater::default();
    let long = format!(
        "{{\"type\":\"ping\",\"id\":\"a\",\"data\":\"{}\"}}",
        "x".repeat(500)
    );
    let command = deflater.deflate(long.as_bytes()).unwrap();
    client.send(0xc1, &command).await;
    assert_eq!(client.frame().await.json()["reply_to"], "a");
    let bomb = deflater.deflate(&vec![b' '; 2 << 20]).unwrap();
    client.send(0xc1, &bomb).await;
    assert_eq!(client.frame().await.code(), 1009);
}

#[tokio::test(flavor = "multi_thread")]
async fn compression_can_be_switched_off() {
    let limits = Limits {
        compress_from_bytes: 0,
        ..Limits::default()
    };
    let server = Server::start(Setup {
        limits,
        ..Setup::default()
    })
    .await;
    let mut client = Raw::open(&server, "/ws", "permessage-deflate").await;
    assert!(!client.head.contains("permessage-deflate"));
    assert_eq!(client.frame().await.json()["type"], "welcome");
    // What was not agreed on breaks the rules.
    client.send(0xc1, &[b'x'; 200]).await;
    assert_eq!(client.frame().await.code(), 1002);
}
