//! One site: its paths, the names and endings used anywhere on it, and the judgement of a request.

mod verdict;

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};
use vigil_event::Outcome;
use vigil_event::whole::is_secret;

use self::verdict::{FOUND_BY, MOST, MOST_OF_NEW_PATHS, segment_misfit, verdict};
use super::ending::{ending, is_file};
use super::endpoint::{Endpoint, EndpointDescription, KnownNames};
use super::misfit::{Aspect, Misfit, Place, grouped};
use super::name::name_key;
use super::options::{Part, ProfileOptions, Trust};
use super::seen::{Origin, Request};
use super::shape::{Shape, bucket};
use super::sparse::Sparse;
use super::tree::{Found, MAX_DEPTH, Node, segments};
use super::value::ValueProfile;
use super::who::hash_text;
use super::witness::{Crowd, Novelty, Witness};

/// Names of parameters that are told apart on a site, and endings.
const MAX_NAMES: usize = 512;
/// A name is known on the site once clients of so many networks have used it somewhere.
const ENOUGH_FOR_NAMES: u32 = 6;
const MAX_ENDINGS: usize = 64;
/// So many parameters with texts that are no UTF-8 make a site that writes Latin-1 or the like.
const NAMES_IN_LATIN1: usize = 2;
/// Broken links that are remembered.
const MAX_MISSING: usize = 256;
/// A path's ending is odd only where so many requests were seen.
const MIN_FOR_ENDINGS: u64 = 500;

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
    new_endings: Novelty,
    /// The sizes of answers, with a status below 300, to paths that are not known.
    soft_misses: Sparse,
    /// Paths that are not there and are asked for all the same: broken links.
    missing: HashMap<u64, Witness>,
    #[serde(default)]
    noise: Noise,
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

    /// Goes by the share of requests that did not fit on a trial.
    fn hear(&mut self, share: f64, may_be: f64) {
        let times = (share / may_be.max(1e-6)).sqrt().clamp(0.75, 2.0);
        self.0 = (self.0 * times).clamp(1.0, Self::MOST);
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
}

