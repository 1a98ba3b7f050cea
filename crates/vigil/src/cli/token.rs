//! `vigil token`: makes a token, signed with the data directory's key, and prints it and nothing else.
//! What revokes tokens stands in `revoke.rs`.

use clap::{Args, Subcommand};
use vigil_auth::{Authority, Grant, Rights, Role, SECRET_FILE};
use vigil_event::{Clock as _, SystemClock};

use super::revoke::{self, RestoreArgs, RevocationsArgs, RevokeArgs};
use super::{ConfigFlags, Failure, say};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct TokenArgs {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    flags: ConfigFlags,
    /// What the token may do: viewer, analyst, admin or service
    #[arg(long, default_value = "viewer")]
    role: Role,
    /// How long it holds, such as 30m, 8h or 7d
    #[arg(long, default_value = "8h", value_parser = lifetime)]
    expires: i64,
    /// Whose it is; shown in an alert's history [default: the role]
    #[arg(long, value_name = "NAME")]
    subject: Option<String>,
    /// A channel that it may follow, or a pattern such as investigations:*; can be given again
    /// [default: what the role may]
    #[arg(long = "channel", value_name = "PATTERN")]
    channels: Vec<String>,
    /// A channel that it may publish to, or a pattern such as chat:*; can be given again [default:
    /// what the role may]
    #[arg(long, value_name = "PATTERN")]
    publish: Vec<String>,
    /// An expression that everything it hears must satisfy
    #[arg(long, value_name = "EXPRESSION", value_parser = expression)]
    filter: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Let a running server accept a token, a user's tokens or a key no longer
    Revoke(RevokeArgs),
    /// Show what is revoked, by whom, why and until when
    Revocations(RevocationsArgs),
    /// Lift a revocation
    Restore(RestoreArgs),
}

pub(super) fn run(args: &TokenArgs) -> Result<(), Failure> {
    match &args.action {
        Some(Action::Revoke(args)) => revoke::revoke(args),
        Some(Action::Revocations(args)) => revoke::list(args),
        Some(Action::Restore(args)) => revoke::restore(args),
        None => make(args),
    }
}

fn make(args: &TokenArgs) -> Result<(), Failure> {
    let config = args.flags.load()?;
    let data_dir = config.data_dir();
    if !data_dir.join(SECRET_FILE).exists() {
        return Err(Failure::Refused(format!(
            "no key in {}: name the server's --data-dir, and start the server once before",
            data_dir.display()
        )));
    }
    let (authority, _) =
        Authority::open(&data_dir).map_err(|error| Failure::Environment(error.to_string()))?;
    let now = SystemClock.now();
    let subject = args.subject.as_deref().unwrap_or(args.role.name());
    let grant = Grant {
        expires_at: Some(now.plus_millis(args.expires)),
        rights: Rights {
            subscribe: patterns(&args.channels),
            publish: patterns(&args.publish),
            filter: args.filter.clone(),
        },
        ..Grant::new(subject, args.role)
    };
    let token = authority
        .issue(&grant, now)
        .map_err(|error| Failure::Input(error.to_string()))?;
    say!("{token}")
}

fn patterns(given: &[String]) -> Option<Vec<String>> {
    (!given.is_empty()).then(|| given.to_vec())
}

/// An expression that the gateway understands: a token with another one grants nothing.
fn expression(text: &str) -> Result<String, String> {
    vigil_gateway::try_filter(text, b"{}").map(|_| text.to_owned())
}

/// A lifetime in milliseconds, of a text such as `8h`.
pub(super) fn lifetime(text: &str) -> Result<i64, String> {
    const LONGEST_MS: i64 = 3_650 * 86_400_000;
    let wrong = || {
        format!("`{text}` is no lifetime: use a number and s, m, h or d, such as 8h, at most 3650d")
    };
    let split = text.len().saturating_sub(1);
    let (number, unit) = text.split_at_checked(split).ok_or_else(wrong)?;
    let unit = match unit {
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(wrong()),
    };
    let number: i64 = number.parse().map_err(|_| wrong())?;
    number
        .checked_mul(unit)
        .filter(|ms| (1..=LONGEST_MS).contains(ms))
        .ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_must_be_understood() {
        assert!(expression("data.score > 8.0").is_ok());
        assert!(expression("data.score >").is_err());
    }

    #[test]
    fn lifetimes_have_a_unit() {
        assert_eq!(lifetime("8h"), Ok(28_800_000));
        assert_eq!(lifetime("90s"), Ok(90_000));
        for wrong in ["", "8", "h", "-1h", "0s", "1y", "9999999d", "1é"] {
            assert!(lifetime(wrong).is_err(), "{wrong}");
        }
    }
}
