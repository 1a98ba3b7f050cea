//! What is said of a path that nothing is known of, and of its ending.

use super::Site;
use super::stray::{Stray, counts_as_stray, is_errand};
use super::verdict::{FOUND_BY, MOST, MOST_OF_NEW_PATHS, segment_misfit};
use crate::profile::ending::{ending, is_file};
use crate::profile::endpoint::SiteWide as _;
use crate::profile::misfit::{Aspect, Misfit, Place, grouped};
use crate::profile::name::{is_campaign, name_key};
use crate::profile::options::Trust;
use crate::profile::parameter::misfit_elsewhere;
use crate::profile::seen::{Origin, Request, method_name};
use crate::profile::segment::{segments, template_hash};
use crate::profile::tree::{MAX_DEPTH, Node};
use crate::profile::who::hash_text;
use crate::profile::witness::Witness;

/// A path's ending is odd only where so many requests were seen.
const MIN_FOR_ENDINGS: u64 = 500;

impl Site {
    pub(super) fn judge_unknown(
        &self,
        ([node, named], segment, shown): ([&Node; 2], Option<&[u8]>, u32),
        request: &Request<'_>,
        trust: Trust,
        misfits: &mut Vec<Misfit>,
    ) {
        let was_served = request.was_served();
        let missing = self.missing.get(&template_hash(request.path()));
        let is_broken_link = missing.is_some_and(|seen| trust.trusts(seen));
        if !was_served && is_broken_link {
            return;
        }
        let is_found = request.origin() == Origin::Here
            || shown >= FOUND_BY
            || self.news.is_change(hash_text(request.path()), false)
            || segment.is_some_and(|segment| node.is_of_new_build(segment));
        let most = if was_served && !is_found {
            MOST
        } else {
            MOST_OF_NEW_PATHS
        };
        let part = self.part(node.count());
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
        let stray = self.stray(node, request, trust);
        let stray = stray.filter(|(_, stray)| *stray > score);
        let (score, words, [count, clients]) = match stray {
            Some((stray, score)) => (score, stray.words(), [self.count, self.clients()]),
            None => (score, words, [node.count(), node.clients()]),
        };
        let unknown = Misfit {
            aspect: Aspect::Path,
            place: Place::Path,
            thing: Misfit::PATH,
            change: None,
            score,
            words: format!(
                "{words} in {} requests from about {} addresses",
                grouped(count),
                grouped(clients)
            ),
        };
        let is_usual = is_errand(request.path()) || self.is_copied(request, trust);
        let named = segment
            .filter(|_| was_served || !is_usual)
            .and_then(|segment| {
                self.judge_ending(request, (was_served, trust), misfits);
                self.strangest_name(named, (request, segment), trust)
            });
        match named {
            Some(named) if named.thing == Misfit::DANGEROUS_PATH => {
                misfits.extend([named, unknown]);
            }
            // That a new page has a name unlike the others is no further sign.
            Some(named) if named.score.min(most) > unknown.score => misfits.push(Misfit {
                score: named.score.min(most),
                ..named
            }),
            _ => misfits.push(unknown),
        }
        self.judge_rest(request, (node, 1.0 - strength.min(1.0)), trust, misfits);
        misfits.extend(too_deep(request.path()));
    }

    /// Whether hardly any visitor asks for what is as strange as that path, at which nothing is: how, and how
    /// strong a sign that is.
    fn stray(&self, node: &Node, request: &Request<'_>, trust: Trust) -> Option<(Stray, f64)> {
        if !counts_as_stray(request) {
            return None;
        }
        let (path, seen) = (request.path(), (self.count, self.size));
        let strength = |probability| self.part(self.count).strength(probability, self.size);
        if request.was_served() {
            let hidden = self.strays.hidden(path, seen)?;
            return Some((Stray::Hidden, Stray::Hidden.weight() * strength(hidden)));
        }
        let lost = self.lost(node, path, trust);
        let strange = self.strays.judge(&lost, seen);
        let scored = strange.map(|(stray, rarely)| (stray, stray.weight() * strength(rarely)));
        scored.max_by(|one, other| one.1.total_cmp(&other.1))
    }

