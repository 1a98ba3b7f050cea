//! What a revocation must be to be kept.

use vigil_event::{Revocation, Revoked};

/// The most that are kept.
pub const MAX_KEPT: usize = 10_000;

/// The longest reason, in bytes.
const MAX_REASON_BYTES: usize = 2_000;

/// What is wrong with a revocation, and what to do; none where all is well.
pub fn problem(revocation: &Revocation) -> Option<&'static str> {
    let value = revocation.revoked.value();
    if value.trim().is_empty() {
        Some("it names nothing: give a token's id, a user or a key")
    } else if value.len() > Revoked::MAX_BYTES {
        Some("what it names may have 512 bytes: no token's id, user or key is longer")
    } else if revocation.reason.trim().is_empty() {
        Some("`reason` is missing: say why, for whoever wonders later")
    } else if revocation.reason.len() > MAX_REASON_BYTES {
        Some("`reason` may have 2000 bytes: shorten it")
    } else if revocation
        .expires_at
        .is_some_and(|end| end <= revocation.created_at)
    {
        Some("`expires_at` has passed already")
    } else {
        None
    }
}
