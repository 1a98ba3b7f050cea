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
//! To add a modifier: give it a place in `modifier.rs`. One that changes values is a transform of
//! `transform.rs`; else let `item.rs` turn it into a matcher of `matcher.rs`, and say there
//! (`Leaf::ask`) which literals and bytes it requires, if any.

#![warn(clippy::indexing_slicing)]

mod aggregation;
mod alike;
mod attack;
mod blind;
pub mod bucket;
mod bytes;
mod condition;
pub mod correlation;
mod cost;
mod coverage;
mod either;
mod error;
mod example;
mod extension;
mod faults;
mod field;
mod file;
mod filter;
mod finder;
mod gate;
mod head;
mod injection;
mod item;
mod label;
mod late;
mod literal;
mod load;
mod log_source;
mod matcher;
mod memory;
mod merge;
mod metadata;
mod modifier;
mod near_miss;
mod needs;
mod node;
mod number_set;
mod numbers;
mod ordinary;
mod outline;
pub mod pattern;
mod position;
mod prefilter;
mod repeat;
mod required;
mod rule;
pub mod seclang;
mod seen;
mod selection;
mod set;
mod sieve;
#[cfg(test)]
mod soundness;
mod structure;
mod table;
mod texts;
mod transform;
mod wildcard;

pub use bucket::Bucket;
pub use correlation::Correlation;
pub use cost::{Cost, Costs, Stopwatch};
pub use coverage::{Coverage, Covering, Tactic, Technique};
pub use error::{Problem, RuleError};
pub use example::Example;
pub use file::RuleFile;
pub use load::{Input, Report};
pub use near_miss::NearMiss;
pub use rule::{Rule, RuleKind};
pub use set::{Hit, RuleSet, Scratch};
pub use transform::Placeholders;
