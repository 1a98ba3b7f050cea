//! A shard's sense of time: one timer for all its connections.
//!
//! An alarm that is not wanted any more goes off all the same and finds nothing to do, so setting one
//! costs a place in a heap and never a search. Connections set few and far ones.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::sleep_until;
use vigil_event::Id;

use crate::connection::moment::Moment;
use crate::connection::roster::Roster;
use crate::connection::signal::Calls;

/// What connections of one shard wait for.
#[derive(Debug, Default)]
pub(crate) struct Alarms {
    set: Mutex<BinaryHeap<Reverse<(Moment, Id)>>>,
    sooner: Notify,
}

impl Alarms {
    /// Wakes the connection at that moment.
    pub(crate) fn set(&self, at: Moment, connection: Id) {
        let is_first = {
            let mut set = self.set.lock();
            let is_first = set.peek().is_none_or(|Reverse((first, _))| at < *first);
            set.push(Reverse((at, connection)));
            is_first
        };
        if is_first {
            self.sooner.notify_one();
        }
    }

    /// Wakes whoever's moment has come, for ever.
    pub(crate) async fn run(&self, roster: &Roster) {
        loop {
            let next = self.set.lock().peek().map(|Reverse((at, _))| *at);
            let Some(next) = next else {
                self.sooner.notified().await;
                continue;
            };
            tokio::select! {
                () = sleep_until(next.instant()) => {}
                () = self.sooner.notified() => {}
            }
            while let Some(connection) = self.due(Moment::now()) {
                if let Some(entry) = roster.get(connection) {
                    entry.signal.raise(Calls::TICK);
                }
            }
        }
    }

    fn due(&self, now: Moment) -> Option<Id> {
        let mut set = self.set.lock();
        let Reverse((at, connection)) = *set.peek()?;
        (at <= now).then(|| {
            set.pop();
            connection
        })
    }
}

/// When an alarm goes off that was set, so that none is set twice.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Armed(Option<Moment>);

impl Armed {
    /// Sets an alarm, unless one goes off by then.
    pub(crate) fn by(&mut self, at: Moment, alarms: &Alarms, connection: Id) {
        if self.0.is_none_or(|armed| at < armed) {
            self.0 = Some(at);
            alarms.set(at, connection);
        }
    }

    /// An alarm went off: whether it was this one.
    pub(crate) fn passed(&mut self, now: Moment) -> bool {
        let passed = self.0.is_some_and(|at| at <= now);
        if passed {
            self.0 = None;
        }
        passed
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use vigil_event::Timestamp;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn alarms_go_off_in_order_whenever_they_were_set() {
        let alarms = Alarms::default();
        let start = Moment::now();
        let id = |number: u8| Id::derived(Timestamp::from_millis(1), &[&[number]]);
        for (number, seconds) in [(1, 5), (2, 1), (3, 9)] {
            alarms.set(start + Duration::from_secs(seconds), id(number));
        }
        assert_eq!(alarms.due(start), None);
        let later = start + Duration::from_secs(6);
        assert_eq!(alarms.due(later), Some(id(2)));
        assert_eq!(alarms.due(later), Some(id(1)));
        assert_eq!(alarms.due(later), None);
    }

    #[test]
    fn an_alarm_is_set_once() {
        let alarms = Alarms::default();
        let (start, id) = (Moment::now(), Id::derived(Timestamp::from_millis(1), &[]));
        let mut armed = Armed::default();
        for seconds in [9, 30, 20, 5, 7] {
            armed.by(start + Duration::from_secs(seconds), &alarms, id);
        }
        assert_eq!(alarms.set.lock().len(), 2);
        assert!(!armed.passed(start));
        assert!(armed.passed(start + Duration::from_secs(5)));
        armed.by(start + Duration::from_secs(9), &alarms, id);
        assert_eq!(alarms.set.lock().len(), 3);
    }
}
