//! The same pages below several names: what is known below one goes for all.

use std::sync::Arc;

use vigil_event::Event;

use super::learner::Learner;
use super::seen::Requests;
use super::tests::{asked_by, options};
use super::{Eye, Profiles};

/// The last is hardly asked for.
const BRANCHES: [&str; 4] = ["de", "fr", "pl", "vi"];
const PAGES: [&str; 3] = ["search", "form", "dates"];
const REQUESTS: u32 = 8_000;

/// What a site has learned of which each page takes a parameter by that name; `{b}` is the branch's.
fn learned(page: &str, name: &str) -> Arc<Profiles> {
    let options = options();
    let mut eye = Eye::new(options.clone());
    let mut learner = Learner::new(options);
    for number in 0..REQUESTS {
        let branch = if number.is_multiple_of(97) {
            3
        } else {
            number % 3
        };
        let visit = ask(
            "GET",
            number % 300,
            number,
            (branch, number / 3),
            (page, name),
        );
        eye.look(&visit);
        eye.conclude(&visit, 0.0);
        learner.learn(&eye.take(Requests::default()));
    }
    Arc::new(learner.publish())
}

fn ask(
    method: &str,
    client: u32,
    number: u32,
    (branch, place): (u32, u32),
    (page, name): (&str, &str),
) -> Event {
    let at_ms = 1_795_176_000_000 + i64::from(number) * 10_000;
    let branch = BRANCHES[branch as usize];
    let of = |text: &str| text.replace("{b}", branch);
    let path = format!("/{branch}/{}{}", PAGES[place as usize % 3], of(page));
    asked_by(method, client, at_ms, &path, &[(&of(name), "12")])
}

/// What is said of a request for a page of the last branch.
fn score(profiles: &Arc<Profiles>, method: &str, page: &str, name: &str) -> f64 {
    let mut eye = Eye::new(options());
    eye.follow(profiles);
    let found = eye.look(&ask(method, 9_999, REQUESTS, (3, 0), (page, name)));
    found.map_or(0.0, |one| one.score.value())
}

fn paths(profiles: &Profiles) -> Vec<String> {
    let site = profiles.site(b"shop.example").unwrap();
    let described = site.site.describe(20);
    described.into_iter().map(|(path, _)| path).collect()
}

#[test]
fn what_is_usual_below_one_name_is_so_below_all_and_the_rest_is_a_strong_sign() {
    let alike = learned("", "number");
    assert!(score(&alike, "GET", "", "number") < 1.0);
    assert!(score(&alike, "GET", "", "debug") >= 5.0);
    assert!(score(&alike, "DELETE", "", "number") >= 5.0);
    let mut known = paths(&alike);
    known.sort();
    let expected = ["dates", "form", "search"].map(|page| format!("/{{de|fr|pl|vi}}/{page}"));
    assert_eq!(known, expected);
}

#[test]
fn where_pages_or_what_they_take_differ_each_is_on_its_own() {
    for (page, name) in [("-{b}", "number"), ("", "number-{b}")] {
        let different = learned(page, name);
        assert!(paths(&different).iter().all(|path| !path.contains('|')));
    }
}
