//! A connection's subscriptions: a cursor each, and a wake-up when its channel goes on.

use std::future::{pending, poll_fn};
use std::task::{Context, Poll};

use tokio::sync::watch;
use tokio_util::sync::ReusableBoxFuture;
use vigil_bus::Bus;

use crate::cursor::{Cursor, Started, Wish};
use crate::telemetry::{Counted, Telemetry};

/// A wake-up for one channel.
pub(crate) struct Wake(ReusableBoxFuture<'static, watch::Receiver<u64>>);

impl Wake {
    pub(crate) fn new(watched: watch::Receiver<u64>) -> Self {
        Self(ReusableBoxFuture::new(next_change(watched)))
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match self.0.poll(context) {
            Poll::Ready(watched) => {
                self.0.set(next_change(watched));
                Poll::Ready(())
            }
            Poll::Pending => Poll::Pending,
        }
    }

    /// Waits until the channel goes on.
    pub(crate) async fn changed(&mut self) {
        poll_fn(|context| self.poll(context)).await;
    }
}

async fn next_change(mut watched: watch::Receiver<u64>) -> watch::Receiver<u64> {
    if watched.changed().await.is_err() {
        // The bus is gone or has no room for the channel: nothing will come.
        pending::<()>().await;
    }
    watched
}

/// One channel that a connection hears.
pub(crate) struct Subscription {
    pub(crate) cursor: Cursor,
    wake: Wake,
    /// There may be items after the cursor.
    pub(crate) pending: bool,
    _counted: Counted,
}

/// All channels that a connection hears.
#[derive(Default)]
pub(crate) struct Subscriptions {
    all: Vec<Subscription>,
    /// Whose turn it is, so that a busy channel does not hold up the others.
    turn: usize,
}

impl Subscriptions {
    /// Adds a subscription, and gives what is to be said of it.
    pub(crate) fn add(&mut self, bus: &dyn Bus, wish: &Wish, telemetry: &Telemetry) -> Started {
        // Watched before it is read, so that nothing falls between the two.
        let wake = Wake::new(bus.watch(wish.channel));
        let (cursor, started) = Cursor::start(bus, wish);
        self.all.push(Subscription {
            cursor,
            wake,
            pending: true,
            _counted: Counted::on(&telemetry.subscriptions),
        });
        started
    }

    /// Takes a subscription out; false if there is none.
    pub(crate) fn remove(&mut self, channel: &str) -> bool {
        let before = self.all.len();
        self.all.retain(|one| one.cursor.channel() != channel);
        self.all.len() < before
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn has(&self, channel: &str) -> bool {
        self.iter().any(|one| one.channel() == channel)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Cursor> {
        self.all.iter().map(|one| &one.cursor)
    }

    /// The next one that may have items, in turn.
    pub(crate) fn next_pending(&mut self) -> Option<&mut Subscription> {
        let count = self.all.len();
        let place = (0..count)
            .map(|step| (self.turn + step) % count)
            .find(|place| self.all.get(*place).is_some_and(|one| one.pending))?;
        self.turn = place + 1;
        self.all.get_mut(place)
    }

    /// Waits until a channel goes on, or until one is known to have done so already.
    pub(crate) async fn ready(&mut self) {
        poll_fn(|context| {
            let mut any = false;
            for one in &mut self.all {
                one.pending |= one.wake.poll(context).is_ready();
                any |= one.pending;
            }
            if any { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}
