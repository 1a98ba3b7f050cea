//! How many networks are usual: the mean of the hours' highest counts, in which an old hour matters less
//! and less.
//!
//! An hour in which a scan was told teaches nothing: who keeps at it does not become usual.

use crate::state::{Input, Kept};

/// So many hours make up most of the mean: a day, since nights differ from days.
const HOURS: i64 = 24;

/// No hour is so far from 1970.
const FAR: i64 = 1 << 40;

/// What is usual, learned hour by hour.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Usual {
    /// The number of the present hour of event time.
    hour: i64,
    /// The highest count in it.
    highest: u32,
    was_told: bool,
    mean: f64,
    /// How many hours the mean is of.
    hours: i64,
}

impl Usual {
    /// Where nothing happened for so many hours before the present one.
    pub(super) const fn new(hour: i64, hours: i64) -> Self {
        Self {
            hour,
            highest: 0,
            was_told: false,
            mean: 0.0,
            hours,
        }
    }

    /// Notes a count in an hour; an hour that is over already is not looked at again.
    pub(super) fn see(&mut self, hour: i64, count: u32) {
        if hour > self.hour {
            let highest = f64::from(self.highest);
            let highest = if self.was_told {
                highest.min(self.mean)
            } else {
                highest
            };
            self.hours = self.hours.saturating_add(1);
            self.mean += (highest - self.mean) / self.hours.min(HOURS) as f64;
            let quiet = (hour - self.hour - 1).min(i64::from(i32::MAX));
            self.hours = self.hours.saturating_add(quiet);
            self.mean *= (1.0 - 1.0 / HOURS as f64).powi(quiet as i32);
            (self.hour, self.highest, self.was_told) = (hour, 0, false);
        }
        self.highest = self.highest.max(count);
    }

    /// Notes that a scan was told in the present hour.
    pub(super) const fn note_told(&mut self) {
        self.was_told = true;
    }

    /// How many are usual in an hour.
    pub(super) const fn mean(&self) -> f64 {
        self.mean
    }
}

impl Kept for Usual {
    fn write(&self, out: &mut Vec<u8>) {
        self.hour.write(out);
        self.highest.write(out);
        out.push(u8::from(self.was_told));
        self.mean.write(out);
        self.hours.write(out);
    }

    fn read(input: &mut Input<'_>) -> Option<Self> {
        Some(Self {
            hour: i64::read(input).filter(|hour| (-FAR..FAR).contains(hour))?,
            highest: u32::read(input)?,
            was_told: match input.byte()? {
                0 => false,
                1 => true,
                _ => return None,
            },
            mean: input.weight()?,
            hours: i64::read(input).filter(|hours| (0..FAR).contains(hours))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_every_hour_is_usual_and_fades_when_it_stops() {
        let mut usual = Usual::new(0, 6);
        for hour in 0..100 {
            usual.see(hour, 3);
            usual.see(hour, 10);
        }
        assert!((9.0..=10.0).contains(&usual.mean()), "{}", usual.mean());
        usual.see(200, 0);
        assert!(usual.mean() < 0.3, "{}", usual.mean());
    }

    #[test]
    fn one_loud_hour_after_a_long_quiet_hardly_matters_and_one_that_was_told_not_at_all() {
        let mut usual = Usual::new(0, 1_000);
        usual.see(0, 48);
        usual.see(1, 0);
        assert!((usual.mean() - 2.0).abs() < 1e-9, "{}", usual.mean());
        let mut usual = Usual::new(0, 1_000);
        usual.see(0, 48);
        usual.note_told();
        usual.see(1, 0);
        assert!(usual.mean() < 1e-9, "{}", usual.mean());
    }
}
