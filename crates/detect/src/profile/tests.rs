//! What profiles learn and what they say, without a log.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use proptest::prelude::*;
use vigil_event::{Detection, Event, Field, Outcome, Timestamp};

use super::learner::{Learner, Saved};
use super::model::State;
use super::options::ProfileOptions;
use super::seen::Requests;
use super::{Eye, Profiles};

const HOUR_MS: i64 = 3_600_000;

pub(super) fn options() -> ProfileOptions {
    ProfileOptions {
        min_requests: 2_000,
        min_clients: 50,
        min_ms: 5 * HOUR_MS,
        sample: 1,
        ..ProfileOptions::default()
    }
}

/// A site that is asked from many networks for items by number and colour.
pub(super) struct Bench {
    eye: Eye,
    pub(super) learner: Learner,
    pub(super) now_ms: i64,
}

pub(super) fn event(client: u32, at_ms: i64, path: &str, parameters: &[(&str, &str)]) -> Event {
    asked_by("GET", client, at_ms, path, parameters)
}

pub(super) fn asked_by(
    method: &str,
    client: u32,
    at_ms: i64,
    path: &str,
    parameters: &[(&str, &str)],
) -> Event {
    let mut event = Event::new();
    event.occurred_at = Timestamp::from_millis(at_ms);
    event.source_ip = Some(IpAddr::V4(Ipv4Addr::from(0x0a00_0001 + (client << 8))));
    event.status = 200;
    event.body_bytes = 5_000;
    event.set(Field::Method, method.as_bytes());
    event.set(Field::UrlDomain, b"shop.example");
    event.set(Field::UrlPath, path.as_bytes());
    let mut query = String::new();
    let mut places = Vec::new();
    for (name, value) in parameters {
        let start = query.len();
        query.extend([name, "=", value, "&"]);
        let sign = start + name.len();
        places.push((start..sign, sign + 1..sign + 1 + value.len()));
    }
    event.set(Field::UrlQuery, query.as_bytes());
    for (name, value) in places {
        event.add_parameter(name, value);
    }
    event
}

impl Bench {
    pub(super) fn new() -> Self {
        Self {
            eye: Eye::new(options()),
            learner: Learner::new(options()),
            now_ms: 1_795_176_000_000,
        }
    }

    /// So many ordinary requests, ten seconds apart.
    pub(super) fn visits(&mut self, count: u32) {
        for number in 0..count {
            self.now_ms += 10_000;
            let path = format!("/item/{}", 100 + number * 7 % 800);
            let colour = ["red", "blue"][number as usize % 2];
            let page = (1 + number % 9).to_string();
            let visit = event(
                number % 300,
                self.now_ms,
                &path,
                &[("colour", colour), ("page", &page)],
            );
            self.show(&visit, 0.0);
        }
        self.publish();
    }

    pub(super) fn show(&mut self, event: &Event, score_of_others: f64) -> Option<Detection> {
        let detection = self.eye.look(event);
        self.eye.conclude(event, score_of_others);
        if self.eye.waiting() >= 256 {
            self.hand_over();
        }
        detection
    }

    fn hand_over(&mut self) {
        let requests = self.eye.take(Requests::default());
        self.learner.learn(&requests);
    }

    pub(super) fn publish(&mut self) {
        self.hand_over();
        let profiles = Arc::new(self.learner.publish());
        self.eye.follow(&profiles);
    }

    pub(super) fn state(&self) -> State {
        self.learner.status_of("shop.example").unwrap().state
    }

    /// What is said of a request, which teaches nothing.
    fn ask(&mut self, path: &str, parameters: &[(&str, &str)]) -> Option<Detection> {
        let event = event(999, self.now_ms, path, parameters);
        let detection = self.eye.look(&event);
        self.eye.forget();
        detection
    }

    pub(super) fn score(&mut self, path: &str, parameters: &[(&str, &str)]) -> f64 {
        self.ask(path, parameters)
            .map_or(0.0, |one| one.score.value())
    }
}

pub(super) fn active() -> Bench {
    let mut bench = Bench::new();
    bench.visits(6_000);
    assert_eq!(bench.state(), State::Active);
    bench
}

#[test]
fn nothing_is_judged_before_enough_was_learned() {
    let mut bench = Bench::new();
    bench.visits(1_500);
    assert_eq!(bench.state(), State::Learning);
    assert_eq!(bench.ask("/item/5", &[("page", "' or 1=1")]), None);
    let status = bench.learner.status_of("shop.example").unwrap();
    assert_eq!(status.lacks.as_deref(), Some("1500 of 2000 requests"));
    bench.visits(4_500);
    assert_eq!(bench.state(), State::Active);
}

