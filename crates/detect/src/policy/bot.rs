//! Good bots: who says to be one, and comes from its networks, is one.
//!
//! *What.* A user agent anybody can send; an address within the networks that the bot's owner
//! publishes nobody else has. Nothing is asked over the network, so no name is looked up.

use std::net::IpAddr;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};
use vigil_event::{Detection, Detector, Event, Evidence, Field, Score};

use super::NetworkMap;
use super::list::evidence;

/// The rule id of whoever says to be a good bot and is not.
pub const FALSE_BOT_RULE: &str = "false-good-bot";
/// The family of that.
const FAMILY: &str = "false_bot";

/// A bot that may do what it does.
#[derive(Clone, Debug)]
pub struct GoodBot {
    /// Its name, for people.
    pub name: String,
    /// One of these stands in its user agent, in any case of letters. An empty text stands in none.
    pub user_agents: Vec<String>,
    /// Where it comes from.
    pub networks: Arc<NetworkMap<()>>,
    /// How bad it is to say so from elsewhere.
    pub false_score: Score,
}

/// What a client's claim to be a good bot came to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Claim<'a> {
    /// It is that bot.
    Verified(&'a GoodBot),
    /// It says so from an address that the bot does not have.
    False {
        bot: &'a GoodBot,
        address: IpAddr,
        /// Where in the user agent it says so.
        place: (usize, usize),
    },
}

/// The good bots that are known, and what finds them in a user agent.
#[derive(Clone, Debug, Default)]
pub struct GoodBots {
    bots: Vec<GoodBot>,
    /// Which bot each pattern of `names` belongs to.
    owners: Vec<usize>,
    names: Option<AhoCorasick>,
}

impl GoodBots {
    /// The bots; none where their user agents are too many or too long to be searched for at once.
    pub fn new(bots: Vec<GoodBot>) -> Option<Self> {
        let texts_of = |(place, bot): (usize, &GoodBot)| {
            let texts: Vec<_> = bot
                .user_agents
                .iter()
                .filter(|text| !text.is_empty())
                .map(|text| (place, text.clone()))
                .collect();
            texts
        };
        let (owners, texts): (Vec<usize>, Vec<String>) =
            bots.iter().enumerate().flat_map(texts_of).unzip();
        let names = if texts.is_empty() {
            None
        } else {
            let built = AhoCorasickBuilder::new()
                .ascii_case_insensitive(true)
                .match_kind(MatchKind::Standard)
                .build(&texts);
            Some(built.ok()?)
        };
        Some(Self {
            bots,
            owners,
            names,
        })
    }

    /// What the client says to be. It may name several bots (`AdsBot-Google (… Googlebot …)`): one
    /// that it is makes it good.
    pub(super) fn claim(&self, event: &Event) -> Option<Claim<'_>> {
        let names = self.names.as_ref()?;
        let agent = event.raw(Field::UserAgent)?;
        let address = event.source_ip?;
        let mut claimed = None;
        for found in names.find_overlapping_iter(agent) {
            let bot = self
                .owners
                .get(found.pattern().as_usize())
                .and_then(|owner| self.bots.get(*owner));
            let Some(bot) = bot else { continue };
            if bot.networks.find(address).is_some() {
                return Some(Claim::Verified(bot));
            }
            claimed.get_or_insert(Claim::False {
                bot,
                address,
                place: (found.start(), found.end()),
            });
        }
        claimed
    }
}

/// The detection of a client that says to be a bot that it is not.
pub(super) fn accuse(
    event: &Event,
    bot: &GoodBot,
    address: IpAddr,
    place: (usize, usize),
) -> Detection {
    let agent = event.raw(Field::UserAgent).unwrap_or_default();
    let claimed = Evidence::new(
        Field::UserAgent,
        vigil_event::Decodings::NONE,
        agent,
        place.0..place.1,
    );
    Detection {
        rule_id: FALSE_BOT_RULE.to_owned(),
        title: "False good bot".to_owned(),
        family: FAMILY.to_owned(),
        detector: Detector::List,
        score: bot.false_score,
        techniques: vec!["T1036".to_owned()],
        evidence: vec![claimed, evidence(address)],
        reason: Some(format!(
            "says to be {}, and {address} is in none of its networks",
            bot.name
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bots() -> GoodBots {
        let bot = |name: &str, agents: &[&str], network: &str| GoodBot {
            name: name.to_owned(),
            user_agents: agents.iter().map(|&text| text.to_owned()).collect(),
            networks: Arc::new(NetworkMap::new(vec![(network.parse().unwrap(), ())])),
            false_score: Score::new(4.5),
        };
        GoodBots::new(vec![
            bot("google", &["Googlebot", ""], "192.0.2.0/24"),
            bot("google image", &["Googlebot-Image"], "198.51.100.0/24"),
        ])
        .unwrap()
    }

    fn event(agent: &str, address: &str) -> Event {
        let mut event = Event::new();
        event.source_ip = Some(address.parse().unwrap());
        event.set(Field::UserAgent, agent.as_bytes());
        event
    }

    #[test]
    fn a_bot_is_who_says_so_from_its_networks() {
        let bots = bots();
        let claim = |agent, address| match bots.claim(&event(agent, address)) {
            None => "none".to_owned(),
            Some(Claim::Verified(bot)) => bot.name.clone(),
            Some(Claim::False { bot, .. }) => format!("no {}", bot.name),
        };
        assert_eq!(claim("Mozilla/5.0", "192.0.2.1"), "none");
        assert_eq!(
            claim("Mozilla/5.0 (compatible; GOOGLEBOT/2.1)", "192.0.2.1"),
            "google"
        );
        assert_eq!(claim("Googlebot/2.1", "203.0.113.7"), "no google");
        assert_eq!(
            claim("Googlebot-Image/1.0", "198.51.100.7"),
            "google image",
            "though `Googlebot` stands in it too"
        );
    }

    #[test]
    fn a_false_claim_shows_where_it_is_made() {
        let event = event("x Googlebot/2.1", "203.0.113.7");
        let bots = bots();
        let Some(Claim::False {
            bot,
            address,
            place,
        }) = bots.claim(&event)
        else {
            panic!("a false claim");
        };
        let detection = accuse(&event, bot, address, place);
        assert_eq!(detection.evidence[0].matched, "Googlebot");
        assert_eq!(detection.evidence[1].matched, "203.0.113.7");
        assert!(detection.reason.unwrap().contains("says to be google"));
    }
}
