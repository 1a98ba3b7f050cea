//! What a subscription hands over when it has its turn: items, and gaps for what it leaves out.
//!
//! **Invariant:** what is handed over and what is declared are together everything that was heard, in
//! order and once. Only a durable subscription that comes back sends critical items first.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use vigil_bus::{Bus, Published};
use vigil_event::{Severity, SeverityCounts, Timestamp};
use vigil_protocol::websocket::Frame;
use vigil_protocol::{CloseCode, Gap, GapReason, Lane};

use crate::Limits;
use crate::admit::upgrade::Agreed;
use crate::connection::moment::Moment;
use crate::frame::form;
use crate::frame::press::Press;
use crate::subscription::cursor::Page;
use crate::subscription::{Ahead, Subscription, page_items};
use crate::wire::outlet::End;

/// No more data than this is handed over in one go, but one item always.
const PAGE_BYTES: usize = 64 * 1024;

/// Of so many that wait, at most, and of so much of them, the newest for each value is looked for.
const MOST_CONFLATED: usize = 1_000;
const CONFLATED_BYTES: usize = 512 * 1024;

/// A client that is behind for a shorter time is not slow yet.
const SLOW: Duration = Duration::from_secs(1);

/// One thing to send.
#[derive(Debug)]
pub(crate) enum Piece {
    Gap(Gap),
    Item(Frame),
}

/// What is to be sent.
#[derive(Debug, Default)]
pub(crate) struct Haul {
    pub(crate) pieces: Vec<Piece>,
    /// When the items that come as they happen were published.
    pub(crate) published_at: Vec<Timestamp>,
}

/// On what terms things are handed over.
#[derive(Clone, Copy)]
pub(crate) struct Terms<'a> {
    pub(crate) bus: &'a dyn Bus,
    pub(crate) limits: &'a Limits,
    pub(crate) agreed: Agreed,
    pub(crate) press: &'a Press,
    /// Too much waits already, of all connections.
    pub(crate) one_by_one: bool,
}

impl Subscription {
    /// What comes next, at most a page.
    pub(crate) fn haul(&mut self, terms: Terms<'_>) -> Result<Haul, End> {
        let mut haul = Haul::default();
        if let Some(ahead) = self.ahead.as_deref().copied()
            && !ahead.is_over()
        {
            self.haul_critical(ahead, terms, &mut haul);
            return Ok(haul);
        }
        if self.options.lane == Lane::Bulk && self.live {
            self.skip_what_is_too_much(terms, &mut haul);
        }
        let most = match self.options.batch {
            Some(batch) if !terms.one_by_one => batch.max(terms.page_items()),
            _ => terms.page_items(),
        };
        let most = page_items(self.options.lane, most);
        let looked_at = match self.options.conflate {
            Some(_) => MOST_CONFLATED,
            None => most,
        };
        let mut page = self.cursor.read(terms.bus, looked_at);
        self.check_critical(&page)?;
        if let Some(mut gap) = page.gap.take() {
            if terms.one_by_one && gap.reason == GapReason::SlowConsumer {
                // It would have been given more at a time.
                gap.reason = GapReason::Overloaded;
            }
            haul.pieces.push(Piece::Gap(gap));
        }
        let end = match self.options.conflate {
            Some(_) => within_bytes(&page.items, CONFLATED_BYTES),
            None => page.items.len(),
        };
        let waiting = page.items.get(..end).unwrap_or_default();
        let left_out = self.conflated(waiting);
        let at_most = waiting.len().min(most);
        haul.pieces.reserve(at_most);
        if self.live {
            haul.published_at.reserve_exact(at_most);
        }
        let (mut run, mut items, mut bytes) = (Run::default(), 0, 0);
        for (place, item) in waiting.iter().enumerate() {
            let sent_ahead = self.was_sent_ahead(item);
            if !sent_ahead && self.cursor.hears(item) {
                if left_out.get(place).copied().unwrap_or_default() {
                    run.add(item);
                } else if items >= most || bytes >= PAGE_BYTES {
                    break;
                } else {
                    items += 1;
                    bytes += item.publication.data.len();
                    run.end(self.cursor.epoch(), &mut haul);
                    haul.pieces.push(self.piece(item, terms));
                    if self.live {
                        haul.published_at.push(item.publication.timestamp);
                    }
                }
            }
            self.cursor.pass_item(item);
        }
        run.end(self.cursor.epoch(), &mut haul);
        let more = !self.cursor.has_reached_the_end_of(&page);
        self.rest(more);
        Ok(haul)
    }

