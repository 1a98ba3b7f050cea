//! Reads what a client sends: frames in any pieces become whole messages.
//!
//! Everything is bounded before it is kept: a frame's length is looked at when its head is there. After
//! a [`Fault`] nothing more can be read.

use super::deflate;
use super::frame::Opcode;

/// The longest payload of a control frame.
pub const MAX_CONTROL_BYTES: usize = 125;

/// Why what a client sends can't be read any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A message is longer than allowed: 1009.
    #[error("a message is too long")]
    TooBig,
    /// A text is not UTF-8, or what is compressed can't be inflated: 1007.
    #[error("a message's payload is not what it should be")]
    BadPayload,
    /// A frame breaks the rules: 1002.
    #[error("{0}")]
    Protocol(&'static str),
}

/// A whole message from a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromClient {
    /// A text.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
    /// A ping, to be answered with the same bytes.
    Ping(Vec<u8>),
    /// A pong.
    Pong,
    /// The client's end, with its code.
    Close(Option<u16>),
}

/// Reads what one client sends. Holds no memory while there is nothing unfinished.
#[derive(Debug)]
pub struct Reader {
    max_message_bytes: usize,
    inflates: bool,
    buffer: Vec<u8>,
    /// How much of the buffer is done with.
    taken: usize,
    /// Most messages are one frame.
    begun: Option<Box<Begun>>,
    is_over: bool,
}

/// A message of which not all frames have come.
#[derive(Debug)]
struct Begun {
    is_text: bool,
    is_compressed: bool,
    payload: Vec<u8>,
}

/// What a frame's head says.
struct Head {
    is_last: bool,
    is_compressed: bool,
    opcode: Opcode,
    mask: [u8; 4],
    payload_at: usize,
    length: usize,
}

impl Reader {
    /// A reader of messages up to that length. `inflates`: permessage-deflate was agreed on.
    pub const fn new(max_message_bytes: usize, inflates: bool) -> Self {
        Self {
            max_message_bytes,
            inflates,
            buffer: Vec::new(),
            taken: 0,
            begun: None,
            is_over: false,
        }
    }

    /// Takes what has come. Ask [`message`](Self::message) for everything in it before feeding more: that
    /// bounds what is kept.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.is_over {
            return;
        }
        if self.taken > 0 {
            self.buffer.drain(..self.taken);
            self.taken = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole message; none until more has been fed.
    pub fn message(&mut self) -> Result<Option<FromClient>, Fault> {
        let next = self.advance();
        if next.is_err() || matches!(next, Ok(Some(FromClient::Close(_)))) {
            // RFC 6455, 5.5.1: nothing comes after the end.
            self.is_over = true;
            self.begun = None;
            self.taken = self.buffer.len();
        }
        if self.taken == self.buffer.len() {
            self.buffer = Vec::new();
            self.taken = 0;
        }
        next
    }

    /// Whether a message may be there without more bytes.
    pub const fn has_more(&self) -> bool {
        self.taken < self.buffer.len()
    }

    fn advance(&mut self) -> Result<Option<FromClient>, Fault> {
        while let Some(head) = self.head()? {
            let start = self.taken + head.payload_at;
            let Some(masked) = self.buffer.get_mut(start..start + head.length) else {
                return Ok(None);
            };
            unmask(masked, head.mask);
            let payload = masked.to_vec();
            self.taken = start + head.length;
            let message = if head.opcode.is_control() {
                Some(control(head.opcode, payload)?)
            } else {
                self.data(&head, payload)?
            };
            if message.is_some() {
                return Ok(message);
            }
        }
        Ok(None)
    }

    /// The head of the next frame, once it is there, checked.
    fn head(&self) -> Result<Option<Head>, Fault> {
        let bytes = self.buffer.get(self.taken..).unwrap_or_default();
        let (Some(first), Some(second)) = (bytes.first(), bytes.get(1)) else {
            return Ok(None);
        };
        let opcode =
            Opcode::from_bits(first & 0x0f).ok_or(Fault::Protocol("an opcode is unknown"))?;
        let is_last = first & 0x80 != 0;
        let is_compressed = first & 0x40 != 0;
        if first & 0x30 != 0 || (is_compressed && !self.may_be_compressed(opcode)) {
            return Err(Fault::Protocol("a reserved bit is set"));
        }
        if second & 0x80 == 0 {
            return Err(Fault::Protocol("a frame is not masked"));
        }
        let short = usize::from(second & 0x7f);
        if opcode.is_control() && (!is_last || short > MAX_CONTROL_BYTES) {
            return Err(Fault::Protocol("a control frame is fragmented or too long"));
        }
        let Some((length, mask_at)) = length(short, bytes)? else {
            return Ok(None);
        };
        let so_far = self.begun.as_ref().map_or(0, |begun| begun.payload.len());
        let room = self.max_message_bytes.saturating_sub(so_far);
        if !opcode.is_control() && length > room as u64 {
            return Err(Fault::TooBig);
        }
        let Some(mask) = bytes.get(mask_at..).and_then(|rest| rest.first_chunk()) else {
            return Ok(None);
        };
        Ok(Some(Head {
            is_last,
            is_compressed,
            opcode,
            mask: *mask,
            payload_at: mask_at + 4,
            // It is no more than a message may be long.
            length: usize::try_from(length).map_err(|_| Fault::TooBig)?,
        }))
    }

    const fn may_be_compressed(&self, opcode: Opcode) -> bool {
        self.inflates && matches!(opcode, Opcode::Text | Opcode::Binary)
    }

    fn data(&mut self, head: &Head, payload: Vec<u8>) -> Result<Option<FromClient>, Fault> {
        let begun = match (self.begun.take(), head.opcode) {
            (None, Opcode::Continuation) => {
                return Err(Fault::Protocol("nothing was begun that could go on"));
            }
            (Some(mut begun), Opcode::Continuation) => {
                begun.payload.extend_from_slice(&payload);
                begun
            }
            (Some(_), _) => {
                return Err(Fault::Protocol("a message begins within another one"));
            }
            (None, opcode) => Box::new(Begun {
                is_text: opcode == Opcode::Text,
                is_compressed: head.is_compressed,
                payload,
            }),
        };
        if head.is_last {
            return begun.finish(self.max_message_bytes).map(Some);
        }
        self.begun = Some(begun);
        Ok(None)
    }
}

