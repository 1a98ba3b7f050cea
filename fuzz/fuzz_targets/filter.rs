//! Any text as a filter, over any bytes as an item's data: no panic, and what is refused says why.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vigil_gateway::try_filter;

/// Something for an expression that knows the frame's fields.
const DATA: &[u8] =
    br#"{"score":8.5,"n":-1,"source":{"ip":"10.1.2.3"},"tags":["a","b"],"deep":[[1],[2,3]]}"#;

fuzz_target!(|parts: (&str, &[u8])| {
    let (expression, data) = parts;
    for data in [DATA, data] {
        if let Err(reason) = try_filter(expression, data) {
            assert!(!reason.is_empty() && reason.len() < 1_000, "{reason}");
        }
    }
});
