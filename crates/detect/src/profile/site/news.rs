//! What is new on a site and does not fit, but visitors send it all the same: the site itself has changed.
//!
//! What: which new things the first visitors have sent. Input: what does not fit of visitors of whom nothing else
//! was odd. Output: whether enough have sent a thing. Limits: so many things and visitors of each; whoever turns
//! out to send other odd things is a witness no more.

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

/// New things that are told apart.
const MAX_THINGS: usize = 256;
/// It is a change where visitors of so many networks have sent the same.
const ENOUGH: usize = 3;
/// Where much of a site changes it takes fewer.
const ENOUGH_WHERE_MUCH_CHANGES: usize = 2;

/// New things, and the networks that sent them: 0 for none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct News(HashMap<u64, [u64; ENOUGH]>);

fn count(networks: &[u64; ENOUGH]) -> usize {
    networks.iter().filter(|one| **one != 0).count()
}

impl News {
    /// A visitor's network sent a thing.
    pub(super) fn hear(&mut self, thing: u64, network: u64) {
        if self.0.len() >= MAX_THINGS && !self.0.contains_key(&thing) {
            let weakest = self.0.iter().map(|(thing, by)| (count(by), *thing)).min();
            let Some((_, weakest)) = weakest.filter(|(count, _)| *count < ENOUGH) else {
                return;
            };
            self.0.remove(&weakest);
        }
        let networks = self.0.entry(thing).or_default();
        if !networks.contains(&network)
            && let Some(free) = networks.iter_mut().find(|one| **one == 0)
        {
            *free = network;
        }
    }

    /// What a network sent is no news: something else of it was odd, too.
    pub(super) fn doubt(&mut self, network: u64) {
        for networks in self.0.values_mut() {
            for one in networks.iter_mut().filter(|one| **one == network) {
                *one = 0;
            }
        }
    }

    /// Whether enough have sent a thing to call it a change of the site.
    pub(super) fn is_change(&self, thing: u64, is_drifting: bool) -> bool {
        let enough = if is_drifting {
            ENOUGH_WHERE_MUCH_CHANGES
        } else {
            ENOUGH
        };
        self.0.get(&thing).is_some_and(|by| count(by) >= enough)
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn bytes(&self) -> usize {
        self.0.capacity() * size_of::<(u64, [u64; ENOUGH])>()
    }

    pub(super) fn is_bounded(&self) -> bool {
        self.0.len() <= MAX_THINGS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_is_a_change_until_one_of_few_witnesses_turns_out_to_send_others() {
        let mut news = News::default();
        for network in [7, 7, 8] {
            news.hear(1, network);
        }
        assert!(!news.is_change(1, false) && news.is_change(1, true));
        news.hear(1, 9);
        assert!(news.is_change(1, false));
        news.doubt(8);
        assert!(!news.is_change(1, false) && news.is_change(1, true));
    }

    #[test]
    fn what_few_sent_makes_room_and_changes_stay() {
        let mut news = News::default();
        for network in 1..=3 {
            news.hear(0, network);
        }
        for thing in 1..2_000 {
            news.hear(thing, thing);
        }
        assert!(news.is_bounded() && news.is_change(0, false));
    }
}
