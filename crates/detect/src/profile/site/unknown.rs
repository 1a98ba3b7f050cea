//! What is said of a path that nothing is known of, and of its ending.

use super::Site;
use super::verdict::{FOUND_BY, MOST, MOST_OF_NEW_PATHS, segment_misfit};
use crate::profile::ending::{ending, is_file};
use crate::profile::misfit::{Aspect, Misfit, Place, grouped};
use crate::profile::options::Trust;
use crate::profile::seen::{Origin, Request};
use crate::profile::segment::segments;
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
        let news = self.news.get(&hash_text(request.path()));
        let is_found = request.origin() == Origin::Here
            || shown.max(news.map_or(0, Witness::networks)) >= FOUND_BY
            || segment.is_some_and(|segment| node.is_of_new_build(segment));
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
            change: None,
            score,
            words: format!("{words} {known}"),
        };
        let named = segment.and_then(|segment| {
            self.judge_ending(request, (was_served, trust), misfits);
            // Below a page that nothing was below a name is compared with those beside the page.
            let part = self.part(named.count());
            segment_misfit(named, segment, (part, trust), was_served)
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
                change: None,
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

/// Whether that part of a path stands right after a file's name.
fn goes_on_below_file(path: &[u8], part: Option<&[u8]>) -> bool {
    let mut pairs = segments(path).zip(segments(path).skip(1));
    let pair = pairs.find(|(_, one)| Some(*one) == part);
    pair.is_some_and(|(file, _)| !ending(file).is_empty())
}
