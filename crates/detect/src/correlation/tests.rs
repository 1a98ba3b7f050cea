//! Each type of correlation by a table of events, chains, groups, and the bounds.

use std::fmt::Write as _;
use std::net::IpAddr;

use vigil_event::{Field, Timestamp};
use vigil_rule::RuleFile;

use super::*;

/// The places of the rules that [`rules`] begins with.
pub(super) const A: usize = 0;
pub(super) const B: usize = 1;
pub(super) const C: usize = 2;

/// Three detections called a, b and c, and behind them the correlations: name, id's last digit, and
/// what stands under `correlation:`.
pub(super) fn rules(correlations: &[(&str, &str)]) -> Arc<RuleSet> {
    let mut text = String::new();
    for (digit, name) in ["a", "b", "c"].into_iter().enumerate() {
        _ = write!(
            text,
            "---\ntitle: Rule {name}\nid: 6a2f6f0e-0f5b-4a8e-9f0b-0d8a3a5f1c0{digit}\nname: {name}\nlevel: low\n\
             logsource: {{category: webserver}}\n\
             detection: {{it: {{url.query|contains: {name}{name}{name}}}, condition: it}}\n\
             vigil: {{family: family_{name}, score: 6.0}}\n"
        );
    }
    for (digit, (name, parts)) in correlations.iter().enumerate() {
        _ = write!(
            text,
            "---\ntitle: Correlation {name}\nid: 6a2f6f0e-0f5b-4a8e-9f0b-0d8a3a5f1d0{digit}\nname: {name}\nlevel: high\n\
             correlation: {parts}\n"
        );
    }
    let file = RuleFile {
        name: "rules.yml".to_owned(),
        text,
    };
    let rules = RuleSet::load(&[file]).unwrap_or_else(|errors| {
        let texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
        panic!("{}", texts.join("\n"))
    });
    Arc::new(rules)
}

pub(super) fn event(at_ms: i64, address: u32, path: &str, bytes: u64) -> Event {
    let mut event = Event::new();
    event.occurred_at = Timestamp::from_millis(at_ms);
    let address = IpAddr::from((0x0a00_0000 + address).to_be_bytes());
    event.source_ip = Some(address);
    event.set(Field::SourceIp, address.to_string().as_bytes());
    event.set(Field::UrlPath, path.as_bytes());
    event.body_bytes = bytes;
    event
}

pub(super) fn correlator(rules: &Arc<RuleSet>, scope: Scope) -> Correlator {
    Correlator::new(Arc::clone(rules), scope, CorrelationOptions::default())
}

