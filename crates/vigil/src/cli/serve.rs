//! `vigil serve`: the server.

use std::io::IsTerminal as _;

use super::{Failure, ServeArgs, say};
use vigil_auth::AuthError;
use vigil_source::SourceError;

use crate::app::{App, BuildError};
use crate::config::Overrides;

pub(super) fn run(args: &ServeArgs) -> Result<(), Failure> {
    let config = args.flags.load_with(Overrides {
        listen: args.listen,
        logs: args.logs.clone(),
        from_start: args.from_start,
        ..args.rules.overrides()
    })?;
    runtime()?.block_on(async {
        let app = App::build(config).await?;
        for line in app.greeting()? {
            say!("{line}")?;
        }
        app.run(None).await?;
        Ok(())
    })
}

pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("VIGIL_LOG")
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info")),
        )
        .with_target(false)
        .try_init()
        .unwrap_or_default();
    Ok(tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?)
}

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        match error {
            BuildError::Rules(error) => error.into(),
            BuildError::Setting(_)
            | BuildError::Source(SourceError::Pattern { .. })
            | BuildError::Auth(AuthError::WeakKey { .. } | AuthError::DuplicateKey { .. }) => {
                Self::Input(error.to_string())
            }
            _ => Self::Environment(error.to_string()),
        }
    }
}
