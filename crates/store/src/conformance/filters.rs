//! Filters, against the same question asked of a list in memory.

use ipnet::IpNet;
use vigil_event::{
    Alert, AlertAction, AlertChange, AlertKey, AlertState, Id, Outcome, Severity, Threat,
};

use super::sample::{Chance, NOON, grouped};
use super::{Place, deaf, record};
use crate::query::MAX_LIMIT;
use crate::{AlertQuery, GroupedThreat, Sort, Store, ThreatQuery};

const NETWORKS: [&str; 8] = [
    "192.0.2.1/32",
    "192.0.2.0/24",
    "192.0.2.77/25",
    "0.0.0.0/0",
    "::/0",
    "2001:db8::/64",
    "2001:db8::/32",
    "203.0.113.0/24",
];

const TEXTS: [&str; 8] = [
    "or%201",
    "OR%201=1_",
    "%",
    "_\"",
    "R\u{e9}ader\\2",
    "<SCRIPT>",
    "404 7 ",
    "' OR ''='",
];

pub(super) fn filled(place: &dyn Place) -> (Box<dyn Store>, Vec<GroupedThreat>) {
    let store = place.open(deaf());
    let threats: Vec<_> = (0..200).map(grouped).collect();
    for entry in threats.chunks(30) {
        record(&*store, entry, &[], NOON);
    }
    (store, threats)
}

pub(super) fn threats_are_filtered_like_a_list_would_be(place: &dyn Place) {
    let (store, threats) = filled(place);
    let mut chance = Chance(1);
    let mut found = 0;
    for round in 0..400 {
        let query = any_query(&mut chance, &threats);
        let mut expected: Vec<_> = threats
            .iter()
            .filter(|grouped| fits(&query, grouped))
            .collect();
        expected.sort_by_key(|GroupedThreat { threat, .. }| {
            let outcome = (query.sort == Sort::Outcome).then_some(threat.outcome);
            std::cmp::Reverse((outcome, threat.occurred_at, threat.id))
        });
        let answer = store.threats(&query).expect("listed");
        let ids = |list: &[Threat]| list.iter().map(|threat| threat.id).collect::<Vec<Id>>();
        let expected: Vec<_> = expected
            .iter()
            .map(|grouped| grouped.threat.clone())
            .collect();
        assert_eq!(
            ids(&answer.items),
            ids(&expected),
            "round {round}: {query:?}"
        );
        assert_eq!(answer.next, None);
        found += expected.len();
    }
    assert!(found > 1_000, "the questions have answers: {found}");
}

/// Each filter one time in three.
fn any_query(chance: &mut Chance, threats: &[GroupedThreat]) -> ThreatQuery {
    let mut given = || chance.below(3) == 0;
    let [
        severity,
        min,
        network,
        rule,
        alert,
        since,
        until,
        text,
        outcome,
    ] = [(); 9].map(|()| given());
    let mut moment =
        |wanted: bool| wanted.then(|| NOON.plus_millis(chance.below(250).cast_signed() * 1_000));
    let (since, until) = (moment(since), moment(until));
    ThreatQuery {
        severity: (severity && chance.below(2) == 0)
            .then(|| Severity::from_rank(2 + chance.below(3) as u8)),
        min_severity: min.then(|| Severity::from_rank(2 + chance.below(3) as u8)),
        outcome: (outcome && chance.below(2) == 0)
            .then(|| Outcome::from_rank(chance.below(3) as u8)),
        network: network.then(|| parse(NETWORKS[chance.below(8) as usize])),
        rule_id: rule.then(|| format!("rule-{}", chance.below(4))),
        alert: alert
            .then(|| {
                threats[chance.below(200) as usize]
                    .alert
                    .as_ref()
                    .map(AlertKey::id)
            })
            .flatten(),
        since,
        until,
        text: text.then(|| TEXTS[chance.below(8) as usize].to_owned()),
        sort: if chance.below(2) == 0 {
            Sort::Newest
        } else {
            Sort::Outcome
        },
        cursor: None,
        limit: MAX_LIMIT + 1,
    }
}

fn parse(network: &str) -> IpNet {
    network.parse().expect("a network")
}