#[test]
fn what_fits_is_silent_and_what_does_not_is_told_in_words() {
    let mut bench = active();
    assert_eq!(
        bench.ask("/item/899", &[("colour", "red"), ("page", "4")]),
        None
    );
    for (path, parameters, words) in [
        (
            "/item/100",
            &[("colour", "red"), ("page", "4'")][..],
            "parameter `page` was without apostrophes in",
        ),
        (
            "/item/100",
            &[("colour", "red"), ("page", "abc")],
            "parameter `page` was",
        ),
        (
            "/item/100",
            &[("colour", "mauve"), ("page", "1")],
            "parameter `colour` was one of `red`, `blue`",
        ),
        (
            "/item/100",
            &[("colour", "red"), ("page", "1"), ("role", "admin")],
            "there was no parameter `role` in",
        ),
        (
            "/item/100",
            &[("colour", "red"), ("page", "1"), ("page", "2")],
            "parameter `page` came once in",
        ),
        ("/item/100'", &[], "this part of the path was"),
        (
            "/item/100.bak",
            &[("colour", "red"), ("page", "1")],
            "no path ended in `.bak` in",
        ),
    ] {
        let detection = bench
            .ask(path, parameters)
            .unwrap_or_else(|| panic!("{path} {parameters:?}"));
        let reason = detection.reason.unwrap();
        assert!(reason.contains(words), "{reason}");
        assert!(reason.contains("requests from about"), "{reason}");
        assert!(
            detection.score.value() >= 5.0,
            "{path} {parameters:?}: {} {reason}",
            detection.score
        );
    }
    let long = "a".repeat(900);
    assert!(bench.score("/item/100", &[("colour", &long), ("page", "1")]) >= 5.0);
}

/// A word for each number, of letters only.
fn word(number: u32) -> String {
    let letters = [4, 2, 0].map(|shift| b"bcdfghklmnprstvz"[(number >> shift & 15) as usize]);
    letters
        .map(|letter| format!("{}a", char::from(letter)))
        .concat()
}

#[test]
fn people_with_a_point_in_their_names_are_no_files() {
    let mut bench = Bench::new();
    for number in 0..2_000 {
        bench.visits(3);
        let path = format!("/u/{}.{}", word(number), word(number * 7 % 200));
        let visit = event(number % 300, bench.now_ms, &path, &[]);
        bench.show(&visit, 0.0);
    }
    bench.publish();
    assert_eq!(bench.state(), State::Active);
    assert!(bench.score("/u/babada.lovelace", &[]) < 5.0);
    assert!(bench.score("/u/babada.ada", &[]) < 5.0);
    let file = bench.ask("/u/babada.php", &[]).unwrap();
    assert!(file.score.value() >= 5.0, "{file:?}");
    let reason = file.reason.unwrap();
    assert!(reason.contains("no path ended in `.php`"), "{reason}");
}

#[test]
fn what_becomes_usual_makes_nothing_else_usual() {
    let mut bench = active();
    let [colour, page] = [("colour", "red"), ("page", "1")];
    for number in 0..300 {
        bench.visits(2);
        let click = [colour, page, ("fbclid", "IwAR0aFzq")];
        let clicked = event(number % 250, bench.now_ms, "/item/100", &click);
        bench.show(&clicked, 0.0);
        let (client, at) = (number % 250, bench.now_ms);
        let options = asked_by("OPTIONS", client, at, "/item/100", &[colour, page]);
        bench.show(&options, 0.0);
    }
    bench.publish();
    assert!(bench.score("/item/100", &[colour, page, ("role", "admin")]) >= 5.0);
    let put = asked_by("PUT", 999, bench.now_ms, "/item/100", &[colour, page]);
    let said = bench.eye.look(&put).unwrap();
    assert!(said.score.value() >= 5.0, "{said:?}");
}

#[test]
fn a_new_page_that_the_site_leads_to_or_a_campaign_alone_is_no_threat() {
    let mut bench = active();
    let mut linked = event(998, bench.now_ms, "/about-us", &[]);
    assert!(bench.show(&linked, 0.0).unwrap().score.value() >= 5.0);
    linked.set(Field::Referrer, b"https://shop.example/item/7");
    assert!(bench.show(&linked, 0.0).unwrap().score.value() < 5.0);
    let clicked = [("colour", "red"), ("page", "1"), ("utm_source", "mail")];
    let score = bench.score("/item/100", &clicked);
    assert!(score < 5.0, "{score}");
}

