//! The paths of a site as a tree, with places for what varies: `/item/123` is `/item/{number}`.
//!
//! Numbers, tokens and dates have a place of their own from the start. A place in which many clients ask for
//! ever new names is opened: what is rare in it becomes `{text}`.

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use super::branches::alike;
use super::build::Built;
use super::endpoint::Endpoint;
use super::kin::Kin;
use super::options::Trust;
use super::seen::Request;
use super::segment::{MAX_SEGMENT_BYTES, open_key, segment_key, segments};
use super::shape::Shape;
use super::value::ValueProfile;
use super::witness::{Crowd, Novelty, Witness};

/// Names in one place that are told apart.
const MAX_CHILDREN: usize = 96;
/// So many names in one place may vary: where hardly anybody else asks for most of them, they do.
const MANY_CHILDREN: usize = 32;
/// The most parts of a path; deeper ones are not learned.
pub(crate) const MAX_DEPTH: usize = 12;
/// So many branches of a kind are named.
const NAMED_BRANCHES: usize = 4;

/// One place in the tree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Node {
    seen: Witness,
    count: u64,
    crowd: Crowd,
    children: HashMap<Box<str>, Node>,
    /// What the names below look like.
    segments: Option<Box<ValueProfile>>,
    new_children: Novelty,
    overflow: Witness,
    is_open: bool,
    pub(crate) endpoint: Option<Box<Endpoint>>,
    #[serde(skip)]
    is_trusted: bool,
    #[serde(skip)]
    size: u64,
    /// It is one of several branches that are of one kind.
    #[serde(skip)]
    is_branch: bool,
    /// What is known of these together.
    #[serde(skip)]
    joint: Option<Box<Node>>,
}

/// Where a path leads.
pub(crate) enum Found<'a> {
    /// To what is known.
    Known(&'a Endpoint),
    /// Nowhere from here on.
    Unknown {
        /// The last place that is known.
        node: &'a Node,
        /// The last of those on the way below which there are names.
        named: &'a Node,
        /// The name that is not known there; none where the place itself has no page.
        segment: Option<&'a [u8]>,
        /// How many networks asked for it before.
        shown: u32,
    },
}