    /// Critical items of what waits for a durable subscription, before everything else.
    fn haul_critical(&mut self, mut ahead: Ahead, terms: Terms<'_>, haul: &mut Haul) {
        let channel = self.cursor.channel();
        let read = terms.bus.read(channel, ahead.after, terms.page_items());
        // What fell out meanwhile is declared when the cursor itself comes there.
        let mut passed = read.missed.map_or(ahead.after, |missed| missed.to);
        for item in &read.items {
            passed = item.offset;
            if item.offset > ahead.until {
                break;
            }
            if item.publication.severity == Severity::Critical && self.cursor.hears(item) {
                haul.pieces.push(self.piece(item, terms));
            }
        }
        ahead.after = if read.items.is_empty() {
            ahead.until
        } else {
            passed
        };
        self.ahead = Some(Box::new(ahead));
    }

    fn piece(&self, item: &Published, terms: Terms<'_>) -> Piece {
        let projection = self.options.projection.as_deref();
        Piece::Item(match self.options.batch {
            // A batch is compressed as a whole.
            Some(_) => form::plain(item, terms.agreed.encoding, projection, terms.press),
            None => form::of(item, terms.agreed, projection, terms.press),
        })
    }

    fn was_sent_ahead(&self, item: &Published) -> bool {
        let is_ahead = |ahead: &Ahead| item.offset <= ahead.until;
        item.publication.severity == Severity::Critical
            && self.ahead.as_deref().is_some_and(is_ahead)
    }

    /// A slow client is not to be given what is old: bulk is skipped, and told.
    fn skip_what_is_too_much(&mut self, terms: Terms<'_>, haul: &mut Haul) {
        let head = terms.bus.head(self.cursor.channel()).offset;
        let backlog = terms.limits.bulk_backlog as u64;
        // What is too old whatever the others do is the client's own fault; the rest is everybody's.
        let overload = terms.one_by_one.then_some((1, GapReason::Overloaded));
        for (most, reason) in [(backlog, GapReason::SlowConsumer)]
            .into_iter()
            .chain(overload)
        {
            if head > self.cursor.after().saturating_add(most)
                && let Some(gap) = self.cursor.skip_to(terms.bus, head - most, reason)
            {
                haul.pieces.push(Piece::Gap(gap));
            }
        }
    }

    /// Nothing critical is skipped: before it is, the client has to come back and resume.
    fn check_critical(&self, page: &Page) -> Result<(), End> {
        if self.options.lane != Lane::Critical || !self.live {
            return Ok(());
        }
        let slow = self
            .behind_since
            .is_some_and(|since| Moment::now().since(since) >= SLOW);
        let behind_first = (self.cursor.after() + 1).saturating_sub(page.first);
        let nearly_gone = page.first > 1 && behind_first < (page.head + 1 - page.first) / 4;
        let fell_out = page.gap.as_ref();
        let fell_out = fell_out.is_some_and(|gap| gap.reason == GapReason::SlowConsumer);
        if fell_out || (slow && nearly_gone) {
            return Err(End::Close(CloseCode::SlowConsumer));
        }
        Ok(())
    }

    /// Which of the items a newer one takes the place of.
    fn conflated(&self, items: &[Arc<Published>]) -> Vec<bool> {
        let Some(path) = &self.options.conflate else {
            return Vec::new();
        };
        let mut left_out = vec![false; items.len()];
        let mut newest: HashMap<String, usize> = HashMap::new();
        for (place, item) in items.iter().enumerate() {
            if !self.cursor.hears(item) {
                continue;
            }
            let data = serde_json::from_slice(&item.publication.data).unwrap_or_default();
            let Some(key) = form::text_at(&data, path) else {
                continue;
            };
            if let Some(older) = newest.insert(key, place)
                && let Some(older) = left_out.get_mut(older)
            {
                *older = true;
            }
        }
        left_out
    }
}

impl Terms<'_> {
    const fn page_items(&self) -> usize {
        if self.one_by_one {
            1
        } else {
            self.limits.page_items
        }
    }
}

/// How many of the items have so much data, and one that goes beyond.
fn within_bytes(items: &[Arc<Published>], most: usize) -> usize {
    let mut bytes = 0_usize;
    let fits = items.iter().take_while(|item| {
        let fits = bytes < most;
        bytes += item.publication.data.len();
        fits
    });
    fits.count()
}

/// Items left out one after the other, to be told as one gap.
#[derive(Default)]
struct Run {
    range: Option<(u64, u64)>,
    counts: SeverityCounts,
}

impl Run {
    fn add(&mut self, item: &Published) {
        let from = self.range.map_or(item.offset, |(from, _)| from);
        self.range = Some((from, item.offset));
        self.counts.add(item.publication.severity, 1);
    }

    fn end(&mut self, epoch: &str, haul: &mut Haul) {
        if let Some((from, to)) = self.range.take() {
            let counts = std::mem::take(&mut self.counts);
            let by_severity = crate::frame::heard(&counts, None);
            haul.pieces.push(Piece::Gap(Gap {
                epoch: epoch.to_owned(),
                from,
                to,
                missed: by_severity.values().sum(),
                by_severity,
                reason: GapReason::Conflated,
            }));
        }
    }
}
