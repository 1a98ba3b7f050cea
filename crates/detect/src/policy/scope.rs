//! A scope: which detections on which events are meant.

use ipnet::IpNet;
use vigil_event::{Detection, Event, Suppression};

use super::pattern::{HostPattern, PathPattern};

/// Stands for every rule.
pub const ANY_RULE: &str = "*";

/// A rule, and the network, path and host it is meant for. What is not given does not matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// A rule's id, a family, or [`ANY_RULE`].
    pub rule: String,
    /// The client's network.
    pub network: Option<IpNet>,
    /// The path.
    pub path: Option<PathPattern>,
    /// The host.
    pub host: Option<HostPattern>,
}

impl Scope {
    /// Whether this detection on this event is meant.
    pub fn covers(&self, event: &Event, detection: &Detection) -> bool {
        self.covers_rule(event, (&detection.rule_id, &detection.family))
    }

    /// Whether the rule of this id and family is meant on this event.
    pub fn covers_rule(&self, event: &Event, (id, family): (&str, &str)) -> bool {
        (self.rule == ANY_RULE || self.rule == id || self.rule == family)
            && self.network.is_none_or(|network| {
                event
                    .source_ip
                    .is_some_and(|ip| network.contains(&ip.to_canonical()))
            })
            && self.host.as_ref().is_none_or(|host| host.covers(event))
            && self.path.as_ref().is_none_or(|path| path.covers(event))
    }
}

impl From<&Suppression> for Scope {
    fn from(suppression: &Suppression) -> Self {
        Self {
            rule: suppression.rule.clone(),
            network: suppression.network,
            path: suppression.path.as_deref().map(PathPattern::new),
            host: suppression.host.as_deref().map(HostPattern::new),
        }
    }
}