impl Begun {
    /// The message, now that all of it is there.
    fn finish(self, max: usize) -> Result<FromClient, Fault> {
        let payload = if self.is_compressed {
            deflate::inflate(&self.payload, max)?
        } else {
            self.payload
        };
        if !self.is_text {
            return Ok(FromClient::Binary(payload));
        }
        let text = String::from_utf8(payload).map_err(|_| Fault::BadPayload)?;
        Ok(FromClient::Text(text))
    }
}

/// A frame's length and where its mask stands, once that much is there. Longer than needed it may not
/// be written.
fn length(short: usize, bytes: &[u8]) -> Result<Option<(u64, usize)>, Fault> {
    let rest = bytes.get(2..).unwrap_or_default();
    let (length, mask_at, least) = match short {
        126 => match rest.first_chunk() {
            Some(length) => (u64::from(u16::from_be_bytes(*length)), 4, 126),
            None => return Ok(None),
        },
        127 => match rest.first_chunk() {
            Some(length) => (u64::from_be_bytes(*length), 10, 65_536),
            None => return Ok(None),
        },
        short => (short as u64, 2, 0),
    };
    if length < least {
        return Err(Fault::Protocol("a length is written longer than needed"));
    }
    Ok(Some((length, mask_at)))
}

fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let (words, rest) = payload.as_chunks_mut::<4>();
    let word_mask = u32::from_ne_bytes(mask);
    for word in words {
        *word = (u32::from_ne_bytes(*word) ^ word_mask).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask) {
        *byte ^= mask;
    }
}

fn control(opcode: Opcode, payload: Vec<u8>) -> Result<FromClient, Fault> {
    match opcode {
        Opcode::Ping => Ok(FromClient::Ping(payload)),
        Opcode::Close => close(&payload),
        _ => Ok(FromClient::Pong),
    }
}

/// RFC 6455, 7.4: an end has no code or one that may be sent, and a reason in UTF-8.
fn close(payload: &[u8]) -> Result<FromClient, Fault> {
    let Some((code, reason)) = payload.split_first_chunk() else {
        return match payload {
            [] => Ok(FromClient::Close(None)),
            _ => Err(Fault::Protocol("a close frame has half a code")),
        };
    };
    let code = u16::from_be_bytes(*code);
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(Fault::Protocol("a close code may not be sent"));
    }
    if std::str::from_utf8(reason).is_err() {
        return Err(Fault::BadPayload);
    }
    Ok(FromClient::Close(Some(code)))
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
