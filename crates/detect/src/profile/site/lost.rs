//! What led nowhere, and why that says nothing of who asked for it.

use super::Site;
use super::stray::Stray;
use crate::profile::misfit::Misfit;
use crate::profile::options::Trust;
use crate::profile::seen::Request;
use crate::profile::who::{hash, hash_text};

/// A request by its path and parameters.
pub(super) fn whole_hash(request: &Request<'_>) -> u64 {
    let parts = request.parameters().flatten();
    parts.fold(hash_text(request.path()), |sum, part| {
        hash(sum ^ hash_text(part))
    })
}

impl Site {
    /// Whether many have asked for just this, and got nothing: a page leads there by mistake.
    pub(super) fn is_broken(&self, request: &Request<'_>, trust: Trust) -> bool {
        !request.was_served()
            && self
                .missing
                .get(&whole_hash(request))
                .is_some_and(|seen| trust.trusts(seen))
    }

    /// A name that does not fit, in a path that is not there: visitors who were given half a link ask for such.
    pub(super) fn as_stray(&self, misfit: Misfit, request: &Request<'_>) -> Misfit {
        if request.was_served() || misfit.thing != Misfit::PATH {
            return misfit;
        }
        let rarely = self.strays.form((self.count, self.size));
        let strength = self.part(self.count).strength(rarely, self.size);
        Misfit {
            score: misfit.score.min(Stray::Path.weight() * strength),
            ..misfit
        }
    }

    /// Whether nothing is at a path that is written as links are that were copied with what stood around them.
    pub(super) fn is_copied(&self, request: &Request<'_>, trust: Trust) -> bool {
        !request.was_served() && self.strays.is_copied(request.path(), trust)
    }
}
