//! A WebSocket client of bare bytes, for what no library would ever send.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than anything here takes; a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_mins(1);

/// Any mask will do; this one changes every byte.
const MASK: [u8; 4] = [0xa5, 0x5a, 0x3c, 0xc3];

pub(crate) const CONTINUATION: u8 = 0x0;
pub(crate) const TEXT: u8 = 0x1;
pub(crate) const BINARY: u8 = 0x2;
pub(crate) const CLOSE: u8 = 0x8;
pub(crate) const PING: u8 = 0x9;
pub(crate) const PONG: u8 = 0xa;

/// The bit that says that a frame is a message's last one.
pub(crate) const FIN: u8 = 0x80;

/// The bit that says that a message is compressed.
pub(crate) const COMPRESSED: u8 = 0x40;

/// A socket after its handshake.
pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
    /// Frames may be compressed.
    compresses: bool,
}

/// A frame of the server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) opcode: u8,
    pub(crate) is_compressed: bool,
    pub(crate) payload: Vec<u8>,
}

/// A client's frame, masked; `first` is its first byte, bits and opcode.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = header(first, payload.len() as u64);
    bytes.extend(
        payload
            .iter()
            .zip(MASK.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    bytes
}

/// The beginning of a masked frame that says it has so many bytes.
pub(crate) fn header(first: u8, length: u64) -> Vec<u8> {
    let mut bytes = vec![first];
    match length {
        0..=125 => bytes.push(0x80 | length as u8),
        126..=0xffff => {
            bytes.push(0x80 | 0x7e);
            bytes.extend((length as u16).to_be_bytes());
        }
        _ => {
            bytes.push(0x80 | 0x7f);
            bytes.extend(length.to_be_bytes());
        }
    }
    bytes.extend(MASK);
    bytes
}

/// A frame that lacks the mask every client must use.
pub(crate) fn unmasked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first, payload.len() as u8];
    bytes.extend(payload);
    bytes
}

/// The request that asks for a WebSocket.
pub(crate) fn handshake(address: SocketAddr, path: &str, more: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
    )
}

/// Sends a request and gives the head of its answer.
pub(crate) async fn ask(stream: &mut TcpStream, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let byte = timeout(PATIENCE, stream.read_u8()).await;
        head.push(byte.expect("the server answers").unwrap());
    }
    String::from_utf8(head).unwrap()
}

impl Raw {
    /// Opens a socket and passes over its welcome.
    pub(crate) async fn open(address: SocketAddr, path: &str) -> Self {
        let (mut raw, _) = Self::open_with(address, path, "").await;
        let welcome = raw.frame().await.expect("a welcome");
        assert!(welcome.payload.starts_with(b"{\"type\":\"welcome\""));
        raw
    }

    /// Opens a socket with more headers, and gives the head of the answer too.
    pub(crate) async fn open_with(address: SocketAddr, path: &str, more: &str) -> (Self, String) {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = ask(&mut stream, &handshake(address, path, more)).await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        let compresses = head.contains("permessage-deflate");
        (Self { stream, compresses }, head)
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The next frame; none once the server has ended the connection.
    pub(crate) async fn frame(&mut self) -> Option<Frame> {
        timeout(PATIENCE, self.read())
            .await
            .expect("the server says something, or ends the connection")
    }

    async fn read(&mut self) -> Option<Frame> {
        let first = self.stream.read_u8().await.ok()?;
        let is_compressed = first & COMPRESSED != 0;
        assert_eq!(first & 0x30, 0, "no such extension was agreed on");
        assert!(self.compresses || !is_compressed, "it was not agreed on");
        let length = self.stream.read_u8().await.ok()?;
        assert_eq!(length & 0x80, 0, "a server does not mask");
        let length = match length {
            126 => u64::from(self.stream.read_u16().await.ok()?),
            127 => self.stream.read_u64().await.ok()?,
            short => u64::from(short),
        };
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.stream.read_exact(&mut payload).await.ok()?;
        assert_ne!(first & FIN, 0, "the server does not fragment");
        Some(Frame {
            opcode: first & 0xf,
            is_compressed,
            payload,
        })
    }

    /// The code that the server closes with, and that nothing but the connection's end follows.
    pub(crate) async fn closed(&mut self) -> Option<u16> {
        loop {
            let frame = self.frame().await?;
            if frame.opcode == CLOSE {
                let code = frame.payload.first_chunk().copied();
                assert_eq!(self.frame().await, None, "a close frame is the last one");
                return code.map(u16::from_be_bytes);
            }
        }
    }
}
