//! A principal: who acts, and what they may do and hear.

use vigil_event::Timestamp;

use crate::{Action, Role};

/// Who acts, as a credential proved it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The user's or machine's name; what is written down as who did something.
    pub subject: String,
    /// What they are.
    pub role: Role,
    /// When the credential ends; none for a key and for a token that lasts.
    pub expires_at: Option<Timestamp>,
    /// The token's own id, so that one token can be named without showing it.
    pub token_id: Option<String>,
    /// The channels they may hear, as patterns: `threats`, `investigations:*` or `*`. None = all
    /// that the role allows. Patterns only ever narrow the role's rights.
    pub subscribe: Option<Vec<String>>,
}

impl Principal {
    /// Whether they may do that.
    pub const fn may(&self, action: Action) -> bool {
        self.role.may(action)
    }

    /// Whether they may hear that channel, or every channel of a pattern such as
    /// `investigations:*`.
    pub fn may_subscribe(&self, channel: &str) -> bool {
        self.may(Action::Read)
            && self
                .subscribe
                .as_ref()
                .is_none_or(|patterns| patterns.iter().any(|pattern| covers(pattern, channel)))
    }

    /// Whether the credential has ended.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn viewer(patterns: Option<&[&str]>) -> Principal {
        Principal {
            subject: "anna".into(),
            role: Role::Viewer,
            expires_at: None,
            token_id: None,
            subscribe: patterns.map(|list| list.iter().map(|&text| text.to_owned()).collect()),
        }
    }

    #[test]
    fn without_patterns_the_role_decides() {
        assert!(viewer(None).may_subscribe("threats"));
        let service = Principal {
            role: Role::Service,
            ..viewer(None)
        };
        assert!(!service.may_subscribe("threats"));
        let service = Principal {
            role: Role::Service,
            ..viewer(Some(&["*"]))
        };
        assert!(
            !service.may_subscribe("threats"),
            "patterns never widen a role"
        );
    }

    #[test]
    fn patterns_narrow() {
        let anna = viewer(Some(&["threats", "investigations:*"]));
        for (channel, may) in [
            ("threats", true),
            ("threats2", false),
            ("alerts", false),
            ("investigations:42", true),
            ("investigations:*", true),
            ("investigations:", false),
            ("investigations", false),
            ("*", false),
        ] {
            assert_eq!(anna.may_subscribe(channel), may, "{channel}");
        }
        assert!(viewer(Some(&["*"])).may_subscribe("anything:at all"));
        assert!(!viewer(Some(&[])).may_subscribe("threats"));
        assert!(!viewer(Some(&["thr*"])).may_subscribe("threats"));
        assert!(!viewer(Some(&["investigations:42"])).may_subscribe("investigations:*"));
    }

    #[test]
    fn a_credential_is_over_at_its_end() {
        let anna = Principal {
            expires_at: Some(Timestamp::from_millis(1_000)),
            ..viewer(None)
        };
        assert!(!anna.is_expired(Timestamp::from_millis(999)));
        assert!(anna.is_expired(Timestamp::from_millis(1_000)));
        assert!(!viewer(None).is_expired(Timestamp::from_millis(i64::MAX)));
    }
}
