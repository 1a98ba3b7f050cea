//! Compresses messages for the connections that agreed to it: each once, from a length up. Counts what is
//! made of messages.

use std::sync::Arc;

use parking_lot::Mutex;
use vigil_protocol::websocket::deflate::Deflater;
use vigil_protocol::websocket::{Frame, Opcode};

use crate::frame::form::Encoding;
use crate::telemetry::Telemetry;

/// Compresses messages.
#[derive(Debug)]
pub(crate) struct Press {
    from_bytes: usize,
    /// One for all: a message is compressed once however many hear it.
    deflater: Mutex<Deflater>,
    telemetry: Arc<Telemetry>,
}

impl Press {
    /// Compresses what is at least so long; nothing at 0.
    pub(crate) fn new(from_bytes: usize, telemetry: &Arc<Telemetry>) -> Self {
        Self {
            from_bytes,
            deflater: Mutex::default(),
            telemetry: Arc::clone(telemetry),
        }
    }

    /// A publication was put so.
    pub(crate) fn encoded(&self, encoding: Encoding, frame: &Frame) {
        self.telemetry.output.encoded(encoding, frame.bytes().len());
    }

    pub(crate) const fn may_compress(&self) -> bool {
        self.from_bytes > 0
    }

    /// Whether something of that length is compressed.
    pub(crate) const fn is_worth_it(&self, length: usize) -> bool {
        self.may_compress() && length >= self.from_bytes
    }

    /// The frame of a payload, compressed where that makes it shorter.
    pub(crate) fn frame(&self, opcode: Opcode, payload: &[u8]) -> Frame {
        self.compressed(opcode, payload)
            .unwrap_or_else(|| Frame::new(opcode, payload))
    }

    /// The compressed frame of a payload; none where it stays as it is.
    pub(crate) fn compressed(&self, opcode: Opcode, payload: &[u8]) -> Option<Frame> {
        self.is_worth_it(payload.len()).then_some(())?;
        let small = self.deflater.lock().deflate(payload);
        let length = small.as_ref().map_or(payload.len(), Vec::len);
        self.telemetry.output.compressed(payload.len(), length);
        Some(Frame::compressed(opcode, &small?))
    }
}
