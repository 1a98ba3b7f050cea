//! Traffic of a site over days: visitors, crawlers, monitors, campaigns, and attackers among them.

use fastrand::Rng;
use vigil_event::Timestamp;

use super::attack;
use super::request::{Client, Request, pick};

/// The part of the traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// What is learned from.
    Learned,
    /// What is judged: the site has gone on since.
    Judged,
}

/// How a site is asked.
pub(super) trait Site {
    fn host(&self) -> &'static str;
    /// What an honest visitor asks for.
    fn visit(&self, random: &mut Rng, phase: Phase) -> Request;

    /// Texts are written in Latin-1 before they are percent-encoded.
    fn is_latin1(&self) -> bool {
        false
    }

    /// The kinds of attack, as they are reported.
    fn attack_kinds(&self) -> &'static [&'static str] {
        &attack::KINDS
    }

    /// An attack made of an ordinary request, and its kind; none where this one has nothing to attack.
    fn attack(&self, random: &mut Rng, visit: Request) -> Option<(Request, usize)> {
        attack::make(random, visit)
    }
}

const AGENTS: [&str; 5] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
];
const BOT: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
const MONITOR: &str = "uptime-check/2.1";
/// Addresses that attack.
const ATTACKERS: u32 = 400;

/// A line, and what it is.
pub(super) struct Line {
    pub(super) text: Vec<u8>,
    /// The kind of attack, if it is one.
    pub(super) attack: Option<usize>,
}

/// How many requests, from when on, and how many are attacks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) phase: Phase,
    pub(super) seed: u64,
    pub(super) requests: usize,
    pub(super) start: Timestamp,
    pub(super) hours: i64,
    /// Addresses that visit.
    pub(super) visitors: u32,
    /// The share of attacks in a thousand.
    pub(super) attacks: u32,
    /// The networks that they come from.
    pub(super) attacker_networks: u32,
    /// For each attack the attackers also ask for something ordinary.
    pub(super) browses: bool,
}

/// Makes the traffic.
pub(super) fn traffic(site: &dyn Site, plan: Plan) -> Vec<Line> {
    let mut random = Rng::with_seed(plan.seed);
    let step = plan.hours * 3_600_000 / i64::try_from(plan.requests.max(1)).unwrap_or(i64::MAX);
    (0..plan.requests)
        .map(|number| {
            let at = plan
                .start
                .plus_millis(i64::try_from(number).unwrap_or_default() * step);
            line(site, plan, &mut random, at)
        })
        .collect()
}

fn line(site: &dyn Site, plan: Plan, random: &mut Rng, at: Timestamp) -> Line {
    let mut text = Vec::new();
    if random.u32(..1_000) < plan.attacks {
        let (request, kind) = loop {
            let visit = site.visit(random, Phase::Learned);
            if visit.status < 400
                && let Some(made) = site.attack(random, visit)
            {
                break made;
            }
        };
        request.write(&mut text, site, &attacker(random, plan), at);
        return Line {
            text,
            attack: Some(kind),
        };
    }
    let client = if plan.browses && random.u32(..1_000) < plan.attacks {
        attacker(random, plan)
    } else {
        visitor(random, plan.visitors)
    };
    let mut request = site.visit(random, plan.phase);
    mess(site, random, &mut request, plan.phase);
    request.write(&mut text, site, &client, at);
    Line { text, attack: None }
}

fn attacker(random: &mut Rng, plan: Plan) -> Client {
    let number = random.u32(..ATTACKERS);
    let network = number % plan.attacker_networks.max(1);
    Client {
        address: format!(
            "198.{}.{}.{}",
            18 + network / 250,
            network % 250,
            1 + number % 250
        ),
        agent: pick(random, &AGENTS),
    }
}

fn visitor(random: &mut Rng, visitors: u32) -> Client {
    match random.u32(..100) {
        0..6 => Client {
            address: format!("66.249.{}.{}", 64 + random.u32(..8), random.u32(1..250)),
            agent: BOT,
        },
        6..8 => Client {
            address: format!("203.0.113.{}", 1 + random.u32(..2)),
            agent: MONITOR,
        },
        _ => {
            let number = random.u32(..visitors);
            Client {
                address: format!("10.{}.{}.{}", number / 250, number % 250, 1 + number % 7),
                agent: pick(random, &AGENTS),
            }
        }
    }
}

/// What real requests carry besides: campaigns, referrers, conditional answers.
fn mess(site: &dyn Site, random: &mut Rng, request: &mut Request, phase: Phase) {
    match random.u32(..1_000) {
        0..25 => {
            let campaign = format!(
                "{}{}",
                pick(random, &["spring", "autumn-sale", "nl_"]),
                random.u32(1..60)
            );
            request.query.push((
                "utm_source".into(),
                pick(random, &["newsletter", "google", "partner"]).into(),
            ));
            request.query.push(("utm_campaign".into(), campaign));
        }
        25..33 => request.query.push((
            "gclid".into(),
            format!("Cj0KCQ{}", super::request::token(random, 40)),
        )),
        33..38 if phase == Phase::Judged => {
            request.query.push((
                "fbclid".into(),
                format!("IwAR{}", super::request::token(random, 50)),
            ));
        }
        38..40 => request.query.push((String::new(), String::new())),
        _ => {}
    }
    request.referrer = match random.u32(..10) {
        0..6 => format!("https://{}/", site.host()),
        6..8 => "https://www.google.com/".to_owned(),
        _ => String::new(),
    };
    if request.status == 200 && request.method == "GET" && random.u32(..100) < 4 {
        (request.status, request.bytes) = (304, 0);
    } else if random.u32(..4_000) == 0 {
        (request.status, request.bytes) = (500, 580);
    }
    if request.method == "GET" && random.u32(..200) == 0 {
        request.method = "HEAD";
        request.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::super::bazaar::Bazaar;
    use super::super::empleo::Empleo;
    use super::super::insurer::Insurer;
    use super::super::streaming::Streaming;
    use super::super::{SITES, speed};
    use super::*;

    fn made(site: &dyn Site, requests: usize, attacks: u32) -> Vec<Line> {
        traffic(
            site,
            Plan {
                phase: Phase::Judged,
                seed: 11,
                requests,
                start: Timestamp::from_millis(1_795_176_598_000),
                hours: 24,
                visitors: 6_000,
                attacks,
                attacker_networks: 60,
                browses: false,
            },
        )
    }

    #[test]
    fn every_kind_of_attack_is_made() {
        for site in [&Insurer as &dyn Site, &Streaming, &Empleo, &Bazaar] {
            let mut counts = vec![0; site.attack_kinds().len()];
            for line in made(site, 6_000, 1_000) {
                counts[line.attack.unwrap()] += 1;
            }
            for (name, count) in site.attack_kinds().iter().zip(&counts) {
                assert!(*count > 0, "{}: {name}", site.host());
            }
        }
    }

    #[test]
    fn all_that_is_made_is_lines_of_a_log() {
        for site in SITES {
            let lines = made(site, 3_000, 100);
            assert_eq!(speed::events(&lines).len(), lines.len(), "{}", site.host());
        }
    }
}
