//! Runs the examples that rules carry, and says why one fails: what was looked at, what matched
//! where, what fired instead.

use std::sync::Arc;

use vigil_decode::{Format, Proxies};
use vigil_detect::{DetectorOptions, Judgement};
use vigil_event::text::{escape_invalid, truncated, visible};
use vigil_event::{Event, Field, Timestamp};
use vigil_rule::{Example, Rule, RuleSet};

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
    let mut judge = LineJudge::new(
        Arc::clone(rules),
        &DetectorOptions::default(),
        Proxies::new(Vec::new()),
        Format::Auto,
    );
    let each = rules.rules().iter().flat_map(|rule| {
        let examples = rule.examples.iter();
        examples.map(move |example| (rule, example))
    });
    each.map(|(rule, example)| verdict(rules, &mut judge, rule, example))
        .collect()
}

fn verdict(rules: &RuleSet, judge: &mut LineJudge, rule: &Rule, example: &Example) -> Verdict {
    let line = example.to_line();
    let judged = judge.judge(line.as_bytes(), Timestamp::default());
    let fired = |judgement: &Judgement| {
        let mut detections = judgement.detections.iter();
        detections.any(|one| one.rule_id == rule.id)
    };
    let shown = visible(&line);
    let (problem, details) = match &judged {
        Err(error) => (
            Some(format!("`{shown}` is no log line: {error}")),
            Vec::new(),
        ),
        Ok(judgement) => match (judgement.as_ref().is_some_and(fired), example.should_match) {
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
        details.push(
            "not even nearly: a text that the rule requires does not occur in a view it looks at"
                .to_owned(),
        );
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
