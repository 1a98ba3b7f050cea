//! However much is made up, memory is bounded, and what is real is learned all the same.

use std::net::{IpAddr, Ipv4Addr};

use vigil_event::{Event, Field, Timestamp};

use super::model::State;
use super::tests::{Bench, active, event, options};

/// The first of 256 addresses of one network.
const IN_ONE_NETWORK: u32 = 0xcb00_7100;

/// Asks a host that somebody made up from that address.
fn ask_of(bench: &mut Bench, address: u32, host: &str) {
    bench.now_ms += 1_000;
    let mut request = Event::new();
    request.occurred_at = Timestamp::from_millis(bench.now_ms);
    request.source_ip = Some(IpAddr::V4(Ipv4Addr::from(address)));
    request.set(Field::UrlDomain, host.as_bytes());
    request.set(Field::UrlPath, b"/");
    bench.show(&request, 0.0);
}

#[test]
fn memory_is_bounded_whatever_comes() {
    let mut bench = Bench::new();
    for number in 0..60_000u32 {
        bench.now_ms += 1_000;
        let path = format!("/p{}/q{}/r{number}", number % 300, number % 7_000);
        let name = format!("n{number}");
        let event = event(number % 4_000, bench.now_ms, &path, &[(&name, "v")]);
        bench.show(&event, 0.0);
    }
    bench.publish();
    let status = bench.learner.status_of("shop.example").unwrap();
    assert!(
        status.places <= options().max_places + 200,
        "{}",
        status.places
    );
    assert!(status.bytes < 24 << 20, "{}", status.bytes);
}

#[test]
fn names_of_hosts_that_are_made_up_push_no_site_out() {
    let mut bench = active();
    for number in 0..200 {
        ask_of(&mut bench, number, &format!("h{number}.example"));
    }
    bench.publish();
    assert_eq!(bench.state(), State::Active);
    assert!(bench.learner.status().len() <= options().max_sites);
}

#[test]
fn names_of_hosts_that_are_made_up_keep_no_site_out() {
    let mut bench = Bench::new();
    for number in 0..options().max_sites as u32 * 6 {
        let address = (number % 6) << 8;
        ask_of(&mut bench, address, &format!("h{}.example", number / 6));
    }
    assert!(bench.learner.status_of("shop.example").is_none());
    bench.visits(6_000);
    assert_eq!(bench.state(), State::Active);
}

#[test]
fn many_addresses_of_one_network_neither_keep_a_site_out_nor_push_one_out() {
    let hosts = options().max_sites as u32;
    let mut bench = Bench::new();
    for number in 0..hosts * 60 {
        let address = IN_ONE_NETWORK + number % 256;
        ask_of(&mut bench, address, &format!("h{}.example", number / 60));
    }
    bench.visits(20);
    assert_eq!(bench.state(), State::Learning);
    for number in 0..hosts * 60 {
        let address = IN_ONE_NETWORK + number % 256;
        ask_of(&mut bench, address, &format!("i{}.example", number / 60));
    }
    bench.publish();
    let status = bench.learner.status_of("shop.example");
    assert!(status.is_some_and(|status| status.requests == 20));
}

#[test]
fn names_of_parameters_that_are_made_up_make_room_for_real_ones() {
    let mut bench = Bench::new();
    let names: Vec<String> = (0..64).map(|number| format!("n{number}x")).collect();
    for page in 0..70 {
        let path = format!("/f{}/g{}", page / 8, page % 8);
        for client in 0..3 {
            bench.now_ms += 1_000;
            bench.show(&event(client, bench.now_ms, &path, &[]), 0.0);
        }
        for some in names.chunks(32) {
            bench.now_ms += 1_000;
            let some: Vec<_> = some.iter().map(|name| (&**name, "v")).collect();
            bench.show(&event(0, bench.now_ms, &path, &some), 0.0);
        }
    }
    bench.visits(6_000);
    assert!(bench.score("/item/100", &[("colour", "red"), ("page", "4'")]) >= 5.0);
    assert!(bench.score("/item/100", &[("colour", "red"), ("page", "4")]) < 1.0);
}

#[test]
fn where_anything_is_answered_real_pages_are_learned_all_the_same() {
    let mut bench = Bench::new();
    for number in 0..9_000u32 {
        bench.now_ms += 1_000;
        let path = format!("/f{}/g{number}", number % 90);
        bench.show(&event(number % 2, bench.now_ms, &path, &[]), 0.0);
    }
    bench.visits(6_000);
    assert!(bench.score("/item/100", &[("colour", "red"), ("page", "4'")]) >= 5.0);
    assert!(bench.score("/item/100", &[("colour", "red"), ("page", "4")]) < 1.0);
}

#[test]
fn what_was_saved_before_is_read_and_goes_on() {
    let mut bench = active();
    let mut saved = serde_json::to_value(bench.learner.save(None)).unwrap();
    let site = &mut saved["models"]["shop.example"]["course"]["site"];
    for new in ["segments", "values", "strays", "doubles", "new_names"] {
        assert!(site.as_object_mut().unwrap().remove(new).is_some(), "{new}");
    }
    let saved = serde_json::from_value(saved).unwrap();
    bench.learner.restore(saved).unwrap();
    bench.publish();
    // Nobody took note of how often visitors ask for what is not there: it is not known to be rare.
    let mut lost = event(9_999, bench.now_ms, "/old/page", &[]);
    lost.status = 404;
    let found = bench.show(&lost, 9.0).map(|one| one.score.value());
    assert!(found.is_some_and(|score| score < 5.0), "{found:?}");
    bench.visits(2_000);
    assert_eq!(bench.state(), State::Active);
    assert!(bench.score("/item/100", &[("colour", "red"), ("page", "4'")]) >= 5.0);
}
