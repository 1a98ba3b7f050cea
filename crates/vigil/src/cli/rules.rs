//! `vigil rules`: which rules there are, what they cover of ATT&CK, and loading a server's anew.

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use vigil_auth::Role;
use vigil_event::Severity;
use vigil_event::text::visible;
use vigil_rule::seclang::{Fate, Listed};
use vigil_rule::{Coverage, Rule, RuleSet};

use super::client::{ServerFlags, refusal};
use super::{ConfigFlags, Failure, RuleFlags, say};

#[derive(Debug, Args)]
pub(super) struct RulesArgs {
    #[command(subcommand)]
    command: RulesCommand,
}

#[derive(Debug, Subcommand)]
enum RulesCommand {
    /// List rules
    List(ListArgs),
    /// Show which ATT&CK techniques the rules can see
    Coverage(CoverageArgs),
    /// List the rules of OWASP CRS: which are in force, and why others are not
    Crs(CrsArgs),
    /// Have a running server load its rules again
    Reload(ReloadArgs),
}

#[derive(Debug, Args)]
struct ListArgs {
    #[command(flatten)]
    flags: ConfigFlags,
    #[command(flatten)]
    rules: RuleFlags,
    /// Of this family
    #[arg(long)]
    family: Option<String>,
    /// At least this level
    #[arg(long, value_name = "LEVEL")]
    min_level: Option<Severity>,
    /// With this ATT&CK technique, or one below it, such as T1059
    #[arg(long)]
    technique: Option<String>,
    /// This text stands in the id, the title or the file
    #[arg(long)]
    text: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct CoverageArgs {
    #[command(flatten)]
    flags: ConfigFlags,
    #[command(flatten)]
    rules: RuleFlags,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Print a layer for ATT&CK Navigator
    #[arg(long, conflicts_with = "json")]
    navigator: bool,
}

#[derive(Debug, Args)]
struct CrsArgs {
    #[command(flatten)]
    flags: ConfigFlags,
    #[command(flatten)]
    rules: RuleFlags,
    /// Only those that are not in force
    #[arg(long)]
    missing: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct ReloadArgs {
    #[command(flatten)]
    server: ServerFlags,
}

pub(super) fn run(args: &RulesArgs) -> Result<(), Failure> {
    match &args.command {
        RulesCommand::List(args) => list(args),
        RulesCommand::Coverage(args) => coverage(args),
        RulesCommand::Crs(args) => crs(args),
        RulesCommand::Reload(args) => reload(args),
    }
}

fn load(flags: &ConfigFlags, rules: &RuleFlags) -> Result<RuleSet, Failure> {
    Ok(crate::rules::load_all(&flags.load_judging(rules)?.rule_sources())?.0)
}

impl ListArgs {
    fn allows(&self, rule: &Rule) -> bool {
        let holds = |part: &str, text: &str| part.to_lowercase().contains(&text.to_lowercase());
        self.family
            .as_ref()
            .is_none_or(|family| rule.family == *family)
            && self.min_level.is_none_or(|level| rule.level >= level)
            && self.technique.as_ref().is_none_or(|wanted| {
                let wanted = wanted.to_ascii_uppercase();
                rule.techniques
                    .iter()
                    .any(|found| *found == wanted || found.starts_with(&format!("{wanted}.")))
            })
            && self.text.as_ref().is_none_or(|text| {
                [&rule.id, &rule.title, &rule.file]
                    .iter()
                    .any(|part| holds(part, text))
            })
    }
}

fn list(args: &ListArgs) -> Result<(), Failure> {
    let rules = load(&args.flags, &args.rules)?;
    let total = rules.all_rules().count();
    let listed: Vec<&Rule> = rules.all_rules().filter(|rule| args.allows(rule)).collect();
    if args.json {
        return say!("{}", json!({"total": total, "items": listed}));
    }
    for rule in &listed {
        say!(
            "{}  {:>4}  {:<28} {}  ({})",
            rule.id,
            rule.score,
            rule.family,
            visible(&rule.title),
            visible(&rule.file)
        )?;
    }
    say!("{} of {total} rules", listed.len())
}

/// What became of each rule of OWASP CRS.
fn crs(args: &CrsArgs) -> Result<(), Failure> {
    let rules = load(&args.flags, &args.rules)?;
    let Some(crs) = rules.crs() else {
        return Err(Failure::Input(
            "no OWASP CRS is configured: name its directory with --crs, such as \
             /usr/share/modsecurity-crs"
                .to_owned(),
        ));
    };
    let is_missing = |rule: &&Listed| matches!(rule.fate, Fate::Off | Fate::Refused);
    let listed: Vec<&Listed> = crs
        .listed()
        .iter()
        .filter(|rule| !args.missing || is_missing(rule))
        .collect();
    let count = |fate: Fate| crs.listed().iter().filter(|rule| rule.fate == fate).count();
    if args.json {
        return say!("{}", json!({"total": crs.listed().len(), "items": listed}));
    }
    for rule in &listed {
        let fate = match rule.fate {
            Fate::Loaded if rule.in_logs => "loaded",
            Fate::Loaded => "loaded, for whole requests",
            Fate::Setup => "setup",
            Fate::Off => "off",
            Fate::Refused => "not loaded",
        };
        let why = rule.reason.as_deref().unwrap_or(&rule.title);
        let (file, line) = (visible(&rule.file), rule.line);
        say!(
            "{:<12} {fate:<26} {}  ({file}:{line})",
            rule.id,
            visible(why)
        )?;
    }
    say!(
        "{} rules of OWASP CRS: {} loaded ({} of them find something by themselves), {} of the setup, \
         {} off, {} not loaded",
        crs.listed().len(),
        count(Fate::Loaded),
        crs.rules().len(),
        count(Fate::Setup),
        count(Fate::Off),
        count(Fate::Refused)
    )
}

fn coverage(args: &CoverageArgs) -> Result<(), Failure> {
    let rules = load(&args.flags, &args.rules)?;
    let coverage = Coverage::of(rules.rules());
    if args.navigator {
        return say!("{}", coverage.navigator_layer("Vigil"));
    }
    if args.json {
        return say!("{}", json!(coverage));
    }
    for technique in &coverage.techniques {
        say!(
            "{:<10} {:>4} rules, up to {:>4}  {}",
            technique.id,
            technique.count,
            technique.max_score,
            technique.tactics.join(", ")
        )?;
    }
    for tactic in coverage.tactics.iter().filter(|tactic| tactic.count > 0) {
        say!("{:<28} {:>4} rules", tactic.name, tactic.count)?;
    }
    say!(
        "{} rules, {} techniques; {} rules name none",
        coverage.rules,
        coverage.techniques.len(),
        coverage.untagged.len()
    )
}

fn reload(args: &ReloadArgs) -> Result<(), Failure> {
    let server = args.server.connect(Role::Admin)?;
    let mut response = server.post("/api/v1/rules/reload", &json!({}))?;
    if response.status().as_u16() == 409 {
        let body: Value = response.body_mut().read_json().unwrap_or_default();
        let problems = body.get("problems").and_then(Value::as_array);
        for problem in problems.into_iter().flatten() {
            let text = |key: &str| problem.get(key).and_then(Value::as_str).unwrap_or_default();
            let line = problem.get("line").and_then(Value::as_u64);
            let place = match (text("file"), line) {
                // What is wrong with all of them is of no file.
                ("", _) => String::new(),
                (file, None) => format!("{}: ", visible(file)),
                (file, Some(line)) => format!("{}:{line}: ", visible(file)),
            };
            say!("{place}{}", visible(text("message")))?;
        }
        return Err(Failure::No(
            "the rules were not loaded; those in force stay".to_owned(),
        ));
    }
    if !response.status().is_success() {
        return Err(refusal(&mut response));
    }
    let body: Value = response.body_mut().read_json().unwrap_or_default();
    let fingerprint = body.get("fingerprint").and_then(Value::as_str);
    say!(
        "{} rules in force, {}",
        body.get("total")
            .and_then(Value::as_u64)
            .unwrap_or_default(),
        fingerprint.unwrap_or_default()
    )
}
