//! The rule language: from text to checked rules to one compiled matcher for an event.
//!
//! Rules are written in Sigma's YAML with the names of the Elastic Common Schema. Loading checks
//! everything and reports every fault at once; matching runs in two steps. One pass over the views
//! that some rule asks for finds which required literals and bytes occur in which views; the few
//! rules of which all occur are then evaluated exactly, in those views only, with regular expressions
//! that take linear time.
//!
//! Correlations and leaky buckets are checked here as well; what they count over time is
//! `vigil-detect`'s.
//!
//! Owns: the meaning of a rule for one event, its examples, the literal pre-pass, what a correlation
//! asks for; tables of what came before, which never change a hit. Never holds: other state across
//! events, time, I/O.
//!
//! The way of a rule is `load` (from YAML to a checked draft), then `matcher` (its comparisons) and `prefilter` (what
//! must be seen for them to match); the way of an event is `prefilter`, `seen` (what was found in it, and
//! what is known of texts that came before), then `set`. Other languages have folders of their own: `bucket`,
//! `correlation`, `seclang`.
//!
//! To add a modifier: give it a place in `matcher/modifier.rs`. One that changes values is a transform of
//! `matcher/transform.rs`; else let `matcher/item.rs` turn it into a matcher of `matcher/mod.rs`, and say there
//! (`Leaf::ask`) which literals and bytes it requires, if any.

#![warn(clippy::indexing_slicing)]

pub mod bucket;
pub mod correlation;
mod cost;
mod coverage;
mod error;
mod example;
mod field;
mod injection;
mod label;
mod load;
mod matcher;
mod near_miss;
mod outline;
pub mod pattern;
mod prefilter;
mod rule;
pub mod seclang;
mod seen;
mod set;
mod table;

pub use bucket::Bucket;
pub use correlation::Correlation;
pub use cost::{Cost, Costs, Stopwatch};
pub use coverage::{Coverage, Covering, Tactic, Technique};
pub use error::{Problem, RuleError};
pub use example::Example;
pub use load::file::RuleFile;
pub use load::{Input, Report};
pub use matcher::transform::Placeholders;
pub use near_miss::NearMiss;
pub use rule::{Rule, RuleKind};
pub use set::{Hit, RuleSet, Scratch};
