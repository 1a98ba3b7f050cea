//! Reads any bytes as the file of the state of behaviour, and as a slice of each of its parts: no panic, and
//! what is taken back can go on and be saved again.
#![no_main]

use std::io::Cursor;
use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use vigil_detect::state::format::Reader;
use vigil_detect::state::{Next, Part, Saves as _};
use vigil_detect::{Detector, DetectorOptions, FirstSeen, Shared};
use vigil_event::{Event, Field, Timestamp};
use vigil_rule::{RuleFile, RuleSet};

/// A match, and one counter of each kind of state.
const RULES: &str = "title: Any
id: 6a2f6f0e-0f5b-4a8e-9f0b-0d8a3a5f1c00
name: any
level: low
logsource: {category: webserver}
detection: {it: {url.path|contains: /}, condition: it}
vigil: {family: test, risk: 3.0}
---
title: Other
id: 6a2f6f0e-0f5b-4a8e-9f0b-0d8a3a5f1c01
name: other
level: low
logsource: {category: webserver}
detection: {it: {sc-status: 404}, condition: it}
";
const COUNTERS: [&str; 8] = [
    "bucket: {type: leaky, rules: [any], groupby: source.ip, distinct: url.path, capacity: 2, leakspeed: 9s}",
    "bucket: {type: counter, rules: [any], groupby: source.ip, duration: 7s, overflow_filter: {gte: 2}}",
    "bucket: {type: conditional, rules: [any], groupby: source.ip, leakspeed: 20s, condition: {newest: 3, median_interval: {gt: 1s}}}",
    "correlation: {type: event_count, rules: [any], group-by: [source.ip], timespan: 20s, condition: {gte: 4}}",
    "correlation: {type: value_count, rules: [any], group-by: [source.ip], timespan: 20s, condition: {field: url.path, gte: 4}}",
    "correlation: {type: temporal_ordered, rules: [any, other], group-by: [source.ip], timespan: 9s}",
    "correlation: {type: value_sum, rules: [any], group-by: [source.ip], timespan: 15s, condition: {field: sc-bytes, gte: 900}}",
    "correlation: {type: value_median, rules: [any], group-by: [url.path], timespan: 15s, condition: {field: sc-bytes, gte: 300}}",
];

static SET: LazyLock<Arc<RuleSet>> = LazyLock::new(|| {
    let counters = COUNTERS.iter().enumerate().map(|(n, parts)| {
        format!("---\ntitle: Counter {n}\nid: 6a2f6f0e-0f5b-4a8e-9f0b-0d8a3a5f1d{n:02}\nlevel: high\n{parts}\n")
    });
    let text = RULES.to_owned() + &counters.collect::<String>();
    let name = "a.yml".to_owned();
    Arc::new(RuleSet::load(&[RuleFile { name, text }]).expect("it loads"))
});

fn judge(detector: &mut Detector, shared: &mut Shared) {
    for n in 0..12 {
        let mut event = Event::new();
        event.source_ip = "192.0.2.1".parse().ok();
        event.occurred_at = Timestamp::from_millis(1_700_000_000_000 + n * 700);
        event.status = 404;
        event.body_bytes = 300;
        event.set(Field::UrlPath, format!("/{n}").as_bytes());
        let judgement = detector.judge(&event).unwrap_or_default();
        if let Some(sighting) = detector.sighting(&event) {
            drop(shared.further(&sighting, &judgement));
        }
    }
}

/// The parts that there are.
static PARTS: LazyLock<Vec<Part>> = LazyLock::new(|| {
    let options = DetectorOptions::default();
    let mut detector = Detector::new(Arc::clone(&SET), &options);
    let mut shared = Shared::new(Arc::clone(&SET), &options);
    judge(&mut detector, &mut shared);
    let mut parts = Vec::new();
    detector.begin_saving();
    while let Next::Slice(slice) = detector.next_slice() {
        parts.push(slice.part);
    }
    shared.begin_saving();
    while let Next::Slice(slice) = shared.next_slice() {
        parts.push(slice.part);
    }
    parts
});

fuzz_target!(|bytes: &[u8]| {
    let options = DetectorOptions::default();
    let mut detector = Detector::new(Arc::clone(&SET), &options);
    let mut shared = Shared::new(Arc::clone(&SET), &options);
    let first_seen = FirstSeen::default();
    let mut take = |part: &Part, bytes: &[u8]| {
        _ = detector.take_back(part, bytes, &|_| true);
        _ = shared.take_back(part, bytes);
        _ = first_seen.take_back(part, bytes);
    };
    if let Ok(mut reader) = Reader::open(Cursor::new(bytes)) {
        drop(reader.damaged());
        drop(reader.slices(|place, bytes| take(&place.part, bytes)));
    } else if let Some((which, bytes)) = bytes.split_first()
        && let Some(part) = PARTS.get(usize::from(*which) % PARTS.len().max(1))
    {
        take(part, bytes);
    }
    judge(&mut detector, &mut shared);
    detector.begin_saving();
    while let Next::Slice(slice) = detector.next_slice() {
        let mut again = Detector::new(Arc::clone(&SET), &options);
        assert_eq!(
            again.take_back(&slice.part, &slice.bytes, &|_| true),
            Ok(slice.keys)
        );
    }
});
