//! Scenarios of CrowdSec that ask what their bucket holds, poured as their authors expect.

use std::sync::Arc;

use vigil_event::{Event, Field, LogKind, Timestamp};
use vigil_rule::{Input, Placeholders, RuleFile, RuleSet, Scratch};

use crate::{CorrelationOptions, Correlator, Scope};

fn rules(scenario: &str) -> Arc<RuleSet> {
    let file = RuleFile {
        name: "hub/scenario.yaml".to_owned(),
        text: scenario.to_owned(),
    };
    let placeholders = Placeholders::new();
    let input = Input {
        own: &[],
        foreign: &[file],
        placeholders: &placeholders,
    };
    let (rules, report) = RuleSet::load_all(input).unwrap();
    assert!(report.refused.is_empty(), "{:#?}", report.refused);
    Arc::new(rules)
}

fn request(path: &str, status: u16) -> Event {
    let mut event = Event::new();
    event.set(Field::UrlOriginal, path.as_bytes());
    event.set(Field::UrlPath, path.as_bytes());
    event.set(Field::Method, b"GET");
    event.set(Field::Status, status.to_string().as_bytes());
    event.status = status;
    event
}

fn message(text: &str) -> Event {
    let mut event = Event::new();
    event.log = LogKind::Syslog;
    event.set_service(b"sshd");
    event.add_label(b"message", text.as_bytes());
    event.set(Field::EventOriginal, text.as_bytes());
    event
}

/// The places of those events, each with its second, that overflow the bucket.
#[track_caller]
fn check(scenario: &str, events: Vec<(i64, Event)>, expected: &[usize]) {
    let rules = rules(scenario);
    let mut correlator = Correlator::new(
        Arc::clone(&rules),
        Scope::Client,
        CorrelationOptions::default(),
    );
    let (mut scratch, mut hits) = (Scratch::new(&rules), Vec::new());
    let mut fired = Vec::new();
    for (place, (second, mut event)) in events.into_iter().enumerate() {
        event.occurred_at = Timestamp::from_millis(1_000_000_000_000 + second * 1_000);
        event.source_ip = Some("192.0.2.7".parse().unwrap());
        event.set(Field::SourceIp, b"192.0.2.7");
        rules.evaluate(&event, &mut scratch, &mut hits);
        let matched: Vec<usize> = hits.iter().map(|hit| hit.rule).collect();
        let mut firings = Vec::new();
        correlator.observe(&event, matched.iter().copied(), &mut firings);
        fired.extend(firings.iter().map(|_| place));
    }
    assert_eq!(fired, expected, "{scenario}");
}

fn bayesian(first: &str, second: &str, guillotine: bool) -> String {
    format!(
        "type: bayesian\nname: example/belief\nfilter: \"evt.Meta.log_type == 'http_access-log'\"\n\
         groupby: evt.Meta.source_ip\nbayesian_prior: 0.5\nbayesian_threshold: 0.8\nbayesian_conditions:\n\
         - condition: {first}\n  prob_given_evil: 0.8\n  prob_given_benign: 0.2\n  guillotine: {guillotine}\n\
         - condition: {second}\n  prob_given_evil: 0.9\n  prob_given_benign: 0.5\n  guillotine: {guillotine}\n\
         leakspeed: 30s\ncapacity: -1\nlabels: {{remediation: true}}\n"
    )
}

#[test]
fn a_bayesian_bucket_believes_what_crowdsec_would() {
    let home = || request("/", 200);
    let admin = || request("/admin", 200);
    let other = || request("/x", 200);
    let rows = || vec![(0, home()), (1, other()), (2, admin()), (3, admin())];
    let (first, second) = (
        "evt.Meta.http_path == '/'",
        "evt.Meta.http_path == '/admin'",
    );
    // With a guillotine both are remembered; without, no single request is both.
    check(&bayesian(first, second, true), rows(), &[2]);
    check(&bayesian(first, second, false), rows(), &[]);
    let held = |path: &str| format!("any(queue.Queue, {{.Meta.http_path == '{path}'}})");
    let both = bayesian(&held("/"), &held("/admin"), false);
    check(&both, rows(), &[2]);
    // It lives for 30 s after the last request.
    check(&both, vec![(0, home()), (31, admin())], &[]);
    check(&both, vec![(0, home()), (29, other()), (58, admin())], &[2]);
    let counted = bayesian(
        "len(queue.Queue) >= 2",
        "evt.Meta.http_status == '404'",
        false,
    );
    let missing = || request("/y", 404);
    check(
        &counted,
        vec![(0, missing()), (1, other()), (2, missing())],
        &[2],
    );
}

#[test]
fn a_condition_asks_for_times_and_parts_of_the_queue() {
    let slow = "type: conditional\nname: example/ssh-slow\n\
        filter: \"evt.Meta.service == 'ssh' && evt.Meta.log_type in ['ssh_failed-auth', 'auth_success']\"\n\
        groupby: evt.Meta.source_ip\ncapacity: -1\ncancel_on: \"evt.Meta.log_type == 'auth_success'\"\n\
        condition: |\n  let bad = filter(queue.Queue, {#.Meta.log_type == 'ssh_failed-auth'});\n  \
        len(bad) >= 4 &&\n  MedianInterval(map(bad[-4:], {#.Time})) > duration(\"10m\")\n\
        leakspeed: 2h\nlabels: {remediation: false}\n";
    let failed = || message("Failed password for root from 192.0.2.7 port 5 ssh2");
    let passed = || message("Accepted password for root from 192.0.2.7 port 5 ssh2");
    let at = |minutes: &[i64]| -> Vec<_> {
        let each = minutes.iter();
        each.map(|minute| (minute * 60, failed())).collect()
    };
    check(slow, at(&[0, 11, 22, 33]), &[3]);
    check(slow, at(&[0, 10, 20, 30]), &[]);
    check(slow, at(&[0, 1, 2, 13, 24]), &[4]);
    let mut rows = at(&[0, 11, 22, 40]);
    rows.insert(3, (30 * 60, passed()));
    check(slow, rows, &[]);
}

#[test]
fn an_overflow_is_told_only_where_its_filter_holds() {
    let counter = "type: counter\nname: example/counter\nfilter: \"evt.Meta.service == 'http'\"\n\
        groupby: evt.Meta.source_ip\ncapacity: -1\nduration: 10s\n\
        overflow_filter: \"len(queue.Queue) >= 3 and any(queue.Queue, {#.Meta.http_status == '200'}) and \
        not any(queue.Queue, {#.Parsed.verb == 'POST'})\"\nlabels: {remediation: false}\n";
    let rows = |statuses: [u16; 3]| -> Vec<_> {
        let each = (0..).zip(statuses);
        let mut rows: Vec<_> = each
            .map(|(at, status)| (at, request("/", status)))
            .collect();
        rows.push((20, request("/", 404)));
        rows
    };
    check(counter, rows([404, 200, 404]), &[3]);
    check(counter, rows([404, 404, 404]), &[]);
    let trigger = "type: trigger\nname: example/trigger\nfilter: \"evt.Meta.service == 'http'\"\n\
        groupby: evt.Meta.source_ip\noverflow_filter: \"any(queue.Queue, {#.Meta.http_status == '200'}) && len(queue.Queue) == 1\"\n\
        labels: {remediation: false}\n";
    check(trigger, rows([404, 200, 404]), &[1]);
}
