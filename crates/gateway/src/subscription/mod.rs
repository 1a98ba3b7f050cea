//! What is heard: a connection's subscriptions, a cursor each, and a wake-up when its channel goes on. Beside
//! them stand what of a channel is wanted (`wish`, `filter`, `sift`), what outlives a connection (`durable`), who
//! is in a room (`presence`) and the look back (`history`).

pub(crate) mod cursor;
pub(crate) mod delivery;
pub(crate) mod durable;
pub(crate) mod filter;
pub(crate) mod history;
pub(crate) mod interner;
pub(crate) mod presence;
pub(crate) mod sift;
pub(crate) mod subscribing;
pub(crate) mod wish;

use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::ReusableBoxFuture;
use vigil_bus::Bus;
use vigil_event::Timestamp;
use vigil_protocol::Lane;

use crate::admit::upgrade::Agreed;
use crate::connection::moment::Moment;
use crate::connection::roster::Entry;
use crate::fan_out::seat::Seat;
use crate::fan_out::shard::{Membership, Shard};
use crate::fan_out::word::Wants;
use crate::subscription::cursor::{Cursor, Start, Started};
use crate::subscription::presence::Present;
use crate::subscription::sift::Sift;
use crate::subscription::wish::Options;
use crate::telemetry::{Counted, Telemetry};
use crate::wire::Wire;

/// The connection that subscribes, as far as its subscriptions need it.
#[derive(Clone, Copy)]
pub(crate) struct Ground<'a> {
    pub(crate) bus: &'a dyn Bus,
    pub(crate) shard: &'a Arc<Shard>,
    pub(crate) wire: &'a Arc<Wire>,
    pub(crate) entry: &'a Arc<Entry>,
    pub(crate) agreed: Agreed,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) telemetry: &'a Telemetry,
}

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

impl Ahead {
    /// All of them are sent.
    pub(crate) const fn is_over(&self) -> bool {
        self.after >= self.until
    }
}

/// One channel that a connection hears.
pub(crate) struct Subscription {
    pub(crate) cursor: Cursor,
    pub(crate) options: Arc<Options>,
    /// The namespace through which it is heard; none if it was asked for by name.
    pub(crate) of: Option<Arc<str>>,
    /// Only of a durable one that came back.
    pub(crate) ahead: Option<Box<Ahead>>,
    /// There may be items after the cursor.
    pub(crate) pending: bool,
    /// It has stood at the channel's end once: what it misses from then on it was too slow for.
    pub(crate) live: bool,
    /// Since when it has not stood at the channel's end.
    pub(crate) behind_since: Option<Moment>,
    member: Membership,
    /// The hub writes to it.
    is_seated: bool,
    /// Until when items are held back.
    hold: Option<Moment>,
    _counted: Counted,
    present: Option<Box<Present>>,
}

impl Subscription {
    /// Starts to hear a channel.
    pub(crate) fn start(
        ground: Ground<'_>,
        channel: &Arc<str>,
        since: Option<&Start>,
        sift: &Arc<Sift>,
        options: &Arc<Options>,
    ) -> (Self, Started) {
        // Entered before it is read, so that nothing falls between the two.
        let member = enter(ground, channel, sift, options);
        let (cursor, started) = Cursor::start(ground.bus, channel, since, sift);
        let is_at_end = cursor.after() >= started.head.offset;
        // What is published before its first turn is held back like all that comes later.
        let holds_back = is_at_end && options.wait_ms > 0;
        let hold = holds_back.then(|| Moment::now() + Duration::from_millis(options.wait_ms));
        let subscription = Self {
            cursor,
            options: Arc::clone(options),
            of: None,
            ahead: None,
            pending: true,
            live: is_at_end,
            behind_since: None,
            member,
            is_seated: false,
            hold,
            _counted: Counted::on(&ground.telemetry.subscriptions),
            present: None,
        };
        (subscription, started)
    }

    /// Hears through another sift from here on, as after a newer token.
    pub(crate) fn resift(&mut self, ground: Ground<'_>, sift: Arc<Sift>) {
        self.stand_up();
        let channel = Arc::clone(self.cursor.channel());
        self.member = enter(ground, &channel, &sift, &self.options);
        self.cursor.resift(sift);
        self.pending = true;
    }

    /// Pulls from here on.
    fn stand_up(&mut self) {
        if std::mem::take(&mut self.is_seated) {
            self.cursor.pass_to(self.member.seat.stand_up());
        }
    }

    /// Finds out whether something is there to pull.
    fn look(&mut self, now: Moment, bus: &dyn Bus) {
        let look = self.member.seat.look();
        if self.is_seated {
            self.cursor.pass_to(look.after);
            self.is_seated = look.is_seated;
        }
        if look.is_called {
            self.wake(now, bus);
        }
    }

    /// Everything up to here was sent, filtered out or told to be missing.
    pub(crate) fn after(&self) -> u64 {
        if self.is_seated {
            self.member.seat.after()
        } else {
            self.cursor.after()
        }
    }

