//! Why the form of a value does not fit.

use crate::profile::shape::Shape;
use crate::profile::who::hash;

/// Why a form does not fit.
pub(super) enum Reason {
    Class(u8),
    Kind,
    Long,
    Short,
    Signs,
    Pattern,
    Pair(u16),
}

impl Reason {
    /// The same for values that do not fit for the same reason.
    pub(super) const fn change(&self, shape: &Shape) -> u64 {
        let (reason, what) = match self {
            Self::Pattern => return shape.pattern,
            Self::Class(class) => (1, *class as u64),
            Self::Kind => (2, shape.kind as u64),
            Self::Long => (3, 0),
            Self::Short => (4, 0),
            Self::Signs => (5, 0),
            Self::Pair(pair) => (6, *pair as u64),
        };
        hash(reason << 32 | what)
    }
}
