//! `vigil replay`: an old log into a running server, or through the whole pipeline right here.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use indicatif::ProgressBar;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use vigil_auth::Role;
use vigil_decode::Format;
use vigil_detect::Judgement;
use vigil_event::text::{escape_invalid, visible};
use vigil_event::{Clock as _, Detection, Event, Score, Severity, SystemClock};

use super::client::{Server, ServerFlags, refusal};
use super::{Failure, RuleFlags, followed, learned, print, say};
use crate::cost::CostReport;
use crate::log_file::{LineLimits, LogFile, progress};
use crate::offline::LineJudge;

/// Lines sent at a time.
const LINES_PER_BATCH: usize = 1_000;
/// Bytes sent at a time, well below what the server takes.
const BYTES_PER_BATCH: usize = 2 << 20;
/// Lists in the summary are this long.
const TOP: usize = 10;

#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(super) struct ReplayArgs {
    /// The log: plain, .gz or .zst
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Judge it here, without a server, and print a summary
    #[arg(long)]
    offline: bool,
    /// With --offline: print one JSON object a threat instead
    #[arg(long, requires = "offline")]
    json: bool,
    /// With --offline --json: print one for every line, also where nothing was found
    #[arg(long, requires = "json")]
    every: bool,
    /// With --offline: judge by the profiles in this file, of `profile train --out` or `profile export`
    #[arg(long, value_name = "FILE", requires = "offline")]
    profile: Option<PathBuf>,
    /// With --offline: print what each rule cost: how often it was looked at, how long that took
    #[arg(long, requires = "offline")]
    cost: bool,
    /// The line format: auto, combined, common, vhost_combined, json, opencanary, zeek, suricata, syslog,
    /// nginx_error or apache_error
    #[arg(long, default_value = "auto")]
    format: Format,
    #[command(flatten)]
    server: ServerFlags,
    #[command(flatten)]
    rules: RuleFlags,
}

pub(super) fn run(args: &ReplayArgs) -> Result<(), Failure> {
    let log = Log::open(args)?;
    if args.offline {
        offline(args, log)
    } else {
        into_server(args, log)
    }
}

/// A log with a bar that shows how far it is read.
struct Log {
    lines: LogFile,
    bar: ProgressBar,
}

impl Log {
    fn open(args: &ReplayArgs) -> Result<Self, Failure> {
        let source = args.config()?.source;
        let bar = progress(fs_err::metadata(&args.file)?.len());
        let limits = LineLimits {
            max_bytes: source.max_line_bytes,
            keep_bytes: source.keep_line_bytes,
        };
        Ok(Self {
            lines: LogFile::open(&args.file, limits, &bar)?,
            bar,
        })
    }

    /// Reads the next line into `line`; false at the end.
    fn next(&mut self, line: &mut Vec<u8>) -> Result<bool, Failure> {
        Ok(self.lines.next(line)?)
    }
}

impl ReplayArgs {
    fn config(&self) -> Result<crate::config::Config, Failure> {
        self.server.config_flags().load_judging(&self.rules)
    }
}

/// What an offline replay found.
#[derive(Default)]
struct Summary {
    lines: u64,
    unparsed: u64,
    threats: u64,
    below: u64,
    let_pass: BTreeMap<&'static str, u64>,
    by_severity: BTreeMap<Severity, u64>,
    by_rule: BTreeMap<String, u64>,
    by_address: BTreeMap<String, u64>,
}

impl Summary {
    fn count(&mut self, judgement: &Judgement, address: &str) {
        self.threats += 1;
        *self.by_severity.entry(judgement.severity).or_default() += 1;
        for detection in &judgement.detections {
            *self.by_rule.entry(detection.title.clone()).or_default() += 1;
        }
        *self.by_address.entry(address.to_owned()).or_default() += 1;
    }

