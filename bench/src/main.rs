//! `make bench`: how fast the real parts are, as ratios against a ceiling measured in the same run.
//!
//! Machines are noisy: quote the ratios. Nothing here asserts; it measures and prints.

mod alternatives;
mod crs;
mod latency;
mod lines;
mod profile;

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;

/// Measures Vigil.
#[derive(Debug, Parser)]
struct Arguments {
    /// The release binary
    #[arg(long, default_value = "target/release/vigil")]
    vigil: PathBuf,
    /// Lines of the generated log
    #[arg(long, default_value_t = 1_000_000)]
    lines: usize,
    /// Seconds of the latency measurement; 0 leaves it out
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Only how well profiles of sites tell attacks from visitors, learned from so many requests of each
    #[arg(long, value_name = "REQUESTS", num_args = 0..=1, default_missing_value = "60000")]
    profile: Option<usize>,
    /// With --profile: show what was missed and what was wrong
    #[arg(long, requires = "profile")]
    show: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if let Some(requests) = arguments.profile {
        return profile::run(requests, arguments.show);
    }
    lines::run(arguments.lines)?;
    crs::run()?;
    if arguments.seconds > 0 {
        latency::run(&arguments.vigil, arguments.seconds)?;
    }
    Ok(())
}
