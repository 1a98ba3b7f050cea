//! A principal: who acts, and what they may do and hear.

use vigil_event::Timestamp;

use crate::rights::{Owner, any_covers, is_room, owner};
use crate::{Action, Rights, Role};

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
    /// The token with which a session was opened, so that the session goes with it.
    pub parent_id: Option<String>,
    /// The API key's name, or the id of the key that signed the token.
    pub key: Option<String>,
    /// When the credential was issued, to the second, if it says so.
    pub issued_at: Option<Timestamp>,
    /// What their token says of channels.
    pub rights: Rights,
}

impl Principal {
    /// Somebody of that role, with all its rights and without an end.
    pub fn new(subject: impl Into<String>, role: Role) -> Self {
        Self {
            subject: subject.into(),
            role,
            expires_at: None,
            token_id: None,
            parent_id: None,
            key: None,
            issued_at: None,
            rights: Rights::default(),
        }
    }

    /// Whether they may do that.
    pub const fn may(&self, action: Action) -> bool {
        self.role.may(action)
    }

    /// Whether they may open a connection: to hear something, or as a service to publish what its token
    /// names.
    pub fn may_connect(&self) -> bool {
        let names_channels = self
            .rights
            .publish
            .as_ref()
            .is_some_and(|it| !it.is_empty());
        self.may(Action::Read) || (self.role == Role::Service && names_channels)
    }

    /// Whether they may hear that channel, or every channel of a pattern such as
    /// `investigations:*`.
    ///
    /// Their own room, `user:{subject}`, they always may; another user's only an admin may.
    pub fn may_subscribe(&self, channel: &str) -> bool {
        let by_role = match owner(channel, &self.subject) {
            Owner::Own => return self.may(Action::Read),
            Owner::Other => self.may(Action::Read) && self.may(Action::Manage),
            Owner::Nobody => self.may(Action::Read),
        };
        by_role && is_granted(self.rights.subscribe.as_deref(), channel)
    }

    /// Whether they may publish to that channel, or to every channel of a pattern.
    ///
    /// An admin publishes to every channel, an analyst to rooms such as `investigations:42`, a
    /// service to what its token names and to nothing else, and a viewer only to their own room. The
    /// token's patterns narrow that; the namespace's own settings may narrow it further.
    pub fn may_publish(&self, channel: &str) -> bool {
        let by_role = match (self.role, owner(channel, &self.subject)) {
            (Role::Admin, _) => true,
            (Role::Viewer | Role::Analyst, Owner::Own) => return true,
            (Role::Analyst, Owner::Nobody) => is_room(channel),
            (Role::Service, Owner::Nobody) => self.rights.publish.is_some(),
            (Role::Viewer | Role::Service, _) | (Role::Analyst, Owner::Other) => false,
        };
        by_role && is_granted(self.rights.publish.as_deref(), channel)
    }

    /// The expression that every item they hear must satisfy, on live, history and resume alike.
    pub fn filter(&self) -> Option<&str> {
        self.rights.filter.as_deref()
    }

    /// Whether they may see everything that a channel tells, as a query does that can't apply their
    /// filter.
    pub fn may_see_all_of(&self, channel: &str) -> bool {
        self.may_subscribe(channel) && self.filter().is_none()
    }

    /// Whether the credential has ended.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }
}

