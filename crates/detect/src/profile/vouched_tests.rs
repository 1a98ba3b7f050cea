//! What is learned from lines that somebody vouches for, and what is odd by that.

use std::sync::Arc;

use vigil_event::Event;

use super::Eye;
use super::learner::{Learner, Saved};
use super::model::State;
use super::options::ProfileOptions;
use super::seen::Requests;
use super::tests::event;

const NOW_MS: i64 = 1_795_176_000_000;

fn options() -> ProfileOptions {
    ProfileOptions {
        min_requests: 1_000,
        min_clients: 0,
        min_ms: 0,
        is_vouched: true,
        judges: false,
        ..ProfileOptions::default()
    }
}

/// The visit of that number to a shop in which everything comes from one address within minutes.
fn visit(number: u32) -> Event {
    let at = NOW_MS + i64::from(number);
    let identity = format!("{}Z", 10_000_000 + number * 7_919 % 80_000_000);
    match number % 4 {
        0 => event(1, at, "/cart.jsp", &[]),
        1 => event(
            1,
            at,
            "/form.jsp",
            &[("identity", &identity), ("city", "Madrid")],
        ),
        2 => event(
            1,
            at,
            "/form.jsp",
            &[("identity", &identity), ("city", "A Coru\u{f1}a")],
        ),
        _ => event(
            1,
            at,
            "/product.jsp",
            &[("id", &(1 + number % 9).to_string())],
        ),
    }
}

/// Learns so many of those requests; `score` is what a rule finds in each.
fn trained(count: u32, make: impl Fn(u32) -> Event, score: impl Fn(u32) -> f64) -> Learner {
    let mut eye = Eye::new(options());
    let mut learner = Learner::new(options());
    for number in 0..count {
        let event = make(number);
        eye.look(&event);
        eye.conclude(&event, score(number));
        if eye.waiting() >= 256 {
            learner.learn(&eye.take(Requests::default()));
        }
    }
    learner.learn(&eye.take(Requests::default()));
    learner.conclude(false);
    learner
}

/// What a server says that goes on with what was learned.
fn told(saved: Saved, path: &str, parameters: &[(&str, &str)]) -> String {
    let mut server = Learner::new(ProfileOptions::default());
    for (site, model) in saved.models {
        server.roll_back(&site, model).unwrap();
    }
    let mut eye = Eye::new(ProfileOptions::default());
    eye.follow(&Arc::new(server.publish()));
    let event = event(9, NOW_MS + 60_000_000, path, parameters);
    let detection = eye.look(&event).filter(|one| one.score.value() >= 5.0);
    detection.and_then(|one| one.reason).unwrap_or_default()
}

#[test]
fn one_client_and_a_few_seconds_are_enough() {
    let learner = trained(6_000, visit, |_| 0.0);
    let status = learner.status_of("shop.example").unwrap();
    assert_eq!((status.state, status.lacks), (State::Active, None));
    assert_eq!(status.addresses, 1);
    let told = |path: &str, parameters: &[(&str, &str)]| told(learner.save(None), path, parameters);
    let identity = ("identity", "12345678Z");
    for (path, parameters) in [
        ("/cart.jsp", &[][..]),
        ("/form.jsp", &[identity, ("city", "Madrid")]),
        ("/product.jsp", &[("id", "4")]),
    ] {
        assert_eq!(told(path, parameters), "", "{path} {parameters:?}");
    }
    for (path, parameters, words) in [
        (
            "/form.jsp",
            &[("identity", "12345678")][..],
            "`identity` was always built in 1 way",
        ),
        (
            "/form.jsp",
            &[identity, ("city", "' or 1=1")],
            "`city` was without apostrophes",
        ),
        ("/form.jsp", &[identity, ("city", " ")], "`city` was "),
        (
            "/form.jsp",
            &[identity, ("cityA", "Madrid")],
            "no parameter `cityA`",
        ),
        ("/cart.jsp/logo.gif", &[], "no path went on below this file"),
        ("/cart.jsp/", &[], "no path went on below this file"),
        ("/manager", &[], "there was nothing at this path"),
        (
            "/product.jsp",
            &[("id", "4x")],
            "in 1,500 requests from about 1 addresses",
        ),
    ] {
        let told = told(path, parameters);
        assert!(told.contains(words), "{path} {parameters:?}: {told}");
    }
}

#[test]
fn what_a_rule_found_teaches_nothing_and_its_client_goes_on_teaching() {
    let with_attacks = |number: u32| {
        if number.is_multiple_of(20) {
            event(1, NOW_MS, "/product.jsp", &[("id", "4' or 1=1")])
        } else {
            visit(number)
        }
    };
    let score = |number: u32| if number.is_multiple_of(20) { 9.0 } else { 0.0 };
    let learner = trained(6_000, with_attacks, score);
    let status = learner.status_of("shop.example").unwrap();
    assert_eq!((status.state, status.requests), (State::Active, 5_700));
    let told = told(learner.save(None), "/product.jsp", &[("id", "4' or 1=1")]);
    assert!(told.contains("parameter `id` was"), "{told}");
}

#[test]
fn a_log_that_is_too_short_or_never_the_same_is_refused_with_the_reason() {
    let lacks = |learner: &Learner| {
        let status = learner.status_of("shop.example").unwrap();
        assert_eq!(status.state, State::Learning);
        status.lacks.unwrap()
    };
    let short = trained(900, visit, |_| 0.0);
    assert_eq!(lacks(&short), "900 of 1000 requests");
    // What is new in one of a hundred requests is as odd as an attack.
    let never_the_same = |number: u32| {
        if number.is_multiple_of(100) {
            event(1, NOW_MS, "/product.jsp", &[(&format!("n{number}"), "1")])
        } else {
            visit(number)
        }
    };
    let mut odd = trained(9_000, never_the_same, |_| 0.0);
    let share = odd.status_of("shop.example").unwrap().odd_share;
    assert!(share.is_some_and(|share| share < 0.011), "{share:?}");
    if odd.status_of("shop.example").unwrap().state == State::Learning {
        assert!(lacks(&odd).contains("on trial"));
    }
    odd.conclude(true);
    let status = odd.status_of("shop.example").unwrap();
    assert_eq!(status.state, State::Active);
}
