//! A connection's subscriptions: a cursor each, and a wake-up when its channel goes on.

use std::collections::HashSet;
use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::ReusableBoxFuture;
use vigil_bus::Bus;
use vigil_protocol::Lane;

use crate::cursor::{Cursor, Start, Started};
use crate::presence::Present;
use crate::sift::Sift;
use crate::telemetry::{Counted, Telemetry};
use crate::wish::Options;

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

/// What a durable subscription that comes back sends first: the critical items of what waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ahead {
    /// How far critical items were looked for.
    pub(crate) after: u64,
    /// How far they are sent first; behind it they come in their turn.
    pub(crate) until: u64,
}

/// One channel that a connection hears.
pub(crate) struct Subscription {
    pub(crate) cursor: Cursor,
    pub(crate) options: Arc<Options>,
    /// The namespace through which it is heard; none if it was asked for by name.
    pub(crate) of: Option<Arc<str>>,
    pub(crate) ahead: Option<Ahead>,
    /// Up to here critical items were sent before the others.
    pub(crate) sent_ahead_until: u64,
    /// There may be items after the cursor.
    pub(crate) pending: bool,
    /// It has stood at the channel's end once: what it misses from then on it was too slow for.
    pub(crate) live: bool,
    /// Since when it has not stood at the channel's end.
    pub(crate) behind_since: Option<Instant>,
    wake: Wake,
    /// Until when items are held back.
    hold: Option<Instant>,
    _counted: Counted,
    _present: Option<Present>,
}

impl Subscription {
    /// Starts to hear a channel.
    pub(crate) fn start(
        bus: &dyn Bus,
        channel: &Arc<str>,
        since: Option<&Start>,
        sift: &Arc<Sift>,
        options: &Arc<Options>,
        telemetry: &Telemetry,
    ) -> (Self, Started) {
        // Watched before it is read, so that nothing falls between the two.
        let wake = Wake::new(bus.watch(channel));
        let (cursor, started) = Cursor::start(bus, channel, since, sift);
        let subscription = Self {
            cursor,
            options: Arc::clone(options),
            of: None,
            ahead: None,
            sent_ahead_until: 0,
            pending: true,
            live: false,
            behind_since: None,
            wake,
            hold: None,
            _counted: Counted::on(&telemetry.subscriptions),
            _present: None,
        };
        (subscription, started)
    }

    /// Is seen in the room from now on, until the subscription ends.
    pub(crate) fn appear(&mut self, present: Present) {
        self._present = Some(present);
    }

    /// Whether it is its turn now: something may be there, and nothing holds it back.
    fn is_due(&self, now: Instant) -> bool {
        self.pending && self.hold.is_none_or(|hold| hold <= now)
    }

    /// Wakes up, and begins to hold items back if that is wanted.
    fn wake(&mut self, now: Instant, bus: &dyn Bus) {
        self.behind_since.get_or_insert(now);
        if !self.pending && self.options.wait_ms > 0 {
            self.hold = Some(now + Duration::from_millis(self.options.wait_ms));
        }
        self.pending = true;
        let enough = self.options.batch.unwrap_or(usize::MAX) as u64;
        if self.hold.is_some()
            && bus.head(self.cursor.channel()).offset >= self.cursor.after().saturating_add(enough)
        {
            self.hold = None;
        }
    }

    /// It was its turn; there may be more.
    pub(crate) fn rest(&mut self, more: bool) {
        self.hold = None;
        self.pending = more;
        if !more {
            self.live = true;
            self.behind_since = None;
        }
    }
}

/// A namespace that a connection hears: every room there is and comes to be.
pub(crate) struct RoomsSubscription {
    pub(crate) prefix: Arc<str>,
    pub(crate) options: Arc<Options>,
    /// Rooms that were seen, heard or not.
    pub(crate) known: HashSet<Arc<str>>,
    /// It was said that there are more rooms than a connection can hear.
    pub(crate) full: bool,
    opened: watch::Receiver<u64>,
    wake: Wake,
    pub(crate) pending: bool,
}

impl RoomsSubscription {
    pub(crate) fn new(bus: &dyn Bus, prefix: &Arc<str>, options: &Arc<Options>) -> Self {
        let mut opened = bus.opened();
        opened.mark_unchanged();
        Self {
            prefix: Arc::clone(prefix),
            options: Arc::clone(options),
            known: HashSet::new(),
            full: false,
            wake: Wake::new(opened.clone()),
            opened,
            pending: false,
        }
    }