fn fits(query: &ThreatQuery, GroupedThreat { threat, alert }: &GroupedThreat) -> bool {
    let texts = [
        Some(&threat.event.original),
        Some(&threat.url.original),
        threat.user_agent.original.as_ref(),
    ];
    let has = |wanted: &str| {
        let wanted = wanted.to_ascii_lowercase();
        texts
            .iter()
            .flatten()
            .any(|text| text.to_ascii_lowercase().contains(&wanted))
    };
    query
        .severity
        .is_none_or(|severity| threat.severity == severity)
        && query
            .min_severity
            .is_none_or(|severity| threat.severity >= severity)
        && query
            .outcome
            .is_none_or(|outcome| threat.outcome == outcome)
        && query
            .network
            .is_none_or(|network| threat.source.ip.is_some_and(|ip| network.contains(&ip)))
        && query.rule_id.as_ref().is_none_or(|rule| {
            threat
                .detections
                .iter()
                .any(|detection| detection.rule_id == *rule)
        })
        && query
            .alert
            .is_none_or(|id| alert.as_ref().is_some_and(|key| key.id() == id))
        && query.since.is_none_or(|since| threat.occurred_at >= since)
        && query.until.is_none_or(|until| threat.occurred_at < until)
        && query.text.as_ref().is_none_or(|text| has(text))
}

pub(super) fn alerts_are_filtered_like_a_list_would_be(place: &dyn Place) {
    let (store, _) = filled(place);
    let all = listed(&*store, &AlertQuery::default());
    assert_eq!(all.len(), 6);
    for (alert, action) in all
        .iter()
        .zip([AlertAction::Acknowledge, AlertAction::Resolve])
    {
        let by = "anna".to_owned();
        let change = AlertChange {
            action,
            by,
            at: NOON,
            note: None,
        };
        store.change_alert(alert.id, change).expect("changed");
    }
    for query in alert_queries() {
        let mut expected = listed(&*store, &AlertQuery::default());
        expected.retain(|alert| alert_fits(&query, alert));
        assert_eq!(listed(&*store, &query), expected, "{query:?}");
        // A stable sort keeps the newest first within an outcome.
        expected.sort_by_key(|alert| std::cmp::Reverse(alert.outcome));
        let query = AlertQuery {
            sort: Sort::Outcome,
            ..query
        };
        assert_eq!(listed(&*store, &query), expected, "{query:?}");
    }
}

fn listed(store: &dyn Store, query: &AlertQuery) -> Vec<Alert> {
    store.alerts(query).expect("listed").items
}

fn alert_queries() -> Vec<AlertQuery> {
    let mut queries = Vec::new();
    let mut ask = |set: &dyn Fn(&mut AlertQuery)| {
        let mut query = AlertQuery::default();
        set(&mut query);
        queries.push(query);
    };
    ask(&|query| query.states = vec![AlertState::Open]);
    ask(&|query| query.states = vec![AlertState::Resolved, AlertState::Acknowledged]);
    ask(&|query| query.family = Some("scanning".to_owned()));
    for severity in Severity::ALL {
        ask(&|query| query.severity = Some(severity));
        ask(&|query| query.min_severity = Some(severity));
    }
    for network in NETWORKS {
        ask(&|query| query.network = Some(parse(network)));
    }
    for seconds in [0, 3, 197, 300] {
        ask(&|query| query.since = Some(NOON.plus_millis(seconds * 1_000)));
        ask(&|query| query.until = Some(NOON.plus_millis(seconds * 1_000)));
    }
    queries
}

fn alert_fits(query: &AlertQuery, alert: &Alert) -> bool {
    (query.states.is_empty() || query.states.contains(&alert.state))
        && query
            .severity
            .is_none_or(|severity| alert.severity == severity)
        && query
            .min_severity
            .is_none_or(|severity| alert.severity >= severity)
        && query
            .network
            .is_none_or(|network| alert.source_ip.is_some_and(|ip| network.contains(&ip)))
        && query
            .family
            .as_ref()
            .is_none_or(|family| alert.family == *family)
        && query.since.is_none_or(|since| alert.last_seen >= since)
        && query.until.is_none_or(|until| alert.first_seen < until)
}
