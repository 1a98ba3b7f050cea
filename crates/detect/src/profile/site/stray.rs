//! Paths at which nothing is: how often visitors ask for such, and which they ask for.
//!
//! What: whether a request that was refused or found nothing is one of those that visitors send, too: a link
//! that is old, a file that every browser asks for, a name that was mistyped. Input: requests to paths that
//! nothing is known of, answered 400 and above, to which no page of the site leads. Output: how probable each [`Stray`] is on this site. Limits:
//! of paths and endings those that few have asked for are forgotten first.

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use super::MAX_ENDINGS;
use super::room::entry;
use super::verdict::FOUND_BY;
use crate::profile::ending::{ending, is_file};
use crate::profile::options::Trust;
use crate::profile::seen::{Origin, Request};
use crate::profile::segment::segments;
use crate::profile::witness::{Lesson, Novelty, Witness};
use crate::profile::writing::{Writing, is_plain};

/// What browsers, crawlers and mail programs ask any site for, whether it is there or not.
const ERRANDS: [&[u8]; 9] = [
    b"robots.txt",
    b"ads.txt",
    b"app-ads.txt",
    b"humans.txt",
    b"security.txt",
    b"browserconfig.xml",
    b"crossdomain.xml",
    b"opensearch.xml",
    b"apple-app-site-association",
];
/// The same by how they begin and end.
const KINDS_OF_ERRANDS: [[&[u8]; 2]; 6] = [
    [b"favicon", b".ico"],
    [b"favicon", b".png"],
    [b"favicon", b".svg"],
    [b"apple-touch-icon", b".png"],
    [b"sitemap", b".xml"],
    [b"sitemap", b".xml.gz"],
];
/// Their paths are short.
const LONGEST_ERRAND: usize = 80;
/// A folder of these.
const WELL_KNOWN: &[u8] = b".well-known";

/// Whether a path is one of those that programs ask any site for, and nothing but that.
pub(super) fn is_errand(path: &[u8]) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/-_.".contains(byte);
    let last = segments(path).last().unwrap_or_default();
    let is_one = segments(path).next() == Some(WELL_KNOWN)
        || ERRANDS.contains(&last)
        || KINDS_OF_ERRANDS
            .iter()
            .any(|[begin, end]| last.starts_with(begin) && last.ends_with(end));
    is_one && path.len() <= LONGEST_ERRAND && path.iter().all(is_plain)
}

/// Whether a request is judged as a stray, if nothing is known of its path, and says how usual these are. Where a
/// page of the site leads there, it is the site's own fault; and as anybody can say so of any path, whoever does
/// must not make strays usual for those who do not.
pub(super) fn counts_as_stray(request: &Request<'_>) -> bool {
    request.origin() != Origin::Here && !is_errand(request.path())
}

/// Whether a name begins with a point, as those of files do that are not shown.
fn is_hidden(path: &[u8]) -> bool {
    segments(path).any(|part| part.starts_with(b"."))
}

/// What is strange about a path at which nothing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stray {
    /// Hardly anybody has asked for it.
    Path,
    /// Nor for anything in the folder that it begins with.
    Folder,
    /// A file of a kind that hardly anybody has asked for.
    File,
    /// A name that begins with a point, as those of files do that are not shown.
    Hidden,
}

impl Stray {
    pub(super) const ALL: [Self; 4] = [Self::Path, Self::Folder, Self::File, Self::Hidden];

    /// How strong a sign it is that visitors show once in a thousand requests to the site.
    pub(super) const fn weight(self) -> f64 {
        match self {
            // Pages are taken away every day, and mistyped.
            Self::Path | Self::Folder => 4.2,
            Self::File | Self::Hidden => 5.0,
        }
    }

    /// What is said of it.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Path => "hardly anybody asked for what is not there",
            Self::Folder => "hardly anybody asked for a folder that is not there",
            Self::File => "hardly anybody asked for a file of a kind that is not there",
            Self::Hidden => "hardly anybody asked for a name that begins with a point",
        }
    }
}

/// A path at which nothing is, and what the site knows of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lost<'a> {
    pub(super) path: &'a [u8],
    /// It leaves what is known with the folder that it begins with.
    pub(super) is_in_new_folder: bool,
    /// The site has other files of that ending.
    pub(super) has_known_ending: bool,
    /// When that is so of other files that are not there.
    pub(super) trust: Trust,
    /// So many networks have asked for just this.
    pub(super) shown: u32,
}

/// What was asked for and is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Strays {
    endings: HashMap<Box<str>, Witness>,
    new: [Novelty; Stray::ALL.len()],
    /// How often a name ends as nothing on the site does, and as no file does either.
    #[serde(default = "Novelty::not_begun")]
    new_endings: Novelty,
    /// How the paths are written: links are copied with a bracket or a comma that stood around them.
    #[serde(default)]
    writing: Writing,
    /// How often a name stands where others vary that is built unlike these.
    #[serde(default = "Novelty::not_begun")]
    new_forms: Novelty,
}

