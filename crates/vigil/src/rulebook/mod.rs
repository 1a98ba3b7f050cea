//! The rules in force: loaded, replaced while the server runs, and what they cost.
//!
//! Owns: the set that every detection thread takes up between batches, its fingerprint, why the last
//! reload was refused, and the sum of what the threads counted. Never holds: what a rule means.
//!
//! A reload is all or nothing: the new files are read, checked and compiled beside the old set, and
//! only a set without a fault is put in its place.

mod telemetry;

use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use prometheus::Registry;
use tokio::sync::Notify;
use vigil_api::{RuleCosts, RuleProblem, Rulebook, RulesInForce, RulesRefused};
use vigil_event::Clock;
use vigil_event::text::{truncated, visible};
use vigil_rule::{Costs, RuleSet};

use crate::rules::{self, RuleSources, RulesError};
use telemetry::{Collector, Reloads};

/// The rules in force, and where they come from.
pub struct ActiveRules {
    sources: RuleSources,
    clock: Arc<dyn Clock>,
    in_force: ArcSwap<RulesInForce>,
    costs: Mutex<RuleCosts>,
    /// Why the last reload was refused.
    problem: Mutex<Option<String>>,
    /// One reload at a time.
    reloading: Mutex<()>,
    reloads: Reloads,
    changed: Notify,
}

/// More rules than this are not counted: ids that came and went with reloads.
const MAX_COUNTED: usize = 20_000;
/// The longest problem that is repeated on the channel `status`, in bytes.
const PROBLEM_BYTES: usize = 500;

impl ActiveRules {
    /// Loads the rules of these sources.
    pub fn load(sources: RuleSources, clock: &Arc<dyn Clock>) -> Result<Self, RulesError> {
        let loaded = read(&sources, clock)?;
        Ok(Self {
            sources,
            clock: Arc::clone(clock),
            in_force: ArcSwap::from_pointee(loaded),
            costs: Mutex::default(),
            problem: Mutex::default(),
            reloading: Mutex::default(),
            reloads: Reloads::default(),
            changed: Notify::new(),
        })
    }

    /// Registers the numbers where `/metrics` finds them.
    pub fn register(self: &Arc<Self>, registry: &Registry) -> prometheus::Result<()> {
        registry.register(Box::new(Collector::new(Arc::clone(self))?))
    }

    /// The set in force.
    pub fn set(&self) -> Arc<RuleSet> {
        Arc::clone(&self.in_force.load().set)
    }

    /// Why the last reload was refused, if it was.
    pub fn problem(&self) -> Option<String> {
        self.problem.lock().clone()
    }

    /// Waits for the next reload, done or refused.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Adds what a thread counted with a set.
    pub fn add_costs(&self, set: &RuleSet, counted: &Costs) {
        if counted.pass().candidates == 0 {
            return;
        }
        let mut costs = self.costs.lock();
        costs.pass += counted.pass();
        for (rule, cost) in set.all_rules().zip(counted.rules()) {
            if cost.candidates == 0 {
                continue;
            }
            if let Some(sum) = costs.rules.get_mut(&rule.id) {
                *sum += *cost;
            } else if costs.rules.len() < MAX_COUNTED {
                costs.rules.insert(rule.id.clone(), *cost);
            }
        }
    }
}

impl Rulebook for ActiveRules {
    fn in_force(&self) -> Arc<RulesInForce> {
        self.in_force.load_full()
    }

    fn reload(&self) -> Result<Arc<RulesInForce>, RulesRefused> {
        let _one_at_a_time = self.reloading.lock();
        let result = match read(&self.sources, &self.clock) {
            Ok(loaded) => {
                let loaded = Arc::new(loaded);
                self.in_force.store(Arc::clone(&loaded));
                tracing::info!(
                    rules = loaded.set.rules().len(),
                    fingerprint = %loaded.fingerprint,
                    "the rules were loaded again"
                );
                Ok(loaded)
            }
            Err(error) => Err(self.refused(&error)),
        };
        *self.problem.lock() = result.as_ref().err().map(summary);
        self.reloads.count(result.is_ok());
        self.changed.notify_one();
        result
    }

    fn costs(&self) -> RuleCosts {
        let costs = self.costs.lock();
        RuleCosts {
            rules: costs.rules.clone(),
            pass: costs.pass,
        }
    }
}

impl ActiveRules {
    fn refused(&self, error: &RulesError) -> RulesRefused {
        let refused = RulesRefused {
            problems: problems(error),
        };
        let in_force = self.in_force.load();
        for problem in &refused.problems {
            tracing::error!(problem = %shown(problem), "a rule cannot be loaded");
        }
        tracing::error!(
            problems = refused.problems.len(),
            in_force = %in_force.fingerprint,
            "the rules were not loaded again; those in force stay until what is wrong is mended and the server is told again"
        );
        refused
    }
}

fn read(sources: &RuleSources, clock: &Arc<dyn Clock>) -> Result<RulesInForce, RulesError> {
    let texts = sources.read()?;
    let (set, report) = sources.compile(&texts)?;
    rules::tell(&report);
    if let Some(crs) = set.crs() {
        rules::tell_crs(crs);
    }
    let set = Arc::new(set);
    prepare(&set);
    Ok(RulesInForce {
        set,
        fingerprint: texts.fingerprint(),
        loaded_at: clock.now(),
    })
}

/// Makes the set ready beside the threads that use it already: whatever an event asks for first would
/// wait for it.
fn prepare(set: &Arc<RuleSet>) {
    let set = Arc::clone(set);
    let started = std::thread::Builder::new()
        .name("vigil-rules".to_owned())
        .spawn(move || set.prepare());
    if let Err(error) = started {
        tracing::warn!(%error, "there is no thread to make the rules ready: the first attacks are found some hundred milliseconds late");
    }
}

fn problems(error: &RulesError) -> Vec<RuleProblem> {
    match error {
        RulesError::Broken(errors) => errors
            .iter()
            .map(|error| RuleProblem {
                file: Some(error.file.clone()),
                line: error.line,
                message: error.problem.to_string(),
            })
            .collect(),
        error => vec![RuleProblem {
            file: None,
            line: None,
            message: error.to_string(),
        }],
    }
}

/// A problem in one line, for a log.
fn shown(problem: &RuleProblem) -> String {
    let message = problem
        .message
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    let text = match (&problem.file, problem.line) {
        (Some(file), Some(line)) => format!("{file}:{line}: {message}"),
        (Some(file), None) => format!("{file}: {message}"),
        (None, _) => message,
    };
    visible(&text)
}

/// What is wrong in short, for the channel `status`.
fn summary(refused: &RulesRefused) -> String {
    let first = refused.problems.first().map(shown).unwrap_or_default();
    let first = truncated(&first, PROBLEM_BYTES);
    match refused.problems.len() {
        0 | 1 => format!("{first}; the rules loaded before stay in force"),
        many => format!(
            "{first}; and {} more; the rules loaded before stay in force",
            many - 1
        ),
    }
}
