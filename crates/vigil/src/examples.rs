//! Runs the examples that rules carry, and says why one fails: what was looked at, what matched
//! where, what fired instead.

use std::sync::Arc;

use vigil_decode::{Format, Proxies};
use vigil_detect::{DetectorOptions, Judgement};
use vigil_event::text::{escape_invalid, truncated, visible};
use vigil_event::{Event, Field, Timestamp};
use vigil_rule::{Example, Rule, RuleKind, RuleSet};

use crate::change::WhatIf;
use crate::offline::LineJudge;

/// The longest view that is shown, in bytes.
const VIEW_BYTES: usize = 300;

/// What became of one example.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The rule's title.
    pub rule: String,
    /// The rule's file.
    pub file: String,
    /// The example, as its author wrote it.
    pub example: String,
    /// Whether the rule must match it.
    pub should_match: bool,
    /// What is wrong; none when the example holds.
    pub problem: Option<String>,
    /// What helps to find out why, a line each.
    pub details: Vec<String>,
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
    let mut of_detections = judge();
    let mut verdicts = Vec::new();
    for (place, rule) in rules.rules().iter().enumerate() {
        for example in &rule.examples {
            // What a correlation has seen, or who knows somebody, must not reach the next example.
            let is_of_one = rule.kind == RuleKind::Detection && example.to_lines().len() == 1;
            verdicts.push(if is_of_one {
                verdict(rules, &mut of_detections, place, rule, example)
            } else {
                verdict(rules, &mut judge(), place, rule, example)
            });
        }
    }
    verdicts
}

/// What came of an example's lines.
struct Outcome {
    /// Whether the rule matched one of them.
    fired: bool,
    /// Of the line that it matched, or else of the last.
    judgement: Option<Judgement>,
}

/// Judges lines one after the other, up to the one that the rule at this place matches.
fn run(judge: &mut LineJudge, lines: &[String], place: usize) -> Result<Outcome, String> {
    let mut outcome = Outcome {
        fired: false,
        judgement: None,
    };
    for line in lines {
        outcome.judgement = judge
            .judge(line.as_bytes(), Timestamp::default())
            .map_err(|error| format!("`{}` is no log line: {error}", visible(line)))?;
        outcome.fired = judge.matched(place);
        if outcome.fired {
            break;
        }
    }
    Ok(outcome)
}

fn verdict(
    rules: &RuleSet,
    judge: &mut LineJudge,
    place: usize,
    rule: &Rule,
    example: &Example,
) -> Verdict {
    let lines = example.to_lines();
    let shown = match lines.as_slice() {
        [only] => visible(only),
        _ => visible(&example.text),
    };
    let (problem, details) = match run(judge, &lines, place) {
        Err(problem) => (Some(problem), Vec::new()),
        Ok(Outcome { fired, judgement }) => match (fired, example.should_match) {
            (true, false) => (
                Some(format!("must not match, and does: `{shown}`")),
                matched(rule, judgement.as_ref()),
            ),
            (false, true) => (
                Some(format!("must match, and does not: `{shown}`")),
                unmatched(rules, rule, judge.event(), judgement.as_ref()),
            ),
            _ => (None, Vec::new()),
        },
    };
    Verdict {
        rule: rule.title.clone(),
        file: rule.file.clone(),
        example: example.text.clone(),
        should_match: example.should_match,
        problem,
        details,
    }
}

/// What the rule matched, though it must not.
fn matched(rule: &Rule, judgement: Option<&Judgement>) -> Vec<String> {
    let detections = judgement.map_or(&[][..], |judgement| &judgement.detections);
    let ours = detections.iter().filter(|one| one.rule_id == rule.id);
    ours.flat_map(|one| &one.evidence)
        .map(|evidence| {
            let how = if evidence.decodings.is_empty() {
                "as received".to_owned()
            } else {
                format!("after {}", evidence.decodings.join("+"))
            };
            format!(
                "matched {}[{}..{}] {how}: {}",
                evidence.field,
                evidence.start,
                evidence.end,
                visible(&evidence.matched)
            )
        })
        .collect()
}

/// What there was to match, how far the rule came, and what fired instead.
fn unmatched(
    rules: &RuleSet,
    rule: &Rule,
    event: &Event,
    judgement: Option<&Judgement>,
) -> Vec<String> {
    let change = WhatIf::of(event, judgement, rules, 10.0);
    let near = change.nearly_fired.iter();
    let mut details: Vec<String> = near
        .filter(|near| near.rule_id == rule.id)
        .map(|near| format!("nearly: {}", visible(&near.why())))
        .collect();
    if details.is_empty() {
        details.push(match rule.kind {
            RuleKind::Detection => "not even nearly: a text that the rule requires does not occur \
                                    in a view it looks at"
                .to_owned(),
            RuleKind::Correlation => "below is what became of the last request".to_owned(),
        });
    }
    let views = event.views().filter(|view| {
        !view.text.is_empty() && !matches!(view.field, Field::EventOriginal | Field::HttpVersion)
    });
    details.extend(views.map(|view| {
        let how: Vec<_> = view.decodings.names().collect();
        let how = if how.is_empty() {
            "as received".to_owned()
        } else {
            how.join("+")
        };
        let text = visible(&escape_invalid(view.text));
        format!(
            "view {} {how}: {}",
            view.field.name(),
            truncated(&text, VIEW_BYTES)
        )
    }));
    let instead = judgement.map_or(&[][..], |judgement| &judgement.detections);
    details.extend(
        instead
            .iter()
            .map(|one| format!("fired instead: {} ({})", visible(&one.title), one.score)),
    );
    details
}
