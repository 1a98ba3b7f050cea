//! What is asked of a bucket: of how much was poured, of what, and how far apart.
//!
//! *Input*: what a bucket holds, as [`Contents`]. *Output*: whether a [`Test`] holds, or how likely it
//! makes an attack ([`Belief`]). *Limits*: [`Tally::MAX_LAST`] moments are remembered of a tally.

use crate::correlation::{Bounds, Presence};

/// What a bucket holds right after something was poured. Numbers are those since it was empty.
pub trait Contents {
    /// How many matches.
    fn poured(&self) -> u32;
    /// The references of all that was poured, as bits.
    fn held(&self) -> u64;
    /// The references of what was poured last, as bits.
    fn last(&self) -> u64;
    /// How many matches a tally has counted, by its place in the bucket's.
    fn count(&self, tally: usize) -> u32;
    /// The median of the times between its newest so many, in milliseconds; none if there are fewer.
    fn median_interval_ms(&self, tally: usize, newest: usize) -> Option<f64>;
}

/// What a bucket counts by itself for its tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Matches of these references, as bits.
    pub of: u64,
    /// So many of the newest moments are asked for.
    pub last: usize,
}

impl Tally {
    /// The most moments that may be asked for.
    pub const MAX_LAST: usize = 64;
}

/// A question; all its parts must hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Test(pub(super) Vec<Part>);

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Part {
    /// How many matches, in all.
    Poured(Bounds),
    /// How many matches of a tally.
    Counted(usize, Bounds),
    /// Which part of all matches those of a tally are, in ten-thousandths.
    Share(usize, Bounds),
    /// Which of the references were poured.
    Held(Presence),
    /// Which of the references the match poured last has.
    Last(Presence),
    /// How many milliseconds are between the newest so many of a tally.
    Paced {
        tally: usize,
        newest: usize,
        interval_ms: Bounds,
    },
}

impl Test {
    /// Whether it holds of a bucket.
    pub fn holds(&self, bucket: &impl Contents) -> bool {
        self.0.iter().all(|part| part.holds(bucket))
    }
}

impl Part {
    /// What a share is a part of.
    pub(super) const WHOLE: u64 = 10_000;

    fn holds(&self, bucket: &impl Contents) -> bool {
        match self {
            Self::Poured(bounds) => bounds.holds(f64::from(bucket.poured())),
            Self::Counted(tally, bounds) => bounds.holds(f64::from(bucket.count(*tally))),
            Self::Share(tally, bounds) => {
                let all = f64::from(bucket.poured().max(1));
                bounds.holds(f64::from(bucket.count(*tally)) * Self::WHOLE as f64 / all)
            }
            Self::Held(presence) => has(presence, bucket.held()),
            Self::Last(presence) => has(presence, bucket.last()),
            Self::Paced {
                tally,
                newest,
                interval_ms,
            } => bucket
                .median_interval_ms(*tally, *newest)
                .is_some_and(|median| interval_ms.holds(median)),
        }
    }
}

fn has(presence: &Presence, references: u64) -> bool {
    presence.holds(u64::BITS as usize, |place| {
        place < u64::BITS as usize && references >> place & 1 == 1
    })
}

/// How likely what a bucket holds makes an attack, by Bayes' rule.
///
/// It is computed anew with each match, in the order and the precision of CrowdSec.
#[derive(Clone, Debug, PartialEq)]
pub struct Belief {
    /// How likely an attack is before anything is known.
    pub prior: f32,
    /// The bucket overflows when it is likelier than this.
    pub threshold: f32,
    /// What makes it more or less likely; at most [`Belief::MAX_CONDITIONS`].
    pub conditions: Vec<Likelihood>,
}

/// How much more likely a condition is in an attack.
#[derive(Clone, Debug, PartialEq)]
pub struct Likelihood {
    /// The condition.
    pub test: Test,
    /// How likely it holds in an attack.
    pub given_evil: f32,
    /// How likely it holds else.
    pub given_benign: f32,
    /// Once it held it is taken to hold while the bucket lives.
    pub guillotine: bool,
}

impl Belief {
    /// The most conditions.
    pub const MAX_CONDITIONS: usize = 32;

    /// How likely an attack is. `settled` are the conditions with a guillotine that have held, as
    /// bits.
    pub fn posterior(&self, bucket: &impl Contents, settled: &mut u64) -> f32 {
        let mut posterior = self.prior;
        for (place, one) in self.conditions.iter().enumerate() {
            let bit = 1_u64 << (place % Self::MAX_CONDITIONS);
            let holds = one.guillotine && *settled & bit != 0 || one.test.holds(bucket);
            posterior = if holds {
                *settled |= bit;
                updated(posterior, one.given_evil, one.given_benign)
            } else {
                updated(posterior, 1.0 - one.given_evil, 1.0 - one.given_benign)
            };
        }
        posterior
    }

    /// Whether that is likely enough to overflow; what cannot be computed is not.
    pub fn overflows(&self, posterior: f32) -> bool {
        posterior > self.threshold
    }
}

fn updated(prior: f32, given_evil: f32, given_benign: f32) -> f32 {
    let evil = given_evil * prior;
    evil / (evil + given_benign * (1.0 - prior))
}

#[cfg(test)]
mod tests {
    use rsigma_parser::ConditionOperator::Gte;

    use super::*;

    struct Held(u32);

    impl Contents for Held {
        fn poured(&self) -> u32 {
            self.0
        }
        fn held(&self) -> u64 {
            0
        }
        fn last(&self) -> u64 {
            0
        }
        fn count(&self, _tally: usize) -> u32 {
            0
        }
        fn median_interval_ms(&self, _tally: usize, _newest: usize) -> Option<f64> {
            None
        }
    }

    fn belief(guillotine: bool) -> Belief {
        let from = |count, given_evil, given_benign| Likelihood {
            test: Test(vec![Part::Poured(Bounds::new(vec![(Gte, count)]))]),
            given_evil,
            given_benign,
            guillotine,
        };
        Belief {
            prior: 0.5,
            threshold: 0.8,
            conditions: vec![from(2, 0.8, 0.2), from(3, 0.9, 0.5)],
        }
    }

    /// The numbers are those of Bayes' rule, worked out by hand.
    #[test]
    fn evidence_moves_the_belief_both_ways() {
        let belief = belief(false);
        for (poured, expected) in [
            // 0.5 * 0.2 / (0.5 * 0.2 + 0.5 * 0.8) = 0.2, then 0.02 / (0.02 + 0.4)
            (1, 1.0 / 21.0),
            // 0.8, then 0.08 / (0.08 + 0.1)
            (2, 4.0 / 9.0),
            // 0.8, then 0.72 / (0.72 + 0.1)
            (3, 36.0 / 41.0),
        ] {
            let posterior = belief.posterior(&Held(poured), &mut 0);
            assert!((posterior - expected).abs() < 1e-6, "{poured}: {posterior}");
            assert_eq!(belief.overflows(posterior), poured == 3);
        }
        assert!(!belief.overflows(f32::NAN));
    }

    #[test]
    fn a_guillotine_falls_once() {
        let mut settled = 0;
        let falls = belief(true);
        falls.posterior(&Held(3), &mut settled);
        assert!(falls.overflows(falls.posterior(&Held(0), &mut settled)));
        let swings = belief(false);
        swings.posterior(&Held(3), &mut settled);
        assert!(!swings.overflows(swings.posterior(&Held(0), &mut settled)));
    }
}
