//! One site while it is learned: judged first, then taught, and tried against what comes.

use std::collections::VecDeque;

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use super::asked::Asked;
use super::misfit::{Aspect, Misfit};
use super::options::{ProfileOptions, Trust};
use super::regular::Regulars;
use super::seen::{Request, Requests};
use super::site::{Site, Verdict};
use super::trial::{By, Trial, most_on_trial};
use super::value::STRONG;

/// What of a network does not fit teaches nothing any more once it is so many different things within
/// a week.
const ODD_THINGS: usize = 3;
/// Who has sent so many requests that fitted is believed that the site has changed.
const FAITHFUL: u8 = 2;
/// Networks of which that is counted.
const MAX_ODD: usize = 4_096;
/// What does not fit teaches only after so long, if its network is not known for more by then.
const QUARANTINE_MS: i64 = 3_600_000;
/// Of the networks every other one teaches what a change of the site would explain, so that twice as many are
/// needed: what visitors show is told at once as news.
const TEACHES: u64 = 1 << 63;
/// So many such requests wait at most, and so much of their texts.
const MAX_WAITING: usize = 2_048;
const MAX_WAITING_BYTES: usize = 4 << 20;
/// A site that learns is settled again after so many requests at least, or a tenth more.
const SETTLE_EVERY: u64 = 500;
/// The part of the false alarms that may be before a profile becomes more careful.
const NOISE: f64 = 0.5;
const NOTORIOUS_MS: i64 = 7 * 24 * 3_600_000;

/// A request that does not fit, and may teach later.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    request: Requests,
    /// What of it does not fit.
    thing: u64,
    may_teach: bool,
}

/// A site that is learned, with its trial.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Course {
    pub(super) site: Site,
    pub(super) trial: Trial,
    pub(super) settled_at: u64,
    /// What of a network did not fit, since the week began.
    pub(super) odd: HashMap<u64, [u64; ODD_THINGS]>,
    pub(super) odd_since_ms: i64,
    /// How much of what those networks asked did not fit, since the first that did not.
    #[serde(default)]
    asked: HashMap<u64, Asked>,
    /// Who is known as a visitor.
    #[serde(default)]
    regulars: Regulars,
    /// What does not fit and may teach later.
    #[serde(skip)]
    pub(super) waiting: VecDeque<Waiting>,
    #[serde(skip)]
    waiting_bytes: usize,
}

impl Course {
    /// Judges a request and learns from it; true when a trial is finished by it.
    pub(super) fn take(
        &mut self,
        request: &Request<'_>,
        options: &ProfileOptions,
        is_drifting: bool,
    ) -> bool {
        let is_finished = self.judge_and_learn(request, options, is_drifting);
        if is_finished && self.settled_at >= options.min_requests {
            let may_be = options.max_false_alarms;
            if options.is_vouched {
                let share = self.trial.share.unwrap_or_default();
                self.site.hear(share, may_be * 2.0 / 3.0);
            } else {
                // Attackers make noise too: only that of known visitors makes the profile more careful, and only
                // with what they write.
                self.site
                    .hear_of_writing(self.trial.noise_share, may_be * NOISE);
            }
        }
        is_finished
    }

    fn judge_and_learn(
        &mut self,
        request: &Request<'_>,
        options: &ProfileOptions,
        is_drifting: bool,
    ) -> bool {
        let mut is_finished = false;
        self.release(request.at_ms(), options);
        if let Some(asked) = self.asked.get_mut(&request.who().network) {
            asked.requests += u64::from(request.weight());
        }
        if self.settled_at > 0 {
            let verdict = self.site.judge(request, Trust::of(options), is_drifting);
            let is_odd = verdict.score >= STRONG;
            if options.is_vouched {
                is_finished = self.trial.count(request);
                if is_odd {
                    let thing = verdict.misfits.first().map_or(0, |one| one.thing);
                    self.trial.count_odd(request, thing, By::Visitor, true);
                }
                self.site.learn(request, options);
                return is_finished;
            }
            // While little is known, everything is new.
            let is_known = self.settled_at >= options.min_requests;
            if is_odd && is_known && self.is_notorious_after(request, &verdict) {
                return false;
            }
            if self.is_known_visitor(request) {
                self.trial.by_visitors += u64::from(request.weight());
            }
            is_finished = self.trial.count(request);
            if is_odd {
                let thing = verdict.misfits.first().map_or(0, |one| one.thing);
                if is_known && self.is_faithful(request, options) {
                    self.site.hear_news(request, &verdict);
                    let is_noise = verdict.misfits.first().is_some_and(Misfit::is_of_writing);
                    // Nobody alone makes the profile more careful, however often they come.
                    if is_noise && self.is_first_odd(request) {
                        self.trial.noise += 1;
                        if let Some(asked) = self.asked.get_mut(&request.who().network) {
                            asked.is_noise = true;
                        }
                    }
                }
                let is_change = |one: &Misfit| one.change.is_some() && one.aspect != Aspect::Form;
                let is_change = verdict.misfits.first().is_some_and(is_change);
                let waiting = Waiting {
                    request: request.alone(),
                    thing,
                    may_teach: !is_change || request.who().network & TEACHES != 0,
                };
                self.waiting_bytes += waiting.request.bytes();
                self.waiting.push_back(waiting);
                return is_finished;
            }
            // That it is new there is known: it says nothing of how often something is.
            if verdict.is_news {
                self.site.learn(&request.as_odd(), options);
                return is_finished;
            }
            if verdict.misfits.is_empty() && request.was_served() {
                self.regulars.see(request.who().network, request.weight());
            }
        }
        self.site.learn(request, options);
        is_finished
    }

