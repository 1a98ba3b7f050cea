//! TLS (1.2 and 1.3) at the door, with a certificate that can be renewed while the server runs.
//!
//! Owns: the pair in use, and the watch over its files. A pair that cannot be used never takes the
//! place of one that can: that is told on the channel `status`, in the log and in the metrics.
//! Never holds: connections, host names, what is spoken inside.

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use prometheus::{IntCounterVec, IntGauge, Opts, Registry};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, version};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use vigil_enrich::Stamp;

use super::BuildError;
use crate::config::Config;
use crate::pipeline::Health;

/// How long a peer may take for its handshake.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);
/// How often the files are looked at. Changed ones are read at the second look.
const EVERY: Duration = Duration::from_secs(1);
/// More than any chain of certificates has.
const MAX_PEM_BYTES: u64 = 1 << 20;
/// The bit that lets everybody read a file.
const EVERYBODY: u32 = 0o004;
/// The part of the server's health that tells of this.
const PART: &str = "tls";

/// Why a pair cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{0}")]
    Unreadable(#[from] std::io::Error),
    /// The file is longer than any PEM file is.
    #[error("`{}` is longer than {MAX_PEM_BYTES} bytes", .0.display())]
    TooLong(PathBuf),
    /// The file holds no such thing.
    #[error("`{}` holds no {what} as PEM: {error}", .path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
        /// What is wrong.
        error: rustls::pki_types::pem::Error,
    },
    /// The two do not go together, or are of no kind that can be used.
    #[error("`{}` and `{}` are no pair: {error}", .certificate.display(), .key.display())]
    Pair {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong.
        error: rustls::Error,
    },
}

/// The two files.
#[derive(Clone, Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

/// The pair in use.
pub(super) struct Tls {
    files: Files,
    in_use: ArcSwap<ServerConfig>,
    seen: Mutex<Seen>,
    health: Arc<Health>,
    telemetry: Telemetry,
}

/// The files as they were when they were read, and when they were last looked at.
struct Seen {
    read: [Stamp; 2],
    last: [Stamp; 2],
}

impl Tls {
    /// Reads the pair that is configured, if one is.
    pub(super) fn open(
        config: &Config,
        health: &Arc<Health>,
        registry: &Registry,
    ) -> Result<Option<Arc<Self>>, BuildError> {
        if !config.has_tls() {
            return Ok(None);
        }
        let files = Files {
            certificate: config.server.tls_certificate.clone(),
            key: config.server.tls_key.clone(),
        };
        let stamps = files.stamps();
        let tls = Self {
            in_use: ArcSwap::from(files.load()?),
            seen: Mutex::new(Seen {
                read: stamps,
                last: stamps,
            }),
            health: Arc::clone(health),
            telemetry: Telemetry::new(registry)?,
            files,
        };
        tls.tell(None);
        Ok(Some(Arc::new(tls)))
    }

    /// A peer's handshake; none if it came to nothing, or not in time.
    pub(super) async fn accept(&self, stream: TcpStream) -> Option<TlsStream<TcpStream>> {
        let acceptor = TlsAcceptor::from(self.in_use.load_full());
        let (outcome, stream) = match timeout(HANDSHAKE_DEADLINE, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => (Handshake::Done, Some(stream)),
            Ok(Err(error)) => {
                tracing::debug!(%error, "a TLS handshake failed");
                (Handshake::Failed, None)
            }
            Err(_) => (Handshake::Late, None),
        };
        self.telemetry.handshake(outcome);
        stream
    }

    /// Reads the files again when they change, until the server stops.
    pub(super) async fn watch(self: Arc<Self>, shutdown: CancellationToken) {
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
            let tls = Arc::clone(&self);
            if let Err(error) = tokio::task::spawn_blocking(move || tls.refresh()).await {
                tracing::error!(%error, "looking at the TLS files ended early; trying again");
            }
        }
    }

    /// Reads the pair again if it has changed and was then left alone for one look, so that a file
    /// that is just being written is not read by half.
    fn refresh(&self) {
        let now = self.files.stamps();
        let is_due = {
            let mut seen = self.seen.lock();
            let is_due = now != seen.read && now == seen.last;
            seen.last = now;
            if is_due {
                seen.read = now;
            }
            is_due
        };
        if !is_due {
            return;
        }
        match self.files.load() {
            Ok(config) => {
                self.in_use.store(config);
                tracing::info!("the TLS certificate was read again; new connections get it");
                self.tell(None);
                self.telemetry.reloaded(true);
            }
            Err(error) => {
                tracing::error!(%error, "the TLS files changed and cannot be used; the pair in use stays");
                self.tell(Some(&error));
                self.telemetry.reloaded(false);
            }
        }
    }

    /// Says how the pair is.
    fn tell(&self, problem: Option<&TlsError>) {
        let mut notes = Vec::new();
        if let Some(error) = problem {
            notes.push(format!(
                "server.tls_certificate: {error}; the pair in use stays until the files are right"
            ));
        }
        if self.files.is_key_open() {
            notes.push(format!(
                "server.tls_key: everybody on this machine can read {}: take that right away",
                self.files.key.display()
            ));
        }
        self.health.note(PART, notes);
    }
}

