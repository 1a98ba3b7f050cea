//! The server: built whole, then run, then ended in order.
//!
//! [`App::build`] opens and binds everything, so that whatever is wrong is told before anything
//! runs, and tests use the same path with port 0. [`App::run`] serves until a signal, then drains:
//! clients are told, reading stops, what was read is stored.

mod build;
mod crowd;
mod desk;
mod intake;
mod key_fetch;
mod listen;
mod memory;
mod mirror;
mod pipeline;
mod rooms;
mod status;
mod stream;
mod tables;
mod timely;
pub(crate) mod tls;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vigil_api::Rulebook as _;
use vigil_auth::{Gatekeeper, Principal, Role};
use vigil_event::{Clock, SourceId, SystemClock, Timestamp};
use vigil_store::{Retention, Store, StoreError};

use crate::models::Learning;
use crate::pipeline::{Health, Pipeline};
use crate::rulebook::ActiveRules;
use crate::rules::RulesError;
use crate::tables::TablesError;
use status::StatusTeller;

/// How long the end may take, beside the time that clients are given, before the process goes anyway.
/// Nothing is lost by that: what was not stored is read again.
const STORING: Duration = Duration::from_secs(7);
/// How long the last clients have to end their connections.
const FAREWELL: Duration = Duration::from_secs(3);
/// How often old threats are looked for.
const TRIM_EVERY: Duration = Duration::from_mins(10);

