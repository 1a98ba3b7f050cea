//! One site: its paths, the names and endings used anywhere on it, and the judgement of a request.

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};
use vigil_event::Outcome;

use super::endpoint::{Endpoint, EndpointDescription, KnownNames};
use super::misfit::{Aspect, Misfit, Place, grouped};
use super::options::{ProfileOptions, Trust, strength};
use super::seen::Request;
use super::shape::{Shape, bucket};
use super::sparse::Sparse;
use super::who::hash_text;
use super::tree::{Found, MAX_DEPTH, Node, ending, segments};
use super::witness::{Crowd, Novelty, Witness};

/// Names of parameters that are told apart on a site, and endings.
const MAX_NAMES: usize = 512;
const MAX_ENDINGS: usize = 64;
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
    names: HashMap<Box<str>, Witness>,
    endings: HashMap<Box<str>, Witness>,
    new_endings: Novelty,
    /// The sizes of answers, with a status below 300, to paths that are not known.
    soft_misses: Sparse,
    /// Paths that are not there and are asked for all the same: broken links.
    missing: HashMap<u64, Witness>,
    #[serde(skip)]
    size: u64,
    #[serde(skip)]
    places: usize,
    #[serde(skip)]
    known_misses: u64,
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
    fn is_known(&self, name: &str) -> bool {
        let trust = Trust {
            networks: 3,
            periods: 1,
        };
        self.names.get(name).is_some_and(|seen| trust.trusts(seen, 0))
    }
}

impl Site {
    /// Requests that were learned from.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// About how many addresses they came from.
    pub fn clients(&self) -> u64 {
        self.crowd.size()
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
        let names = self.names.iter().chain(&self.endings);
        size_of::<Self>()
            + self.root.bytes()
            + names
                .map(|(name, _)| name.len() + size_of::<(Box<str>, Witness)>() * 2)
                .sum::<usize>()
    }

