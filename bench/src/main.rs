//! `make bench`: how fast the real parts are, as ratios against a ceiling measured in the same run.
//!
//! Machines are noisy: quote the ratios. Nothing here asserts; it measures and prints.

mod alternatives;
mod crs;
mod keys;
mod latency;
mod lines;
mod profile;
mod state;

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;

/// From this score up an event is a threat.
const THRESHOLD: f64 = 5.0;

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
    /// Measure only this: lines, keys, state, crs, profile or latency
    #[arg(long)]
    only: Option<String>,
    /// Requests of each site that a profile learns from
    #[arg(long, value_name = "REQUESTS", default_value_t = 60_000)]
    profile: usize,
    /// With another number the same sites have other visitors and attackers
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Addresses that visit each of these sites
    #[arg(long, default_value_t = 6_000)]
    visitors: u32,
    /// Measure the profile of only this site
    #[arg(long)]
    site: Option<String>,
    /// Show what the profiles missed and what they were wrong about
    #[arg(long)]
    show: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let wanted = |name: &str| arguments.only.as_deref().is_none_or(|only| only == name);
    if wanted("lines") {
        lines::run(arguments.lines)?;
    }
    if wanted("keys") {
        keys::run()?;
    }
    if wanted("state") {
        state::run(&arguments.vigil)?;
    }
    if wanted("crs") {
        crs::run()?;
    }
    if wanted("profile") {
        profile::run(&profile::Options {
            requests: arguments.profile,
            visitors: arguments.visitors,
            seed: arguments.seed,
            site: arguments.site.clone(),
            show: arguments.show,
        })?;
    }
    if wanted("latency") && arguments.seconds > 0 {
        latency::run(&arguments.vigil, arguments.seconds)?;
    }
    Ok(())
}
