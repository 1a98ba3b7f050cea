//! Positions in a channel's log, and what to do with one that comes from outside.
//!
//! Never holds: the log.

use std::sync::Arc;

/// A place in a channel's log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// Names the log: offsets of another epoch say nothing about this one.
    pub epoch: Arc<str>,
    /// The offset of the last item; the first item has 1, so that 0 is before everything.
    pub offset: u64,
}

/// What to do for a listener that comes back with the position it had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resume {
    /// Read on after this offset.
    Continue {
        /// The offset.
        after: u64,
    },
    /// The position is of another log: nothing can be said about what was missed. Start again from
    /// the head, and say so.
    EpochChanged {
        /// Where the log stands.
        head: Position,
    },
}

impl Resume {
    /// Compares a position with the log's head.
    ///
    /// An offset past the head is of another log too, even in the same epoch: the log was set back,
    /// as by restoring an older copy of the data.
    pub fn new(epoch: &str, offset: u64, head: Position) -> Self {
        if *epoch == *head.epoch && offset <= head.offset {
            Self::Continue { after: offset }
        } else {
            Self::EpochChanged { head }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_on_only_within_the_same_log() {
        let head = Position {
            epoch: Arc::from("k3f9"),
            offset: 7,
        };
        assert_eq!(
            Resume::new("k3f9", 7, head.clone()),
            Resume::Continue { after: 7 }
        );
        assert_eq!(
            Resume::new("k3f9", 0, head.clone()),
            Resume::Continue { after: 0 }
        );
        for (epoch, offset) in [("k3f9", 8), ("k3fa", 3), ("", 0)] {
            assert_eq!(
                Resume::new(epoch, offset, head.clone()),
                Resume::EpochChanged { head: head.clone() }
            );
        }
    }
}
