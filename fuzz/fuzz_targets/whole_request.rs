//! Any bytes as a whole request: no panic, and no body or secret in what may be kept.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vigil_decode::{Decoder, Format, Proxies, parse};
use vigil_event::{Event, Record, Timestamp};

/// What bodies are sent with.
const ENCODINGS: [&str; 6] = ["gzip", "deflate", "br", "zstd", "gzip, br", "zstd, zstd"];

fuzz_target!(|data: &[u8]| {
    judge(data.to_vec());
    // The same bytes as a body that is said to be compressed.
    for encoding in ENCODINGS {
        let head =
            format!("192.0.2.1 1795176000000\nPOST / HTTP/1.1\nContent-Encoding: {encoding}\n\n");
        judge([head.as_bytes(), data].concat());
    }
});

fn judge(mut bytes: Vec<u8>) {
    let record = Record::of(&bytes);
    let proxies = Proxies::new(Vec::new());
    let Ok(request) = parse(
        &mut bytes,
        &record,
        Format::Request,
        &proxies,
        Timestamp::default(),
    ) else {
        return;
    };
    let mut event = Event::new();
    Decoder::new().decode(&bytes, &record, &request, &mut event);
    assert!(event.whole.is_some());
}
