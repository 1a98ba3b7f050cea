//! What waits to be written, over all connections: how much of each lane, and whether there is room
//! for more.
//!
//! Most of the time nothing waits. Where clients are slow, less urgent lanes find the room used up
//! sooner, so that the last of it is left to what is critical.

use prometheus::IntGauge;
use vigil_protocol::Lane;

/// In what way something waits, the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    /// Answers, heartbeats and what else the server says.
    Control,
    /// Overtakes what else of channels waits.
    Critical,
    /// In its turn.
    Normal,
    /// In its turn, and left out first.
    Bulk,
}

impl Way {
    pub(crate) const ALL: [Self; 4] = [Self::Control, Self::Critical, Self::Normal, Self::Bulk];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Critical => "critical",
            Self::Normal => "normal",
            Self::Bulk => "bulk",
        }
    }

    /// How much of the budget may be used before this way finds it used up, in percent.
    const fn share(self) -> usize {
        match self {
            Self::Control | Self::Critical => 100,
            Self::Normal => 90,
            Self::Bulk => 80,
        }
    }
}

impl From<Lane> for Way {
    fn from(lane: Lane) -> Self {
        match lane {
            Lane::Critical => Self::Critical,
            Lane::Normal => Self::Normal,
            Lane::Bulk => Self::Bulk,
        }
    }
}

/// What waits to be written, over all connections.
#[derive(Debug)]
pub(crate) struct Budget {
    limit_bytes: usize,
    waiting: [IntGauge; 4],
}

impl Budget {
    /// `waiting` shows how many bytes wait, in the order of [`Way::ALL`].
    pub(crate) const fn new(limit_bytes: usize, waiting: [IntGauge; 4]) -> Self {
        Self {
            limit_bytes,
            waiting,
        }
    }

    /// Whether more of that kind may wait.
    pub(crate) fn has_room(&self, way: Way) -> bool {
        let used: i64 = self.waiting.iter().map(IntGauge::get).sum();
        let used = usize::try_from(used).unwrap_or_default();
        used < self.limit_bytes / 100 * way.share()
    }

    /// So many bytes more wait.
    pub(crate) fn take(&self, way: Way, bytes: usize) {
        self.gauge(way).add(bytes.cast_signed() as i64);
    }

    /// So many bytes wait no more.
    pub(crate) fn give_back(&self, way: Way, bytes: usize) {
        self.gauge(way).sub(bytes.cast_signed() as i64);
    }

    #[cfg(test)]
    pub(crate) fn is_unused(&self) -> bool {
        self.waiting.iter().all(|gauge| gauge.get() == 0)
    }

    fn gauge(&self, way: Way) -> &IntGauge {
        let [control, critical, normal, bulk] = &self.waiting;
        match way {
            Way::Control => control,
            Way::Critical => critical,
            Way::Normal => normal,
            Way::Bulk => bulk,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bulk_finds_it_used_up_first_and_what_is_critical_last() {
        let gauge = || IntGauge::new("waiting", "What waits.").unwrap();
        let budget = Budget::new(1_000, std::array::from_fn(|_| gauge()));
        let room = || Way::ALL.map(|way| budget.has_room(way));
        assert_eq!(room(), [true; 4]);
        budget.take(Way::Normal, 800);
        assert_eq!(room(), [true, true, true, false]);
        budget.take(Way::Bulk, 100);
        assert_eq!(room(), [true, true, false, false]);
        budget.take(Way::Critical, 100);
        assert_eq!(room(), [false; 4]);
        for (way, bytes) in [(Way::Normal, 800), (Way::Bulk, 100), (Way::Critical, 100)] {
            budget.give_back(way, bytes);
        }
        assert_eq!(room(), [true; 4]);
    }
}
