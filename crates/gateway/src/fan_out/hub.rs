//! One channel on one shard: reads what comes once, and writes it to everybody who stands at its end.
//!
//! Subscriptions that want the same are one audience: its frames are put together once and written to
//! each member's socket as they are. A member whose socket is busy leaves the fan-out, pulls from the log
//! by itself, and sits down again when it stands at the end. So nothing is queued for anybody, and one
//! who is slow holds up nobody.
//!
//! A hub goes round like a lift: whoever has their turn gets everything that came since the last time,
//! in one write. The more there is to do, the longer a lap, and the more goes into each write. While more
//! comes than a lap hands out, and nobody hears it as critical, there is a short pause between two laps.
//!
//! **Invariant:** what was written to a seat and what its connection pulls are together everything, in
//! order and once: a seat is written to only from exactly where it stands.
//!
//! Lock order: the floor, a seat's place, its wire.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};
use vigil_bus::Bus;
use vigil_event::Clock;

use crate::fan_out::lap::{Lap, Words};
use crate::fan_out::seat::Seat;
use crate::fan_out::word::{Kind, Wants};
use crate::frame::press::Press;
use crate::telemetry::Telemetry;

/// So many sockets are written to, and for so long, before anything else of the shard has its turn: this
/// is how long something critical waits for a big fan-out.
const SLICE: usize = 64;
const SLICE_TIME: Duration = Duration::from_micros(400);

/// So many are made ready at once, and the clock is looked at after as many.
const ROW: usize = 8;

/// A lap that takes less time needs no other.
const LONG_LAP: Duration = Duration::from_millis(1);

/// What fan-outs work with.
pub(crate) struct Means {
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) press: Arc<Press>,
    /// The longest pause between two laps while more comes than one lap hands out.
    pub(crate) gather: Duration,
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
    /// How many of them are in a hurry.
    critical: usize,
}

struct Audience {
    wants: Wants,
    seats: Vec<Option<Arc<Seat>>>,
    free: Vec<usize>,
    taken: usize,
}

/// Where a seat stands. Every subscription holds one; there are fewer of them than this counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spot {
    audience: u32,
    seat: u32,
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
        floor.critical += usize::from(seat.is_critical());
        let audience = floor.audience(wants);
        let spot = floor.audiences.get_mut(audience).map_or(0, |audience| {
            audience.taken += 1;
            audience.put(seat)
        });
        Spot {
            audience: audience as u32,
            seat: spot as u32,
        }
    }

    /// Goes; true if nobody is left.
    pub(crate) fn leave(&self, spot: Spot) -> bool {
        let mut floor = self.floor.lock();
        let floor = &mut *floor;
        let (number, freed) = (spot.audience as usize, spot.seat as usize);
        if let Some(audience) = floor.audiences.get_mut(number)
            && let Some(place) = audience.seats.get_mut(freed)
            && let Some(seat) = place.take()
        {
            floor.critical -= usize::from(seat.is_critical());
            audience.taken -= 1;
            audience.free.push(freed);
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
            seat.sit_down(after);
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
        let mut was_busy = false;
        loop {
            let from = self.floor.lock().after;
            let Some(lap) = Lap::after(from, &self.channel, means) else {
                return;
            };
            let begun = Instant::now();
            self.run_lap(means, lap).await;
            let took = begun.elapsed();
            let is_busy = took >= LONG_LAP && self.is_behind(means);
            if is_busy && was_busy {
                // More goes into each write then, and clients have time to read.
                sleep(took.min(means.gather)).await;
            }
            was_busy = is_busy;
        }
    }

    /// Whether more has come, and nobody here is in a hurry.
    fn is_behind(&self, means: &Means) -> bool {
        let head = means.bus.head(&self.channel).offset;
        let floor = self.floor.lock();
        head > floor.after && floor.critical == 0
    }

    /// Hands out what there is to all audiences, a slice at a time; what comes meanwhile is handed out
    /// with the rest to those whose turn is still to come.
    async fn run_lap(&self, means: &Means, mut lap: Lap) {
        let audiences = {
            let mut floor = self.floor.lock();
            // Who was passed by gets at least this much, and who sits down from now on has it.
            floor.after = lap.to();
            floor.audiences.len()
        };
        let (mut room, mut begun) = (SLICE, Instant::now());
        for audience in 0..audiences {
            let Some(wants) = self.wants(audience) else {
                continue;
            };
            let mut words = Words::new(&wants, &means.press);
            let mut next = Some(0);
            while let Some(start) = next {
                let until = begun + SLICE_TIME;
                let (taken, rest) =
                    self.slice(means, (audience, start, room), &lap, &mut words, until);
                words.count(means);
                room = room.saturating_sub(taken);
                next = rest;
                if room == 0 || Instant::now() >= until {
                    room = SLICE;
                    yield_now().await;
                    begun = Instant::now();
                    if lap.goes_on(&self.channel, means) {
                        words.forget();
                    }
                }
            }
        }
    }

    fn wants(&self, audience: usize) -> Option<Wants> {
        let floor = self.floor.lock();
        let audience = floor.audiences.get(audience)?;
        (audience.taken > 0).then(|| audience.wants.clone())
    }

    /// Hands out to some seats: how many were looked at, where to go on.
    fn slice(
        &self,
        means: &Means,
        (audience, start, room): (usize, usize, usize),
        lap: &Lap,
        words: &mut Words<'_>,
        until: Instant,
    ) -> (usize, Option<usize>) {
        let now = means.clock.now();
        let floor = self.floor.lock();
        let seats = floor.audiences.get(audience);
        let seats = seats.and_then(|audience| audience.seats.get(start..));
        let seats = seats.unwrap_or_default();
        let mut taken = 0;
        for row in seats.get(..room).unwrap_or(seats).chunks(ROW) {
            for seat in row.iter().flatten() {
                seat.make_ready();
            }
            for seat in row.iter().flatten() {
                seat.take(lap, words, now);
            }
            taken += row.len();
            if Instant::now() >= until {
                break;
            }
        }
        (taken, (taken < seats.len()).then_some(start + taken))
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

#[cfg(test)]
#[path = "hub_tests.rs"]
mod tests;
