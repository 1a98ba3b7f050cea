//! How many clients each network has: those that one thread has seen, suspect or not.

use std::net::IpAddr;

use super::RiskOptions;
use crate::entity::{self, Set};
use crate::state::{Input, Kept};
use crate::table::Table;

/// After this long what was seen is only a number, and counting begins anew: a day.
const PERIOD_MS: i64 = 86_400_000;

/// The clients of the networks that one thread sees.
#[derive(Debug)]
pub(crate) struct Clients {
    networks: Table<u64, Seen>,
    shards: u32,
}

#[derive(Debug)]
pub(crate) struct Seen {
    since: i64,
    clients: Set,
    /// How many there were the day before.
    before: u32,
}

impl Kept for Seen {
    fn write(&self, out: &mut Vec<u8>) {
        self.since.write(out);
        self.clients.write(out);
        self.before.write(out);
    }

    fn read(input: &mut Input<'_>) -> Option<Self> {
        Some(Self {
            since: input.moment()?,
            clients: Set::read(input)?,
            before: u32::read(input)?,
        })
    }
}

impl Clients {
    /// Of no network yet.
    pub(crate) fn new(options: &RiskOptions) -> Self {
        Self {
            networks: Table::new(options.max_entities, PERIOD_MS),
            shards: options.shards.max(1),
        }
    }

    /// To save or restore it.
    pub(crate) const fn table_mut(&mut self) -> &mut Table<u64, Seen> {
        &mut self.networks
    }

    /// Over how many threads clients are spread: what one has seen of them means nothing by another
    /// number.
    pub(crate) const fn shards(&self) -> u32 {
        self.shards
    }

    /// How many networks made room for others.
    pub(crate) const fn evicted(&self) -> u64 {
        self.networks.evicted()
    }

    /// Notes a client.
    pub(crate) fn note(&mut self, address: IpAddr, at: i64) {
        let fresh = || Seen {
            since: at,
            clients: Set::EMPTY,
            before: 0,
        };
        let key = entity::network_key(address);
        let seen = self.networks.entry(key, at, fresh).value;
        if at.saturating_sub(seen.since) > PERIOD_MS {
            *seen = Seen {
                since: at,
                clients: Set::EMPTY,
                before: seen.clients.len(),
            };
        }
        seen.clients.insert(address);
    }

    /// As [`Windows::approach`](crate::Windows::approach).
    pub(crate) fn approach(&self, address: IpAddr) -> u32 {
        let seen = self.networks.get(&entity::network_key(address));
        seen.map_or(0, |seen| seen.before)
    }

    /// How many clients the network of an address has, by what this thread has seen of them.
    pub(crate) fn of_network(&self, address: IpAddr) -> u32 {
        let seen = self.networks.get(&entity::network_key(address));
        let clients = seen.map_or(0, |seen| seen.clients.len().max(seen.before));
        clients.saturating_mul(self.shards)
    }
}
