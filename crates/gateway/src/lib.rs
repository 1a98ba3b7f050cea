//! Connects clients to the bus: handshake, subscriptions, recovery, fan-out.
//!
//! Each subscription is a position in a channel's log, and what lies between the position and the log's
//! head is sent. Connections belong to shards: while a subscription stands at the head and its socket
//! takes what it is given, the shard's hub of that channel writes to it; otherwise the connection's own
//! task pulls from the log. So nothing is queued for a client; one that is slow holds up itself only, and
//! when the log goes on without it, it is told what it missed.
//!
//! The way in is `route`, `admit`, `connection`, `subscription`; the way out `fan_out` or, for who is behind,
//! `subscription/delivery.rs`, then `frame` and `wire`. Beside it stand `sse`, `publisher` and `manage`.
//!
//! Owns: WebSocket and SSE connections, their subscriptions and limits. Never holds: a store, the
//! meaning of what a channel carries, how somebody proves who they are (the authentication layer
//! puts a [`vigil_auth::Principal`] on each request).
//!
//! To add a command: a variant in `vigil_protocol::Command`, its case in `connection/command.rs`, a test in
//! `tests/it`, a row in `docs/protocol.md`. To add a channel: a name in `vigil_event::channel::PLATFORM`.

mod admit;
mod audit;
mod channel;
mod connection;
mod desk;
mod drain;
mod fan_out;
mod frame;
mod manage;
mod publisher;
mod route;
mod sse;
mod state;
mod subscription;
mod telemetry;
mod wire;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use vigil_event::{Id, Timestamp};
use vigil_protocol::CloseCode;

use admit::admission::Admission;
use connection::roster::Roster;
use drain::Drain;
use fan_out::hub::Means;
use fan_out::shard::Shards;
use frame::form::Projections;
use frame::press::Press;
use publisher::Keys;
use subscription::filter::Filters;
use subscription::presence::Presence;
use wire::budget::Budget;

pub use admit::address::counted_address;
pub use audit::Audit;
pub use channel::{Namespace, Namespaces};
pub use desk::{AlertDesk, Change, DeskError};
pub use state::{GatewayState, Limits};
pub use subscription::durable::{Durables, KeptCursor};
#[doc(hidden)]
pub use subscription::filter::try_filter;
pub use telemetry::Telemetry;

/// The gateway's routes: `/ws`, `/ws/{channel}`, `/api/v1/ws`, `/api/v1/ws/health`, rooms below
/// `/api/v1/ws`, `/sse/{channel}`, and those for whoever manages below `/ws`.
///
/// Each request must carry an `axum::Extension<Principal>`; without one it is answered with 401, but
/// that a WebSocket has some seconds to send its token in a first `auth` frame.
pub fn router(state: GatewayState) -> axum::Router {
    let admission = Admission::new(&state.limits);
    let drain = Drain::new(state.shutdown.clone(), state.limits.drain_spread);
    let started_at = state.clock.now();
    let budget = state.telemetry.output.budget(state.limits.max_queued_bytes);
    let press = Arc::new(Press::new(
        state.limits.compress_from_bytes,
        &state.telemetry,
    ));
    let roster = Arc::default();
    let means = Arc::new(Means {
        bus: Arc::clone(&state.bus),
        clock: Arc::clone(&state.clock),
        telemetry: Arc::clone(&state.telemetry),
        press: Arc::clone(&press),
        gather: state.limits.gather,
    });
    let shards = Shards::start(state.limits.shards, &means, &roster);
    shards.herald(&roster, &state.shutdown, &state.gatekeeper);
    let filters = Filters::new(state.telemetry.too_costly.clone());
    route::all(Arc::new(Gateway {
        state,
        admission: Arc::new(admission),
        drain,
        filters,
        projections: Projections::default(),
        presence: Presence::default(),
        press,
        budget: Arc::new(budget),
        keys: Keys::default(),
        plain: subscription::wish::Plain::default(),
        roster,
        shards,
        hall: admit::greeting::Hall::default(),
        started_at,
    }))
}

/// What all connections share.
struct Gateway {
    state: GatewayState,
    admission: Arc<Admission>,
    drain: Drain,
    filters: Filters,
    projections: Projections,
    presence: Presence,
    press: Arc<Press>,
    budget: Arc<Budget>,
    keys: Keys,
    plain: subscription::wish::Plain,
    roster: Arc<Roster>,
    shards: Shards,
    hall: admit::greeting::Hall,
    started_at: Timestamp,
}

impl Gateway {
    /// How many hear a channel: streams watch the bus themselves, connections through a shard's hub.
    fn watchers(&self, channel: &vigil_bus::ChannelStatus) -> usize {
        let (hubs, seats) = self.shards.hearers(&channel.channel);
        channel.watchers.saturating_sub(hubs) + seats
    }

    /// When that connection is to end because the server stops.
    fn end_of(&self, connection: Id) -> Option<tokio::time::Instant> {
        self.drain.end_of(connection, || self.admission.total())
    }

    /// Waits until that connection is to end because the server stops.
    async fn drained(&self, connection: Id) {
        self.drain
            .reaches(connection, || self.admission.total())
            .await;
    }

    /// What a client is told that is closed for this: a server that stops to come back says so.
    fn told(&self, code: CloseCode) -> CloseCode {
        match code {
            CloseCode::GoingAway if self.state.comes_back.load(Ordering::Acquire) => {
                CloseCode::Restart
            }
            code => code,
        }
    }

    /// When a client that is closed with this code should come back. At a drain the moments are
    /// spread, so that not all come back at once.
    fn retry_after_ms(&self, code: CloseCode, connection: Id) -> Option<u64> {
        let spread_ms = self.state.limits.drain_spread.as_millis() as u64;
        match code {
            CloseCode::GoingAway | CloseCode::Restart | CloseCode::Overloaded => {
                let random = connection
                    .as_bytes()
                    .iter()
                    .rev()
                    .take(4)
                    .fold(0, |sum, byte| (sum << 8) | u64::from(*byte));
                Some(500 + random % spread_ms.max(1))
            }
            CloseCode::RateLimited => Some(10_000),
            _ => None,
        }
    }
}
