//! How values are written down: small numbers in few bytes, and nothing that is read is believed.
//!
//! Whoever reads checks what it reads: a number that no value has, a length beyond its bound or a text that
//! ends early is `None`, and nothing panics or allocates more than a small multiple of what there is.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

/// The farthest moment, in milliseconds: as far as a table's clock goes.
const FARTHEST_MS: i64 = i64::MAX >> 12;
/// So many texts are told apart while reading; then those that come again are held again.
const TEXTS: usize = 8_192;

/// What can be written down and read again.
pub(crate) trait Kept: Sized {
    /// Adds itself.
    fn write(&self, out: &mut Vec<u8>);
    /// Takes itself off the front; none where something else stands there.
    fn read(input: &mut Input<'_>) -> Option<Self>;
}

/// Bytes that are read from the front.
#[derive(Debug)]
pub(crate) struct Input<'a> {
    rest: &'a [u8],
    texts: HashSet<Arc<str>>,
}

impl<'a> Input<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            texts: HashSet::new(),
        }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// So many bytes.
    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    /// A number, up to a bound.
    pub(crate) fn number_up_to(&mut self, most: u64) -> Option<u64> {
        u64::read(self).filter(|number| *number <= most)
    }

    /// How many there are, up to a bound, where each takes a byte at least.
    pub(crate) fn count(&mut self, most: usize) -> Option<usize> {
        let most = most.min(self.rest.len());
        Some(self.number_up_to(most as u64)? as usize)
    }

    /// A number of eight bytes, for what is no small one.
    pub(crate) fn fixed(&mut self) -> Option<u64> {
        let bytes = self.take(8)?.try_into().ok()?;
        Some(u64::from_le_bytes(bytes))
    }

    /// A moment in milliseconds.
    pub(crate) fn moment(&mut self) -> Option<i64> {
        i64::read(self).filter(|at| (-FARTHEST_MS..=FARTHEST_MS).contains(at))
    }

    /// A number that can be computed with, not below zero.
    pub(crate) fn weight(&mut self) -> Option<f64> {
        f64::read(self).filter(|weight| (0.0..=f64::MAX).contains(weight))
    }

    /// A text of so many bytes at most.
    pub(crate) fn text(&mut self, most: usize) -> Option<&'a str> {
        let length = self.count(most)?;
        str::from_utf8(self.take(length)?).ok()
    }

    /// The same, one for all that read it.
    pub(crate) fn shared_text(&mut self, most: usize) -> Option<Arc<str>> {
        let text = self.text(most)?;
        if let Some(known) = self.texts.get(text) {
            return Some(Arc::clone(known));
        }
        if self.texts.len() >= TEXTS {
            self.texts.clear();
        }
        let text: Arc<str> = text.into();
        self.texts.insert(Arc::clone(&text));
        Some(text)
    }

    /// So many of a kind at most, one after the other.
    pub(crate) fn all<T>(
        &mut self,
        most: usize,
        mut read: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<VecDeque<T>> {
        let count = self.count(most)?;
        // A count is believed only as far as that costs little.
        let mut all = VecDeque::with_capacity(count.min(64));
        for _ in 0..count {
            all.push_back(read(self)?);
        }
        Some(all)
    }

    /// So many moments at most, as [`write_moments`] writes them.
    pub(crate) fn moments(&mut self, most: usize) -> Option<VecDeque<i64>> {
        let mut before = 0_i64;
        self.all(most, |input| {
            before = before.checked_add(i64::read(input)?)?;
            Some(before)
        })
    }
}

/// Writes a number of eight bytes.
pub(crate) fn write_fixed(number: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(&number.to_le_bytes());
}

/// Writes moments, each by how long after the one before it was.
pub(crate) fn write_moments<'a>(
    moments: impl ExactSizeIterator<Item = &'a i64>,
    out: &mut Vec<u8>,
) {
    (moments.len() as u64).write(out);
    let mut before = 0;
    for at in moments {
        at.wrapping_sub(before).write(out);
        before = *at;
    }
}

/// Writes what [`Input::text`] reads.
pub(crate) fn write_text(text: &str, out: &mut Vec<u8>) {
    (text.len() as u64).write(out);
    out.extend_from_slice(text.as_bytes());
}

/// Seven bits a byte, the low ones first (LEB128).
impl Kept for u64 {
    fn write(&self, out: &mut Vec<u8>) {
        let mut rest = *self;
        while rest > 0x7f {
            out.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        out.push(rest as u8);
    }

    fn read(input: &mut Input<'_>) -> Option<Self> {
        let mut number = 0;
        for shift in (0..Self::BITS).step_by(7) {
            let byte = input.byte()?;
            let bits = Self::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                return None;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }
}

impl Kept for u32 {
    fn write(&self, out: &mut Vec<u8>) {
        u64::from(*self).write(out);
    }

    fn read(input: &mut Input<'_>) -> Option<Self> {
        u64::read(input)?.try_into().ok()
    }
}

/// Small ones of either sign in few bytes.
impl Kept for i64 {
    fn write(&self, out: &mut Vec<u8>) {
        ((*self << 1) ^ (*self >> 63)).cast_unsigned().write(out);
    }

    fn read(input: &mut Input<'_>) -> Option<Self> {
        let number = u64::read(input)?;
        Some((number >> 1).cast_signed() ^ -((number & 1).cast_signed()))
    }
}

impl Kept for f64 {
    fn write(&self, out: &mut Vec<u8>) {
        write_fixed(self.to_bits(), out);
    }

    fn read(input: &mut Input<'_>) -> Option<Self> {
        input.fixed().map(Self::from_bits)
    }
}

/// A moment that may be none.
impl Kept for Option<i64> {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.is_some()));
        if let Some(moment) = self {
            moment.write(out);
        }
    }

    fn read(input: &mut Input<'_>) -> Option<Self> {
        match input.byte()? {
            0 => Some(None),
            1 => input.moment().map(Some),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn again<T: Kept>(value: &T) -> Option<T> {
        let mut bytes = Vec::new();
        value.write(&mut bytes);
        let mut input = Input::new(&bytes);
        let read = T::read(&mut input);
        assert!(input.is_empty());
        read
    }

    proptest! {
        #[test]
        fn numbers_come_back(number in any::<u64>(), shift in 0..64_u32, real in any::<f64>()) {
            let number = number >> shift;
            prop_assert_eq!(again(&number), Some(number));
            let signed = number.cast_signed();
            prop_assert_eq!(again(&signed), Some(signed));
            prop_assert_eq!(again(&signed.saturating_neg()), Some(signed.saturating_neg()));
            prop_assert_eq!(again(&real).map(f64::to_bits), Some(real.to_bits()));
        }
    }

    #[test]
    fn what_is_no_number_or_too_much_is_none() {
        for bytes in [&[0x80][..], &[0xff; 9], &[0xff; 11], &[]] {
            assert_eq!(u64::read(&mut Input::new(bytes)), None, "{bytes:?}");
        }
        let mut bytes = Vec::new();
        u64::MAX.write(&mut bytes);
        assert_eq!(Input::new(&bytes).count(usize::MAX), None);
        assert_eq!(Input::new(&bytes).moment(), None);
        assert_eq!(u32::read(&mut Input::new(&bytes)), None);
        for real in [f64::NAN, f64::INFINITY, -1.0] {
            assert_eq!(Input::new(&real.to_bits().to_le_bytes()).weight(), None);
        }
        assert_eq!(Input::new(&[1, 0xff]).text(9), None);
        assert_eq!(Input::new(&[2, b'a', b'b']).text(1), None);
    }
}
