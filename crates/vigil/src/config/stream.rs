//! What clients follow, and what they may cost: the section `stream`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigil_auth::Role;

use super::check::{Problems, expect};

/// The channels that clients follow.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StreamConfig {
    /// Messages of each channel that are kept for clients that come back.
    pub history_messages: usize,
    /// At most this many MiB of them for each channel.
    pub history_mib: usize,
    /// Connections that one user may hold.
    pub connections_per_user: usize,
    /// Connections in all.
    pub connections: usize,
    /// New connections that one address may open within a minute. This machine's own addresses are
    /// not counted, since a proxy's clients all come from there.
    pub connections_per_minute: u32,
    /// New connections within a second, in all. Who comes beyond is answered with 503 and told when to
    /// come again, each a little later than the one before.
    pub connections_per_second: u32,
    /// When the server stops it ends connections one after the other over at most so many seconds, so
    /// that not all clients come back at once. Up to 1000 end within a second.
    pub drain_seconds: u32,
    /// At most so many messages wait for a durable subscription; older ones are told as a gap.
    pub durable_messages: usize,
    /// What waits for a durable subscription for more hours than this is told as a gap.
    pub durable_hours: u32,
    /// Messages of so many bytes and more are compressed for clients that offer permessage-deflate.
    /// 0: nothing is.
    pub compress_from_bytes: usize,
    /// At most about so many MiB wait to be written to WebSockets, of all connections. Beyond it each
    /// gets one message at a time, and what is behind in a bulk channel is told as a gap. Bulk channels
    /// have 80 % of it, those that are neither bulk nor critical 90 %.
    pub queue_mib: usize,
    /// The history of all rooms together has about so many MiB in memory, and a third of it on disk;
    /// never more than a quarter of `store.max_size_mib`. Beyond it the rooms that have most give up their
    /// oldest messages.
    pub rooms_mib: usize,
    /// Rooms that one user may open by speaking in them, but for those who manage and services. One of which
    /// nothing is kept any more counts no longer, nor does what was there at the start.
    pub rooms_per_user: usize,
    /// While messages come to a channel faster than all who hear it can be written to, so many
    /// milliseconds at most are waited between two rounds, so that more goes into each write. 0: none.
    /// Nothing waits in a calm channel, or in one that somebody hears as critical.
    pub gather_ms: u32,
    /// Channels that one connection may hear, each by its name or as a namespace.
    pub subscriptions_per_connection: usize,
    /// Rooms that one connection may hear through namespaces such as `chat:*`.
    pub rooms_per_connection: usize,
    /// A client's message may have so many KiB. A longer one ends the connection.
    pub message_kib: usize,
    /// What a client publishes may have so many KiB.
    pub publish_kib: usize,
    /// Messages that a client may send within a second, pings too.
    pub messages_per_second: u32,
    /// Messages that a client may send at once. As many more are refused one by one, then the
    /// connection ends.
    pub message_burst: u32,
    /// Seconds between two pings of the server, which say where each subscription stands.
    pub ping_seconds: u32,
    /// A connection of which nothing is heard for so many seconds, not even answers to pings, ends.
    pub silence_seconds: u32,
    /// A client that is more than so many messages behind in a bulk channel skips what is older, told
    /// as a gap.
    pub bulk_messages: usize,
    /// Threads that share the connections. 0: one for each processor.
    pub threads: usize,
    /// The namespaces of rooms, by name. `investigations`, `analysis`, `chat` and `user` are there
    /// already; naming one changes it.
    pub namespaces: BTreeMap<String, NamespaceConfig>,
}

/// How the rooms of a namespace are.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NamespaceConfig {
    /// Messages of each room that are kept. 0: a room has no history, and who comes back does not go
    /// on where they were.
    pub history_messages: usize,
    /// Hours after which a room's messages are no longer kept.
    pub history_hours: u32,
    /// Keep rooms on disk, so that they outlive a restart of the server. Without it they begin anew.
    pub durable: bool,
    /// Tell who is in a room, and who comes and goes.
    pub presence: bool,
    /// The roles that may publish, as far as their tokens grant it: viewer, analyst, admin, service.
    #[schemars(with = "Vec<String>")]
    pub publishers: Vec<Role>,
}

impl Default for NamespaceConfig {
    fn default() -> Self {
        Self {
            history_messages: 1_000,
            history_hours: 24,
            durable: true,
            presence: false,
            publishers: Role::ALL.to_vec(),
        }
    }
}

impl NamespaceConfig {
    /// Whether there is something of its rooms to be kept on disk.
    pub(crate) const fn is_kept(&self) -> bool {
        self.durable && self.history_messages > 0
    }
}

