//! Lists of addresses: what others say of a client.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use vigil_event::{Decodings, Detection, Detector, Evidence, Field, Score};

use super::NetworkMap;

/// What it means to stand on a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListKind {
    /// A bad name: one sign among others.
    Reputation,
    /// Whoever is on it has no business here.
    Block,
}

impl ListKind {
    const fn family(self) -> &'static str {
        match self {
            Self::Reputation => "reputation",
            Self::Block => "blocklist",
        }
    }
}

/// What a list says of one network.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listing {
    /// How bad; none for the list's own score.
    pub score: Option<Score>,
    /// In the list's own words.
    pub label: Option<Box<str>>,
}

/// A list that accuses.
#[derive(Clone, Debug)]
pub struct AddressList {
    /// Its name.
    pub name: String,
    /// What it means to stand on it.
    pub kind: ListKind,
    /// How bad that is where the list does not say.
    pub score: Score,
    /// Why whoever is on it is looked at, for people.
    pub reason: String,
    /// Who is on it.
    pub networks: Arc<NetworkMap<Listing>>,
}

impl AddressList {
    /// The rule id of its detections.
    pub fn rule_id(&self) -> String {
        format!("list-{}", self.name)
    }

    /// The detection of a client that is on it. Allocates nothing for one that is not.
    pub(super) fn accuse(&self, address: IpAddr) -> Option<Detection> {
        let (network, listing) = self.networks.find(address)?;
        let score = listing.score.unwrap_or(self.score);
        // A list that scores an address at nothing says that it knows no evil of it.
        if score.value() <= 0.0 {
            return None;
        }
        Some(Detection {
            rule_id: self.rule_id(),
            title: format!("Address on the list {}", self.name),
            family: self.kind.family().to_owned(),
            detector: Detector::List,
            score,
            techniques: Vec::new(),
            evidence: vec![evidence(address)],
            reason: Some(self.reason_of(*network, listing)),
        })
    }

    fn reason_of(&self, network: IpNet, listing: &Listing) -> String {
        let label = listing.label.as_deref().unwrap_or_default();
        let parts = [self.reason.as_str(), label];
        let said: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        let said = said.join(": ");
        let gap = if said.is_empty() { "" } else { " " };
        format!("{said}{gap}({network} is on it)")
    }
}

/// The client's address as what was seen.
pub(super) fn evidence(address: IpAddr) -> Evidence {
    let text = address.to_string();
    Evidence::new(
        Field::SourceIp,
        Decodings::NONE,
        text.as_bytes(),
        0..text.len(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(listing: Listing) -> AddressList {
        AddressList {
            name: "drop".to_owned(),
            kind: ListKind::Block,
            score: Score::new(6.0),
            reason: "hijacked networks".to_owned(),
            networks: Arc::new(NetworkMap::new(vec![(
                "203.0.113.0/24".parse().unwrap(),
                listing,
            )])),
        }
    }

    #[test]
    fn a_hit_names_the_list_the_network_and_the_reason() {
        let label = Listing {
            score: None,
            label: Some("SBL1".into()),
        };
        let hit = list(label).accuse("203.0.113.9".parse().unwrap()).unwrap();
        assert_eq!(hit.rule_id, "list-drop");
        assert_eq!(hit.family, "blocklist");
        assert_eq!(hit.score, Score::new(6.0));
        assert_eq!(
            hit.reason.as_deref(),
            Some("hijacked networks: SBL1 (203.0.113.0/24 is on it)")
        );
        assert_eq!(hit.evidence[0].matched, "203.0.113.9");
    }

    #[test]
    fn an_entry_may_have_a_score_of_its_own_or_none_at_all() {
        let scored = |score| Listing {
            score: Some(Score::new(score)),
            label: None,
        };
        let address = "203.0.113.9".parse().unwrap();
        assert_eq!(
            list(scored(9.0)).accuse(address).unwrap().score,
            Score::new(9.0)
        );
        assert_eq!(list(scored(0.0)).accuse(address), None);
        assert_eq!(list(scored(9.0)).accuse("192.0.2.1".parse().unwrap()), None);
    }
}
