//! One comparison of some views with some values, exactly.

use std::net::IpAddr;
use std::ops::Range;

use aho_corasick::AhoCorasick;
use ipnet::IpNet;
use regex::bytes::Regex;
use vigil_event::{Decodings, Event, Evidence, Field, View};

use crate::bytes::{self, ByteSet};
use crate::field::Scope;
use crate::gate::{Clause, Gate, Probe, Probes};
use crate::literal::{self, Literal};
use crate::modifier::{Comparison, Place};
use crate::pattern::Flags;
use crate::prefilter::Seen;

/// A comparison: holds if any of the views matches.
#[derive(Clone, Debug)]
pub(crate) struct Leaf {
    pub(crate) scope: Scope,
    pub(crate) matcher: Matcher,
    /// What must be seen in a view that matches, the best first.
    pub(crate) probes: Vec<Probe>,
    /// Of each of these sets, a view that matches has a byte.
    bytes: Vec<ByteSet>,
}

/// What is compared with.
#[derive(Clone, Debug)]
pub(crate) enum Matcher {
    Literals(Literals),
    Pattern {
        regex: Regex,
        flags: Flags,
        /// See [`crate::required`].
        required: Vec<Vec<Literal>>,
        bytes: Vec<ByteSet>,
    },
    Networks(Vec<IpNet>),
    Number(Field, Comparison, u64),
    Present,
    Absent,
}

/// Texts of which one must stand at a place.
#[derive(Clone, Debug)]
pub(crate) struct Literals {
    place: Place,
    cased: bool,
    texts: Vec<Vec<u8>>,
    /// Finds the texts anywhere.
    finder: Option<AhoCorasick>,
}

impl Literals {
    /// Texts at a place. The error says that they are too large.
    pub(crate) fn new(place: Place, cased: bool, texts: Vec<Vec<u8>>) -> Result<Self, String> {
        let finder = match place {
            Place::Anywhere => Some(
                AhoCorasick::builder()
                    .ascii_case_insensitive(!cased)
                    .build(&texts)
                    .map_err(|error| error.to_string())?,
            ),
            _ => None,
        };
        Ok(Self {
            place,
            cased,
            texts,
            finder,
        })
    }

    fn same(&self, other: &Self) -> bool {
        (self.place, self.cased, &self.texts) == (other.place, other.cased, &other.texts)
    }

    fn find(&self, view: &[u8]) -> Option<Range<usize>> {
        if let Some(finder) = &self.finder {
            return finder.find(view).map(|found| found.range());
        }
        let same = |part: &[u8], text: &[u8]| {
            if self.cased {
                part == text
            } else {
                part.eq_ignore_ascii_case(text)
            }
        };
        self.texts.iter().find_map(|text| {
            let range = match self.place {
                Place::Whole => 0..view.len(),
                Place::End => view.len().checked_sub(text.len())?..view.len(),
                Place::Start | Place::Anywhere => 0..text.len(),
            };
            view.get(range.clone())
                .is_some_and(|part| same(part, text))
                .then_some(range)
        })
    }
}

impl Leaf {
    pub(crate) const fn new(scope: Scope, matcher: Matcher) -> Self {
        Self {
            scope,
            matcher,
            probes: Vec::new(),
            bytes: Vec::new(),
        }
    }

    /// Asks for what must be seen in a view that matches.
    pub(crate) fn ask(&mut self, probes: &mut Probes) {
        let (required, bytes) = match &mut self.matcher {
            Matcher::Literals(literals) => {
                let texts = &literals.texts;
                (
                    vec![texts.iter().map(|text| Literal::of(text)).collect()],
                    bytes::of_literals(texts),
                )
            }
            Matcher::Pattern {
                required, bytes, ..
            } => (std::mem::take(required), std::mem::take(bytes)),
            _ => (Vec::new(), Vec::new()),
        };
        self.bytes = bytes;
        // What is seen in many events tells less than rare bytes do.
        let has_rare_bytes = self.bytes.iter().any(|set| set.is_rare());
        let tells = |set: &Vec<Literal>| !has_rare_bytes || literal::worth(set) >= Self::MIN_WORTH;
        let sets = required.into_iter().filter(tells);
        self.probes = sets
            .filter_map(|set| probes.probe(set, self.scope))
            .collect();
        self.probes
            .sort_by_key(|probe| std::cmp::Reverse(probes.worth(*probe)));
        self.probes.truncate(Self::MAX_PROBES);
    }

    /// Beside rare bytes, only literals of this worth are looked for: words of four letters.
    const MIN_WORTH: u32 = 12;
    /// More probes cost more than they tell.
    const MAX_PROBES: usize = 4;

