//! Branches of one kind: `/de/search` and `/fr/search`, `/acme/issues` and `/initech/issues`, where the same
//! pages lie below several names.
//!
//! What: which branches at one place of the tree are alike, and all of these as one tree, so that what is new
//! or odd on a page need not be learned anew under each name. Input: the branches, of which it is known what
//! is trusted. Output: [`Node`] as if all had one name. Limits: it is made anew whenever a site is settled, and
//! takes no more memory than the branches do.

use hashbrown::{HashMap, HashSet};

use super::endpoint::Endpoint;
use super::tree::Node;

/// So many branches make a kind, and so many of them have a page that is shared.
const LEAST: usize = 3;
/// So many shared pages below it make a branch, which may be no page itself; one in which names vary is as
/// good as many.
const LEAST_PAGES: usize = 2;

/// The pages of a branch by their paths below it; that of its own page is `/`.
type Pages<'a> = HashMap<String, &'a Endpoint>;

/// What is known of a page that several branches may have.
#[derive(Default)]
struct Page<'a> {
    branches: usize,
    names: HashSet<&'a str>,
    /// The most names that it takes in one branch.
    most_names: usize,
}

impl<'a> Page<'a> {
    fn add(&mut self, page: &'a Endpoint) {
        self.branches += 1;
        self.most_names = self.most_names.max(page.trusted_names().count());
        self.names.extend(page.trusted_names());
    }

    fn is_shared(&self) -> bool {
        self.branches >= LEAST
    }
}

/// How many pages these are at least.
fn weight<'a>(paths: impl Iterator<Item = &'a String>) -> usize {
    paths.map(|path| 1 + usize::from(path.contains('{'))).sum()
}

/// The names of those branches that are of one kind; none where too few are.
pub(super) fn alike<'a>(branches: impl Iterator<Item = (&'a str, &'a Node)>) -> Vec<Box<str>> {
    let branches: Vec<(&str, Pages<'a>)> = branches
        .map(|(name, branch)| {
            let mut pages = Pages::new();
            branch.endpoints("", &mut |template, page| {
                pages.insert(template.to_owned(), page);
            });
            (name, pages)
        })
        .filter(|(_, pages)| weight(pages.keys()) >= LEAST_PAGES)
        .collect();
    if branches.len() < LEAST {
        return Vec::new();
    }
    let mut all: HashMap<&str, Page<'a>> = HashMap::new();
    for (path, page) in branches.iter().flat_map(|(_, pages)| pages) {
        all.entry(path).or_default().add(page);
    }
    let is_shared = |path: &str| all.get(path).is_some_and(Page::is_shared);
    let is_alike = |pages: &Pages<'_>| {
        let shared = pages.keys().filter(|path| is_shared(path));
        let below = weight(shared.clone().filter(|path| *path != "/"));
        below >= LEAST_PAGES && shared.count() * 4 >= pages.len() * 3
    };
    // Pages of one name that take other things each are none of one kind.
    let shared = || all.values().filter(|page| page.is_shared());
    let names: usize = shared().map(|page| page.names.len()).sum();
    let most_names: usize = shared().map(|page| page.most_names).sum();
    let found = branches.iter().filter(|(_, pages)| is_alike(pages));
    let found: Vec<Box<str>> = found.map(|(name, _)| (*name).into()).collect();
    if found.len() < LEAST || names * 2 > most_names * 3 {
        return Vec::new();
    }
    found
}
