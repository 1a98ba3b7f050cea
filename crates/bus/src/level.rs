//! How much each of several may keep where all of them together are too much: those that have most give
//! first, and who has little keeps it.
//!
//! Owns: the sum. Never holds: what is kept.

use std::sync::atomic::{AtomicUsize, Ordering};

/// What several hold together, and may.
#[derive(Debug)]
pub(crate) struct Sum {
    held: AtomicUsize,
    most: usize,
    /// Beyond this somebody is to give: more than `most` where they could not give a tenth the last time.
    bearable: AtomicUsize,
}

impl Sum {
    pub(crate) const fn new(most: usize) -> Self {
        Self {
            held: AtomicUsize::new(0),
            most,
            bearable: AtomicUsize::new(most),
        }
    }

    /// One of them held `before` and holds `after`. Called under the lock of that one, so that what is
    /// given back was taken before.
    pub(crate) fn changes(&self, before: usize, after: usize) {
        if after >= before {
            self.held.fetch_add(after - before, Ordering::Relaxed);
        } else {
            self.held.fetch_sub(before - after, Ordering::Relaxed);
        }
    }

    /// Whether those who have most are to give.
    pub(crate) fn is_too_much(&self) -> bool {
        let held = self.held.load(Ordering::Relaxed);
        let bearable = self.bearable.load(Ordering::Relaxed);
        if bearable > self.a_tenth_more(held) {
            self.bear();
        }
        held > bearable
    }

    /// They gave what they could. To ask all of them takes time: where that was not enough they are asked
    /// again once there is a tenth more.
    pub(crate) fn bear(&self) {
        let held = self.held.load(Ordering::Relaxed);
        self.bearable
            .store(self.a_tenth_more(held), Ordering::Relaxed);
    }

    /// What is borne until they are asked again, where so much is left.
    fn a_tenth_more(&self, held: usize) -> usize {
        held.saturating_add(self.most / 10).max(self.most)
    }

    /// How much each may keep, so that there is room for a tenth more before this is asked again.
    pub(crate) fn share(&self, sizes: Vec<usize>) -> usize {
        share_of(self.most / 10 * 9, sizes)
    }
}

/// The most that each may have, if all are to have no more than `most` together.
pub(crate) fn share_of(most: usize, mut sizes: Vec<usize>) -> usize {
    sizes.sort_unstable();
    let (mut left, mut others) = (most, sizes.len());
    for size in sizes {
        let share = left / others.max(1);
        if size > share {
            return share;
        }
        left -= size;
        others -= 1;
    }
    usize::MAX
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn who_has_most_gives_first() {
        assert_eq!(share_of(100, vec![10, 20, 30]), usize::MAX);
        assert_eq!(share_of(100, vec![10, 500, 20]), 70);
        assert_eq!(share_of(100, vec![10, 500, 500]), 45);
        assert_eq!(share_of(100, vec![500; 200]), 0);
        assert_eq!(share_of(0, Vec::new()), usize::MAX);
    }

    #[test]
    fn who_can_give_no_more_is_not_asked_at_every_change() {
        let sum = Sum::new(1_000);
        sum.changes(0, 1_500);
        assert!(sum.is_too_much());
        sum.bear();
        sum.changes(0, 100);
        assert!(!sum.is_too_much());
        sum.changes(0, 1);
        assert!(sum.is_too_much());
        sum.bear();
        sum.changes(1_601, 800);
        assert!(!sum.is_too_much());
        sum.changes(0, 201);
        assert!(sum.is_too_much(), "what was borne is over");
        // Nor where they could just give enough.
        sum.changes(1_001, 990);
        sum.bear();
        sum.changes(0, 100);
        assert!(!sum.is_too_much());
        sum.changes(0, 1);
        assert!(sum.is_too_much());
    }

    proptest! {
        #[test]
        fn all_shares_are_no_more_than_there_is(
            most in 0_usize..10_000,
            sizes in proptest::collection::vec(0_usize..1_000, 0..50),
        ) {
            let share = share_of(most, sizes.clone());
            let kept: usize = sizes.iter().map(|size| (*size).min(share)).sum();
            prop_assert!(kept <= most);
        }
    }
}
