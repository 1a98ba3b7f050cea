//! One comparison of some views with some values, exactly.

use std::net::IpAddr;
use std::ops::Range;

use aho_corasick::AhoCorasick;
use ipnet::IpNet;
use regex::bytes::Regex;
use vigil_event::{Decodings, Event, Evidence, Field};

use crate::field::Scope;
use crate::gate::{Clause, Gate};
use crate::modifier::{Comparison, Place};

/// A comparison: holds if any of the views matches.
#[derive(Clone, Debug)]
pub(crate) struct Leaf {
    pub(crate) scope: Scope,
    pub(crate) matcher: Matcher,
}

/// What is compared with.
#[derive(Clone, Debug)]
pub(crate) enum Matcher {
    Literals(Literals),
    Pattern {
        regex: Regex,
        /// See [`crate::required`].
        required: Vec<Vec<Vec<u8>>>,
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
    /// Whether the event matches.
    pub(crate) fn holds(&self, event: &Event) -> bool {
        match &self.matcher {
            Matcher::Literals(literals) => self.views(event, |view| literals.find(view).is_some()),
            Matcher::Pattern { regex, .. } => self.views(event, |view| regex.is_match(view)),
            Matcher::Networks(networks) => address_in(event, networks).is_some(),
            Matcher::Number(field, comparison, wanted) => event
                .number(*field)
                .is_some_and(|found| comparison.holds(found, *wanted)),
            Matcher::Present => self.is_present(event),
            Matcher::Absent => !self.is_present(event),
        }
    }

    fn views(&self, event: &Event, test: impl Fn(&[u8]) -> bool) -> bool {
        event
            .views()
            .any(|view| self.scope.allows(&view) && test(view.text))
    }

    fn is_present(&self, event: &Event) -> bool {
        self.scope
            .fields()
            .any(|field| event.number(field).is_some())
            || self.views(event, |_| true)
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
        event
            .views()
            .filter(|view| self.scope.allows(view))
            .find_map(|view| {
                find(view.text)
                    .map(|range| Evidence::new(view.field, view.decodings, view.text, range))
            })
    }

    /// What must occur for the event to match.
    pub(crate) fn gate(&self) -> Gate {
        match &self.matcher {
            Matcher::Literals(literals) => {
                Gate::of(Clause::new(literals.texts.iter().cloned(), self.scope))
            }
            Matcher::Pattern { required, .. } => Gate::of(
                required
                    .iter()
                    .filter_map(|set| Clause::new(set.iter().cloned(), self.scope)),
            ),
            _ => Gate::open(),
        }
    }
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
