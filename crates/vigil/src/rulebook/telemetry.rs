//! The rules on `/metrics`: which set, since when, how often loaded, what each found, what each
//! family costs.
//!
//! Ids are labels, since there are only as many as rules; yet at most [`MAX_SERIES`] have one. What
//! evaluation costs is told by family, of which there are few dozens; `GET /api/v1/rules` tells it by
//! rule.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus::core::{Collector as Collect, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{CounterVec, Gauge, IntCounterVec, IntGaugeVec, Opts};
use vigil_api::{RuleCosts, Rulebook as _, RulesInForce};
use vigil_rule::Cost;

use super::ActiveRules;

/// The most rules, and the most families, with a series of their own.
const MAX_SERIES: usize = 1_000;

/// How often the rules were loaded again, and how often that was refused.
#[derive(Debug, Default)]
pub(super) struct Reloads {
    done: AtomicU64,
    refused: AtomicU64,
}

impl Reloads {
    pub(super) fn count(&self, done: bool) {
        let counter = if done { &self.done } else { &self.refused };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// Reads the numbers when they are asked for.
pub(super) struct Collector {
    rules: Arc<ActiveRules>,
    descriptions: Vec<Desc>,
}

impl Collector {
    pub(super) fn new(rules: Arc<ActiveRules>) -> prometheus::Result<Self> {
        let descriptions = Series::new()?
            .collectors()
            .iter()
            .flat_map(|series| series.desc().into_iter().cloned())
            .collect();
        Ok(Self {
            rules,
            descriptions,
        })
    }
}

impl Collect for Collector {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let Ok(series) = Series::new() else {
            return Vec::new();
        };
        let in_force = self.rules.in_force();
        series.set(&in_force);
        series.of_reloads(&self.rules.reloads);
        series.of_rules(&in_force, &self.rules.costs());
        series
            .collectors()
            .iter()
            .flat_map(|series| series.collect())
            .collect()
    }
}

/// The series of one look.
struct Series {
    active: IntGaugeVec,
    loaded: Gauge,
    reloads: IntCounterVec,
    hits: IntCounterVec,
    evaluations: IntCounterVec,
    seconds: CounterVec,
}

impl Series {
    fn new() -> prometheus::Result<Self> {
        let counters = |name: &str, help: &str, label: &str| {
            IntCounterVec::new(Opts::new(name, help), &[label])
        };
        Ok(Self {
            active: IntGaugeVec::new(
                Opts::new(
                    "vigil_rules",
                    "Rules in force; the label says which set of files they are.",
                ),
                &["fingerprint"],
            )?,
            loaded: Gauge::new(
                "vigil_rules_loaded_timestamp_seconds",
                "When the rules in force were loaded.",
            )?,
            reloads: counters(
                "vigil_rule_reloads_total",
                "Times the rules were loaded again, or were refused since one was broken.",
                "result",
            )?,
            hits: counters(
                "vigil_rule_hits_total",
                "Events that a rule matched, for rules that matched any.",
                "rule",
            )?,
            evaluations: counters(
                "vigil_rule_evaluations_total",
                "Evaluations of the rules of a family, after the pass that all rules share.",
                "family",
            )?,
            seconds: CounterVec::new(
                Opts::new(
                    "vigil_rule_timed_seconds_total",
                    "Time of the evaluations that were timed, one event in 64, by family; `(shared)` is the pass that all rules share.",
                ),
                &["family"],
            )?,
        })
    }

    fn collectors(&self) -> [&dyn Collect; 6] {
        [
            &self.active,
            &self.loaded,
            &self.reloads,
            &self.hits,
            &self.evaluations,
            &self.seconds,
        ]
    }

    fn set(&self, rules: &RulesInForce) {
        let count = i64::try_from(rules.set.rules().len()).unwrap_or(i64::MAX);
        self.active
            .with_label_values(&[&rules.fingerprint])
            .set(count);
        self.loaded
            .set(rules.loaded_at.as_millis() as f64 / 1_000.0);
    }

    fn of_reloads(&self, reloads: &Reloads) {
        for (result, count) in [("done", &reloads.done), ("refused", &reloads.refused)] {
            self.reloads
                .with_label_values(&[result])
                .inc_by(count.load(Ordering::Relaxed));
        }
    }

    fn of_rules(&self, rules: &RulesInForce, costs: &RuleCosts) {
        let mut families: BTreeMap<&str, Cost> = BTreeMap::new();
        let counted = rules
            .set
            .all_rules()
            .filter_map(|rule| Some((rule, costs.rules.get(&rule.id)?)));
        let mut series = 0;
        for (rule, cost) in counted {
            if cost.hits > 0 && series < MAX_SERIES {
                series += 1;
                self.hits.with_label_values(&[&rule.id]).inc_by(cost.hits);
            }
            *families.entry(&rule.family).or_default() += *cost;
        }
        for (family, cost) in families.into_iter().take(MAX_SERIES) {
            self.evaluations
                .with_label_values(&[family])
                .inc_by(cost.candidates);
            self.seconds(family, cost);
        }
        self.seconds("(shared)", costs.pass);
    }

    fn seconds(&self, family: &str, cost: Cost) {
        self.seconds
            .with_label_values(&[family])
            .inc_by(cost.timed_ns as f64 / 1e9);
    }
}
