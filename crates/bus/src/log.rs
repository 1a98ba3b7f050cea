//! One channel's log: a ring of the newest items, and what is remembered of those that fell out.
//!
//! What is fleeting, as who comes and goes, has room of its own: it never pushes out what lasts, neither by
//! its number nor by its length. When it has become too much the older half of it is swept out, which
//! leaves holes between the others.
//!
//! Owns: offsets. Never holds: locks, wake-ups, other channels.

use std::collections::VecDeque;
use std::sync::Arc;

use vigil_event::{Publication, Severity, SeverityCounts, Timestamp};

use crate::{LogLimits, Missed, Position, Published, Read};

/// What an item costs beside its data, in bytes: itself, its place in the ring, its frame's head.
const ITEM_OVERHEAD_BYTES: usize = 512;

/// What is fleeting may have as many bytes as this part of what lasts.
const PART_OF_FLEETING: usize = 4;

/// The severity of what is swept out, so that it is known of a hole.
const FLEETING: Severity = Severity::Informational;

/// A channel's log. Offsets in it have no holes but where fleeting items were swept out: any other hole
/// drops what is before it.
#[derive(Debug)]
pub(crate) struct Log {
    epoch: Arc<str>,
    head: u64,
    items: VecDeque<Arc<Published>>,
    bytes: usize,
    /// The severities of the items that fell out last, right up to the ring's first item.
    trail: VecDeque<u8>,
    /// What of the items is fleeting.
    fleeting: Fleeting,
    /// Up to here the fleeting ones were swept out.
    swept_to: u64,
    published: u64,
    dropped: u64,
    restored: bool,
}

/// How much of a log is fleeting.
#[derive(Clone, Copy, Debug)]
struct Fleeting {
    items: usize,
    bytes: usize,
}

impl Fleeting {
    const NONE: Self = Self { items: 0, bytes: 0 };

    fn add(&mut self, item: &Published) {
        if is_fleeting(item) {
            self.items += 1;
            self.bytes = self.bytes.saturating_add(cost(item));
        }
    }

    fn remove(&mut self, item: &Published) {
        if is_fleeting(item) {
            self.items = self.items.saturating_sub(1);
            self.bytes = self.bytes.saturating_sub(cost(item));
        }
    }
}

impl Log {
    pub(crate) const fn new(epoch: Arc<str>) -> Self {
        Self {
            epoch,
            head: 0,
            items: VecDeque::new(),
            bytes: 0,
            trail: VecDeque::new(),
            fleeting: Fleeting::NONE,
            swept_to: 0,
            published: 0,
            dropped: 0,
            restored: false,
        }
    }

    pub(crate) fn position(&self) -> Position {
        Position {
            epoch: Arc::clone(&self.epoch),
            offset: self.head,
        }
    }

    pub(crate) const fn head(&self) -> u64 {
        self.head
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) const fn published(&self) -> u64 {
        self.published
    }

    pub(crate) const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Nothing was ever published or restored: losing this log loses nothing.
    pub(crate) const fn is_untouched(&self) -> bool {
        self.head == 0 && !self.restored
    }

    /// How many of its items last.
    pub(crate) fn lasting(&self) -> usize {
        self.items.len().saturating_sub(self.fleeting.items)
    }

    /// Nothing that lasts is left of it and nobody else keeps it.
    pub(crate) fn is_spent(&self) -> bool {
        self.lasting() == 0 && !self.restored
    }

    /// Appends at the next offset, or at `offset` if it is further on; false if the log has it.
    pub(crate) fn push(
        &mut self,
        publication: Publication,
        offset: Option<u64>,
        limits: &LogLimits,
    ) -> bool {
        let next = self.head.saturating_add(1);
        let offset = offset.unwrap_or(next);
        if offset < next {
            return false;
        }
        if offset > next {
            self.skip_to(offset - 1);
        }
        self.append(publication, offset);
        self.published += 1;
        self.shrink(limits);
        true
    }

