//! The command line: what can be asked, and what the exit code says.

mod bench;
mod client;
mod config;
mod demo;
mod explain;
mod health;
mod hunt;
mod profile;
mod replay;
mod revoke;
mod rules;
mod serve;
mod suppress;
mod test_rules;
mod token;
mod train;
mod watch;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};
use vigil_detect::Policy;
use vigil_detect::profile::Profiles;
use vigil_event::Timestamp;
use vigil_event::text::harmless;

use crate::config::{Config, ConfigError, Overrides};
use crate::rules::RulesError;

const EXIT_CODES: &str = "Exit codes:
  0  done
  1  it ran, and the answer is no: an example fails, rules are refused, the server is not ready
  2  the command line, the configuration or a rule is wrong
  3  a file, a directory, a port or the server cannot be used
  4  not allowed: the token is missing, wrong or too weak";

/// Real-time threat detection and event streaming in one binary.
#[derive(Debug, Parser)]
#[command(name = "vigil", version, after_help = EXIT_CODES, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Follow logs, find attacks, keep and stream them
    Serve(ServeArgs),
    /// Show it at work: seeded traffic into a real log, and a page that follows it
    Demo(demo::DemoArgs),
    /// Show the configuration in force, or explain every key
    Config(config::ConfigArgs),
    /// Ask a running server whether it is well
    Health(health::HealthArgs),
    /// Send a log to a running server, or judge it here with --offline
    Replay(replay::ReplayArgs),
    /// Show how one log line is decoded, what fires on it and why
    Explain(explain::ExplainArgs),
    /// Try rules on old logs: what they find, and what they would change
    Hunt(hunt::HuntArgs),
    /// List rules, show what they cover, or have a server load its rules again
    Rules(rules::RulesArgs),
    /// Run the examples of the rules
    TestRules(test_rules::TestRulesArgs),
    /// Let a rule pass for a time, on a running server
    Suppress(suppress::SuppressArgs),
    /// Learn sites from old logs; show, learn from new or put back what a running server knows of them
    Profile(profile::ProfileArgs),
    /// Make a token and print it, or revoke what was given out
    Token(token::TokenArgs),
    /// Measure how fast clients are served on this machine, beside a raw loop
    Bench(bench::BenchArgs),
    /// Follow a channel of a running server in the terminal
    Watch(watch::WatchArgs),
}

/// Where the configuration comes from.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ConfigFlags {
    /// The configuration file
    #[arg(long, value_name = "FILE", env = "VIGIL_CONFIG")]
    config: Option<PathBuf>,
    /// The directory for the database, the secret key and the admin token
    #[arg(long, value_name = "DIR", env = "VIGIL_DATA_DIR")]
    data_dir: Option<PathBuf>,
}

/// Which rules judge, for the commands that do.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct RuleFlags {
    /// A directory of rules to use instead of the built-in ones
    #[arg(long, value_name = "DIR")]
    rules: Option<PathBuf>,
    /// A directory of Sigma rules to add, written for others; can be given again
    #[arg(long, value_name = "DIR")]
    sigma: Vec<PathBuf>,
    /// A directory of OWASP CRS to add, such as /usr/share/modsecurity-crs; can be given again
    #[arg(long, value_name = "DIR")]
    crs: Vec<PathBuf>,
    /// The paranoia level of OWASP CRS, 1 to 4, in place of what its setup says
    #[arg(long, value_name = "LEVEL")]
    crs_paranoia: Option<u8>,
}

#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    flags: ConfigFlags,
    #[command(flatten)]
    rules: RuleFlags,
    /// The address to listen on; port 0 takes a free one [default: 127.0.0.1:8082]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// A log to follow, or a pattern; can be given again
    #[arg(long = "log", value_name = "FILE")]
    logs: Vec<String>,
    /// Read logs that were never read before from their beginning
    #[arg(long)]
    from_start: bool,
}

impl ConfigFlags {
    fn load(&self) -> Result<Config, Failure> {
        self.load_with(Overrides::default())
    }

    /// The configuration with those rules.
    fn load_judging(&self, rules: &RuleFlags) -> Result<Config, Failure> {
        self.load_with(rules.overrides())
    }

