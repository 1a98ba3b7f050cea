//! An item of a channel's log, with the frame that is made of it once for everybody.
//!
//! Never holds: how a frame looks.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use vigil_event::Publication;

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
}

impl Published {
    /// A publication at its place.
    pub const fn new(publication: Publication, offset: u64, epoch: Arc<str>) -> Self {
        Self {
            publication,
            offset,
            epoch,
            frame: OnceLock::new(),
        }
    }

    /// The encoded form: made by whoever asks first, then shared.
    ///
    /// `encode` must give the same for everybody, since only the first one's is kept.
    pub fn frame_or_encode(&self, encode: impl FnOnce(&Self) -> Bytes) -> Bytes {
        self.frame.get_or_init(|| encode(self)).clone()
    }
}

#[cfg(test)]
mod tests {
    use vigil_event::{Id, Severity, Timestamp};

    use super::*;

    #[test]
    fn encodes_once() {
        let at = Timestamp::from_millis(1);
        let status = Publication::status(&"fine", Severity::Low, Id::derived(at, &[]), at);
        let item = Published::new(status, 3, Arc::from("e"));
        let first = item.frame_or_encode(|item| item.publication.data.clone());
        assert_eq!(first, "\"fine\"");
        let second = item.frame_or_encode(|_| unreachable!("it is there already"));
        assert_eq!(second.as_ptr(), first.as_ptr());
    }
}
