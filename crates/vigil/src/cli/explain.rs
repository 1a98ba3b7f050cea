//! `vigil explain`: how one line is decoded, what fires on it, where, and what that adds up to.

use std::fmt::Write as _;
use std::io::Read as _;
use std::sync::Arc;

use clap::Args;
use vigil_detect::Judgement;
use vigil_event::text::{escape_invalid, visible};
use vigil_event::{Clock as _, Event, Evidence, Outcome, SystemClock};
use vigil_rule::Example;

use super::{ConfigFlags, Failure, RuleFlags, followed, learned, print};
use crate::change::WhatIf;
use crate::offline::LineJudge;

#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    #[command(flatten)]
    flags: ConfigFlags,
    #[command(flatten)]
    rules: RuleFlags,
    /// A log line, or a request such as '/?id=1' or 'POST /login'; - reads it from standard input
    #[arg(value_name = "LINE")]
    line: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &ExplainArgs) -> Result<(), Failure> {
    let config = args.flags.load_judging(&args.rules)?;
    let rules = Arc::new(crate::rules::load_all(&config.rule_sources())?.0);
    let line = line_of(&args.line)?;
    let options = config.detector_options();
    let mut judge = LineJudge::new(
        Arc::clone(&rules),
        &options,
        config.proxies(),
        vigil_decode::Format::Auto,
    );
    let now = SystemClock.now();
    let policy = followed(&config, now)?;
    judge.follow(&policy, now);
    judge.follow_profiles(&learned(&config));
    let judgement = judge.judge(&line, now).map_err(|error| {
        Failure::Input(format!(
            "{error}; give a log line, or a request such as '/?id=1' or 'POST /login'"
        ))
    })?;
    let threshold = config.detect.threat_threshold;
    let change = WhatIf::of(judge.event(), judgement.as_ref(), &rules, threshold);
    let text = if args.json {
        json(judge.event(), judgement.as_ref(), &change, threshold)
    } else {
        let mut text = report(judge.event(), judgement.as_ref(), threshold);
        write_change(&mut text, &change);
        text
    };
    print(format_args!("{text}"))
}

fn line_of(argument: &str) -> Result<Vec<u8>, Failure> {
    if argument != "-" {
        return Ok(Example::typed(argument).to_line().into_bytes());
    }
    let mut line = Vec::new();
    std::io::stdin().take(1 << 20).read_to_end(&mut line)?;
    let end = line
        .iter()
        .position(|byte| *byte == b'\n')
        .unwrap_or(line.len());
    line.truncate(end);
    Ok(line)
}

fn shown(bytes: &[u8]) -> String {
    visible(&escape_invalid(bytes))
}

fn report(event: &Event, judgement: Option<&Judgement>, threshold: f64) -> String {
    let mut text = String::from("Views\n");
    for view in event
        .views()
        .filter(|view| view.field != vigil_event::Field::EventOriginal)
    {
        let how: Vec<_> = view.decodings.names().collect();
        let how = if how.is_empty() {
            "as received".to_owned()
        } else {
            how.join("+")
        };
        _ = writeln!(
            text,
            "  {:<28} {:<34} {}",
            view.field.name(),
            how,
            shown(view.text)
        );
    }
    if event.decode_depth > 0 {
        _ = writeln!(
            text,
            "  percent-encoding was undone {} time(s)",
            event.decode_depth
        );
    }
    let Some(judgement) = judgement else {
        text.push_str("\nNothing fired: the score is 0.0.\n");
        return text;
    };
    if !judgement.detections.is_empty() {
        text.push_str("\nFired\n");
    }
    for detection in &judgement.detections {
        _ = writeln!(
            text,
            "  {:>4}  {} ({}, {})",
            detection.score,
            visible(&detection.title),
            detection.family,
            detection.rule_id
        );
        if let Some(reason) = &detection.reason {
            _ = writeln!(text, "        {}", visible(reason));
        }
        for evidence in &detection.evidence {
            _ = writeln!(text, "        {}", place(evidence));
        }
    }
    let_pass(&mut text, judgement);
    let outcome = match judgement.outcome {
        Outcome::Attempt => "an attempt: it was refused, failed, or was answered as always",
        Outcome::Unknown => "unknown: neither the status nor what is known of the site tells",
        Outcome::LikelySuccess => "likely a success: it was served, and not as usual",
    };
    let verdict = if judgement.score.value() >= threshold {
        format!("a threat (the threshold is {threshold:.1})")
    } else {
        format!("no threat (the threshold is {threshold:.1})")
    };
    _ = writeln!(text, "\nScore\n  {}", sum(judgement));
    _ = writeln!(text, "  severity {}: {verdict}", judgement.severity);
    _ = writeln!(text, "  outcome {outcome}");
    text
}

