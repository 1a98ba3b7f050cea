//! State over a restart: what is saved gives the same verdicts on whatever follows.

use std::io::Cursor;
use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use vigil_event::{Event, Field, Timestamp};
use vigil_rule::{RuleFile, RuleSet};

use super::format::{FormatError, Head, Reader, TakenBack, Writer};
use super::*;
use crate::{
    CorrelationOptions, Detector, DetectorOptions, FirstSeen, RiskOptions, Secret, Shared,
    WindowOptions, lane,
};

const RULES: &str = "title: Failed
id: 6a2f6f0e-0f5b-4a8e-9f0b-0d8a3a5f1c00
name: failed
level: low
logsource: {category: webserver}
detection: {it: {sc-status: 401}, condition: it}
vigil: {family: guessing, risk: 3.0}
---
title: Odd
id: 6a2f6f0e-0f5b-4a8e-9f0b-0d8a3a5f1c01
name: odd
level: medium
logsource: {category: webserver}
detection: {it: {url.query|contains: odd}, condition: it}
vigil: {family: odd, risk: 5.0}
---
title: New
id: 6a2f6f0e-0f5b-4a8e-9f0b-0d8a3a5f1c02
name: new
level: low
logsource: {category: webserver}
detection: {it: {vigil.address.first_seen_seconds|lt: 2}, condition: it}
";

/// What is counted of matches of `failed` and `odd`: every kind of state.
const COUNTERS: [&str; 16] = [
    "bucket: {type: leaky, rules: [failed], groupby: source.ip, capacity: 3, leakspeed: 5s}",
    "bucket: {type: leaky, rules: [failed], groupby: source.ip, capacity: 2, leakspeed: 5s, blackhole: 40s, cancel_on: [odd]}",
    "bucket: {type: leaky, rules: [failed], groupby: source.ip, distinct: url.path, capacity: 2, leakspeed: 9s}",
    "bucket: {type: leaky, rules: [failed, odd], groupby: url.path, capacity: 4, leakspeed: 5s, overflow_filter: {of: odd, share: {gte: 0.3}}}",
    "bucket: {type: counter, rules: [failed], groupby: source.ip, duration: 7s, overflow_filter: {gte: 2}}",
    "bucket: {type: conditional, rules: [failed, odd], groupby: source.ip, leakspeed: 20s, condition: {newest: 3, median_interval: {gt: 1s}}}",
    "bucket: {type: bayesian, rules: [failed, odd], groupby: source.ip, leakspeed: 20s, bayesian_prior: 0.1, bayesian_threshold: 0.8, bayesian_conditions: [{condition: odd, prob_given_evil: 0.8, prob_given_benign: 0.1, guillotine: true}, {condition: {of: failed, gte: 2}, prob_given_evil: 0.9, prob_given_benign: 0.05}]}",
    "bucket: {type: trigger, rules: [odd], groupby: source.ip, blackhole: 10s}",
    "correlation: {type: event_count, rules: [failed], group-by: [source.ip], timespan: 20s, condition: {gte: 4}}",
    "correlation: {type: event_count, rules: [failed], group-by: [url.path], timespan: 20s, condition: {gte: 5}}",
    "correlation: {type: value_count, rules: [failed], group-by: [url.domain], timespan: 20s, condition: {field: source.ip, gte: 4}}",
    "correlation: {type: temporal, rules: [failed, odd], group-by: [source.ip], timespan: 9s}",
    "correlation: {type: temporal_ordered, rules: [odd, failed], group-by: [source.ip], timespan: 9s}",
    "correlation: {type: value_sum, rules: [failed], group-by: [source.ip], timespan: 15s, condition: {field: sc-bytes, gte: 900}}",
    "correlation: {type: value_avg, rules: [failed], group-by: [source.ip], timespan: 15s, condition: {field: sc-bytes, gte: 300}}",
    "correlation: {type: value_median, rules: [failed], group-by: [source.ip], timespan: 15s, condition: {field: sc-bytes, gte: 300}}",
];

