//! A reader's place in one channel: where it starts, what comes next, what it missed.
//!
//! Used by WebSocket and SSE alike. Joining history and the live tail needs no care here: both are
//! the same log, read onward from one position.

use std::collections::BTreeMap;
use std::sync::Arc;

use vigil_bus::{Bus, Missed, Position, Published, Resume};
use vigil_event::{SeverityCounts, Timestamp};
use vigil_protocol::{Gap, GapReason, Since};

use crate::frame;
use crate::subscription::sift::Sift;

/// From where, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// After a position.
    Position {
        /// Its epoch.
        epoch: String,
        /// Its offset.
        offset: u64,
    },
    /// At a time.
    Time(Timestamp),
    /// With the last so many.
    Last(u64),
    /// With the first: what of it is gone is told.
    Beginning,
    /// Room by room, after these positions; a room that is not named is heard from its beginning.
    Rooms(BTreeMap<String, vigil_protocol::Position>),
}

impl Start {
    /// Where one room starts.
    pub(crate) fn of_room(&self, room: &str) -> Self {
        match self {
            Self::Rooms(rooms) => rooms
                .get(room)
                .map_or(Self::Beginning, |at| Self::Position {
                    epoch: at.epoch.clone(),
                    offset: at.offset,
                }),
            other => other.clone(),
        }
    }
}

impl TryFrom<Since> for Start {
    type Error = vigil_event::time::NotATime;

    fn try_from(since: Since) -> Result<Self, Self::Error> {
        Ok(match since {
            Since::Position { epoch, offset } => Self::Position { epoch, offset },
            Since::Time(text) => Self::Time(text.parse()?),
            Since::Last(count) => Self::Last(count),
            Since::Rooms(rooms) => Self::Rooms(rooms),
        })
    }
}

/// A reader's place in one channel.
#[derive(Debug)]
pub(crate) struct Cursor {
    channel: Arc<str>,
    epoch: Arc<str>,
    after: u64,
    sift: Arc<Sift>,
}

/// What is to be said of a cursor that starts.
#[derive(Debug)]
pub(crate) struct Started {
    /// The position it was asked to go on from, in the present log.
    pub(crate) from: Position,
    /// Where the log stands.
    pub(crate) head: Position,
    /// What was asked for and is gone, to be told first.
    pub(crate) gaps: Vec<Gap>,
    /// Whether everything that was asked for is there.
    pub(crate) recovered: bool,
}

/// Some items, read in one go.
#[derive(Debug)]
pub(crate) struct Page {
    /// What fell out of the log before it was read. Comes before the items.
    pub(crate) gap: Option<Gap>,
    /// The items.
    pub(crate) items: Vec<Arc<Published>>,
    /// The offset of the oldest item that the log keeps.
    pub(crate) first: u64,
    /// The log's newest offset.
    pub(crate) head: u64,
}

impl Cursor {
    /// A cursor that starts there.
    pub(crate) fn start(
        bus: &dyn Bus,
        channel: &Arc<str>,
        since: Option<&Start>,
        sift: &Arc<Sift>,
    ) -> (Self, Started) {
        let head = bus.head(channel);
        let mut cursor = Self {
            channel: Arc::clone(channel),
            epoch: Arc::clone(&head.epoch),
            after: head.offset,
            sift: Arc::clone(sift),
        };
        let mut gaps = Vec::new();
        match since {
            // A single channel has one position; the caller has taken it out of a map of rooms.
            None | Some(Start::Rooms(_)) => {}
            Some(Start::Last(count)) => cursor.after = bus.last(channel, *count),
            Some(Start::Beginning) => cursor.after = 0,
            Some(Start::Time(time)) => {
                cursor.after = bus.since_time(channel, *time);
                gaps.extend(cursor.forgotten(bus));
            }
            Some(Start::Position { epoch, offset }) => {
                match Resume::new(epoch, *offset, head.clone()) {
                    Resume::Continue { after } => cursor.after = after,
                    Resume::EpochChanged { head } => {
                        // Everything in this log is new to a reader of another one.
                        cursor.after = 0;
                        gaps.push(unknown_gap(&head.epoch));
                    }
                }
            }
        }
        let from = Position {
            epoch: Arc::clone(&head.epoch),
            offset: cursor.after,
        };
        if let Some(missed) = bus.read(channel, cursor.after, 1).missed {
            gaps.extend(cursor.pass(&missed, GapReason::Retention));
        }
        (
            cursor,
            Started {
                recovered: gaps.is_empty(),
                from,
                head,
                gaps,
            },
        )
    }

    /// What was asked for by time may have begun before the oldest item that is kept; then nobody
    /// knows how many of those before it were meant.
    fn forgotten(&self, bus: &dyn Bus) -> Option<Gap> {
        let before = self.after.checked_sub(1)?;
        let missed = bus.read(&self.channel, before, 1).missed?;
        let all = Missed {
            from: 1,
            to: missed.to,
            by_severity: None,
        };
        frame::gap(&self.epoch, &all, &self.sift, GapReason::Retention)
    }

