//! The profiles on a detection thread: judges each request, and gathers those that may teach.

use std::net::IpAddr;
use std::sync::Arc;

use hashbrown::HashMap;
use vigil_event::whole::is_secret;
use vigil_event::{Decodings, Detection, Detector, Event, Evidence, Field, Outcome, Score};

use super::misfit::{Aspect, Misfit, Place};
use super::options::{ProfileOptions, Trust};
use super::reading::{decoded, parameters_in};
use super::regular::Regulars;
use super::seen::{MAX_PARAMETERS, Request, Requests};
use super::site::{Site, Verdict};
use super::value::STRONG;
use super::who::hash_text;
use super::witness::Who;
use crate::table::Table;

/// The rule id of what the profiles find.
pub const PROFILE: &str = "profile";
/// Its family.
const FAMILY: &str = "anomaly";
/// Clients that are remembered for what of theirs did not fit.
const MAX_CLIENTS: usize = 16_384;
/// Half of what a client did is forgotten after so long.
const HALF_LIFE_MS: f64 = 600_000.0;
/// So many other things that did not fit shortly before make what does not fit a strong sign.
const REPEATED: usize = 2;
/// And so much of what does not fit must be in each of its requests on average: behind one address
/// may be many visitors.
const MUCH: f64 = 0.1;
/// What others have accused teaches nothing for so long.
const ACCUSED_MS: i64 = 3_600_000;
/// Requests that wait to be handed over; further ones do not teach.
const MAX_WAITING: usize = 4_096;
/// From this score of anything else up a request teaches nothing.
const ACCUSES: f64 = 4.0;

/// A site in force.
#[derive(Clone, Debug, Default)]
pub struct SiteInForce {
    /// What is known of it.
    pub site: Site,
    /// It has changed lately: what is only new is a weaker sign.
    pub is_drifting: bool,
}

/// The sites in force, by host.
#[derive(Clone, Debug, Default)]
pub struct Profiles {
    /// The sites.
    pub sites: HashMap<Box<str>, Arc<SiteInForce>>,
}

impl Profiles {
    /// The site of that host.
    pub(crate) fn site(&self, host: &[u8]) -> Option<&Arc<SiteInForce>> {
        if self.sites.is_empty() {
            return None;
        }
        self.sites.get(std::str::from_utf8(host).ok()?)
    }
}

/// What is remembered of a client.
#[derive(Clone, Debug, Default)]
struct Client {
    /// What of its requests did not fit, as hashes.
    things: [u64; 8],
    next: usize,
    /// How bad that was, decaying.
    sum: f64,
    /// Its requests since the first that did not fit, decaying alike.
    requests: f64,
    at_ms: i64,
    accused_until: i64,
}

impl Client {
    /// Counts a thing, unless it is known already; how many there were before it and how bad.
    fn count(&mut self, thing: u64, score: f64, at_ms: i64) -> (usize, f64) {
        let passed = at_ms.saturating_sub(self.at_ms).max(0) as f64;
        let rest = 0.5f64.powf(passed / HALF_LIFE_MS);
        let sum = self.sum * rest;
        self.requests *= rest;
        if sum < 1.0 {
            self.things = [0; 8];
        }
        self.at_ms = self.at_ms.max(at_ms);
        self.sum = sum;
        let before = self
            .things
            .iter()
            .filter(|one| !matches!(**one, 0) && **one != thing);
        let before = before.count();
        if !self.things.contains(&thing) {
            if let Some(place) = self.things.get_mut(self.next % 8) {
                *place = thing;
            }
            self.next += 1;
            self.sum += score;
        }
        (before, sum)
    }
}

/// Judges requests by the profiles in force, on one thread.
#[derive(Debug)]
pub struct Eye {
    options: ProfileOptions,
    trust: Trust,
    profiles: Arc<Profiles>,
    requests: Requests,
    clients: Table<IpAddr, Client>,
    /// What does not fit of the request at hand.
    verdict: Verdict,
    /// The request at hand stands last among those gathered.
    is_gathered: bool,
    /// The site that it is for, if that is in force.
    site: Option<Arc<SiteInForce>>,
    /// Its client was accused within the last hour.
    is_accused: bool,
    /// Requests that fitted, for sampling.
    fitting: u32,
    /// Whose requests fitted: most of these are left out of what is handed over.
    regulars: Regulars,
    left_out: u64,
    /// Lines that somebody vouches for.
    vouched: u64,
}

impl Eye {
    /// With no site in force.
    pub fn new(options: ProfileOptions) -> Self {
        Self {
            trust: Trust::of(&options),
            options,
            profiles: Arc::default(),
            requests: Requests::default(),
            clients: Table::new(MAX_CLIENTS, ACCUSED_MS),
            verdict: Verdict::default(),
            is_gathered: false,
            site: None,
            is_accused: false,
            fitting: 0,
            regulars: Regulars::default(),
            left_out: 0,
            vouched: 0,
        }
    }