#[test]
fn a_parameter_that_always_came_is_missed() {
    let mut bench = active();
    let missed = bench.ask("/item/100", &[("colour", "red")]).unwrap();
    assert!(missed.score.value() >= 5.0, "{missed:?}");
    let reason = missed.reason.unwrap();
    assert!(
        reason.contains("`page` was hardly ever missing"),
        "{reason}"
    );
}

#[test]
fn what_stands_in_json_is_judged_by_its_names() {
    let mut bench = Bench::new();
    let filter = |number: u32| format!(r#"{{"max": {number}, "tags": ["new", "red"]}}"#);
    for number in 0..7_000 {
        bench.now_ms += 10_000;
        let shown = filter(10 + number % 90);
        bench.show(
            &event(number % 250, bench.now_ms, "/list", &[("where", &shown)]),
            0.0,
        );
    }
    bench.publish();
    assert!(bench.score("/list", &[("where", &filter(77))]) < 5.0);
    for odd in [
        r#"{"max": 10, "tags": ["new"], "isAdmin": true}"#,
        r#"{"max": {"ne": 1}, "tags": ["new"]}"#,
        r#"{"max": 10, "tags": ["new"]}'"#,
    ] {
        assert!(bench.score("/list", &[("where", odd)]) >= 5.0, "{odd}");
    }
}

#[test]
fn a_sign_behind_a_link_that_leads_nowhere_says_nothing() {
    let mut bench = active();
    let mut lost = event(
        999,
        bench.now_ms,
        "/item/100",
        &[("colour", "red"), ("page", "1)")],
    );
    assert!(bench.show(&lost, 0.0).unwrap().score.value() >= 5.0);
    lost.status = 404;
    assert_eq!(bench.show(&lost, 0.0), None);
}

#[test]
fn a_few_networks_teach_nothing_however_often_they_try() {
    let mut bench = active();
    let attack = [("colour", "red"), ("page", "1'")];
    for round in 0..2_000u32 {
        bench.now_ms += 30_000;
        let event = event(1_000 + round % 6, bench.now_ms, "/item/7", &attack);
        bench.show(&event, 0.0);
        if round % 3 == 0 {
            bench.visits(1);
        }
    }
    bench.publish();
    assert!(bench.score("/item/7", &attack) >= 5.0);
}

#[test]
fn what_others_accuse_teaches_nothing_and_nor_does_its_client() {
    let mut bench = Bench::new();
    for number in 0..3_000u32 {
        bench.now_ms += 10_000;
        let attack = event(number % 300, bench.now_ms, "/evil", &[]);
        bench.show(&attack, 8.0);
        let after = event(number % 300, bench.now_ms + 1, "/after", &[]);
        bench.show(&after, 0.0);
    }
    bench.hand_over();
    assert!(bench.learner.status().is_empty());
}

#[test]
fn a_changed_site_is_learned_without_a_hand() {
    let mut bench = active();
    let with = [("colour", "red"), ("page", "1"), ("view", "list")];
    assert!(bench.score("/item/7", &with) >= 5.0);
    for number in 0..4_000u32 {
        bench.now_ms += 10_000;
        let event = event(number % 300, bench.now_ms, "/item/7", &with);
        bench.show(&event, 0.0);
        if number % 500 == 0 {
            bench.publish();
        }
    }
    bench.publish();
    assert_eq!(bench.ask("/item/7", &with), None);
}

#[test]
fn several_odd_things_of_one_client_are_a_strong_sign() {
    let mut bench = active();
    let at = bench.now_ms;
    let mut last = 0.0;
    for (step, (path, parameters)) in [
        ("/about", &[][..]),
        ("/item/1", &[("colour", "red"), ("page", "")]),
        ("/item/2", &[("colour", ""), ("page", "1")]),
        ("/item/3", &[("colour", "red"), ("page", "1234")]),
        ("/contact", &[]),
    ]
    .into_iter()
    .enumerate()
    {
        let event = event(
            777,
            at + i64::try_from(step).unwrap() * 1_000,
            path,
            parameters,
        );
        last = bench.show(&event, 0.0).map_or(0.0, |one| one.score.value());
    }
    assert!(last >= 5.0, "{last}");
    let alone = bench.score("/item/200", &[("colour", ""), ("page", "1")]);
    assert!(alone < 5.0, "alone it is a weak one: {alone}");
}

#[test]
fn the_outcome_follows_from_status_and_size() {
    let mut bench = active();
    for (path, status, bytes, outcome) in [
        ("/item/5", 200, 5_000, Outcome::Attempt),
        ("/item/5", 200, 900_000, Outcome::LikelySuccess),
        ("/item/5", 403, 5_000, Outcome::Attempt),
        ("/item/5", 0, 0, Outcome::Unknown),
        ("/.env", 200, 300, Outcome::LikelySuccess),
        ("/.env", 404, 300, Outcome::Attempt),
    ] {
        let mut event = event(1, bench.now_ms, path, &[]);
        (event.status, event.body_bytes) = (status, bytes);
        bench.eye.look(&event);
        assert_eq!(
            bench.eye.outcome(&event),
            outcome,
            "{path} {status} {bytes}"
        );
        bench.eye.forget();
    }
}

#[test]
fn what_was_saved_is_the_same_and_is_checked() {
    let mut bench = active();
    let saved = bench.learner.save(None);
    let json = serde_json::to_vec(&saved).unwrap();
    let mut other = Bench::new();
    other.now_ms = bench.now_ms;
    let read: Saved = serde_json::from_slice(&json).unwrap();
    other.learner.restore(read).unwrap();
    other.publish();
    let request: (&str, &[(&str, &str)]) = ("/item/1", &[("colour", "mauve"), ("page", "x")]);
    assert_eq!(
        other.ask(request.0, request.1),
        bench.ask(request.0, request.1)
    );
    let earlier = Saved {
        format: 1,
        ..bench.learner.save(None)
    };
    other.learner.restore(earlier).unwrap();
    other.publish();
    assert_eq!(other.state(), State::Learning, "it is on trial again");
    assert_eq!(other.ask(request.0, request.1), None);
    other.visits(2_500);
    assert_eq!(other.state(), State::Active);
    let newer = Saved {
        format: Saved::FORMAT + 1,
        ..Saved::default()
    };
    assert!(other.learner.restore(newer).is_err());
    let small = ProfileOptions {
        max_places: 1,
        ..options()
    };
    let mut small = Learner::new(small);
    assert!(small.restore(bench.learner.save(None)).is_err());
}

#[test]
fn an_older_version_is_put_in_force_under_a_new_number() {
    let mut bench = active();
    let mut kept = bench.learner.save(Some("shop.example"));
    let kept = kept.models.remove("shop.example").unwrap();
    bench.visits(500);
    bench.learner.roll_back("shop.example", kept).unwrap();
    let status = bench.learner.status_of("shop.example").unwrap();
    assert_eq!((status.version, status.state), (2, State::Active));
}

#[test]
fn learning_anew_leaves_the_old_one_in_force_until_it_has_passed() {
    let mut bench = active();
    assert_eq!(bench.learner.retrain(None), 1);
    bench.visits(500);
    let status = bench.learner.status_of("shop.example").unwrap();
    assert!(status.is_retraining && status.state == State::Active && status.version == 1);
    assert!(bench.score("/item/1", &[("colour", "red"), ("page", "'")]) >= 5.0);
    bench.visits(6_000);
    let status = bench.learner.status_of("shop.example").unwrap();
    assert!(!status.is_retraining && status.version == 2);
}

proptest! {
    #[test]
    fn no_request_makes_it_panic(
        texts in proptest::collection::vec((".{0,40}", ".{0,60}", ".{0,80}"), 1..40),
        status in 0u16..600,
    ) {
        let small = ProfileOptions { min_requests: 5, min_clients: 1, min_ms: 0, trust_networks: 1, trust_periods: 1, ..options() };
        let (mut eye, mut learner) = (Eye::new(small.clone()), Learner::new(small));
        for round in 0..3u32 {
            for (number, (path, name, value)) in texts.iter().enumerate() {
                let mut event = event(number as u32, i64::from(round) * HOUR_MS, path, &[(name, value)]);
                event.status = status;
                eye.look(&event);
                eye.outcome(&event);
                eye.conclude(&event, 0.0);
            }
            learner.learn(&eye.take(Requests::default()));
            eye.follow(&Arc::new(learner.publish()));
        }
        let saved = serde_json::to_vec(&learner.save(None)).unwrap();
        let read: Saved = serde_json::from_slice(&saved).unwrap();
        prop_assert!(learner.restore(read).is_ok());
        drop(Profiles::default());
    }
}
