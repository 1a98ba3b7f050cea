//! `vigil profile`: what a running server has learned of sites, and what is to become of it.

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use vigil_auth::Role;
use vigil_event::text::visible;

use super::client::{Server, ServerFlags, answer, encoded, odd, refusal};
use super::{Failure, say};

/// Where the profiles are on a server.
const PATH: &str = "/api/v1/models";
/// More than a profile has.
const MAX_EXPORT_BYTES: u64 = 256 << 20;
/// Paths of a site that are shown.
const SHOWN_PATHS: usize = 40;

const TRAIN: &str = "Learn sites from old logs that you vouch for, also without a server.

A server trusts what many networks have shown over hours. Of a log that you vouch for each line counts, \
so that few clients and a short time are enough: some thousand requests of each site. What a rule finds \
teaches nothing all the same; attacks that no rule finds are learned as usual, so leave them out.

A profile is put in force if at most detect.profiles.max_false_alarms of the newest requests did not fit \
what was learned before them. It replaces what is known of the site, and goes on learning. It is kept as \
a version; `vigil profile rollback` puts back another.

Without a server it stands in the data directory afterwards, and a server begins with it. A server that \
runs on this data directory puts it in force at once.

  vigil profile train access.log.2 access.log.1 --data-dir DIR
  vigil replay --offline --json --every today.log --data-dir DIR";

#[derive(Debug, Args)]
pub(super) struct ProfileArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Learn sites from old logs that you vouch for, also without a server
    #[command(long_about = TRAIN)]
    Train(super::train::TrainArgs),
    /// List the sites, or show what is known of one
    Show(ShowArgs),
    /// Print everything that was learned of a site, as JSON
    Export(SiteArgs),
    /// Forget a site: it is learned from nothing
    Reset(SiteArgs),
    /// Learn sites from new, beside the version in force
    Retrain(RetrainArgs),
    /// Put a kept version of a site in force again
    Rollback(RollbackArgs),
}

#[derive(Debug, Args)]
struct ShowArgs {
    /// The host; - for the one without a name
    #[arg(value_name = "SITE")]
    site: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerFlags,
}

#[derive(Debug, Args)]
struct SiteArgs {
    /// The host; - for the one without a name
    #[arg(value_name = "SITE")]
    site: String,
    #[command(flatten)]
    server: ServerFlags,
}

#[derive(Debug, Args)]
struct RetrainArgs {
    /// The host [default: every site]
    #[arg(value_name = "SITE")]
    site: Option<String>,
    #[command(flatten)]
    server: ServerFlags,
}

#[derive(Debug, Args)]
struct RollbackArgs {
    /// The host; - for the one without a name
    #[arg(value_name = "SITE")]
    site: String,
    /// The version, as `vigil profile show` lists them
    #[arg(value_name = "VERSION")]
    version: u32,
    #[command(flatten)]
    server: ServerFlags,
}

pub(super) fn run(args: &ProfileArgs) -> Result<(), Failure> {
    match &args.action {
        Action::Train(args) => super::train::run(args),
        Action::Show(args) => show(args),
        Action::Export(args) => export(args),
        Action::Reset(args) => reset(args),
        Action::Retrain(args) => retrain(args),
        Action::Rollback(args) => rollback(args),
    }
}

/// The path of a site, whose name may be anything.
pub(super) fn path_of(site: &str) -> String {
    format!("{PATH}/{}", encoded(site))
}

fn show(args: &ShowArgs) -> Result<(), Failure> {
    let server = args.server.connect(Role::Viewer)?;
    let path = args
        .site
        .as_deref()
        .map_or_else(|| PATH.to_owned(), path_of);
    let body: Value = answer(server.get(&path)?)?;
    if args.json {
        return say!("{body}");
    }
    let Some(items) = body.get("items").and_then(Value::as_array) else {
        line(&body)?;
        return paths(&body);
    };
    for one in items {
        line(one)?;
    }
    if items.is_empty() {
        say!("no site is known yet")?;
    }
    Ok(())
}