/// One event of a table: when in seconds, the rule, the path and the bytes.
type Row = (i64, usize, &'static str, u64);

/// The places in the table where the correlation fired, with the reasons.
fn fired(parts: &str, rows: &[Row]) -> Vec<(usize, String)> {
    let rules = rules(&[("it", parts)]);
    let mut correlator = correlator(&rules, Scope::Client);
    let mut fired = Vec::new();
    for (place, (second, rule, path, bytes)) in rows.iter().enumerate() {
        let mut firings = Vec::new();
        let event = event(second * 1_000, 1, path, *bytes);
        correlator.observe(&event, [*rule], &mut firings);
        fired.extend(firings.into_iter().map(|firing| (place, firing.reason)));
    }
    fired
}

#[track_caller]
fn check(parts: &str, rows: &[Row], expected: &[(usize, &str)]) {
    let fired = fired(parts, rows);
    let fired: Vec<(usize, &str)> = fired
        .iter()
        .map(|(place, reason)| (*place, reason.as_str()))
        .collect();
    assert_eq!(fired, expected, "{parts}");
}

#[test]
fn event_count() {
    let rows = [
        (0, A, "/", 0),
        (30, A, "/", 0),
        (60, A, "/", 0),
        (89, A, "/", 0),
        (90, B, "/", 0),
        (91, A, "/", 0),
        (149, A, "/", 0),
        (150, A, "/", 0),
    ];
    check(
        "{type: event_count, rules: [a], group-by: [source.ip], timespan: 60s, condition: {gte: 3}}",
        &rows,
        &[
            (3, "3 times \"Rule a\" from 10.0.0.1 within 60 s"),
            (7, "3 times \"Rule a\" from 10.0.0.1 within 60 s"),
        ],
    );
    check(
        "{type: event_count, rules: [a, b], group-by: [source.ip], timespan: 60s, condition: {gt: 3}}",
        &rows,
        &[(
            5,
            "at least 4 times \"Rule a\" or \"Rule b\" from 10.0.0.1 within 60 s",
        )],
    );
    check(
        "{type: event_count, rules: [b], group-by: [source.ip], timespan: 60s, condition: {lt: 2}}",
        &rows,
        &[(4, "1 times \"Rule b\" from 10.0.0.1 within 60 s")],
    );
}

#[test]
fn a_range_fires_within_it_only() {
    let rows: Vec<Row> = (0..6).map(|second| (second, A, "/", 0)).collect();
    let parts = |condition: &str| {
        format!(
            "{{type: event_count, rules: [a], group-by: [source.ip], timespan: 2s, condition: {condition}}}"
        )
    };
    check(&parts("{gt: 2, lte: 4}"), &rows, &[]);
    let reason = "2 times \"Rule a\" from 10.0.0.1 within 2 s";
    check(
        &parts("{gt: 1, lt: 3}"),
        &rows,
        &[(1, reason), (3, reason), (5, reason)],
    );
    check(
        &parts("{eq: 2}"),
        &rows,
        &[(1, reason), (3, reason), (5, reason)],
    );
    let first = "1 times \"Rule a\" from 10.0.0.1 within 2 s";
    check(&parts("{neq: 2}"), &rows, &[(0, first)]);
}

#[test]
fn value_count() {
    let rows = [
        (0, A, "/a", 0),
        (1, A, "/b", 0),
        (2, A, "/a", 0),
        (3, B, "/c", 0),
        (12, A, "/c", 0),
        (13, A, "/d", 0),
        (14, A, "/e", 0),
    ];
    check(
        "{type: value_count, rules: [a], group-by: [source.ip], timespan: 10s, \
         condition: {field: url.path, gte: 3}}",
        &rows,
        &[(
            6,
            "3 different values of url.path in \"Rule a\" from 10.0.0.1 within 10 s",
        )],
    );
    check(
        "{type: value_count, rules: [a, b], group-by: [source.ip], timespan: 10s, \
         condition: {field: rule.category, gte: 2}}",
        &rows,
        &[(
            3,
            "2 different values of rule.category in \"Rule a\" or \"Rule b\" from 10.0.0.1 within 10 s",
        )],
    );
}

#[test]
fn temporal_in_any_order_and_by_expression() {
    let rows = [
        (0, C, "/", 0),
        (5, B, "/", 0),
        (20, A, "/", 0),
        (21, C, "/", 0),
        (29, B, "/", 0),
    ];
    check(
        "{type: temporal, rules: [a, b, c], group-by: [source.ip], timespan: 10s}",
        &rows,
        &[(
            4,
            "3 of 3: \"Rule a\", \"Rule b\", \"Rule c\" from 10.0.0.1 within 10 s",
        )],
    );
    check(
        "{type: temporal, rules: [a, b, c], group-by: [source.ip], timespan: 10s, condition: {gte: 2}}",
        &rows,
        &[
            (
                1,
                "2 of 3: \"Rule a\", \"Rule b\", \"Rule c\" from 10.0.0.1 within 10 s",
            ),
            (
                3,
                "2 of 3: \"Rule a\", \"Rule b\", \"Rule c\" from 10.0.0.1 within 10 s",
            ),
        ],
    );
    check(
        "{type: temporal, rules: [a, b, c], group-by: [source.ip], timespan: 10s, \
         condition: a and not b}",
        &rows,
        &[(
            2,
            "1 of 3: \"Rule a\", \"Rule b\", \"Rule c\" from 10.0.0.1 within 10 s",
        )],
    );
}

#[test]
fn temporal_ordered_heeds_the_order() {
    const ORDERED: &str =
        "{type: temporal_ordered, rules: [a, b, c], group-by: [source.ip], timespan: 10s}";
    const REASON: &str = "\"Rule a\", then \"Rule b\", then \"Rule c\" from 10.0.0.1 within 10 s";
    check(
        ORDERED,
        &[
            (0, C, "/", 0),
            (1, B, "/", 0),
            (2, A, "/", 0),
            (3, C, "/", 0),
            (4, B, "/", 0),
            (11, C, "/", 0),
            (12, C, "/", 0),
        ],
        &[(5, REASON)],
    );
    // The chain must begin within the timespan, and a newer beginning needs all later steps anew.
    check(
        ORDERED,
        &[
            (0, A, "/", 0),
            (1, B, "/", 0),
            (9, A, "/", 0),
            (10, C, "/", 0),
        ],
        &[],
    );
    // What arrives late is put where it belongs: before b and c, or after b.
    check(
        ORDERED,
        &[(5, B, "/", 0), (7, C, "/", 0), (4, A, "/", 0)],
        &[(2, REASON)],
    );
    check(
        ORDERED,
        &[(5, B, "/", 0), (7, C, "/", 0), (6, A, "/", 0)],
        &[],
    );
}

#[test]
fn one_event_is_never_two_steps() {
    let rules = rules(&[(
        "it",
        "{type: temporal_ordered, rules: [a, b], group-by: [source.ip], timespan: 10s}",
    )]);
    let mut correlator = correlator(&rules, Scope::Client);
    let mut firings = Vec::new();
    correlator.observe(&event(0, 1, "/", 0), [A, B], &mut firings);
    assert!(firings.is_empty());
    correlator.observe(&event(1, 1, "/", 0), [A, B], &mut firings);
    assert_eq!(firings.len(), 1);
}

#[test]
fn sums_means_and_percentiles() {
    let rows: Vec<Row> = [10, 20, 30, 1_000]
        .into_iter()
        .zip(0..)
        .map(|(bytes, second)| (second, A, "/", bytes))
        .collect();
    for (kind, condition, expected) in [
        ("value_sum", "gte: 60", "60 is the sum"),
        ("value_avg", "gt: 200", "265.0 is the mean"),
        ("value_median", "gte: 20", "20.0 is the 50th percentile"),
        (
            "value_percentile",
            "percentile: 90, gt: 100",
            "709.0 is the 90th percentile",
        ),
    ] {
        let fired = fired(
            &format!(
                "{{type: {kind}, rules: [a], group-by: [source.ip], timespan: 1m, \
                 condition: {{field: sc-bytes, {condition}}}}}"
            ),
            &rows,
        );
        let [(_, reason)] = fired.as_slice() else {
            panic!("{kind}: {fired:?}");
        };
        assert_eq!(
            *reason,
            format!(
                "{expected} of http.response.body.bytes in \"Rule a\" from 10.0.0.1 within 60 s"
            )
        );
    }
}

#[test]
fn a_sum_of_very_many_is_off_by_a_slot_at_most() {
    let rules = rules(&[(
        "it",
        "{type: value_sum, rules: [a], group-by: [source.ip], timespan: 500s, \
         condition: {field: sc-bytes, gte: 1000000}}",
    )]);
    let mut correlator = correlator(&rules, Scope::Client);
    let mut firings = Vec::new();
    // 20 a second for 600 s: 10 000 in the window.
    for n in 0..12_000_i64 {
        correlator.observe(&event(n * 50, 1, "/", 1), [A], &mut firings);
    }
    let Held::Groups(groups) = &mut correlator.tracked[0].held else {
        panic!("a sum has groups");
    };
    let group = groups.evict().unwrap();
    let held = group.sum_of_samples();
    assert!((9_980.0..=10_020.0).contains(&held), "{held}");
    assert!(
        group.entries() <= 2 * group::MAX_SAMPLES,
        "{}",
        group.entries()
    );
}

#[test]
fn groups_are_apart_and_aliases_join_them() {
    let rules = rules(&[
        (
            "by_path",
            "{type: event_count, rules: [a], group-by: [source.ip, url.path], timespan: 60s, condition: {gte: 2}}",
        ),
        (
            "aliased",
            "{type: temporal, rules: [a, b], group-by: [place], timespan: 60s, \
             aliases: {place: {a: url.path, b: user_agent.original}}}",
        ),
    ]);
    let mut by_client = correlator(&rules, Scope::Client);
    let mut shared = correlator(&rules, Scope::Shared);
    let mut observe = |address, path, agent: &str, rule| {
        let mut event = event(0, address, path, 0);
        event.set(Field::UserAgent, agent.as_bytes());
        let (mut first, mut second) = (Vec::new(), Vec::new());
        by_client.observe(&event, [rule], &mut first);
        shared.observe(&event, [rule], &mut second);
        (first.len(), second.len())
    };
    assert_eq!(observe(1, "/x", "agent", A), (0, 0));
    assert_eq!(observe(1, "/y", "agent", A), (0, 0));
    assert_eq!(observe(2, "/x", "agent", A), (0, 0));
    assert_eq!(observe(2, "/x", "agent", A), (1, 0));
    assert_eq!(observe(3, "/z", "/y", B), (0, 1));
    // The quiet of one group is not another's.
    assert_eq!(observe(3, "/z", "/x", B), (0, 1));
    assert_eq!(observe(3, "/z", "/x", B), (0, 0));
}

#[test]
fn an_event_without_the_field_takes_no_part() {
    let rules = rules(&[(
        "it",
        "{type: event_count, rules: [a], group-by: [source.ip, user.name], timespan: 60s, condition: {gte: 1}}",
    )]);
    let mut correlator = correlator(&rules, Scope::Client);
    let mut firings = Vec::new();
    correlator.observe(&event(0, 1, "/", 0), [A], &mut firings);
    assert_eq!((firings.len(), correlator.groups()), (0, 0));
}

#[test]
fn correlations_feed_correlations() {
    let rules = rules(&[
        (
            "then_b",
            "{type: temporal_ordered, rules: [many_a, b], group-by: [source.ip], timespan: 10m, generate: true}",
        ),
        (
            "many_a",
            "{type: event_count, rules: [a], group-by: [source.ip], timespan: 60s, condition: {gte: 3}}",
        ),
    ]);
    let mut correlator = correlator(&rules, Scope::Client);
    let mut titles = Vec::new();
    for (second, rule) in [(0, A), (1, B), (2, A), (3, A), (4, A), (100, B)] {
        let mut firings = Vec::new();
        correlator.observe(&event(second * 1_000, 1, "/", 0), [rule], &mut firings);
        for firing in firings {
            titles.push((second, firing.into_detection(&rules).unwrap().title));
        }
    }
    let expected = [
        (3, "Correlation many_a".to_owned()),
        (100, "Correlation then_b".to_owned()),
    ];
    assert_eq!(titles, expected);
}

#[test]
fn rules_that_only_feed_are_no_detections() {
    let silent = |generate: &str| {
        let rules = rules(&[(
            "it",
            &format!(
                "{{type: event_count, rules: [a, family:family_b], group-by: [source.ip], timespan: 60s, \
                 condition: {{gte: 1}}{generate}}}"
            ),
        )]);
        let feeds_only: Vec<bool> = rules.rules().iter().map(|rule| rule.feeds_only).collect();
        feeds_only
    };
    assert_eq!(silent(""), [true, false, false, false]);
    assert_eq!(silent(", generate: true"), [false; 4]);
}

#[test]
fn a_late_event_is_counted_as_late() {
    let rules = rules(&[(
        "it",
        "{type: event_count, rules: [a], group-by: [source.ip], timespan: 60s, condition: {gte: 2}}",
    )]);
    let mut correlator = correlator(&rules, Scope::Client);
    let mut firings = Vec::new();
    correlator.observe(&event(100_000, 1, "/", 0), [A], &mut firings);
    correlator.observe(&event(40_000, 1, "/", 0), [A], &mut firings);
    assert_eq!((firings.len(), correlator.late()), (0, 1));
    correlator.observe(&event(40_001, 1, "/", 0), [A], &mut firings);
    assert_eq!((firings.len(), correlator.late()), (1, 1));
}

#[test]
fn memory_is_bounded_whatever_comes() {
    let rules = rules(&[
        (
            "paths",
            "{type: value_count, rules: [a], group-by: [source.ip], timespan: 1d, \
             condition: {field: url.path, gte: 1000}}",
        ),
        (
            "bytes",
            "{type: value_median, rules: [b], group-by: [source.ip], timespan: 1d, \
             condition: {field: sc-bytes, gte: 100000}}",
        ),
    ]);
    let options = CorrelationOptions {
        max_groups: 64,
        max_entries: 20_000,
    };
    let mut correlator = Correlator::new(Arc::clone(&rules), Scope::Client, options.clone());
    let mut firings = Vec::new();
    for n in 0..20_000_u32 {
        // A thousand addresses, new paths for ever, and one that is busy all the time.
        let address = if n % 2 == 0 { 0 } else { n % 1_000 };
        let event = event(i64::from(n), address, &n.to_string(), u64::from(n % 7));
        correlator.observe(&event, [A, B], &mut firings);
        assert!(correlator.entries() <= options.max_entries);
        assert!(correlator.groups() <= 2 * options.max_groups);
    }
    assert!(correlator.evicted() > 1_000);
    let busy = firings
        .iter()
        .filter(|firing| firing.reason.contains("10.0.0.0"));
    assert_eq!(busy.count(), 1, "the busy address is found in the crowd");
    let counted: usize = correlator
        .tracked
        .iter_mut()
        .map(|tracked| {
            let mut sum = 0;
            while let Some(entries) = tracked.held.evict() {
                sum += entries;
            }
            assert_eq!(sum, tracked.entries);
            sum
        })
        .sum();
    assert!(counted > 0);
}
