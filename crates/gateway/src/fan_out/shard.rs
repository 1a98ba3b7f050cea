//! Shards: threads that own the connections given to them, each with its own runtime, hubs and timer.
//!
//! A publication wakes each shard once, however many of its connections hear it, and what belongs to one
//! connection is touched by one thread only.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use parking_lot::Mutex;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use vigil_auth::Gatekeeper;

use crate::connection::alarm::Alarms;
use crate::connection::roster::Roster;
use crate::connection::signal::Calls;
use crate::fan_out::hub::{Hub, Means, Spot};
use crate::fan_out::seat::Seat;
use crate::fan_out::word::Wants;

/// After so many steps of its own connections a shard looks for what other threads have woken, such as
/// the hub of a critical channel.
const OTHERS_TURN: u32 = 2;

/// All shards. Their threads end when this is dropped.
pub(crate) struct Shards {
    all: Vec<Arc<Shard>>,
    next: AtomicUsize,
    _alive: Vec<oneshot::Sender<()>>,
}

/// One thread with its connections.
pub(crate) struct Shard {
    handle: Handle,
    means: Arc<Means>,
    pub(crate) alarms: Alarms,
    hubs: Mutex<HashMap<Arc<str>, Arc<Hub>>>,
}

/// A subscription's membership in a hub, given back when it is dropped.
pub(crate) struct Membership {
    shard: Arc<Shard>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) seat: Arc<Seat>,
    spot: Spot,
}

impl Shards {
    /// Starts so many threads. Where none can be had, connections run where they were accepted.
    pub(crate) fn start(count: usize, means: &Arc<Means>, roster: &Arc<Roster>) -> Self {
        let (mut all, mut alive) = (Vec::new(), Vec::new());
        for number in 0..count.max(1) {
            let handle = match thread_with_runtime(number) {
                Ok((handle, ends)) => {
                    alive.push(ends);
                    handle
                }
                Err(error) => {
                    tracing::warn!(%error, "a shard has no thread of its own");
                    match Handle::try_current() {
                        Ok(handle) if all.is_empty() => handle,
                        _ => break,
                    }
                }
            };
            let shard = Arc::new(Shard {
                handle: handle.clone(),
                means: Arc::clone(means),
                alarms: Alarms::default(),
                hubs: Mutex::default(),
            });
            let (clock, roster) = (Arc::clone(&shard), Arc::clone(roster));
            handle.spawn(async move { clock.alarms.run(&roster).await });
            all.push(shard);
        }
        Self {
            all,
            next: AtomicUsize::new(0),
            _alive: alive,
        }
    }

    /// Calls all connections when the server stops, and when a credential is revoked.
    pub(crate) fn herald(
        &self,
        roster: &Arc<Roster>,
        shutdown: &CancellationToken,
        gatekeeper: &Gatekeeper,
    ) {
        let Some(shard) = self.all.first() else {
            return;
        };
        let (roster, shutdown) = (Arc::clone(roster), shutdown.clone());
        let mut revocations = gatekeeper.revocations.changes();
        shard.handle.spawn(async move {
            while !shutdown.is_cancelled() {
                tokio::select! {
                    () = shutdown.cancelled() => {}
                    Ok(()) = revocations.changed() => {}
                }
                for entry in roster.matching(|_, _| true) {
                    entry.signal.raise(Calls::CHECK);
                }
            }
        });
    }

    /// The shard whose turn it is to get a connection.
    pub(crate) fn next(&self) -> Option<&Arc<Shard>> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.all.get(number % self.all.len().max(1))
    }

    /// How many hubs a channel has, and how many subscriptions hear it through them.
    pub(crate) fn hearers(&self, channel: &str) -> (usize, usize) {
        let hubs = self.all.iter().filter_map(|shard| {
            let hubs = shard.hubs.lock();
            hubs.get(channel).map(|hub| hub.seats())
        });
        hubs.fold((0, 0), |(hubs, seats), more| (hubs + 1, seats + more))
    }
}

fn thread_with_runtime(number: usize) -> std::io::Result<(Handle, oneshot::Sender<()>)> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .global_queue_interval(OTHERS_TURN)
        .build()?;
    let handle = runtime.handle().clone();
    let (alive, ended) = oneshot::channel::<()>();
    thread::Builder::new()
        .name(format!("shard-{number}"))
        .spawn(move || {
            // The sender never says anything: it is dropped.
            drop(runtime.block_on(ended));
        })?;
    Ok((handle, alive))
}

impl Shard {
    /// Runs something on the shard's thread.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        drop(self.handle.spawn(task));
    }

    /// Comes into the channel's hub, which is opened if it has to be.
    pub(crate) fn enter(
        self: &Arc<Self>,
        channel: &Arc<str>,
        wants: &Wants,
        seat: Seat,
    ) -> Membership {
        let seat = Arc::new(seat);
        let mut hubs = self.hubs.lock();
        let hub = hubs.entry(Arc::clone(channel)).or_insert_with(|| {
            let bus = &*self.means.bus;
            // Watched before it is asked for its end, so that nothing falls between the two.
            let head = bus.watch(channel);
            let hub = Arc::new(Hub::new(channel, bus));
            self.spawn(Arc::clone(&hub).run(Arc::clone(&self.means), head));
            hub
        });
        Membership {
            spot: hub.enter(wants, &seat),
            hub: Arc::clone(hub),
            shard: Arc::clone(self),
            seat,
        }
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        // Held over both, so that nobody comes in between.
        let mut hubs = self.shard.hubs.lock();
        if self.hub.leave(self.spot) {
            hubs.remove(&self.hub.channel);
            self.hub.end();
        }
    }
}
