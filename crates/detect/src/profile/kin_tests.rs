//! Pages of one kind: what is known of all goes for each.

use std::sync::Arc;

use vigil_event::Event;

use super::learner::Learner;
use super::options::ProfileOptions;
use super::seen::Requests;
use super::tests::{asked_by, options};
use super::{Eye, Profiles};

/// Pages beside one another, each with a dozen visitors of its own.
const PAGES: u32 = 24;
const VISITORS: u32 = 12;

/// What a site has learned whose pages take a parameter by that name; `{n}` is the page's number.
fn learned(name: &str) -> Arc<Profiles> {
    let options = options();
    let mut eye = Eye::new(options.clone());
    let mut learner = Learner::new(options);
    for number in 0..8_000 {
        let (page, visitor) = (number % PAGES, number / PAGES % VISITORS);
        let name = name.replace("{n}", &page.to_string());
        let visit = ask("GET", page * VISITORS + visitor, number, page, &name);
        eye.look(&visit);
        eye.conclude(&visit, 0.0);
        learner.learn(&eye.take(Requests::default()));
    }
    Arc::new(learner.publish())
}

fn ask(method: &str, client: u32, number: u32, page: u32, name: &str) -> Event {
    let at_ms = 1_795_176_000_000 + i64::from(number) * 10_000;
    let path = format!("/tag/{}", char::from(b'a' + page as u8));
    asked_by(method, client, at_ms, &path, &[(name, "2")])
}

fn score(profiles: &Arc<Profiles>, method: &str, name: &str) -> f64 {
    let mut eye = Eye::new(ProfileOptions::default());
    eye.follow(profiles);
    let found = eye.look(&ask(method, 9_999, 8_000, 3, name));
    found.map_or(0.0, |one| one.score.value())
}

#[test]
fn what_no_page_of_a_kind_ever_had_is_a_strong_sign_on_each() {
    let alike = learned("page");
    assert!(score(&alike, "GET", "page") < 1.0);
    assert!(score(&alike, "DELETE", "page") >= 5.0);
    assert!(score(&alike, "GET", "debug") >= 5.0);
    // Where each takes something else, twelve visitors know little.
    let different = learned("page{n}");
    assert!(score(&different, "DELETE", "page") >= 5.0);
}
