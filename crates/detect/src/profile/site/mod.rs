//! One site: its paths, the names and endings used anywhere on it, and the judgement of a request.

mod learn;
mod lost;
mod news;
mod room;
mod stray;
mod unknown;
mod verdict;

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};
use vigil_event::Outcome;

use self::news::News;
use self::stray::{Lost, Strays, counts_as_stray};
use self::verdict::{segment_misfit, verdict};
use super::class;
use super::ending::ending;
use super::endpoint::{Endpoint, EndpointDescription, SiteWide};
use super::misfit::Misfit;
use super::options::{Part, ProfileOptions, Trust};
use super::seen::Request;
use super::segment::{segments, template_hash};
use super::shape::{Shape, bucket};
use super::sparse::Sparse;
use super::tree::{Found, Node};
use super::value::ValueProfile;
use super::who::hash_text;
use super::witness::{Crowd, Novelty, Witness};
use super::writing::Writing;

/// Names of parameters that are told apart on a site, and endings.
const MAX_NAMES: usize = 512;
/// A name is known on the site once clients of so many networks have used it somewhere.
const ENOUGH_FOR_NAMES: u32 = 6;
const MAX_ENDINGS: usize = 64;
/// So many parameters with texts that are no UTF-8 make a site that writes Latin-1 or the like.
const NAMES_IN_LATIN1: usize = 2;
/// Broken links that are remembered.
const MAX_MISSING: usize = 1_024;

/// What is known of a site.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    count: u64,
    crowd: Crowd,
    first_ms: i64,
    last_ms: i64,
    root: Node,
    /// Requests that were not learned since there are too many paths.
    left_out: u64,
    /// The parameters by name, whatever the path.
    names: HashMap<Box<str>, Named>,
    endings: HashMap<Box<str>, Witness>,
    /// What the parts of paths look like, wherever they stand.
    #[serde(default)]
    segments: Option<Box<ValueProfile>>,
    /// The same of all values.
    #[serde(default)]
    values: Option<Box<ValueProfile>>,
    /// How often a parameter comes twice with the same value.
    #[serde(default = "Novelty::not_begun")]
    doubles: Novelty,
    /// How often a parameter comes that no page took.
    #[serde(default = "Novelty::not_begun")]
    new_names: Novelty,
    /// The methods that were served, whatever the path.
    #[serde(default)]
    methods: Sparse,
    new_endings: Novelty,
    /// The sizes of answers, with a status below 300, to paths that are not known.
    soft_misses: Sparse,
    /// Paths that are not there and are asked for all the same: broken links.
    missing: HashMap<u64, Witness>,
    #[serde(default = "Strays::not_begun")]
    strays: Strays,
    /// What is new and does not fit, but visitors send it all the same.
    #[serde(default, rename = "heard")]
    news: News,
    /// How visitors write what attacks are written with, and how often in a place that did not have it.
    #[serde(default)]
    writing: Writing,
    #[serde(default = "Novelty::not_begun")]
    new_writing: Novelty,
    #[serde(default)]
    noise: Noise,
    /// In what people write.
    #[serde(default, alias = "noise_of_texts")]
    noise_of_writing: Noise,
    #[serde(skip)]
    size: u64,
    #[serde(skip)]
    places: usize,
    #[serde(skip)]
    known_misses: u64,
    #[serde(skip)]
    is_latin1: bool,
}

/// How many times as much is new on a site as may be: where visitors do not fit too often, it takes more.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Noise(f64);

impl Default for Noise {
    fn default() -> Self {
        Self(1.0)
    }
}

impl Eq for Noise {}

impl Noise {
    /// However noisy a site is, what was never seen on it stays odd.
    const MOST: f64 = 10.0;
    /// A site with many forms has many places in which something is new, each of them seldom.
    const MOST_OF_WRITING: f64 = 30.0;

    /// Goes by the share of requests that did not fit on a trial.
    fn hear(&mut self, share: f64, may_be: f64, most: f64) {
        let times = (share / may_be.max(1e-6)).sqrt().clamp(0.75, 2.0);
        self.0 = (self.0 * times).clamp(1.0, most);
    }

    fn is_bounded(self, most: f64) -> bool {
        (1.0..=most).contains(&self.0)
    }
}

