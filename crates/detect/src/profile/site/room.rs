//! Maps of a bounded size, in which what few networks have shown makes room for others.

use std::hash::Hash;

use hashbrown::HashMap;

use crate::profile::seen::Request;
use crate::profile::witness::Witness;

/// What is kept under a name, made if there is room.
pub(super) fn entry<'a, T: Default>(
    all: &'a mut HashMap<Box<str>, T>,
    name: &str,
    most: usize,
    seen: impl Fn(&T) -> &Witness,
) -> Option<&'a mut T> {
    if !all.contains_key(name) {
        if !make_room(all, most, seen) {
            return None;
        }
        all.insert(name.into(), T::default());
    }
    all.get_mut(name)
}

/// Counts who sent a thing, if there is room.
pub(super) fn count(
    all: &mut HashMap<u64, Witness>,
    thing: u64,
    most: usize,
    request: &Request<'_>,
) {
    if all.contains_key(&thing) || make_room(all, most, |seen| seen) {
        all.entry(thing).or_default().see(&request.lesson());
    }
}

/// Gives up something rare where there are too many; false where nothing is.
fn make_room<K: Clone + Eq + Hash + Ord, T>(
    all: &mut HashMap<K, T>,
    most: usize,
    seen: impl Fn(&T) -> &Witness,
) -> bool {
    if all.len() < most {
        return true;
    }
    let weakest = all.iter().map(|(key, one)| (seen(one).networks(), key));
    let weakest = weakest.min().filter(|(networks, _)| *networks < 3);
    let weakest = weakest.map(|(_, key)| key.clone());
    weakest.is_some_and(|key| all.remove(&key).is_some())
}
