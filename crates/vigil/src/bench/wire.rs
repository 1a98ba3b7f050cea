//! As much of WebSocket (RFC 6455) as a load program needs: small, so that it measures the server
//! and not itself. Conformance is tested elsewhere, with other people's clients.

/// A longer frame is a fault.
const MAX_FRAME_BYTES: usize = 16 << 20;

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seen<'a> {
    /// A text.
    Text(&'a [u8]),
    /// A ping, to be answered with the same bytes.
    Ping(&'a [u8]),
    /// The close code.
    Close(u16),
}

/// Takes frames apart that come in pieces.
#[derive(Debug, Default)]
pub(super) struct FrameReader {
    /// The beginning of a frame whose end has not come.
    rest: Vec<u8>,
}

impl FrameReader {
    /// Gives each whole frame. False: what came is no sequence of frames.
    pub(super) fn feed(&mut self, mut bytes: &[u8], mut each: impl FnMut(Seen<'_>)) -> bool {
        // Only the frame that was begun is put together; all others are looked at where they are.
        while !self.rest.is_empty() && !bytes.is_empty() {
            let missing = match extent(&self.rest) {
                None => 1,
                Some((_, None)) => return false,
                Some((head, Some(body))) => head + body - self.rest.len(),
            };
            let (more, others) = bytes.split_at(missing.min(bytes.len()));
            self.rest.extend_from_slice(more);
            bytes = others;
            match take(&self.rest, &mut each) {
                None => return false,
                Some(0) => {}
                Some(_) => self.rest.clear(),
            }
        }
        let Some(taken) = take(bytes, &mut each) else {
            return false;
        };
        self.rest
            .extend_from_slice(bytes.get(taken..).unwrap_or_default());
        true
    }
}

/// Gives each whole frame, and says how many bytes they were.
fn take(bytes: &[u8], each: &mut impl FnMut(Seen<'_>)) -> Option<usize> {
    let mut taken = 0;
    while let Some((head, body)) = extent(bytes.get(taken..)?) {
        let (head, body) = (head, body?);
        let start = taken + head;
        let payload = bytes.get(start..start + body);
        let (Some(payload), Some(first)) = (payload, bytes.get(taken)) else {
            break;
        };
        match first & 0x0f {
            0x1 => each(Seen::Text(payload)),
            0x8 => {
                let code = payload
                    .first_chunk()
                    .map_or(1005, |code| u16::from_be_bytes(*code));
                each(Seen::Close(code));
            }
            0x9 => each(Seen::Ping(payload)),
            _ => {}
        }
        taken = start + body;
    }
    Some(taken)
}

/// The lengths of a frame's head and body, once the head is there; the body's is none if it is too
/// long.
fn extent(bytes: &[u8]) -> Option<(usize, Option<usize>)> {
    let short = usize::from(bytes.get(1)? & 0x7f);
    let (head, body) = match short {
        126 => {
            let length = bytes.get(2..)?.first_chunk()?;
            (4, usize::from(u16::from_be_bytes(*length)))
        }
        127 => {
            let length = bytes.get(2..)?.first_chunk()?;
            (10, usize::try_from(u64::from_be_bytes(*length)).ok()?)
        }
        length => (2, length),
    };
    Some((head, (body <= MAX_FRAME_BYTES).then_some(body)))
}

/// A server's text frame.
pub(super) fn server_text(payload: &[u8]) -> Vec<u8> {
    frame(0x1, payload, false)
}

/// A client's text frame. Its mask is zero, which the rules allow and which costs nothing.
pub(super) fn client_text(payload: &[u8]) -> Vec<u8> {
    frame(0x1, payload, true)
}

/// A client's answer to a ping.
pub(super) fn client_pong(payload: &[u8]) -> Vec<u8> {
    frame(0xa, payload, true)
}

fn frame(opcode: u8, payload: &[u8], is_masked: bool) -> Vec<u8> {
    let mask = if is_masked { 0x80 } else { 0 };
    let mut bytes = Vec::with_capacity(payload.len() + 14);
    bytes.push(0x80 | opcode);
    if payload.len() < 126 {
        bytes.push(mask | payload.len() as u8);
    } else if let Ok(length) = u16::try_from(payload.len()) {
        bytes.push(mask | 0x7e);
        bytes.extend_from_slice(&length.to_be_bytes());
    } else {
        bytes.push(mask | 0x7f);
        bytes.extend_from_slice(&(payload.len() as u64).to_be_bytes());
    }
    if is_masked {
        bytes.extend_from_slice(&[0; 4]);
    }
    bytes.extend_from_slice(payload);
    bytes
}

/// The request that opens a WebSocket.
pub(super) fn handshake(host: &str, token: &str) -> String {
    format!(
        "GET /ws HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Authorization: Bearer {token}\r\n\r\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], piece: usize) -> Option<Vec<String>> {
        let mut reader = FrameReader::default();
        let mut seen = Vec::new();
        for piece in bytes.chunks(piece) {
            reader
                .feed(piece, |one| {
                    seen.push(match one {
                        Seen::Text(text) => format!("text of {}", text.len()),
                        Seen::Ping(text) => format!("ping of {}", text.len()),
                        Seen::Close(code) => format!("close {code}"),
                    });
                })
                .then_some(())?;
        }
        Some(seen)
    }

    #[test]
    fn frames_come_in_any_pieces() {
        let mut bytes = Vec::new();
        for length in [0, 125, 126, 65_535, 65_536] {
            bytes.extend(server_text(&vec![b'x'; length]));
        }
        bytes.extend([0x89, 1, b'p', 0x88, 2, 0x0f, 0xa1, 0x88, 0]);
        let expected = [
            "text of 0",
            "text of 125",
            "text of 126",
            "text of 65535",
            "text of 65536",
            "ping of 1",
            "close 4001",
            "close 1005",
        ];
        for piece in [1, 7, 4_096, bytes.len()] {
            assert_eq!(read(&bytes, piece).unwrap(), expected, "{piece}");
        }
    }

    #[test]
    fn a_frame_without_measure_is_a_fault() {
        let bytes = [0x81, 127, 0, 0, 0, 1, 0, 0, 0, 0];
        assert_eq!(read(&bytes, bytes.len()), None);
    }
}