fn rules_of(counters: &[&str]) -> Arc<RuleSet> {
    let counters = counters.iter().enumerate().map(|(n, parts)| {
        format!("---\ntitle: Counter {n}\nid: 6a2f6f0e-0f5b-4a8e-9f0b-0d8a3a5f1d{n:02}\nlevel: high\n{parts}\n")
    });
    let text = RULES.to_owned() + &counters.collect::<String>();
    let name = "a.yml".to_owned();
    Arc::new(RuleSet::load(&[RuleFile { name, text }]).unwrap())
}

static ALL_RULES: LazyLock<Arc<RuleSet>> = LazyLock::new(|| rules_of(&COUNTERS));

fn options(threads: u32) -> DetectorOptions {
    DetectorOptions {
        windows: WindowOptions {
            period_ms: 10_000,
            request_rate: 12,
            error_minimum: 5,
            path_spread: 9,
            max_addresses: 1_000,
            ..WindowOptions::default()
        },
        risk: RiskOptions {
            half_life_ms: 60_000,
            shards: threads,
            ..RiskOptions::default()
        },
        ..DetectorOptions::default()
    }
}

/// Everything that has state, on some threads.
struct Vigil {
    secret: Secret,
    detectors: Vec<Detector>,
    shared: Shared,
    first_seen: Arc<FirstSeen>,
    /// Who was known when saving began.
    seen: Vec<Slice>,
}

impl Vigil {
    fn new(rules: &Arc<RuleSet>, secret: Secret, threads: u32, options: &DetectorOptions) -> Self {
        let first_seen = Arc::new(FirstSeen::keyed_by(secret));
        let detector = |_| {
            let mut detector = Detector::new(Arc::clone(rules), options).keyed_by(secret);
            detector.share(&first_seen);
            detector
        };
        Self {
            secret,
            detectors: (0..threads).map(detector).collect(),
            shared: Shared::new(Arc::clone(rules), options).keyed_by(secret),
            first_seen,
            seen: Vec::new(),
        }
    }

    fn judge(&mut self, asked: &Asked) -> Vec<String> {
        let mut event = asked.event();
        let thread = usize::from(lane(event.source_ip)) % self.detectors.len();
        let detector = &mut self.detectors[thread];
        detector.introduce(&mut event);
        let mut judgement = detector.judge(&event).unwrap_or_default();
        if let Some(sighting) = detector.sighting(&event) {
            self.shared.follow(&sighting);
            let further = self.shared.further(&sighting, &judgement);
            judgement = judgement.with(further);
        }
        let found = judgement.detections.iter();
        found
            .map(|one| format!("{} {:.6} {:?}", one.rule_id, one.score.value(), one.reason))
            .chain([format!("{:?}", event.first_seen)])
            .collect()
    }

    fn begin(&mut self) {
        self.detectors.iter_mut().for_each(Detector::begin_saving);
        self.shared.begin_saving();
        self.seen.clear();
        // While the server runs it is saved last, of no moment: to be told of an event twice changes
        // nothing, unless others came late meanwhile.
        self.first_seen.save(|slice| {
            self.seen.push(slice);
            true
        });
    }

    /// Writes what is left of what was begun.
    fn finish(&mut self) -> Vec<u8> {
        let mut writer = Writer::begin(Vec::new()).unwrap();
        for (thread, detector) in (0..).zip(&mut self.detectors) {
            while let Next::Slice(slice) = detector.next_slice() {
                writer.add(slice, Some(thread)).unwrap();
            }
            assert!(matches!(detector.next_slice(), Next::Stopped), "all is out");
        }
        while let Next::Slice(slice) = self.shared.next_slice() {
            writer.add(slice, None).unwrap();
        }
        for slice in self.seen.drain(..) {
            writer.add(slice, None).unwrap();
        }
        writer.finish(&self.head()).unwrap().0
    }