    /// The next items, at most so many, and what was missed before them.
    pub(crate) fn read(&mut self, bus: &dyn Bus, limit: usize) -> Page {
        let read = bus.read(&self.channel, self.after, limit.max(1));
        let gap = read.missed.and_then(|missed| {
            // Between what is kept only something fleeting is gone, however fast one reads.
            let reason = if missed.from < read.first {
                GapReason::SlowConsumer
            } else {
                GapReason::Retention
            };
            self.pass(&missed, reason)
        });
        Page {
            gap,
            items: read.items,
            first: read.first,
            head: read.head,
        }
    }

    /// Goes past everything up to there that is still in the log, and says what was heard of it.
    pub(crate) fn skip_to(&mut self, bus: &dyn Bus, to: u64, reason: GapReason) -> Option<Gap> {
        let from = self.after + 1;
        let mut counts = SeverityCounts::default();
        let mut unknown = 0;
        while self.after < to {
            let limit = usize::try_from(to - self.after)
                .unwrap_or(usize::MAX)
                .min(256);
            let read = bus.read(&self.channel, self.after, limit);
            if let Some(missed) = read.missed {
                // What fell out meanwhile is said with the rest; at most all of it was heard.
                self.after = missed.to;
                match missed.by_severity {
                    Some(gone) if self.sift.is_by_severity() => add(&mut counts, &gone),
                    Some(gone) => {
                        let most = frame::heard(&gone, self.sift.min_severity);
                        unknown += most.values().sum::<u64>();
                    }
                    None => unknown += missed.count(),
                }
            }
            for item in read.items.iter().filter(|item| item.offset <= to) {
                if self.sift.hears(item) {
                    counts.add(item.publication.severity, 1);
                }
                self.after = item.offset;
            }
            if read.items.is_empty() {
                break;
            }
        }
        let by_severity = frame::heard(&counts, self.sift.min_severity);
        let missed = by_severity.values().sum::<u64>() + unknown;
        let by_severity = if unknown == 0 {
            by_severity
        } else {
            BTreeMap::new()
        };
        (missed > 0).then(|| Gap {
            epoch: self.epoch.to_string(),
            from,
            to: self.after,
            missed,
            by_severity,
            reason,
        })
    }

    /// The offset after which the next item is read.
    pub(crate) const fn after(&self) -> u64 {
        self.after
    }

    pub(crate) const fn epoch(&self) -> &Arc<str> {
        &self.epoch
    }

    /// Another sift from here on, as after a newer token.
    pub(crate) fn resift(&mut self, sift: Arc<Sift>) {
        self.sift = sift;
    }

    /// Goes past what is missing.
    fn pass(&mut self, missed: &Missed, reason: GapReason) -> Option<Gap> {
        self.after = missed.to;
        frame::gap(&self.epoch, missed, &self.sift, reason)
    }

    /// Goes past an item that was sent or filtered out.
    pub(crate) fn pass_item(&mut self, item: &Published) {
        self.after = item.offset;
    }

    /// Goes past what somebody else has sent for it.
    pub(crate) fn pass_to(&mut self, after: u64) {
        self.after = self.after.max(after);
    }

    /// Whether nothing was left after this page.
    pub(crate) fn has_reached_the_end_of(&self, page: &Page) -> bool {
        self.after >= page.head
    }

    /// Whether the reader wants to hear this item.
    pub(crate) fn hears(&self, item: &Published) -> bool {
        self.sift.hears(item)
    }

    pub(crate) const fn channel(&self) -> &Arc<str> {
        &self.channel
    }

    /// Where the reader stands: everything up to here was sent, filtered out or told to be missing.
    pub(crate) fn position(&self) -> vigil_protocol::Position {
        vigil_protocol::Position {
            epoch: self.epoch.to_string(),
            offset: self.after,
        }
    }
}

fn add(counts: &mut SeverityCounts, more: &SeverityCounts) {
    for severity in vigil_event::Severity::ALL {
        counts.add(severity, more.get(severity));
    }
}

/// Said when a position is of another log.
fn unknown_gap(epoch: &str) -> Gap {
    Gap {
        epoch: epoch.to_owned(),
        from: 1,
        to: 0,
        missed: 0,
        by_severity: BTreeMap::new(),
        reason: GapReason::EpochChanged,
    }
}

#[cfg(test)]
mod tests {
    use vigil_bus::{LogLimits, MemoryBus};
    use vigil_event::{Id, Publication, Severity, SystemClock};

    use super::*;

    fn bus(kept: usize, published: u64) -> MemoryBus {
        let limits = LogLimits {
            max_items: kept,
            ..LogLimits::default()
        };
        let bus = MemoryBus::new(limits, Arc::new(SystemClock));
        bus.restore("status", "e1", 1, Vec::new());
        for number in 1..=published {
            let at = Timestamp::from_millis(number.cast_signed() * 1_000);
            let severity = Severity::from_rank((number % 5) as u8);
            bus.publish(Publication::status(
                &number,
                severity,
                Id::derived(at, &[]),
                at,
            ));
        }
        bus
    }

