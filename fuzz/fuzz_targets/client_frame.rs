//! Reads any bytes as a client's frame, in JSON and in MessagePack: no panic, and no more JSON than the
//! bound of the conversion.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vigil_protocol::{ClientFrame, message_pack};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        drop(ClientFrame::decode(text));
    }
    if let Ok(json) = message_pack::to_json(bytes) {
        assert!(json.len() <= bytes.len() * 8 + 64, "it grew too much");
        drop(ClientFrame::decode(&json));
    }
});
