//! Texts at a place of a view: the plainest comparison, and the most common one.

use std::ops::Range;

use aho_corasick::AhoCorasick;

use crate::matcher::modifier::Place;
use crate::prefilter::literal::Literal;
use crate::seen::alike::{self, Alike, Verdict};

/// Texts of which one must stand at a place.
#[derive(Clone, Debug)]
pub(crate) struct Texts {
    place: Place,
    cased: bool,
    all: Vec<Vec<u8>>,
    /// Finds the texts anywhere.
    finder: Option<AhoCorasick>,
}

impl Texts {
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
            all: texts,
            finder,
        })
    }

    /// The texts.
    pub(crate) fn all(&self) -> &[Vec<u8>] {
        &self.all
    }

    /// What is to be looked for to find them: where one stands at the start of a view, no word is before
    /// it.
    pub(crate) fn literals(&self) -> impl Iterator<Item = Literal> {
        let (is_first, is_last) = match self.place {
            Place::Whole => (true, true),
            Place::Start => (true, false),
            Place::End => (false, true),
            Place::Anywhere => (false, false),
        };
        let edge = |is_there| {
            if is_there {
                Literal::edge()
            } else {
                Literal::default()
            }
        };
        let literal =
            move |text: &Vec<u8>| edge(is_first).then(&Literal::of(text)).then(&edge(is_last));
        self.all.iter().map(literal)
    }

    /// Whether the other finds the same.
    pub(crate) fn same(&self, other: &Self) -> bool {
        (self.place, self.cased, &self.all) == (other.place, other.cased, &other.all)
    }

    /// Where the first of them stands.
    pub(crate) fn find(&self, view: &[u8]) -> Option<Range<usize>> {
        if let Some(finder) = &self.finder {
            return finder.find(view).map(|found| found.range());
        }
        self.all
            .iter()
            .find_map(|text| find(self.place, self.cased, text, view))
    }

    /// Whether one of them stands in each of the texts that are alike.
    pub(crate) fn of_all(&self, texts: Alike<'_>) -> Verdict {
        let found = self.find(texts.0);
        let has_digits = |text: &Vec<u8>| text.iter().any(u8::is_ascii_digit);
        if !texts.are_many() || !self.all.iter().any(has_digits) {
            return Verdict::sure(found.is_some());
        }
        if found.is_some_and(|found| texts.are_same_in(found)) {
            return Verdict::Always;
        }
        let view = alike::without_digits(texts.0);
        let may_stand = |text: &Vec<u8>| {
            find(self.place, self.cased, &alike::without_digits(text), &view).is_some()
        };
        if self.finder.is_some() || self.all.iter().any(may_stand) {
            Verdict::Depends
        } else {
            Verdict::Never
        }
    }
}

/// Where a text stands at a place of a view.
pub(crate) fn find(place: Place, cased: bool, text: &[u8], view: &[u8]) -> Option<Range<usize>> {
    let same = |part: &[u8]| {
        if cased {
            part == text
        } else {
            part.eq_ignore_ascii_case(text)
        }
    };
    let range = match place {
        Place::Whole => 0..view.len(),
        Place::End => view.len().checked_sub(text.len())?..view.len(),
        Place::Start => 0..text.len(),
        // Of a text, since no rule asks for an empty one.
        Place::Anywhere if text.is_empty() => 0..0,
        Place::Anywhere => {
            let start = view.windows(text.len().max(1)).position(same)?;
            start..start + text.len()
        }
    };
    view.get(range.clone()).is_some_and(same).then_some(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(place: Place, cased: bool, texts: &[&str], view: &str) -> Option<Range<usize>> {
        let texts = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
        Texts::new(place, cased, texts)
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
