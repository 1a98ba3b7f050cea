//! How many have shown something, and over how long: what makes a shape trusted.
//!
//! Both sketches are of a fixed size and can be added up: seeing the same client twice changes
//! nothing, so whoever sends a thing a million times is still one witness.

use serde::{Deserialize, Serialize};

/// Who shows something, and when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Who {
    /// A hash of the client's address; of IPv6 the first 64 bits.
    pub address: u64,
    /// A hash of the client's network: /24, of IPv6 the first 48 bits.
    pub network: u64,
    /// The period of event time that it falls in.
    pub period: u32,
    /// Somebody vouches for the line: it is a witness by itself, whoever sent it.
    pub is_vouched: bool,
}

/// What one request teaches by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lesson<'a> {
    pub(crate) who: &'a Who,
    /// For how many requests it stands.
    pub(crate) weight: u32,
    /// It does not fit: that something new is in it says nothing of how often that happens.
    pub(crate) is_odd: bool,
}

/// The networks and periods in which something was seen, in 16 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u64, u32, u32)", into = "(u64, u32, u32)")]
pub(crate) struct Witness {
    networks: u64,
    periods: u32,
    count: u32,
}

impl From<(u64, u32, u32)> for Witness {
    fn from((networks, periods, count): (u64, u32, u32)) -> Self {
        Self {
            networks,
            periods,
            count,
        }
    }
}

impl From<Witness> for (u64, u32, u32) {
    fn from(witness: Witness) -> Self {
        (witness.networks, witness.periods, witness.count)
    }
}

impl Witness {
    /// A line that is vouched for is as good as three networks.
    pub(crate) const fn see(&mut self, by: &Lesson<'_>) {
        if by.who.is_vouched {
            self.networks |= 1 << (by.who.network >> 16 & 63) | 1 << (by.who.network >> 32 & 63);
        }
        self.count_in(by);
    }

    /// The same where every line counts alike.
    const fn count_in(&mut self, by: &Lesson<'_>) {
        self.networks |= 1 << (by.who.network & 63);
        self.periods |= 1 << (by.who.period & 31);
        self.count = self.count.saturating_add(by.weight);
    }

    pub(crate) const fn add(&mut self, other: &Self) {
        self.networks |= other.networks;
        self.periods |= other.periods;
        self.count = self.count.saturating_add(other.count);
    }

    /// About how many networks, up to some two hundred.
    pub(crate) fn networks(&self) -> u32 {
        let taken = self.networks.count_ones() as usize;
        NETWORKS.get(taken).copied().unwrap_or(MOST_NETWORKS)
    }

    /// Whether hardly anybody has shown it. What several have is not news any more.
    pub(crate) const fn is_rare(&self) -> bool {
        self.networks.count_ones() < 3
    }

    /// In how many periods, up to 32.
    pub(crate) const fn periods(&self) -> u32 {
        self.periods.count_ones()
    }

    pub(crate) const fn count(&self) -> u32 {
        self.count
    }
}

/// What is said of a [`Witness`] whose places are all taken.
const MOST_NETWORKS: u32 = 266;
/// How many networks take so many of its 64 places: worked out once, as it is asked several times a request.
const NETWORKS: [u32; 65] = [
    0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 15, 16, 17, 18, 20, 21, 23, 24, 25, 27, 28, 30, 32,
    33, 35, 37, 39, 40, 42, 44, 46, 48, 51, 53, 55, 58, 60, 63, 65, 68, 71, 74, 78, 81, 85, 89, 93,
    97, 102, 107, 113, 119, 126, 133, 142, 151, 163, 177, 196, 222, 266, 266,
];

/// About how many addresses there were, within some 13 %: a HyperLogLog of 64 registers; and how many
/// lines besides that somebody vouches for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Crowd {
    registers: [u8; Self::REGISTERS],
    vouched: u64,
}

impl Default for Crowd {
    fn default() -> Self {
        Self {
            registers: [0; Self::REGISTERS],
            vouched: 0,
        }
    }
}

impl Crowd {
    const REGISTERS: usize = 64;

