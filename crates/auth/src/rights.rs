//! Rights: what a token says of channels, beyond its role.
//!
//! Patterns only ever narrow what the role allows. Never holds: which channels there are.

use serde::{Deserialize, Serialize};

/// The namespace of rooms that belong to one user each: `user:anna`.
const USER_NAMESPACE: &str = "user:";

/// At most this many patterns a list.
pub(crate) const MAX_PATTERNS: usize = 100;

/// The longest pattern, in bytes.
pub(crate) const MAX_PATTERN_BYTES: usize = 256;

/// The longest filter, in bytes.
pub(crate) const MAX_FILTER_BYTES: usize = 4 * 1024;

/// What a token says of channels: its claim `vigil`. Nothing said is all that the role allows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rights {
    /// The channels they may hear, as patterns: `threats`, `investigations:*` or `*`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscribe: Option<Vec<String>>,
    /// The channels they may publish to, as patterns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publish: Option<Vec<String>>,
    /// An expression that every item they hear must satisfy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
}

impl Rights {
    /// What is wrong with them, if they are not within bounds.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        for list in [&self.subscribe, &self.publish].into_iter().flatten() {
            if list.len() > MAX_PATTERNS {
                return Some("it grants too many channels");
            }
            if list.iter().any(|pattern| pattern.len() > MAX_PATTERN_BYTES) {
                return Some("it names a channel that is too long");
            }
        }
        self.filter
            .as_ref()
            .is_some_and(|filter| filter.len() > MAX_FILTER_BYTES)
            .then_some("its filter is too long")
    }
}

/// Whether one of the patterns stands for the channel.
pub(crate) fn any_covers(patterns: &[String], channel: &str) -> bool {
    patterns.iter().any(|pattern| covers(pattern, channel))
}

/// Whether the pattern stands for the channel. A `*` is special only alone or after a namespace's
/// colon: a pattern like `thr*` is just a name.
fn covers(pattern: &str, channel: &str) -> bool {
    if pattern == "*" {
        return true;
    }
    match pattern.strip_suffix('*') {
        Some(namespace) if namespace.ends_with(':') => channel
            .strip_prefix(namespace)
            .is_some_and(|id| !id.is_empty()),
        _ => pattern == channel,
    }
}

/// Whose a channel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// Nobody's in particular.
    Nobody,
    /// That of the one who asks.
    Own,
    /// Another user's, or about them: the audit, and a pattern that stands for theirs too.
    Other,
}

/// Whose the channel is, seen by that user.
pub(crate) fn owner(channel: &str, subject: &str) -> Owner {
    match channel.strip_prefix(USER_NAMESPACE) {
        Some("*") => Owner::Other,
        Some(user) if user == subject => Owner::Own,
        Some(_) => Owner::Other,
        None if matches!(channel, "*" | "audit") => Owner::Other,
        None => Owner::Nobody,
    }
}

/// Whether it is a room, such as `investigations:42`, and not one of the platform's own channels.
pub(crate) fn is_room(channel: &str) -> bool {
    channel.contains(':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_special_alone_or_after_a_colon() {
        for (pattern, channel, does) in [
            ("threats", "threats", true),
            ("threats", "threats2", false),
            ("investigations:*", "investigations:42", true),
            ("investigations:*", "investigations:*", true),
            ("investigations:*", "investigations:", false),
            ("investigations:*", "investigations", false),
            ("investigations:42", "investigations:*", false),
            ("thr*", "threats", false),
            ("*", "anything:at all", true),
        ] {
            assert_eq!(covers(pattern, channel), does, "{pattern} {channel}");
        }
    }

    #[test]
    fn a_user_owns_one_room() {
        assert_eq!(owner("user:anna", "anna"), Owner::Own);
        assert_eq!(owner("user:anna", "bert"), Owner::Other);
        assert_eq!(owner("user:Anna", "anna"), Owner::Other);
        assert_eq!(owner("user:", "anna"), Owner::Other);
        assert_eq!(owner("users:anna", "anna"), Owner::Nobody);
        assert_eq!(owner("*", "anna"), Owner::Other);
        assert_eq!(owner("audit", "anna"), Owner::Other);
        // Who is called `*` does not thereby hear everybody.
        assert_eq!(owner("user:*", "*"), Owner::Other);
    }

    #[test]
    fn everything_has_a_bound() {
        let list = |count, bytes| Some(vec!["c".repeat(bytes); count]);
        let patterns = |subscribe, publish| Rights {
            subscribe,
            publish,
            filter: None,
        };
        assert_eq!(patterns(list(100, 256), list(100, 256)).fault(), None);
        assert!(patterns(list(101, 1), None).fault().is_some());
        assert!(patterns(None, list(101, 1)).fault().is_some());
        assert!(patterns(None, list(1, 257)).fault().is_some());
        let filtered = |bytes| Rights {
            filter: Some("x".repeat(bytes)),
            ..Rights::default()
        };
        assert_eq!(filtered(4096).fault(), None);
        assert!(filtered(4097).fault().is_some());
    }
}
