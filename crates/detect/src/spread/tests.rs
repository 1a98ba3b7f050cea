//! Thin scans, and what is none.

use vigil_event::Timestamp;

use super::*;

fn weak(field: &str, matched: &str) -> Detection {
    Detection {
        rule_id: "odd-quote".to_owned(),
        title: "Odd Quote".to_owned(),
        family: "sql_injection".to_owned(),
        detector: Detector::Rule,
        score: Score::new(3.0),
        techniques: Vec::new(),
        evidence: vec![Evidence {
            field: field.to_owned(),
            decodings: Vec::new(),
            start: 0,
            end: 1,
            matched: matched.to_owned(),
        }],
        reason: None,
    }
}

/// What is seen of one log.
pub(super) struct Log {
    pub(super) spread: Spread,
    site: &'static str,
}

impl Log {
    /// One that began long ago.
    pub(super) fn new() -> Self {
        let mut log = Self::of(SpreadOptions::default());
        log.sends("198.51.100.1", -1_000, "/", "q");
        log
    }

    pub(super) fn of(options: SpreadOptions) -> Self {
        Self {
            spread: Spread::new(options),
            site: "shop.example",
        }
    }

    /// A client sends something weak, so many minutes after the beginning.
    pub(super) fn sends(
        &mut self,
        address: &str,
        minute: i64,
        path: &str,
        matched: &str,
    ) -> Option<Detection> {
        let one = weak("url.query", matched);
        self.sends_one(address, minute, path, &one)
    }

    fn sends_one(
        &mut self,
        address: &str,
        minute: i64,
        path: &str,
        one: &Detection,
    ) -> Option<Detection> {
        let mut event = Event::new();
        event.occurred_at = Timestamp::from_millis(1_795_176_000_000 + minute * 60_000);
        event.source_ip = Some(address.parse().unwrap());
        event.set(Field::UrlDomain, self.site.as_bytes());
        event.set(Field::UrlPath, path.as_bytes());
        self.spread
            .observe(&event, [one].into_iter(), one.score, false)
    }

    /// So many networks send one thing each that nobody else sends, a minute apart.
    pub(super) fn scan(&mut self, networks: i64, minute: i64) -> Vec<Detection> {
        self.scan_from(0, minute, networks)
    }

    /// The same of the networks from that one on.
    pub(super) fn scan_from(&mut self, first: i64, minute: i64, networks: i64) -> Vec<Detection> {
        let sent = (0..networks).filter_map(|n| {
            let network = first + n;
            let address = format!("10.{}.{}.9", network / 200, network % 200);
            let path = format!("/item/{}", minute + n);
            self.sends(&address, minute + n, &path, "1'")
        });
        sent.collect()
    }
}

#[test]
fn twelve_networks_that_each_send_something_else_are_a_scan() {
    let found = Log::new().scan(40, 0);
    assert_eq!(found.len(), 1, "then there is quiet for an hour");
    let found = &found[0];
    assert_eq!(
        (found.rule_id.as_str(), found.family.as_str()),
        (THIN_SCAN, "sql_injection")
    );
    let reason = found.reason.as_deref().unwrap();
    assert!(reason.starts_with("12 networks "), "{reason}");
    assert!(reason.contains("to shop.example within 60 min"), "{reason}");
    assert!(reason.contains("`1'` to /item/11"), "{reason}");
}

#[test]
fn networks_that_each_try_another_name_are_a_scan() {
    let mut log = Log::new();
    let mut asks = |n: i64, path: &str, is_stray: bool| {
        let mut event = Event::new();
        event.occurred_at = Timestamp::from_millis(1_795_176_000_000 + n * 60_000);
        event.source_ip = Some(format!("10.{n}.0.9").parse().unwrap());
        event.set(Field::UrlPath, path.as_bytes());
        let none: [Detection; 0] = [];
        let score = Score::default();
        log.spread.observe(&event, none.iter(), score, is_stray)
    };
    for n in 0..30 {
        assert_eq!(asks(n, "/the-same", true), None);
        assert_eq!(asks(n, &format!("/{n}"), false), None);
    }
    let told: Vec<_> = (0..30)
        .filter_map(|n| asks(n, &format!("/try/{n}"), true))
        .collect();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].family, "scanning");
    let reason = told[0].reason.as_deref().unwrap();
    assert!(reason.contains("/try/11, which is not there"), "{reason}");
}

