//! A log line as an event, by the real parser and decoder.

use vigil_decode::{Decoder, Format, Proxies, parse};
use vigil_event::{Event, Record, Timestamp};

/// The event of one line.
pub(crate) fn event(line: &str) -> Event {
    let mut bytes = line.as_bytes().to_vec();
    let record = Record::of(&bytes);
    let read_at = Timestamp::from_millis(1_795_176_000_000);
    let request = parse(
        &mut bytes,
        &record,
        Format::Auto,
        &Proxies::new(Vec::new()),
        read_at,
    )
    .unwrap_or_else(|error| panic!("{error}: {line}"));
    let mut event = Event::new();
    Decoder::new().decode(&bytes, &record, &request, &mut event);
    event
}
