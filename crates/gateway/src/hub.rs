//! One channel on one shard: reads what comes once, and writes it to everybody who stands at its end.
//!
//! Subscriptions that want the same are one audience: its frames are put together once and written to
//! each member's socket as they are. A member whose socket is busy leaves the fan-out, pulls from the log
//! by itself, and sits down again when it stands at the end. So nothing is queued for anybody, and one
//! who is slow holds up nobody.
//!
//! **Invariant:** what was written to a seat and what its connection pulls are together everything, in
//! order and once: a seat is written to only from exactly where it stands.
//!
//! Lock order: the floor, a seat's place, its wire.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::task::yield_now;
use vigil_bus::{Bus, Published};
use vigil_event::{Clock, Severity, Timestamp};

use crate::form::{self, Projection};
use crate::press::Press;
use crate::roster::Entry;
use crate::sift::Sift;
use crate::signal::Calls;
use crate::telemetry::{Sent, Telemetry};
use crate::upgrade::Agreed;
use crate::wire::{Wire, Wrote};

/// So many sockets are written to before anything else of the shard has its turn: this is how long
/// something critical waits for a big fan-out.
const SLICE: usize = 64;

/// No more items are written to a socket at once.
const MOST_ITEMS: usize = 256;

/// No more data is written to a socket at once, but one item always.
const MOST_BYTES: usize = 64 * 1024;

/// At most so many bytes of messages put together wait for slow sockets, of all shards. Beyond it
/// connections pull what the log shares with them, and nothing is put together.
const MOST_COPIED_BYTES: usize = 64 << 20;

/// What fan-outs work with.
pub(crate) struct Means {
    pub(crate) copied: Arc<AtomicUsize>,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) press: Arc<Press>,
}

/// What a subscription wants of a channel.
#[derive(Clone)]
pub(crate) struct Wants {
    pub(crate) sift: Arc<Sift>,
    pub(crate) projection: Option<Arc<Projection>>,
    pub(crate) agreed: Agreed,
}

/// Equal for those that want the same. Filters and projections are interned, and held by whoever wants
/// them, so where they stand in memory names them.
type Kind = (Option<Severity>, Vec<usize>, usize, Agreed);

impl Wants {
    fn kind(&self) -> Kind {
        let filters = self.sift.filters.iter();
        let projection = self.projection.as_ref();
        (
            self.sift.min_severity,
            filters.map(|one| Arc::as_ptr(one).addr()).collect(),
            projection.map_or(0, |one| Arc::as_ptr(one).addr()),
            self.agreed,
        )
    }
}

/// A subscription's place in a fan-out.
pub(crate) struct Seat {
    wire: Arc<Wire>,
    entry: Arc<Entry>,
    /// When the credential ends, in milliseconds; a token's end is an end even if the timer is late.
    expires_at_ms: AtomicI64,
    place: Mutex<Place>,
}

#[derive(Debug, Default)]
struct Place {
    /// Everything up to here was written.
    after: u64,
    /// The hub writes; otherwise the connection pulls.
    is_seated: bool,
    /// The connection knows that there is something to pull.
    is_called: bool,
}

/// What a connection finds when it looks at its seat.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    pub(crate) after: u64,
    pub(crate) is_seated: bool,
    pub(crate) is_called: bool,
}

/// One channel on one shard.
pub(crate) struct Hub {
    pub(crate) channel: Arc<str>,
    floor: Mutex<Floor>,
    ended: Notify,
}

#[derive(Default)]
struct Floor {
    /// Everything up to here was handed out.
    after: u64,
    audiences: Vec<Audience>,
    by_kind: HashMap<Kind, usize>,
    seats: usize,
}

struct Audience {
    wants: Wants,
    seats: Vec<Option<Arc<Seat>>>,
    free: Vec<usize>,
    taken: usize,
}

/// Where a seat stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spot {
    audience: usize,
    seat: usize,
}

/// What an audience is told of some items.
enum Word {
    /// It does not hear them.
    Nothing,
    /// These frames, and when each was published.
    Frames(Bytes, Vec<Timestamp>),
    /// Each connection has to pull by itself, such as to find out what it missed.
    Pull,
}

/// Messages put together. They are kept for as long as a socket has not taken them.
struct Copied {
    bytes: BytesMut,
    of: Arc<AtomicUsize>,
}

impl Copied {
    fn of(frames: &[Bytes], length: usize, of: &Arc<AtomicUsize>) -> Bytes {
        let mut bytes = BytesMut::with_capacity(length);
        for frame in frames {
            bytes.extend_from_slice(frame);
        }
        of.fetch_add(length, Ordering::Relaxed);
        Bytes::from_owner(Self {
            bytes,
            of: Arc::clone(of),
        })
    }
}

impl AsRef<[u8]> for Copied {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Copied {
    fn drop(&mut self) {
        self.of.fetch_sub(self.bytes.len(), Ordering::Relaxed);
    }
}

impl Seat {
    pub(crate) fn new(wire: Arc<Wire>, entry: Arc<Entry>, expires_at: Option<Timestamp>) -> Self {
        let seat = Self {
            wire,
            entry,
            expires_at_ms: AtomicI64::new(i64::MAX),
            place: Mutex::default(),
        };
        seat.expire(expires_at);
        seat
    }

