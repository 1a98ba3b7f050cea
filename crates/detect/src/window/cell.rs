//! One address's counts: the present period and the one before it.
//!
//! Most addresses ask for a path or two and are gone: what only the others need is kept apart, and made
//! with the third path.

use super::Window;
use super::scan::Answer;
use crate::profile::hash_text;
use crate::state::code::write_fixed;
use crate::state::{Input, Kept};

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
    /// How many places of the set of paths are taken.
    pub(super) path_bits: u32,
}

impl Counts {
    /// How many different paths there are.
    pub(super) fn paths(self) -> u32 {
        distinct(self.path_bits)
    }

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

/// What is counted for one address. Which period is the present one follows from when the address was
/// seen last, which the table knows.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    present: Period,
    before: Period,
    /// The odds that it tries names.
    odds: Odds,
    /// What it sent something to last, where it has asked for nothing else since.
    sent: Sent,
    /// The first two paths, as hashes that are not 0.
    first: [u16; 2],
    more: Option<Box<More>>,
}

/// The logarithm of odds, in small.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Odds(u16);

impl Odds {
    const STEP: f32 = 1.0 / 4_096.0;

    fn of(odds: f32) -> Self {
        Self((odds / Self::STEP) as u16)
    }

    fn get(self) -> f32 {
        f32::from(self.0) * Self::STEP
    }
}

/// A request with which something is sent, and how often it came in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sent {
    /// Its path, as a hash: of two that follow one another one in 256 is taken for the other.
    path: u8,
    /// The last bits of the answer's status, by which those that matter differ, and the number of times;
    /// none where that is 0.
    answer_and_times: u8,
}

impl Sent {
    /// The bits of the number of times, and the most that it tells.
    const TIMES: u8 = 0xf;

    /// Once.
    pub(super) fn new(path: &[u8], status: u16) -> Self {
        Self {
            path: (hash_text(path) >> 40) as u8,
            answer_and_times: (status as u8) << 4 | 1,
        }
    }

    const fn times(self) -> u8 {
        self.answer_and_times & Self::TIMES
    }

    /// It comes after what was sent before.
    const fn after(self, before: Self) -> Self {
        let answer = self.answer_and_times & !Self::TIMES;
        let again = before.path == self.path && before.answer_and_times & !Self::TIMES == answer;
        let times = match before.times() {
            Self::TIMES if again => Self::TIMES,
            times if again => times + 1,
            _ => 1,
        };
        Self {
            path: self.path,
            answer_and_times: answer | times,
        }
    }
}

/// What is kept of an address that asked for more than two paths.
#[derive(Clone, Debug)]
struct More {
    /// The paths of the present period.
    paths: PathSet,
    /// How many of its bits are set.
    path_bits: u32,
    /// The paths that were ever tried.
    tried: [u64; TRIED_BITS / 64],
    /// Event time from which each window may fire again.
    quiet_until: [i64; Window::ALL.len()],
}

impl More {
    const EMPTY: Self = Self {
        paths: [0; PATH_BITS / 64],
        path_bits: 0,
        tried: [0; TRIED_BITS / 64],
        quiet_until: [i64::MIN; Window::ALL.len()],
    };

