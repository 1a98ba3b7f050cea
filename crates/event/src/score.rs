//! One scale for how bad something is: 0.0 to 10.0, in the severity bands of CVSS v3.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How bad, from 0.0 to 10.0.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = f64))]
pub struct Score(f64);

impl Score {
    /// A score held within 0.0 and 10.0; what is not a number is 0.0.
    pub fn new(value: f64) -> Self {
        Self(if value.is_nan() {
            0.0
        } else {
            value.clamp(0.0, 10.0)
        })
    }

    /// The number.
    pub const fn value(self) -> f64 {
        self.0
    }

    /// The noisy-or of several scores: `10·(1 − ∏(1 − sᵢ/10))`.
    ///
    /// More evidence always raises it and never past 10.
    #[must_use]
    pub fn noisy_or(scores: impl IntoIterator<Item = Self>) -> Self {
        let doubt: f64 = scores
            .into_iter()
            .map(|score| 1.0 - score.0 / 10.0)
            .product();
        Self::new(10.0 * (1.0 - doubt))
    }

    /// The band this score stands in, judged on the one decimal that is shown.
    pub fn severity(self) -> Severity {
        let tenths = (self.0 * 10.0).round() as u32;
        match tenths {
            0 => Severity::Informational,
            1..40 => Severity::Low,
            40..70 => Severity::Medium,
            70..90 => Severity::High,
            _ => Severity::Critical,
        }
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1}", self.0)
    }
}

/// The severity bands of CVSS v3, with `informational` for its none; ordered from least to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Severity {
    /// 0.0
    Informational,
    /// 0.1 to 3.9
    Low,
    /// 4.0 to 6.9
    Medium,
    /// 7.0 to 8.9
    High,
    /// 9.0 to 10.0
    Critical,
}

impl Severity {
    /// All, from least to worst.
    pub const ALL: [Self; 5] = [
        Self::Informational,
        Self::Low,
        Self::Medium,
        Self::High,
        Self::Critical,
    ];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Informational => "informational",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// The place in the order, 0 for informational to 4 for critical.
    pub const fn rank(self) -> u8 {
        self as u8
    }

    /// The severity at a place in the order; anything past the end is critical.
    pub const fn from_rank(rank: u8) -> Self {
        match rank {
            0 => Self::Informational,
            1 => Self::Low,
            2 => Self::Medium,
            3 => Self::High,
            _ => Self::Critical,
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How many of each severity; in JSON an object with one number for each severity's name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SeverityCounts {
    /// How many informational.
    pub informational: u64,
    /// How many low.
    pub low: u64,
    /// How many medium.
    pub medium: u64,
    /// How many high.
    pub high: u64,
    /// How many critical.
    pub critical: u64,
}

impl SeverityCounts {
    /// Counts some more of a severity.
    pub const fn add(&mut self, severity: Severity, count: u64) {
        let counter = match severity {
            Severity::Informational => &mut self.informational,
            Severity::Low => &mut self.low,
            Severity::Medium => &mut self.medium,
            Severity::High => &mut self.high,
            Severity::Critical => &mut self.critical,
        };
        *counter = counter.saturating_add(count);
    }

    /// How many of a severity.
    pub const fn get(&self, severity: Severity) -> u64 {
        match severity {
            Severity::Informational => self.informational,
            Severity::Low => self.low,
            Severity::Medium => self.medium,
            Severity::High => self.high,
            Severity::Critical => self.critical,
        }
    }

    /// How many in all.
    pub fn total(&self) -> u64 {
        Severity::ALL
            .into_iter()
            .map(|severity| self.get(severity))
            .sum()
    }
}

/// The text names no severity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no severity: use informational, low, medium, high or critical")]
pub struct NotASeverity(pub String);

impl FromStr for Severity {
    type Err = NotASeverity;

    fn from_str(text: &str) -> Result<Self, NotASeverity> {
        Self::ALL
            .into_iter()
            .find(|severity| severity.name().eq_ignore_ascii_case(text))
            .ok_or_else(|| NotASeverity(text.chars().take(64).collect()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bands_are_those_of_cvss() {
        for (value, severity) in [
            (0.0, Severity::Informational),
            (0.1, Severity::Low),
            (3.9, Severity::Low),
            (4.0, Severity::Medium),
            (6.9, Severity::Medium),
            (6.95, Severity::High),
            (7.0, Severity::High),
            (8.9, Severity::High),
            (9.0, Severity::Critical),
            (10.0, Severity::Critical),
        ] {
            assert_eq!(Score::new(value).severity(), severity, "{value}");
        }
    }

    #[test]
    fn two_weak_signs_make_a_stronger_one() {
        let both = Score::noisy_or([Score::new(5.0), Score::new(5.0)]);
        assert!((both.value() - 7.5).abs() < 1e-9);
        assert_eq!(Score::noisy_or([]), Score::new(0.0));
    }

    proptest! {
        #[test]
        fn more_evidence_never_lowers(scores in proptest::collection::vec(0.0f64..=10.0, 0..8), more in 0.0f64..=10.0) {
            let before = Score::noisy_or(scores.iter().copied().map(Score::new));
            let after = Score::noisy_or(scores.iter().copied().chain([more]).map(Score::new));
            prop_assert!(after.value() >= before.value() - 1e-9);
            prop_assert!(after.value() <= 10.0);
        }
    }
}