impl Node {
    /// Where a path leads; `strange` is told each name that stands where names vary, with the place.
    pub(crate) fn find<'a>(
        &'a self,
        path: &'a [u8],
        key: &mut String,
        mut strange: impl FnMut(&'a Self, &'a [u8]),
    ) -> Found<'a> {
        let mut node = self;
        let mut named = self;
        for segment in segments(path) {
            if node.has_names() {
                named = node;
            }
            segment_key(segment, key);
            let mut child = node.children.get(key.as_str());
            if !child.is_some_and(|child| child.is_trusted) && node.is_open {
                open_key(segment, key);
                child = node.children.get(key.as_str()).or(child);
            }
            match child {
                Some(child) if child.is_trusted => {
                    if key.starts_with('{') {
                        strange(node, segment);
                    }
                    node = node
                        .joint
                        .as_deref()
                        .filter(|_| child.is_branch)
                        .unwrap_or(child);
                }
                child => {
                    let shown = child.map_or(0, |child| child.seen.networks());
                    return Found::Unknown {
                        node,
                        named,
                        segment: Some(segment),
                        shown,
                    };
                }
            }
        }
        match &node.endpoint {
            Some(endpoint) => Found::Known(endpoint),
            None => Found::Unknown {
                node,
                named,
                segment: None,
                shown: 0,
            },
        }
    }

    /// Learns from a request below this place; `room` is how many more places there may be.
    pub(crate) fn learn(&mut self, request: &Request<'_>, trust: Trust, room: &mut usize) {
        let mut parts = segments(request.path());
        if request.was_served() {
            if segments(request.path()).take(MAX_DEPTH + 1).count() <= MAX_DEPTH {
                self.learn_served(&mut parts, request, trust, room);
            }
        } else if let Some(node) = self.existing(&mut parts)
            && let Some(endpoint) = &mut node.endpoint
        {
            endpoint.learn(request, trust, room);
        }
    }

    /// Whether a file by that name is one of a new build: beside it are those of others.
    pub(crate) fn is_of_new_build(&self, segment: &[u8]) -> bool {
        Built::of(segment).is_some_and(|built| {
            let mut known = self.children.iter().filter(|(_, one)| one.is_trusted);
            known.any(|(name, _)| Built::of(name.as_bytes()) == Some(built))
        })
    }

    /// Whether this is a file: a page with an ending, and never anything below it.
    pub(crate) fn is_leaf(&self) -> bool {
        self.endpoint.is_some()
            && !self.is_open
            && self.children.values().all(|one| !one.is_trusted)
    }

    /// The place that a path leads to, if it is there.
    fn existing<'p>(&mut self, parts: &mut impl Iterator<Item = &'p [u8]>) -> Option<&mut Self> {
        let Some(segment) = parts.next() else {
            return Some(self);
        };
        let mut key = String::new();
        self.child_key(segment, &mut key);
        self.children.get_mut(key.as_str())?.existing(parts)
    }

    /// The name under which a segment is kept here.
    fn child_key(&self, segment: &[u8], key: &mut String) {
        segment_key(segment, key);
        if self.is_open && !self.children.contains_key(key.as_str()) {
            open_key(segment, key);
        }
    }

    fn learn_served<'p>(
        &mut self,
        parts: &mut impl Iterator<Item = &'p [u8]>,
        request: &Request<'_>,
        trust: Trust,
        room: &mut usize,
    ) {
        let by = &request.lesson();
        self.seen.see(by);
        self.count = self.count.saturating_add(u64::from(by.weight));
        self.crowd.see(by.who);
        let Some(segment) = parts.next() else {
            // Of a page that hardly anybody asks for nothing is trusted: it takes no more room than its name.
            if self.seen.is_rare() {
                return;
            }
            if self.endpoint.is_none() {
                self.endpoint = Some(Box::default());
            }
            if let Some(endpoint) = &mut self.endpoint {
                endpoint.learn(request, trust, room);
            }
            return;
        };
        let profile = self
            .segments
            .get_or_insert_with(|| Box::new(ValueProfile::of_forms()));
        profile.learn((&Shape::of(segment), segment), by, trust);
        let mut key = String::new();
        self.child_key(segment, &mut key);
        let known = self.children.get(key.as_str());
        let is_new = known.is_none_or(|child| !child.is_trusted);
        self.new_children.see(self.count, is_new, by);
        if known.is_none() && !self.make_room(&mut key, request, trust, room) {
            return;
        }
        if let Some(child) = self.children.get_mut(key.as_str()) {
            child.learn_served(parts, request, trust, room);
        }
    }

    /// Makes a child of that name, and gives up a rare one for it where there are too many; `key`
    /// changes where the place is opened. False where there is no room.
    fn make_room(
        &mut self,
        key: &mut String,
        request: &Request<'_>,
        trust: Trust,
        room: &mut usize,
    ) -> bool {
        let is_full = self.children.len() >= MAX_CHILDREN;
        let is_varied = key.starts_with('{');
        if !is_varied && (is_full || self.varies()) {
            self.overflow.see(&request.lesson());
            if trust.trusts_danger(&self.overflow, self.size) {
                *room += self.open(trust);
                let name = std::mem::take(key);
                open_key(name.as_bytes(), key);
            } else if is_full {
                let Some(gone) = self.give_up_rare() else {
                    return false;
                };
                *room += gone;
            }
        }
        if !self.children.contains_key(key.as_str()) {
            let Some(left) = room.checked_sub(1) else {
                return false;
            };
            *room = left;
            self.children.insert(key.as_str().into(), Self::default());
        }
        true
    }

    /// Whether most names here are ones that hardly anybody else has asked for.
    fn varies(&self) -> bool {
        if self.children.len() < MANY_CHILDREN {
            return false;
        }
        let rare = self.children.values().filter(|one| one.seen.is_rare());
        let rare = rare.count();
        rare >= MANY_CHILDREN && rare as u64 * 3 >= self.count
    }

    /// Gives up the name that fewest have asked for; how many places that gave back, if it is rare.
    fn give_up_rare(&mut self) -> Option<usize> {
        let names = self.children.iter();
        let (name, weakest) = names.min_by_key(|(_, one)| one.seen.networks())?;
        if weakest.seen.networks() >= 3 {
            return None;
        }
        let name = name.clone();
        self.children.remove(&name).map(|gone| gone.places())
    }

    /// Names vary here: those that are rare become one. The number of places that this gave back.
    fn open(&mut self, trust: Trust) -> usize {
        let before = self.places();
        self.is_open = true;
        let rare: Vec<Box<str>> = self
            .children
            .iter()
            .filter(|(name, one)| !name.starts_with('{') && !trust.trusts(&one.seen))
            .map(|(name, _)| name.clone())
            .collect();
        let mut key = String::new();
        for name in rare {
            let Some(child) = self.children.remove(&name) else {
                continue;
            };
            open_key(name.as_bytes(), &mut key);
            self.children
                .entry(key.as_str().into())
                .or_default()
                .add(child);
        }
        before.saturating_sub(self.places())
    }

    /// Gives up all names that hardly anybody has asked for, of parameters too: where anything is answered, there is
    /// no end of them.
    pub(crate) fn prune(&mut self) {
        self.children.retain(|_, one| !one.seen.is_rare());
        if let Some(endpoint) = &mut self.endpoint {
            endpoint.prune();
        }
        for child in self.children.values_mut() {
            child.prune();
        }
    }

    fn add(&mut self, other: Self) {
        self.seen.add(&other.seen);
        self.count = self.count.saturating_add(other.count);
        self.crowd.add(&other.crowd);
        self.new_children.add(&other.new_children);
        self.overflow.add(&other.overflow);
        self.is_open |= other.is_open;
        match (&mut self.segments, other.segments) {
            (Some(mine), Some(theirs)) => mine.add(&theirs),
            (mine @ None, theirs) => *mine = theirs,
            (Some(_), None) => {}
        }
        match (&mut self.endpoint, other.endpoint) {
            (Some(mine), Some(theirs)) => mine.add(&theirs),
            (mine @ None, theirs) => *mine = theirs,
            (Some(_), None) => {}
        }
        for (name, child) in other.children {
            if let Some(mine) = self.children.get_mut(&name) {
                mine.add(child);
            } else if self.children.len() < MAX_CHILDREN {
                self.children.insert(name, child);
            }
        }
    }

    /// How many places there are, this one among them, and parameters.
    pub(crate) fn places(&self) -> usize {
        let here = self.endpoint.as_ref().map_or(0, |one| one.places());
        1 + here + self.children.values().map(Self::places).sum::<usize>()
    }

    /// Works out what is trusted.
    pub(crate) fn settle(&mut self, trust: Trust) {
        self.settle_pages(trust);
        self.join_branches(trust);
    }

    /// Finds the branches that are of one kind, here and below, and what is known of them together.
    fn join_branches(&mut self, trust: Trust) {
        let trusted = self.children.iter().filter(|(_, one)| one.is_trusted);
        let alike = alike(trusted.map(|(name, one)| (&**name, one)));
        for (name, child) in &mut self.children {
            child.is_branch = alike.contains(name);
            if child.is_branch {
                let joint = self.joint.get_or_insert_default();
                joint.add(child.clone());
            } else {
                child.join_branches(trust);
            }
        }
        if let Some(joint) = &mut self.joint {
            joint.settle(trust);
        }
    }

    fn settle_pages(&mut self, trust: Trust) {
        self.size = self.crowd.size();
        self.is_branch = false;
        self.joint = None;
        if let Some(segments) = &mut self.segments {
            segments.settle(trust);
        }
        if let Some(endpoint) = &mut self.endpoint {
            endpoint.settle(trust);
        }
        let mut kin = Kin::default();
        for child in self.children.values_mut() {
            child.is_trusted = trust.trusts(&child.seen);
            child.settle_pages(trust);
            if let Some(page) = child.endpoint.as_ref().filter(|_| child.is_trusted) {
                page.join(&mut kin);
            }
        }
        if kin.is_one_kind() {
            let pages = self.children.values_mut().filter(|one| one.is_trusted);
            for page in pages.filter_map(|one| one.endpoint.as_mut()) {
                page.adopt(&kin);
            }
        }
    }

    /// How probable a name is here that only so many networks asked for before.
    pub(crate) fn probability(&self, shown: u32) -> f64 {
        self.new_children.probability(self.count, self.size, shown)
    }

    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    /// Of about how many networks it was asked for.
    pub(crate) fn networks(&self) -> u32 {
        self.seen.networks()
    }

    pub(crate) fn clients(&self) -> u64 {
        self.crowd.addresses()
    }

    pub(crate) const fn witnesses(&self) -> u64 {
        self.size
    }

    /// Whether the names below it are known.
    pub(crate) fn has_names(&self) -> bool {
        self.segments().is_some_and(ValueProfile::is_ready)
    }

    /// The places below it that are known.
    pub(crate) fn trusted_children(&self) -> impl Iterator<Item = &Self> {
        self.children.values().filter(|one| one.is_trusted)
    }

    pub(crate) fn segments(&self) -> Option<&ValueProfile> {
        self.segments.as_deref()
    }

    /// Calls `each` with the template and the node of every trusted path that has a page.
    pub(crate) fn endpoints<'a>(
        &'a self,
        template: &str,
        each: &mut dyn FnMut(&str, &'a Endpoint),
    ) {
        if let Some(endpoint) = &self.endpoint {
            each(if template.is_empty() { "/" } else { template }, endpoint);
        }
        let mut branches: Vec<&str> = Vec::new();
        for (name, child) in &self.children {
            if child.is_branch && child.is_trusted {
                branches.push(name);
            } else if child.is_trusted {
                child.endpoints(&format!("{template}/{name}"), each);
            }
        }
        if let Some(joint) = &self.joint {
            branches.sort_unstable();
            let more = if branches.len() > NAMED_BRANCHES {
                "|…"
            } else {
                ""
            };
            branches.truncate(NAMED_BRANCHES);
            let names = branches.join("|");
            joint.endpoints(&format!("{template}/{{{names}{more}}}"), each);
        }
    }

    pub(crate) fn is_bounded(&self, depth: usize) -> bool {
        // Endings make some more places than names alone.
        depth <= MAX_DEPTH
            && self.children.len() <= 2 * MAX_CHILDREN
            && self.segments.as_ref().is_none_or(|one| one.is_bounded())
            && self.endpoint.as_ref().is_none_or(|one| one.is_bounded())
            && self
                .children
                .iter()
                .all(|(name, one)| name.len() <= 2 * MAX_SEGMENT_BYTES && one.is_bounded(depth + 1))
    }

    pub(crate) fn bytes(&self) -> usize {
        let children = self.children.iter();
        let each = children.map(|(name, one)| name.len() + one.bytes());
        self.children.capacity() * size_of::<(Box<str>, Self)>()
            + each.sum::<usize>()
            + self
                .segments
                .as_ref()
                .map_or(0, |one| size_of::<ValueProfile>() + one.bytes())
            + self.endpoint.as_ref().map_or(0, |one| one.bytes())
            + self
                .joint
                .as_ref()
                .map_or(0, |one| size_of::<Self>() + one.bytes())
    }
}
