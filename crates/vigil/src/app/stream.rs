//! What clients stream from: the bus and the gateway as configured, and the file of durable cursors.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fs_err::os::unix::fs::OpenOptionsExt as _;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vigil_bus::{LogLimits, MemoryBus};
use vigil_event::Clock;
use vigil_gateway::{Durables, KeptCursor, Limits, Namespace, Namespaces};

use crate::config::Config;

/// The file of durable cursors in the data directory.
const CURSOR_FILE: &str = "cursors.json";

/// How often cursors that moved are written down. After a crash as much is sent again.
const EVERY: Duration = Duration::from_secs(1);

/// What a room without history keeps for those who are just reading it.
const PASSING_ITEMS: usize = 256;

const HOUR_MS: i64 = 3_600_000;

/// The bus with the limits of channels and rooms.
pub(super) fn bus(config: &Config, clock: &Arc<dyn Clock>) -> MemoryBus {
    let limits = LogLimits {
        max_items: config.stream.history_messages,
        max_bytes: config.stream.history_mib << 20,
        max_bytes_of_rooms: rooms_mib(config) << 20,
        max_rooms_of_owner: config.stream.rooms_per_user,
        ..LogLimits::default()
    };
    let bus = MemoryBus::new(limits, Arc::clone(clock));
    config
        .namespaces()
        .into_iter()
        .fold(bus, |bus, (name, namespace)| {
            let items = match namespace.history_messages {
                0 => PASSING_ITEMS,
                items => items,
            };
            let rooms = LogLimits {
                max_items: items,
                max_age_ms: Some(i64::from(namespace.history_hours) * HOUR_MS),
                max_trail: items,
                ..limits
            };
            let bus = bus.keeping(&name, rooms);
            if namespace.is_kept() {
                bus.telling(&name)
            } else {
                bus
            }
        })
}

/// What all rooms together may have: threats and alerts make way for nothing that clients say.
fn rooms_mib(config: &Config) -> usize {
    let of_the_store = usize::try_from(config.store.max_size_mib / 4).unwrap_or(usize::MAX);
    config.stream.rooms_mib.min(of_the_store)
}

/// The rooms there are.
pub(super) fn namespaces(config: &Config) -> Namespaces {
    let namespaces = config.namespaces().into_iter();
    let namespaces: BTreeMap<_, _> = namespaces
        .map(|(name, namespace)| {
            let rooms = Namespace {
                presence: namespace.presence,
                history: namespace.history_messages > 0,
                publishers: namespace.publishers,
            };
            (name, rooms)
        })
        .collect();
    Namespaces(namespaces)
}

pub(super) fn limits(config: &Config) -> Limits {
    let (stream, usual) = (&config.stream, Limits::default());
    Limits {
        max_connections: stream.connections,
        max_connections_per_user: stream.connections_per_user,
        connections_per_minute: stream.connections_per_minute,
        connections_per_second: stream.connections_per_second,
        drain_spread: Duration::from_secs(u64::from(stream.drain_seconds)),
        durable_items: stream.durable_messages,
        durable_age: Duration::from_secs(u64::from(stream.durable_hours) * 3_600),
        compress_from_bytes: stream.compress_from_bytes,
        max_queued_bytes: stream.queue_mib << 20,
        gather: Duration::from_millis(u64::from(stream.gather_ms)),
        max_subscriptions: stream.subscriptions_per_connection,
        max_rooms: stream.rooms_per_connection,
        max_message_bytes: stream.message_kib << 10,
        max_publish_bytes: stream.publish_kib << 10,
        messages_per_second: stream.messages_per_second,
        message_burst: stream.message_burst,
        ping_interval: Duration::from_secs(u64::from(stream.ping_seconds)),
        silence: Duration::from_secs(u64::from(stream.silence_seconds)),
        bulk_backlog: stream.bulk_messages,
        shards: match stream.threads {
            0 => usual.shards,
            threads => threads,
        },
        ..usual
    }
}

/// Keeps durable cursors over a restart.
pub(super) struct CursorFile {
    pub(super) durables: Arc<Durables>,
    path: PathBuf,
    /// How many changes the file knows of.
    written: u64,
}

impl CursorFile {
    /// With what was kept. A file that makes no sense is told and written anew.
    pub(super) fn open(data_dir: &Path) -> std::io::Result<Self> {
        let path = data_dir.join(CURSOR_FILE);
        let kept: Vec<KeptCursor> = match fs_err::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
                tracing::warn!(%error, path = %path.display(), "the file of durable subscriptions is not understood; they begin anew");
                Vec::new()
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let durables = Arc::new(Durables::new(kept));
        Ok(Self {
            // Clients may be quicker than the task that keeps this.
            written: durables.changes(),
            durables,
            path,
        })
    }

    /// Writes down what moved, until the server has stopped and the last client is gone.
    pub(super) async fn keep(mut self, shutdown: CancellationToken, sockets: TaskTracker) {
        loop {
            let last = tokio::select! {
                () = shutdown.cancelled() => true,
                () = tokio::time::sleep(EVERY) => false,
            };
            if last {
                sockets.wait().await;
            }
            let changes = self.durables.changes();
            if changes != self.written {
                let (path, cursors) = (self.path.clone(), self.durables.all());
                let done = tokio::task::spawn_blocking(move || write(&path, &cursors)).await;
                match done.map_err(std::io::Error::other).flatten() {
                    Ok(()) => self.written = changes,
                    Err(error) => {
                        tracing::error!(%error, "durable subscriptions can't be written down; trying again");
                    }
                }
            }
            if last {
                return;
            }
        }
    }
}

/// Puts the file in place of the last one as a whole.
fn write(path: &Path, cursors: &[KeptCursor]) -> std::io::Result<()> {
    let fresh = path.with_extension("new");
    drop(fs_err::remove_file(&fresh));
    let mut options = fs_err::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut file = options.open(&fresh)?;
    file.write_all(&serde_json::to_vec(cursors)?)?;
    file.sync_all()?;
    drop(file);
    fs_err::rename(&fresh, path)
}
