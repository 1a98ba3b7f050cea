//! The rules as the routes see them: those in force, what they cost, and loading them anew.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;
use vigil_event::Timestamp;
use vigil_rule::{Cost, RuleSet};

/// A set of rules, and which it is.
#[derive(Debug)]
pub struct RulesInForce {
    /// The rules.
    pub set: Arc<RuleSet>,
    /// The same for the same files with the same text, and for no others.
    pub fingerprint: String,
    /// When they were loaded.
    pub loaded_at: Timestamp,
}

/// What was counted of the rules since the server started, also across reloads.
#[derive(Debug, Default)]
pub struct RuleCosts {
    /// By the rules' ids.
    pub rules: HashMap<String, Cost>,
    /// The pass that all rules share: `candidates` counts events.
    pub pass: Cost,
}

/// Something that is wrong with the rules on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RuleProblem {
    /// The file, within the directory of rules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// What is wrong and what to do.
    pub message: String,
}

/// The rules on disk cannot be used. Those that were in force still are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulesRefused {
    /// What is wrong, never empty.
    pub problems: Vec<RuleProblem>,
}

/// Keeps the rules in force.
///
/// *Order*: once [`Rulebook::reload`] has returned, every batch that is taken up later is judged by
/// the new rules; a batch is judged by one set or the other, never by a mixture. *Blocking*:
/// `reload` reads files and compiles; call it where that may take a second.
pub trait Rulebook: Send + Sync {
    /// The rules in force.
    fn in_force(&self) -> Arc<RulesInForce>;

    /// Loads the rules again. All or nothing: if one file is broken, nothing changes.
    fn reload(&self) -> Result<Arc<RulesInForce>, RulesRefused>;

    /// What was counted so far.
    fn costs(&self) -> RuleCosts;
}