    fn head(&self) -> Head {
        Head {
            secret: self.secret,
            saved_at: Timestamp::from_millis(7),
            threads: self.detectors.len() as u32,
            positions: Vec::new(),
        }
    }

    fn saved(&mut self) -> Vec<u8> {
        self.begin();
        self.finish()
    }

    fn take_back(&mut self, bytes: &[u8]) -> Result<TakenBack, FormatError> {
        let mut reader = Reader::open(Cursor::new(bytes))?;
        let threads = self.detectors.len();
        let damaged = reader.damaged()?;
        let saved_as = reader.head().threads as usize;
        let mut taken = TakenBack::default();
        reader.slices(|place, bytes| {
            let part = &place.part;
            if damaged.contains(part) {
                taken.note(part, Err(Refused::Damaged));
            } else if let Some(saved_by) = place.thread {
                let is_same = saved_as == threads;
                let detectors = self.detectors.iter_mut().enumerate();
                let theirs = |(thread, _): &(usize, _)| !is_same || *thread == saved_by as usize;
                for (thread, detector) in detectors.filter(theirs) {
                    let mine = |lane| usize::from(lane) % threads == thread;
                    taken.note(part, detector.take_back(part, bytes, &mine));
                }
            } else {
                let seen = self.first_seen.take_back(part, bytes);
                let known = seen.or_else(|_| self.shared.take_back(part, bytes));
                taken.note(part, known);
            }
        })?;
        Ok(taken)
    }

    /// The same after a restart, on so many threads.
    fn restarted(&self, bytes: &[u8], threads: u32) -> Self {
        let rules = self.detectors[0].rules();
        let secret = Reader::open(Cursor::new(bytes)).unwrap().head().secret;
        let mut fresh = Self::new(rules, secret, threads, &options(threads));
        let taken = fresh.take_back(bytes).unwrap();
        let refused: Vec<_> = taken.refused.keys().map(|part| &*part.name).collect();
        if threads as usize == self.detectors.len() {
            assert!(refused.is_empty(), "{refused:?}");
        } else {
            assert!(refused.iter().all(|name| *name == "clients"), "{refused:?}");
        }
        fresh
    }
}

/// A request.
#[derive(Clone, Debug)]
struct Asked {
    at: i64,
    address: u8,
    path: u8,
    status: u16,
    is_odd: bool,
    bytes: u64,
}

impl Asked {
    fn event(&self) -> Event {
        let mut event = Event::new();
        event.source_ip = format!("192.0.2.{}", self.address).parse().ok();
        event.occurred_at = Timestamp::from_millis(self.at);
        event.status = self.status;
        event.body_bytes = self.bytes;
        event.set(Field::UrlPath, format!("/{}", self.path).as_bytes());
        event.set(Field::UrlDomain, b"shop.example");
        event.set(Field::UserName, format!("user{}", self.path % 3).as_bytes());
        event.set(Field::Cookie, format!("sid={}", self.path % 4).as_bytes());
        if self.is_odd {
            event.set(Field::UrlQuery, b"a=odd");
        }
        event
    }
}

fn asked() -> impl Strategy<Value = Asked> {
    let status = prop_oneof![Just(401_u16), Just(401), Just(404), Just(200)];
    (0..2_500_i64, 0..6_u8, 0..12_u8, status, 0..5_u8, 0..500_u64).prop_map(
        |(at, address, path, status, odd, bytes)| Asked {
            at,
            address,
            path,
            status,
            is_odd: odd == 0,
            bytes,
        },
    )
}

