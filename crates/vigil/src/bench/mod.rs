//! `vigil bench`: a load program that measures the gateway as clients see it.
//!
//! The server runs in a process of its own, and so does a raw loop that writes the same bytes to
//! plain sockets: the ceiling of the same run. Clients run here, on one thread, and read both alike.
//! A latency counts from the moment a message was meant to be sent, so a server that falls behind can't
//! hide it.
//!
//! Owns: the clients, the scenarios, the report. Never holds: anything that a server uses.

mod contest;
mod crowd;
mod driver;
mod message;
mod peer;
pub mod report;
mod running;
mod scenario;
mod stage;
pub mod tally;
mod wire;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use vigil_event::Severity;

use self::report::Report;
pub use self::running::Running;
use self::stage::Wanted;
use crate::config::Config;

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Scenario {
    /// How fast connections open
    Connect,
    /// A steady rate of messages to everybody, beside a raw loop
    FanOut,
    /// As many messages as get through, beside a raw loop
    Throughput,
    /// A rate that only joined writes reach, and half of it
    Joined,
    /// A steady rate while some clients do not read
    SlowReaders,
    /// All clients are cut and come back from where they were
    Resume,
    /// Critical messages under a flood of others
    Critical,
}

impl Scenario {
    /// Whether it can be measured in a server that runs already, and not only in a process of our own.
    pub const fn fits_a_running_server(self) -> bool {
        match self {
            Self::Connect | Self::FanOut | Self::SlowReaders | Self::Resume => true,
            Self::Throughput | Self::Joined | Self::Critical => false,
        }
    }
}

/// How much of it.
#[derive(Clone, Debug)]
pub struct Options {
    /// Connections.
    pub subscribers: usize,
    /// Channels, among which the clients are spread.
    pub channels: u64,
    /// The data of a message, in bytes.
    pub size: usize,
    /// Messages a second.
    pub rate: u64,
    /// Messages a second where writes are joined.
    pub joined_rate: u64,
    /// Messages a second that flood, where something floods.
    pub flood_rate: u64,
    /// How long messages are published.
    pub seconds: u64,
    /// Connections a second.
    pub connect_rate: u32,
    /// Threads that share the server's connections (`stream.threads`); 0 for as many as it takes by
    /// itself.
    pub threads: usize,
    /// Where each process that is measured has a directory of its own for its files.
    pub directory: Arc<Path>,
    /// The server that is started speaks TLS.
    pub tls: Option<Pair>,
    /// This one is measured, and none is started.
    pub running: Option<Running>,
}

/// A certificate, which clients trust, and its key: PEM files.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The certificate.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The measured process does not do what it should.
    #[error("the measured process failed: {0}; its own words stand above")]
    Stage(String),
    /// No connection was opened.
    #[error(
        "no client could connect ({failed} failed): is the limit of open files (`ulimit -n`) at least twice the subscribers, and by TLS the certificate a server's for that name, not an authority's?"
    )]
    NobodyConnected {
        /// How many tried.
        failed: u64,
    },
    /// The server's name or certificate makes no sense.
    #[error("the server `{0}`: {1}")]
    Server(String, String),
    /// Something that only a process of our own can be measured in.
    #[error(
        "with --url only connect, fan-out, slow-readers and resume can be measured: leave the others out of --only"
    )]
    OnlyOurOwn,
    /// A process or a file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl Options {
    /// What is published at the steady rate.
    fn wanted(&self) -> Wanted {
        Wanted {
            id: 0,
            channel: match &self.running {
                // Rooms that nobody was in before: messages are numbered from one.
                Some(_) => format!("analysis:bench-{}-{{}}", std::process::id()),
                None if self.channels > 1 => "investigations:bench-{}".to_owned(),
                None => "threats".to_owned(),
            },
            channels: self.channels,
            severity: Severity::Medium,
            bytes: self.size,
            rate: self.rate,
            count: self.rate * self.seconds,
        }
    }
}

/// Runs the scenarios one after the other, on this thread.
pub fn run(options: &Options, scenarios: &[Scenario]) -> Result<Report, BenchError> {
    if options.running.is_some() && !scenarios.iter().all(|one| one.fits_a_running_server()) {
        return Err(BenchError::OnlyOurOwn);
    }
    raise_open_files();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let mut report = Report::default();
        for scenario in scenarios {
            match scenario {
                Scenario::Connect => scenario::connect(options, &mut report).await,
                Scenario::FanOut => scenario::fan_out(options, &mut report).await,
                Scenario::Throughput => contest::throughput(options, &mut report).await,
                Scenario::Joined => scenario::joined(options, &mut report).await,
                Scenario::SlowReaders => scenario::slow_readers(options, &mut report).await,
                Scenario::Resume => scenario::resume(options, &mut report).await,
                Scenario::Critical => scenario::critical(options, &mut report).await,
            }?;
        }
        Ok(report)
    })
}

/// The measured server, until its input ends.
pub async fn stage_gateway(
    directory: &Path,
    (subscribers, threads): (usize, usize),
    tls: Option<Pair>,
) -> Result<(), crate::app::BuildError> {
    raise_open_files();
    let mut config = Config::default();
    config.server.listen = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    config.server.data_dir = directory.to_owned();
    if let Some(pair) = tls {
        config.server.tls_certificate = pair.certificate;
        config.server.tls_key = pair.key;
    }
    // What came and went is audited, and that log is no part of what a connection costs.
    config.stream.history_messages = 1_000;
    // Rooms are not written down: that takes a processor from the fan-out again and again, which is what is
    // measured here.
    config.stream.namespaces = config.namespaces();
    for namespace in config.stream.namespaces.values_mut() {
        namespace.durable = false;
    }
    config.stream.threads = threads;
    config.stream.connections = 2 * subscribers + 100;
    config.stream.connections_per_user = 2 * subscribers + 100;
    config.stream.connections_per_second = 1_000_000;
    stage::gateway(config).await
}

/// The raw loop, until its input ends.
pub fn stage_raw() -> std::io::Result<()> {
    raise_open_files();
    stage::raw()
}

/// As many open files as the system lets us have. If it refuses, connections fail and are counted.
fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let most = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, most) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}