    /// Nothing is written after that moment.
    pub(crate) fn expire(&self, at: Option<Timestamp>) {
        let at = at.map_or(i64::MAX, Timestamp::as_millis);
        self.expires_at_ms.store(at, Ordering::Relaxed);
    }

    /// Where it stands. A call is answered by looking.
    pub(crate) fn look(&self) -> Look {
        let mut place = self.place.lock();
        Look {
            after: place.after,
            is_seated: place.is_seated,
            is_called: std::mem::take(&mut place.is_called),
        }
    }

    /// Up to where everything was written, while it is seated and when it has just left.
    pub(crate) fn after(&self) -> u64 {
        self.place.lock().after
    }

    /// The connection pulls from here on.
    pub(crate) fn stand_up(&self) -> u64 {
        let mut place = self.place.lock();
        place.is_seated = false;
        place.after
    }

    /// Takes what stands between two offsets; true if it was written.
    fn take(&self, (from, to): (u64, u64), word: &Word, now: Timestamp) -> bool {
        let mut place = self.place.lock();
        if !place.is_seated {
            return self.call(&mut place);
        }
        if place.after >= to {
            return false;
        }
        let is_expired = self.expires_at_ms.load(Ordering::Relaxed) <= now.as_millis();
        if place.after != from || is_expired {
            return self.call(&mut place);
        }
        match word {
            Word::Nothing => {
                place.after = to;
                false
            }
            Word::Pull => self.call(&mut place),
            Word::Frames(frames, published_at) => match self.wire.write_now(frames) {
                wrote @ (Wrote::All | Wrote::Begun) => {
                    place.after = to;
                    self.entry
                        .sent
                        .fetch_add(published_at.len() as u64, Ordering::Relaxed);
                    if wrote == Wrote::Begun {
                        self.entry.signal.raise(Calls::PUSH);
                    }
                    true
                }
                Wrote::Busy | Wrote::Gone => self.call(&mut place),
            },
        }
    }

    /// Leaves it to the connection.
    fn call(&self, place: &mut Place) -> bool {
        place.is_seated = false;
        if !place.is_called {
            place.is_called = true;
            self.entry.signal.raise(Calls::PUSH);
        }
        false
    }
}

impl Hub {
    /// A hub that begins at the channel's end.
    pub(crate) fn new(channel: &Arc<str>, bus: &dyn Bus) -> Self {
        let floor = Floor {
            after: bus.head(channel).offset,
            ..Floor::default()
        };
        Self {
            channel: Arc::clone(channel),
            floor: Mutex::new(floor),
            ended: Notify::new(),
        }
    }

    /// How many are here, seated or not.
    pub(crate) fn seats(&self) -> usize {
        self.floor.lock().seats
    }

    /// Comes in, standing: it is called when something comes.
    pub(crate) fn enter(&self, wants: &Wants, seat: &Arc<Seat>) -> Spot {
        let mut floor = self.floor.lock();
        floor.seats += 1;
        let audience = floor.audience(wants);
        let spot = floor.audiences.get_mut(audience).map_or(0, |audience| {
            audience.taken += 1;
            audience.put(seat)
        });
        Spot {
            audience,
            seat: spot,
        }
    }

    /// Goes; true if nobody is left.
    pub(crate) fn leave(&self, spot: Spot) -> bool {
        let mut floor = self.floor.lock();
        let floor = &mut *floor;
        if let Some(audience) = floor.audiences.get_mut(spot.audience)
            && let Some(place) = audience.seats.get_mut(spot.seat)
            && place.take().is_some()
        {
            audience.taken -= 1;
            audience.free.push(spot.seat);
            floor.seats -= 1;
            if audience.taken == 0 {
                // Its place in the list stays, since a round may be under way.
                floor.by_kind.remove(&audience.wants.kind());
                audience.seats = Vec::new();
                audience.free = Vec::new();
            }
        }
        floor.seats == 0
    }

    /// Sits down at an offset; false if the hub is past it already.
    pub(crate) fn sit_down(&self, seat: &Seat, after: u64) -> bool {
        let floor = self.floor.lock();
        let is_in_time = floor.after <= after;
        if is_in_time {
            *seat.place.lock() = Place {
                after,
                is_seated: true,
                is_called: false,
            };
        }
        is_in_time
    }

    /// Ends the hub's task.
    pub(crate) fn end(&self) {
        self.ended.notify_one();
    }

    /// Hands out what comes, until nobody is left.
    pub(crate) async fn run(self: Arc<Self>, means: Arc<Means>, mut head: watch::Receiver<u64>) {
        loop {
            self.hand_out(&means).await;
            let changed = tokio::select! {
                biased;
                () = self.ended.notified() => return,
                changed = head.changed() => changed,
            };
            if changed.is_err() {
                // The bus has no room for the channel: nothing will come.
                return self.ended.notified().await;
            }
        }
    }