fn line(one: &Value) -> Result<(), Failure> {
    let text = |name: &str| one.get(name).and_then(Value::as_str).unwrap_or_default();
    let number = |name: &str| one.get(name).and_then(Value::as_u64).unwrap_or_default();
    let share = |name: &str| one.get(name).and_then(Value::as_f64);
    let site = match text("site") {
        "" => "-",
        site => site,
    };
    say!(
        "{}  {}, version {}; {} requests from about {} addresses, {} paths and parameters, {} kB",
        visible(site),
        text("state"),
        number("version"),
        number("requests"),
        number("addresses"),
        number("places"),
        number("bytes").div_ceil(1_000)
    )?;
    let versions = one.get("versions").and_then(Value::as_array);
    let versions: Vec<String> = versions
        .into_iter()
        .flatten()
        .map(Value::to_string)
        .collect();
    if !versions.is_empty() {
        say!("    versions kept: {}", versions.join(", "))?;
    }
    if let Some(odd) = share("odd_share") {
        say!(
            "    {:.2} % of requests did not fit on the last trial",
            odd * 100.0
        )?;
    }
    let what = if one.get("is_retraining") == Some(&Value::Bool(true)) {
        "learned from new"
    } else {
        "learning"
    };
    match one.get("lacks").and_then(Value::as_str) {
        Some(lacks) => say!(
            "    {what}, {:.0} % done: {}",
            share("progress").unwrap_or_default() * 100.0,
            visible(lacks)
        ),
        None => Ok(()),
    }
}

fn paths(body: &Value) -> Result<(), Failure> {
    let all = body.get("paths").and_then(Value::as_array);
    let all: Vec<&Value> = all.into_iter().flatten().collect();
    for one in all.iter().take(SHOWN_PATHS) {
        let text = |value: &Value, name: &str| {
            visible(value.get(name).and_then(Value::as_str).unwrap_or_default())
        };
        let list = |name: &str| {
            let items = one.get(name).and_then(Value::as_array);
            let items: Vec<&str> = items
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            items.join(" ")
        };
        let requests = one
            .get("requests")
            .and_then(Value::as_u64)
            .unwrap_or_default();
        say!(
            "  {requests:>9}  {} {} {}",
            list("methods"),
            text(one, "path"),
            list("statuses")
        )?;
        let parameters = one.get("parameters").and_then(Value::as_array);
        for parameter in parameters.into_iter().flatten() {
            say!(
                "               {}: {}",
                text(parameter, "name"),
                text(parameter, "values")
            )?;
        }
    }
    match all.len().saturating_sub(SHOWN_PATHS) {
        0 => Ok(()),
        more => say!("  {more} further paths; --json shows them"),
    }
}

fn export(args: &SiteArgs) -> Result<(), Failure> {
    let server = args.server.connect(Role::Admin)?;
    let mut response = server.get(&format!("{}/export", path_of(&args.site)))?;
    if !response.status().is_success() {
        return Err(refusal(&mut response));
    }
    let body = response.body_mut().with_config().limit(MAX_EXPORT_BYTES);
    say!("{}", body.read_to_string().map_err(odd)?)
}

fn reset(args: &SiteArgs) -> Result<(), Failure> {
    let server = args.server.connect(Role::Admin)?;
    let mut response = server.delete(&path_of(&args.site))?;
    if !response.status().is_success() {
        return Err(refusal(&mut response));
    }
    say!("forgotten")
}

fn retrain(args: &RetrainArgs) -> Result<(), Failure> {
    let server: Server = args.server.connect(Role::Admin)?;
    let site = args
        .site
        .as_deref()
        .map(|site| if site == "-" { "" } else { site });
    let body = match site {
        Some(site) => json!({ "site": site }),
        None => json!({}),
    };
    let answered: Value = answer(server.post(&format!("{PATH}/retrain"), &body)?)?;
    let count = answered
        .get("retraining")
        .and_then(Value::as_u64)
        .unwrap_or_default();
    say!("{count} site(s) are learned from new; `vigil watch models` follows it")
}

fn rollback(args: &RollbackArgs) -> Result<(), Failure> {
    let server = args.server.connect(Role::Admin)?;
    let path = format!("{}/rollback", path_of(&args.site));
    let body = json!({ "version": args.version });
    line(&answer(server.post(&path, &body)?)?)
}
