//! Which networks are known as visitors: how many of their requests fitted lately.
//!
//! What: a count-min sketch of fixed size. Input: hashes of networks. Output: an estimate of the
//! requests that fitted, too high for one in ten at worst. Limits: counts end at [`MOST`]; once a third of
//! the places is taken all are halved, so that who has not come for long is forgotten first.

use serde::{Deserialize, Serialize};

/// Places of the sketch.
const PLACES: usize = 1 << 16;
/// The highest count.
pub(super) const MOST: u8 = 56;
/// Counts are written as the characters from here on, none of which JSON has to escape.
const FIRST: u8 = b'#';

/// How many fitting requests each network has made lately, in 64 KiB.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Regulars {
    /// Empty until somebody came.
    counts: Vec<u8>,
    taken: usize,
}

impl Regulars {
    const fn places(network: u64) -> [usize; 2] {
        [network as usize % PLACES, (network >> 24) as usize % PLACES]
    }

    /// Counts so many fitting requests of a network.
    pub(super) fn see(&mut self, network: u64, requests: u32) {
        if self.counts.is_empty() {
            self.counts.resize(PLACES, 0);
        }
        let requests = u8::try_from(requests).unwrap_or(MOST);
        let count = self.count(network).saturating_add(requests).min(MOST);
        for place in Self::places(network) {
            if let Some(mine) = self.counts.get_mut(place) {
                self.taken += usize::from(*mine == 0 && count > 0);
                *mine = count.max(*mine);
            }
        }
        if self.taken * 3 >= PLACES {
            self.halve();
        }
    }

    /// About how many fitting requests a network has made lately, up to [`MOST`].
    pub(super) fn count(&self, network: u64) -> u8 {
        let counts = Self::places(network).map(|place| self.counts.get(place).copied());
        counts.into_iter().flatten().min().unwrap_or_default()
    }

    fn halve(&mut self) {
        for count in &mut self.counts {
            *count /= 2;
        }
        self.taken = self.counts.iter().filter(|count| **count > 0).count();
    }
}

/// Saved counts that are none.
#[derive(Debug, thiserror::Error)]
#[error("the counts of visitors are not understood")]
pub(super) struct NoRegulars;

impl TryFrom<String> for Regulars {
    type Error = NoRegulars;

    fn try_from(text: String) -> Result<Self, NoRegulars> {
        if !text.is_empty() && text.len() != PLACES {
            return Err(NoRegulars);
        }
        let counts = text.bytes().map(|byte| {
            let count = byte.checked_sub(FIRST).filter(|count| *count <= MOST);
            count.ok_or(NoRegulars)
        });
        let counts: Vec<u8> = counts.collect::<Result<_, _>>()?;
        let taken = counts.iter().filter(|count| **count > 0).count();
        Ok(Self { counts, taken })
    }
}

impl From<Regulars> for String {
    fn from(regulars: Regulars) -> Self {
        let counts = regulars.counts.iter();
        counts.map(|count| char::from(FIRST + count)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::who::hash;

    #[test]
    fn who_came_is_known_and_others_hardly_ever() {
        let mut regulars = Regulars::default();
        for network in 0..5_000 {
            regulars.see(hash(network), 1 + (network % 3) as u32);
        }
        for network in 0..5_000 {
            assert!(regulars.count(hash(network)) > (network % 3) as u8);
        }
        let strangers = (10_000..20_000).filter(|one| regulars.count(hash(*one)) > 0);
        assert!(strangers.count() < 400);
    }

    #[test]
    fn on_a_busy_site_who_came_last_is_known() {
        let mut regulars = Regulars::default();
        for network in 0..1_000_000 {
            regulars.see(hash(network), 2);
        }
        let lately = (999_000..1_000_000).filter(|one| regulars.count(hash(*one)) > 0);
        assert_eq!(lately.count(), 1_000);
        let strangers = (2_000_000..2_010_000).filter(|one| regulars.count(hash(*one)) > 0);
        assert!(strangers.count() < 1_500);
    }

    #[test]
    fn counts_come_back_and_what_is_none_is_refused() {
        let mut regulars = Regulars::default();
        assert_eq!(String::from(regulars.clone()), "");
        (0..900).for_each(|network| regulars.see(hash(network), 200));
        let text = String::from(regulars.clone());
        assert!(serde_json::to_string(&regulars).unwrap().len() == PLACES + 2);
        assert_eq!(Regulars::try_from(text).unwrap(), regulars);
        assert!(Regulars::try_from("###".to_owned()).is_err());
        assert!(Regulars::try_from(" ".repeat(PLACES)).is_err());
    }
}