    async fn hand_out(&self, means: &Means) {
        loop {
            let from = self.floor.lock().after;
            let read = means.bus.read(&self.channel, from, MOST_ITEMS);
            let (to, items) = match &read.missed {
                Some(missed) => (missed.to, None),
                None => match within_bytes(&read.items) {
                    [] => return,
                    items @ [.., last] => (last.offset, Some(items)),
                },
            };
            self.round(means, (from, to), items).await;
        }
    }

    /// Hands out some items, or that they are gone, to all audiences, a slice at a time.
    async fn round(&self, means: &Means, range: (u64, u64), items: Option<&[Arc<Published>]>) {
        let audiences = {
            let mut floor = self.floor.lock();
            floor.after = range.1;
            floor.audiences.len()
        };
        let mut room = SLICE;
        for audience in 0..audiences {
            let Some(wants) = self.wants(audience) else {
                continue;
            };
            let word = match items {
                Some(items) => word(items, &wants, means),
                None => Word::Pull,
            };
            let mut next = Some(0);
            while let Some(start) = next {
                let (taken, written, rest) = self.slice(means, audience, start, room, range, &word);
                means.count(&word, written);
                room = room.saturating_sub(taken);
                next = rest;
                if room == 0 {
                    room = SLICE;
                    yield_now().await;
                }
            }
        }
    }

    fn wants(&self, audience: usize) -> Option<Wants> {
        let floor = self.floor.lock();
        let audience = floor.audiences.get(audience)?;
        (audience.taken > 0).then(|| audience.wants.clone())
    }

    /// Hands out to some seats: how many were looked at, how many were written to, where to go on.
    fn slice(
        &self,
        means: &Means,
        audience: usize,
        start: usize,
        room: usize,
        range: (u64, u64),
        word: &Word,
    ) -> (usize, u64, Option<usize>) {
        let now = means.clock.now();
        let floor = self.floor.lock();
        let seats = floor.audiences.get(audience);
        let seats = seats.and_then(|audience| audience.seats.get(start..));
        let seats = seats.unwrap_or_default();
        let taken = seats.len().min(room);
        let here = seats.iter().take(taken).flatten();
        let written = here.filter(|seat| seat.take(range, word, now)).count();
        let rest = (taken < seats.len()).then_some(start + taken);
        (taken, written as u64, rest)
    }
}

impl Audience {
    /// Gives a seat a place, and says which.
    fn put(&mut self, seat: &Arc<Seat>) -> usize {
        let seat = Some(Arc::clone(seat));
        if let Some(free) = self.free.pop()
            && let Some(place) = self.seats.get_mut(free)
        {
            *place = seat;
            return free;
        }
        self.seats.push(seat);
        self.seats.len() - 1
    }
}

impl Floor {
    /// The number of the audience that wants this, which may be new.
    fn audience(&mut self, wants: &Wants) -> usize {
        let kind = wants.kind();
        if let Some(known) = self.by_kind.get(&kind) {
            return *known;
        }
        let audience = Audience {
            wants: wants.clone(),
            seats: Vec::new(),
            free: Vec::new(),
            taken: 0,
        };
        // A round that is under way finds nobody here who stands where it began.
        let free = self.audiences.iter().position(|one| one.taken == 0);
        let number = free.unwrap_or(self.audiences.len());
        if let Some(place) = self.audiences.get_mut(number) {
            *place = audience;
        } else {
            self.audiences.push(audience);
        }
        self.by_kind.insert(kind, number);
        number
    }
}

impl Means {
    fn count(&self, word: &Word, written: u64) {
        let Word::Frames(_, published_at) = word else {
            return;
        };
        if written == 0 {
            return;
        }
        let now = self.clock.now();
        let frames = written * published_at.len() as u64;
        self.telemetry.sent(Sent::Publication, frames);
        for at in published_at {
            self.telemetry.delivered_to(written, now.millis_since(*at));
        }
    }
}

/// What an audience is told of some items.
fn word(items: &[Arc<Published>], wants: &Wants, means: &Means) -> Word {
    let heard = items.iter().filter(|item| wants.sift.hears(item));
    let mut published_at = Vec::new();
    let mut frames = Vec::new();
    for item in heard {
        published_at.push(item.publication.timestamp);
        let projection = wants.projection.as_deref();
        let frame = form::of(item, wants.agreed, projection, &means.press);
        frames.push(frame.into_bytes());
    }
    match frames.as_slice() {
        [] => Word::Nothing,
        [single] => Word::Frames(single.clone(), published_at),
        several => {
            let length = several.iter().map(Bytes::len).sum();
            if means.copied.load(Ordering::Relaxed) + length > MOST_COPIED_BYTES {
                return Word::Pull;
            }
            Word::Frames(Copied::of(several, length, &means.copied), published_at)
        }
    }
}

fn within_bytes(items: &[Arc<Published>]) -> &[Arc<Published>] {
    let mut bytes = 0_usize;
    let fits = items.iter().take_while(|item| {
        let fits = bytes < MOST_BYTES;
        bytes += item.publication.data.len();
        fits
    });
    items.get(..fits.count()).unwrap_or_default()
}

#[cfg(test)]
#[path = "hub_tests.rs"]
mod tests;