    /// Becomes the log that a store kept. Only for an untouched log. Holes are where fleeting items were
    /// swept out, if the store keeps those of this channel (`is_swept`).
    pub(crate) fn restore(
        &mut self,
        epoch: Arc<str>,
        next_offset: u64,
        items: Vec<(u64, Publication)>,
        is_swept: bool,
        limits: &LogLimits,
    ) {
        self.epoch = epoch;
        self.restored = true;
        for (offset, publication) in items {
            if offset >= next_offset || offset <= self.head {
                continue;
            }
            if offset != self.head + 1 && !(is_swept && self.head > 0) {
                self.skip_to(offset - 1);
            }
            self.append(publication, offset);
            self.shrink(limits);
        }
        let head = next_offset.saturating_sub(1);
        if self.head < head {
            self.skip_to(head);
        }
    }

    /// Drops what is older than that.
    pub(crate) fn expire(&mut self, oldest: Timestamp, limits: &LogLimits) {
        while self.is_expired(oldest) {
            self.drop_first(limits);
        }
        self.shrink(limits);
    }

    /// The first item is older than that.
    pub(crate) fn is_expired(&self, oldest: Timestamp) -> bool {
        self.items
            .front()
            .is_some_and(|item| item.publication.timestamp < oldest)
    }

    /// Items one after the other up to a hole, and what is gone before them.
    pub(crate) fn read(&self, after: u64, limit: usize) -> Read {
        let mut read = Read {
            first: self.first(),
            head: self.head,
            lasting: self.lasting(),
            swept_to: self.swept_to,
            ..Read::default()
        };
        if after >= self.head {
            return read;
        }
        let start = self.place_after(after);
        let next = self.items.get(start).map_or(read.first, |item| item.offset);
        read.missed = (after + 1 < next).then(|| self.missed(after + 1, next - 1));
        let run = self.items.range(start..).zip(next..);
        let run = run.take_while(|(item, offset)| item.offset == *offset);
        // Made in one piece: a slow reader reads many at once, under the lock.
        let most = self.items.len().saturating_sub(start).min(limit);
        read.items.reserve_exact(most);
        let run = run.take(limit).map(|(item, _)| Arc::clone(item));
        read.items.extend(run);
        read
    }

    /// Where the first item after an offset is.
    fn place_after(&self, after: u64) -> usize {
        let skipped = (after + 1).saturating_sub(self.first());
        let place = usize::try_from(skipped).unwrap_or(usize::MAX);
        match self.items.get(place) {
            Some(item) if item.offset == after + 1 || place == 0 => place,
            _ => self.items.partition_point(|item| item.offset <= after),
        }
    }

    pub(crate) fn since_time(&self, since: Timestamp) -> u64 {
        // Not a binary search: the machine's clock may have been set back between two items.
        let found = self
            .items
            .iter()
            .position(|item| item.publication.timestamp >= since);
        match found {
            // A hole before it is told: what was there may have been meant.
            Some(place) => place
                .checked_sub(1)
                .and_then(|before| self.items.get(before))
                .map_or(self.first() - 1, |before| before.offset),
            None => self.head,
        }
    }

    /// After which the last so many that last are.
    pub(crate) fn last(&self, count: u64) -> u64 {
        let Some(others) = count.checked_sub(1) else {
            return self.head;
        };
        let mut lasting = self.items.iter().rev().filter(|item| !is_fleeting(item));
        let oldest = lasting.nth(usize::try_from(others).unwrap_or(usize::MAX));
        oldest.map_or(self.first() - 1, |item| item.offset - 1)
    }

    /// The offset of the ring's first item, or the one that comes next when there is none.
    fn first(&self) -> u64 {
        let first = self.items.front();
        first.map_or(self.head + 1, |item| item.offset)
    }

    fn append(&mut self, publication: Publication, offset: u64) {
        let item = Arc::new(Published::new(publication, offset, Arc::clone(&self.epoch)));
        self.bytes = self.bytes.saturating_add(cost(&item));
        self.fleeting.add(&item);
        self.items.push_back(item);
        self.head = offset;
    }

    /// Leaves out everything up to `head`; what was before it can no longer be joined to what comes.
    fn skip_to(&mut self, head: u64) {
        self.dropped += self.items.len() as u64;
        self.items.clear();
        self.trail.clear();
        self.fleeting = Fleeting::NONE;
        self.bytes = 0;
        self.head = head;
    }