impl Strays {
    /// What is known where nobody took note of strays so far.
    pub(super) fn not_begun() -> Self {
        Self {
            new: std::array::from_fn(|_| Novelty::not_begun()),
            new_endings: Novelty::not_begun(),
            new_forms: Novelty::not_begun(),
            ..Self::default()
        }
    }

    fn shows(&self, stray: Stray, lost: &Lost<'_>) -> bool {
        let is_new = |last: &[u8]| {
            let seen = std::str::from_utf8(ending(last)).ok();
            let seen = seen.and_then(|name| self.endings.get(name));
            is_file(last) && seen.is_none_or(|seen| !lost.trust.trusts(seen))
        };
        match stray {
            Stray::Path => lost.shown < FOUND_BY,
            Stray::Folder => lost.is_in_new_folder && lost.shown < FOUND_BY,
            Stray::File => !lost.has_known_ending && segments(lost.path).last().is_some_and(is_new),
            Stray::Hidden => is_hidden(lost.path),
        }
    }

    /// Learns from a request to a path that is not there, the last of so many.
    pub(super) fn learn(&mut self, lost: &Lost<'_>, count: u64, by: &Lesson<'_>) {
        for stray in Stray::ALL {
            let is_new = self.shows(stray, lost);
            if let Some(new) = self.new.get_mut(stray as usize) {
                new.see(count, is_new, by);
            }
        }
        let file = segments(lost.path).last().unwrap_or_default();
        let ending = std::str::from_utf8(ending(file)).unwrap_or_default();
        let is_new = !ending.is_empty() && !is_file(file) && !lost.has_known_ending;
        self.new_endings.see(count, is_new, by);
        if let Some(seen) = entry(&mut self.endings, ending, MAX_ENDINGS, |seen| seen) {
            seen.see(by);
        }
    }

    /// Whether a path has what attacks are written with, and many have asked for such that are written alike.
    pub(super) fn is_copied(&self, path: &[u8], trust: Trust) -> bool {
        !is_plain(path) && self.writing.knows(path, trust)
    }

    /// Learns how a path is written at which nothing is, whoever leads there.
    pub(super) fn learn_writing(&mut self, path: &[u8], by: &Lesson<'_>) {
        self.writing.learn(path, by);
    }

    /// Learns whether a name in a path that is not there was built unlike others: such as visitors make up fit never.
    pub(super) fn learn_form(&mut self, is_odd: bool, count: u64, by: &Lesson<'_>) {
        self.new_forms.see_odd_too(count, is_odd, by);
    }

    /// How probable such a name is.
    pub(super) fn form(&self, (count, size): (u64, u64)) -> f64 {
        self.new_forms.probability(count, size, 0)
    }

    /// Learns whether a path that leads nowhere known has a hidden name, although it was served.
    pub(super) fn learn_served(&mut self, path: &[u8], count: u64, by: &Lesson<'_>) {
        if let Some(new) = self.new.get_mut(Stray::Hidden as usize) {
            new.see(count, is_hidden(path), by);
        }
    }

    /// How probable a hidden name is where so many requests came from so many; none where this is none.
    pub(super) fn hidden(&self, path: &[u8], (count, size): (u64, u64)) -> Option<f64> {
        let new = self.new.get(Stray::Hidden as usize)?;
        is_hidden(path).then(|| new.probability(count, size, 0))
    }

    /// What is strange about a path, and how probable that is where so many requests came from so many.
    pub(super) fn judge(
        &self,
        lost: &Lost<'_>,
        (count, size): (u64, u64),
    ) -> impl Iterator<Item = (Stray, f64)> {
        let strange = Stray::ALL.into_iter().zip(&self.new);
        let strange = strange.filter(|(stray, _)| self.shows(*stray, lost));
        strange.map(move |(stray, new)| (stray, new.probability(count, size, 0)))
    }

    /// How probable an ending is that nothing on the site has and no file, where nothing is.
    pub(super) fn new_ending(&self, (count, size): (u64, u64)) -> f64 {
        self.new_endings.probability(count, size, 0)
    }

    pub(super) fn bytes(&self) -> usize {
        let names = self.endings.keys().map(|name| name.len());
        self.endings.capacity() * size_of::<(Box<str>, Witness)>()
            + names.sum::<usize>()
            + self.writing.bytes()
    }

    pub(super) fn is_bounded(&self) -> bool {
        self.endings.len() <= MAX_ENDINGS && self.writing.is_bounded()
    }
}