    /// Rooms that were not seen before.
    pub(crate) fn new_rooms(&mut self, bus: &dyn Bus) -> Vec<Arc<str>> {
        self.opened.borrow_and_update();
        let names = bus.names(&self.prefix);
        names
            .into_iter()
            .filter(|name| self.known.insert(Arc::clone(name)))
            .collect()
    }
}

/// All channels that a connection hears.
#[derive(Default)]
pub(crate) struct Subscriptions {
    all: Vec<Subscription>,
    pub(crate) rooms: Vec<RoomsSubscription>,
    /// Whose turn it is, so that a busy channel does not hold up the others.
    turn: usize,
}

impl Subscriptions {
    pub(crate) fn add(&mut self, subscription: Subscription) {
        self.all.push(subscription);
    }

    /// Takes a subscription out; false if there is none of that name.
    pub(crate) fn remove(&mut self, name: &str) -> bool {
        let before = self.len();
        if let Some(prefix) = name.strip_suffix('*') {
            self.rooms.retain(|rooms| *rooms.prefix != *prefix);
            self.all
                .retain(|one| one.of.as_deref().is_none_or(|of| of != prefix));
        } else {
            self.all
                .retain(|one| one.of.is_some() || **one.cursor.channel() != *name);
        }
        self.len() < before
    }

    /// How many were asked for.
    pub(crate) fn len(&self) -> usize {
        self.rooms.len() + self.all.iter().filter(|one| one.of.is_none()).count()
    }

    /// How many rooms are heard through namespaces.
    pub(crate) fn room_count(&self) -> usize {
        self.all.iter().filter(|one| one.of.is_some()).count()
    }

    /// Whether that name is heard, by itself or through its namespace.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.iter().any(|one| **one.cursor.channel() == *name)
            || self
                .rooms
                .iter()
                .any(|rooms| name.strip_suffix('*') == Some(&rooms.prefix))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Subscription> {
        self.all.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Subscription> {
        self.all.iter_mut()
    }

    /// The names as they were asked for.
    pub(crate) fn names(&self) -> Vec<Arc<str>> {
        let rooms = self
            .rooms
            .iter()
            .map(|rooms| Arc::from(format!("{}*", rooms.prefix)));
        let single = self.all.iter().filter(|one| one.of.is_none());
        single
            .map(|one| Arc::clone(one.cursor.channel()))
            .chain(rooms)
            .collect()
    }

    /// The next one that has its turn: of the most urgent lane, in turn within it.
    pub(crate) fn next_due(&mut self) -> Option<&mut Subscription> {
        let now = Instant::now();
        let count = self.all.len();
        let due = |place: &usize| self.all.get(*place).is_some_and(|one| one.is_due(now));
        let place = (0..count)
            .map(|step| (self.turn + step) % count)
            .filter(due)
            .min_by_key(|place| self.all.get(*place).map(|one| one.options.lane))?;
        self.turn = place + 1;
        self.all.get_mut(place)
    }

    /// When the first of those that are held back has its turn.
    pub(crate) fn held_until(&self) -> Option<Instant> {
        let held = self.all.iter().filter(|one| one.pending);
        held.filter_map(|one| one.hold).min()
    }

    /// Waits until a channel goes on or a room opens, or until one is known to have done so already.
    pub(crate) async fn ready(&mut self, bus: &dyn Bus) {
        poll_fn(|context| {
            let now = Instant::now();
            let mut any = false;
            for one in &mut self.all {
                if one.wake.poll(context).is_ready() {
                    one.wake(now, bus);
                    // Also if it is held back from now on: the caller has to set its timer.
                    any = true;
                }
                any |= one.is_due(now);
            }
            for rooms in &mut self.rooms {
                rooms.pending |= rooms.wake.poll(context).is_ready();
                any |= rooms.pending;
            }
            if any { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

/// How many items of a lane are read in one go: few where what is more urgent may have to overtake.
pub(crate) const fn page_items(lane: Lane, most: usize) -> usize {
    match lane {
        Lane::Critical | Lane::Normal => most,
        Lane::Bulk => most.div_ceil(4),
    }
}
