//! `vigil test-rules`: every rule's own examples, through the real parser, decoder and matcher.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use vigil_event::text::visible;
use vigil_rule::RuleSet;

use super::{Failure, say};
use crate::examples::{Verdict, check};
use crate::junit::junit;
use crate::rules::RulesError;

#[derive(Debug, Args)]
pub(super) struct TestRulesArgs {
    /// Rule files, or directories of them [default: the built-in rules]
    #[arg(value_name = "DIR|FILE")]
    paths: Vec<PathBuf>,
    /// Write the results as JUnit's XML, for a build server
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

pub(super) fn run(args: &TestRulesArgs) -> Result<(), Failure> {
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