impl Files {
    fn stamps(&self) -> [Stamp; 2] {
        [Stamp::of(&self.certificate), Stamp::of(&self.key)]
    }

    fn is_key_open(&self) -> bool {
        fs_err::metadata(&self.key).is_ok_and(|file| file.permissions().mode() & EVERYBODY != 0)
    }

    fn load(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let chain = self.chain()?;
        let key = PrivateKeyDer::from_pem_slice(&read(&self.key)?)
            .map_err(|error| not_pem(&self.key, "private key", error))?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = settings(&provider, chain, key).map_err(|error| TlsError::Pair {
            certificate: self.certificate.clone(),
            key: self.key.clone(),
            error,
        })?;
        Ok(Arc::new(config))
    }

    fn chain(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        certificates(&self.certificate)
    }
}

/// The certificates in a PEM file, at least one.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = read(path)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let chain = chain.map_err(|error| not_pem(path, "certificate", error))?;
    if chain.is_empty() {
        let error = rustls::pki_types::pem::Error::NoItemsFound;
        return Err(not_pem(path, "certificate", error));
    }
    Ok(chain)
}

fn settings(
    provider: &Arc<CryptoProvider>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ServerConfig, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(&[&version::TLS13, &version::TLS12])?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // Many thousands who come back at once do so without a signature each, and nothing is kept here
    // for those who do not.
    config.ticketer = aws_lc_rs::Ticketer::new()?;
    config.send_tls13_tickets = 1;
    Ok(config)
}

fn not_pem(path: &Path, what: &'static str, error: rustls::pki_types::pem::Error) -> TlsError {
    TlsError::Pem {
        path: path.to_owned(),
        what,
        error,
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let mut bytes = Vec::new();
    let mut file = fs_err::File::open(path)?.take(MAX_PEM_BYTES + 1);
    file.read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_PEM_BYTES {
        return Err(TlsError::TooLong(path.to_owned()));
    }
    Ok(bytes)
}

/// How a handshake ended.
#[derive(Clone, Copy)]
enum Handshake {
    Done,
    Failed,
    Late,
}

impl Handshake {
    const ALL: [Self; 3] = [Self::Done, Self::Failed, Self::Late];

    const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Late => "late",
        }
    }
}

/// What is counted of this.
struct Telemetry {
    handshakes: IntCounterVec,
    reloads: IntCounterVec,
    stale: IntGauge,
}

impl Telemetry {
    fn new(registry: &Registry) -> prometheus::Result<Self> {
        let telemetry = Self {
            handshakes: IntCounterVec::new(
                Opts::new("vigil_tls_handshakes_total", "TLS handshakes, by outcome."),
                &["outcome"],
            )?,
            reloads: IntCounterVec::new(
                Opts::new(
                    "vigil_tls_reloads_total",
                    "Times the certificate's files were read again, by outcome.",
                ),
                &["outcome"],
            )?,
            stale: IntGauge::new(
                "vigil_tls_stale",
                "1 while the certificate's files hold a pair that cannot be used, and an older one is served.",
            )?,
        };
        for outcome in Handshake::ALL {
            telemetry.handshakes.with_label_values(&[outcome.name()]);
        }
        for outcome in ["done", "failed"] {
            telemetry.reloads.with_label_values(&[outcome]);
        }
        registry.register(Box::new(telemetry.handshakes.clone()))?;
        registry.register(Box::new(telemetry.reloads.clone()))?;
        registry.register(Box::new(telemetry.stale.clone()))?;
        Ok(telemetry)
    }

    fn handshake(&self, outcome: Handshake) {
        self.handshakes.with_label_values(&[outcome.name()]).inc();
    }

    fn reloaded(&self, is_done: bool) {
        let outcome = if is_done { "done" } else { "failed" };
        self.reloads.with_label_values(&[outcome]).inc();
        self.stale.set(i64::from(!is_done));
    }
}