    /// Counts a scan by many, that the line of that number completed, and prints it where threats are.
    fn tell_by_many(&mut self, found: Detection, line: u64, json: bool) -> Result<(), Failure> {
        let judgement = Judgement::alone(found);
        self.count(&judgement, "many");
        if json {
            print_judgement(line, &judgement, true)?;
        }
        Ok(())
    }

    fn count_let_pass(&mut self, judgement: &Judgement) {
        for suppressed in &judgement.suppressed {
            *self.let_pass.entry(suppressed.cause.name()).or_default() += 1;
        }
    }

    fn print(&self) -> Result<(), Failure> {
        say!(
            "{} lines: {} threats, {} with weak signs only, {} no log line",
            self.lines,
            self.threats,
            self.below,
            self.unparsed
        )?;
        for (severity, count) in self.by_severity.iter().rev() {
            say!("  {severity:<14}{count:>10}")?;
        }
        for (cause, count) in &self.let_pass {
            say!(
                "  detections let pass ({}){count:>10}",
                cause.replace('_', " ")
            )?;
        }
        for (title, counts) in [("rules", &self.by_rule), ("addresses", &self.by_address)] {
            let mut sorted: Vec<_> = counts.iter().collect();
            sorted.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
            if !sorted.is_empty() {
                say!("top {title}")?;
            }
            for (name, count) in sorted.into_iter().take(TOP) {
                say!("  {count:>10}  {}", visible(name))?;
            }
        }
        Ok(())
    }
}

/// Whom an event came from, for people.
fn client(event: &Event) -> String {
    let address = event.source_ip.map(|address| address.to_string());
    address.unwrap_or_else(|| "unknown".to_owned())
}

fn offline(args: &ReplayArgs, mut log: Log) -> Result<(), Failure> {
    let config = args.config()?;
    let (rules, _) = crate::rules::load_all(&config.rule_sources())?;
    let rules = Arc::new(rules);
    let options = config.detector_options();
    let mut judge = LineJudge::new(Arc::clone(&rules), &options, config.proxies(), args.format);
    if args.cost {
        judge.measure();
    }
    let threshold = Score::new(config.detect.threat_threshold);
    let now = SystemClock.now();
    let policy = followed(&config, now)?;
    judge.follow(&policy, now);
    let profiles = match &args.profile {
        Some(path) => crate::models::profiles_in(path, &options.profiles)
            .map(Arc::new)
            .map_err(|error| Failure::Input(format!("{}: {error}", path.display())))?,
        None => learned(&config),
    };
    judge.follow_profiles(&profiles);
    let mut summary = Summary::default();
    let mut line = Vec::new();
    let mut number = 0u64;
    while log.next(&mut line)? {
        number += 1;
        if line.is_empty() {
            continue;
        }
        summary.lines += 1;
        let judged = judge.judge(&line, now);
        if let Ok(Some(judgement)) = &judged {
            summary.count_let_pass(judgement);
        }
        match judged {
            Err(_) => {
                summary.unparsed += 1;
                if args.every {
                    say!("{}", json!({"line": number, "error": "no log line"}))?;
                }
            }
            Ok(judgement) => {
                let judgement = judgement.unwrap_or_default();
                let is_threat = judgement.score.value() >= threshold.value();
                if is_threat {
                    summary.count(&judgement, &client(judge.event()));
                } else {
                    summary.below += u64::from(!judgement.detections.is_empty());
                }
                if args.every || (args.json && is_threat) {
                    print_judgement(number, &judgement, is_threat)?;
                }
            }
        }
        if let Some(found) = judge.take_by_many() {
            summary.tell_by_many(found, number, args.json)?;
        }
    }
    log.bar.finish_and_clear();
    if !args.json {
        summary.print()?;
        say!("profiles of {} site(s) in force", profiles.sites.len())?;
    }
    if args.cost {
        print_cost(&CostReport::new(&rules, judge.costs()), args.json)?;
    }
    if summary.lines > 0 && summary.unparsed == summary.lines {
        return Err(Failure::No(
            "no line is in a known format: name it with --format".to_owned(),
        ));
    }
    Ok(())
}

