//! Passwords that are guessed from many networks, and names that are tried from all of a network, through
//! the binary with its own rules; and what honest sites bring that looks a little like it.

use std::fmt::Write as _;
use std::process::Command;

use serde_json::Value;

use crate::site::{BINARY, Site};

const SURGE: &str = "2b9b7a35-0c4f-4a6e-9d3a-6f0c1f6f2a02";
const OF_NETWORK: &str = "1d0f0c1e-7c0f-4c55-9d0e-5f6f3b8a9c02";
const BROWSER: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:142.0) Gecko/20100101 Firefox/142.0";

/// How many people log in within each hour of a working day.
const DAY: [usize; 24] = [
    2, 1, 1, 1, 2, 3, 8, 20, 90, 50, 30, 30, 25, 30, 30, 25, 20, 15, 12, 10, 8, 6, 4, 3,
];

/// What a site's access log holds, by second.
#[derive(Default)]
struct Traffic(Vec<(usize, String)>);

impl Traffic {
    fn asks(&mut self, second: usize, who: (&str, &str), request: &str, status: u16) {
        let (address, user) = who;
        let (day, hour) = (second / 86_400 + 1, second / 3_600 % 24);
        let (minute, at) = (second / 60 % 60, second % 60);
        let line = format!(
            "{address} - {user} [{day:02}/Nov/2026:{hour:02}:{minute:02}:{at:02} +0000] \"{request} HTTP/1.1\" {status} \
             612 \"-\" \"{BROWSER}\"\n"
        );
        self.0.push((second, line));
    }

    /// The people of an hour, of whom so many in a hundred have forgotten their password, and one in seven of
    /// these for good. A failure is answered with `failed`.
    fn people(&mut self, hour: usize, forget: usize, failed: u16) {
        for n in 0..DAY[hour % 24] {
            let address = format!("{}.{}.{}.7", 20 + hour % 60, n, hour / 60);
            let who = (address.as_str(), "-");
            let mut second = hour * 3_600 + n * 3_600 / DAY[hour % 24];
            self.asks(second, who, "GET /login", 200);
            if n * 37 % 100 < forget {
                self.asks(second + 20, who, "POST /login", failed);
                self.asks(second + 21, who, "GET /login", 200);
                self.asks(second + 40, who, "GET /forgotten", 200);
                if n % 7 == 3 {
                    continue;
                }
                second += 400;
            }
            self.asks(second + 30, who, "POST /login", 302);
            self.asks(second + 31, who, "GET /account", 200);
        }
    }

    /// Sixty networks, three guesses each.
    fn guessers(&mut self, hour: usize, failed: u16) {
        for n in 0..180 {
            let address = format!("{}.{}.100.7", 120 + n % 60, n % 60);
            let second = hour * 3_600 + n * 20;
            self.asks(second, (&address, "-"), "POST /login", failed);
        }
    }

    /// What is found: line, score, rules.
    fn judged(mut self) -> Vec<(u64, f64, String)> {
        let site = Site::new();
        self.0.sort_by_key(|(second, _)| *second);
        let mut lines = String::new();
        for (_, line) in &self.0 {
            _ = write!(lines, "{line}");
        }
        site.append(lines);
        let output = Command::new(BINARY)
            .args(["replay", "--offline", "--json"])
            .arg(site.log())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let threats = said
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        threats
            .map(|threat| {
                let score = threat["score"].as_f64().unwrap();
                (
                    threat["line"].as_u64().unwrap(),
                    score,
                    threat["rules"].to_string(),
                )
            })
            .collect()
    }
}

#[test]
fn a_guess_by_sixty_networks_is_told_however_the_login_answers() {
    for failed in [401, 302, 200] {
        let mut traffic = Traffic::default();
        for hour in 0..36 {
            traffic.people(hour, 12, failed);
        }
        let honest = traffic.0.len();
        for hour in 36..38 {
            traffic.people(hour, 12, failed);
            traffic.guessers(hour, failed);
        }
        let found = traffic.judged();
        let told: Vec<_> = found.iter().filter(|(.., by)| by.contains(SURGE)).collect();
        assert_eq!(told.len(), 1, "{failed}: {found:?}");
        let all_later = found.iter().all(|(line, ..)| *line > honest as u64);
        assert!(all_later, "{failed}: {found:?}");
    }
}

#[test]
fn mornings_and_a_day_of_new_passwords_are_not_told() {
    for failed in [401, 302, 200] {
        let mut traffic = Traffic::default();
        for hour in 0..72 {
            let forget = if (48..72).contains(&hour) { 70 } else { 12 };
            traffic.people(hour, forget, failed);
        }
        assert_eq!(traffic.judged(), [], "{failed}");
    }
}

#[test]
fn many_accounts_tried_from_one_network_are_one_strong_finding() {
    let mut traffic = Traffic::default();
    for n in 0..60 {
        let (address, user) = (format!("203.0.113.{}", n + 1), format!("user{n}"));
        traffic.asks(n * 20, (&address, &user), "GET /private/", 401);
    }
    let found = traffic.judged();
    let [(_, score, by)] = found.as_slice() else {
        panic!("{found:?}");
    };
    assert!(
        by.contains(OF_NETWORK) && by.contains("risk-network"),
        "{by}"
    );
    assert!(*score >= 9.0, "{found:?}");
}

#[test]
fn who_tries_names_from_all_of_a_network_of_version_6_is_known_within_ten_lines() {
    for pace in [1, 60, 300] {
        let mut traffic = Traffic::default();
        for n in 0..10 {
            let address = format!("2001:db8:5:6:{:x}::{:x}", n * 7_919, n * 31);
            let request = format!("GET /name{n}");
            traffic.asks(n * pace, (&address, "-"), &request, 404);
        }
        let found = traffic.judged();
        let (line, score, by) = found.first().unwrap();
        assert!(*line <= 5 && *score >= 7.0, "{by}");
        assert!(by.contains("window-scan"), "{by}");
    }
}