fn is_granted(patterns: Option<&[String]>, channel: &str) -> bool {
    patterns.is_none_or(|patterns| any_covers(patterns, channel))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(patterns: &[&str]) -> Vec<String> {
        patterns.iter().map(|&text| text.to_owned()).collect()
    }

    fn hears(role: Role, patterns: Option<&[&str]>) -> Principal {
        let mut anna = Principal::new("anna", role);
        anna.rights.subscribe = patterns.map(list);
        anna
    }

    fn publishes(role: Role, patterns: Option<&[&str]>) -> Principal {
        let mut anna = Principal::new("anna", role);
        anna.rights.publish = patterns.map(list);
        anna
    }

    #[test]
    fn without_patterns_the_role_decides() {
        for role in [Role::Viewer, Role::Analyst, Role::Admin] {
            assert!(hears(role, None).may_subscribe("threats"), "{role}");
            assert!(
                hears(role, None).may_subscribe("investigations:*"),
                "{role}"
            );
        }
        assert!(!hears(Role::Service, None).may_subscribe("threats"));
        assert!(
            !hears(Role::Service, Some(&["*"])).may_subscribe("threats"),
            "patterns never widen a role"
        );
    }

    #[test]
    fn patterns_narrow() {
        let anna = hears(Role::Viewer, Some(&["threats", "investigations:*"]));
        for (channel, may) in [
            ("threats", true),
            ("alerts", false),
            ("investigations:42", true),
            ("investigations:*", true),
            ("investigations:", false),
            ("*", false),
        ] {
            assert_eq!(anna.may_subscribe(channel), may, "{channel}");
        }
        assert!(!hears(Role::Viewer, Some(&[])).may_subscribe("threats"));
        assert!(!hears(Role::Admin, Some(&["threats"])).may_subscribe("alerts"));
    }

    #[test]
    fn a_users_room_is_theirs() {
        for role in [Role::Viewer, Role::Analyst] {
            for patterns in [None, Some(&[][..]), Some(&["*"][..]), Some(&["user:*"][..])] {
                let anna = hears(role, patterns);
                assert!(anna.may_subscribe("user:anna"), "{role} {patterns:?}");
                assert!(!anna.may_subscribe("user:bert"), "{role} {patterns:?}");
                assert!(!anna.may_subscribe("user:*"), "{role} {patterns:?}");
                assert!(!anna.may_subscribe("*"), "{role} {patterns:?}");
                let anna = publishes(role, patterns);
                assert!(anna.may_publish("user:anna"), "{role} {patterns:?}");
                assert!(!anna.may_publish("user:bert"), "{role} {patterns:?}");
            }
        }
        assert!(hears(Role::Admin, None).may_subscribe("user:bert"));
        assert!(!hears(Role::Admin, Some(&["threats"])).may_subscribe("user:bert"));
        assert!(!hears(Role::Service, Some(&["*"])).may_subscribe("user:anna"));
    }

    #[test]
    fn who_may_publish_what() {
        for (role, patterns, channel, may) in [
            (Role::Viewer, None, "chat:1", false),
            (Role::Viewer, Some(&["*"][..]), "chat:1", false),
            (Role::Analyst, None, "chat:1", true),
            (Role::Analyst, None, "threats", false),
            (Role::Analyst, Some(&["*"]), "threats", false),
            (Role::Analyst, Some(&["chat:*"]), "investigations:1", false),
            (Role::Service, None, "chat:1", false),
            (Role::Service, Some(&["metrics"]), "metrics", true),
            (Role::Service, Some(&["metrics"]), "threats", false),
            (Role::Service, Some(&["*"]), "user:anna", false),
            (Role::Admin, None, "threats", true),
            (Role::Admin, None, "user:bert", true),
            (Role::Admin, Some(&["chat:*"]), "threats", false),
        ] {
            assert_eq!(
                publishes(role, patterns).may_publish(channel),
                may,
                "{role} {patterns:?} {channel}"
            );
        }
    }

    #[test]
    fn who_is_filtered_sees_no_channel_whole() {
        let mut anna = Principal::new("anna", Role::Viewer);
        assert!(anna.may_see_all_of("threats"));
        anna.rights.filter = Some("severity >= 'high'".to_owned());
        assert_eq!(anna.filter(), Some("severity >= 'high'"));
        assert!(anna.may_subscribe("threats"));
        assert!(!anna.may_see_all_of("threats"));
    }

    #[test]
    fn a_credential_is_over_at_its_end() {
        let anna = Principal {
            expires_at: Some(Timestamp::from_millis(1_000)),
            ..Principal::new("anna", Role::Viewer)
        };
        assert!(!anna.is_expired(Timestamp::from_millis(999)));
        assert!(anna.is_expired(Timestamp::from_millis(1_000)));
        assert!(!Principal::new("anna", Role::Viewer).is_expired(Timestamp::from_millis(i64::MAX)));
    }
}
