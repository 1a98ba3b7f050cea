//! Evidence that adds up, fades, is put together by network, and says why.

use std::net::IpAddr;

use vigil_event::{Event, Field, LogKind, Score, Timestamp};

use super::*;

const MINUTE: i64 = 60_000;

fn event(address: &str, at: i64) -> Event {
    let mut event = Event::new();
    let address: IpAddr = address.parse().unwrap();
    event.source_ip = Some(address);
    event.occurred_at = Timestamp::from_millis(at);
    event.set(Field::SourceIp, address.to_string().as_bytes());
    event
}

fn signs(rules: &[(&str, f64)]) -> Vec<Sign> {
    let mut signs = Signs::default();
    for (rule, score) in rules {
        signs.add(rule, rule, Score::new(*score));
    }
    signs.found
}

/// Lets an address's events be signs, and says on which it is told, with its score and reason.
fn told(rows: &[(i64, &[(&str, f64)])]) -> Vec<(usize, Score, String)> {
    let mut risk = Risk::new(RiskOptions::default());
    let mut told = Vec::new();
    for (place, (minute, rules)) in rows.iter().enumerate() {
        let event = event("192.0.2.7", minute * MINUTE);
        let entity = Entity::Address(event.source_ip.unwrap());
        let own = Score::noisy_or(rules.iter().map(|(_, score)| Score::new(*score)));
        let found = risk.observe(&event, &entity, &mut signs(rules), own, 0);
        told.extend(found.map(|one| (place, one.score, one.reason.unwrap())));
    }
    told
}

#[test]
fn weak_signs_of_different_rules_become_one_strong_finding() {
    let rows: [(i64, &[(&str, f64)]); 4] = [
        (0, &[("a", 3.0)]),
        (1, &[("b", 3.0)]),
        (2, &[("c", 3.0)]),
        (3, &[("d", 4.0)]),
    ];
    let told = told(&rows);
    let [(3, score, reason)] = told.as_slice() else {
        panic!("{told:?}");
    };
    // With what the event scores by itself it is the risk.
    let whole = Score::noisy_or([*score, Score::new(4.0)]);
    assert!((7.0..8.0).contains(&whole.value()), "{whole}");
    assert!(
        reason.starts_with("risk 7.9 of 10: \"d\" (4.0), "),
        "{reason}"
    );
    assert!(reason.contains("\"a\" (3.0, now 2.9)"), "{reason}");
    assert!(
        reason.ends_with("of 192.0.2.7, first known 180 s before; half fades in 60 min"),
        "{reason}"
    );
}

#[test]
fn one_rule_alone_never_outgrows_twice_its_weight() {
    let rows: Vec<(i64, &[(&str, f64)])> = (0..500).map(|_| (0, &[("a", 4.0)][..])).collect();
    assert_eq!(told(&rows), []);
}

#[test]
fn a_strong_sign_alone_is_not_told_twice() {
    let rows: [(i64, &[(&str, f64)]); 1] = [(0, &[("a", 9.5)])];
    assert_eq!(told(&rows), []);
    // Of who goes on with other things it is told, and then not before a half-life has passed.
    let either = |minute: i64| {
        if minute % 2 == 0 {
            &[("a", 9.0)][..]
        } else {
            &[("b", 9.0)][..]
        }
    };
    let rows: Vec<(i64, &[(&str, f64)])> = (0..70).map(|minute| (minute, either(minute))).collect();
    let places: Vec<usize> = told(&rows).iter().map(|(place, ..)| *place).collect();
    assert_eq!(places, [1, 61]);
}

#[test]
fn what_is_known_fades() {
    let near: [(i64, &[(&str, f64)]); 2] = [(0, &[("a", 6.0)]), (1, &[("b", 6.0)])];
    assert_eq!(told(&near).len(), 1);
    let far: [(i64, &[(&str, f64)]); 2] = [(0, &[("a", 6.0)]), (180, &[("b", 6.0)])];
    assert_eq!(told(&far), []);
}

#[test]
fn what_comes_late_brings_nothing_back() {
    let rows: [(i64, &[(&str, f64)]); 3] =
        [(0, &[("a", 6.0)]), (600, &[("b", 1.0)]), (1, &[("c", 4.0)])];
    assert_eq!(told(&rows), []);
}

/// Lets so many clients of a network that has so many be signs; whether the network is told.
fn network(suspects: u8, clients: u32, score: f64) -> Option<String> {
    network_of_persistent(suspects, 1, clients, score)
}

/// The same where each goes on so many times.
fn network_of_persistent(suspects: u8, times: u8, clients: u32, score: f64) -> Option<String> {
    let mut risk = Risk::new(RiskOptions::default());
    let mut told = None;
    for last in (0..suspects).flat_map(|last| std::iter::repeat_n(last, times.into())) {
        let event = event(&format!("192.0.2.{last}"), i64::from(last) * 1_000);
        let entity = Entity::shared(&event).next().unwrap();
        let found = risk.observe(
            &event,
            &entity,
            &mut signs(&[("a", score)]),
            Score::new(0.0),
            clients,
        );
        told = told.or(found.and_then(|one| one.reason));
    }
    told
}