#[test]
fn one_network_is_one_however_much_it_sends_and_however_many_addresses_it_has() {
    let mut log = Log::new();
    for n in 0..5_000 {
        let address = format!("203.0.113.{}", n % 250);
        assert_eq!(log.sends(&address, n / 100, &format!("/{n}"), "1'"), None);
        let address = format!("2001:db8:7:{n:x}::1");
        assert_eq!(
            log.sends(&address, n / 100, &format!("/v6/{n}"), "1'"),
            None
        );
    }
    assert_eq!(
        log.scan(40, 50).len(),
        1,
        "and it does not hide what others do"
    );
}

#[test]
fn what_many_visitors_send_alike_is_no_scan() {
    let mut log = Log::new();
    for n in 0..200 {
        let address = format!("10.{n}.0.9");
        let told = log.sends(&address, n / 10, "/search", "O'Brien");
        assert_eq!(told, None);
        let agent = weak("user_agent.original", &format!("Agent/{n}"));
        let told = log.sends_one(&address, n / 10, &format!("/{n}"), &agent);
        assert_eq!(told, None);
    }
}

#[test]
fn what_is_strong_or_comes_over_many_hours_is_not_counted() {
    let mut log = Log::new();
    for n in 0..40 {
        let mut one = weak("url.query", "1' or 1=1");
        one.score = Score::new(8.0);
        let told = log.sends_one(&format!("10.{n}.0.9"), n, &format!("/{n}"), &one);
        assert_eq!(told, None, "there is an alert for it already");
    }
    let mut log = Log::new();
    for n in 0..100 {
        let told = log.sends(&format!("10.{n}.0.9"), n * 6, &format!("/{n}"), "1'");
        assert_eq!(told, None, "ten an hour are too few");
    }
}

#[test]
fn nothing_is_told_before_it_was_learned_what_is_usual() {
    let mut log = Log::of(SpreadOptions::default());
    assert_eq!(log.scan(300, 0), []);
    let mut log = Log::of(SpreadOptions {
        learn_ms: 0,
        ..SpreadOptions::default()
    });
    assert_eq!(log.scan(20, 0).len(), 1);
}

#[test]
fn it_takes_three_times_what_is_usual() {
    let mut log = Log::of(SpreadOptions::default());
    // A site where ten networks an hour send something odd of their own.
    for hour in 0..30 {
        assert_eq!(log.scan(10, hour * 60), []);
    }
    assert_eq!(log.scan(25, 30 * 60), []);
    assert_eq!(log.scan(50, 32 * 60).len(), 1);
}

#[test]
fn sites_and_families_are_counted_apart_and_a_flood_of_them_is_bounded() {
    let mut log = Log::new();
    for n in 0..24 {
        log.site = ["a.example", "b.example"][n % 2];
        let told = log.sends(&format!("10.{n}.0.9"), 0, &format!("/{n}"), "1'");
        assert_eq!(told.is_some(), n >= 22, "{n}");
    }
    for n in 0..10_000 {
        let mut one = weak("url.query", "1'");
        one.family = format!("family {n}");
        log.sends_one(&format!("10.0.{}.9", n % 250), 1, "/", &one);
    }
    assert!(log.spread.watches.len() <= WATCHES);
    assert!(log.spread.evicted() > 9_000);
}

#[test]
fn a_flood_of_made_up_addresses_is_bounded() {
    let mut log = Log::new();
    let mut told = 0;
    for n in 0..20_000 {
        let address = format!("{}.{}.{}.1", 11 + n / 62_500, n / 250 % 250, n % 250);
        told += usize::from(
            log.sends(&address, n / 1_000, &format!("/{n}"), "1'")
                .is_some(),
        );
    }
    assert_eq!(told, 1);
    let key = (b"shop.example".to_vec(), "sql_injection");
    let watch = log.spread.watches.get(&log.spread.secret.hash(&key));
    let networks = watch.map(|watch| watch.counted().networks);
    assert_eq!(networks, Some(watch::MOST_THINGS as u32));
    assert_eq!(log.scan(10, 80), [], "an hour later it is over");
}
