//! What of a channel is heard: from a severity up, through the client's filter and the token's.

use std::sync::Arc;

use vigil_bus::Published;
use vigil_event::Severity;

use crate::subscription::filter::Filter;

/// What is heard. The token's filter is one of them, so that it holds wherever a sift does: live, on
/// resume and in history.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sift {
    /// Only what is at least this bad.
    pub(crate) min_severity: Option<Severity>,
    /// Only what all of these let through.
    pub(crate) filters: Vec<Arc<Filter>>,
}

impl Sift {
    pub(crate) fn hears(&self, item: &Published) -> bool {
        let severity = item.publication.severity;
        self.min_severity.is_none_or(|min| severity >= min)
            && self.filters.iter().all(|filter| filter.lets_through(item))
    }

    pub(crate) const fn hears_everything(&self) -> bool {
        self.min_severity.is_none() && self.filters.is_empty()
    }

    /// Whether severities alone say what is heard, so that what is gone can still be counted.
    pub(crate) fn is_by_severity(&self) -> bool {
        self.filters.is_empty()
    }
}
