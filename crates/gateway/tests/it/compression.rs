//! permessage-deflate, as bytes on a plain socket: what is agreed on, what is compressed, what is shared.

use serde_json::Value;
use vigil_event::Severity;
use vigil_gateway::Limits;
use vigil_protocol::websocket::deflate::{Deflater, inflate};

use crate::raw::{COMPRESSED, FIN, Frame, Raw, TEXT, frame};
use crate::server::{Server, Setup};

/// A command in one frame, compressed or said to be.
const COMMAND: u8 = FIN | COMPRESSED | TEXT;

/// A socket with what it offers, and the head of the answer.
async fn open(server: &Server, path: &str, offer: &str) -> (Raw, String) {
    let offer = format!("Sec-WebSocket-Extensions: {offer}\r\n");
    Raw::open_with(server.address, path, &offer).await
}

async fn next(client: &mut Raw) -> Frame {
    client.frame().await.expect("the connection stays")
}

fn json(frame: &Frame) -> Value {
    let text = if frame.is_compressed {
        inflate(&frame.payload, 1 << 20).unwrap()
    } else {
        frame.payload.clone()
    };
    serde_json::from_slice(&text).unwrap()
}

/// Of a close frame.
fn code(frame: &Frame) -> u16 {
    u16::from_be_bytes([frame.payload[0], frame.payload[1]])
}

#[tokio::test(flavor = "multi_thread")]
async fn long_messages_are_compressed_for_those_who_agreed() {
    let server = Server::start(Setup::default()).await;
    let offer = "permessage-deflate; client_max_window_bits";
    let (mut small, agreed) = open(&server, "/ws/threats", offer).await;
    let answer = "sec-websocket-extensions: permessage-deflate; server_no_context_takeover; \
                  client_no_context_takeover\r\n";
    assert!(agreed.contains(answer), "{agreed}");
    let (mut plain, head) = open(&server, "/ws/threats", "x-other").await;
    assert!(!head.contains("sec-websocket-extensions"), "{head}");
    for client in [&mut small, &mut plain] {
        while json(&next(client).await)["type"] != "subscribed" {}
    }
    for (number, padding, is_compressed) in [(1, 2_000, true), (2, 10, false), (3, 900, true)] {
        server.publish(number, Severity::High, padding);
        let (one, other) = (next(&mut small).await, next(&mut plain).await);
        assert_eq!(one.is_compressed, is_compressed, "{number}");
        assert!(!other.is_compressed);
        assert_eq!(json(&one), json(&other));
        assert_eq!(json(&one)["data"]["number"], number);
        assert_eq!(one.payload.len() < other.payload.len(), is_compressed);
    }
}

/// A batch is compressed as a whole, not what is in it.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_long_messages_is_one_compressed_message() {
    let server = Server::start(Setup::default()).await;
    let (mut batched, _) = open(&server, "/ws", "permessage-deflate").await;
    let (mut single, _) = open(&server, "/ws/threats", "permessage-deflate").await;
    let asked = br#"{"type":"subscribe","channel":"threats","data":{"batch":{"max_messages":2}}}"#;
    batched.send(&frame(FIN | TEXT, asked)).await;
    for client in [&mut batched, &mut single] {
        while json(&next(client).await)["type"] != "subscribed" {}
    }
    for number in [1, 2] {
        server.publish(number, Severity::High, 2_000);
    }
    let together = next(&mut batched).await;
    assert!(together.is_compressed);
    let together = json(&together);
    for place in [0, 1] {
        assert_eq!(together["data"][place], json(&next(&mut single).await));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn compressed_commands_are_read_within_the_bound_of_a_message() {
    let server = Server::start(Setup::default()).await;
    let (mut client, _) = open(&server, "/ws", "permessage-deflate").await;
    assert_eq!(json(&next(&mut client).await)["type"], "welcome");
    let mut deflater = Deflater::default();
    let long = format!(
        "{{\"type\":\"ping\",\"id\":\"a\",\"data\":\"{}\"}}",
        "x".repeat(500)
    );
    let command = deflater.deflate(long.as_bytes()).unwrap();
    client.send(&frame(COMMAND, &command)).await;
    assert_eq!(json(&next(&mut client).await)["reply_to"], "a");
    let bomb = deflater.deflate(&vec![b' '; 2 << 20]).unwrap();
    client.send(&frame(COMMAND, &bomb)).await;
    assert_eq!(code(&next(&mut client).await), 1009);
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
    let (mut client, head) = open(&server, "/ws", "permessage-deflate").await;
    assert!(!head.contains("permessage-deflate"));
    assert_eq!(json(&next(&mut client).await)["type"], "welcome");
    // What was not agreed on breaks the rules.
    client.send(&frame(COMMAND, &[b'x'; 200])).await;
    assert_eq!(code(&next(&mut client).await), 1002);
}
