//! What is asked for and is not there, and what no part of a site ever had where few come.

use std::sync::Arc;

use vigil_event::{Event, Field};

use super::learner::Learner;
use super::options::ProfileOptions;
use super::seen::Requests;
use super::tests::{event, options};
use super::who::hash;
use super::{Eye, Profiles};

const VISITORS: u32 = 400;

fn visitor(number: u32) -> u32 {
    (hash(u64::from(number)) % u64::from(VISITORS)) as u32
}

fn at_ms(number: u32) -> i64 {
    1_795_176_000_000 + i64::from(number) * 10_000
}

fn asked(client: u32, number: u32, path: &str, status: u16) -> Event {
    let mut event = event(client, at_ms(number), path, &[]);
    event.status = status;
    event
}

/// What a site has learned: items with a session in the path, a small page of which a dozen visitors know, and
/// what `mess` makes of every request of that number.
fn learned(mess: impl Fn(u32) -> Option<Event>) -> Arc<Profiles> {
    let options = options();
    let mut eye = Eye::new(options.clone());
    let mut learner = Learner::new(options);
    for number in 0..12_000 {
        let client = visitor(number);
        let token = format!("{:016x}", hash(u64::from(number)));
        let path = match number % 40 {
            0 if client < 120 => "/help/first/parcels".to_owned(),
            1 => "/style.css".to_owned(),
            2 => format!("/item/{};jsessionid={token}", number % 900),
            _ => format!("/item/{}", number % 900),
        };
        let event = mess(number).unwrap_or_else(|| asked(client, number, &path, 200));
        eye.look(&event);
        eye.conclude(&event, 0.0);
        learner.learn(&eye.take(Requests::default()));
    }
    Arc::new(learner.publish())
}

fn score(profiles: &Arc<Profiles>, event: &Event) -> f64 {
    let mut eye = Eye::new(ProfileOptions::default());
    eye.follow(profiles);
    let found = eye.look(event);
    found.map_or(0.0, |one| one.score.value())
}

/// What is said of a path at which nothing is.
fn lost(profiles: &Arc<Profiles>, path: &str) -> f64 {
    score(profiles, &asked(9_999, 12_000, path, 404))
}

#[test]
fn what_no_visitor_asks_for_is_odd_although_nothing_is_there() {
    let quiet = learned(|_| None);
    for path in [
        "/.git/config",
        "/item/.env",
        "/item/4.bak",
        "/style.css~",
        "/manager/html",
        "/server-status",
        "/favicon.ico.old",
    ] {
        assert!(lost(&quiet, path) >= 5.0, "{path}: {}", lost(&quiet, path));
    }
    for path in [
        "/favicon-32x32.png",
        "/apple-touch-icon-precomposed.png",
        "/.well-known/security.txt",
        "/ads.txt",
    ] {
        assert!(lost(&quiet, path) < 5.0, "{path}: {}", lost(&quiet, path));
    }
    let mut led = asked(9_999, 12_000, "/old-page", 404);
    led.set(Field::Referrer, b"https://shop.example/item/4");
    assert!(score(&quiet, &led) < 5.0);
}

#[test]
fn where_links_are_old_only_what_is_stranger_is_odd() {
    let messy = learned(|number| {
        let path = format!("/offers/of-{}.css", number / 100);
        (number % 100 == 50).then(|| asked(visitor(number), number, &path, 404))
    });
    for path in ["/offers/of-x.css", "/old/page", "/old"] {
        assert!(lost(&messy, path) < 5.0, "{path}: {}", lost(&messy, path));
    }
    for path in ["/.git/config", "/item/4.bak", "/offers/of-1.css~"] {
        assert!(lost(&messy, path) >= 5.0, "{path}: {}", lost(&messy, path));
    }
}

#[test]
fn what_many_networks_ask_for_is_no_news() {
    let asked_for = learned(|number| {
        let is_asked = number > 4_000 && number % 200 == 50;
        is_asked.then(|| asked(visitor(number), number, "/app/icon-192.webp", 404))
    });
    let known = lost(&asked_for, "/app/icon-192.webp");
    assert!(known < 1.0, "{known}");
}

#[test]
fn what_no_part_of_the_site_has_is_odd_where_few_come() {
    let site = learned(|_| None);
    let small = "/help/first/parcels";
    let with = |name: &str| event(9_999, at_ms(12_000), small, &[(name, "1")]);
    assert!(
        score(&site, &with("debug")) >= 5.0,
        "{}",
        score(&site, &with("debug"))
    );
    for odd in ["/'", "/;ls", "/<b>"] {
        let path = format!("{small}{odd}");
        assert!(
            score(&site, &asked(9_999, 12_000, &path, 403)) >= 5.0,
            "{path}"
        );
    }
}

#[test]
fn a_session_in_the_path_is_a_parameter() {
    let site = learned(|_| None);
    let with = |session: &str| {
        let path = format!("/item/7;jsessionid={session}");
        score(&site, &asked(9_999, 12_000, &path, 200))
    };
    assert!(with("4f1e9c02d7b86a35") < 1.0);
    for session in ["4f1e9c02d7b8'--", &"a".repeat(300)] {
        assert!(with(session) >= 5.0, "{session}: {}", with(session));
    }
    let other = asked(9_999, 12_000, "/item/7;debug=1", 200);
    assert!(score(&site, &other) >= 5.0);
}

#[test]
fn whoever_makes_up_where_they_come_from_makes_no_stray_usual() {
    let led = |number: u32, path: &str, status| {
        let mut event = asked(50_000 + number, number, path, status);
        event.set(Field::Referrer, b"https://shop.example/item/4");
        event
    };
    for status in [404, 200] {
        let site = learned(|number| {
            let path = format!("/.sh/f{number}");
            (number >= 6_000 && number % 100 == 7).then(|| led(number, &path, status))
        });
        let hidden = lost(&site, "/.git/config");
        assert!(hidden >= 5.0, "{status}: {hidden}");
    }
}

#[test]
fn endings_that_are_often_asked_for_and_are_not_there_are_not_odd() {
    let people = learned(|number| {
        let path = format!("/x{number}.lee");
        (number % 100 == 50).then(|| asked(visitor(number), number, &path, 404))
    });
    assert!(
        lost(&people, "/x2.may") < 5.0,
        "{}",
        lost(&people, "/x2.may")
    );
    let quiet = learned(|_| None);
    assert!(lost(&quiet, "/x2.may") >= 5.0);
}
