//! `vigil config`: the configuration in force, or every key explained.
//!
//! There is no secret to hide in it: secrets are in files of their own, and only the files' names
//! are configuration.

use clap::Args;

use super::{ConfigFlags, Failure, RuleFlags, print, say};
use crate::config::reference::reference;

#[derive(Debug, Args)]
pub(super) struct ConfigArgs {
    #[command(flatten)]
    flags: ConfigFlags,
    #[command(flatten)]
    rules: RuleFlags,
    /// Print every key with its default and what it means
    #[arg(long)]
    explain: bool,
}

pub(super) fn run(args: &ConfigArgs) -> Result<(), Failure> {
    if args.explain {
        return print(format_args!("{}", reference()));
    }
    let mut config = args.flags.load_judging(&args.rules)?;
    config.server.data_dir = config.data_dir();
    let text = toml::to_string(&config).map_err(|error| Failure::Input(error.to_string()))?;
    say!("{}", text.trim_end())
}
