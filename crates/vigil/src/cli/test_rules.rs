//! `vigil test-rules`: every rule's own examples, through the real parser, decoder and matcher.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use vigil_event::text::visible;
use vigil_rule::RuleSet;

use super::{ConfigFlags, Failure, RuleFlags, say};
use crate::examples::{Verdict, check};
use crate::junit::junit;
use crate::rules::{RulesError, one_line};

#[derive(Debug, Args)]
pub(super) struct TestRulesArgs {
    /// Rule files, or directories of them [default: the built-in rules]
    #[arg(value_name = "DIR|FILE")]
    paths: Vec<PathBuf>,
    /// Write the results as JUnit's XML, for a build server
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// A directory of Sigma rules written for others: say which of them can be loaded, and why others cannot; can be
    /// given again
    #[arg(long, value_name = "DIR")]
    sigma: Vec<PathBuf>,
    /// The configuration file, for its placeholders
    #[arg(long, value_name = "FILE", env = "VIGIL_CONFIG")]
    config: Option<PathBuf>,
}

pub(super) fn run(args: &TestRulesArgs) -> Result<(), Failure> {
    if !args.sigma.is_empty() {
        return foreign(args);
    }
    let files = if args.paths.is_empty() {
        crate::rules::read(None)?
    } else {
        crate::rules::named(&args.paths)?
    };
    let rules = Arc::new(RuleSet::load(&files).map_err(RulesError::Broken)?);
    let verdicts = check(&rules);
    if let Some(path) = &args.junit {
        fs_err::write(path, junit(&verdicts))?;
    }
    let failed: Vec<&Verdict> = verdicts
        .iter()
        .filter(|verdict| verdict.problem.is_some())
        .collect();
    for verdict in &failed {
        let problem = verdict.problem.as_deref().unwrap_or_default();
        say!(
            "FAIL {} ({}): {problem}",
            visible(&verdict.rule),
            visible(&verdict.file)
        )?;
        for detail in &verdict.details {
            say!("     {detail}")?;
        }
    }
    let without: Vec<_> = rules
        .rules()
        .iter()
        .filter(|rule| rule.examples.is_empty())
        .collect();
    for rule in &without {
        say!(
            "note {} ({}): has no examples",
            visible(&rule.title),
            visible(&rule.file)
        )?;
    }
    say!(
        "{} rules, {} examples: {} passed, {} failed",
        rules.rules().len(),
        verdicts.len(),
        verdicts.len() - failed.len(),
        failed.len()
    )?;
    if failed.is_empty() {
        Ok(())
    } else {
        Err(Failure::No(format!("{} example(s) failed", failed.len())))
    }
}

/// Says what becomes of foreign rules beside our own.
fn foreign(args: &TestRulesArgs) -> Result<(), Failure> {
    let flags = ConfigFlags {
        config: args.config.clone(),
        ..ConfigFlags::default()
    };
    let rules = RuleFlags {
        rules: args.paths.first().cloned(),
        sigma: args.sigma.clone(),
        ..RuleFlags::default()
    };
    let sources = flags.load_judging(&rules)?.rule_sources();
    let (rules, report) = crate::rules::load_all(&sources)?;
    let all = rules.rules();
    let own = all.len().saturating_sub(report.loaded + report.made);
    // They stand behind our own detections, then come our correlations, then the scenarios.
    let correlations = rules.correlations().len() - report.scenarios;
    let first = own.saturating_sub(correlations);
    let last = all.len() - report.scenarios;
    let detections = all.get(first..last - correlations).unwrap_or_default();
    let scenarios = all.get(last..).unwrap_or_default();
    let named = detections.iter().filter(|rule| !rule.feeds_only);
    for rule in named.chain(scenarios) {
        let (level, title, file) = (rule.level, visible(&rule.title), &rule.file);
        say!("loaded {level:<13} {:>4}  {title} ({file})", rule.score)?;
    }
    for note in &report.notes {
        say!("note {}", visible(&one_line(note)))?;
    }
    for refused in &report.refused {
        say!("not loaded {}", visible(&one_line(refused)))?;
    }
    let files: BTreeSet<&str> = report.refused.iter().map(|one| one.file.as_str()).collect();
    say!(
        "{} foreign rules are loaded beside {own} of our own; {} files have something that is not loaded",
        report.loaded,
        files.len()
    )?;
    if report.loaded == 0 {
        return Err(Failure::No("no foreign rule can be loaded".to_owned()));
    }
    Ok(())
}
