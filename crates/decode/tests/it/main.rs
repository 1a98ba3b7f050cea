//! The crate from the outside: whole lines in, whole events out.

mod evasion;
mod formats;
mod hostile;
mod other_logs;
mod property;

use vigil_decode::{Decoder, Format, ParseError, Proxies, Request, Span, parse};
use vigil_event::{Decodings, Event, Field, Record, Timestamp};

/// When every line in these tests was read.
const READ_AT: Timestamp = Timestamp::from_millis(1_795_176_000_000);

/// The time in those lines that have one.
const TIME: &str = "[20/Nov/2026:13:00:01 +0100]";

/// A line and what it was parsed into.
struct Parsed {
    bytes: Vec<u8>,
    record: Record,
    request: Request,
}

impl Parsed {
    fn text(&self, span: Span) -> String {
        String::from_utf8_lossy(span.of(&self.bytes)).into_owned()
    }

    fn event(&self) -> Event {
        let mut event = Event::new();
        Decoder::new().decode(&self.bytes, &self.record, &self.request, &mut event);
        event
    }
}

fn try_parse(
    line: &[u8],
    format: Format,
    proxies: &Proxies,
    truncated: bool,
) -> Result<Parsed, ParseError> {
    // A record stands somewhere in its batch, between others.
    let mut bytes = [b"other\n", line, b"\nnext"].concat();
    let record = Record {
        start: 6,
        len: line.len() as u32,
        offset: 6,
        truncated,
    };
    let request = parse(&mut bytes, &record, format, proxies, READ_AT)?;
    Ok(Parsed {
        bytes,
        record,
        request,
    })
}

fn parsed(line: impl AsRef<[u8]>) -> Parsed {
    let line = line.as_ref();
    try_parse(line, Format::Auto, &Proxies::default(), false)
        .unwrap_or_else(|error| panic!("{}: {error}", line.escape_ascii()))
}

fn raw(event: &Event, field: Field) -> String {
    String::from_utf8_lossy(event.raw(field).unwrap_or_default()).into_owned()
}

/// The decoded views of a field, with what was undone.
fn views(event: &Event, field: Field) -> Vec<(String, Decodings)> {
    let decoded = event
        .views_of(field)
        .filter(|view| !view.decodings.is_raw());
    decoded
        .map(|view| {
            (
                String::from_utf8_lossy(view.text).into_owned(),
                view.decodings,
            )
        })
        .collect()
}
