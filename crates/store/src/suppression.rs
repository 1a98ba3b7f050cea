//! What a suppression must be to be kept.

use vigil_event::Suppression;

/// The most suppressions in force at once.
pub const MAX_ACTIVE: usize = 1_000;

/// The most that are listed.
pub const MAX_LISTED: usize = 10_000;

/// The longest text of a suppression, in bytes.
const MAX_TEXT_BYTES: usize = 2_000;

/// What is wrong with a suppression, and what to do; none where all is well.
pub fn problem(suppression: &Suppression) -> Option<&'static str> {
    let Suppression {
        rule,
        network,
        path,
        host,
        reason,
        expires_at,
        created_at,
        ..
    } = suppression;
    let texts = [Some(rule), path.as_ref(), host.as_ref(), Some(reason)];
    let mut given = texts.into_iter().flatten();
    let unlimited = network.is_none_or(|network| network.prefix_len() == 0)
        && path
            .as_ref()
            .is_none_or(|path| path.trim_matches('*').is_empty() || path == "/*")
        && host.is_none();
    if reason.trim().is_empty() {
        Some("`reason` is missing: say why, for whoever wonders later")
    } else if rule.trim().is_empty() {
        Some("`rule` is missing: give a rule's id, a family, or `*`")
    } else if given.any(|text| text.len() > MAX_TEXT_BYTES) {
        Some("a text may have 2000 bytes: shorten it")
    } else if rule == "*" && unlimited {
        Some(
            "every rule everywhere would silence everything: give a rule, or a network, path or host",
        )
    } else if path
        .as_ref()
        .is_some_and(|path| !path.starts_with(['/', '*']))
    {
        Some("`path` must begin with `/` or `*`")
    } else if expires_at.is_some_and(|end| end <= *created_at) {
        Some("`expires_at` has passed already")
    } else {
        None
    }
}
