//! Risk: what is known against an address, its network, its session and an account, put together.
//!
//! *What.* Every sign on an event (a rule that matched however weakly, a window, a list, a touch of a
//! honeypot) is kept as evidence about whom the event is about. Evidence is put together as scores are,
//! by noisy-or (Pearl, *Probabilistic Reasoning in Intelligent Systems*, 1988), and fades: half of it is
//! gone after each half-life. Signs of one rule are not independent of one another: each further one
//! counts half of the one before, so that no rule alone outgrows twice its weight, and from many weak
//! signs it takes different ones. Where they come from different addresses of a network or against an
//! account, each address counts in full.
//!
//! *Input.* Signs with the event's own time. *Output.* A detection, when what was known before and what
//! this event adds reach the threshold, what was known before matters for that, and more than one rule
//! says it: its score is that of the evidence before, so that the event's score is that of all of it. Then
//! it is quiet for a half-life.
//!
//! *Limits.* [`RiskOptions::max_entities`] of a kind; [`HELD`] rules each are told apart, and the
//! weakest are put together. What is known outlives other rules, and a restart where it is saved.
//!
//! *Networks.* A network is suspected for what several of its clients do, and excused by those that do
//! nothing: its risk is weighed with the share of its clients that are suspect.

mod clients;
mod signs;
mod standing;
mod words;

#[cfg(test)]
mod tests;

use std::net::IpAddr;

use ipnet::IpNet;
use vigil_event::{Decodings, Detection, Detector, Event, Evidence, Field, Score};

use crate::entity;
use crate::secret::{self, Secret};
use crate::table::Table;

pub(crate) use clients::Clients;
pub(crate) use signs::{Sign, Signs};
pub(crate) use standing::Standing;

/// Rules that are told apart in what is known about one entity.
const HELD: usize = 8;
/// Evidence that is less than this changes nothing: a score of 2.2.
const MATTERS: f64 = 0.25;
/// What was not heard of for so many half-lives means nothing any more.
const HALF_LIVES: i64 = 10;

/// How evidence adds up.
#[derive(Clone, Debug, PartialEq)]
pub struct RiskOptions {
    /// Whether it does.
    pub enabled: bool,
    /// From this score up an entity is told.
    pub threshold: f64,
    /// After so many milliseconds of event time half of what is known has faded.
    pub half_life_ms: i64,
    /// The most entities of each kind.
    pub max_entities: usize,
    /// Over how many threads the clients of a network are spread.
    pub shards: u32,
}

impl Default for RiskOptions {
    fn default() -> Self {
        Self {
            enabled: true,
            threshold: 7.0,
            half_life_ms: 3_600_000,
            max_entities: 100_000,
            shards: 1,
        }
    }
}

/// Whom evidence is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Entity {
    Address(IpAddr),
    Network(IpNet),
    /// By the mark of a secret.
    Session(u64),
    Account(Box<[u8]>),
}

impl Entity {
    /// The longest name of an account, in bytes.
    const ACCOUNT_BYTES: usize = 128;

    /// The entities beside the address that an event is about.
    pub(crate) fn shared(event: &Event) -> impl Iterator<Item = Self> {
        let network = event.source_ip.map(entity::network).map(Self::Network);
        let session = entity::session(event).map(|secret| Self::Session(entity::mark(secret)));
        let account = entity::account(event)
            .map(|name| Self::Account(name.get(..Self::ACCOUNT_BYTES).unwrap_or(name).into()));
        network.into_iter().chain(session).chain(account)
    }

    const fn rule_id(&self) -> &'static str {
        match self {
            Self::Address(_) => "risk-address",
            Self::Network(_) => "risk-network",
            Self::Session(_) => "risk-session",
            Self::Account(_) => "risk-account",
        }
    }

    const fn title(&self) -> &'static str {
        match self {
            Self::Address(_) => "Signs against one address add up",
            Self::Network(_) => "Signs against one network add up",
            Self::Session(_) => "Signs in one session add up",
            Self::Account(_) => "Signs around one account add up",
        }
    }

    /// So many addresses must take part: of one the address itself tells already.
    const fn clients_needed(&self) -> u32 {
        match self {
            Self::Address(_) => 1,
            Self::Session(_) => 2,
            Self::Network(_) | Self::Account(_) => 3,
        }
    }
}

