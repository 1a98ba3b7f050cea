//! What a profile needs before it trusts, and how much it may hold.

use super::class;
use super::witness::{PER_ADDRESS, Witness};

/// What the profiles need to know. Times are milliseconds of event time.
#[derive(Clone, Debug, PartialEq)]
pub struct ProfileOptions {
    /// Whether requests are judged by the profiles; they learn all the same.
    pub judges: bool,
    /// A site is judged once it has learned from so many requests.
    pub min_requests: u64,
    /// And from so many addresses.
    pub min_clients: u64,
    /// And for so long.
    pub min_ms: i64,
    /// A shape is trusted once clients of so many networks have shown it; of characters that attacks
    /// are written with twice as many are needed, on a busy site up to five times as many.
    pub trust_networks: u32,
    /// And in so many different periods.
    pub trust_periods: u32,
    /// The length of a period.
    pub period_ms: i64,
    /// The largest share of requests that a profile may find odd on trial, and still be activated.
    pub max_false_alarms: f64,
    /// A larger share than this, from many networks, is a site that has changed.
    pub drift: f64,
    /// The most sites that are learned.
    pub max_sites: usize,
    /// The most paths and parameters of a site together; what comes later is not learned.
    pub max_places: usize,
    /// Once a site is judged, one in so many ordinary requests teaches.
    pub sample: u32,
    /// Somebody vouches for what is learned: each line is a witness of its own, whoever sent it and
    /// when, and what does not fit teaches at once. What a rule found teaches nothing all the same.
    pub is_vouched: bool,
}

impl Default for ProfileOptions {
    fn default() -> Self {
        Self {
            judges: true,
            min_requests: 5_000,
            min_clients: 25,
            min_ms: 6 * 3_600_000,
            trust_networks: 8,
            trust_periods: 3,
            period_ms: 3_600_000,
            max_false_alarms: 0.003,
            drift: 0.02,
            max_sites: 32,
            max_places: 4_096,
            sample: 8,
            is_vouched: false,
        }
    }
}

/// When something is trusted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trust {
    pub(crate) networks: u32,
    pub(crate) periods: u32,
    /// Letters beyond ASCII are written in another charset than UTF-8 here.
    pub(crate) is_latin1: bool,
}

/// What is dangerous needs up to so many times as many networks.
const MOST: u32 = 5;

impl Trust {
    pub(crate) fn of(options: &ProfileOptions) -> Self {
        Self {
            networks: options.trust_networks.max(1),
            periods: options.trust_periods.clamp(1, 16),
            is_latin1: false,
        }
    }

    /// The classes of a value as the site reads it.
    pub(crate) const fn read(self, classes: u64) -> u64 {
        if self.is_latin1 {
            classes & !(1 << class::INVALID)
        } else {
            classes
        }
    }

    /// Whether what was seen so often is trusted.
    pub(crate) fn trusts(self, seen: &Witness) -> bool {
        seen.networks() >= self.networks && seen.periods() >= self.periods
    }

    /// The same for what attacks are written with: of more networks, on a busy site one in a hundred,
    /// and for longer.
    pub(crate) fn trusts_danger(self, seen: &Witness, crowd: u64) -> bool {
        let least = 2 * self.networks;
        let share = u32::try_from(crowd / 100).unwrap_or(u32::MAX);
        let needed = share.clamp(least, (MOST * self.networks).max(least));
        seen.networks() >= needed && seen.periods() >= 2 * self.periods
    }
}

/// How much of a site's traffic something is, and how well it is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    /// Of the site's requests, 0.0 to 1.0.
    pub(crate) share: f64,
    /// So many times as much is new there in what people write.
    written: f64,
    /// How often what attacks are written with is new somewhere on the site, and written as elsewhere.
    usual: f64,
    /// At least so often a thing is honest.
    least: f64,
    /// Fewer addresses than this know little.
    many: f64,
}

/// So many addresses know something well, and on a small site half of all, if they are as many as this.
const WELL_KNOWN: [f64; 2] = [12.0, 40.0];

/// A part as what people write there is judged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Writing {
    pub(crate) plain: Part,
    /// What attacks are written with: in that visitors cannot be told from attackers who browse, too.
    pub(crate) dangerous: Part,
    /// How strong a sign that is.
    pub(crate) weight: f64,
}

/// The weight of what attacks are written with, and where it is written as visitors of the site write.
const DANGEROUS: f64 = 7.5;
const USUAL: f64 = 5.5;

/// In free texts what attacks are written with is taken for at most so many times as usual.
const MOST_DANGEROUS: f64 = 10.0;

impl Part {
    /// So many of the requests of a site that so many addresses have asked.
    pub(crate) fn of(count: u64, all: u64, addresses: u64) -> Self {
        let [least, most] = WELL_KNOWN;
        Self {
            share: (count as f64 / all.max(1) as f64).clamp(1e-4, 1.0),
            written: 1.0,
            usual: 0.0,
            least: 1e-9,
            many: (addresses as f64 / 2.0).clamp(least, most),
        }
    }

    /// The same on a site where so many times as much is new as on others.
    pub(crate) fn noisy(self, noise: f64) -> Self {
        Self {
            share: self.share * noise,
            ..self
        }
    }

    /// The same on a site where so many times as much is new in what people write as on others.
    pub(crate) const fn noisy_in_writing(self, written: f64, usual: f64) -> Self {
        Self {
            written,
            usual,
            ..self
        }
    }

    /// The same of what nobody writes.
    pub(crate) const fn unwritten(self) -> Self {
        Self {
            written: 1.0,
            ..self
        }
    }

    /// The same of what people write, as they like or not, in a way that is usual elsewhere or not.
    pub(crate) fn of_writing(self, is_free: bool, is_usual: bool) -> Writing {
        let dangerous = if is_free {
            self.noisy(self.written.min(MOST_DANGEROUS))
        } else {
            self
        };
        let (weight, least) = if is_usual {
            (USUAL, self.usual)
        } else {
            (DANGEROUS, self.least)
        };
        Writing {
            plain: self.noisy(self.written),
            dangerous: Self { least, ..dangerous },
            weight,
        }
    }

    /// How strong a sign is that is seen with this probability among honest requests to this part, of
    /// which so many addresses are known: 0.0 where one in ten requests to the site shows it, 1.0
    /// where one in a thousand does, 1.25 at most.
    ///
    /// What counts is how often the site's visitors would be taken for attackers by it: what is new
    /// once in a hundred requests to a page that one in a hundred asks for is rare enough.
    pub(crate) fn strength(self, probability: f64, addresses: u64) -> f64 {
        let rarely = (probability * self.share).max(self.least);
        let known = (addresses as f64 / self.many).min(1.0);
        known * ((-rarely.log10() - 1.0) / 2.0).clamp(0.0, 1.25)
    }

    /// The same of a sign that so many networks have shown among so many requests from so many
    /// addresses. Who sends the same all day is not so many visitors.
    pub(crate) fn rarity(self, shown: u32, count: u64, addresses: u64) -> f64 {
        let seen = count.min(addresses.saturating_mul(PER_ADDRESS)) as f64;
        self.strength((f64::from(shown) + 0.5) / (seen + 1.0), addresses)
    }
}
