//! An item of a channel's log, with what is made of it once for everybody: the frames that carry it,
//! and what filters say of it.
//!
//! Never holds: how a frame looks, what a filter asks.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use parking_lot::Mutex;
use vigil_event::Publication;

/// The most verdicts that are remembered; those of further filters are asked for each time.
const MAX_VERDICTS: usize = 256;

/// Frames of other forms are remembered while they are together no longer than the item's data and
/// this.
const FORMS_SPARE_BYTES: usize = 512;

/// Names a form of the frame, such as another encoding or a part of the fields. Whoever hands them
/// out sees to it that two forms never share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FormId(pub u64);

/// Names a filter. Whoever hands them out sees to it that two filters never share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FilterId(pub u64);

/// A publication with its place in the channel's log.
#[derive(Debug)]
pub struct Published {
    /// What was published.
    pub publication: Publication,
    /// Its offset.
    pub offset: u64,
    /// The log's epoch.
    pub epoch: Arc<str>,
    frame: OnceLock<Bytes>,
    memo: Mutex<Memo>,
}

#[derive(Debug, Default)]
struct Memo {
    frames: Vec<(FormId, Bytes)>,
    frames_bytes: usize,
    verdicts: Vec<(FilterId, bool)>,
}

impl Published {
    /// A publication at its place.
    pub fn new(publication: Publication, offset: u64, epoch: Arc<str>) -> Self {
        Self {
            publication,
            offset,
            epoch,
            frame: OnceLock::new(),
            memo: Mutex::default(),
        }
    }

    /// The encoded form: made by whoever asks first, then shared.
    ///
    /// `encode` must give the same for everybody, since only the first one's is kept.
    pub fn frame_or_encode(&self, encode: impl FnOnce(&Self) -> Bytes) -> Bytes {
        self.frame.get_or_init(|| encode(self)).clone()
    }

    /// Another form of the frame: made by whoever asks first, then shared as far as there is room.
    pub fn form_or_encode(&self, form: FormId, encode: impl FnOnce(&Self) -> Bytes) -> Bytes {
        let mut memo = self.memo.lock();
        if let Some((_, frame)) = memo.frames.iter().find(|(known, _)| *known == form) {
            return frame.clone();
        }
        let frame = encode(self);
        let bytes = memo.frames_bytes.saturating_add(frame.len());
        if bytes <= self.publication.data.len() + FORMS_SPARE_BYTES {
            memo.frames_bytes = bytes;
            memo.frames.push((form, frame.clone()));
        }
        frame
    }

    /// What a filter says of it: asked once, then remembered for all who share the filter.
    ///
    /// `judge` must not ask this item again.
    pub fn verdict_or_judge(&self, filter: FilterId, judge: impl FnOnce(&Self) -> bool) -> bool {
        let mut memo = self.memo.lock();
        match memo
            .verdicts
            .binary_search_by_key(&filter, |(known, _)| *known)
        {
            Ok(place) => memo.verdicts.get(place).is_some_and(|(_, said)| *said),
            Err(place) => {
                let said = judge(self);
                if memo.verdicts.len() < MAX_VERDICTS {
                    memo.verdicts.insert(place, (filter, said));
                }
                said
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use vigil_event::{Id, Severity, Timestamp};

    use super::*;

    fn item() -> Published {
        let at = Timestamp::from_millis(1);
        let status = Publication::status(&"fine", Severity::Low, Id::derived(at, &[]), at);
        Published::new(status, 3, Arc::from("e"))
    }

    #[test]
    fn encodes_once() {
        let item = item();
        let first = item.frame_or_encode(|item| item.publication.data.clone());
        assert_eq!(first, "\"fine\"");
        let second = item.frame_or_encode(|_| unreachable!("it is there already"));
        assert_eq!(second.as_ptr(), first.as_ptr());
    }

    #[test]
    fn forms_are_kept_apart_and_bounded() {
        let item = item();
        let form = |id: u64, size: usize| {
            item.form_or_encode(FormId(id), |_| Bytes::from(vec![id as u8; size]))
        };
        assert_eq!(form(1, 10)[0], 1);
        assert_eq!(form(2, 10)[0], 2);
        assert_eq!(form(1, 99).len(), 10, "it is there already");
        assert_eq!(form(3, 10_000).len(), 10_000);
        assert_eq!(form(3, 20_000).len(), 20_000, "too long to be kept");
    }

    #[test]
    fn a_filter_is_asked_once() {
        let item = item();
        for id in [5, 3, 9] {
            assert_eq!(item.verdict_or_judge(FilterId(id), |_| id == 3), id == 3);
        }
        for id in [9, 3, 5] {
            assert_eq!(
                item.verdict_or_judge(FilterId(id), |_| unreachable!("it was asked")),
                id == 3
            );
        }
        for id in 10..1_000 {
            item.verdict_or_judge(FilterId(id), |_| true);
        }
        assert!(item.memo.lock().verdicts.len() <= MAX_VERDICTS);
    }
}
