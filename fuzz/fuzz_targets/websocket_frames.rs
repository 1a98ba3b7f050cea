//! What a client sends on a WebSocket, in any pieces: frames, fragments, compression, extensions' offers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vigil_protocol::websocket::{FromClient, Reader, deflate};

const MAX: usize = 4_096;

fuzz_target!(|input: (u8, bool, &[u8])| {
    let (piece, inflates, bytes) = input;
    let mut reader = Reader::new(MAX, inflates);
    for piece in bytes.chunks(usize::from(piece).max(1)) {
        reader.feed(piece);
        while let Ok(Some(message)) = reader.message() {
            if let FromClient::Text(said) = &message {
                assert!(said.len() <= MAX);
            }
        }
    }
    if let Ok(offers) = std::str::from_utf8(bytes) {
        deflate::negotiate(offers);
    }
});
