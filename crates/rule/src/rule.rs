//! What a rule says about itself: everything but how it matches.

use serde::Serialize;
use vigil_event::{Score, Severity};

use crate::Example;

/// What a rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleKind {
    /// One event.
    Detection,
    /// What other rules found over time.
    Correlation,
}

/// A rule's description, as listings and detections show it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rule {
    /// A UUID in lower case, the same in every release.
    pub id: String,
    /// What other rules call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it looks at.
    pub kind: RuleKind,
    /// Its matches only feed correlations and are no detections of their own.
    pub feeds_only: bool,
    /// What it finds, in a few words.
    pub title: String,
    /// What it finds and why that is bad.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How mature the rule is: `stable`, `test`, `experimental`, `deprecated` or `unsupported`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// How bad a match is.
    pub level: Severity,
    /// How bad a match is on its own, from 0.0 to 10.0.
    pub score: Score,
    /// How much a match says about whom it comes from, from 0.0 to 10.0, where that is said: see
    /// [`Rule::risk`].
    #[serde(skip)]
    pub own_risk: Option<Score>,
    /// What alerts are grouped by, such as `sql_injection`.
    pub family: String,
    /// MITRE ATT&CK technique ids, such as `T1190` or `T1059.007`.
    pub techniques: Vec<String>,
    /// All tags as written.
    pub tags: Vec<String>,
    /// Where to read more.
    pub references: Vec<String>,
    /// What else could match.
    pub falsepositives: Vec<String>,
    /// Who wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// Requests that must match, then those that must not.
    pub examples: Vec<Example>,
    /// The name of the file it comes from.
    pub file: String,
    /// The line of the file that the rule starts at, counted from 1.
    pub line: u32,
}

impl Rule {
    /// How much a match says about whom it comes from: as much as the score where nothing else is said,
    /// and nothing if it only feeds correlations.
    pub fn risk(&self) -> Score {
        let unsaid = || {
            if self.feeds_only {
                Score::default()
            } else {
                self.score
            }
        };
        self.own_risk.unwrap_or_else(unsaid)
    }
}

/// The score of a rule that gives only a level: the middle of the level's band.
pub(crate) fn score_of(level: Severity) -> Score {
    Score::new(match level {
        Severity::Informational => 0.0,
        Severity::Low => 3.0,
        Severity::Medium => 5.5,
        Severity::High => 8.0,
        Severity::Critical => 9.5,
    })
}

/// The score of a foreign rule by its level. Levels up to medium stay below the threshold of a threat
/// on their own: such rules are meant to be read beside others.
pub(crate) fn foreign_score_of(level: Severity) -> Score {
    Score::new(match level {
        Severity::Informational => 0.0,
        Severity::Low => 2.0,
        Severity::Medium => 4.0,
        Severity::High => 7.5,
        Severity::Critical => 9.0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_and_its_score_are_of_one_band() {
        for level in Severity::ALL {
            assert_eq!(score_of(level).severity(), level);
            assert_eq!(foreign_score_of(level).severity(), level);
        }
    }
}
