//! What the operator said beside the rules: lists that accuse, and what is let pass.
//!
//! *What.* [`Policy::accuse`] adds detections for clients that stand on a list or say to be a good
//! bot and are not; [`Policy::excuse`] takes out detections that an allowlist or a suppression
//! covers, and says which and why. *Limits.* Nothing is read and nothing asked for the time here:
//! who builds a policy has read the files, and who judges says what time it is, since a suppression
//! ends by the wall clock. A benign event costs a lookup in each list and one search in the user
//! agent where good bots are known, and no allocation; what is let pass is looked at only once
//! something fired.
//!
//! A detection is let pass, never the whole event: what remains keeps its score.

mod bot;
mod list;
mod network_map;
mod pattern;
mod scope;

use std::sync::Arc;

use vigil_event::{Cause, Detection, Event, Id, Suppressed, Suppression, Timestamp};

pub use bot::{FALSE_BOT_RULE, GoodBot, GoodBots};
pub use list::{AddressList, ListKind, Listing};
pub use network_map::NetworkMap;
pub use pattern::{HostPattern, PathPattern};
pub use scope::{ANY_RULE, Scope};

use bot::Claim;

/// Networks whose clients are let pass.
#[derive(Clone, Debug)]
pub struct AllowedNetworks {
    /// What they are called.
    pub name: String,
    /// Why, for people.
    pub reason: String,
    /// The networks.
    pub networks: Arc<NetworkMap<Listing>>,
}

/// A rule that is let pass within a scope, by configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedRule {
    /// Which.
    pub scope: Scope,
    /// Why, for people.
    pub reason: String,
}

/// Suppressions, ready to be asked.
#[derive(Clone, Debug, Default)]
pub struct Suppressions(Vec<(Scope, Suppression)>);

impl Suppressions {
    /// Those that were not removed. Whether one has ended is found out whenever it is asked.
    pub fn new(suppressions: impl IntoIterator<Item = Suppression>) -> Self {
        let kept = suppressions
            .into_iter()
            .filter(|one| one.removed_at.is_none());
        Self(kept.map(|one| (Scope::from(&one), one)).collect())
    }

    fn find(&self, event: &Event, rule: (&str, &str), now: Timestamp) -> Option<&Suppression> {
        self.0
            .iter()
            .find(|(scope, one)| one.is_active(now) && scope.covers_rule(event, rule))
            .map(|(_, one)| one)
    }
}

/// What the operator said. Each part is shared, so that one can be exchanged without the others.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Lists that accuse.
    pub lists: Arc<[AddressList]>,
    /// Bots that are known.
    pub bots: Arc<GoodBots>,
    /// Networks that are let pass.
    pub networks: Arc<[AllowedNetworks]>,
    /// Paths that are let pass.
    pub paths: Arc<[PathPattern]>,
    /// Rules that are let pass on some paths.
    pub rules: Arc<[AllowedRule]>,
    /// What was suppressed while working.
    pub suppressions: Arc<Suppressions>,
}

/// What was let pass.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Excused {
    /// In the order in which it fired.
    pub suppressed: Vec<Suppressed>,
    /// The suppressions that did it, one for each detection that one took out.
    pub by: Vec<Id>,
}

impl Policy {
    /// What the lists say of the event's client.
    pub fn accuse(&self, event: &Event, detections: &mut Vec<Detection>) {
        if let Some(address) = event.source_ip {
            detections.extend(self.lists.iter().filter_map(|list| list.accuse(address)));
        }
        if let Some(Claim::False {
            bot,
            address,
            place,
        }) = self.bots.claim(event)
        {
            detections.push(bot::accuse(event, bot, address, place));
        }
    }

    /// Takes out what is let pass.
    pub fn excuse(
        &self,
        event: &Event,
        now: Timestamp,
        detections: &mut Vec<Detection>,
    ) -> Excused {
        self.excuse_by(self.whole_event(event).as_ref(), event, now, detections)
    }

    /// The same where it is known what lets the whole event pass, if anything does.
    pub(crate) fn excuse_by(
        &self,
        whole: Option<&Grounds>,
        event: &Event,
        now: Timestamp,
        detections: &mut Vec<Detection>,
    ) -> Excused {
        let mut excused = Excused::default();
        detections.retain(|detection| {
            let grounds = match whole {
                Some(whole) => Some(whole.clone()),
                None => self.one_detection(event, detection, now),
            };
            let Some(grounds) = grounds else { return true };
            excused.by.extend(grounds.suppression);
            excused.suppressed.push(grounds.applied_to(detection));
            false
        });
        excused
    }

    /// Whether what a rule, of this id and family, says of the event is let pass, the whole event
    /// aside.
    pub fn lets_rule_pass(&self, event: &Event, rule: (&str, &str), now: Timestamp) -> bool {
        let mut allowed = self.rules.iter();
        allowed.any(|allowed| allowed.scope.covers_rule(event, rule))
            || self.suppressions.find(event, rule, now).is_some()
    }

    /// What lets everything on the event pass.
    pub(crate) fn whole_event(&self, event: &Event) -> Option<Grounds> {
        let network = event.source_ip.and_then(|address| {
            self.networks.iter().find_map(|allowed| {
                let (network, listing) = allowed.networks.find(address)?;
                let label = listing.label.as_deref().unwrap_or_default();
                let reason = if label.is_empty() {
                    allowed.reason.clone()
                } else {
                    label.to_owned()
                };
                Some(Grounds {
                    cause: Cause::AllowedNetwork,
                    by: format!("{}: {network}", allowed.name),
                    reason,
                    suppression: None,
                })
            })
        });
        let bot = || match self.bots.claim(event) {
            Some(Claim::Verified(bot)) => Some(Grounds {
                cause: Cause::GoodBot,
                by: bot.name.clone(),
                reason: String::new(),
                suppression: None,
            }),
            _ => None,
        };
        let path = || {
            let pattern = self.paths.iter().find(|pattern| pattern.covers(event))?;
            Some(Grounds {
                cause: Cause::AllowedPath,
                by: pattern.as_str().to_owned(),
                reason: String::new(),
                suppression: None,
            })
        };
        network.or_else(bot).or_else(path)
    }

    /// What lets one detection pass.
    fn one_detection(
        &self,
        event: &Event,
        detection: &Detection,
        now: Timestamp,
    ) -> Option<Grounds> {
        let rule = self
            .rules
            .iter()
            .find(|allowed| allowed.scope.covers(event, detection));
        if let Some(allowed) = rule {
            let path = allowed.scope.path.as_ref().map_or("*", PathPattern::as_str);
            return Some(Grounds {
                cause: Cause::AllowedRule,
                by: format!("{} on {path}", allowed.scope.rule),
                reason: allowed.reason.clone(),
                suppression: None,
            });
        }
        let suppression =
            self.suppressions
                .find(event, (&detection.rule_id, &detection.family), now)?;
        Some(Grounds {
            cause: Cause::Suppression,
            by: suppression.id.to_string(),
            reason: suppression.reason.clone(),
            suppression: Some(suppression.id),
        })
    }
}

/// Why something is let pass.
#[derive(Clone, Debug)]
pub(crate) struct Grounds {
    cause: Cause,
    by: String,
    reason: String,
    suppression: Option<Id>,
}

impl Grounds {
    fn applied_to(self, detection: &Detection) -> Suppressed {
        Suppressed {
            rule_id: detection.rule_id.clone(),
            title: detection.title.clone(),
            family: detection.family.clone(),
            score: detection.score,
            cause: self.cause,
            by: self.by,
            reason: self.reason,
        }
    }
}

#[cfg(test)]
mod tests;