    /// Learns from what has waited, but for that of networks that turned out to be notorious or that
    /// nobody knows as visitors.
    pub(super) fn release(&mut self, now_ms: i64, options: &ProfileOptions) {
        while let Some(first) = self.waiting.front() {
            let is_over = first
                .request
                .last()
                .is_none_or(|one| now_ms.saturating_sub(one.at_ms()) >= QUARANTINE_MS);
            let fits = self.waiting.len() <= MAX_WAITING && self.waiting_bytes <= MAX_WAITING_BYTES;
            if !is_over && fits {
                return;
            }
            let Some(waited) = self.waiting.pop_front() else {
                return;
            };
            self.waiting_bytes = self.waiting_bytes.saturating_sub(waited.request.bytes());
            if let Some(request) = waited.request.last()
                && !self.is_notorious(request.who().network)
            {
                let by = self.sender(&request, options);
                let is_alone = !self.tries(request.who().network, 2);
                self.trial.count_odd(&request, waited.thing, by, is_alone);
                if by == By::Visitor && waited.may_teach {
                    self.site.learn(&request.as_odd(), options);
                }
            }
        }
    }

    /// Whether what a network asked fitted for the greater part. While little is known everybody is a
    /// visitor.
    fn sender(&self, request: &Request<'_>, options: &ProfileOptions) -> By {
        let asked = self.asked.get(&request.who().network).copied();
        let asked = asked.unwrap_or_default();
        let fitting = u64::from(self.fitted(request));
        // The sketch does not count far.
        let fitting = fitting.max(asked.requests.saturating_sub(asked.odd));
        if self.settled_at < options.min_requests || fitting >= asked.odd.max(1) {
            By::Visitor
        } else if asked.odd <= 1 {
            By::Stranger
        } else {
            By::StrangerAgain
        }
    }

    /// Whether a network is known as a visitor, and this is the first of what it asked that does not fit.
    fn is_faithful(&self, request: &Request<'_>, options: &ProfileOptions) -> bool {
        let is_first =
            |things: &[u64; ODD_THINGS]| things.iter().filter(|one| **one != 0).count() == 1;
        self.sender(request, options) == By::Visitor
            && self.fitted(request) >= FAITHFUL
            && self.odd.get(&request.who().network).is_some_and(is_first)
    }

    /// Whether a network is known as a visitor of whom nothing but this did not fit.
    fn is_known_visitor(&self, request: &Request<'_>) -> bool {
        self.fitted(request) >= FAITHFUL
            && (self.is_first_odd(request) || !self.asked.contains_key(&request.who().network))
    }

    /// Whether nothing else of what its network asked did not fit, since the week began.
    fn is_first_odd(&self, request: &Request<'_>) -> bool {
        let asked = self.asked.get(&request.who().network);
        asked.is_some_and(|asked| asked.odd <= u64::from(request.weight()))
    }

    /// How many requests of its network fitted, at least: of those to a site in force only a few get here.
    fn fitted(&self, request: &Request<'_>) -> u8 {
        let here = self.regulars.count(request.who().network);
        here.max(request.fitted())
    }

    /// Whether so many different things of a network did not fit, and much of what it asked.
    fn tries(&self, network: u64, least: usize) -> bool {
        let things = self.odd.get(&network).into_iter().flatten();
        things.filter(|one| **one != 0).count() >= least
            && self.asked.get(&network).is_none_or(Asked::is_much_odd)
    }

    pub(super) fn is_notorious(&self, network: u64) -> bool {
        self.tries(network, ODD_THINGS)
    }

