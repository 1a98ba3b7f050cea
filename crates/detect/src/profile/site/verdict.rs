//! What all that does not fit of a request comes to.

use super::Verdict;
use crate::profile::misfit::{Misfit, Place, grouped};
use crate::profile::options::{Part, Trust};
use crate::profile::shape::Shape;
use crate::profile::value::ValueProfile;

/// The highest score of a profile alone: it knows what is unusual, not what is evil.
pub(super) const MOST: f64 = 8.9;
/// A new page is one that people find once so many networks have.
pub(super) const FOUND_BY: u32 = 3;
/// A path that is only new, and that a page of the site leads to, or at which nothing was, is never
/// enough: pages are made every day, and mistyped.
pub(super) const MOST_OF_NEW_PATHS: f64 = 4.5;
/// Weak signs about the answer alone never reach more.
const MOST_AROUND: f64 = 4.9;
/// The weight of what is only new where the site changes.
const NEWS: f64 = 0.45;

/// Adds up what does not fit. What is only new counts less where the site has changed in just that.
pub(super) fn verdict(mut misfits: Vec<Misfit>, has_changed: impl Fn(&Misfit) -> bool) -> Verdict {
    misfits.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut is_news = false;
    for misfit in &mut misfits {
        let has_changed = has_changed(misfit);
        if has_changed && is_news {
            // What changes at once is one change.
            misfit.score = 0.0;
        } else if has_changed {
            misfit.score *= NEWS;
        }
        is_news |= has_changed;
    }
    misfits.retain(|misfit| misfit.score >= crate::profile::value::WEAKEST);
    misfits.sort_by(|a, b| b.score.total_cmp(&a.score));
    let together = |of_request_only: bool| {
        let counted = misfits
            .iter()
            .filter(|one| !of_request_only || one.aspect.is_of_request());
        10.0 * (1.0 - counted.map(|one| 1.0 - one.score / 10.0).product::<f64>())
    };
    let (request, all) = (together(true), together(false));
    let score = if request >= crate::profile::value::STRONG {
        all
    } else {
        request.max(all.min(MOST_AROUND))
    };
    Verdict {
        misfits,
        score: score.min(MOST),
        is_news,
    }
}

/// What does not fit of a name in a path where names look like that.
pub(super) fn segment_misfit(
    profile: &ValueProfile,
    segment: &[u8],
    (part, trust): (Part, Trust),
    was_served: bool,
) -> Option<Misfit> {
    let misfit = profile.judge((&Shape::of(segment), segment), part, trust)?;
    let share = match (was_served, misfit.is_dangerous || misfit.is_long) {
        (true, true) => 1.0,
        (false, true) => 0.8,
        (true, false) => 0.7,
        (false, false) => 0.5,
    };
    Some(Misfit {
        aspect: misfit.aspect,
        place: Place::Path,
        thing: if misfit.is_dangerous || misfit.is_long {
            Misfit::DANGEROUS_PATH
        } else {
            Misfit::PATH
        },
        change: None,
        score: misfit.score * share,
        words: format!(
            "this part of the path was {} in {} requests from about {} addresses",
            misfit.usual,
            grouped(profile.count()),
            grouped(profile.clients())
        ),
    })
}
