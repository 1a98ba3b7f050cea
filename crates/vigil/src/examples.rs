//! Runs the examples that rules carry.

use std::sync::Arc;

use vigil_decode::{Format, Proxies};
use vigil_detect::DetectorOptions;
use vigil_event::Timestamp;
use vigil_event::text::visible;
use vigil_rule::RuleSet;

use crate::offline::LineJudge;

/// What became of one example.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The rule's title.
    pub rule: String,
    /// The rule's file.
    pub file: String,
    /// What is wrong; none when the example holds.
    pub problem: Option<String>,
}

/// Runs every example of every rule.
pub fn check(rules: &Arc<RuleSet>) -> Vec<Verdict> {
    let mut judge = LineJudge::new(
        Arc::clone(rules),
        &DetectorOptions::default(),
        Proxies::new(Vec::new()),
        Format::Auto,
    );
    let mut verdicts = Vec::new();
    for rule in rules.rules() {
        for example in &rule.examples {
            let line = example.to_line();
            let fired = judge
                .judge(line.as_bytes(), Timestamp::default())
                .map(|judgement| {
                    judgement.is_some_and(|judgement| {
                        judgement
                            .detections
                            .iter()
                            .any(|one| one.rule_id == rule.id)
                    })
                });
            let problem = match fired {
                Err(error) => Some(format!("`{}` is no log line: {error}", visible(&line))),
                Ok(fired) if fired == example.should_match => None,
                Ok(true) => Some(format!("must not match, and does: `{}`", visible(&line))),
                Ok(false) => Some(format!("must match, and does not: `{}`", visible(&line))),
            };
            verdicts.push(Verdict {
                rule: rule.title.clone(),
                file: rule.file.clone(),
                problem,
            });
        }
    }
    verdicts
}
