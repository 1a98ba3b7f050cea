//! `vigil token revoke`, `revocations` and `restore`: ends what credentials open, on a running server.

use clap::{ArgGroup, Args};
use serde_json::{Value, json};
use vigil_auth::Role;
use vigil_event::text::visible;
use vigil_event::{Clock as _, Id, Revocation, Revoked, SystemClock};

use super::client::{ServerFlags, answer, odd};
use super::token::lifetime;
use super::{Failure, say};

/// Where revocations are on a server.
const PATH: &str = "/api/v1/tokens/revocations";

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true))]
pub(super) struct RevokeArgs {
    /// The token of that id (its claim jti), with the sessions that were opened with it
    #[arg(long, value_name = "ID", group = "what", value_parser = token_id)]
    token_id: Option<String>,
    /// Everything that this user holds now; what is issued later is accepted
    #[arg(long, value_name = "NAME", group = "what")]
    user: Option<String>,
    /// The API key of that name, or all that the key of that id (kid) signed
    #[arg(long, value_name = "NAME", group = "what")]
    key: Option<String>,
    /// Why, for whoever wonders later
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// How long it holds, such as 8h or 7d: until what it covers has ended [default: until it is
    /// lifted]
    #[arg(long, value_name = "TIME", value_parser = lifetime)]
    expires: Option<i64>,
    #[command(flatten)]
    server: ServerFlags,
}

#[derive(Debug, Args)]
pub(super) struct RevocationsArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerFlags,
}

#[derive(Debug, Args)]
pub(super) struct RestoreArgs {
    /// Its id, as `vigil token revocations` shows it
    #[arg(value_name = "ID")]
    id: Id,
    #[command(flatten)]
    server: ServerFlags,
}

/// A token's own text has two dots; an id has none.
fn token_id(text: &str) -> Result<String, String> {
    if text.matches('.').count() >= 2 {
        return Err(
            "that is a token: give its id (the claim jti), which tells nobody its secret"
                .to_owned(),
        );
    }
    Ok(text.to_owned())
}

pub(super) fn revoke(args: &RevokeArgs) -> Result<(), Failure> {
    let revoked = match (&args.token_id, &args.user, &args.key) {
        (Some(id), _, _) => Revoked::Token(id.clone()),
        (_, Some(name), _) => Revoked::User(name.clone()),
        (_, _, Some(name)) => Revoked::Key(name.clone()),
        (None, None, None) => {
            return Err(Failure::Input(
                "give --token-id, --user or --key".to_owned(),
            ));
        }
    };
    let expires_at = args.expires.map(|ms| SystemClock.now().plus_millis(ms));
    let body = json!({"revoked": revoked, "reason": args.reason, "expires_at": expires_at});
    let made: Revocation = answer(args.server.connect(Role::Admin)?.post(PATH, &body)?)?;
    say!("{}", made.id)
}

pub(super) fn list(args: &RevocationsArgs) -> Result<(), Failure> {
    let body: Value = answer(args.server.connect(Role::Admin)?.get(PATH)?)?;
    let items = body.get("items").cloned().unwrap_or_default();
    if args.json {
        return say!("{items}");
    }
    let items: Vec<Revocation> = serde_json::from_value(items).map_err(odd)?;
    for one in &items {
        let end = one.expires_at.map_or_else(
            || "until it is lifted".to_owned(),
            |end| format!("until {end}"),
        );
        say!(
            "{}  {} {}  {end}, by {} at {}: {}",
            one.id,
            one.revoked.kind(),
            visible(one.revoked.value()),
            visible(&one.author),
            one.created_at,
            visible(&one.reason)
        )?;
    }
    if items.is_empty() {
        say!("nothing is revoked")?;
    }
    Ok(())
}

pub(super) fn restore(args: &RestoreArgs) -> Result<(), Failure> {
    let server = args.server.connect(Role::Admin)?;
    let lifted: Revocation = answer(server.delete(&format!("{PATH}/{}", args.id))?)?;
    let revoked = lifted.revoked;
    say!(
        "accepted again: {} {}",
        revoked.kind(),
        visible(revoked.value())
    )
}
