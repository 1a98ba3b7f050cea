//! One lap of a hub round those who sit there: what it hands out, and the words that are made of it.

use std::sync::Arc;

use vigil_bus::Published;

use crate::fan_out::hub::Means;
use crate::fan_out::word::{Wants, Word};
use crate::frame::press::Press;
use crate::telemetry::Sent;

/// No more items are handed out in one lap.
const MOST_ITEMS: usize = 256;

/// No more data is handed out in one lap, but one item always. So what one socket is given fits one
/// write.
const MOST_BYTES: usize = 64 * 1024;

/// What is handed out in one lap.
pub(crate) struct Lap {
    /// In order, without holes; none where some are gone already. Then each connection finds out by
    /// itself what it missed.
    items: Vec<Arc<Published>>,
    bytes: usize,
    /// Everything up to here is handed out to those whose turn it is.
    to: u64,
}

impl Lap {
    /// What came after an offset; none if nothing did.
    pub(crate) fn after(after: u64, channel: &str, means: &Means) -> Option<Self> {
        let mut lap = Self {
            items: Vec::new(),
            bytes: 0,
            to: after,
        };
        let read = means.bus.read(channel, after, MOST_ITEMS);
        match read.missed {
            Some(missed) => lap.to = missed.to,
            None => lap.take_in(read.items),
        }
        (lap.to > after).then_some(lap)
    }

    /// Takes in what has come meanwhile; true if something has.
    pub(crate) fn goes_on(&mut self, channel: &str, means: &Means) -> bool {
        let before = self.to;
        let room = MOST_ITEMS.saturating_sub(self.items.len());
        if room > 0 && !self.items.is_empty() {
            let read = means.bus.read(channel, self.to, room);
            if read.missed.is_none() {
                self.take_in(read.items);
            }
        }
        self.to > before
    }

    fn take_in(&mut self, items: Vec<Arc<Published>>) {
        for item in items {
            if self.bytes >= MOST_BYTES {
                return;
            }
            self.bytes += item.publication.data.len();
            self.to = item.offset;
            self.items.push(item);
        }
    }

    pub(crate) const fn to(&self) -> u64 {
        self.to
    }

    /// The items after an offset; none if they are not all here.
    fn items_after(&self, after: u64) -> Option<&[Arc<Published>]> {
        let first = self.items.first()?.offset;
        let skipped = (after + 1).checked_sub(first)?;
        self.items.get(usize::try_from(skipped).ok()?..)
    }
}

/// What one audience is told in a lap, by where its members stand: most stand in few places.
pub(crate) struct Words<'a> {
    wants: &'a Wants,
    press: &'a Press,
    made: Vec<Made>,
}

/// What those are told who stand at one offset.
pub(crate) struct Made {
    after: u64,
    pub(crate) word: Word,
    /// How many got all of it.
    whole: u64,
    /// How many frames those got who did not get all.
    parts: Vec<usize>,
}

impl<'a> Words<'a> {
    pub(crate) const fn new(wants: &'a Wants, press: &'a Press) -> Self {
        Self {
            wants,
            press,
            made: Vec::new(),
        }
    }

    /// What somebody is told who stands at that offset.
    pub(crate) fn at(&mut self, after: u64, lap: &Lap) -> &mut Made {
        let known = self.made.iter().position(|made| made.after == after);
        let place = known.unwrap_or_else(|| {
            let word = match lap.items_after(after) {
                Some(items) => Word::of(items, self.wants, self.press),
                None => Word::Pull,
            };
            self.made.push(Made {
                after,
                word,
                whole: 0,
                parts: Vec::new(),
            });
            self.made.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "found, or pushed just now")]
        &mut self.made[place]
    }

    /// There is more to tell from now on.
    pub(crate) fn forget(&mut self) {
        self.made.clear();
    }

    /// Counts what was written since the last time.
    pub(crate) fn count(&mut self, means: &Means) {
        let now = means.clock.now();
        for made in &mut self.made {
            let Word::Frames(_, marks) = &made.word else {
                continue;
            };
            let whole = std::mem::take(&mut made.whole);
            let parts = made.parts.drain(..).map(|frames| (1, frames));
            for (seats, frames) in parts.chain((whole > 0).then_some((whole, marks.len()))) {
                means
                    .telemetry
                    .sent(Sent::Publication, seats * frames as u64);
                for mark in marks.iter().take(frames) {
                    let took_ms = now.millis_since(mark.published_at);
                    means.telemetry.delivered_to(seats, took_ms);
                }
            }
        }
    }
}

impl Made {
    /// Somebody got so many frames, of so many.
    pub(crate) fn written(&mut self, frames: usize, of: usize) {
        if frames == of {
            self.whole += 1;
        } else {
            self.parts.push(frames);
        }
    }
}
