//! What each rule cost on a log: the table that `replay --cost` and `hunt --cost` print.

use std::fmt::Write as _;

use serde::Serialize;
use vigil_event::Timestamp;
use vigil_event::text::visible;
use vigil_rule::{Cost, Costs, RuleSet};

/// The costs of all rules, the dearest first.
#[derive(Debug, Serialize)]
pub struct CostReport {
    /// Events that were judged.
    pub events: u64,
    /// Events that some rule matched.
    pub events_hit: u64,
    /// Nanoseconds an event, of the rules and of what they share.
    pub ns_per_event: f64,
    /// Nanoseconds an event, of the pass that all rules share.
    pub shared_ns_per_event: f64,
    /// Rules that were a candidate at least once.
    pub rules: Vec<RuleCost>,
    /// Rules that never were: they cost nothing of their own.
    pub never: usize,
}

/// What one rule cost.
#[derive(Debug, Serialize)]
pub struct RuleCost {
    /// The rule's id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its file.
    pub file: String,
    /// How often it was looked at, since what it requires was seen.
    pub candidates: u64,
    /// How often it matched.
    pub hits: u64,
    /// The newest event it matched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_hit: Option<Timestamp>,
    /// Nanoseconds a look.
    pub ns_per_look: f64,
    /// Its part of the time of all rules and of what they share, 0 to 1.
    pub share: f64,
}

impl CostReport {
    /// Of what was counted with these rules.
    pub fn new(rules: &RuleSet, costs: &Costs) -> Self {
        let pass = costs.pass();
        let each = rules.all_rules().zip(costs.rules());
        let total_ns: f64 =
            pass.estimated_ns() + costs.rules().iter().map(Cost::estimated_ns).sum::<f64>();
        let ratio = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
        let mut rows: Vec<RuleCost> = each
            .filter(|(_, cost)| cost.candidates > 0)
            .map(|(rule, cost)| RuleCost {
                id: rule.id.clone(),
                title: rule.title.clone(),
                file: rule.file.clone(),
                candidates: cost.candidates,
                hits: cost.hits,
                last_hit: cost.last_hit,
                ns_per_look: ratio(cost.timed_ns as f64, cost.timed as f64),
                share: ratio(cost.estimated_ns(), total_ns),
            })
            .collect();
        rows.sort_by(|a, b| b.share.total_cmp(&a.share).then(a.file.cmp(&b.file)));
        Self {
            events: pass.candidates,
            events_hit: pass.hits,
            ns_per_event: ratio(total_ns, pass.candidates as f64),
            shared_ns_per_event: ratio(pass.estimated_ns(), pass.candidates as f64),
            never: rules.all_rules().count() - rows.len(),
            rules: rows,
        }
    }

    /// As a table for a terminal.
    pub fn table(&self) -> String {
        let mut text = format!(
            "cost of the rules: {:.0} ns an event; {:.0} ns of it the pass that all share\n",
            self.ns_per_event, self.shared_ns_per_event
        );
        _ = writeln!(
            text,
            "  {:>7} {:>12} {:>9} {:>9} {:>9}  rule",
            "share", "candidates", "ns/look", "ns/event", "hits"
        );
        for rule in &self.rules {
            _ = writeln!(
                text,
                "  {:>6.2}% {:>12} {:>9.0} {:>9.1} {:>9}  {} ({})",
                rule.share * 100.0,
                rule.candidates,
                rule.ns_per_look,
                rule.share * self.ns_per_event,
                rule.hits,
                visible(&rule.file),
                visible(&rule.title),
            );
        }
        _ = writeln!(text, "  {} rules were never looked at", self.never);
        text
    }
}