/// A parameter's name wherever it stands on the site.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Named {
    seen: Witness,
    /// Where it did not fit: a parameter that is new on many paths at once.
    odd: Witness,
    value: ValueProfile,
}

impl Named {
    fn most_seen(&self) -> &Witness {
        if self.odd.networks() > self.seen.networks() {
            &self.odd
        } else {
            &self.seen
        }
    }
}

/// What a profile says of a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdict {
    /// What does not fit, the strongest first.
    pub misfits: Vec<Misfit>,
    /// All of that together, 0.0 to 10.0.
    pub score: f64,
    /// Something of it is a weak sign only since the site itself has changed.
    pub is_news: bool,
}

impl SiteWide for Site {
    fn values(&self, name: &str) -> Option<(&ValueProfile, Part)> {
        let named = self.names.get(name)?;
        let is_known = named.seen.networks() >= ENOUGH_FOR_NAMES;
        is_known.then(|| (&named.value, self.part_of_values(named.value.count())))
    }

    fn all_values(&self) -> Option<(&ValueProfile, Part)> {
        Some((self.values.as_deref()?, self.part_of_values(self.count)))
    }

    fn shape(&self, value: &[u8], trust: Trust) -> Shape {
        let mut shape = Shape::of(value);
        let dangerous = trust.read(shape.classes) & class::DANGEROUS;
        shape.is_usual = dangerous != 0
            && dangerous & 1 << class::INVALID == 0
            && self.writing.knows(value, trust);
        shape
    }

    fn strength_of_new(&self, name: &str) -> f64 {
        let known = self.names.get(name);
        if known.is_some_and(|one| !one.most_seen().is_rare()) {
            return 0.0;
        }
        let probability = self.new_names.probability(self.count, self.size, 0);
        self.part(self.count).strength(probability, self.size)
    }

    fn strength_of_double(&self) -> f64 {
        let probability = self.doubles.probability(self.count, self.size, 0);
        self.part(self.count).strength(probability, self.size)
    }

    fn clients_without(&self, method: u8) -> u64 {
        if self.methods.networks(method) < ENOUGH_FOR_NAMES {
            self.size
        } else {
            0
        }
    }

    fn is_known(&self, name: &str, trust: Trust) -> bool {
        let named = self.names.get(name);
        named.is_some_and(|one| one.seen.networks() >= ENOUGH_FOR_NAMES || trust.trusts(&one.odd))
    }
}

impl Site {
    /// Requests that were learned from.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// About how many addresses they came from.
    pub fn clients(&self) -> u64 {
        self.crowd.addresses()
    }

    /// Of about how many networks a request was served, up to some two hundred.
    pub(crate) fn networks_served(&self) -> u32 {
        self.root.networks()
    }

    /// How much of events' time it has learned for, in milliseconds.
    pub const fn span_ms(&self) -> i64 {
        self.last_ms.saturating_sub(self.first_ms)
    }

    /// When the last request came that it learned from, in milliseconds since 1970.
    pub const fn last_ms(&self) -> i64 {
        self.last_ms
    }

    /// Requests that were not learned since there are too many paths.
    pub const fn left_out(&self) -> u64 {
        self.left_out
    }

    /// How many places its paths have.
    pub fn places(&self) -> usize {
        self.root.places()
    }

    /// About how much memory it takes, in bytes.
    pub fn bytes(&self) -> usize {
        let names = self.names.iter();
        let names = names.map(|(name, one)| name.len() + one.value.bytes());
        let endings = self.endings.keys().map(|name| name.len());
        size_of::<Self>()
            + self.root.bytes()
            + names.chain(endings).sum::<usize>()
            + self.names.capacity() * size_of::<(Box<str>, Named)>()
            + self.endings.capacity() * size_of::<(Box<str>, Witness)>()
            + self.forms().map(ValueProfile::bytes).sum::<usize>()
            + self.strays.bytes()
            + self.writing.bytes()
            + self.news.bytes()
            + self.missing.capacity() * size_of::<(u64, Witness)>()
    }

    /// What is known of forms, wherever they stand.
    fn forms(&self) -> impl Iterator<Item = &ValueProfile> {
        [&self.segments, &self.values]
            .into_iter()
            .flatten()
            .map(|one| &**one)
    }

