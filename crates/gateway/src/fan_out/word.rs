//! What an audience is told of some items: put together once for all who want the same.

use std::sync::Arc;

use vigil_bus::Published;
use vigil_event::{Severity, Timestamp};

use crate::admit::upgrade::Agreed;
use crate::frame::form::{self, Projection};
use crate::frame::press::Press;
use crate::frame::run::Run;
use crate::subscription::sift::Sift;

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
    /// These frames.
    Frames(Run, Vec<Mark>),
    /// Each connection has to pull by itself, such as to find out what it missed.
    Pull,
}

/// What is known of each frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    pub(crate) offset: u64,
    pub(crate) published_at: Timestamp,
}

impl Word {
    /// What an audience is told of some items.
    pub(crate) fn of(items: &[Arc<Published>], wants: &Wants, press: &Press) -> Self {
        let heard = items.iter().filter(|item| wants.sift.hears(item));
        let mut marks = Vec::new();
        let mut frames = Vec::new();
        for item in heard {
            marks.push(Mark {
                offset: item.offset,
                published_at: item.publication.timestamp,
            });
            let projection = wants.projection.as_deref();
            frames.push(form::of(item, wants.agreed, projection, press).into_bytes());
        }
        if frames.is_empty() {
            return Self::Nothing;
        }
        Self::Frames(Run::of(&frames), marks)
    }
}
