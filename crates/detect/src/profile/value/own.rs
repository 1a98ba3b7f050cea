//! Whether a parameter is one of its own: it takes a few values, or what machines make.

use super::ValueProfile;
use crate::profile::class;
use crate::profile::misfit::Aspect;
use crate::profile::shape::{Kind, Shape, bucket_start};

/// A value is seen often once it came so many times on average.
const OFTEN: u64 = 64;
/// The bucket of lengths from which on people do not type a value by heart: 16 bytes.
const LONG: u8 = 9;

impl ValueProfile {
    /// Whether it takes a few values only, each of them often.
    const fn takes_few(&self) -> bool {
        self.is_list() && self.count >= OFTEN * self.values.len() as u64
    }

    /// Whether what does not fit here in that way is odd although it fits elsewhere, where much more is known: here it
    /// takes a few values, or what machines make, and there anything.
    pub(crate) fn is_its_own(&self, aspect: Aspect, elsewhere: &Self) -> bool {
        let takes_few = aspect == Aspect::Value && self.takes_few();
        takes_few || self.is_made() && !elsewhere.is_made()
    }

    /// Whether values are long and as good as all of one length, as those are that machines make.
    const fn has_one_length(&self) -> bool {
        let [shortest, longest] = [self.settled.shortest, self.settled.longest];
        shortest >= LONG && longest <= shortest + 1
    }

    /// How bad it is that a value is shorter than others: what machines make is not cut off.
    pub(super) const fn weight_of_short(&self, shape: &Shape) -> f64 {
        let is_half = (shape.length as u64) * 2 < bucket_start(self.settled.shortest);
        let is_made = self.has_one_length() || self.is_made() && is_half;
        if is_made && !matches!(shape.kind, Kind::Empty) {
            6.0
        } else {
            2.5
        }
    }

    /// Whether values are too long to be typed, and neither texts nor mail addresses: machines make these, without a slip.
    pub(crate) const fn is_made(&self) -> bool {
        const TYPED: u64 = 1 << class::BLANK | 1 << class::AT | 1 << class::FOREIGN;
        self.settled.shortest >= LONG && self.settled.classes & TYPED == 0
    }
}
