//! `vigil suppress`: lets a rule pass for a time, on a running server.

use clap::{Args, Subcommand};
use ipnet::IpNet;
use serde_json::{Value, json};
use vigil_auth::Role;
use vigil_event::text::visible;
use vigil_event::{Clock as _, Id, Suppression, SystemClock, Timestamp};

use super::client::{ServerFlags, answer, odd, refusal};
use super::token::lifetime;
use super::{Failure, say};

/// Where suppressions are on a server.
const PATH: &str = "/api/v1/suppressions";

#[derive(Debug, Args)]
pub(super) struct SuppressArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Let a rule pass from now on
    Add(AddArgs),
    /// Show what is let pass, by whom, why and until when
    List(ListArgs),
    /// End a suppression
    Remove(RemoveArgs),
}

#[derive(Debug, Args)]
struct AddArgs {
    /// A rule's id, a family such as sql_injection, or * for whatever fires
    #[arg(value_name = "RULE")]
    rule: String,
    /// Why, for whoever wonders later
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Only for clients of this address or network
    #[arg(long, value_name = "NETWORK", value_parser = network)]
    network: Option<IpNet>,
    /// Only for this path; * stands for any text
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// Only for this host, or with *. before it for all below it
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// How long it holds, such as 30m, 8h or 7d, or never to hold until it is removed
    #[arg(long, value_name = "TIME", default_value = "30d", value_parser = Expiry::parse)]
    expires: Expiry,
    #[command(flatten)]
    server: ServerFlags,
}

#[derive(Debug, Args)]
struct ListArgs {
    /// Also those that have ended
    #[arg(long)]
    all: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerFlags,
}

#[derive(Debug, Args)]
struct RemoveArgs {
    /// Its id, as `vigil suppress list` shows it
    #[arg(value_name = "ID")]
    id: Id,
    #[command(flatten)]
    server: ServerFlags,
}

/// When a suppression ends, in milliseconds from now; none for never.
#[derive(Clone, Copy, Debug)]
struct Expiry(Option<i64>);

impl Expiry {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "never" => Ok(Self(None)),
            text => lifetime(text).map(|ms| Self(Some(ms))),
        }
    }
}

fn network(text: &str) -> Result<IpNet, String> {
    crate::tables::network(text)
        .ok_or_else(|| format!("`{text}` is no address or network: write it like 192.0.2.0/24"))
}

pub(super) fn run(args: &SuppressArgs) -> Result<(), Failure> {
    match &args.action {
        Action::Add(args) => add(args),
        Action::List(args) => list(args),
        Action::Remove(args) => remove(args),
    }
}

#[expect(clippy::print_stderr, reason = "the command line talks to its user")]
fn add(args: &AddArgs) -> Result<(), Failure> {
    let expires_at = args.expires.0.map(|ms| SystemClock.now().plus_millis(ms));
    let body = json!({
        "rule": args.rule, "network": args.network, "path": args.path, "host": args.host,
        "reason": args.reason, "expires_at": expires_at,
    });
    let server = args.server.connect(Role::Analyst)?;
    let made: Suppression = answer(server.post(PATH, &body)?)?;
    say!("{}", made.id)?;
    // A name may be meant for rules to come, so a wrong one is told and not refused.
    let rules = server.get("/api/v1/rules").and_then(answer::<Value>);
    if rules.is_ok_and(|rules| !names(&rules, &made.rule)) {
        eprintln!(
            "vigil: no rule in force has the id or family `{}`: if it is not meant for a list, a window or a \
             profile, look for the name with `vigil rules list`",
            visible(&made.rule)
        );
    }
    Ok(())
}

/// Whether a rule of the server's has that id or family.
fn names(rules: &Value, name: &str) -> bool {
    let items = rules.get("items").and_then(Value::as_array);
    name == "*"
        || items.into_iter().flatten().any(|rule| {
            ["id", "family"]
                .iter()
                .any(|key| rule.get(key).and_then(Value::as_str) == Some(name))
        })
}

fn list(args: &ListArgs) -> Result<(), Failure> {
    let query = if args.all { "?all=true" } else { "" };
    let server = args.server.connect(Role::Viewer)?;
    let body: Value = answer(server.get(&format!("{PATH}{query}"))?)?;
    let items = body.get("items").cloned().unwrap_or_default();
    if args.json {
        return say!("{items}");
    }
    let items: Vec<Suppression> = serde_json::from_value(items).map_err(odd)?;
    let now = SystemClock.now();
    for one in &items {
        show(one, now)?;
    }
    if items.is_empty() {
        say!("nothing is suppressed")?;
    }
    Ok(())
}

fn show(one: &Suppression, now: Timestamp) -> Result<(), Failure> {
    let scope = [
        one.network.map(|network| format!(" for {network}")),
        one.host.as_ref().map(|host| format!(" on {host}")),
        one.path.as_ref().map(|path| format!(" at {path}")),
    ];
    let scope: String = scope.into_iter().flatten().collect();
    let end = match (&one.removed_by, one.removed_at, one.expires_at) {
        (Some(by), Some(at), _) => format!("removed by {by} at {at}"),
        (_, _, Some(end)) if end <= now => format!("ended at {end}"),
        (_, _, Some(end)) => format!("until {end}"),
        _ => "until it is removed".to_owned(),
    };
    let last = one
        .last_seen
        .map_or_else(String::new, |at| format!(", last {at}"));
    say!("{}  {}{}", one.id, visible(&one.rule), visible(&scope))?;
    say!("    {}", visible(&one.reason))?;
    say!(
        "    by {} at {}, {}; {} hit(s){last}",
        visible(&one.author),
        one.created_at,
        visible(&end),
        one.hits
    )
}

fn remove(args: &RemoveArgs) -> Result<(), Failure> {
    let server = args.server.connect(Role::Analyst)?;
    let mut response = server.delete(&format!("{PATH}/{}", args.id))?;
    if !response.status().is_success() {
        return Err(refusal(&mut response));
    }
    say!("removed")
}