    /// Whether so much of its network did not fit that this request neither counts nor teaches.
    pub(super) fn is_notorious_after(&mut self, request: &Request<'_>, verdict: &Verdict) -> bool {
        let at = request.at_ms();
        if at.saturating_sub(self.odd_since_ms) >= NOTORIOUS_MS {
            self.odd.clear();
            self.asked.clear();
            self.site.forget_news();
            self.odd_since_ms = at;
        }
        let network = request.who().network;
        if self.odd.len() >= MAX_ODD && !self.odd.contains_key(&network) {
            return false;
        }
        let was = self.is_notorious(network);
        let asked = self.asked.entry(network).or_default();
        asked.odd += u64::from(request.weight());
        asked.requests = asked.requests.max(asked.odd);
        let things = self.odd.entry(network).or_default();
        let was_odd = things.iter().any(|one| *one != 0);
        // However much is odd of one request: a long form has many places for it.
        let strongest = verdict
            .misfits
            .iter()
            .find(|one| one.aspect.is_of_request());
        if let Some(thing) = strongest.map(|one| one.thing.max(1))
            && !things.contains(&thing)
            && let Some(free) = things.iter_mut().find(|one| **one == 0)
        {
            *free = thing;
            if was_odd {
                self.site.doubt_news(network);
                let was_noise = std::mem::take(&mut asked.is_noise);
                self.trial.noise -= i64::from(was_noise);
            }
        }
        was
    }

    pub(super) fn settle(&mut self, options: &ProfileOptions) {
        self.site.settle(options);
        self.settled_at = self.site.count().max(1);
    }

    pub(super) fn is_bounded(&self, options: &ProfileOptions) -> bool {
        self.site.is_bounded(options)
            && self.odd.len().max(self.asked.len()) <= MAX_ODD
            && self.trial.is_bounded()
    }

    pub(super) fn settle_if_due(&mut self, options: &ProfileOptions) {
        let due = self.settled_at + (self.settled_at / 10).max(SETTLE_EVERY);
        if self.site.count() >= due {
            self.settle(options);
        }
    }

    /// Why it may not judge yet, if anything.
    pub(super) fn lacks(&self, options: &ProfileOptions) -> Option<String> {
        let (count, clients) = (self.site.count(), self.site.clients());
        if count < options.min_requests {
            return Some(format!("{count} of {} requests", options.min_requests));
        }
        if clients < options.min_clients {
            return Some(format!("{clients} of {} addresses", options.min_clients));
        }
        if self.site.span_ms() < options.min_ms {
            let minutes = |ms: i64| ms / 60_000;
            return Some(format!(
                "{} of {} minutes",
                minutes(self.site.span_ms()),
                minutes(options.min_ms)
            ));
        }
        match self.trial.share {
            None => Some("the first trial runs".to_owned()),
            Some(share) if share > most_on_trial(options.max_false_alarms) => Some(format!(
                "on trial {:.2} % of requests were odd, more than {:.2} %",
                share * 100.0,
                options.max_false_alarms * 100.0
            )),
            Some(_) => None,
        }
    }

    /// How far it is, 0.0 to 1.0.
    pub(super) fn progress(&self, options: &ProfileOptions) -> f64 {
        let part = |is: f64, needed: f64| {
            if needed > 0.0 {
                (is / needed).min(1.0)
            } else {
                1.0
            }
        };
        let trial = f64::from(u8::from(self.lacks(options).is_none()));
        [
            part(self.site.count() as f64, options.min_requests as f64),
            part(self.site.clients() as f64, options.min_clients as f64),
            part(self.site.span_ms() as f64, options.min_ms as f64),
        ]
        .into_iter()
        .fold(1.0, f64::min)
            * 0.1f64.mul_add(trial, 0.9)
    }
}

#[cfg(test)]
mod tests {
    use vigil_event::Event;

    use super::super::tests::{event, options};
    use super::super::trial::TRIAL;
    use super::super::witness::Who;
    use super::*;

    const START_MS: i64 = 1_795_176_000_000;

    fn take(course: &mut Course, event: &Event) -> bool {
        let options = options();
        let mut requests = Requests::default();
        let who = Who::new(event.source_ip, event.occurred_at, options.period_ms);
        requests.push(event, who);
        let request = requests.last().expect("pushed just now");
        let is_finished = course.take(&request, &options, false);
        course.settle_if_due(&options);
        is_finished
    }

    fn visit(number: u32) -> Event {
        let page = (1 + number % 9).to_string();
        let at_ms = START_MS + i64::from(number) * 10_000;
        event(number % 300, at_ms, "/item", &[("page", &page)])
    }

