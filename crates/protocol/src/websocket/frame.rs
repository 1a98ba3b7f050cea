//! Frames as a server writes them: unmasked, whole, head and payload in one piece of memory.

use bytes::{BufMut as _, Bytes, BytesMut};

use super::reader::MAX_CONTROL_BYTES;

/// The first byte's bit for the last frame of a message. Ours are always one frame.
const FIN: u8 = 0x80;

/// The first byte's bit for a compressed message.
const COMPRESSED: u8 = 0x40;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opcode {
    /// The message that was begun goes on.
    Continuation = 0x0,
    /// UTF-8.
    Text = 0x1,
    /// Bytes.
    Binary = 0x2,
    /// The end.
    Close = 0x8,
    /// To be answered by a pong with the same payload.
    Ping = 0x9,
    /// The answer to a ping.
    Pong = 0xa,
}

impl Opcode {
    /// The low half of a frame's first byte.
    pub const fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xa => Self::Pong,
            _ => return None,
        })
    }

    /// Whether it may stand between the frames of a message.
    pub const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// A message from the server, ready to be written. Clones share the memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame(Bytes);

impl Frame {
    /// A message in one frame.
    pub fn new(opcode: Opcode, payload: &[u8]) -> Self {
        Self::with_bits(FIN | opcode as u8, payload)
    }

    /// A message whose payload was compressed, for connections that agreed to it.
    pub fn compressed(opcode: Opcode, payload: &[u8]) -> Self {
        Self::with_bits(FIN | COMPRESSED | opcode as u8, payload)
    }

    /// The end, with the reason as far as it fits.
    pub fn close(code: u16, reason: &str) -> Self {
        let mut end = reason.len().min(MAX_CONTROL_BYTES - 2);
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        let mut payload = code.to_be_bytes().to_vec();
        payload.extend_from_slice(reason.as_bytes().get(..end).unwrap_or_default());
        Self::new(Opcode::Close, &payload)
    }

    /// What [`into_bytes`](Self::into_bytes) gave.
    pub const fn from_bytes(bytes: Bytes) -> Self {
        Self(bytes)
    }

    fn with_bits(first: u8, payload: &[u8]) -> Self {
        let mut bytes = BytesMut::with_capacity(payload.len() + 10);
        bytes.put_u8(first);
        if payload.len() < 126 {
            bytes.put_u8(payload.len() as u8);
        } else if let Ok(length) = u16::try_from(payload.len()) {
            bytes.put_u8(126);
            bytes.put_u16(length);
        } else {
            bytes.put_u8(127);
            bytes.put_u64(payload.len() as u64);
        }
        bytes.put_slice(payload);
        Self(bytes.freeze())
    }

    /// How long the head is, which its second byte says.
    fn head(&self) -> usize {
        match self.0.get(1) {
            Some(126) => 4,
            Some(127) => 10,
            _ => 2,
        }
    }

    /// Head and payload, as they are written.
    pub const fn bytes(&self) -> &Bytes {
        &self.0
    }

    /// Head and payload, as they are written.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }

    /// What was framed.
    pub fn payload(&self) -> &[u8] {
        self.0.get(self.head()..).unwrap_or_default()
    }
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "a test may fail by a panic")]
mod tests {
    use super::*;

    #[test]
    fn the_head_has_the_shortest_length_that_fits() {
        for (length, head) in [
            (0, vec![0x81, 0]),
            (125, vec![0x81, 125]),
            (126, vec![0x81, 126, 0, 126]),
            (65_535, vec![0x81, 126, 0xff, 0xff]),
            (65_536, vec![0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let payload = vec![b'x'; length];
            let frame = Frame::new(Opcode::Text, &payload);
            assert_eq!(frame.bytes()[..head.len()], head);
            assert_eq!(frame.payload(), payload);
            assert_eq!(Frame::from_bytes(frame.clone().into_bytes()), frame);
        }
        assert_eq!(Frame::compressed(Opcode::Binary, b"").bytes()[0], 0xc2);
    }

    #[test]
    fn a_close_frame_cuts_its_reason_between_characters() {
        let frame = Frame::close(1008, &"é".repeat(100));
        assert_eq!(frame.payload().len(), 2 + 122);
        assert_eq!(frame.payload()[..2], [0x03, 0xf0]);
        assert!(std::str::from_utf8(&frame.payload()[2..]).is_ok());
    }
}