    fn shrink(&mut self, limits: &LogLimits) {
        let most = limits.max_bytes / PART_OF_FLEETING;
        if self.fleeting.items > limits.max_items || self.fleeting.bytes > most {
            self.sweep((limits.max_items / 2).max(1), most / 2, limits);
        }
        while self.items.len() > 1
            && (self.lasting() > limits.max_items || self.lasting_bytes() > limits.max_bytes)
        {
            self.drop_first(limits);
        }
        while self.trail.len() > limits.max_trail {
            self.trail.pop_front();
        }
    }

    /// Drops what is fleeting and then what is oldest until no more bytes are left, or nothing but the
    /// newest item if that stays.
    pub(crate) fn shrink_to(&mut self, bytes: usize, newest_stays: bool, limits: &LogLimits) {
        if self.bytes > bytes && self.fleeting.items > 1 {
            let left = bytes.saturating_sub(self.lasting_bytes());
            self.sweep(usize::MAX, left, limits);
        }
        while self.bytes > bytes && self.items.len() > usize::from(newest_stays) {
            self.drop_first(limits);
        }
        self.shrink(limits);
    }

    const fn lasting_bytes(&self) -> usize {
        self.bytes.saturating_sub(self.fleeting.bytes)
    }

    fn drop_first(&mut self, limits: &LogLimits) {
        if let Some(item) = self.items.pop_front() {
            self.bytes = self.bytes.saturating_sub(cost(&item));
            self.fleeting.remove(&item);
            self.trail.push_back(item.publication.severity.rank());
            self.dropped += 1;
            self.remember_hole(item.offset + 1, limits);
        }
    }

    /// Drops the oldest of the fleeting items until no more of them and of their bytes are left, but not
    /// the newest of them, which may be the log's newest.
    fn sweep(&mut self, most: usize, most_bytes: usize, limits: &LogLimits) {
        let first = self.first();
        let Self {
            items,
            bytes,
            fleeting,
            swept_to,
            dropped,
            ..
        } = self;
        items.retain(|item| {
            let is_surplus = fleeting.items > most || fleeting.bytes > most_bytes;
            let goes = is_surplus && fleeting.items > 1 && is_fleeting(item);
            if goes {
                fleeting.remove(item);
                *bytes = bytes.saturating_sub(cost(item));
                *swept_to = item.offset;
                *dropped += 1;
            }
            !goes
        });
        self.remember_hole(first, limits);
    }

    /// What was swept out between there and the first item has fallen out like all before it.
    fn remember_hole(&mut self, from: u64, limits: &LogLimits) {
        let hole = usize::try_from(self.first() - from).unwrap_or(usize::MAX);
        let swept = std::iter::repeat_n(FLEETING.rank(), hole.min(limits.max_trail));
        self.trail.extend(swept);
    }

    fn missed(&self, from: u64, to: u64) -> Missed {
        let count = usize::try_from(to - from + 1).unwrap_or(usize::MAX);
        if from >= self.first() {
            let mut swept = SeverityCounts::default();
            swept.add(FLEETING, count as u64);
            return Missed {
                from,
                to,
                by_severity: Some(swept),
            };
        }
        let by_severity = self.trail.len().checked_sub(count).map(|unasked| {
            let mut counts = SeverityCounts::default();
            for rank in self.trail.iter().skip(unasked) {
                counts.add(Severity::from_rank(*rank), 1);
            }
            counts
        });
        Missed {
            from,
            to,
            by_severity,
        }
    }
}

/// Whether it may be swept out before what is older: it tells of a moment that is over.
fn is_fleeting(item: &Published) -> bool {
    item.publication.kind.is_fleeting() && item.publication.severity == FLEETING
}

/// What an item is counted as: its data, as much again for the frame made of it and for frames of
/// other forms, and what is fixed.
fn cost(item: &Published) -> usize {
    item.publication
        .data
        .len()
        .saturating_mul(3)
        .saturating_add(ITEM_OVERHEAD_BYTES)
}
