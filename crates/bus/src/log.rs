//! One channel's log: a ring of the newest items, and what is remembered of those that fell out.
//!
//! Owns: offsets. Never holds: locks, wake-ups, other channels.

use std::collections::VecDeque;
use std::sync::Arc;

use vigil_event::{Publication, Severity, SeverityCounts, Timestamp};

use crate::{LogLimits, Missed, Position, Published, Read};

/// What an item costs beside its data, in bytes: itself, its place in the ring, its frame's head.
const ITEM_OVERHEAD_BYTES: usize = 512;

/// A channel's log. Offsets in it have no holes: a hole drops what is before it.
#[derive(Debug)]
pub(crate) struct Log {
    epoch: Arc<str>,
    head: u64,
    items: VecDeque<Arc<Published>>,
    bytes: usize,
    /// The severities of the items that fell out last, right up to the ring's first item.
    trail: VecDeque<u8>,
    published: u64,
    dropped: u64,
    restored: bool,
}

impl Log {
    pub(crate) const fn new(epoch: Arc<str>) -> Self {
        Self {
            epoch,
            head: 0,
            items: VecDeque::new(),
            bytes: 0,
            trail: VecDeque::new(),
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

    /// Nothing is left of it and nobody else keeps it.
    pub(crate) fn is_spent(&self) -> bool {
        self.items.is_empty() && !self.restored
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

    /// Becomes the log that a store kept. Only for an untouched log.
    pub(crate) fn restore(
        &mut self,
        epoch: Arc<str>,
        next_offset: u64,
        items: Vec<(u64, Publication)>,
        limits: &LogLimits,
    ) {
        self.epoch = epoch;
        self.restored = true;
        for (offset, publication) in items {
            if offset >= next_offset || offset <= self.head {
                continue;
            }
            if offset != self.head + 1 {
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
            self.drop_first();
        }
        self.shrink(limits);
    }

    /// The first item is older than that.
    pub(crate) fn is_expired(&self, oldest: Timestamp) -> bool {
        self.items
            .front()
            .is_some_and(|item| item.publication.timestamp < oldest)
    }

    pub(crate) fn read(&self, after: u64, limit: usize) -> Read {
        if after >= self.head {
            return Read {
                items: Vec::new(),
                missed: None,
                first: self.first(),
                head: self.head,
            };
        }
        let first = self.first();
        let skipped = usize::try_from((after + 1).saturating_sub(first)).unwrap_or(usize::MAX);
        Read {
            items: self
                .items
                .iter()
                .skip(skipped)
                .take(limit)
                .cloned()
                .collect(),
            missed: (after + 1 < first).then(|| self.missed(after + 1, first - 1)),
            first,
            head: self.head,
        }
    }

    pub(crate) fn since_time(&self, since: Timestamp) -> u64 {
        // Not a binary search: the machine's clock may have been set back between two items.
        let found = self
            .items
            .iter()
            .find(|item| item.publication.timestamp >= since);
        found.map_or(self.head, |item| item.offset - 1)
    }

    pub(crate) fn last(&self, count: u64) -> u64 {
        self.head - count.min(self.items.len() as u64)
    }

    /// The offset of the ring's first item, or the one that comes next when there is none.
    fn first(&self) -> u64 {
        self.head + 1 - self.items.len() as u64
    }

    fn append(&mut self, publication: Publication, offset: u64) {
        let item = Arc::new(Published::new(publication, offset, Arc::clone(&self.epoch)));
        self.bytes = self.bytes.saturating_add(cost(&item));
        self.items.push_back(item);
        self.head = offset;
    }

    /// Leaves out everything up to `head`; what was before it can no longer be joined to what comes.
    fn skip_to(&mut self, head: u64) {
        self.dropped += self.items.len() as u64;
        self.items.clear();
        self.trail.clear();
        self.bytes = 0;
        self.head = head;
    }

    fn shrink(&mut self, limits: &LogLimits) {
        while self.items.len() > 1
            && (self.items.len() > limits.max_items || self.bytes > limits.max_bytes)
        {
            self.drop_first();
        }
        while self.trail.len() > limits.max_trail {
            self.trail.pop_front();
        }
    }

    fn drop_first(&mut self) {
        if let Some(item) = self.items.pop_front() {
            self.bytes = self.bytes.saturating_sub(cost(&item));
            self.trail.push_back(item.publication.severity.rank());
            self.dropped += 1;
        }
    }

    fn missed(&self, from: u64, to: u64) -> Missed {
        let count = usize::try_from(to - from + 1).unwrap_or(usize::MAX);
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

/// What an item is counted as: its data, as much again for the frame made of it and for frames of
/// other forms, and what is fixed.
fn cost(item: &Published) -> usize {
    item.publication
        .data
        .len()
        .saturating_mul(3)
        .saturating_add(ITEM_OVERHEAD_BYTES)
}
