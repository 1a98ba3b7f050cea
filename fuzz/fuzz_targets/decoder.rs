//! Parses and decodes any bytes: no panic, few views, all different, and the same event each time.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vigil_decode::{Decoder, Format, Proxies, parse};
use vigil_event::{Event, Field, Record, Timestamp, View, ViewKind};

fuzz_target!(|line: &[u8]| {
    let mut bytes = line.to_vec();
    let record = Record {
        truncated: true,
        ..Record::of(line)
    };
    let Ok(request) = parse(
        &mut bytes,
        &record,
        Format::Auto,
        &Proxies::default(),
        Timestamp::default(),
    ) else {
        return;
    };
    let mut decoder = Decoder::new();
    let mut event = Event::new();
    decoder.decode(&bytes, &record, &request, &mut event);

    assert_eq!(event.raw(Field::EventOriginal), Some(line));
    assert!(event.views().count() <= Event::MAX_VIEWS);
    assert!(event.decode_depth <= 5);
    for field in Field::ALL {
        let views: Vec<_> = event.views_of(field).collect();
        // Parameters are many, and only as decoded.
        if matches!(field, Field::ParameterName | Field::ParameterValue) {
            continue;
        }
        for (place, view) in views.iter().enumerate() {
            assert_eq!(view.decodings.is_raw(), place == 0);
            // Two readings may agree: a rule can ask for either.
            let agree = |other: &View<'_>| {
                let is_reading = |view: &View<'_>| {
                    !matches!(view.decodings.kind(), ViewKind::Raw | ViewKind::Decoded)
                };
                is_reading(view) && is_reading(other) && view.decodings != other.decodings
            };
            assert!(
                views
                    .iter()
                    .skip(place + 1)
                    .all(|other| other.text != view.text || agree(other))
            );
            // Undoing an encoding never makes text longer.
            assert!(view.text.len() <= views[0].text.len() + 1);
        }
    }

    // The same line through warm buffers is the same event: the second time it is kept, the third it comes
    // from there.
    for _ in 0..2 {
        let mut again = Event::new();
        decoder.decode(&bytes, &record, &request, &mut again);
        assert!(event.views().eq(again.views()));
        assert!(event.parameters().eq(again.parameters()));
        assert_eq!(event.decode_depth, again.decode_depth);
    }
});
