//! How well the profiles of sites tell attacks from visitors: thirteen made sites of different shapes,
//! learned from one part of their traffic and judged on another, also where attackers were there
//! while they were learned.
//!
//! The attacks are for the most part such as have nothing that signatures look for. What is judged
//! has what was never learned: new products, a new parameter, a new page, a new build.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod attack;
mod bazaar;
mod bazaar_api;
mod bazaar_attack;
mod bazaar_client;
mod bazaar_forged;
mod bazaar_search;
mod campus;
mod campus_forms;
mod console;
mod csic;
mod empleo;
mod empleo_attack;
mod empleo_forms;
mod empleo_office;
mod empleo_people;
mod forum;
mod insurer;
mod insurer_attack;
mod insurer_forms;
mod insurer_people;
mod insurer_quotes;
mod insurer_values;
mod magazine;
mod people;
mod portal;
mod request;
mod shop;
mod site;
mod speed;
mod streaming;
mod streaming_api;
mod streaming_attack;
mod streaming_player;
mod streaming_titles;
mod tamper;
mod tienda;
mod travel;
mod travel_forms;
mod wiki;
mod words;

use std::sync::Arc;

use anyhow::{Context as _, Result};
use vigil_decode::{Decoder, Format, Proxies};
use vigil_detect::profile::{Learner, Requests};
use vigil_detect::{Detector, DetectorOptions, Judgement};
use vigil_event::{Detector as By, Event, Record, Score, Timestamp};
use vigil_rule::RuleSet;

use self::site::{Line, Phase, Plan, Site, traffic};
use crate::THRESHOLD;

/// The profiles are handed what was seen, and publish, after so many lines.
const HAND_OVER: usize = 64;
/// Profiles are published after so many lines; a server does it every five seconds.
const PUBLISH: usize = 128;

/// What is measured.
pub(crate) struct Options {
    /// Requests that are learned from, of each site.
    pub(crate) requests: usize,
    /// Addresses that visit each.
    pub(crate) visitors: u32,
    pub(crate) seed: u64,
    /// Only the site of that name.
    pub(crate) site: Option<String>,
    /// Whether what was missed is shown.
    pub(crate) show: bool,
}

/// The sites, in the order of their making.
const SITES: [&dyn Site; 13] = [
    &shop::Shop,
    &wiki::Wiki,
    &tienda::Tienda,
    &console::Console,
    &forum::Forum,
    &portal::Portal,
    &magazine::Magazine,
    &campus::Campus,
    &travel::Travel,
    &insurer::Insurer,
    &streaming::Streaming,
    &empleo::Empleo,
    &bazaar::Bazaar,
];

/// What was found.
#[derive(Clone, Copy, Debug, Default)]
struct Found {
    attacks: u64,
    by_profile: u64,
    by_others: u64,
    by_all: u64,
    visits: u64,
    false_by_profile: u64,
    false_by_others: u64,
    false_by_all: u64,
}

/// A pipeline of one thread with a learner beside it.
struct Bench {
    detector: Detector,
    learner: Learner,
    decoder: Decoder,
    event: Event,
    proxies: Proxies,
    bytes: Vec<u8>,
    lines: usize,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let rules = Arc::new(vigil::rules::load(None)?);
    println!(
        "profiles: {} requests of each site learned over three days, half as many judged",
        options.requests
    );
    let is_wanted = |site: &&dyn Site| {
        let name = site.host().trim_end_matches(".example");
        options.site.as_deref().is_none_or(|only| only == name)
    };
    for site in SITES.into_iter().filter(is_wanted) {
        for (name, attackers) in [
            ("clean", (0, 1, false)),
            ("2 % attacks of 5 networks among it", (20, 5, false)),
            ("2 % attacks of 60 networks among it", (20, 60, false)),
            (
                "2 % attacks of 60 networks that are visitors too",
                (20, 60, true),
            ),
        ] {
            println!("\n{}, {name}", site.host());
            trial(site, &rules, options, attackers)?;
        }
        speed::run(site, &rules, options.requests);
    }
    Ok(())
}

fn trial(
    site: &dyn Site,
    rules: &Arc<RuleSet>,
    options: &Options,
    (attacks, networks, browses): (u32, u32, bool),
) -> Result<()> {
    let start = Timestamp::from_millis(1_795_176_598_000);
    let learned = Plan {
        phase: Phase::Learned,
        seed: options.seed,
        requests: options.requests,
        start,
        hours: 72,
        visitors: options.visitors,
        attacks,
        attacker_networks: networks,
        browses,
    };
    let judged = Plan {
        phase: Phase::Judged,
        seed: options.seed + 1,
        requests: options.requests / 2,
        start: start.plus_millis(72 * 3_600_000),
        hours: 24,
        visitors: options.visitors,
        attacks: 100,
        attacker_networks: 120,
        browses,
    };
    let mut bench = Bench::new(rules);
    for line in traffic(site, learned) {
        bench.judge(&line)?;
    }
    bench.publish();
    for status in bench.learner.status() {
        let odd = status
            .odd_share
            .map_or_else(|| "-".to_owned(), |share| format!("{:.2} %", share * 100.0));
        println!(
            "  {} after {} requests from about {} addresses: {} places, {} kB, {odd} odd on the last trial",
            status.state.name(),
            status.requests,
            status.addresses,
            status.places,
            status.bytes / 1_000
        );
    }
    if bench.learner.status().iter().any(|one| one.version == 0) {
        println!("  not good enough to be put in force; what it finds all the same:");
        bench.learner.conclude(true);
        bench.publish();
    }
    let mut all = Found::default();
    let kinds = site.attack_kinds();
    let mut by_kind = vec![Found::default(); kinds.len()];
    for line in traffic(site, judged) {
        let judgement = bench.judge(&line)?;
        let found = Found::of(&line, judgement.as_ref());
        all.add(&found);
        if let Some(kind) = line.attack.and_then(|kind| by_kind.get_mut(kind)) {
            kind.add(&found);
        }
        if options.show
            && ((line.attack.is_some() && found.by_profile == 0) || found.false_by_profile > 0)
        {
            tell(site, &line, judgement.as_ref());
        }
    }
    all.print("  all");
    for (name, found) in kinds.iter().zip(&by_kind) {
        found.print(&format!("    {name}"));
    }
    Ok(())
}