    /// Goes by these profiles from now on.
    pub fn follow(&mut self, profiles: &Arc<Profiles>) {
        self.profiles.clone_from(profiles);
    }

    /// The requests that may teach, since this was last asked, in exchange for an empty store.
    pub fn take(&mut self, empty: Requests) -> Requests {
        let taken = std::mem::replace(&mut self.requests, empty);
        self.requests.make_room_like(&taken);
        taken
    }

    /// How many requests may teach and wait.
    pub fn waiting(&self) -> usize {
        self.requests.len()
    }

    /// Requests that could not wait, since this was last asked.
    pub const fn take_left_out(&mut self) -> u64 {
        std::mem::replace(&mut self.left_out, 0)
    }

    /// What the profile of its site says of a request.
    pub(crate) fn look(&mut self, event: &Event) -> Option<Detection> {
        self.verdict = Verdict::default();
        self.site = None;
        let address = event.source_ip;
        let client = address.and_then(|address| self.clients.get_mut(&address));
        let at = event.occurred_at.as_millis();
        self.is_accused = client
            .as_ref()
            .is_some_and(|client| client.accused_until > at);
        let mut who = Who::new(event.source_ip, event.occurred_at, self.options.period_ms);
        if self.options.is_vouched {
            self.vouched += 1;
            who = who.of_line(self.vouched);
        }
        self.requests.push(event, who);
        self.is_gathered = true;
        let request = self.requests.last()?;
        self.site = self.profiles.site(request.host()).cloned();
        let site = self.site.as_ref().filter(|_| self.options.judges)?;
        self.verdict = site.site.judge(&request, self.trust, site.is_drifting);
        if let Some(client) = client {
            client.requests += 1.0;
        }
        if self.verdict.misfits.is_empty() {
            return None;
        }
        let (score, repeated) = self.with_what_came_before(event);
        Some(detection(event, &self.verdict, score, repeated))
    }

    /// The score of a request that does not fit: several different things of one client in a short
    /// time are a strong sign where one alone is weak.
    fn with_what_came_before(&mut self, event: &Event) -> (f64, usize) {
        let score = self.verdict.score;
        let status = event.status;
        let counts = |one: &&Misfit| {
            one.aspect.is_of_request() && !(one.aspect == Aspect::Path && status >= 400)
        };
        let Some(misfit) = self.verdict.misfits.iter().find(counts) else {
            return (score, 0);
        };
        let Some(address) = event.source_ip else {
            return (score, 0);
        };
        let thing = misfit.thing | 1 << 63;
        let at = event.occurred_at.as_millis();
        let client = self.clients.entry(address, at, Client::default).value;
        let (before, sum) = client.count(thing, misfit.score, at);
        let is_much = sum >= client.requests * MUCH;
        if before >= REPEATED && sum >= STRONG && is_much {
            let together =
                10.0 * (1.0 - (1.0 - score / 10.0) * (1.0 - (sum / 2.0).min(5.0) / 10.0));
            return (together.max(STRONG), before);
        }
        (score, 0)
    }

    /// Whether an attack on the site with the request at hand succeeded.
    pub(crate) fn outcome(&self, event: &Event) -> Outcome {
        let known = self.requests.last().filter(|_| self.is_gathered);
        let known = known.and_then(|request| {
            let site = self.site.as_ref()?;
            Some(site.site.outcome(&request))
        });
        known.unwrap_or_else(|| Outcome::by_status(event.status))
    }

    /// Whether this detector can say that a request must not teach. Where somebody vouches for the
    /// lines, who sends them and how many does not matter, only what is in them.
    pub(crate) const fn believes(&self, accuser: Detector) -> bool {
        match accuser {
            Detector::Profile => false,
            Detector::Rule => true,
            _ => !self.options.is_vouched,
        }
    }

    /// Says how bad all else found the request at hand, which is over now: what is accused teaches
    /// nothing, and nor does what the same client does in the hour after it.
    pub(crate) fn conclude(&mut self, event: &Event, score_of_others: f64) {
        if !std::mem::replace(&mut self.is_gathered, false) {
            return;
        }
        if score_of_others >= ACCUSES {
            let at = event.occurred_at.as_millis();
            if let Some(address) = event.source_ip
                && !self.options.is_vouched
            {
                let client = self.clients.entry(address, at, Client::default).value;
                client.accused_until = client.accused_until.max(at + ACCUSED_MS);
            }
            self.requests.pop();
            return;
        }
        if self.is_accused {
            self.requests.pop();
        } else if self.requests.len() > MAX_WAITING {
            self.requests.pop();
            self.left_out = self.left_out.saturating_add(1);
        } else if self.verdict.misfits.is_empty() {
            self.sample();
        } else {
            let fitted = self
                .visitor()
                .map_or(0, |visitor| self.regulars.count(visitor));
            self.requests.note_fitted(fitted);
        }
    }