    /// Notes a path; whether it is tried for the first time.
    fn note(&mut self, path: u16) -> bool {
        let path = usize::from(path);
        self.path_bits += u32::from(set(&mut self.paths, path % PATH_BITS));
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
            present: Period::EMPTY,
            before: Period::EMPTY,
            odds: Odds(0),
            sent: Sent {
                path: 0,
                answer_and_times: 0,
            },
            first: [0; 2],
            more: None,
        }
    }

    /// Moves on to the period of an event at `at`, in milliseconds like a period's `length`, where the
    /// address was seen before at `before`. How much of the present period lies before the event; none
    /// when its period is over already.
    pub(super) fn advance(&mut self, before: Option<i64>, at: i64, length: i64) -> Option<f64> {
        let period = at.div_euclid(length);
        let last = before.map_or(period, |before| before.div_euclid(length));
        if period > last {
            self.before = if period == last.saturating_add(1) {
                self.present
            } else {
                Period::EMPTY
            };
            self.present = Period::EMPTY;
            if let Some(more) = &mut self.more {
                more.paths = [0; PATH_BITS / 64];
                more.path_bits = 0;
            }
        } else if period < last {
            // An event of the period before is late within the bound: it counts in the present one.
            return (period == last - 1).then_some(0.0);
        }
        Some(at.rem_euclid(length) as f64 / length as f64)
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
        if self.is_new(((hash_text(path) >> 48) as u16).max(1))
            && let Some(answer) = answer
        {
            self.odds = Odds::of(answer.after(self.odds.get()));
        }
    }

    /// How many times in a row it will have sent this.
    pub(super) const fn tries(&self, sent: Sent) -> u8 {
        sent.after(self.sent).times()
    }

    /// Notes a request: something is sent, or something else asked for than where that went.
    pub(super) const fn note_sent(&mut self, request: Sent, sends: bool) {
        if sends {
            self.sent = request.after(self.sent);
        } else if request.path != self.sent.path {
            self.sent.answer_and_times = 0;
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

    /// Reads of all that is kept: see [`Windows::approach`](super::Windows::approach).
    pub(super) fn approach(&self) -> u32 {
        let more = self.more.as_ref();
        more.map_or(self.present.requests, |more| more.path_bits)
    }

    /// The odds that the address tries names, as their logarithm.
    pub(super) fn odds(&self) -> f32 {
        self.odds.get()
    }

    /// Starts the test of whether it tries names anew.
    pub(super) const fn test_anew(&mut self) {
        self.odds = Odds(0);
    }

    /// The counts within one period's length, where so much of the present one is over.
    pub(super) fn sliding(&self, over: f64) -> Counts {
        let weigh = |count: u32| (f64::from(count) * (1.0 - over)) as u32;
        Counts {
            requests: self
                .present
                .requests
                .saturating_add(weigh(self.before.requests)),
            errors: self
                .present
                .errors
                .saturating_add(weigh(self.before.errors)),
            path_bits: match &self.more {
                Some(more) => more.path_bits,
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

impl Kept for Period {
    fn write(&self, out: &mut Vec<u8>) {
        self.requests.write(out);
        self.errors.write(out);
    }

    fn read(input: &mut Input<'_>) -> Option<Self> {
        Some(Self {
            requests: u32::read(input)?,
            errors: u32::read(input)?,
        })
    }
}

impl Kept for Cell {
    fn write(&self, out: &mut Vec<u8>) {
        self.present.write(out);
        self.before.write(out);
        self.odds.get().to_bits().write(out);
        let first = self.first.into_iter().map(u32::from);
        first.for_each(|path| path.write(out));
        let has_sent = self.sent.times() > 0;
        out.push(u8::from(self.more.is_some()) | u8::from(has_sent) << 1);
        if has_sent {
            out.extend([self.sent.path, self.sent.answer_and_times]);
        }
        if let Some(more) = &self.more {
            let words = more.paths.iter().chain(&more.tried);
            words.for_each(|word| write_fixed(*word, out));
            for until in more.quiet_until {
                Some(until).filter(|until| *until != i64::MIN).write(out);
            }
        }
    }

    fn read(input: &mut Input<'_>) -> Option<Self> {
        let present = Period::read(input)?;
        let before = Period::read(input)?;
        let odds = f32::from_bits(u32::read(input)?);
        let mut first = [0; 2];
        for path in &mut first {
            *path = u16::try_from(u32::read(input)?).ok()?;
        }
        let has = input.byte().filter(|has| *has < 4)?;
        let mut sent = Sent::default();
        if has & 2 != 0 {
            sent.path = input.byte()?;
            sent.answer_and_times = input.byte()?;
        }
        let more = match has & 1 {
            0 => None,
            _ => Some(Box::new(More::read(input)?)),
        };
        (0.0..=f32::MAX).contains(&odds).then_some(Self {
            present,
            before,
            odds: Odds::of(odds),
            sent,
            first,
            more,
        })
    }
}

impl More {
    fn read(input: &mut Input<'_>) -> Option<Self> {
        let mut more = Self::EMPTY;
        for word in more.paths.iter_mut().chain(&mut more.tried) {
            *word = input.fixed()?;
        }
        for until in &mut more.quiet_until {
            *until = Option::read(input)?.unwrap_or(i64::MIN);
        }
        more.path_bits = more.paths.iter().map(|word| word.count_ones()).sum();
        Some(more)
    }
}

/// How many different members a set saw of which so many bits are set, by linear counting (Whang et
/// al., 1990): `−m·ln(empty/m)`.
fn distinct(filled: u32) -> u32 {
    let size = PATH_BITS as f64;
    let empty = (size - f64::from(filled)).max(1.0);
    (-size * (empty / size).ln()).round() as u32
}

/// How many bits are set at least once a set saw so many different members; none where it cannot tell
/// so many.
pub(super) fn bits_of(members: u32) -> Option<u32> {
    (0..PATH_BITS as u32).find(|filled| distinct(*filled) >= members)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distinct_counts_are_close() {
        for wanted in [1u32, 10, 100, 300] {
            let mut cell = Cell::new();
            for n in 0..wanted {
                for _ in 0..3 {
                    cell.count(false, Some(format!("/page/{n}").as_bytes()), None);
                }
            }
            let counted = cell.sliding(0.0).paths();
            assert!(bits_of(counted).is_some_and(|bits| distinct(bits) == counted));
            assert!(
                counted.abs_diff(wanted) <= 2 + wanted / 7,
                "{wanted} counted as {counted}"
            );
        }
    }

    #[test]
    fn the_period_before_fades() {
        let mut cell = Cell::new();
        for _ in 0..100 {
            cell.count(true, None, None);
        }
        let over = cell.advance(Some(0), 1_500, 1_000).unwrap();
        assert_eq!(cell.sliding(over).requests, 50);
        assert_eq!(cell.advance(Some(1_500), 700, 1_000), Some(0.0));
        assert_eq!(cell.sliding(0.0).requests, 100);
        let over = cell.advance(Some(1_500), 3_000, 1_000).unwrap();
        assert_eq!(cell.sliding(over).requests, 0);
        assert_eq!(cell.advance(Some(3_000), 1_000, 1_000), None);
    }

    #[test]
    fn what_was_sent_and_the_odds_outlive_a_restart() {
        let mut cell = Cell::new();
        for n in 0..4 {
            cell.note_sent(Sent::new(b"/login", 302), true);
            cell.count(true, Some(format!("/{n}").as_bytes()), Some(Answer::Miss));
        }
        let mut bytes = Vec::new();
        cell.write(&mut bytes);
        let restored = Cell::read(&mut Input::new(&bytes)).unwrap();
        assert_eq!(format!("{restored:?}"), format!("{cell:?}"));
        assert_eq!(restored.tries(Sent::new(b"/login", 302)), 5);
        assert!((restored.odds() - 4.0 * 8.0_f32.ln()).abs() < 0.01);
    }

    #[test]
    fn an_address_that_comes_once_is_small() {
        assert!(size_of::<Cell>() <= 32, "{}", size_of::<Cell>());
    }
}