    fn load_with(&self, overrides: Overrides) -> Result<Config, Failure> {
        let overrides = Overrides {
            file: self.config.clone(),
            data_dir: self.data_dir.clone(),
            ..overrides
        };
        Ok(crate::config::load(
            &overrides,
            std::env::vars_os().filter_map(|(name, text)| {
                Some((name.into_string().ok()?, text.into_string().ok()?))
            }),
        )?)
    }
}

impl RuleFlags {
    fn overrides(&self) -> Overrides {
        Overrides {
            rules_dir: self.rules.clone(),
            sigma_dirs: self.sigma.clone(),
            crs_dirs: self.crs.clone(),
            crs_paranoia: self.crs_paranoia,
            ..Overrides::default()
        }
    }
}

/// Why a command ended, as its exit code says it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// It ran, and the answer is no.
    #[error("{0}")]
    No(String),
    /// The command line, the configuration or a rule is wrong.
    #[error("{0}")]
    Input(String),
    /// A file, a directory, a port or the server cannot be used.
    #[error("{0}")]
    Environment(String),
    /// Not allowed.
    #[error("{0}")]
    Refused(String),
}

impl Failure {
    const fn code(&self) -> u8 {
        match self {
            Self::No(_) => 1,
            Self::Input(_) => 2,
            Self::Environment(_) => 3,
            Self::Refused(_) => 4,
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        match error {
            ConfigError::Unreadable(_) => Self::Environment(error.to_string()),
            error => Self::Input(format!("configuration: {error}")),
        }
    }
}

impl From<RulesError> for Failure {
    fn from(error: RulesError) -> Self {
        match error {
            RulesError::Unreadable(_) | RulesError::Empty(_) => {
                Self::Environment(error.to_string())
            }
            RulesError::Broken(_) | RulesError::Crs(_) => Self::Input(error.to_string()),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Environment(error.to_string())
    }
}

/// Runs the command line; a failure is told in one line on standard error.
#[expect(clippy::print_stderr, reason = "the command line talks to its user")]
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.command {
        Command::Serve(args) => serve::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Config(args) => config::run(&args),
        Command::Health(args) => health::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Hunt(args) => hunt::run(&args),
        Command::Rules(args) => rules::run(&args),
        Command::TestRules(args) => test_rules::run(&args),
        Command::Suppress(args) => suppress::run(&args),
        Command::Profile(args) => profile::run(&args),
        Command::Token(args) => token::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Watch(args) => watch::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("vigil: {}", harmless(&failure.to_string()));
            ExitCode::from(failure.code())
        }
    }
}

/// The policy that a server with this configuration follows.
#[expect(clippy::print_stderr, reason = "the command line talks to its user")]
fn followed(config: &Config, now: Timestamp) -> Result<Arc<Policy>, Failure> {
    let (policy, unknown) = crate::offline::policy(config, now)
        .map_err(|error| Failure::Environment(error.to_string()))?;
    if let Some(error) = unknown {
        eprintln!("vigil: the server's suppressions are not considered: {error}");
    }
    Ok(policy)
}

/// The profiles of sites that a server in this configuration's data directory has kept.
#[expect(clippy::print_stderr, reason = "the command line talks to its user")]
fn learned(config: &Config) -> Arc<Profiles> {
    let options = config.detector_options().profiles;
    let profiles = crate::models::saved_profiles(&config.data_dir(), &options);
    let profiles = profiles.unwrap_or_else(|error| {
        eprintln!("vigil: what the server learned of sites is not considered: {error}");
        Profiles::default()
    });
    Arc::new(profiles)
}

/// Writes to standard output; a reader that has gone (`| head`) ends the program quietly.
///
/// Whatever is printed, nothing in it steers the terminal, and JSON stays the same JSON.
pub(crate) fn print(text: std::fmt::Arguments<'_>) -> Result<(), Failure> {
    use std::io::Write as _;
    let text = text.to_string();
    let mut out = std::io::stdout().lock();
    let written = out.write_all(harmless(&text).as_bytes());
    match written.and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        result => Ok(result?),
    }
}

/// `print!`, for the command line.
macro_rules! say {
    ($($part:tt)*) => { $crate::cli::print(format_args!("{}\n", format_args!($($part)*))) };
}
pub(crate) use say;