    pub(crate) fn see(&mut self, who: &Who) {
        let rank = (who.address >> 6).trailing_zeros().min(57) as u8 + 1;
        self.vouched += u64::from(who.is_vouched);
        if let Some(register) = self
            .registers
            .get_mut(who.address as usize & (Self::REGISTERS - 1))
        {
            *register = rank.max(*register);
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.vouched = self.vouched.saturating_add(other.vouched);
        for (mine, theirs) in self.registers.iter_mut().zip(other.registers) {
            *mine = theirs.max(*mine);
        }
    }

    /// How many count as witnesses: addresses, and lines that are vouched for.
    pub(crate) fn size(&self) -> u64 {
        self.addresses().saturating_add(self.vouched)
    }

    pub(crate) fn addresses(&self) -> u64 {
        let registers = Self::REGISTERS as f64;
        let sum: f64 = self.registers.iter().map(|rank| half_to(*rank)).sum();
        let raw = 0.709 * registers * registers / sum;
        let empty = self.registers.iter().filter(|rank| **rank < 1).count();
        let size = if raw <= 2.5 * registers && empty > 0 {
            registers * (registers / empty as f64).ln()
        } else {
            raw
        };
        size.round() as u64
    }
}

/// One half multiplied so many times with itself, at most 58 times: exact, as only the exponent differs.
const fn half_to(times: u8) -> f64 {
    const ONE: u64 = 1.0f64.to_bits();
    const MANTISSA: u32 = f64::MANTISSA_DIGITS - 1;
    f64::from_bits(ONE - ((times as u64) << MANTISSA))
}

/// A saved crowd that is none.
#[derive(Debug, thiserror::Error)]
#[error("a count of addresses is not understood")]
pub(crate) struct NoCrowd;

impl TryFrom<String> for Crowd {
    type Error = NoCrowd;

    fn try_from(text: String) -> Result<Self, NoCrowd> {
        let mut crowd = Self::default();
        let (registers, vouched) = text.split_once(' ').unwrap_or((&text, "0"));
        if registers.len() != Self::REGISTERS {
            return Err(NoCrowd);
        }
        crowd.vouched = vouched.parse().map_err(|_| NoCrowd)?;
        for (register, byte) in crowd.registers.iter_mut().zip(registers.bytes()) {
            *register = byte
                .checked_sub(FIRST)
                .filter(|rank| *rank <= 58)
                .ok_or(NoCrowd)?;
        }
        Ok(crowd)
    }
}

/// Ranks are written as the characters from here on, none of which JSON has to escape.
const FIRST: u8 = b'?';

impl From<Crowd> for String {
    fn from(crowd: Crowd) -> Self {
        let ranks = crowd.registers.iter();
        let mut text: String = ranks.map(|rank| char::from(FIRST + rank)).collect();
        if crowd.vouched > 0 {
            text.push(' ');
            text.push_str(&crowd.vouched.to_string());
        }
        text
    }
}

/// How often something new turns up, counted by networks, since the count was last doubled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Novelty {
    now: Witness,
    since: u64,
    before: u32,
    before_count: u64,
}

impl Novelty {
    /// An epoch is over at the earliest after so many.
    const SHORTEST: u64 = 32;
    /// Nothing was counted yet.
    const NOT_BEGUN: u64 = u64::MAX;

    /// One that begins to count with the first that it sees, although others came before: what was saved before
    /// there was this count says nothing of how rare a thing was till then.
    pub(crate) fn not_begun() -> Self {
        Self {
            since: Self::NOT_BEGUN,
            ..Self::default()
        }
    }

    /// Counts one of `count` so far, of which this one showed something new.
    pub(crate) fn see(&mut self, count: u64, is_new: bool, by: &Lesson<'_>) {
        if self.since == Self::NOT_BEGUN {
            self.since = count;
        }
        if count.saturating_sub(self.since) >= self.since.max(Self::SHORTEST) {
            self.before = self.now.networks();
            self.before_count = count.saturating_sub(self.since);
            self.since = count;
            self.now = Witness::default();
        }
        if is_new && !by.is_odd {
            self.now.count_in(by);
        }
    }

    /// The same where what does not fit counts as well: what visitors make up as they go fits never, and would be
    /// taken for rare for ever.
    pub(crate) fn see_odd_too(&mut self, count: u64, is_new: bool, by: &Lesson<'_>) {
        let fitting = Lesson {
            is_odd: false,
            ..*by
        };
        self.see(count, is_new, &fitting);
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.now.add(&other.now);
        self.before = self.before.max(other.before);
        self.before_count = self.before_count.max(other.before_count);
        self.since = self.since.max(other.since);
    }