    pub(crate) fn learn(&mut self, request: &Request<'_>, options: &ProfileOptions) {
        let (who, weight) = (request.who(), request.weight());
        let trust = Trust::of(options);
        if self.count == 0 {
            self.first_ms = request.at_ms();
        }
        self.last_ms = self.last_ms.max(request.at_ms());
        self.count += u64::from(weight);
        self.crowd.see(who);
        if request.was_served() {
            self.learn_names(request);
            let is_known = matches!(self.find(request), Found::Known(_));
            if !is_known && request.status() / 100 == 2 {
                self.soft_misses.see(bucket(request.body_bytes()), who, weight);
            }
        } else if matches!(request.status(), 404 | 410) {
            self.learn_missing(request);
        }
        let mut room = options.max_places.saturating_sub(self.places);
        let before = room;
        self.root.learn(request, trust, &mut room);
        self.places = (self.places + before).saturating_sub(room);
        if room == 0 {
            self.left_out += u64::from(weight);
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
        seen.see(request.who(), request.weight());
    }

    fn learn_names(&mut self, request: &Request<'_>) {
        let (who, weight) = (request.who(), request.weight());
        let see = |all: &mut HashMap<Box<str>, Witness>, name: &[u8], most: usize| {
            let name = std::str::from_utf8(name).ok().filter(|name| name.len() <= 64)?;
            if !all.contains_key(name) && all.len() >= most {
                let weakest = all.iter().min_by_key(|(_, seen)| seen.networks());
                let weakest = weakest.filter(|(_, seen)| seen.networks() < 3)?.0.clone();
                all.remove(&weakest);
            }
            all.entry(name.into()).or_default().see(who, weight);
            Some(())
        };
        for [name, _] in request.parameters() {
            see(&mut self.names, name, MAX_NAMES);
        }
        let last = segments(request.path()).last().unwrap_or_default();
        let ending = ending(last);
        let is_new = !std::str::from_utf8(ending).is_ok_and(|name| self.endings.contains_key(name));
        self.new_endings.see(self.count, is_new, who);
        see(&mut self.endings, ending, MAX_ENDINGS);
    }

    /// Works out what is trusted from what was learned.
    pub(crate) fn settle(&mut self, options: &ProfileOptions) {
        let trust = Trust::of(options);
        self.size = self.crowd.size();
        self.root.settle(trust);
        self.places = self.root.places();
        let size = self.size;
        self.known_misses = self.soft_misses.mask_of(|_, seen| trust.trusts(seen, size));
    }

    fn find<'a>(&'a self, request: &Request<'a>) -> Found<'a> {
        self.root.find(request.path(), &mut String::new(), |_, _| {})
    }

    /// What does not fit of a request.
    pub(crate) fn judge(&self, request: &Request<'_>, trust: Trust, is_drifting: bool) -> Verdict {
        let mut misfits = Vec::new();
        let mut key = String::new();
        let found = self.root.find(request.path(), &mut key, |node, segment| {
            if let Some(misfit) = segment_misfit(node, segment, trust, 1.0) {
                misfits.push(misfit);
            }
        });
        match found {
            Found::Known(endpoint) => endpoint.judge(request, self, trust, &mut misfits),
            Found::Unknown {
                node,
                segment,
                shown,
            } => self.judge_unknown((node, segment, shown), request, trust, &mut misfits),
        }
        verdict(misfits, is_drifting)
    }

    fn judge_unknown(
        &self,
        (node, segment, shown): (&Node, Option<&[u8]>, u32),
        request: &Request<'_>,
        trust: Trust,
        misfits: &mut Vec<Misfit>,
    ) {
        let is_broken_link = |seen: &Witness| trust.trusts(seen, 0);
        if matches!(request.status(), 404 | 410)
            && self.missing.get(&hash_text(request.path())).is_some_and(is_broken_link)
        {
            return;
        }
        // Where nothing was there, somebody may have mistyped it.
        let (was_served, share) = match request.status() {
            0..400 => (true, 1.0),
            _ => (false, 0.8),
        };
        let known = format!(
            "in {} requests from about {} addresses",
            grouped(node.count()),
            grouped(node.clients())
        );
        if let Some(segment) = segment {
            misfits.extend(segment_misfit(node, segment, trust, share));
            self.judge_ending(request, was_served, misfits);
        }
        let weight = if was_served { 4.5 } else { 2.5 };
        misfits.push(Misfit {
            aspect: Aspect::Path,
            place: Place::Path,
            score: (weight * strength(node.probability(shown))).min(4.5),
            words: format!("there was nothing at this path {known}"),
        });
        if segments(request.path()).nth(MAX_DEPTH).is_some() {
            misfits.push(Misfit {
                aspect: Aspect::Path,
                place: Place::Path,
                score: 4.0,
                words: format!("no path had more than {MAX_DEPTH} parts"),
            });
        }
    }

    fn judge_ending(&self, request: &Request<'_>, was_served: bool, misfits: &mut Vec<Misfit>) {
        let last = segments(request.path()).last().unwrap_or_default();
        let ending = ending(last);
        let Ok(name) = std::str::from_utf8(ending) else {
            return;
        };
        if name.is_empty() || self.is_ending(name) || self.count < MIN_FOR_ENDINGS {
            return;
        }
        let shown = self.endings.get(name).map_or(0, Witness::networks);
        let probability = self.new_endings.probability(self.count, self.size, shown);
        let weight = if was_served { 6.0 } else { 4.2 };
        misfits.push(Misfit {
            aspect: Aspect::Ending,
            place: Place::Path,
            score: weight * strength(probability),
            words: format!(
                "no path ended in `{name}` in {} requests from about {} addresses",
                grouped(self.count),
                grouped(self.size)
            ),
        });
    }

    fn is_ending(&self, name: &str) -> bool {
        let trust = Trust {
            networks: 4,
            periods: 2,
        };
        self.endings.get(name).is_some_and(|seen| trust.trusts(seen, 0))
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
            .filter(|(_, endpoint)| endpoint.clients() > 0)
            .map(|(template, endpoint)| (template, endpoint.description()))
            .collect()
    }

    /// Whether what was read from a file keeps the bounds.
    pub(crate) fn is_bounded(&self, options: &ProfileOptions) -> bool {
        self.names.len() <= MAX_NAMES
            && self.endings.len() <= MAX_ENDINGS
            && self.missing.len() <= MAX_MISSING
            && self.root.is_bounded(0)
            && self.root.places() <= 2 * options.max_places.max(1)
    }
}

/// What does not fit of a name in a path.
fn segment_misfit(node: &Node, segment: &[u8], trust: Trust, share: f64) -> Option<Misfit> {
    let profile = node.segments()?;
    let misfit = profile.judge(&Shape::of(segment), segment, trust)?;
    Some(Misfit {
        aspect: misfit.aspect,
        place: Place::Path,
        score: misfit.score * share,
        words: format!(
            "this part of the path was {} in {} requests from about {} addresses",
            misfit.usual,
            grouped(profile.count()),
            grouped(profile.clients())
        ),
    })
}

/// The highest score of a profile alone: it knows what is unusual, not what is evil.
const MOST: f64 = 8.9;
/// Weak signs about the answer alone never reach more.
const MOST_AROUND: f64 = 4.9;
/// The weight of what is only new while the site changes.
const NEWS_WHILE_DRIFTING: f64 = 0.6;

fn verdict(mut misfits: Vec<Misfit>, is_drifting: bool) -> Verdict {
    if is_drifting {
        for misfit in misfits.iter_mut().filter(|one| one.aspect.is_news()) {
            misfit.score *= NEWS_WHILE_DRIFTING;
        }
    }
    misfits.retain(|misfit| misfit.score >= super::value::WEAKEST);
    misfits.sort_by(|a, b| b.score.total_cmp(&a.score));
    let together = |of_request_only: bool| {
        let counted = misfits
            .iter()
            .filter(|one| !of_request_only || one.aspect.is_of_request());
        10.0 * (1.0 - counted.map(|one| 1.0 - one.score / 10.0).product::<f64>())
    };
    let (request, all) = (together(true), together(false));
    let score = if request >= super::value::STRONG {
        all
    } else {
        request.max(all.min(MOST_AROUND))
    };
    Verdict {
        misfits,
        score: score.min(MOST),
    }
}
