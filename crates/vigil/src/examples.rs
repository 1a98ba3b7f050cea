//! Runs the examples that rules carry.

use std::sync::Arc;

use vigil_decode::{Format, Proxies};
use vigil_detect::DetectorOptions;
use vigil_event::Timestamp;
use vigil_event::text::visible;
use vigil_rule::{Example, RuleKind, RuleSet};

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
    let judge = || {
        LineJudge::new(
            Arc::clone(rules),
            &DetectorOptions::default(),
            Proxies::new(Vec::new()),
            Format::Auto,
        )
    };
    let mut of_single_lines = judge();
    let mut verdicts = Vec::new();
    for (place, rule) in rules.rules().iter().enumerate() {
        for example in &rule.examples {
            let lines = example.to_lines();
            let fired = match rule.kind {
                RuleKind::Detection => fires(&mut of_single_lines, &lines, place),
                // What a correlation has seen must not reach the next example.
                RuleKind::Correlation => fires(&mut judge(), &lines, place),
            };
            verdicts.push(Verdict {
                rule: rule.title.clone(),
                file: rule.file.clone(),
                problem: problem(fired, example, &lines),
            });
        }
    }
    verdicts
}

/// Whether the rule matches one of the lines, which are judged one after the other.
fn fires(judge: &mut LineJudge, lines: &[String], rule: usize) -> Result<bool, String> {
    let mut fired = false;
    for line in lines {
        judge
            .judge(line.as_bytes(), Timestamp::default())
            .map_err(|error| format!("`{}` is no log line: {error}", visible(line)))?;
        fired |= judge.matched(rule);
    }
    Ok(fired)
}

fn problem(fired: Result<bool, String>, example: &Example, lines: &[String]) -> Option<String> {
    let shown = || match lines {
        [only] => visible(only),
        _ => visible(&example.text),
    };
    match fired {
        Err(problem) => Some(problem),
        Ok(fired) if fired == example.should_match => None,
        Ok(true) => Some(format!("must not match, and does: `{}`", shown())),
        Ok(false) => Some(format!("must match, and does not: `{}`", shown())),
    }
}