impl Default for StreamConfig {
    fn default() -> Self {
        Self {
            history_messages: 10_000,
            history_mib: 64,
            connections_per_user: 10,
            connections: 10_000,
            connections_per_minute: 10,
            connections_per_second: 1_000,
            drain_seconds: 5,
            durable_messages: 1_000,
            durable_hours: 168,
            compress_from_bytes: 1_024,
            queue_mib: 64,
            rooms_mib: 256,
            rooms_per_user: 1_000,
            gather_ms: 4,
            subscriptions_per_connection: 100,
            rooms_per_connection: 1_000,
            message_kib: 1_024,
            publish_kib: 64,
            messages_per_second: 50,
            message_burst: 100,
            ping_seconds: 30,
            silence_seconds: 60,
            bulk_messages: 1_000,
            threads: 0,
            namespaces: BTreeMap::new(),
        }
    }
}

impl StreamConfig {
    /// Notes what is wrong with the values.
    pub(super) fn check(&self, problems: &mut Problems) {
        self.check_server(problems);
        self.check_client(problems);
        self.check_namespaces(problems);
    }

    fn check_server(&self, problems: &mut Problems) {
        expect(
            problems,
            (100..=1_000_000).contains(&self.history_messages),
            "stream.history_messages: must be 100 to 1000000",
        );
        expect(
            problems,
            (1..=65_536).contains(&self.history_mib),
            "stream.history_mib: must be 1 to 65536",
        );
        expect(
            problems,
            self.connections_per_user > 0,
            "stream.connections_per_user: must be at least 1",
        );
        expect(
            problems,
            self.connections > 0,
            "stream.connections: must be at least 1",
        );
        expect(
            problems,
            self.connections_per_minute > 0,
            "stream.connections_per_minute: must be at least 1",
        );
        expect(
            problems,
            self.connections_per_second > 0 && self.drain_seconds <= 600,
            "stream.connections_per_second: must be at least 1, and stream.drain_seconds at most 600",
        );
        expect(
            problems,
            (1..=1_000_000).contains(&self.durable_messages)
                && (1..=876_000).contains(&self.durable_hours),
            "stream.durable_messages: must be 1 to 1000000, and stream.durable_hours 1 to 876000",
        );
        expect(
            problems,
            (1..=65_536).contains(&self.queue_mib),
            "stream.queue_mib: must be 1 to 65536",
        );
        expect(
            problems,
            (1..=65_536).contains(&self.rooms_mib),
            "stream.rooms_mib: must be 1 to 65536",
        );
        expect(
            problems,
            (1..=10_000).contains(&self.rooms_per_user),
            "stream.rooms_per_user: must be 1 to 10000",
        );
        expect(
            problems,
            self.gather_ms <= 100,
            "stream.gather_ms: must be at most 100",
        );
        expect(
            problems,
            self.threads <= 256,
            "stream.threads: must be at most 256",
        );
    }

    fn check_client(&self, problems: &mut Problems) {
        expect(
            problems,
            (1..=10_000).contains(&self.subscriptions_per_connection)
                && self.rooms_per_connection <= 100_000,
            "stream.subscriptions_per_connection: must be 1 to 10000, and stream.rooms_per_connection at most 100000",
        );
        expect(
            problems,
            (1..=65_536).contains(&self.message_kib)
                && (1..=self.message_kib).contains(&self.publish_kib),
            "stream.message_kib: must be 1 to 65536, and stream.publish_kib 1 to stream.message_kib",
        );
        expect(
            problems,
            self.messages_per_second > 0 && self.message_burst > 0,
            "stream.messages_per_second and stream.message_burst: must be at least 1",
        );
        expect(
            problems,
            (1..=3_600).contains(&self.ping_seconds)
                && (self.ping_seconds + 1..=86_400).contains(&self.silence_seconds),
            "stream.ping_seconds: must be 1 to 3600, and stream.silence_seconds more, up to 86400",
        );
        expect(
            problems,
            (1..=1_000_000).contains(&self.bulk_messages),
            "stream.bulk_messages: must be 1 to 1000000",
        );
    }

    fn check_namespaces(&self, problems: &mut Problems) {
        let is_namespace = |name: &String| {
            (1..=32).contains(&name.len())
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        };
        expect(
            problems,
            self.namespaces.len() <= 64 && self.namespaces.keys().all(is_namespace),
            "stream.namespaces: must be at most 64 names of small letters, digits and _, at most 32 each",
        );
        let is_bounded = |namespace: &NamespaceConfig| {
            namespace.history_messages <= 100_000
                && (1..=876_000).contains(&namespace.history_hours)
        };
        expect(
            problems,
            self.namespaces.values().all(is_bounded),
            "stream.namespaces: history_messages must be at most 100000, and history_hours 1 to 876000",
        );
    }
}