    /// How probable it is that the next one shows something new, given how many came from how many
    /// addresses and how many networks showed just this before (Good and Turing's estimate).
    pub(crate) fn probability(&self, count: u64, crowd: u64, shown: u32) -> f64 {
        let now = count.saturating_sub(self.since);
        let (before, before_count) = if now < ENOUGH_NOW {
            (self.before, self.before_count)
        } else {
            (0, 0)
        };
        // Who sends the same all day is not so many visitors.
        let seen = now
            .saturating_add(before_count)
            .min(crowd.saturating_mul(PER_ADDRESS)) as f64;
        let new = f64::from(self.now.networks() + before + shown);
        ((new + 0.5) / (seen + 1.0)).min(1.0)
    }
}

/// An epoch with so many speaks for itself.
const ENOUGH_NOW: u64 = 1_024;
/// Of each address so many requests count.
pub(super) const PER_ADDRESS: u64 = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::who::hash;

    fn who(number: u64, period: u32) -> Who {
        Who {
            address: hash(number),
            network: hash(number ^ 0xabcd),
            period,
            is_vouched: false,
        }
    }

    const fn lesson(who: &Who) -> Lesson<'_> {
        Lesson {
            who,
            weight: 1,
            is_odd: false,
        }
    }

    #[test]
    fn one_client_is_one_witness_however_often_it_comes() {
        let mut witness = Witness::default();
        for _ in 0..100_000 {
            witness.see(&lesson(&who(7, 3)));
        }
        assert_eq!((witness.networks(), witness.periods()), (1, 1));
        for (clients, least, most) in [(8, 6, 9), (40, 30, 50), (5_000, 266, 266)] {
            let mut witness = Witness::default();
            for client in 0..clients {
                witness.see(&lesson(&who(client, client as u32)));
            }
            let networks = witness.networks();
            assert!((least..=most).contains(&networks), "{clients}: {networks}");
        }
    }

    #[test]
    fn what_is_worked_out_beforehand_is_right() {
        for (taken, networks) in NETWORKS.iter().enumerate().take(64) {
            let estimate = 64.0 * (64.0 / (64 - taken) as f64).ln();
            assert_eq!(*networks, estimate.round() as u32, "{taken}");
        }
        for rank in 0..=58 {
            let exact = 0.5f64.powi(i32::from(rank));
            assert_eq!(half_to(rank).to_bits(), exact.to_bits(), "{rank}");
        }
    }

    #[test]
    fn crowds_are_counted_and_come_back() {
        for clients in [3u64, 60, 3_000, 200_000] {
            let mut crowd = Crowd::default();
            (0..clients).for_each(|client| crowd.see(&who(client, 0)));
            let size = crowd.size() as f64 / clients as f64;
            assert!((0.6..1.4).contains(&size), "{clients}: {}", crowd.size());
            let text = String::from(crowd.clone());
            assert_eq!(Crowd::try_from(text).unwrap(), crowd);
        }
        let mut crowd = Crowd::default();
        let line = Who {
            is_vouched: true,
            ..who(1, 0)
        };
        (0..90).for_each(|_| crowd.see(&line));
        assert_eq!((crowd.addresses(), crowd.size()), (1, 91));
        let text = String::from(crowd.clone());
        assert_eq!(Crowd::try_from(text).unwrap(), crowd);
        assert!(Crowd::try_from("short".to_owned()).is_err());
        assert!(Crowd::try_from("~".repeat(64)).is_err());
    }

    #[test]
    fn what_was_new_at_first_is_forgotten_once_nothing_is() {
        let mut novelty = Novelty::default();
        for count in 0..200 {
            novelty.see(count, true, &lesson(&who(count, 0)));
        }
        let early = novelty.probability(200, 200, 0);
        for count in 200..5_000 {
            novelty.see(count, false, &lesson(&who(count, 0)));
        }
        let late = novelty.probability(5_000, 5_000, 0);
        assert!(early > 0.2 && late < 0.001, "{early} {late}");
        assert!(novelty.probability(5_000, 5_000, 20) > 10.0 * late);
    }
}