#[test]
fn a_network_is_suspected_for_many_clients_and_excused_by_quiet_ones() {
    let told = network(20, 24, 1.0).unwrap();
    assert!(told.contains("of 192.0.2.0/24, where "), "{told}");
    assert!(told.contains("clients are suspect and about "), "{told}");
    assert_eq!(network(20, 200, 1.0), None);
    assert_eq!(network(8, 8, 1.0), None);
    assert_eq!(network(19, 19, 1.0), None, "a rule that counts comes first");
    assert!(network(6, 6, 3.0).is_some());
    let told = network_of_persistent(6, 20, 6, 3.0);
    assert!(told.is_some(), "who goes on is never less suspect");
    assert_eq!(network_of_persistent(19, 20, 19, 1.0), None);
}

#[test]
fn one_client_is_no_network() {
    let mut risk = Risk::new(RiskOptions::default());
    for second in 0..50 {
        let event = event("192.0.2.1", second * 1_000);
        let entity = Entity::shared(&event).next().unwrap();
        let mut signs = signs(&[("a", 8.0), ("b", 8.0), ("c", 8.0)]);
        assert_eq!(
            risk.observe(&event, &entity, &mut signs, Score::new(0.0), 1),
            None
        );
    }
}

#[test]
fn an_account_under_attack_from_many_addresses_is_told_by_name() {
    let mut risk = Risk::new(RiskOptions::default());
    let mut told = Vec::new();
    for last in 0..20 {
        let mut event = event(&format!("198.51.{last}.9"), i64::from(last) * 1_000);
        event.set(Field::UserName, b"root");
        let entity = Entity::shared(&event).last().unwrap();
        let mut signs = signs(&[("a", 1.0)]);
        told.extend(risk.observe(&event, &entity, &mut signs, Score::new(0.0), 0));
    }
    let [one] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!(one.rule_id, "risk-account");
    assert!(
        one.reason
            .as_ref()
            .unwrap()
            .contains("account \"root\" from "),
        "{one:?}"
    );
    assert_eq!(one.evidence[0].matched, "root");
}

#[test]
fn a_touch_of_a_honeypot_is_a_sign_whatever_rules_say() {
    let mut touch = event("192.0.2.7", 0);
    touch.log = LogKind::OpenCanary;
    assert!(Signs::has(&touch));
    assert!(!Signs::has(&event("192.0.2.7", 0)));
    touch.source_ip = None;
    assert!(!Signs::has(&touch));
}

#[test]
fn an_alert_of_the_network_sensor_is_a_sign_too() {
    let mut alert = event("192.0.2.7", 0);
    alert.log = LogKind::Suricata;
    alert.set_service(b"alert");
    alert.add_label(b"alert.severity", b"3");
    assert!(!Signs::has(&alert), "everybody brings those");
    let mut alert = event("192.0.2.7", 0);
    alert.log = LogKind::Suricata;
    alert.set_service(b"alert");
    alert.add_label(b"alert.severity", b"1");
    assert!(Signs::has(&alert));
}

#[test]
fn memory_is_bounded() {
    let options = RiskOptions {
        max_entities: 100,
        ..RiskOptions::default()
    };
    let mut risk = Risk::new(options.clone());
    let mut clients = Clients::new(&options);
    for n in 0..10_000_u32 {
        let address = IpAddr::from((0x0a00_0000 + n * 256).to_be_bytes());
        let event = event(&address.to_string(), 0);
        let entity = Entity::Address(address);
        risk.observe(
            &event,
            &entity,
            &mut signs(&[("a", 5.0)]),
            Score::new(5.0),
            0,
        );
        clients.note(address, 0);
        assert_eq!(clients.of_network(address), 1);
    }
    assert_eq!(risk.known.len(), 100);
    assert_eq!(risk.evicted(), 9_900);
}

#[test]
fn clients_of_a_network_are_counted_once_a_day() {
    let mut clients = Clients::new(&RiskOptions {
        shards: 2,
        ..RiskOptions::default()
    });
    let address = |last: u8| IpAddr::from([192, 0, 2, last]);
    for last in 0..50 {
        clients.note(address(last), 0);
        clients.note(address(last), 0);
    }
    // Two threads share them, so there are twice as many.
    clients.note(address(0), 0);
    assert_eq!(clients.of_network(address(0)), 100);
    clients.note(address(0), 25 * 60 * MINUTE);
    assert_eq!(clients.of_network(address(0)), 100);
    clients.note(address(0), 60 * 60 * MINUTE);
    assert_eq!(clients.of_network(address(0)), 2);
}
