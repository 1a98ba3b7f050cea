//! Parses any bytes in every format, whole and cut: no panic, and every span within the bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vigil_decode::{Format, Proxies, parse};
use vigil_event::{Record, Timestamp};

fuzz_target!(|line: &[u8]| {
    // Networks that the seeds' addresses are in, so that chains are walked.
    let networks = ["0.0.0.0/1", "::/1"].map(|network| network.parse().expect("a network"));
    let proxies = Proxies::new(networks.to_vec());
    let Ok(len) = u32::try_from(line.len()) else {
        return;
    };
    for format in Format::ALL {
        for truncated in [false, true] {
            let mut bytes = [b"before\n", line, b"\nafter"].concat();
            let length = bytes.len();
            let record = Record {
                start: 7,
                len,
                offset: 0,
                truncated,
            };
            let parsed = parse(&mut bytes, &record, format, &proxies, Timestamp::default());
            assert!(
                bytes.len() <= length + 2 * line.len(),
                "more was unescaped than there is"
            );
            let Ok(request) = parsed else { continue };
            for span in [
                request.user,
                request.method,
                request.target,
                request.path,
                request.query,
                request.host,
                request.version,
                request.user_agent,
                request.referrer,
                request.cookie,
            ] {
                assert!(span.start() <= span.end() && span.end() <= bytes.len());
                let in_line = span.start() >= 7 && span.end() <= 7 + line.len();
                assert!(
                    span.is_empty() || in_line || span.start() >= length,
                    "a span of another record"
                );
            }
        }
    }
});
