//! Small numbers, of which few are in a set that is asked often and emptied for each event.

/// A set of small numbers, of which few are in it.
#[derive(Debug, Default)]
pub(crate) struct NumberSet {
    words: Vec<u64>,
    numbers: Vec<u32>,
}

impl NumberSet {
    pub(crate) fn extend(&mut self, numbers: &[u32]) {
        for number in numbers {
            let word = (number / u64::BITS) as usize;
            if self.words.len() <= word {
                self.words.resize(word + 1, 0);
            }
            if let Some(word) = self.words.get_mut(word) {
                *word |= 1 << (number % u64::BITS);
            }
            self.numbers.push(*number);
        }
    }

    pub(crate) fn contains(&self, number: u32) -> bool {
        let word = self.words.get((number / u64::BITS) as usize);
        word.is_some_and(|word| word & (1 << (number % u64::BITS)) != 0)
    }

    pub(crate) fn clear(&mut self) {
        for number in self.numbers.drain(..) {
            if let Some(word) = self.words.get_mut((number / u64::BITS) as usize) {
                *word = 0;
            }
        }
    }
}