    /// The network that the request at hand comes from, as a visitor of its site.
    fn visitor(&self) -> Option<u64> {
        let request = self.requests.last().filter(Request::was_served)?;
        Some(request.who().network ^ hash_text(request.host()))
    }

    /// Of requests to a site in force that fit, a few teach for the others.
    fn sample(&mut self) {
        if self.options.sample < 2 || self.site.is_none() {
            return;
        }
        if let Some(visitor) = self.visitor() {
            self.regulars.see(visitor, 1);
        }
        self.fitting += 1;
        if self.fitting >= self.options.sample {
            self.fitting = 0;
            self.requests.weigh(self.options.sample);
        } else {
            self.requests.pop();
        }
    }

    /// Forgets the request at hand, whose judgement came to nothing.
    pub(crate) fn forget(&mut self) {
        if std::mem::replace(&mut self.is_gathered, false) {
            self.requests.pop();
        }
    }
}

fn detection(event: &Event, verdict: &Verdict, score: f64, repeated: usize) -> Detection {
    let mut words: Vec<&str> = verdict
        .misfits
        .iter()
        .map(|one| one.words.as_str())
        .collect();
    words.dedup();
    words.truncate(4);
    let mut reason = words.join("; ");
    if repeated > 0 {
        reason = format!(
            "{reason}; before that {repeated} other things of this address did not fit, shortly one after the other"
        );
    }
    let mut evidence: Vec<Evidence> = verdict
        .misfits
        .iter()
        .filter_map(|misfit| evidence(event, misfit))
        .collect();
    evidence.dedup();
    evidence.truncate(4);
    Detection {
        rule_id: PROFILE.to_owned(),
        title: "Unlike what this site is usually asked".to_owned(),
        family: FAMILY.to_owned(),
        detector: Detector::Profile,
        score: Score::new((score * 10.0).round() / 10.0),
        techniques: vec!["T1190".to_owned()],
        evidence,
        reason: Some(reason),
    }
}

fn evidence(event: &Event, misfit: &Misfit) -> Option<Evidence> {
    let parameter = |place: usize| {
        let read = event.parameters().take(MAX_PARAMETERS);
        let mut all = read.filter(|[name, _]| !name.decodings.contains(Decodings::HEADER));
        all.nth(place)
    };
    // Those in the path come after the others, and what stands in JSON after these.
    let in_path = |place: usize| {
        let read = event.parameters().take(MAX_PARAMETERS);
        let others = read.filter(|[name, _]| !name.decodings.contains(Decodings::HEADER));
        place < others.count() + parameters_in(decoded(event, Field::UrlPath)).count()
    };
    let whole = |field: Field| {
        let text = event.raw(field)?;
        Some(Evidence::new(field, Decodings::NONE, text, 0..text.len()))
    };
    match misfit.place {
        Place::Value(place) => {
            let Some([name, value]) = parameter(place) else {
                return in_path(place).then(|| whole(Field::UrlPath)).flatten();
            };
            let mut evidence = Evidence::new(
                value.field,
                value.decodings,
                value.text,
                0..value.text.len(),
            );
            if is_secret(name.text) {
                "***".clone_into(&mut evidence.matched);
            }
            Some(evidence)
        }
        Place::Name(place) => {
            let Some([name, _]) = parameter(place) else {
                return in_path(place).then(|| whole(Field::UrlPath)).flatten();
            };
            Some(Evidence::new(
                name.field,
                name.decodings,
                name.text,
                0..name.text.len(),
            ))
        }
        Place::Path => whole(Field::UrlPath),
        Place::Method => whole(Field::Method),
        Place::Status => whole(Field::Status),
        Place::Size => whole(Field::BodyBytes),
        Place::Referrer => whole(Field::Referrer),
        Place::Nowhere => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::event;
    use super::*;

    #[test]
    fn evidence_for_what_stands_in_the_path_is_the_path() {
        let many = ["v"; MAX_PARAMETERS + 2].map(|value| ("name", value));
        let event = event(1, 0, "/item;debug=1", &many);
        let misfit = |place| Misfit {
            aspect: Aspect::Form,
            place,
            thing: 1,
            change: None,
            score: 9.0,
            words: String::new(),
        };
        for place in [Place::Value(MAX_PARAMETERS), Place::Name(MAX_PARAMETERS)] {
            let found = evidence(&event, &misfit(place)).unwrap();
            assert_eq!(found.field, Field::UrlPath.name());
        }
        let found = evidence(&event, &misfit(Place::Value(0))).unwrap();
        assert_ne!(found.field, Field::UrlPath.name());
    }
}