/// What is known about the entities that one thread sees all events of.
#[derive(Debug)]
pub(crate) struct Risk {
    options: RiskOptions,
    /// What keeps anybody from making two entities one.
    secret: Secret,
    /// By a hash of the entity.
    known: Table<u64, Standing>,
}

impl Risk {
    /// Nothing is known.
    pub(crate) fn new(options: RiskOptions) -> Self {
        let lifetime = options.half_life_ms.saturating_mul(HALF_LIVES);
        Self {
            secret: Secret::new(),
            known: Table::new(options.max_entities, lifetime),
            options,
        }
    }

    /// Makes its keys with this secret from now on; to be told before it knows anything.
    pub(crate) const fn keyed_by(&mut self, secret: Secret) {
        self.secret = secret;
    }

    /// To save or restore it.
    pub(crate) const fn table_mut(&mut self) -> &mut Table<u64, Standing> {
        &mut self.known
    }

    /// Takes the signs on an event in and says whether they add up, with what the event scores by
    /// itself. `clients` is how many clients the entity's network has.
    ///
    /// Signs that add next to nothing are taken out of the list: they are of no use to others either.
    pub(crate) fn observe(
        &mut self,
        event: &Event,
        entity: &Entity,
        signs: &mut Vec<Sign>,
        own: Score,
        clients: u32,
    ) -> Option<Detection> {
        if signs.is_empty() || !self.options.enabled {
            return None;
        }
        let at = event.occurred_at.as_millis();
        let half_life = self.options.half_life_ms;
        let standing = self
            .known
            .entry(key(self.secret, entity), at, || Standing::new(at))
            .value;
        let new_client = standing.meets(entity, event.source_ip)
            && !matches!(entity, Entity::Address(_) | Entity::Session(_));
        let now = standing.moment(at);
        let here: f64 = signs.iter().map(|sign| sign.weight).sum();
        let strongest = signs.iter().map(|sign| sign.weight).fold(0.0, f64::max);
        signs.retain(|sign| standing.add(sign, now, half_life, new_client) >= Sign::LEAST);
        let share = match entity {
            Entity::Network(_) => standing.share_of(clients),
            _ => 1.0,
        };
        let weight = standing.weight(now, half_life) * share;
        let before = weight - signs::weight(own);
        if signs::score(weight).value() < self.options.threshold
            || before.min(weight - here) < MATTERS
            || !standing.is_said_by_several(entity, strongest)
            || standing.clients() < entity.clients_needed()
            || now < standing.quiet_until
        {
            return None;
        }
        standing.quiet_until = now.saturating_add(half_life);
        let reason = words::reason(entity, standing, (now, half_life), (weight, clients));
        Some(detection(event, entity, signs::score(before), reason))
    }

    /// Of how many entities what was known made room for others before it had faded.
    pub(crate) const fn evicted(&self) -> u64 {
        self.known.evicted()
    }
}

/// A hash of the entity; that of an address tells its lane.
fn key(secret: Secret, entity: &Entity) -> u64 {
    let hash = secret.hash(entity);
    match entity {
        Entity::Address(address) => secret::in_lane(hash, secret::lane(Some(*address))),
        _ => hash,
    }
}

fn detection(event: &Event, entity: &Entity, score: Score, reason: String) -> Detection {
    let field = match entity {
        Entity::Account(_) => Field::UserName,
        _ => Field::SourceIp,
    };
    let evidence = event
        .raw(field)
        .map(|raw| Evidence::new(field, Decodings::NONE, raw, 0..raw.len()));
    Detection {
        rule_id: entity.rule_id().to_owned(),
        title: entity.title().to_owned(),
        family: "risk".to_owned(),
        detector: Detector::Risk,
        score,
        techniques: Vec::new(),
        evidence: evidence.into_iter().collect(),
        reason: Some(reason),
    }
}
