//! Who teaches what is new: visitors, and not those who send nothing else or all sorts of it.

use std::sync::Arc;

use vigil_event::Event;

use super::Eye;
use super::learner::Learner;
use super::seen::Requests;
use super::tests::{event, options};

const VISITORS: u32 = 200;
/// So many networks send what is new, once an hour each.
const SENDERS: u32 = 40;
const HOURS: u32 = 30;
const NEW: &str = "noteA";

struct Bench {
    eye: Eye,
    learner: Learner,
    at_ms: i64,
}

impl Bench {
    /// A site that is known.
    fn new() -> Self {
        let options = options();
        let mut bench = Self {
            eye: Eye::new(options.clone()),
            learner: Learner::new(options),
            at_ms: 1_795_176_000_000,
        };
        for number in 0..6_000 {
            bench.at_ms += 10_000;
            bench.show(&visit(number % VISITORS, bench.at_ms, "note"));
        }
        bench.publish();
        assert!(bench.score() >= 5.0);
        bench
    }

    fn show(&mut self, event: &Event) {
        self.eye.look(event);
        self.eye.conclude(event, 0.0);
        self.learner.learn(&self.eye.take(Requests::default()));
    }

    fn publish(&mut self) {
        self.eye.follow(&Arc::new(self.learner.publish()));
    }

    /// What is said of the new name.
    fn score(&mut self) -> f64 {
        let event = visit(9_999, self.at_ms, NEW);
        let found = self.eye.look(&event);
        self.eye.forget();
        found.map_or(0.0, |one| one.score.value())
    }

    /// Each of the senders sends what is new each hour, among visits of others. Those from `first` on; of
    /// each request `ordinary` ones come before it.
    fn send(&mut self, first: u32, ordinary: u32) {
        for number in 0..HOURS * SENDERS {
            self.at_ms += 90_000;
            let sender = first + number % SENDERS;
            for _ in 0..ordinary {
                self.show(&visit(sender, self.at_ms, "note"));
            }
            self.show(&visit(sender, self.at_ms, NEW));
            for other in 0..6 {
                self.show(&visit((number * 6 + other) % VISITORS, self.at_ms, "note"));
            }
            if number.is_multiple_of(50) {
                self.publish();
            }
        }
        self.publish();
    }
}

/// A request for a form that takes a number, and a word under that name.
fn visit(client: u32, at_ms: i64, name: &str) -> Event {
    let number = (client % 90).to_string();
    event(
        client,
        at_ms,
        "/form",
        &[("number", &number), (name, "red")],
    )
}

#[test]
fn strangers_who_send_nothing_else_do_not_make_it_usual() {
    let mut bench = Bench::new();
    bench.send(3_000, 0);
    assert!(bench.score() >= 5.0, "{}", bench.score());
}

#[test]
fn visitors_who_send_it_among_other_things_do() {
    for (first, ordinary) in [(0, 0), (3_000, 1)] {
        let mut bench = Bench::new();
        bench.send(first, ordinary);
        assert!(bench.score() < 5.0, "{first}: {}", bench.score());
    }
}

#[test]
fn who_is_a_visitor_is_known_after_a_restart() {
    let mut bench = Bench::new();
    let saved = bench.learner.save(None);
    bench.learner.restore(saved).unwrap();
    bench.send(0, 0);
    assert!(bench.score() < 5.0, "{}", bench.score());
}

/// What is said of a new name that so many networks send within minutes, each after what is told.
fn at_once(networks: u32, before: &[&str]) -> f64 {
    let mut bench = Bench::new();
    for sender in 3_000..3_000 + networks {
        bench.at_ms += 10_000;
        for name in before.iter().chain(&[NEW]) {
            bench.show(&visit(sender, bench.at_ms, name));
        }
    }
    bench.show(&visit(0, bench.at_ms, "note"));
    bench.publish();
    bench.score()
}

#[test]
fn what_several_visitors_send_for_the_first_time_is_a_change_of_the_site() {
    assert!(at_once(10, &["note", "note"]) < 5.0);
    assert!(at_once(2, &["note", "note"]) >= 5.0);
    assert!(at_once(10, &[]) >= 5.0, "they are strangers");
    let who_tries = ["note", "note", "note", "roleA"];
    assert!(
        at_once(10, &who_tries) >= 5.0,
        "they have tried something else"
    );
}
