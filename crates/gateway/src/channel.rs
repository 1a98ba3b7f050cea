//! The channels there are: the platform's own, and rooms in namespaces such as `chat:ab12`.
//!
//! To add a namespace: an entry in the configuration, or a default in [`Namespaces::default`].

use std::collections::BTreeMap;
use std::sync::Arc;

use vigil_auth::{Principal, Role};
use vigil_event::channel::{ALERTS, AUDIT, PLATFORM, STATUS, THREATS};
use vigil_protocol::Lane;

/// Whose offsets a store counts, or that only the server itself may write.
const OWN: [&str; 4] = [THREATS, ALERTS, STATUS, AUDIT];

/// How the rooms of a namespace are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace {
    /// Whether it is told who is in a room, and who comes and goes.
    pub presence: bool,
    /// Whether a room has a history: one can go on where one was, and look back.
    pub history: bool,
    /// The roles that may publish, as far as their tokens grant it.
    pub publishers: Vec<Role>,
}

/// The namespaces there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespaces(pub BTreeMap<String, Namespace>);

impl Default for Namespaces {
    fn default() -> Self {
        let all = Role::ALL.to_vec();
        let room = |presence| Namespace {
            presence,
            history: true,
            publishers: all.clone(),
        };
        Self(BTreeMap::from([
            ("investigations".to_owned(), room(true)),
            ("analysis".to_owned(), room(false)),
            ("chat".to_owned(), room(true)),
            ("user".to_owned(), room(false)),
        ]))
    }
}

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// One channel.
    One(Arc<str>),
    /// All rooms of a namespace: its name with the colon.
    Rooms(Arc<str>),
}

impl Target {
    /// As a client names it.
    pub(crate) fn name(&self) -> Arc<str> {
        match self {
            Self::One(channel) => Arc::clone(channel),
            Self::Rooms(prefix) => Arc::from(format!("{prefix}*")),
        }
    }
}

impl Namespaces {
    /// What the name stands for, if there is such a thing.
    pub(crate) fn find(&self, name: &str) -> Option<Target> {
        if !vigil_protocol::is_channel_name(name) {
            return None;
        }
        if PLATFORM.contains(&name) {
            return Some(Target::One(Arc::from(name)));
        }
        let (namespace, room) = name.split_once(':')?;
        self.0.get(namespace)?;
        match room {
            "" => None,
            "*" => Some(Target::Rooms(Arc::from(format!("{namespace}:")))),
            room if room.contains('*') => None,
            _ => Some(Target::One(Arc::from(name))),
        }
    }

    /// How a room is; nothing for the platform's own channels.
    pub(crate) fn of(&self, channel: &str) -> Option<&Namespace> {
        let (namespace, _) = channel.split_once(':')?;
        self.0.get(namespace)
    }

    /// Whether one can go on where one was, and look back.
    pub(crate) fn has_history(&self, channel: &str) -> bool {
        self.of(channel).is_none_or(|namespace| namespace.history)
    }

    /// What the principal may hear, rooms as patterns.
    pub(crate) fn granted(&self, principal: &Principal) -> Vec<String> {
        let platform = PLATFORM
            .into_iter()
            .filter(|channel| may_hear(principal, channel))
            .map(str::to_owned);
        let rooms = self.0.keys().map(|namespace| format!("{namespace}:*"));
        let own = format!("user:{}", principal.subject);
        let mut all: Vec<String> = platform
            .chain(rooms.filter(|pattern| may_hear(principal, pattern)))
            .collect();
        let is_told = all.iter().any(|name| name == "user:*") || !may_hear(principal, &own);
        if self.0.contains_key("user") && !is_told {
            all.push(own);
        }
        // What the token names one by one.
        let named = principal.rights.subscribe.iter().flatten();
        let named = named.filter(|name| matches!(self.find(name), Some(Target::One(_))));
        for name in named {
            if may_hear(principal, name) && !all.contains(name) {
                all.push(name.clone());
            }
        }
        all
    }

    /// Says that there is no such channel, and which there are.
    pub(crate) fn unknown(&self, name: &str) -> vigil_protocol::ErrorBody {
        let shown = vigil_event::text::truncated(name, 64);
        let rooms = self.0.keys().map(|namespace| format!("{namespace}:{{id}}"));
        let channels: Vec<String> = PLATFORM
            .into_iter()
            .map(str::to_owned)
            .chain(rooms)
            .collect();
        vigil_protocol::ErrorBody {
            channels,
            ..vigil_protocol::ErrorBody::new(
                vigil_protocol::ErrorCode::UnknownChannel,
                format!("there is no channel `{shown}`: `channels` lists those there are"),
            )
        }
    }
}

/// Whether the principal may hear the channel. Who connects and what they do is for those who manage.
pub(crate) fn may_hear(principal: &Principal, channel: &str) -> bool {
    (channel != AUDIT || principal.may(vigil_auth::Action::Manage))
        && principal.may_subscribe(channel)
}

/// Whether the principal may hear some room of a namespace: all of them, or those that their token
/// names.
pub(crate) fn may_hear_some(principal: &Principal, prefix: &str) -> bool {
    principal.may_subscribe(&format!("{prefix}*"))
        || principal
            .rights
            .subscribe
            .iter()
            .flatten()
            .any(|pattern| pattern.starts_with(prefix) && principal.may_subscribe(pattern))
}

/// Whether only the server itself writes the channel.
pub(crate) fn is_own(channel: &str) -> bool {
    OWN.contains(&channel)
}

/// How urgent a channel is where nobody says otherwise.
pub(crate) fn lane_of(channel: &str) -> Lane {
    match channel {
        ALERTS => Lane::Critical,
        "events" | "network" | "packets" | "metrics" => Lane::Bulk,
        _ => Lane::Normal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_what_they_stand_for() {
        let namespaces = Namespaces::default();
        let one = |name: &str| Some(Target::One(Arc::from(name)));
        for (name, target) in [
            ("threats", one("threats")),
            ("investigations:42", one("investigations:42")),
            ("chat:*", Some(Target::Rooms(Arc::from("chat:")))),
            ("system", None),
            ("chat:", None),
            ("chat", None),
            ("chat:a*", None),
            ("nothing:1", None),
            ("threats:*", None),
            ("user:anna@example.org", one("user:anna@example.org")),
            ("chat:a b", None),
            ("chat:a\nb", None),
            ("*", None),
        ] {
            assert_eq!(namespaces.find(name), target, "{name}");
        }
        assert_eq!(namespaces.find(&format!("chat:{}", "x".repeat(300))), None);
        let unknown = namespaces.unknown(&"x".repeat(500));
        assert!(unknown.message.len() < 150);
        assert!(unknown.channels.contains(&"chat:{id}".to_owned()));
    }

    #[test]
    fn what_is_granted() {
        let namespaces = Namespaces::default();
        let mut anna = Principal::new("anna", Role::Viewer);
        let all = namespaces.granted(&anna);
        assert!(all.contains(&"chat:*".to_owned()) && all.contains(&"user:anna".to_owned()));
        assert!(!all.contains(&"audit".to_owned()) && !all.contains(&"user:*".to_owned()));
        anna.rights.subscribe = Some(vec!["threats".into(), "chat:7".into()]);
        assert_eq!(
            namespaces.granted(&anna),
            ["threats", "user:anna", "chat:7"]
        );
        assert!(may_hear_some(&anna, "chat:"));
        assert!(!may_hear_some(&anna, "analysis:"));
        let root = Principal::new("root", Role::Admin);
        assert!(namespaces.granted(&root).contains(&"audit".to_owned()));
    }
}