/// What fired and was let pass, and on what grounds.
fn let_pass(text: &mut String, judgement: &Judgement) {
    if judgement.suppressed.is_empty() {
        return;
    }
    text.push_str("\nLet pass\n");
    for one in &judgement.suppressed {
        _ = writeln!(
            text,
            "  {:>4}  {} ({}, {})",
            one.score, one.title, one.family, one.rule_id
        );
        let reason = if one.reason.is_empty() {
            String::new()
        } else {
            format!(": {}", visible(&one.reason))
        };
        let cause = one.cause.name().replace('_', " ");
        _ = writeln!(text, "        by {cause} {}{reason}", visible(&one.by));
    }
    _ = writeln!(
        text,
        "  without that the score would be {}",
        judgement.score_without_suppression()
    );
}

/// The score as a sum that can be followed.
fn sum(judgement: &Judgement) -> String {
    if judgement.detections.is_empty() {
        return judgement.score.to_string();
    }
    let doubts: Vec<_> = judgement
        .detections
        .iter()
        .map(|one| format!("(1 - {}/10)", one.score))
        .collect();
    format!("10 x (1 - {}) = {}", doubts.join(" x "), judgement.score)
}

/// Rules that nearly fired are listed up to here.
const SHOWN_NEAR: usize = 5;

fn write_change(text: &mut String, change: &WhatIf) {
    text.push_str("\nWhat would change it\n");
    for one in &change.without {
        let decisive = if one.decisive {
            ": no threat without it"
        } else {
            ""
        };
        _ = writeln!(
            text,
            "  without {:<48} {:>4.1}{decisive}",
            visible(&one.title),
            one.score
        );
    }
    if let Some(missing) = change.missing {
        _ = writeln!(
            text,
            "  one more detection of {missing:.1} or more would make it a threat"
        );
    }
    for near in change.nearly_fired.iter().take(SHOWN_NEAR) {
        let decisive = if near.decisive { ": a threat" } else { "" };
        _ = writeln!(
            text,
            "  nearly fired: {} ({}): {}; with it {:.1}{decisive}",
            visible(&near.title),
            visible(&near.file),
            visible(&near.why()),
            near.score
        );
    }
    let more = change.nearly_fired.len().saturating_sub(SHOWN_NEAR) + change.nearly_fired_more;
    if more > 0 {
        _ = writeln!(text, "  {more} more nearly fired; --json lists them");
    }
}

fn place(evidence: &Evidence) -> String {
    let how = if evidence.decodings.is_empty() {
        String::new()
    } else {
        format!(" after {}", evidence.decodings.join("+"))
    };
    format!(
        "{}[{}..{}]{how}: {}",
        evidence.field,
        evidence.start,
        evidence.end,
        visible(&evidence.matched)
    )
}

fn json(event: &Event, judgement: Option<&Judgement>, change: &WhatIf, threshold: f64) -> String {
    let views: Vec<_> = event
        .views()
        .map(|view| {
            serde_json::json!({
                "field": view.field.name(),
                "decodings": view.decodings.names().collect::<Vec<_>>(),
                "text": escape_invalid(view.text),
            })
        })
        .collect();
    let value = serde_json::json!({
        "views": views,
        "source_ip": event.source_ip,
        "decode_depth": event.decode_depth,
        "score": judgement.map_or(0.0, |judgement| judgement.score.value()),
        "severity": judgement.map_or(vigil_event::Severity::Informational, |judgement| judgement.severity),
        "outcome": judgement.map_or(Outcome::by_status(event.status), |judgement| judgement.outcome),
        "threshold": threshold,
        "change": change,
        "detections": judgement.map(|judgement| judgement.detections.as_slice()).unwrap_or_default(),
        "suppressed": judgement.map(|judgement| judgement.suppressed.as_slice()).unwrap_or_default(),
    });
    format!("{value}\n")
}
