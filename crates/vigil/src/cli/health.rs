//! `vigil health`: whether a running server is alive and ready, and if not why.

use clap::Args;
use serde_json::Value;
use vigil_auth::Role;

use super::client::{ServerFlags, refusal};
use super::{Failure, say};

#[derive(Debug, Args)]
pub(super) struct HealthArgs {
    #[command(flatten)]
    server: ServerFlags,
}

pub(super) fn run(args: &HealthArgs) -> Result<(), Failure> {
    let mut response = args.server.connect(Role::Viewer)?.get("/ready")?;
    let status = response.status().as_u16();
    if status != 200 && status != 503 {
        return Err(refusal(&mut response));
    }
    let body: Value = response.body_mut().read_json().unwrap_or_default();
    if status == 200 {
        return say!("ready");
    }
    let reasons: Vec<_> = body
        .get("reasons")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(vigil_event::text::visible)
        .collect();
    Err(Failure::No(format!("not ready: {}", reasons.join("; "))))
}