impl KnownNames for Site {
    fn values(&self, name: &str) -> Option<(&ValueProfile, Part)> {
        let named = self.names.get(name)?;
        let is_known = named.seen.networks() >= ENOUGH_FOR_NAMES;
        is_known.then(|| (&named.value, self.part(named.value.count())))
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
            + self.missing.capacity() * size_of::<(u64, Witness)>()
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
            self.learn_names(request, trust);
            let is_known = matches!(self.find(request), Found::Known(_));
            if !is_known && request.status() / 100 == 2 {
                self.soft_misses.see(bucket(request.body_bytes()), by);
            }
        } else if matches!(request.status(), 404 | 410) {
            self.learn_missing(request);
        }
        let mut room = options.max_places.saturating_sub(self.places);
        let before = room;
        self.root.learn(request, trust, &mut room);
        self.places = (self.places + before).saturating_sub(room);
        if room == 0 {
            self.left_out = self.left_out.saturating_add(u64::from(by.weight));
        }
    }

    fn learn_missing(&mut self, request: &Request<'_>) {
        let path = hash_text(request.path());
        if !self.missing.contains_key(&path) && self.missing.len() >= MAX_MISSING {
            let weakest = self.missing.iter().min_by_key(|(_, seen)| seen.networks());
            let Some(weakest) = weakest.filter(|(_, seen)| seen.networks() < 3) else {
                return;
            };
            let weakest = *weakest.0;
            self.missing.remove(&weakest);
        }
        let seen = self.missing.entry(path).or_default();
        seen.see(&request.lesson());
    }

    fn learn_names(&mut self, request: &Request<'_>, trust: Trust) {
        let by = &request.lesson();
        let mut key = String::new();
        for [name, value] in request.parameters() {
            name_key(name, &mut key);
            let Some(named) = entry(&mut self.names, &key, MAX_NAMES, Named::most_seen) else {
                continue;
            };
            if named.value.count() == 0 && is_secret(name) {
                named.value.open();
            }
            // A name that does not fit where it stands must not become known by that, but of the values of
            // a known one as much is learned here as there.
            if by.is_odd {
                named.odd.see(by);
                if named.seen.networks() < ENOUGH_FOR_NAMES {
                    continue;
                }
            } else {
                named.seen.see(by);
            }
            named.value.learn((&Shape::of(value), value), by, trust);
        }
        let last = segments(request.path()).last().unwrap_or_default();
        let ending = ending(last);
        // Names of people and of versions have points, too: they make no file usual.
        let is_new = is_file(last)
            && !std::str::from_utf8(ending).is_ok_and(|name| self.endings.contains_key(name));
        self.new_endings.see(self.count, is_new, by);
        let ending = std::str::from_utf8(ending).unwrap_or_default();
        if let Some(seen) = entry(&mut self.endings, ending, MAX_ENDINGS, |seen| seen) {
            seen.see(by);
        }
    }

    /// Takes note of the share of requests that did not fit on a trial, of which so many may.
    pub(crate) fn hear(&mut self, share: f64, may_be: f64) {
        self.noise.hear(share, may_be);
    }

    /// Works out what is trusted from what was learned.
    pub(crate) fn settle(&mut self, options: &ProfileOptions) {
        let trust = Trust::of(options);
        self.size = self.crowd.size();
        self.root.settle(trust);
        self.places = self.root.places();
        for named in self.names.values_mut() {
            named.value.settle(trust);
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
            misfits.extend(segment_misfit(
                node,
                segment,
                (self.part(node.count()), trust),
                true,
            ));
        });
        match found {
            Found::Known(endpoint) => {
                let part = self.part(endpoint.count());
                endpoint.judge(request, self, (part, trust), &mut misfits);
            }
            Found::Unknown {
                node,
                segment,
                shown,
            } => self.judge_unknown((node, segment, shown), request, trust, &mut misfits),
        }
        verdict(misfits, is_drifting)
    }

    fn part(&self, count: u64) -> Part {
        Part::of(count, self.count).noisy(self.noise.0)
    }

    fn judge_unknown(
        &self,
        (node, segment, shown): (&Node, Option<&[u8]>, u32),
        request: &Request<'_>,
        trust: Trust,
        misfits: &mut Vec<Misfit>,
    ) {
        let is_broken_link = |seen: &Witness| trust.trusts(seen);
        if matches!(request.status(), 404 | 410)
            && self
                .missing
                .get(&hash_text(request.path()))
                .is_some_and(is_broken_link)
        {
            return;
        }
        // Where nothing was there, somebody may have mistyped it.
        let was_served = request.was_served();
        let is_found = request.origin() == Origin::Here || shown >= FOUND_BY;
        let most = if was_served && !is_found {
            MOST
        } else {
            MOST_OF_NEW_PATHS
        };
        let part = self.part(node.count());
        let known = format!(
            "in {} requests from about {} addresses",
            grouped(node.count()),
            grouped(node.clients())
        );
        let weight = if was_served { 4.5 } else { 2.5 };
        let strength = part.strength(node.probability(shown), node.witnesses());
        let is_below_file = node.is_leaf() && goes_on_below_file(request.path(), segment);
        let (score, words) = if is_below_file {
            let weight = if was_served { 6.0 } else { 4.2 };
            (weight * strength, "no path went on below this file")
        } else {
            let score = (weight * strength).min(most);
            (score, "there was nothing at this path")
        };
        let unknown = Misfit {
            aspect: Aspect::Path,
            place: Place::Path,
            thing: Misfit::PATH,
            score,
            words: format!("{words} {known}"),
        };
        let named = segment.and_then(|segment| {
            self.judge_ending(request, (was_served, trust), misfits);
            segment_misfit(node, segment, (part, trust), was_served)
        });
        match named {
            Some(named) if named.thing == Misfit::DANGEROUS_PATH => {
                misfits.extend([named, unknown]);
            }
            // That a new page has a name unlike the others is no further sign.
            Some(named) if named.score > unknown.score => misfits.push(Misfit {
                score: named.score.min(most),
                ..named
            }),
            _ => misfits.push(unknown),
        }
        if segments(request.path()).nth(MAX_DEPTH).is_some() {
            misfits.push(Misfit {
                aspect: Aspect::Path,
                place: Place::Path,
                thing: Misfit::PATH,
                score: 4.0,
                words: format!("no path had more than {MAX_DEPTH} parts"),
            });
        }
    }

    fn judge_ending(
        &self,
        request: &Request<'_>,
        (was_served, trust): (bool, Trust),
        misfits: &mut Vec<Misfit>,
    ) {
        let last = segments(request.path()).last().unwrap_or_default();
        let ending = ending(last);
        let Ok(name) = std::str::from_utf8(ending) else {
            return;
        };
        if name.is_empty() || self.is_ending(name, trust) || self.count < MIN_FOR_ENDINGS {
            return;
        }
        let shown = self.endings.get(name).map_or(0, Witness::networks);
        let probability = self.new_endings.probability(self.count, self.size, shown);
        let weight = match (was_served, is_file(last)) {
            (true, true) => 6.0,
            (false, true) => 4.2,
            (true, false) => 4.0,
            (false, false) => 2.8,
        };
        misfits.push(Misfit {
            aspect: Aspect::Ending,
            place: Place::Path,
            thing: hash_text(name.as_bytes()),
            score: weight * self.part(self.count).strength(probability, self.size),
            words: format!(
                "no path ended in `{name}` in {} requests from about {} addresses",
                grouped(self.count),
                grouped(self.clients())
            ),
        });
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
            && self.names.values().all(|one| one.value.is_bounded())
            && (1.0..=Noise::MOST).contains(&self.noise.0)
            && self.root.is_bounded(0)
            && self.root.places() <= 2 * options.max_places.max(1)
    }
}

/// Whether that part of a path stands right after a file's name.
fn goes_on_below_file(path: &[u8], part: Option<&[u8]>) -> bool {
    let mut pairs = segments(path).zip(segments(path).skip(1));
    let pair = pairs.find(|(_, one)| Some(*one) == part);
    pair.is_some_and(|(file, _)| !ending(file).is_empty())
}

/// What is kept under a name, made if there is room or somebody rare makes some.
fn entry<'a, T: Default>(
    all: &'a mut HashMap<Box<str>, T>,
    name: &str,
    most: usize,
    seen: impl Fn(&T) -> &Witness,
) -> Option<&'a mut T> {
    if !all.contains_key(name) {
        if all.len() >= most {
            let weakest = all
                .iter()
                .map(|(name, one)| (seen(one).networks(), name))
                .min();
            let weakest = weakest.filter(|(networks, _)| *networks < 3)?.1.clone();
            all.remove(&weakest);
        }
        all.insert(name.into(), T::default());
    }
    all.get_mut(name)
}
