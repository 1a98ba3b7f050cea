//! `vigil hunt`: rules tried on old logs before they go into production.

use std::path::{Path, PathBuf};

use clap::Args;
use vigil_decode::Format;
use vigil_event::{Clock as _, Score, SystemClock};

use super::replay::print_cost;
use super::{ConfigFlags, Failure, RuleFlags, followed, print, say};
use crate::cost::CostReport;
use crate::hunt::{Hunt, HuntOptions, Place, overlay};
use crate::log_file::{LineLimits, LogFile, progress};

#[derive(Debug, Args)]
pub(super) struct HuntArgs {
    /// Rule files, or directories of them; a rule takes the place of the active one with its id
    #[arg(value_name = "RULES", required = true)]
    hunted: Vec<PathBuf>,
    /// The logs: plain, .gz or .zst; patterns such as '/var/log/nginx/*.gz' are taken too
    #[arg(long = "in", value_name = "FILES", required = true, num_args = 1..)]
    logs: Vec<String>,
    /// Put RULES in the place of all active rules, not beside them
    #[arg(long)]
    replace: bool,
    /// Lines shown as examples, of each rule and of each difference
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(0..=1000))]
    examples: u16,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Print what each hunted rule cost, too
    #[arg(long)]
    cost: bool,
    /// The line format: auto, combined, common, vhost_combined, json, opencanary, zeek, suricata, syslog,
    /// nginx_error or apache_error
    #[arg(long, default_value = "auto")]
    format: Format,
    #[command(flatten)]
    flags: ConfigFlags,
    #[command(flatten)]
    rules: RuleFlags,
}

pub(super) fn run(args: &HuntArgs) -> Result<(), Failure> {
    let config = args.flags.load_judging(&args.rules)?;
    let logs = logs(&args.logs)?;
    let active = crate::rules::read(config.rule_sources().directory.as_deref())?;
    let overlay = overlay(&active, crate::rules::named(&args.hunted)?, args.replace)?;
    let mut hunt = Hunt::new(
        overlay,
        HuntOptions {
            detector: config.detector_options(),
            proxies: config.proxies(),
            format: args.format,
            threshold: Score::new(config.detect.threat_threshold),
            alert_severity: config.detect.alert_severity,
            alert_window_ms: i64::from(config.detect.alert_window_minutes) * 60_000,
            examples: usize::from(args.examples),
        },
    );
    let now = SystemClock.now();
    hunt.follow(&followed(&config, now)?, now);
    if args.cost {
        hunt.measure();
    }
    let limits = LineLimits {
        max_bytes: config.source.max_line_bytes,
        keep_bytes: config.source.keep_line_bytes,
    };
    read(&logs, limits, &mut hunt)?;
    let cost = args.cost.then(|| cost(&hunt));
    let report = hunt.finish();
    if args.json {
        let value = serde_json::to_value(&report).unwrap_or_default();
        say!("{value}")?;
    } else {
        print(format_args!("{}", report.text()))?;
    }
    if let Some(cost) = cost {
        print_cost(&cost, args.json)?;
    }
    if report.lines > 0 && report.unparsed == report.lines {
        return Err(Failure::No(
            "no line is in a known format: name it with --format".to_owned(),
        ));
    }
    Ok(())
}

/// Every log that is named or that a pattern finds, in the order of the command line.
fn logs(named: &[String]) -> Result<Vec<PathBuf>, Failure> {
    let mut logs = Vec::new();
    for name in named {
        if Path::new(name).exists() {
            logs.push(PathBuf::from(name));
            continue;
        }
        let found = glob::glob(name)
            .map_err(|error| Failure::Input(format!("`{name}` is no pattern: {error}")))?;
        let before = logs.len();
        logs.extend(found.filter_map(Result::ok).filter(|path| path.is_file()));
        if logs.len() == before {
            return Err(Failure::Environment(format!(
                "{name}: there is no such file; name the logs to hunt in"
            )));
        }
    }
    Ok(logs)
}

fn read(logs: &[PathBuf], limits: LineLimits, hunt: &mut Hunt) -> Result<(), Failure> {
    let bytes = logs
        .iter()
        .filter_map(|path| fs_err::metadata(path).ok())
        .map(|metadata| metadata.len())
        .sum();
    let bar = progress(bytes);
    let now = SystemClock.now();
    let mut line = Vec::new();
    for path in logs {
        let file = path.display().to_string();
        let mut log = LogFile::open(path, limits, &bar)?;
        let mut number = 0;
        while log.next(&mut line)? {
            number += 1;
            if !line.is_empty() {
                let place = Place {
                    file: &file,
                    line: number,
                };
                hunt.take(place, &line, now);
            }
        }
    }
    bar.finish_and_clear();
    Ok(())
}

/// What the hunted rules cost, as a part of what all rules would.
fn cost(hunt: &Hunt) -> CostReport {
    let (rules, costs) = hunt.costs();
    let mut report = CostReport::new(rules, costs);
    report.rules.retain(|rule| hunt.hunted().contains(&rule.id));
    report.never = hunt.hunted().len() - report.rules.len();
    report
}
