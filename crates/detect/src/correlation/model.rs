//! Every type against an oracle that remembers everything, on random events.

use std::sync::LazyLock;

use proptest::prelude::*;
use vigil_event::Event;

use super::tests::{A, C, correlator, event, rules};
use super::*;

const SPAN_MS: i64 = 1_000;

/// One event: its time, the address, the rules that match as bits, the path and the bytes.
#[derive(Clone, Copy, Debug)]
struct Seen {
    at: i64,
    address: u32,
    matched: u8,
    path: u8,
    bytes: u64,
}

impl Seen {
    fn event(self) -> Event {
        event(self.at, self.address, &self.path.to_string(), self.bytes)
    }

    fn places(self) -> impl Iterator<Item = usize> {
        (A..=C).filter(move |place| self.matched >> place & 1 == 1)
    }

    fn matches(self, place: usize) -> bool {
        self.matched >> place & 1 == 1
    }
}

/// The types, with whether the oracle holds for a window of events in the order of their time.
type Holds = fn(&[Seen]) -> bool;
const TYPES: [(&str, Holds); 8] = [
    ("type: event_count, condition: {gte: 4}", |window| {
        window.len() >= 4
    }),
    ("type: event_count, condition: {gt: 2, lt: 5}", |window| {
        (3..5).contains(&window.len())
    }),
    (
        "type: value_count, condition: {field: url.path, gte: 3}",
        |window| {
            let mut paths: Vec<u8> = window.iter().map(|seen| seen.path).collect();
            paths.sort_unstable();
            paths.dedup();
            paths.len() >= 3
        },
    ),
    ("type: temporal", |window| {
        (A..=C).all(|place| window.iter().any(|seen| seen.matches(place)))
    }),
    ("type: temporal_ordered", |window| {
        // The earliest event for each step leaves the most for the next.
        let mut rest = window.iter();
        (A..=C).all(|place| rest.any(|seen| seen.matches(place)))
    }),
    (
        "type: value_sum, condition: {field: sc-bytes, gte: 12}",
        |window| window.iter().map(|seen| seen.bytes).sum::<u64>() >= 12,
    ),
    (
        "type: value_avg, condition: {field: sc-bytes, gt: 4}",
        |window| window.iter().map(|seen| seen.bytes).sum::<u64>() > 4 * window.len() as u64,
    ),
    (
        "type: value_median, condition: {field: sc-bytes, gte: 3}",
        |window| {
            let mut bytes: Vec<u64> = window.iter().map(|seen| seen.bytes).collect();
            bytes.sort_unstable();
            let (low, high) = (bytes[(bytes.len() - 1) / 2], bytes[bytes.len() / 2]);
            low + high >= 6
        },
    ),
];

/// For each type.
static RULES: LazyLock<Vec<Arc<RuleSet>>> = LazyLock::new(|| {
    let of = |(parts, _): &(&str, Holds)| {
        let parts = format!("{{rules: [a, b, c], group-by: [source.ip], timespan: 1s, {parts}}}");
        rules(&[("it", &parts)])
    };
    TYPES.iter().map(of).collect()
});

/// What remembers everything of one address.
#[derive(Default)]
struct Oracle {
    taken: Vec<Seen>,
    quiet_until: i64,
}

impl Oracle {
    /// Whether the condition holds after the event; none where the event is late.
    fn holds(&mut self, seen: Seen, holds: Holds) -> Option<(bool, i64)> {
        let newest = self.taken.iter().map(|seen| seen.at).max();
        let newest = newest.map_or(seen.at, |newest| newest.max(seen.at));
        if seen.at <= newest - SPAN_MS {
            return None;
        }
        self.taken.push(seen);
        let mut window: Vec<Seen> = self.taken.clone();
        window.retain(|seen| seen.at > newest - SPAN_MS);
        window.sort_by_key(|seen| seen.at);
        Some((holds(&window), newest))
    }
}

fn check(events: &[Seen], exact: bool) -> Result<(), TestCaseError> {
    for ((parts, holds), rules) in TYPES.iter().zip(&*RULES) {
        let mut correlator = correlator(rules, Scope::Client);
        let mut oracles = [Oracle::default(), Oracle::default()];
        for (place, seen) in events.iter().enumerate() {
            let mut firings = Vec::new();
            correlator.observe(&seen.event(), seen.places(), &mut firings);
            let oracle = &mut oracles[seen.address as usize];
            let Some((holds, newest)) = oracle.holds(*seen, *holds) else {
                prop_assert!(firings.is_empty());
                continue;
            };
            let fires = holds && newest >= oracle.quiet_until;
            if fires {
                oracle.quiet_until = newest + SPAN_MS;
            }
            if exact || !parts.contains("ordered") {
                prop_assert_eq!(
                    firings.len() == 1,
                    fires,
                    "{} at {} of {:?}",
                    parts,
                    place,
                    events
                );
            } else {
                prop_assert!(
                    firings.is_empty() || holds,
                    "{} at {} of {:?}",
                    parts,
                    place,
                    events
                );
            }
        }
    }
    Ok(())
}

fn seen() -> impl Strategy<Value = Seen> {
    (0..300_i64, 0..2_u32, 1..8_u8, 0..5_u8, 0..8_u64).prop_map(
        |(at, address, matched, path, bytes)| Seen {
            at,
            address,
            matched,
            path,
            bytes,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn in_order_every_type_agrees(mut events in prop::collection::vec(seen(), 1..60)) {
        let mut at = 0;
        for seen in &mut events {
            at += seen.at;
            seen.at = at;
        }
        check(&events, true)?;
    }

    #[test]
    fn out_of_order_every_type_agrees_and_an_order_is_never_made_up(
        mut events in prop::collection::vec(seen(), 1..60),
        back in prop::collection::vec(0..1_500_i64, 60),
    ) {
        let mut at = 2_000;
        for (seen, back) in events.iter_mut().zip(back) {
            at += seen.at;
            seen.at = at - if back > 750 { back } else { 0 };
        }
        check(&events, false)?;
    }
}