    /// What fits least of the names from that one on. Below a page that nothing was below a name is compared
    /// with those beside the page, and so is what follows it, unless that fits below one of them: then only
    /// the first name was mistyped.
    fn strangest_name(
        &self,
        named: &Node,
        (request, from): (&Request<'_>, &[u8]),
        trust: Trust,
    ) -> Option<Misfit> {
        let was_served = request.was_served();
        let misfit = |node: &Node, one: &[u8]| self.judge_segment(node, one, trust, was_served);
        // A place that few ask for has not seen much: what no path of the site has is odd there, too.
        let all_parts = self.segments.as_deref();
        let anywhere = |one: &[u8]| {
            let part = self.part(self.count);
            segment_misfit(all_parts?, one, (part, trust), was_served)
        };
        let fits_below = |one: &[u8]| {
            let mut beside = named.trusted_children().filter(|child| child.has_names());
            beside.any(|child| misfit(child, one).is_none())
        };
        // A path may have thousands of parts; that it has so many is said of it anyway.
        let rest = || {
            let from = segments(request.path()).skip_while(|one| !std::ptr::eq(*one, from));
            from.take(MAX_DEPTH)
        };
        let all = rest()
            .skip(1)
            .filter_map(|one| misfit(named, one).filter(|_| !fits_below(one)))
            .chain(misfit(named, from))
            .chain(rest().filter_map(anywhere));
        all.max_by(|one, other| one.score.total_cmp(&other.score))
    }

    /// What else comes with a page that nothing is known of: where new pages are usual, it is judged by what
    /// the site knows of it; a page that is new otherwise may take new parameters.
    fn judge_rest(
        &self,
        request: &Request<'_>,
        (node, usual): (&Node, f64),
        trust: Trust,
        misfits: &mut Vec<Misfit>,
    ) {
        let part = self.part(node.count());
        let mut key = String::new();
        let new = |aspect, place, thing, score: f64, words: String| Misfit {
            aspect,
            place,
            thing,
            change: None,
            score: score * usual,
            words: format!("{words} in {} requests", grouped(self.count)),
        };
        for (place, [name, value]) in request.parameters().enumerate() {
            name_key(name, &mut key);
            let elsewhere = [self.values(&key), self.all_values()];
            let misfit = misfit_elsewhere(
                (&key, value, place),
                &self.shape(value, trust),
                elsewhere,
                trust,
            );
            misfits.extend(misfit.map(|one| Misfit {
                score: one.score * usual,
                ..one
            }));
            if elsewhere[0].is_none() && !is_campaign(&key) {
                let here = part.rarity(0, node.count(), node.witnesses());
                let score = 5.5 * here.max(self.strength_of_new(&key));
                let words = format!("no page took a parameter `{key}`");
                let thing = hash_text(key.as_bytes());
                misfits.push(new(Aspect::Name, Place::Name(place), thing, score, words));
            }
        }
        let method = request.method();
        let without = self.clients_without(method);
        if without > 0 {
            let score = 5.5 * part.rarity(0, node.count(), without);
            let words = format!("the method was never {}", method_name(method));
            let thing = Misfit::METHOD + u64::from(method);
            misfits.push(new(Aspect::Method, Place::Method, thing, score, words));
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
        // How often visitors ask for such a file that is not there is known.
        if !was_served && is_file(last) {
            return;
        }
        let seen = (self.count, self.size);
        let probability = if was_served || !counts_as_stray(request) {
            let shown = self.endings.get(name).map_or(0, Witness::networks);
            self.new_endings.probability(seen.0, seen.1, shown)
        } else {
            self.strays.new_ending(seen)
        };
        let weight = match (was_served, is_file(last)) {
            (true, true) => 6.0,
            (true, false) => 2.5,
            (false, _) => 2.8,
        };
        misfits.push(Misfit {
            aspect: Aspect::Ending,
            place: Place::Path,
            thing: hash_text(name.as_bytes()),
            change: None,
            score: weight * self.part(self.count).strength(probability, self.size),
            words: format!(
                "no path ended in `{name}` in {} requests from about {} addresses",
                grouped(self.count),
                grouped(self.clients())
            ),
        });
    }
}

/// What is said of a path that has more parts than any.
fn too_deep(path: &[u8]) -> Option<Misfit> {
    segments(path).nth(MAX_DEPTH).map(|_| Misfit {
        aspect: Aspect::Path,
        place: Place::Path,
        thing: Misfit::PATH,
        change: None,
        score: 4.0,
        words: format!("no path had more than {MAX_DEPTH} parts"),
    })
}

/// Whether that part of a path stands right after a file's name.
fn goes_on_below_file(path: &[u8], part: Option<&[u8]>) -> bool {
    let mut pairs = segments(path).zip(segments(path).skip(1));
    let pair = pairs.find(|(_, one)| Some(*one) == part);
    pair.is_some_and(|(file, _)| !ending(file).is_empty())
}
