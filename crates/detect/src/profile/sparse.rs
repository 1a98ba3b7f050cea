//! Up to 64 numbered witnesses, of which most are not there.

use serde::{Deserialize, Serialize};

use super::witness::{Lesson, Witness};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<(u8, Witness)>", into = "Vec<(u8, Witness)>")]
pub(crate) struct Sparse {
    mask: u64,
    items: Vec<Witness>,
}

impl From<Vec<(u8, Witness)>> for Sparse {
    fn from(items: Vec<(u8, Witness)>) -> Self {
        let mut sparse = Self::default();
        for (place, witness) in items {
            sparse.at(place).add(&witness);
        }
        sparse
    }
}

impl From<Sparse> for Vec<(u8, Witness)> {
    fn from(sparse: Sparse) -> Self {
        sparse.iter().map(|(place, one)| (place, *one)).collect()
    }
}

impl Sparse {
    fn rank(&self, place: u8) -> usize {
        (self.mask & ((1 << (place & 63)) - 1)).count_ones() as usize
    }

    /// The witness of that number, made if it is not there.
    fn at(&mut self, place: u8) -> &mut Witness {
        let rank = self.rank(place);
        let bit = 1 << (place & 63);
        if self.mask & bit == 0 {
            self.mask |= bit;
            self.items.insert(rank, Witness::default());
        }
        &mut self.items[rank]
    }

    pub(crate) fn get(&self, place: u8) -> Option<&Witness> {
        (self.mask & 1 << (place & 63) != 0)
            .then(|| self.items.get(self.rank(place)))
            .flatten()
    }

    /// How many networks showed that.
    pub(crate) fn networks(&self, place: u8) -> u32 {
        self.get(place).map_or(0, Witness::networks)
    }

    pub(crate) fn see(&mut self, place: u8, by: &Lesson<'_>) {
        self.at(place).see(by);
    }

    pub(crate) fn see_all(&mut self, mut places: u64, by: &Lesson<'_>) {
        while places != 0 {
            self.at(places.trailing_zeros() as u8).see(by);
            places &= places - 1;
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u8, &Witness)> {
        let places = (0..64u8).filter(|place| self.mask & 1 << place != 0);
        places.zip(&self.items)
    }

    /// The numbers of those that hold, as a mask.
    pub(crate) fn mask_of(&self, holds: impl Fn(u8, &Witness) -> bool) -> u64 {
        let holding = self.iter().filter(|(place, one)| holds(*place, one));
        holding.fold(0, |mask, (place, _)| mask | 1 << place)
    }

    /// Those of that number and above, together.
    pub(crate) fn at_least(&self, place: u8) -> Witness {
        let mut together = Witness::default();
        for (_, one) in self.iter().filter(|(one, _)| *one >= place) {
            together.add(one);
        }
        together
    }

    /// The highest number at or above which there are enough.
    pub(crate) fn highest(&self, enough: impl Fn(&Witness) -> bool) -> Option<u8> {
        let mut together = Witness::default();
        let places: Vec<_> = self.iter().collect();
        places.into_iter().rev().find_map(|(place, one)| {
            together.add(one);
            enough(&together).then_some(place)
        })
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (place, witness) in other.iter() {
            self.at(place).add(witness);
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.items.capacity() * size_of::<Witness>()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::profile::witness::Who;

    proptest! {
        #[test]
        fn each_number_has_its_own(places in proptest::collection::vec(0u8..64, 0..100)) {
            let mut sparse = Sparse::default();
            let by = Lesson { who: &Who::default(), weight: 1, is_odd: false };
            for place in &places {
                sparse.see(*place, &by);
            }
            for place in 0..64 {
                let times = places.iter().filter(|one| **one == place).count() as u32;
                prop_assert_eq!(sparse.get(place).map_or(0, Witness::count), times);
            }
            let kept = Vec::from(sparse.clone());
            prop_assert_eq!(Sparse::from(kept), sparse);
        }
    }
}
