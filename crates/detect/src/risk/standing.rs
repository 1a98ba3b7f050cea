//! What is known about one entity, as it fades.

use std::net::IpAddr;
use std::sync::Arc;

use vigil_event::text;

use super::{Entity, HELD, MATTERS, Sign};
use crate::entity;
use crate::state::code::write_text;
use crate::state::{Input, Kept};

/// So many clients of a network are enough, of whom one rule says next to nothing, such as that they failed to
/// log in: rules that count these come first and say more, and together it is one finding.
const CLIENTS_ENOUGH: u32 = 20;
/// So much of a title outlives a restart, in bytes.
const TITLE_BYTES: usize = 512;

/// What is known about one entity.
#[derive(Debug)]
pub(crate) struct Standing {
    /// When it was first heard of, in milliseconds.
    pub(super) first: i64,
    /// Until when it is not told again.
    pub(super) quiet_until: i64,
    /// Up to when everything below has faded.
    faded_at: i64,
    /// The signs, by rule.
    held: Vec<Held>,
    /// The weight of what is no longer told apart.
    rest: f64,
    /// The addresses that take part, as bits.
    clients: entity::Set,
}

/// Signs of one rule.
#[derive(Clone, Debug)]
pub(super) struct Held {
    rule: u64,
    pub(super) title: Arc<str>,
    /// What is left of their weight.
    pub(super) weight: f64,
    /// What it was before it faded.
    pub(super) brought: f64,
    /// How many there are, faded as their weight has.
    often: f64,
    pub(super) times: u32,
}

impl Kept for Held {
    fn write(&self, out: &mut Vec<u8>) {
        self.rule.write(out);
        write_text(text::truncated(&self.title, TITLE_BYTES), out);
        for weight in [self.weight, self.brought, self.often] {
            weight.write(out);
        }
        self.times.write(out);
    }

    fn read(input: &mut Input<'_>) -> Option<Self> {
        Some(Self {
            rule: u64::read(input)?,
            title: input.shared_text(TITLE_BYTES)?,
            weight: input.weight()?,
            brought: input.weight()?,
            often: input.weight()?,
            times: u32::read(input)?,
        })
    }
}

impl Kept for Standing {
    fn write(&self, out: &mut Vec<u8>) {
        self.first.write(out);
        let quiet_until = Some(self.quiet_until).filter(|until| *until != i64::MIN);
        quiet_until.write(out);
        self.faded_at.write(out);
        (self.held.len() as u64).write(out);
        self.held.iter().for_each(|held| held.write(out));
        self.rest.write(out);
        self.clients.write(out);
    }

    fn read(input: &mut Input<'_>) -> Option<Self> {
        Some(Self {
            first: input.moment()?,
            quiet_until: Option::read(input)?.unwrap_or(i64::MIN),
            faded_at: input.moment()?,
            held: input.all(HELD, Held::read)?.into(),
            rest: input.weight()?,
            clients: entity::Set::read(input)?,
        })
    }
}

impl Standing {
    pub(super) const fn new(at: i64) -> Self {
        Self {
            first: at,
            quiet_until: i64::MIN,
            faded_at: at,
            held: Vec::new(),
            rest: 0.0,
            clients: entity::Set::EMPTY,
        }
    }

    /// The moment that an event counts at: one that comes late counts now.
    pub(super) fn moment(&mut self, at: i64) -> i64 {
        self.first = self.first.min(at);
        self.faded_at.max(at)
    }

    /// Notes an address of it that takes part; whether it is a new one.
    pub(super) fn meets(&mut self, entity: &Entity, address: Option<IpAddr>) -> bool {
        address.is_some_and(|address| match entity {
            Entity::Network(_) => self.clients.insert(address),
            _ => self.clients.insert_any(address),
        })
    }

    /// How many addresses take part.
    pub(super) fn clients(&self) -> u32 {
        self.clients.len()
    }

    /// The share of so many clients that takes part.
    pub(super) fn share_of(&self, clients: u32) -> f64 {
        let suspect = self.clients();
        f64::from(suspect) / f64::from(suspect.max(clients).max(1))
    }

    /// Adds a sign; which share of its weight counted.
    pub(super) fn add(&mut self, sign: &Sign, now: i64, half_life: i64, new_client: bool) -> f64 {
        self.fade(now, half_life);
        let place = self.held.iter().position(|held| held.rule == sign.rule);
        let often = place
            .and_then(|place| self.held.get(place))
            .map_or(0.0, |held| held.often);
        let share = if new_client { 1.0 } else { (-often).exp2() };
        let weight = sign.weight * share;
        if let Some(held) = place.and_then(|place| self.held.get_mut(place)) {
            // Who goes on is never less suspect than who begins.
            let more = weight.max(sign.weight - held.weight);
            held.weight += more;
            held.brought += more;
            held.often += 1.0;
            held.times = held.times.saturating_add(1);
            return share;
        }
        if self.held.len() >= HELD {
            let by_weight = |place: &usize| self.held.get(*place).map_or(0.0, |held| held.weight);
            let weakest = (0..self.held.len())
                .min_by(|one, other| by_weight(one).total_cmp(&by_weight(other)));
            if let Some(place) = weakest {
                self.rest += self.held.swap_remove(place).weight;
            }
        }
        self.held.push(Held {
            rule: sign.rule,
            title: Arc::clone(&sign.title),
            weight,
            brought: weight,
            often: 1.0,
            times: 1,
        });
        share
    }

    /// The weight of all that is left.
    pub(super) fn weight(&mut self, now: i64, half_life: i64) -> f64 {
        self.fade(now, half_life);
        self.rest + self.held.iter().map(|held| held.weight).sum::<f64>()
    }

    /// Whether more than one rule speaks against an address, a session or a network: of one, its own
    /// detection has said all. Against a network one that matters is enough, whose sign is the strongest now,
    /// and of one that does not so many clients are; against an account its addresses are.
    pub(super) fn is_said_by_several(&self, entity: &Entity, strongest: f64) -> bool {
        let heaviest = self.held.iter().map(|held| held.weight);
        let heaviest = heaviest.fold(0.0, f64::max);
        let all: f64 = self.held.iter().map(|held| held.weight).sum();
        let by_clients = match entity {
            Entity::Network(_) => self.clients() >= CLIENTS_ENOUGH || strongest >= MATTERS,
            Entity::Account(_) => true,
            Entity::Address(_) | Entity::Session(_) => false,
        };
        by_clients || self.rest + all - heaviest >= MATTERS
    }

    /// The signs, the heaviest first.
    pub(super) fn heaviest(&self) -> Vec<Held> {
        let mut held = self.held.clone();
        held.sort_by(|one, other| other.weight.total_cmp(&one.weight));
        held
    }

    /// The weight of what is not told apart.
    pub(super) const fn rest(&self) -> f64 {
        self.rest
    }

    fn fade(&mut self, now: i64, half_life: i64) {
        let passed = now.saturating_sub(self.faded_at);
        if passed <= 0 {
            return;
        }
        self.faded_at = now;
        let left = (-(passed as f64) / half_life.max(1) as f64).exp2();
        self.rest *= left;
        for held in &mut self.held {
            held.weight *= left;
            held.often *= left;
        }
        // What has faded to nothing is not told.
        self.held.retain(|held| held.weight > 1e-3);
    }
}