    /// Where it stands.
    pub(crate) fn position(&self) -> vigil_protocol::Position {
        vigil_protocol::Position {
            offset: self.after(),
            ..self.cursor.position()
        }
    }

    /// Whether items may be written to it as they come, each by itself.
    fn may_sit(&self) -> bool {
        self.options.batch.is_none()
            && self.options.wait_ms == 0
            && self.options.conflate.is_none()
            && self.ahead.as_ref().is_none_or(|ahead| ahead.is_over())
    }

    /// Is seen in the room from now on, until the subscription ends.
    pub(crate) fn appear(&mut self, present: Present) {
        self.present = Some(Box::new(present));
    }

    /// Whether it is its turn now: something may be there, and nothing holds it back.
    fn is_due(&self, now: Moment) -> bool {
        self.pending && self.hold.is_none_or(|hold| hold <= now)
    }

    /// Wakes up, and begins to hold items back if that is wanted.
    fn wake(&mut self, now: Moment, bus: &dyn Bus) {
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
            if self.may_sit() {
                let (hub, seat) = (&self.member.hub, &self.member.seat);
                self.is_seated = hub.sit_down(seat, self.cursor.after());
                self.pending = !self.is_seated;
            }
        }
    }
}

/// A place in the channel's hub for what is wanted of it.
fn enter(
    ground: Ground<'_>,
    channel: &Arc<str>,
    sift: &Arc<Sift>,
    options: &Options,
) -> Membership {
    let wants = Wants {
        sift: Arc::clone(sift),
        projection: options.projection.clone(),
        agreed: ground.agreed,
    };
    let seat = Seat::new(
        Arc::clone(ground.wire),
        Arc::clone(ground.entry),
        options.lane.into(),
        ground.expires_at,
    );
    ground.shard.enter(channel, &wants, seat)
}

/// A namespace that a connection hears: every room there is and comes to be.
pub(crate) struct RoomsSubscription {
    pub(crate) prefix: Arc<str>,
    pub(crate) options: Arc<Options>,
    /// Rooms of a number up to this were seen, heard or not.
    seen: u64,
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
            seen: 0,
            full: false,
            wake: Wake::new(opened.clone()),
            opened,
            pending: false,
        }
    }

    /// Rooms that were not seen before.
    pub(crate) fn new_rooms(&mut self, bus: &dyn Bus) -> Vec<Arc<str>> {
        let newest = *self.opened.borrow_and_update();
        let seen = std::mem::replace(&mut self.seen, newest);
        bus.names(&self.prefix, seen + 1..=newest)
    }
}

/// Room for so many subscriptions is made one by one.
const FEW: usize = 4;

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
        if self.all.len() < FEW {
            // Most connections hear one or two channels, and there are many connections.
            self.all.reserve_exact(1);
        }
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

    /// Rooms that are not heard are as good as new: a newer token may grant them.
    pub(crate) fn look_again_for_rooms(&mut self) {
        for rooms in &mut self.rooms {
            rooms.seen = 0;
            rooms.pending = true;
        }
    }

    /// How many were asked for.
    pub(crate) fn len(&self) -> usize {
        self.rooms.len() + self.all.iter().filter(|one| one.of.is_none()).count()
    }

    /// How many rooms are heard through namespaces.
    pub(crate) fn room_count(&self) -> usize {
        self.all.iter().filter(|one| one.of.is_some()).count()
    }

    /// Whether that name is heard, by itself or through its namespace. A room that is not there yet will
    /// be heard through it, but where there are too many.
    pub(crate) fn has(&self, name: &str) -> bool {
        let is_of = |rooms: &RoomsSubscription| {
            let room = name.strip_prefix(&*rooms.prefix);
            room.is_some_and(|room| room == "*" || !rooms.full)
        };
        self.iter().any(|one| **one.cursor.channel() == *name) || self.rooms.iter().any(is_of)
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
        let now = Moment::now();
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
    pub(crate) fn held_until(&self) -> Option<Moment> {
        let held = self.all.iter().filter(|one| one.pending);
        held.filter_map(|one| one.hold).min()
    }

    /// Finds out which channels have something to pull.
    pub(crate) fn look(&mut self, bus: &dyn Bus) {
        let now = Moment::now();
        for one in &mut self.all {
            one.look(now, bus);
        }
    }

    /// Whether it is somebody's turn, or a room has opened.
    pub(crate) fn poll_due(&mut self, context: &mut Context<'_>) -> bool {
        for rooms in &mut self.rooms {
            rooms.pending |= rooms.wake.poll(context).is_ready();
        }
        let is_pending = self.all.iter().any(|one| one.pending);
        self.rooms.iter().any(|rooms| rooms.pending)
            || (is_pending && {
                let now = Moment::now();
                self.all.iter().any(|one| one.is_due(now))
            })
    }
}

/// How many items of a lane are read in one go: few where what is more urgent may have to overtake.
pub(crate) const fn page_items(lane: Lane, most: usize) -> usize {
    match lane {
        Lane::Critical | Lane::Normal => most,
        Lane::Bulk => most.div_ceil(4),
    }
}
