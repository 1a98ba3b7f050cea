//! What an audience is told of some items: put together once for all who want the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{Bytes, BytesMut};
use vigil_bus::Published;
use vigil_event::{Severity, Timestamp};

use crate::form::{self, Projection};
use crate::hub::Means;
use crate::sift::Sift;
use crate::upgrade::Agreed;

/// At most so many bytes of messages put together wait for slow sockets, of all shards. Beyond it
/// connections pull what the log shares with them, and nothing is put together.
pub(crate) const MOST_COPIED_BYTES: usize = 64 << 20;

/// What a subscription wants of a channel.
#[derive(Clone)]
pub(crate) struct Wants {
    pub(crate) sift: Arc<Sift>,
    pub(crate) projection: Option<Arc<Projection>>,
    pub(crate) agreed: Agreed,
}

/// Equal for those that want the same. Filters and projections are interned, and held by whoever wants
/// them, so where they stand in memory names them.
pub(crate) type Kind = (Option<Severity>, Vec<usize>, usize, Agreed);

impl Wants {
    pub(crate) fn kind(&self) -> Kind {
        let filters = self.sift.filters.iter();
        let projection = self.projection.as_ref();
        (
            self.sift.min_severity,
            filters.map(|one| Arc::as_ptr(one).addr()).collect(),
            projection.map_or(0, |one| Arc::as_ptr(one).addr()),
            self.agreed,
        )
    }
}

/// What an audience is told of some items.
pub(crate) enum Word {
    /// It does not hear them.
    Nothing,
    /// These frames, and when each was published.
    Frames(Bytes, Vec<Timestamp>),
    /// Each connection has to pull by itself, such as to find out what it missed.
    Pull,
}

/// Messages put together. They are kept for as long as a socket has not taken them.
struct Copied {
    bytes: BytesMut,
    of: Arc<AtomicUsize>,
}

impl Copied {
    fn of(frames: &[Bytes], length: usize, of: &Arc<AtomicUsize>) -> Bytes {
        let mut bytes = BytesMut::with_capacity(length);
        for frame in frames {
            bytes.extend_from_slice(frame);
        }
        of.fetch_add(length, Ordering::Relaxed);
        Bytes::from_owner(Self {
            bytes,
            of: Arc::clone(of),
        })
    }
}

impl AsRef<[u8]> for Copied {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Copied {
    fn drop(&mut self) {
        self.of.fetch_sub(self.bytes.len(), Ordering::Relaxed);
    }
}

impl Word {
    /// What an audience is told of some items.
    pub(crate) fn of(items: &[Arc<Published>], wants: &Wants, means: &Means) -> Word {
        let heard = items.iter().filter(|item| wants.sift.hears(item));
        let mut published_at = Vec::new();
        let mut frames = Vec::new();
        for item in heard {
            published_at.push(item.publication.timestamp);
            let projection = wants.projection.as_deref();
            let frame = form::of(item, wants.agreed, projection, &means.press);
            frames.push(frame.into_bytes());
        }
        match frames.as_slice() {
            [] => Word::Nothing,
            [single] => Word::Frames(single.clone(), published_at),
            several => {
                let length = several.iter().map(Bytes::len).sum();
                if means.copied.load(Ordering::Relaxed) + length > MOST_COPIED_BYTES {
                    return Word::Pull;
                }
                Word::Frames(Copied::of(several, length, &means.copied), published_at)
            }
        }
    }
}