    /// A site that is known.
    fn known() -> Course {
        let mut course = Course::default();
        for number in 0..6_000 {
            take(&mut course, &visit(number));
        }
        course
    }

    /// How many alarms are taken for noise where so many networks send what does not fit, beside as much
    /// that does.
    fn noise(networks: u32) -> f64 {
        let mut course = known();
        let mut noise = 0.0;
        for number in 6_000..12_000 {
            let mut all = vec![visit(number)];
            if number % 20 == 0 {
                let client = number / 20 % networks;
                for page in ["7", "7'"] {
                    let at_ms = START_MS + i64::from(number) * 10_000;
                    all.push(event(client, at_ms, "/item", &[("page", page)]));
                }
            }
            for event in &all {
                if take(&mut course, event) {
                    noise += course.trial.noise_share * TRIAL as f64;
                }
            }
        }
        noise.round()
    }

    #[test]
    fn a_network_makes_noise_once() {
        assert!((noise(1) - 1.0).abs() < 0.5, "{}", noise(1));
        assert!((noise(10) - 10.0).abs() < 0.5, "{}", noise(10));
    }

    /// What a parameter scores that so many networks have sent, each after one request that fits: too few for
    /// these to be known as visitors.
    fn new_after(networks: u32) -> f64 {
        let mut course = known();
        let mut at_ms = START_MS + 60_000_000;
        for client in 1_000..1_000 + networks {
            for names in [&[("page", "7")][..], &[("page", "7"), ("debug", "1")]] {
                take(&mut course, &event(client, at_ms, "/item", names));
            }
            at_ms += QUARANTINE_MS;
        }
        take(&mut course, &event(1, at_ms, "/item", &[("page", "7")]));
        course.settle(&options());
        let mut requests = Requests::default();
        let asked = event(9_999, at_ms, "/item", &[("page", "7"), ("debug", "1")]);
        requests.push(&asked, Who::default());
        let request = requests.last().expect("pushed just now");
        let verdict = course.site.judge(&request, Trust::of(&options()), false);
        verdict.score
    }

    #[test]
    fn what_a_change_explains_needs_twice_as_many_networks() {
        let trusted = options().trust_networks;
        let (few, many) = (new_after(trusted + 3), new_after(2 * trusted + 4));
        assert!(few >= 3.0 && many < 1.0, "{few} {many}");
    }

    #[test]
    fn what_visitors_keep_making_up_is_not_odd_for_long() {
        let cities = [
            "Bari", "Como", "Lecce", "Lucca", "Milano", "Pisa", "Roma", "Trento",
        ];
        let at_ms = |number: u32| START_MS + i64::from(number) * 10_000;
        let asking = |number: u32, city: &str| {
            let client = number % 300;
            event(client, at_ms(number), "/item", &[("city", city)])
        };
        let made_up = |number: u32| {
            let letters = [number % 26, number / 26 % 26].map(|one| char::from(b'a' + one as u8));
            format!("San{}{}o", letters[0], letters[1])
        };
        let mut course = Course::default();
        let is_odd = |course: &mut Course, number| {
            take(course, &asking(number, &made_up(number)));
            course.waiting.back().is_some_and(|one| {
                let request = one.request.last().expect("one");
                request.at_ms() == at_ms(number)
            })
        };
        for number in 0..6_000 {
            let city = cities.get(number as usize % cities.len()).unwrap();
            take(&mut course, &asking(number, city));
        }
        assert!(is_odd(&mut course, 6_000), "it is none of eight");
        for number in 6_001..7_000 {
            if number % 27 == 0 {
                take(&mut course, &asking(number, &made_up(number)));
            } else {
                let city = cities.get(number as usize % cities.len()).unwrap();
                take(&mut course, &asking(number, city));
            }
        }
        assert!(!is_odd(&mut course, 7_001), "others made names up, too");
    }

    #[test]
    fn what_waits_is_bounded_by_its_length() {
        let mut course = known();
        let long = "x".repeat(4_000);
        let names: Vec<String> = (0..40).map(|number| format!("p{number}")).collect();
        let parameters: Vec<_> = names.iter().map(|name| (&**name, &*long)).collect();
        let at_ms = START_MS + 60_000_000;
        for client in 0..60 {
            take(&mut course, &event(client, at_ms, "/item", &parameters));
        }
        let waits: usize = course.waiting.iter().map(|one| one.request.bytes()).sum();
        assert_eq!(waits, course.waiting_bytes);
        assert!(
            (1_000_000..MAX_WAITING_BYTES + 200_000).contains(&waits),
            "{waits}"
        );
    }
}