fn tell(site: &dyn Site, line: &Line, judgement: Option<&Judgement>) {
    let text = String::from_utf8_lossy(&line.text);
    let what = if line.attack.is_some() {
        "MISSED"
    } else {
        "FALSE"
    };
    let kind = line
        .attack
        .and_then(|kind| site.attack_kinds().get(kind))
        .unwrap_or(&"");
    println!("  {what} {kind}: {}", text.trim_end());
    for one in judgement.iter().flat_map(|judgement| &judgement.detections) {
        println!(
            "      {} {} {}",
            one.score,
            one.rule_id,
            one.reason.as_deref().unwrap_or_default()
        );
    }
}

impl Bench {
    fn new(rules: &Arc<RuleSet>) -> Self {
        let options = DetectorOptions::default();
        Self {
            learner: Learner::new(options.profiles.clone()),
            detector: Detector::new(Arc::clone(rules), &options),
            decoder: Decoder::new(),
            event: Event::new(),
            proxies: Proxies::new(Vec::new()),
            bytes: Vec::new(),
            lines: 0,
        }
    }

    fn judge(&mut self, line: &Line) -> Result<Option<Judgement>> {
        self.bytes.clear();
        self.bytes.extend_from_slice(line.text.trim_ascii_end());
        let record = Record::of(&self.bytes);
        let request = vigil_decode::parse(
            &mut self.bytes,
            &record,
            Format::Auto,
            &self.proxies,
            Timestamp::default(),
        )
        .ok()
        .with_context(|| format!("no log line: {}", String::from_utf8_lossy(&line.text)))?;
        self.decoder
            .decode(&self.bytes, &record, &request, &mut self.event);
        let judgement = self.detector.judge(&self.event);
        self.lines += 1;
        if self.lines.is_multiple_of(HAND_OVER) {
            let seen = self.detector.eye_mut().take(Requests::default());
            self.learner.learn(&seen);
        }
        if self.lines.is_multiple_of(PUBLISH) {
            self.publish();
        }
        Ok(judgement)
    }

    fn publish(&mut self) {
        let profiles = Arc::new(self.learner.publish());
        self.detector.eye_mut().follow(&profiles);
    }
}

impl Found {
    fn of(line: &Line, judgement: Option<&Judgement>) -> Self {
        let score = |is_counted: &dyn Fn(By) -> bool| {
            let detections = judgement.iter().flat_map(|judgement| &judgement.detections);
            let counted = detections.filter(|one| is_counted(one.detector));
            u64::from(Score::noisy_or(counted.map(|one| one.score)).value() >= THRESHOLD)
        };
        let by_profile = score(&|by| by == By::Profile);
        let by_others = score(&|by| by != By::Profile);
        let by_all = score(&|_| true);
        if line.attack.is_some() {
            Self {
                attacks: 1,
                by_profile,
                by_others,
                by_all,
                ..Self::default()
            }
        } else {
            Self {
                visits: 1,
                false_by_profile: by_profile,
                false_by_others: by_others,
                false_by_all: by_all,
                ..Self::default()
            }
        }
    }

    fn add(&mut self, other: &Self) {
        self.attacks += other.attacks;
        self.by_profile += other.by_profile;
        self.by_others += other.by_others;
        self.by_all += other.by_all;
        self.visits += other.visits;
        self.false_by_profile += other.false_by_profile;
        self.false_by_others += other.false_by_others;
        self.false_by_all += other.false_by_all;
    }

    fn print(&self, name: &str) {
        let share = |part: u64, all: u64| 100.0 * part as f64 / all.max(1) as f64;
        print!(
            "{name:<28}{:>6} attacks: {:>6.2} % by profile, {:>6.2} % by all else, {:>6.2} % together",
            self.attacks,
            share(self.by_profile, self.attacks),
            share(self.by_others, self.attacks),
            share(self.by_all, self.attacks)
        );
        if self.visits > 0 {
            print!(
                "; {} visits: {:.3} % false by profile, {:.3} % by all else, {:.3} % together",
                self.visits,
                share(self.false_by_profile, self.visits),
                share(self.false_by_others, self.visits),
                share(self.false_by_all, self.visits)
            );
        }
        println!();
    }
}