    fn start(bus: &MemoryBus, since: Option<&Start>) -> (Cursor, Started) {
        Cursor::start(bus, &Arc::from("status"), since, &Arc::default())
    }

    fn position(epoch: &str, offset: u64) -> Start {
        Start::Position {
            epoch: epoch.into(),
            offset,
        }
    }

    fn offsets(cursor: &mut Cursor, bus: &MemoryBus) -> Vec<u64> {
        let mut seen = Vec::new();
        loop {
            let page = cursor.read(bus, 3);
            for item in &page.items {
                seen.push(item.offset);
                cursor.pass_item(item);
            }
            if cursor.has_reached_the_end_of(&page) {
                return seen;
            }
        }
    }

    #[test]
    fn starts_where_it_was_asked_to() {
        let bus = bus(100, 10);
        for (since, first) in [
            (None, 11),
            (Some(position("e1", 4)), 5),
            (Some(position("e1", 10)), 11),
            (Some(Start::Last(3)), 8),
            (Some(Start::Last(1_000)), 1),
            (Some(Start::Time(Timestamp::from_millis(6_500))), 7),
            (Some(Start::Time(Timestamp::from_millis(0))), 1),
        ] {
            let (mut cursor, started) = start(&bus, since.as_ref());
            assert!(started.recovered && started.gaps.is_empty(), "{since:?}");
            assert_eq!(started.head.offset, 10);
            assert_eq!(
                offsets(&mut cursor, &bus),
                (first..=10).collect::<Vec<_>>(),
                "{since:?}"
            );
        }
    }

    #[test]
    fn says_what_the_log_no_longer_has() {
        let bus = bus(4, 10);
        for (since, from) in [(position("e1", 2), 3), (Start::Beginning, 1)] {
            let (mut cursor, started) = start(&bus, Some(&since));
            assert!(!started.recovered);
            let gap = &started.gaps[0];
            assert_eq!(
                (gap.from, gap.to, gap.missed, gap.reason),
                (from, 6, 7 - from, GapReason::Retention)
            );
            assert_eq!(offsets(&mut cursor, &bus), [7, 8, 9, 10]);
        }
    }

    #[test]
    fn a_time_before_the_oldest_item_may_miss_some() {
        let bus = bus(4, 10);
        let (_, started) = start(&bus, Some(&Start::Time(Timestamp::from_millis(1))));
        assert!(!started.recovered);
        assert_eq!((started.gaps[0].from, started.gaps[0].to), (1, 6));
        assert!(
            start(&bus, Some(&Start::Time(Timestamp::from_millis(7_500))))
                .1
                .recovered
        );
    }

    #[test]
    fn another_epoch_begins_anew_and_says_so() {
        let bus = bus(100, 3);
        for since in [position("e2", 2), position("e1", 9)] {
            let (mut cursor, started) = start(&bus, Some(&since));
            assert!(!started.recovered);
            assert_eq!(started.gaps[0].reason, GapReason::EpochChanged);
            assert_eq!(started.gaps.len(), 1);
            assert_eq!(offsets(&mut cursor, &bus), [1, 2, 3]);
        }
    }

    #[test]
    fn what_a_filter_would_have_said_of_what_fell_out_is_not_guessed() {
        let filter = crate::subscription::filter::Filters::default()
            .of_expression("severity == 'critical'")
            .unwrap();
        // Of 5 to 16 nothing is left, three of them are informational; of the others one is meant.
        for (min_severity, most) in [(None, 12 + 1), (Some(Severity::Low), 9 + 1)] {
            let sift = Arc::new(Sift {
                min_severity,
                filters: vec![Arc::clone(&filter)],
            });
            let (before, bus) = (bus(4, 4), bus(4, 20));
            let mut cursor = Cursor::start(&before, &Arc::from("status"), None, &sift).0;
            let gap = cursor.skip_to(&bus, 20, GapReason::SlowConsumer).unwrap();
            assert_eq!((gap.from, gap.to), (5, 20));
            assert_eq!((gap.missed, gap.by_severity.len()), (most, 0));
        }
    }

    #[test]
    fn what_falls_out_while_reading_is_a_gap() {
        let bus = bus(4, 4);
        let mut cursor = start(&bus, Some(&position("e1", 0))).0;
        let first = cursor.read(&bus, 1).items.remove(0);
        cursor.pass_item(&first);
        for number in 5..=10 {
            let at = Timestamp::from_millis(number);
            bus.publish(Publication::status(
                &number,
                Severity::Low,
                Id::derived(at, &[]),
                at,
            ));
        }
        let gap = cursor.read(&bus, 1).gap.unwrap();
        assert_eq!(
            (gap.from, gap.to, gap.reason),
            (2, 6, GapReason::SlowConsumer)
        );
        assert_eq!(cursor.read(&bus, 1).gap, None, "said once");
    }
}