    pub(crate) fn learn(&mut self, request: &Request<'_>, options: &ProfileOptions) {
        let by = &request.lesson();
        let trust = Trust::of(options);
        if self.count == 0 {
            self.first_ms = request.at_ms();
        }
        self.last_ms = self.last_ms.max(request.at_ms());
        self.count = self.count.saturating_add(u64::from(by.weight));
        self.crowd.see(by.who);
        if request.was_served() {
            self.methods.see(request.method(), by);
            self.learn_names(request, trust);
            let is_known = matches!(self.find(request), Found::Known(_));
            if !is_known {
                if counts_as_stray(request) {
                    self.strays.learn_served(request.path(), self.count, by);
                }
                if request.status() / 100 == 2 {
                    self.soft_misses.see(bucket(request.body_bytes()), by);
                }
            }
        } else {
            self.learn_missing(request, trust);
        }
        let mut room = options.max_places.saturating_sub(self.places);
        let before = room;
        self.root.learn(request, trust, &mut room);
        self.places = (self.places + before).saturating_sub(room);
        if room == 0 {
            self.left_out = self.left_out.saturating_add(u64::from(by.weight));
        }
    }

    /// What is known of a path that leads nowhere from that place on.
    fn lost<'a>(&self, node: &Node, path: &'a [u8], trust: Trust) -> Lost<'a> {
        let last = segments(path).last().unwrap_or_default();
        let ending = std::str::from_utf8(ending(last));
        let missing = self.missing.get(&template_hash(path));
        Lost {
            path,
            is_in_new_folder: std::ptr::eq(node, &raw const self.root)
                && segments(path).nth(1).is_some(),
            has_known_ending: ending.is_ok_and(|name| self.is_ending(name, trust)),
            trust,
            shown: missing.map_or(0, Witness::networks),
        }
    }

    /// Takes note that somebody who is known as a visitor sent what does not fit.
    pub(crate) fn hear_news(&mut self, request: &Request<'_>, verdict: &Verdict) {
        for misfit in &verdict.misfits {
            let is_page = misfit.thing == Misfit::PATH && request.was_served();
            let page = is_page.then(|| hash_text(request.path()));
            if let Some(change) = misfit.change.or(page) {
                self.news.hear(change, request.who().network);
            }
        }
    }

    /// Forgets what was new: by now it is known, or nobody sends it.
    pub(crate) fn forget_news(&mut self) {
        self.news.clear();
    }

    /// What a network sent is no sign that the site has changed: something else of it was odd, too.
    pub(crate) fn doubt_news(&mut self, network: u64) {
        self.news.doubt(network);
    }

    /// Takes note of the share of requests that did not fit on a trial, of which so many may.
    pub(crate) fn hear(&mut self, share: f64, may_be: f64) {
        self.noise.hear(share, may_be, Noise::MOST);
    }

    /// The same of what known visitors wrote.
    pub(crate) fn hear_of_writing(&mut self, share: f64, may_be: f64) {
        self.noise_of_writing
            .hear(share, may_be, Noise::MOST_OF_WRITING);
    }

    /// Works out what is trusted from what was learned.
    pub(crate) fn settle(&mut self, options: &ProfileOptions) {
        let trust = Trust::of(options);
        self.size = self.crowd.size();
        if self.places >= options.max_places - options.max_places / 16 {
            self.root.prune();
        }
        self.root.settle(trust);
        self.places = self.root.places();
        for named in self.names.values_mut() {
            named.value.settle(trust);
        }
        for one in [&mut self.segments, &mut self.values].into_iter().flatten() {
            one.settle(trust);
        }
        let in_bytes = self.names.values().filter(|one| one.value.takes_bytes());
        self.is_latin1 = in_bytes.count() >= NAMES_IN_LATIN1;
        self.known_misses = self.soft_misses.mask_of(|_, seen| trust.trusts(seen));
    }

    fn find<'a>(&'a self, request: &Request<'a>) -> Found<'a> {
        self.root
            .find(request.path(), &mut String::new(), |_, _| {})
    }

    /// What does not fit of a request.
    pub(crate) fn judge(&self, request: &Request<'_>, trust: Trust, is_drifting: bool) -> Verdict {
        let trust = Trust {
            is_latin1: self.is_latin1,
            ..trust
        };
        let mut misfits = Vec::new();
        let mut key = String::new();
        let found = self.root.find(request.path(), &mut key, |node, segment| {
            let misfit = self.judge_segment(node, segment, trust, true);
            let misfit = misfit.filter(|_| !self.is_copied(request, trust));
            misfits.extend(misfit.map(|misfit| self.as_stray(misfit, request)));
        });
        match found {
            Found::Known(_) if self.is_broken(request, trust) => {}
            Found::Known(endpoint) => {
                let part = self.part_of_values(endpoint.count());
                endpoint.judge(request, self, (part, trust), &mut misfits);
            }
            Found::Unknown {
                node,
                named,
                segment,
                shown,
            } => self.judge_unknown(
                ([node, named], segment, shown),
                request,
                trust,
                &mut misfits,
            ),
        }
        verdict(misfits, |misfit| {
            let news = &self.news;
            let change = misfit.change;
            change.is_some_and(|change| news.is_change(change, is_drifting))
        })
    }

    /// What does not fit of a name below that place.
    fn judge_segment(
        &self,
        node: &Node,
        segment: &[u8],
        trust: Trust,
        was_served: bool,
    ) -> Option<Misfit> {
        let part = self.part(node.count());
        segment_misfit(node.segments()?, segment, (part, trust), was_served)
    }

    fn part(&self, count: u64) -> Part {
        Part::of(count, self.count, self.size).noisy(self.noise.0)
    }

    /// The same where values are judged.
    fn part_of_values(&self, count: u64) -> Part {
        let usual = self.new_writing.probability(self.count, self.size, 0);
        self.part(count)
            .noisy_in_writing(self.noise_of_writing.0, usual)
    }

    fn is_ending(&self, name: &str, trust: Trust) -> bool {
        self.endings
            .get(name)
            .is_some_and(|seen| trust.trusts(seen))
    }

    /// Whether an attack succeeded, by how it was answered.
    pub(crate) fn outcome(&self, request: &Request<'_>) -> Outcome {
        let by_status = Outcome::by_status(request.status());
        if request.status() / 100 != 2 {
            return by_status;
        }
        match self.find(request) {
            Found::Known(endpoint) => match endpoint.size_is_odd(request) {
                Some(true) => Outcome::LikelySuccess,
                Some(false) => Outcome::Attempt,
                None => by_status,
            },
            // What is not there is answered like this everywhere on some sites.
            Found::Unknown { .. } if self.known_misses & 1 << bucket(request.body_bytes()) != 0 => {
                Outcome::Attempt
            }
            Found::Unknown { .. } => Outcome::LikelySuccess,
        }
    }

    /// What is known of it, for people: the paths with most requests first, at most `most`.
    pub fn describe(&self, most: usize) -> Vec<(String, EndpointDescription)> {
        let mut all: Vec<(String, &Endpoint)> = Vec::new();
        self.root.endpoints("", &mut |template, endpoint| {
            all.push((template.to_owned(), endpoint));
        });
        all.sort_by(|a, b| b.1.count().cmp(&a.1.count()).then(a.0.cmp(&b.0)));
        all.truncate(most);
        let described = all.into_iter();
        described
            .filter(|(_, endpoint)| endpoint.is_known())
            .map(|(template, endpoint)| (template, endpoint.description()))
            .collect()
    }

    /// Whether what was read from a file keeps the bounds.
    pub(crate) fn is_bounded(&self, options: &ProfileOptions) -> bool {
        self.names.len() <= MAX_NAMES
            && self.endings.len() <= MAX_ENDINGS
            && self.missing.len() <= MAX_MISSING
            && self.strays.is_bounded()
            && self.writing.is_bounded()
            && self.forms().all(ValueProfile::is_bounded)
            && self.news.is_bounded()
            && self.names.values().all(|one| one.value.is_bounded())
            && self.noise.is_bounded(Noise::MOST)
            && self.noise_of_writing.is_bounded(Noise::MOST_OF_WRITING)
            && self.root.is_bounded(0)
            && self.root.places() <= 2 * options.max_places.max(1)
    }
}
