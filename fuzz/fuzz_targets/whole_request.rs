//! Any bytes as a whole request: no panic, and no body or secret in what may be kept.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vigil_decode::{Decoder, Format, Proxies, parse};
use vigil_event::{Event, Record, Timestamp};

fuzz_target!(|data: &[u8]| {
    let mut bytes = data.to_vec();
    let record = Record {
        start: 0,
        len: bytes.len() as u32,
        offset: 0,
        truncated: false,
    };
    let proxies = Proxies::new(Vec::new());
    let Ok(request) = parse(&mut bytes, &record, Format::Request, &proxies, Timestamp::default()) else {
        return;
    };
    let mut event = Event::new();
    Decoder::new().decode(&bytes, &record, &request, &mut event);
    assert!(event.whole.is_some());
});
