//! One address's counts: the present period and the one before it.
//!
//! Most addresses ask for a path or two and are gone: what only the others need is kept apart, and made
//! with the third path.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use super::Window;
use super::scan::Answer;

/// Bits of the set that distinct paths are estimated from.
const PATH_BITS: usize = 512;
/// Bits of the set of paths that were tried, and how many of them are set before it begins anew.
const TRIED_BITS: usize = 128;
const TRIED_FULL: u32 = 96;

type PathSet = [u64; PATH_BITS / 64];

/// Counts within a sliding window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) requests: u32,
    pub(super) errors: u32,
    pub(super) paths: u32,
}

impl Counts {
    /// The share of errors, 0.0 to 1.0.
    pub(super) fn error_ratio(self) -> f64 {
        if self.requests == 0 {
            0.0
        } else {
            f64::from(self.errors) / f64::from(self.requests)
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Period {
    requests: u32,
    errors: u32,
}

impl Period {
    const EMPTY: Self = Self {
        requests: 0,
        errors: 0,
    };
}

/// What is counted for one address.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    /// The number of the present period: event time divided by the period's length.
    period: i64,
    present: Period,
    before: Period,
    /// The odds that it tries names, as their logarithm.
    odds: f32,
    /// The first two paths, as hashes that are not 0.
    first: [u16; 2],
    more: Option<Box<More>>,
}

/// What is kept of an address that asked for more than two paths.
#[derive(Clone, Debug)]
struct More {
    /// The paths of the present period.
    paths: PathSet,
    /// The paths that were ever tried.
    tried: [u64; TRIED_BITS / 64],
    /// Event time from which each window may fire again.
    quiet_until: [i64; Window::ALL.len()],
}

impl More {
    const EMPTY: Self = Self {
        paths: [0; PATH_BITS / 64],
        tried: [0; TRIED_BITS / 64],
        quiet_until: [i64::MIN; Window::ALL.len()],
    };

    /// Notes a path; whether it is tried for the first time.
    fn note(&mut self, path: u16) -> bool {
        let path = usize::from(path);
        set(&mut self.paths, path % PATH_BITS);
        let filled: u32 = self.tried.iter().map(|word| word.count_ones()).sum();
        if filled >= TRIED_FULL {
            self.tried = [0; TRIED_BITS / 64];
        }
        set(&mut self.tried, path / PATH_BITS)
    }
}

/// Sets a bit; whether it was not set.
fn set(words: &mut [u64], bit: usize) -> bool {
    let Some(word) = words.get_mut(bit / 64) else {
        return false;
    };
    let mask = 1 << (bit % 64);
    let is_new = *word & mask == 0;
    *word |= mask;
    is_new
}

impl Cell {
    pub(super) const fn new() -> Self {
        Self {
            period: i64::MIN,
            present: Period::EMPTY,
            before: Period::EMPTY,
            odds: 0.0,
            first: [0; 2],
            more: None,
        }
    }

    /// Moves on to the period of an event; false when that is over already.
    pub(super) fn advance(&mut self, at: i64, length: i64) -> bool {
        let period = at.div_euclid(length);
        if period > self.period {
            self.before = if period == self.period.saturating_add(1) {
                self.present
            } else {
                Period::EMPTY
            };
            self.present = Period::EMPTY;
            if let Some(more) = &mut self.more {
                more.paths = [0; PATH_BITS / 64];
            }
            self.period = period;
        }
        // An event of the period before is late within the bound: it counts in the present one.
        period >= self.period - 1
    }

    /// Counts one request, with the path that it is for if that counts.
    pub(super) fn count(&mut self, error: bool, path: Option<&[u8]>, answer: Option<Answer>) {
        self.present.requests = self.present.requests.saturating_add(1);
        if error {
            self.present.errors = self.present.errors.saturating_add(1);
        }
        let Some(path) = path else {
            return;
        };
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(path);
        if self.is_new((hash as u16).max(1))
            && let Some(answer) = answer
        {
            self.odds = answer.after(self.odds);
        }
    }

    /// Whether a path is asked for the first time.
    fn is_new(&mut self, path: u16) -> bool {
        if let Some(more) = &mut self.more {
            return more.note(path);
        }
        if self.first.contains(&path) {
            return false;
        }
        if let Some(free) = self.first.iter_mut().find(|free| **free == 0) {
            *free = path;
            return true;
        }
        self.more_mut().note(path)
    }

    fn more_mut(&mut self) -> &mut More {
        let first = self.first;
        self.more.get_or_insert_with(|| {
            let mut more = Box::new(More::EMPTY);
            for path in first.into_iter().filter(|path| *path != 0) {
                more.note(path);
            }
            more
        })
    }

    /// The odds that the address tries names, as their logarithm.
    pub(super) const fn odds(&self) -> f32 {
        self.odds
    }

    /// Starts the test of whether it tries names anew.
    pub(super) const fn test_anew(&mut self) {
        self.odds = 0.0;
    }

    /// The counts within one period's length before `at`.
    pub(super) fn sliding(&self, at: i64, length: i64) -> Counts {
        let into = at.rem_euclid(length) as f64 / length as f64;
        let into = if at.div_euclid(length) < self.period {
            0.0
        } else {
            into
        };
        let weigh = |count: u32| (f64::from(count) * (1.0 - into)) as u32;
        Counts {
            requests: self
                .present
                .requests
                .saturating_add(weigh(self.before.requests)),
            errors: self
                .present
                .errors
                .saturating_add(weigh(self.before.errors)),
            paths: match &self.more {
                Some(more) => distinct(&more.paths),
                None => self.first.iter().filter(|path| **path != 0).count() as u32,
            },
        }
    }

    /// Whether a window that crossed its limit may say so; if yes it is quiet for a period.
    pub(super) fn may_fire(&mut self, window: usize, at: i64, length: i64) -> bool {
        let Some(until) = self.more_mut().quiet_until.get_mut(window) else {
            return false;
        };
        if at < *until {
            return false;
        }
        *until = at.saturating_add(length);
        true
    }
}

/// How many different members a set saw, by linear counting (Whang et al., 1990): `−m·ln(empty/m)`.
fn distinct(set: &PathSet) -> u32 {
    let filled: u32 = set.iter().map(|word| word.count_ones()).sum();
    let size = PATH_BITS as f64;
    let empty = (size - f64::from(filled)).max(1.0);
    (-size * (empty / size).ln()).round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distinct_counts_are_close() {
        for wanted in [1u32, 10, 100, 300] {
            let mut cell = Cell::new();
            cell.advance(0, 1_000);
            for n in 0..wanted {
                for _ in 0..3 {
                    cell.count(false, Some(format!("/page/{n}").as_bytes()), None);
                }
            }
            let counted = cell.sliding(0, 1_000).paths;
            assert!(
                counted.abs_diff(wanted) <= 2 + wanted / 7,
                "{wanted} counted as {counted}"
            );
        }
    }

    #[test]
    fn the_period_before_fades() {
        let mut cell = Cell::new();
        cell.advance(0, 1_000);
        for _ in 0..100 {
            cell.count(true, None, None);
        }
        assert!(cell.advance(1_500, 1_000));
        assert_eq!(cell.sliding(1_500, 1_000).requests, 50);
        assert!(cell.advance(3_000, 1_000));
        assert_eq!(cell.sliding(3_000, 1_000).requests, 0);
        assert!(!cell.advance(1_000, 1_000));
    }

    #[test]
    fn an_address_that_comes_once_is_small() {
        assert!(size_of::<Cell>() <= 40, "{}", size_of::<Cell>());
    }
}
