//! `vigil test-rules`: every rule's own examples, through the real parser, decoder and matcher.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::{Failure, say};
use crate::examples::{Verdict, check};

#[derive(Debug, Args)]
pub(super) struct TestRulesArgs {
    /// A directory of rules [default: the built-in ones]
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
}

pub(super) fn run(args: &TestRulesArgs) -> Result<(), Failure> {
    let rules = Arc::new(crate::rules::load(args.directory.as_deref())?);
    let verdicts = check(&rules);
    let failed: Vec<&Verdict> = verdicts
        .iter()
        .filter(|verdict| verdict.problem.is_some())
        .collect();
    for verdict in &failed {
        let problem = verdict.problem.as_deref().unwrap_or_default();
        say!("FAIL {} ({}): {problem}", verdict.rule, verdict.file)?;
    }
    let without: Vec<_> = rules
        .rules()
        .iter()
        .filter(|rule| rule.examples.is_empty())
        .collect();
    for rule in &without {
        say!("note {} ({}): has no examples", rule.title, rule.file)?;
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
