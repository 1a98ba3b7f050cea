//! A subscription's place in a fan-out: from where it is written to, and who writes.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use parking_lot::Mutex;
use vigil_event::Timestamp;

use crate::connection::roster::Entry;
use crate::connection::signal::Calls;
use crate::fan_out::lap::{Lap, Words};
use crate::fan_out::word::Word;
use crate::wire::budget::Way;
use crate::wire::{Wire, Wrote};

/// A subscription's place in a fan-out.
pub(crate) struct Seat {
    wire: Arc<Wire>,
    entry: Arc<Entry>,
    /// How urgent what it hears is.
    way: Way,
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

impl Seat {
    pub(crate) fn new(
        wire: Arc<Wire>,
        entry: Arc<Entry>,
        way: Way,
        expires_at: Option<Timestamp>,
    ) -> Self {
        let seat = Self {
            wire,
            entry,
            way,
            expires_at_ms: AtomicI64::new(i64::MAX),
            place: Mutex::default(),
        };
        seat.expire(expires_at);
        seat
    }

    /// Whether it hears something critical.
    pub(crate) fn is_critical(&self) -> bool {
        self.way == Way::Critical
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

    /// The hub writes from that offset on.
    pub(crate) fn sit_down(&self, after: u64) {
        *self.place.lock() = Place {
            after,
            is_seated: true,
            is_called: false,
        };
    }

    /// Looks at what [`take`](Self::take) is about to change. A fan-out goes through more memory than a
    /// processor keeps at hand: looked at for several seats in a row, it is fetched for all of them at
    /// once, and not one after the other between two writes.
    pub(crate) fn make_ready(&self) {
        let is_busy = self.place.is_locked() | self.wire.is_locked();
        black_box((is_busy, self.entry.sent.load(Ordering::Relaxed)));
    }

    /// Takes what a lap brings beyond where it stands.
    pub(crate) fn take(&self, lap: &Lap, words: &mut Words<'_>, now: Timestamp) {
        let mut place = self.place.lock();
        if !place.is_seated {
            return self.call(&mut place);
        }
        if place.after >= lap.to() {
            return;
        }
        if self.expires_at_ms.load(Ordering::Relaxed) <= now.as_millis() {
            return self.call(&mut place);
        }
        let made = words.at(place.after, lap);
        let (run, marks) = match &made.word {
            Word::Nothing => {
                place.after = lap.to();
                return;
            }
            Word::Pull => return self.call(&mut place),
            Word::Frames(run, marks) => (run, marks),
        };
        let (all, begun) = match self.wire.write_now(run, self.way) {
            Wrote::All => (true, marks.len()),
            Wrote::Begun(begun) => (false, begun),
            Wrote::Busy | Wrote::Gone => (false, 0),
        };
        let is_done = begun == marks.len();
        if is_done {
            place.after = lap.to();
        } else if let Some(mark) = begun.checked_sub(1).and_then(|last| marks.get(last)) {
            place.after = mark.offset;
        }
        let of = marks.len();
        if begun > 0 {
            made.written(begun, of);
            self.entry.sent.fetch_add(begun as u64, Ordering::Relaxed);
        }
        if !is_done {
            self.call(&mut place);
        } else if !all {
            self.entry.signal.raise(Calls::PUSH);
        }
    }

    /// Leaves it to the connection.
    fn call(&self, place: &mut Place) {
        place.is_seated = false;
        if !place.is_called {
            place.is_called = true;
            self.entry.signal.raise(Calls::PUSH);
        }
    }
}
