//! `vigil bench`: measures this machine's gateway, beside a raw loop.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::{Failure, say};
use crate::bench::{self, BenchError, Options, Pair, Running, Scenario};

#[derive(Debug, Args)]
pub(super) struct BenchArgs {
    /// Connections
    #[arg(long, default_value_t = 1_000, value_parser = count(1, 100_000))]
    subscribers: u64,
    /// Channels, among which the connections are spread
    #[arg(long, default_value_t = 1, value_parser = count(1, 100_000))]
    channels: u64,
    /// The data of a message, in bytes
    #[arg(long, default_value_t = 200, value_parser = count(64, 1 << 20))]
    size: u64,
    /// Messages a second
    #[arg(long, default_value_t = 10, value_parser = count(1, 1_000_000))]
    rate: u64,
    /// Messages a second where writes are joined, for `joined`
    #[arg(long, default_value_t = 2_000, value_parser = count(2, 1_000_000))]
    joined_rate: u64,
    /// Messages a second of the flood, for `critical`
    #[arg(long, default_value_t = 500, value_parser = count(1, 1_000_000))]
    flood_rate: u64,
    /// How long messages are published, in seconds
    #[arg(long, default_value_t = 5, value_parser = count(1, 3_600))]
    seconds: u64,
    /// Connections a second
    #[arg(long, default_value_t = 1_000, value_parser = count(1, 100_000))]
    connect_rate: u64,
    /// Threads that share the server's connections, as stream.threads: 0 for its default
    #[arg(long, default_value_t = 0, value_parser = count(0, 256))]
    threads: u64,
    /// Only this; can be given again [default: everything, with --url what it can measure]
    #[arg(long, value_name = "NAME", value_enum)]
    only: Vec<Scenario>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Measure this running server (connect, fan-out, slow-readers, resume) instead of starting one. Its
    /// stream.connections and stream.connections_per_user must allow the connections
    #[arg(long, value_name = "URL", conflicts_with = "tls_certificate")]
    url: Option<String>,
    /// The file with a token of role admin for --url [default: the variable VIGIL_TOKEN]
    #[arg(long, value_name = "FILE", requires = "url")]
    token_file: Option<PathBuf>,
    /// A PEM file with the authority of the certificate of --url
    #[arg(long, value_name = "FILE", requires = "url")]
    ca: Option<PathBuf>,
    /// The server that is started speaks TLS with this certificate, which must name 127.0.0.1 (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// Its key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// The program starts itself with this for the process that is measured
    #[arg(long, hide = true, requires = "stage_dir")]
    stage: Option<Stage>,
    #[arg(long, hide = true)]
    stage_dir: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Stage {
    Gateway,
    Raw,
}

fn count(least: u64, most: u64) -> impl Fn(&str) -> Result<u64, String> + Clone + Send + Sync {
    move |text| {
        text.parse()
            .ok()
            .filter(|count| (least..=most).contains(count))
            .ok_or_else(|| format!("`{text}` must be a number from {least} to {most}"))
    }
}

impl BenchArgs {
    fn pair(&self) -> Option<Pair> {
        let (certificate, key) = (self.tls_certificate.as_ref()?, self.tls_key.as_ref()?);
        Some(Pair {
            certificate: certificate.clone(),
            key: key.clone(),
        })
    }

    fn running(&self) -> Result<Option<Running>, Failure> {
        let Some(url) = &self.url else {
            return Ok(None);
        };
        let token = match &self.token_file {
            Some(path) => fs_err::read_to_string(path)
                .map_err(|error| Failure::Input(format!("--token-file: {error}")))?,
            None => std::env::var("VIGIL_TOKEN").map_err(|_| {
                Failure::Input(
                    "with --url a token is needed: --token-file, or the variable VIGIL_TOKEN"
                        .to_owned(),
                )
            })?,
        };
        Ok(Some(Running {
            url: url.clone(),
            token: Arc::from(token.trim()),
            ca: self.ca.clone(),
        }))
    }
}

pub(super) fn run(args: &BenchArgs) -> Result<(), Failure> {
    let subscribers = args.subscribers as usize;
    if let (Some(stage), Some(directory)) = (args.stage, &args.stage_dir) {
        return match stage {
            Stage::Gateway => {
                let runtime = super::serve::runtime()?;
                let size = (subscribers, args.threads as usize);
                Ok(runtime.block_on(bench::stage_gateway(directory, size, args.pair()))?)
            }
            Stage::Raw => Ok(bench::stage_raw()?),
        };
    }
    let directory = tempfile::Builder::new().prefix("vigil-bench-").tempdir()?;
    let options = Options {
        subscribers,
        channels: args.channels,
        size: args.size as usize,
        rate: args.rate,
        joined_rate: args.joined_rate,
        flood_rate: args.flood_rate,
        seconds: args.seconds,
        connect_rate: args.connect_rate as u32,
        threads: args.threads as usize,
        directory: Arc::from(directory.path()),
        tls: args.pair(),
        running: args.running()?,
    };
    let scenarios = scenarios(&args.only, options.running.is_some());
    let report = bench::run(&options, &scenarios)?;
    if args.json {
        let json = serde_json::to_string(&report)
            .map_err(|error| Failure::Environment(error.to_string()))?;
        return say!("{json}");
    }
    for outcome in &report.outcomes {
        say!("{outcome}")?;
    }
    for ratio in &report.ratios {
        say!("{ratio}")?;
    }
    Ok(())
}

/// What is measured: what was asked for, else all that can be.
fn scenarios(asked: &[Scenario], is_running: bool) -> Vec<Scenario> {
    if !asked.is_empty() {
        return asked.to_vec();
    }
    let all = Scenario::value_variants().iter().copied();
    all.filter(|one| !is_running || one.fits_a_running_server())
        .collect()
}

impl From<BenchError> for Failure {
    fn from(error: BenchError) -> Self {
        match error {
            BenchError::OnlyOurOwn => Self::Input(error.to_string()),
            error => Self::Environment(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_running_server_what_can_be_is_measured() {
        use Scenario::{Connect, Critical, FanOut, Resume, SlowReaders};
        assert_eq!(scenarios(&[], false), Scenario::value_variants());
        assert_eq!(scenarios(&[], true), [Connect, FanOut, SlowReaders, Resume]);
        assert_eq!(scenarios(&[Critical], true), [Critical]);
    }
}