/// The costs as a table or, after the threats, as a last JSON object.
pub(super) fn print_cost(report: &CostReport, as_json: bool) -> Result<(), Failure> {
    if as_json {
        say!("{}", json!({ "cost": report }))
    } else {
        print(format_args!("{}", report.table()))
    }
}

fn print_judgement(line: u64, judgement: &Judgement, is_threat: bool) -> Result<(), Failure> {
    let detections = judgement.detections.iter();
    let rules: Vec<_> = detections.clone().map(|one| one.rule_id.as_str()).collect();
    let reasons: Vec<_> = detections.filter_map(|one| one.reason.as_deref()).collect();
    let score = (judgement.score.value() * 100.0).round() / 100.0;
    say!(
        "{}",
        json!({
            "line": line, "threat": is_threat, "score": score, "severity": judgement.severity,
            "outcome": judgement.outcome, "rules": rules, "reasons": reasons,
        })
    )
}

fn into_server(args: &ReplayArgs, mut log: Log) -> Result<(), Failure> {
    let server = args.server.connect(Role::Service)?;
    let name = source_name(args);
    let mut key = String::new();
    let mut totals = [0u64; 3];
    let mut lines: Vec<Value> = Vec::new();
    let (mut bytes, mut batch) = (0, 0u64);
    let mut line = Vec::new();
    loop {
        let more = log.next(&mut line)?;
        if more && !line.is_empty() {
            if key.is_empty() {
                key = key_of(&line);
            }
            bytes += line.len();
            lines.push(Value::String(escape_invalid(&line)));
        }
        if lines.len() >= LINES_PER_BATCH
            || bytes >= BYTES_PER_BATCH
            || (!more && !lines.is_empty())
        {
            let body = json!({
                "source": name, "format": args.format, "idempotency_key": format!("{key}-{batch}"),
                "lines": std::mem::take(&mut lines),
            });
            send(&server, &body, &mut totals)?;
            batch += 1;
            bytes = 0;
        }
        if !more {
            break;
        }
    }
    log.bar.finish_and_clear();
    say!(
        "{} lines sent: {} threats, {} no log line",
        totals[0],
        totals[1],
        totals[2]
    )
}

/// Sends a batch until the server takes it.
fn send(server: &Server, body: &Value, totals: &mut [u64; 3]) -> Result<(), Failure> {
    loop {
        let mut response = server.post("/api/v1/ingest/batch", body)?;
        match response.status().as_u16() {
            200..=299 => {
                let answer: Value = response.body_mut().read_json().unwrap_or_default();
                for (total, name) in totals.iter_mut().zip(["accepted", "threats", "unparsed"]) {
                    *total += answer.get(name).and_then(Value::as_u64).unwrap_or_default();
                }
                return Ok(());
            }
            429 => {
                let seconds = response
                    .headers()
                    .get("retry-after")
                    .and_then(|value| value.to_str().ok())
                    .and_then(|value| value.parse().ok())
                    .unwrap_or(1);
                std::thread::sleep(Duration::from_secs(u64::min(seconds, 30)));
            }
            _ => return Err(refusal(&mut response)),
        }
    }
}

/// The file's name with what a source's name may not have written as `-`.
fn source_name(args: &ReplayArgs) -> String {
    let name = args.file.file_name().unwrap_or_default().to_string_lossy();
    name.chars()
        .map(|one| {
            if one.is_ascii_alphanumeric() || "._-".contains(one) {
                one
            } else {
                '-'
            }
        })
        .collect()
}

/// What a log's batches are named by: its first line, so that a log that has grown since it was last
/// replayed is still the same log, and nothing in it is stored twice.
fn key_of(first_line: &[u8]) -> String {
    Sha256::digest(first_line)
        .iter()
        .take(12)
        .fold(String::new(), |mut text, byte| {
            _ = write!(text, "{byte:02x}");
            text
        })
}
