//! `vigil profile train`: sites learned from old logs that the operator vouches for.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};
use vigil_auth::Role;
use vigil_decode::Format;
use vigil_detect::profile::{ModelStatus, State};
use vigil_event::text::visible;
use vigil_event::{Clock as _, SystemClock};
use vigil_store::{SqliteStore, StoreError};

use super::client::{ServerFlags, answer};
use super::profile::path_of;
use super::{Failure, RuleFlags, followed, say};
use crate::config::Config;
use crate::log_file::{LineLimits, LogFile, progress};
use crate::models::{FileError, ModelFiles, Put, Trained, Training};

#[derive(Debug, Args)]
pub(super) struct TrainArgs {
    /// The logs, oldest first: plain, .gz or .zst
    #[arg(value_name = "LOG", required = true)]
    logs: Vec<PathBuf>,
    /// Only this host; - for the one without a name [default: every site in the logs]
    #[arg(long, value_name = "SITE")]
    site: Option<String>,
    /// Write the profiles to this file, for `replay --profile`, and change nothing else
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Put them in force even if more did not fit on trial than detect.profiles.max_false_alarms
    #[arg(long)]
    anyway: bool,
    /// The line format: auto, combined, common, vhost_combined, json, opencanary, zeek, suricata, syslog,
    /// nginx_error or apache_error
    #[arg(long, default_value = "auto")]
    format: Format,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerFlags,
    #[command(flatten)]
    rules: RuleFlags,
}

pub(super) fn run(args: &TrainArgs) -> Result<(), Failure> {
    let config = args.server.config_flags().load_judging(&args.rules)?;
    let trained = learn(args, &config)?;
    let put = if trained.saved.models.is_empty() {
        Vec::new()
    } else {
        put(args, &config, &trained)?
    };
    report(args, &trained, &put)?;
    if trained.saved.models.is_empty() {
        return Err(Failure::No(
            "no profile is good enough to be put in force; a longer log may do, or --anyway"
                .to_owned(),
        ));
    }
    Ok(())
}

fn learn(args: &TrainArgs, config: &Config) -> Result<Trained, Failure> {
    let (rules, _) = crate::rules::load_all(&config.rule_sources())?;
    let options = config.detector_options();
    let mut training = Training::new(Arc::new(rules), &options, config.proxies(), args.format);
    let now = SystemClock.now();
    training.follow(&followed(config, now)?, now);
    let limits = LineLimits {
        max_bytes: config.source.max_line_bytes,
        keep_bytes: config.source.keep_line_bytes,
    };
    let mut line = Vec::new();
    for log in &args.logs {
        let bar = progress(fs_err::metadata(log)?.len());
        let mut lines = LogFile::open(log, limits, &bar)?;
        while lines.next(&mut line)? {
            if !line.is_empty() {
                training.learn(&line, now);
            }
        }
        bar.finish_and_clear();
    }
    let site = args.site.as_deref();
    let site = site.map(|site| if site == "-" { "" } else { site });
    Ok(training.conclude(args.anyway, site))
}

/// Writes the profiles where they are wanted: to a file, into the data directory, or into that of a
/// server that runs and is asked to put them in force.
fn put(args: &TrainArgs, config: &Config, trained: &Trained) -> Result<Vec<Put>, Failure> {
    if let Some(out) = &args.out {
        crate::models::write(out, &trained.saved).map_err(|error| broken(out, &error))?;
        return Ok(Vec::new());
    }
    let directory = config.data_dir();
    let files = ModelFiles::new(&directory);
    let saved = trained.saved.clone();
    let put = match SqliteStore::hold(&config.database()) {
        Ok(_held) => {
            let options = config.detector_options().profiles;
            let put = files.put_in_force(saved, &options);
            return put.map_err(|error| broken(&directory, &error));
        }
        Err(StoreError::InUse { .. }) => files
            .put_aside(saved)
            .map_err(|error| broken(&directory, &error))?,
        Err(error) => return Err(Failure::Environment(error.to_string())),
    };
    let server = args.server.connect(Role::Admin)?;
    let mut in_force = Vec::new();
    for one in put {
        let path = format!("{}/rollback", path_of(&one.site));
        let answered: Value = answer(server.post(&path, &json!({ "version": one.version }))?)?;
        let version = answered.get("version").and_then(Value::as_u64);
        in_force.push(Put {
            version: version
                .and_then(|number| u32::try_from(number).ok())
                .unwrap_or(one.version),
            ..one
        });
    }
    Ok(in_force)
}

fn broken(path: &Path, error: &FileError) -> Failure {
    Failure::Environment(format!("{}: {error}", path.display()))
}

fn report(args: &TrainArgs, trained: &Trained, put: &[Put]) -> Result<(), Failure> {
    let version = |site: &str| {
        put.iter()
            .find(|one| one.site == site)
            .map(|one| one.version)
    };
    if args.json {
        let sites: Vec<Value> = trained
            .sites
            .iter()
            .map(|status| json!({ "profile": status, "in_force": version(&status.site) }))
            .collect();
        return say!("{}", json!({ "lines": trained.tally, "sites": sites }));
    }
    let tally = trained.tally;
    say!(
        "{} lines: {} taught, {} taught nothing since a rule found something or they are no requests, {} no log line",
        tally.lines,
        tally.lines - tally.unparsed - tally.left_out,
        tally.left_out,
        tally.unparsed
    )?;
    for status in &trained.sites {
        let outcome = match (status.state, version(&status.site), &args.out) {
            (State::Active, _, Some(out)) => format!("written to {}", out.display()),
            (State::Active, Some(version), None) => format!("in force, version {version}"),
            _ => format!(
                "not in force: {}",
                status.lacks.as_deref().unwrap_or("it was not wanted")
            ),
        };
        say!("{}  {outcome}", site_name(status))?;
        say!(
            "    {} requests from about {} addresses, {} paths and parameters{}",
            status.requests,
            status.addresses,
            status.places,
            status.odd_share.map_or_else(String::new, |share| {
                format!("; {:.2} % did not fit on trial", share * 100.0)
            })
        )?;
    }
    Ok(())
}

fn site_name(status: &ModelStatus) -> String {
    if status.site.is_empty() {
        "-".to_owned()
    } else {
        visible(&status.site)
    }
}
