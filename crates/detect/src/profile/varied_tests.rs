//! Places where ever new names stand below several branches, and what comes with a page of a new name.

use super::tests::{Bench, active, event};
use super::who::hash;

/// A name of letters alone, another one for each number.
fn name(number: u32) -> String {
    let mut rest = number;
    let mut name = String::from("villa-");
    for _ in 0..4 {
        name.push(char::from(b'a' + (rest % 26) as u8));
        rest /= 26;
    }
    name
}

fn session(number: u32) -> String {
    format!(
        "{:016x}{:016x}",
        hash(u64::from(number)),
        hash(!u64::from(number))
    )
}

/// A known site that is asked for houses in twelve towns, none of them twice.
fn bench() -> Bench {
    let mut bench = active();
    for number in 0..2_400 {
        bench.now_ms += 20_000;
        let path = format!("/town{}/{}", number % 12, name(number));
        let visit = event(
            number % 300,
            bench.now_ms,
            &path,
            &[("sid", &session(number))],
        );
        bench.show(&visit, 0.0);
        if number % 200 == 0 {
            bench.visits(100);
        }
    }
    bench.publish();
    bench
}

#[test]
fn what_comes_with_a_page_of_a_new_name_is_judged() {
    let mut bench = bench();
    let (page, sid) = ("/town7/villa-zzzz", session(9_999));
    assert!(bench.score(page, &[("sid", &sid)]) < 5.0);
    let half = sid.get(..16).unwrap_or_default();
    for odd in [
        &[("sid", &*sid), ("debug", "1")][..],
        &[("sid", half)],
        &[("sid", "x'")],
    ] {
        assert!(bench.score(page, odd) >= 5.0, "{odd:?}");
    }
}

#[test]
fn one_value_that_visitors_send_makes_no_other_one_usual() {
    let mut bench = active();
    let mut score = |colour: &str| bench.score("/item/107", &[("colour", colour), ("page", "1")]);
    assert!(score("green") >= 5.0 && score("black") >= 5.0);
    for client in 20..30 {
        let parameters = [("colour", "green"), ("page", "1")];
        let sent = event(client, bench.now_ms, "/item/107", &parameters);
        bench.show(&sent, 0.0);
    }
    bench.visits(1);
    let mut score = |colour: &str| bench.score("/item/107", &[("colour", colour), ("page", "1")]);
    assert!(score("green") < 5.0);
    assert!(score("black") >= 5.0);
}

#[test]
fn of_a_path_without_end_the_first_parts_are_judged() {
    let mut bench = bench();
    let mut score = |last: &str| {
        let path = format!("/nowhere{}/{last}", "/a".repeat(20));
        bench.score(&path, &[])
    };
    let plain = score("a");
    assert!(plain >= 5.0);
    assert!((score("x'") - plain).abs() < 1e-9);
}
