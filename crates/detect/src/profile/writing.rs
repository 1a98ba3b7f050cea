//! How visitors write what attacks are written with: an apostrophe between two letters, a bracket before a digit.
//!
//! What: what stands to the left and the right of each such sign in texts that people type, by how many have
//! written it so. Input: values of parameters that take any text. Output: whether a value is written as visitors
//! of the site write. Limits: there are some four hundred such ways, all of which are kept.

use serde::{Deserialize, Serialize};

use super::class;
use super::options::Trust;
use super::witness::{Lesson, Witness};

/// What stands beside a sign.
const NOTHING: u16 = 0;
const DIGIT: u16 = 1;
const LETTER: u16 = 2;
const BLANK: u16 = 3;
const DANGER: u16 = 4;
const SIGN: u16 = 5;

/// The ways in which such signs were written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Writing(Vec<(u16, Witness)>);

fn class_of(byte: u8) -> u8 {
    class::TABLE.get(usize::from(byte)).copied().unwrap_or(0)
}

fn beside(byte: Option<&u8>) -> u16 {
    match byte.map(|byte| class_of(*byte)) {
        None => NOTHING,
        Some(class::DIGIT) => DIGIT,
        Some(class::LOWER | class::UPPER | class::FOREIGN) => LETTER,
        Some(class::BLANK) => BLANK,
        Some(class) if class::DANGEROUS & 1 << class != 0 => DANGER,
        Some(_) => SIGN,
    }
}

/// How each of the signs in a value is written with which attacks are written.
fn ways(value: &[u8]) -> impl Iterator<Item = u16> {
    let places = value.iter().enumerate().map(|(place, byte)| {
        let class = class_of(*byte);
        let is_dangerous = class::DANGEROUS & 1 << class != 0;
        is_dangerous.then(|| {
            let before = place.checked_sub(1).and_then(|place| value.get(place));
            u16::from(class) << 6 | beside(before) << 3 | beside(value.get(place + 1))
        })
    });
    places.flatten()
}

/// Whether nothing of that is in a text.
pub(super) fn is_plain(text: &[u8]) -> bool {
    text.iter()
        .all(|byte| class::DANGEROUS & 1 << class_of(*byte) == 0)
}

impl Writing {
    /// More are none.
    const MOST: usize = 512;

    pub(super) fn learn(&mut self, value: &[u8], by: &Lesson<'_>) {
        for way in ways(value) {
            if let Some((_, seen)) = self.0.iter_mut().find(|(known, _)| *known == way) {
                seen.see(by);
            } else {
                let mut seen = Witness::default();
                seen.see(by);
                self.0.push((way, seen));
            }
        }
    }

    /// Whether all such signs in a value are written as many visitors write them.
    pub(super) fn knows(&self, value: &[u8], trust: Trust) -> bool {
        ways(value).all(|way| {
            let mut known = self.0.iter();
            known.any(|(one, seen)| *one == way && trust.trusts_danger(seen, 0))
        })
    }

    pub(super) fn bytes(&self) -> usize {
        self.0.capacity() * size_of::<(u16, Witness)>()
    }

    pub(super) fn is_bounded(&self) -> bool {
        self.0.len() <= Self::MOST
    }
}

#[cfg(test)]
mod tests {
    use super::super::options::ProfileOptions;
    use super::super::who::hash;
    use super::super::witness::Who;
    use super::*;

    /// What so many networks have written, one an hour.
    fn written(values: &[&str], networks: u64) -> Writing {
        let mut writing = Writing::default();
        for number in 0..networks {
            let who = Who {
                address: hash(number),
                network: hash(number ^ 0xabcd),
                period: number as u32,
                is_vouched: false,
            };
            let by = Lesson {
                who: &who,
                weight: 1,
                is_odd: false,
            };
            for value in values {
                writing.learn(value.as_bytes(), &by);
            }
        }
        writing
    }

    #[test]
    fn a_sign_is_usual_where_it_stands_as_others_have_written_it() {
        let trust = Trust::of(&ProfileOptions::default());
        let writing = written(&["O'Brien", "(030) 12", "Anna\t"], 40);
        for usual in ["d'Angelo", "(0351) 77", "Ben\t", "no sign"] {
            assert!(writing.knows(usual.as_bytes(), trust), "{usual}");
        }
        for strange in ["x' or 1", "'", "1'", "alert(1)", "a\tb", "O'Brien;"] {
            assert!(!writing.knows(strange.as_bytes(), trust), "{strange}");
        }
        let few = written(&["O'Brien"], 4);
        assert!(!few.knows(b"O'Brien", trust));
    }

    #[test]
    fn it_holds_no_more_than_there_are_ways() {
        let mut writing = written(&[], 0);
        let who = Who::default();
        let by = Lesson {
            who: &who,
            weight: 1,
            is_odd: false,
        };
        for number in 0..50_000 {
            writing.learn(&hash(number).to_le_bytes(), &by);
        }
        assert!(writing.is_bounded() && writing.0.len() > 100);
    }
}