    /// Takes the views of another leaf that compares with the same; false if it does not.
    pub(crate) fn merge(&mut self, other: &Self) -> bool {
        let same = match (&self.matcher, &other.matcher) {
            (Matcher::Literals(one), Matcher::Literals(two)) => one.same(two),
            (
                Matcher::Pattern {
                    regex: one, flags, ..
                },
                Matcher::Pattern {
                    regex: two,
                    flags: others,
                    ..
                },
            ) => one.as_str() == two.as_str() && flags == others,
            _ => false,
        };
        if same {
            self.scope = self.scope.with(other.scope);
        }
        same
    }

    /// Whether the event matches.
    pub(crate) fn holds(&self, event: &Event, seen: &Seen) -> bool {
        match &self.matcher {
            Matcher::Literals(literals) => {
                self.views(event, seen, |view| literals.find(view).is_some())
            }
            Matcher::Pattern { regex, .. } => self.views(event, seen, |view| regex.is_match(view)),
            Matcher::Networks(networks) => address_in(event, networks).is_some(),
            Matcher::Number(field, comparison, wanted) => event
                .number(*field)
                .is_some_and(|found| comparison.holds(found, *wanted)),
            Matcher::Present => self.is_present(event, seen),
            Matcher::Absent => !self.is_present(event, seen),
        }
    }

    fn views(&self, event: &Event, seen: &Seen, test: impl Fn(&[u8]) -> bool) -> bool {
        let seen_in = seen.common(self.scope, &self.probes);
        let scope = self
            .bytes
            .iter()
            .fold(seen_in, |scope, set| seen.having(scope, *set));
        scope != Scope::default() && views(event, scope).any(|view| test(view.text))
    }

    fn is_present(&self, event: &Event, seen: &Seen) -> bool {
        self.scope
            .fields()
            .any(|field| event.number(field).is_some())
            || self.views(event, seen, |_| true)
    }

    /// What matched where, if the event matches and if there is anything to show.
    pub(crate) fn evidence(&self, event: &Event) -> Option<Evidence> {
        match &self.matcher {
            Matcher::Literals(literals) => self.first(event, |view| literals.find(view)),
            Matcher::Pattern { regex, .. } => {
                self.first(event, |view| regex.find(view).map(|found| found.range()))
            }
            Matcher::Networks(networks) => {
                address_in(event, networks).map(|ip| whole(Field::SourceIp, &ip.to_string()))
            }
            Matcher::Number(field, ..) => event
                .number(*field)
                .map(|number| whole(*field, &number.to_string())),
            Matcher::Present => self.first(event, |view| Some(0..view.len())),
            Matcher::Absent => None,
        }
    }

    fn first(
        &self,
        event: &Event,
        find: impl Fn(&[u8]) -> Option<Range<usize>>,
    ) -> Option<Evidence> {
        views(event, self.scope).find_map(|view| {
            find(view.text).map(|range| Evidence::new(view.field, view.decodings, view.text, range))
        })
    }

    /// What must be seen for the event to match.
    pub(crate) fn gate(&self, probes: &Probes) -> Gate {
        Gate::of(
            self.probes
                .iter()
                .map(|probe| Clause::new(*probe, self.scope, probes)),
        )
    }
}

/// The event's views that are in the scope.
fn views(event: &Event, scope: Scope) -> impl Iterator<Item = View<'_>> {
    let parameters = scope
        .has_parameters()
        .then(|| event.parameters().flatten())
        .into_iter()
        .flatten();
    event
        .views()
        .chain(parameters)
        .filter(move |view| scope.allows(view))
}

fn address_in(event: &Event, networks: &[IpNet]) -> Option<IpAddr> {
    let ip = event.source_ip?.to_canonical();
    networks
        .iter()
        .any(|network| network.contains(&ip))
        .then_some(ip)
}

fn whole(field: Field, text: &str) -> Evidence {
    Evidence::new(field, Decodings::NONE, text.as_bytes(), 0..text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(place: Place, cased: bool, texts: &[&str], view: &str) -> Option<Range<usize>> {
        let texts = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
        Literals::new(place, cased, texts)
            .unwrap()
            .find(view.as_bytes())
    }

    #[test]
    fn literals_at_their_place() {
        for (place, cased, texts, view, expected) in [
            (
                Place::Anywhere,
                false,
                &["admin"][..],
                "/ADMIN/",
                Some(1..6),
            ),
            (Place::Anywhere, true, &["admin"], "/ADMIN/", None),
            (Place::Start, false, &["x", "/Ad"], "/admin", Some(0..3)),
            (Place::Start, false, &["/admin/"], "/admin", None),
            (Place::End, false, &[".PHP"], "/a.php", Some(2..6)),
            (Place::End, true, &[".PHP"], "/a.php", None),
            (Place::End, false, &["long.php"], ".php", None),
            (Place::Whole, false, &["get"], "GET", Some(0..3)),
            (Place::Whole, false, &["get"], "GETS", None),
            (Place::Whole, false, &[""], "", Some(0..0)),
            (Place::Whole, false, &[""], "a", None),
        ] {
            assert_eq!(
                find(place, cased, texts, view),
                expected,
                "{texts:?} in {view}"
            );
        }
    }
}