/// Why the server cannot start. Each text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The port is taken, or the address is not this machine's.
    #[error(
        "cannot listen on {address}: {error}; choose another with --listen, or end what holds it"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        error: std::io::Error,
    },
    /// The rules cannot be loaded.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// The database cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The signing key, a key file or the admin token cannot be used.
    #[error(transparent)]
    Auth(#[from] vigil_auth::AuthError),
    /// The data directory cannot be made or read.
    #[error(
        "the data directory cannot be used: {0}; name another with --data-dir, or give it to the user that runs Vigil"
    )]
    DataDir(std::io::Error),
    /// An issuer's key cannot be used.
    #[error("auth.issuers `{name}`: {error}")]
    Issuer {
        /// Its name.
        name: String,
        /// What is wrong with its key.
        error: vigil_auth::AuthError,
    },
    /// The certificate and its key cannot be used.
    #[error("server.tls_certificate: {0}")]
    Tls(#[from] tls::TlsError),
    /// The logs cannot be followed.
    #[error(transparent)]
    Source(#[from] vigil_source::SourceError),
    /// A database of places or a list cannot be opened.
    #[error(transparent)]
    Tables(#[from] TablesError),
    /// A setting names something that cannot be.
    #[error("{0}")]
    Setting(String),
    /// Metrics cannot be registered.
    #[error("cannot register the metrics: {0}; this is a bug, please report it")]
    Metrics(#[from] prometheus::Error),
    /// A file or thread cannot be made.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// A server that is ready to run.
pub struct App {
    address: SocketAddr,
    url: String,
    door: listen::Door,
    gatekeeper: Arc<Gatekeeper>,
    key_fetches: Vec<key_fetch::KeyFetch>,
    data_dir: PathBuf,
    first_start: bool,
    follows_logs: bool,
    missing_logs: Vec<String>,
    pipeline: Pipeline,
    learning: Learning,
    rules: Arc<ActiveRules>,
    store: Arc<dyn Store>,
    retention: Retention,
    health: Arc<Health>,
    status: StatusTeller,
    tables: tables::TableWatch,
    cursors: stream::CursorFile,
    rooms: Arc<rooms::RoomKeeper>,
    /// Over what time connections are ended.
    drain: Duration,
    shutdown: CancellationToken,
    /// Set before `shutdown` is cancelled: this is a restart.
    comes_back: Arc<AtomicBool>,
    sockets: TaskTracker,
    signals: Signals,
}

/// Heard from before the greeting on: whoever has read that may send one, which else would end the
/// process at once.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    restart: Signal,
    hangup: Signal,
}

impl Signals {
    fn heard() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            restart: signal(SignalKind::user_defined1())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }
}

impl App {
    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Under which URL it is asked.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What a person who starts it should read.
    pub fn greeting(&self) -> Result<Vec<String>, BuildError> {
        let mut lines = vec![format!(
            "Vigil {} listens on {}",
            env!("CARGO_PKG_VERSION"),
            self.url()
        )];
        if self.first_start {
            lines.push(format!(
                "Open the page at {} (once, within ten minutes)",
                self.sign_in_url()?
            ));
            lines.push(format!(
                "The admin token is in {}",
                self.data_dir.join(build::ADMIN_TOKEN).display()
            ));
        } else {
            lines.push(format!(
                "Sign in at {}/ui/ with what `vigil token --data-dir {}` prints",
                self.url(),
                self.data_dir.display()
            ));
        }
        for pattern in &self.missing_logs {
            lines.push(format!(
                "{pattern} is not there yet; it is followed once it appears"
            ));
        }
        if !self.follows_logs {
            lines.push("No log is followed: name one with --log FILE".to_owned());
        }
        if !self.address.ip().is_loopback() && self.door.tls.is_none() {
            lines.push("Others can reach this address, and nothing is encrypted: set server.tls_certificate and server.tls_key, or put a TLS proxy before it".to_owned());
        }
        Ok(lines)
    }

    /// An address that opens the page, once.
    pub fn sign_in_url(&self) -> Result<String, BuildError> {
        let admin = Principal::new("admin", Role::Admin);
        let ticket = self.gatekeeper.tickets.issue(admin, SystemClock.now())?;
        Ok(format!("{}/ui/?ticket={ticket}", self.url()))
    }

    /// Carries what is published, for who publishes beside the pipeline.
    pub fn bus(&self) -> Arc<dyn vigil_bus::Bus> {
        Arc::clone(&self.status.bus)
    }

    /// A token of this server.
    pub fn issue(&self, grant: &vigil_auth::Grant) -> Result<String, BuildError> {
        Ok(self.gatekeeper.authority.issue(grant, SystemClock.now())?)
    }

    /// Serves until a signal comes or, if there is one, the limit has passed; then drains.
    pub async fn run(self, limit: Option<Duration>) -> std::io::Result<()> {
        let Signals {
            mut terminate,
            mut interrupt,
            mut restart,
            hangup,
        } = self.signals;
        let tasks = TaskTracker::new();
        if let Some(tls) = &self.door.tls {
            tasks.spawn(Arc::clone(tls).watch(self.shutdown.clone()));
        }
        tasks.spawn(listen::serve(
            self.door,
            tasks.clone(),
            self.shutdown.clone(),
        ));
        tasks.spawn(self.status.tell(self.shutdown.clone()));
        tasks.spawn(self.tables.run(self.shutdown.clone()));
        tasks.spawn(
            self.cursors
                .keep(self.shutdown.clone(), self.sockets.clone()),
        );
        tasks.spawn(Arc::clone(&self.rooms).keep(self.shutdown.clone()));
        for fetch in self.key_fetches {
            tasks.spawn(fetch.run(self.shutdown.clone()));
        }
        tasks.spawn(reload_on(hangup, self.rules, self.shutdown.clone()));
        tasks.spawn(trim(
            self.store,
            self.retention,
            self.health,
            self.shutdown.clone(),
        ));
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            // Who stops the server to start it again says so, and clients hear it.
            _ = restart.recv() => self.comes_back.store(true, Ordering::Release),
            () = passed(limit) => {}
        }
        tracing::info!("stopping");
        self.shutdown.cancel();
        self.sockets.close();
        tasks.close();
        // What was read is stored whatever clients do; they have their time beside that.
        let learning = self.learning;
        let stored = tokio::task::spawn_blocking(move || {
            self.pipeline.stop();
            learning.stop();
        });
        let told = async {
            self.sockets.wait().await;
            tasks.wait().await;
        };
        let farewell = self.drain + FAREWELL;
        let told = tokio::time::timeout(farewell, told);
        let ended = async { tokio::join!(stored, told) };
        let ended = tokio::time::timeout(farewell + STORING, ended).await;
        let is_all = matches!(ended, Ok((_, Ok(()))));
        let rooms = self.rooms;
        drop(tokio::task::spawn_blocking(move || rooms.finish(is_all)).await);
        match ended {
            Ok((_, Ok(()))) => {}
            Ok((_, Err(_))) => tracing::warn!("some connections did not end in time and are cut"),
            Err(_) => {
                tracing::warn!(
                    "some work did not end in time; what was not stored is read again at the next start"
                );
            }
        }
        Ok(())
    }
}

/// Waits until the limit has passed; for ever without one.
async fn passed(limit: Option<Duration>) {
    match limit {
        Some(limit) => tokio::time::sleep(limit).await,
        None => std::future::pending().await,
    }
}

/// Loads the rules again at each such signal. What is wrong with them is told by the rulebook.
async fn reload_on(mut hangup: Signal, rules: Arc<ActiveRules>, shutdown: CancellationToken) {
    loop {
        let heard = tokio::select! {
            () = shutdown.cancelled() => return,
            heard = hangup.recv() => heard,
        };
        if heard.is_none() {
            return;
        }
        let rules = Arc::clone(&rules);
        if let Err(error) = tokio::task::spawn_blocking(move || rules.reload()).await {
            tracing::error!(%error, "loading the rules ended early; those in force stay");
        }
    }
}

/// Forgets where logs stand that are gone for long.
fn forget_logs(store: &dyn Store, now: Timestamp) -> Result<(), StoreError> {
    let mut known = store.checkpoints()?;
    known.retain(|checkpoint| vigil_source::is_over(checkpoint, now));
    let over: Vec<SourceId> = known.into_iter().map(|one| one.source).collect();
    if !over.is_empty() {
        tracing::info!(
            logs = over.len(),
            "gone for long, and where they stand is forgotten"
        );
        store.forget_checkpoints(&over)?;
    }
    Ok(())
}

/// Deletes what is too old or too much, now and then.
async fn trim(
    store: Arc<dyn Store>,
    retention: Retention,
    health: Arc<Health>,
    shutdown: CancellationToken,
) {
    loop {
        let store = Arc::clone(&store);
        let trimmed = tokio::task::spawn_blocking(move || {
            let now = SystemClock.now();
            forget_logs(&*store, now)?;
            store.trim(&retention, now)
        });
        match trimmed.await {
            Ok(Ok(trimmed)) => {
                health.report("retention", None);
                if trimmed.threats + trimmed.alerts > 0 {
                    tracing::info!(
                        threats = trimmed.threats,
                        alerts = trimmed.alerts,
                        "deleted by retention"
                    );
                }
            }
            Ok(Err(error)) => {
                tracing::error!(%error, "retention failed; trying again later");
                health.report("retention", Some(error.to_string()));
            }
            Err(error) => tracing::error!(%error, "retention ended early; trying again later"),
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(TRIM_EVERY) => {}
        }
    }
}
