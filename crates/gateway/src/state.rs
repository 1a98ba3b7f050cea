//! What the gateway is given to work with, and the limits it keeps.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vigil_auth::Gatekeeper;
use vigil_bus::Bus;
use vigil_event::{Clock, IdSource};

use crate::{AlertDesk, Audit, Durables, Namespaces, Telemetry};

/// What the gateway is given to work with.
#[derive(Clone)]
pub struct GatewayState {
    /// What is streamed.
    pub bus: Arc<dyn Bus>,
    /// The rooms there are beside the platform's own channels.
    pub namespaces: Arc<Namespaces>,
    /// The cursors of durable subscriptions.
    pub durables: Arc<Durables>,
    /// Who changes alerts.
    pub desk: Arc<dyn AlertDesk>,
    /// Told of who comes, hears, is refused and goes.
    pub audit: Arc<Audit>,
    /// Verifies the tokens by which a connection is renewed.
    pub gatekeeper: Arc<Gatekeeper>,
    /// The present, for expiry.
    pub clock: Arc<dyn Clock>,
    /// Makes connection ids.
    pub ids: Arc<IdSource>,
    /// The machine's name.
    pub node: Arc<str>,
    /// The limits.
    pub limits: Limits,
    /// Other sites whose pages may connect, such as `https://soc.example.org`.
    pub allowed_origins: Arc<[String]>,
    /// Counts what happens.
    pub telemetry: Arc<Telemetry>,
    /// Cancelled when the server stops: every connection is then told and closed.
    pub shutdown: CancellationToken,
    /// Set before `shutdown` is cancelled where the server comes back at once: clients are closed with
    /// [`Restart`](vigil_protocol::CloseCode::Restart) then.
    pub comes_back: Arc<AtomicBool>,
    /// Every connection is tracked here: close it and wait for it after cancelling `shutdown`.
    pub tasks: TaskTracker,
}

/// The limits, each for one connection unless it says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most connections in all. One more is answered with 503.
    pub max_connections: usize,
    /// The most connections of one user. One more is answered with 429.
    pub max_connections_per_user: usize,
    /// The most channels.
    pub max_subscriptions: usize,
    /// The longest message from a client. A longer one closes with 1009.
    pub max_message_bytes: usize,
    /// Messages from a client, a second.
    pub messages_per_second: u32,
    /// Messages from a client at once. As many more are refused one by one; then comes 4002.
    pub message_burst: u32,
    /// How often the server pings, and says positions.
    pub ping_interval: Duration,
    /// After this long without anything from the client comes 4009.
    pub silence: Duration,
    /// A frame that the client has not taken after this long closes with 4008.
    pub write_deadline: Duration,
    /// How long before its token's end a client is warned.
    pub expiry_warning: Duration,
    /// How many items are read from a channel at a time.
    pub page_items: usize,
    /// The most rooms that a connection hears through namespaces such as `chat:*`.
    pub max_rooms: usize,
    /// The longest data that a client may publish.
    pub max_publish_bytes: usize,
    /// A client that is further behind in a bulk channel skips what is older.
    pub bulk_backlog: usize,
    /// At most so many items wait for a durable subscription; older ones are told as a gap.
    pub durable_items: usize,
    /// What waits for a durable subscription for longer than this is told as a gap.
    pub durable_age: Duration,
    /// New connections from one address within a minute. This machine's own are not counted.
    pub connections_per_minute: u32,
    /// How many threads share the connections.
    pub shards: usize,
    /// Messages of this length and more are compressed for clients that agreed to it; 0 = none.
    pub compress_from_bytes: usize,
    /// New connections within a second, in all. One more is answered with 503 and told when to come.
    pub connections_per_second: u32,
    /// When the server stops, connections end at moments spread over at most this time, and clients
    /// are asked to come back at moments spread over it again.
    pub drain_spread: Duration,
    /// How much may wait to be written, over all connections. Beyond it each has no more than one
    /// message waiting, and what is behind in a bulk channel is told as a gap.
    pub max_queued_bytes: usize,
    /// While more comes in a channel than can be handed out as it comes, this is the longest pause
    /// before it is handed out again. Never where somebody hears the channel as critical.
    pub gather: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 10_000,
            max_connections_per_user: 10,
            max_subscriptions: 100,
            max_message_bytes: 1 << 20,
            messages_per_second: 50,
            message_burst: 100,
            ping_interval: Duration::from_secs(30),
            silence: Duration::from_mins(1),
            write_deadline: Duration::from_secs(30),
            expiry_warning: Duration::from_mins(1),
            page_items: 64,
            max_rooms: 1_000,
            max_publish_bytes: 64 << 10,
            bulk_backlog: 1_000,
            durable_items: 1_000,
            durable_age: Duration::from_hours(7 * 24),
            connections_per_minute: 10,
            shards: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            compress_from_bytes: 1 << 10,
            connections_per_second: 1_000,
            drain_spread: Duration::from_secs(5),
            max_queued_bytes: 64 << 20,
            gather: Duration::from_millis(4),
        }
    }
}