/// In about the order of their time.
fn stream() -> impl Strategy<Value = Vec<Asked>> {
    prop::collection::vec(asked(), 1..160).prop_map(|mut all| {
        let mut now = 1_000_000;
        for asked in &mut all {
            now += asked.at;
            // Some come late.
            asked.at = now - if asked.bytes % 7 == 0 { 3_000 } else { 0 };
        }
        all
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn after_a_restart_the_verdicts_are_the_same(
        stream in stream(),
        cut in 0..160_usize,
        further in 0..20_usize,
        (before, after) in (1..4_u32, 1..4_u32),
    ) {
        let mut vigil = Vigil::new(&ALL_RULES, Secret::new(), before, &options(before));
        let cut = cut.min(stream.len());
        let (first, rest) = stream.split_at(cut);
        for asked in first {
            vigil.judge(asked);
        }
        // It goes on while it is saved, and what is saved is of the moment at which that began.
        vigil.begin();
        let meanwhile = further.min(rest.len());
        let mut verdicts: Vec<_> = rest[..meanwhile].iter().map(|asked| vigil.judge(asked)).collect();
        let bytes = vigil.finish();
        verdicts.extend(rest[meanwhile..].iter().map(|asked| vigil.judge(asked)));
        let mut restarted = vigil.restarted(&bytes, after);
        for (asked, expected) in rest.iter().zip(verdicts) {
            let found = restarted.judge(asked);
            let told = |all: Vec<String>| -> Vec<String> {
                // How many clients a network has is not taken back by another number of threads, which
                // moves what is known of it and what is told of others by that.
                let depends = |one: &String| one.starts_with("risk-") && !one.starts_with("risk-address");
                all.into_iter().filter(|one| before == after || !depends(one)).collect()
            };
            prop_assert_eq!(told(found), told(expected), "at {}", asked.at);
        }
    }

    #[test]
    fn whatever_is_read_can_go_on(
        stream in stream(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        keeps_checksums in any::<bool>(),
    ) {
        let mut vigil = Vigil::new(&ALL_RULES, Secret(1, 2), 2, &options(2));
        for asked in &stream {
            vigil.judge(asked);
        }
        let mut restarted = Vigil::new(&ALL_RULES, Secret(1, 2), 2, &options(2));
        if keeps_checksums {
            // As one who can write the file: each slice changed, with the checksum that goes with it.
            let mut writer = Writer::begin(Vec::new()).unwrap();
            let bytes = vigil.saved();
            let mut reader = Reader::open(Cursor::new(&bytes)).unwrap();
            reader.slices(|place, bytes| {
                let mut bytes = bytes.to_vec();
                for (at, with) in &flips {
                    let at = at.index(bytes.len());
                    bytes[at] = *with;
                }
                let slice = Slice { part: place.part.clone(), keys: place.keys, bytes };
                writer.add(slice, place.thread).unwrap();
            }).unwrap();
            let bytes = writer.finish(&vigil.head()).unwrap().0;
            restarted.take_back(&bytes).unwrap();
        } else {
            let mut bytes = vigil.saved();
            for (at, with) in &flips {
                let at = at.index(bytes.len());
                bytes[at] = *with;
            }
            drop(restarted.take_back(&bytes));
        }
        for asked in &stream {
            restarted.judge(asked);
        }
        restarted.saved();
    }
}

/// One that is as busy as there is something of each part.
fn busy(rules: &Arc<RuleSet>) -> Vigil {
    let mut vigil = Vigil::new(rules, Secret(1, 2), 2, &options(2));
    for n in 0..400 {
        vigil.judge(&Asked {
            at: 1_000_000 + n * 50,
            address: (n % 100) as u8,
            path: (n % 12) as u8,
            status: 401,
            is_odd: n % 5 == 0,
            bytes: 400,
        });
    }
    vigil
}

#[test]
fn what_is_damaged_costs_its_own_part_only() {
    let bytes = busy(&ALL_RULES).saved();
    let mut places = Vec::new();
    let mut reader = Reader::open(Cursor::new(&bytes)).unwrap();
    let mut at = 12;
    reader
        .slices(|place, slice| {
            places.push((place.part.clone(), at));
            at += slice.len();
        })
        .unwrap();
    let all: std::collections::BTreeSet<_> = places.iter().map(|(part, _)| part.clone()).collect();
    assert!(all.len() >= COUNTERS.len() + 4, "{all:?}");
    for (part, at) in &places {
        let mut bytes = bytes.clone();
        bytes[*at] ^= 0x40;
        let mut fresh = Vigil::new(&ALL_RULES, Secret(1, 2), 2, &options(2));
        let taken = fresh.take_back(&bytes).unwrap();
        assert_eq!(
            taken.refused.into_iter().collect::<Vec<_>>(),
            [(part.clone(), Refused::Damaged)]
        );
        assert_eq!(taken.parts.len(), all.len() - 1);
    }
    for cut in [0, 11, bytes.len() / 2, bytes.len() - 1] {
        assert!(Reader::open(Cursor::new(&bytes[..cut])).is_err(), "{cut}");
    }
    let mut other = bytes;
    other[8] = 9;
    let refused = Reader::open(Cursor::new(&other)).unwrap_err();
    assert!(matches!(refused, FormatError::Format(9)), "{refused}");
}

#[test]
fn a_changed_rule_costs_its_own_part_only() {
    let bytes = busy(&ALL_RULES).saved();
    let mut counters = COUNTERS;
    let changed = COUNTERS[0].replace("capacity: 3", "capacity: 4");
    counters[0] = &changed;
    let rules = rules_of(&counters[..COUNTERS.len() - 1]);
    let mut fresh = Vigil::new(&rules, Secret(1, 2), 2, &options(2));
    let taken = fresh.take_back(&bytes).unwrap();
    let refused: Vec<_> = taken
        .refused
        .iter()
        .map(|(part, why)| (&*part.name, *why))
        .collect();
    let rule = |n: usize| format!("rule:6a2f6f0e-0f5b-4a8e-9f0b-0d8a3a5f1d{n:02}");
    assert_eq!(
        refused,
        [
            (&*rule(0), Refused::Changed),
            (&*rule(COUNTERS.len() - 1), Refused::Unknown)
        ]
    );
    // The windows count by another length.
    let mut options = options(2);
    options.windows.period_ms = 9_000;
    let mut fresh = Vigil::new(&ALL_RULES, Secret(1, 2), 2, &options);
    let taken = fresh.take_back(&bytes).unwrap();
    let refused: Vec<_> = taken
        .refused
        .iter()
        .map(|(part, why)| (&*part.name, *why))
        .collect();
    assert_eq!(refused, [("windows", Refused::Changed)]);
}

#[test]
fn a_smaller_table_makes_room() {
    let mut vigil = busy(&ALL_RULES);
    let held = |vigil: &Vigil| {
        let detectors = vigil.detectors.iter();
        detectors
            .map(|one| (one.windows().addresses(), one.correlator().entries()))
            .collect::<Vec<_>>()
    };
    let before = held(&vigil);
    assert!(
        before
            .iter()
            .all(|(addresses, entries)| *addresses > 30 && *entries > 300)
    );
    let bytes = vigil.saved();
    let mut options = options(2);
    options.windows.max_addresses = 16;
    options.correlations = CorrelationOptions {
        max_groups: 10,
        max_entries: 120,
    };
    options.risk.max_entities = 9;
    let mut fresh = Vigil::new(&ALL_RULES, Secret(1, 2), 2, &options);
    let taken = fresh.take_back(&bytes).unwrap();
    assert_eq!(taken.refused.len(), 0);
    for (addresses, entries) in held(&fresh) {
        assert!(addresses <= 16 && entries <= 120, "{addresses} {entries}");
    }
    assert!(fresh.detectors.iter().all(|one| one.forgotten() > 0));
}

#[test]
fn what_is_begun_ends_with_other_rules_and_says_so() {
    let mut vigil = busy(&ALL_RULES);
    vigil.begin();
    let detector = &mut vigil.detectors[0];
    assert!(matches!(detector.next_slice(), Next::Slice(_)));
    detector.replace_rules(rules_of(&COUNTERS[..3]));
    assert!(matches!(detector.next_slice(), Next::Stopped));
}
