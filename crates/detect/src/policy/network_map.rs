//! Networks with a value each, found by the longest prefix that holds an address.
//!
//! *What.* Overlapping networks are laid out once as ranges that do not overlap, in order; finding
//! one is a look into an index by the address's first 16 bits and a search among the few ranges
//! behind it. *Limits.* Never changed once built; a lookup allocates nothing. Of a network that is
//! given twice, the first is kept.

use std::net::IpAddr;

use ipnet::IpNet;

/// Ranges fewer than this are searched without an index.
const INDEXED_FROM: usize = 64;
/// The index has a place for each value of so many first bits.
const INDEX_BITS: u32 = 16;
/// The owner of a range that no network holds.
const NOBODY: u32 = u32::MAX;

/// A value for each of some networks.
#[derive(Clone, Debug)]
pub struct NetworkMap<T> {
    entries: Vec<(IpNet, T)>,
    v4: Ranges<u32>,
    v6: Ranges<u128>,
}

impl<T> Default for NetworkMap<T> {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl<T> NetworkMap<T> {
    /// Lays the networks out. IPv4 that is mapped into IPv6 counts as IPv4.
    pub fn new(mut entries: Vec<(IpNet, T)>) -> Self {
        for (network, _) in &mut entries {
            *network = canonical(*network);
        }
        entries.sort_by_key(|(network, _)| *network);
        entries.dedup_by_key(|(network, _)| *network);
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for (owner, (network, _)) in entries.iter().enumerate() {
            let owner = owner as u32;
            match network {
                IpNet::V4(network) => v4.push(Network {
                    first: network.network().to_bits(),
                    last: network.broadcast().to_bits(),
                    owner,
                }),
                IpNet::V6(network) => v6.push(Network {
                    first: network.network().to_bits(),
                    last: network.broadcast().to_bits(),
                    owner,
                }),
            }
        }
        Self {
            v4: Ranges::new(v4),
            v6: Ranges::new(v6),
            entries,
        }
    }

    /// The smallest network that holds the address, with its value.
    pub fn find(&self, address: IpAddr) -> Option<&(IpNet, T)> {
        let owner = match address.to_canonical() {
            IpAddr::V4(address) => self.v4.owner(address.to_bits()),
            IpAddr::V6(address) => self.v6.owner(address.to_bits()),
        };
        self.entries.get(owner as usize)
    }

    /// The networks, in order.
    pub fn networks(&self) -> impl Iterator<Item = IpNet> {
        self.entries.iter().map(|(network, _)| *network)
    }

    /// How many networks there are.
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// The network without its host bits; as IPv4 where it is mapped IPv4.
fn canonical(network: IpNet) -> IpNet {
    let network = network.trunc();
    if let IpNet::V6(v6) = network
        && v6.prefix_len() >= 96
        && let Some(address) = v6.network().to_ipv4_mapped()
        && let Ok(v4) = IpNet::new(address.into(), v6.prefix_len() - 96)
    {
        return v4;
    }
    network
}

/// An address as a number.
trait Number: Copy + Ord {
    /// The number after it.
    fn after(self) -> Option<Self>;
    /// Its first [`INDEX_BITS`] bits.
    fn head(self) -> usize;
}

impl Number for u32 {
    fn after(self) -> Option<Self> {
        self.checked_add(1)
    }

    fn head(self) -> usize {
        (self >> (Self::BITS - INDEX_BITS)) as usize
    }
}

impl Number for u128 {
    fn after(self) -> Option<Self> {
        self.checked_add(1)
    }

    fn head(self) -> usize {
        (self >> (Self::BITS - INDEX_BITS)) as usize
    }
}

struct Network<N> {
    first: N,
    last: N,
    owner: u32,
}

/// Where ranges begin and whose they are; each ends where the next begins.
#[derive(Clone, Debug)]
struct Ranges<N> {
    starts: Vec<N>,
    owners: Vec<u32>,
    /// How many ranges begin before the first address with these first bits; empty where a plain
    /// search is as good.
    index: Vec<u32>,
}

impl<N: Number> Ranges<N> {
    /// Of networks in order, the wider before the narrower.
    fn new(networks: Vec<Network<N>>) -> Self {
        let mut ranges = Self {
            starts: Vec::new(),
            owners: Vec::new(),
            index: Vec::new(),
        };
        let mut open: Vec<Network<N>> = Vec::new();
        for network in networks {
            ranges.close(&mut open, Some(network.first));
            ranges.begin(network.first, network.owner);
            open.push(network);
        }
        ranges.close(&mut open, None);
        if ranges.starts.len() >= INDEXED_FROM {
            ranges.index = index(&ranges.starts);
        }
        ranges
    }

    /// Ends the networks that end before that address; all where there is none.
    fn close(&mut self, open: &mut Vec<Network<N>>, before: Option<N>) {
        while let Some(narrowest) = open.pop_if(|one| before.is_none_or(|first| one.last < first)) {
            if let Some(after) = narrowest.last.after() {
                let around = open.last().map_or(NOBODY, |around| around.owner);
                self.begin(after, around);
            }
        }
    }

    fn begin(&mut self, start: N, owner: u32) {
        if self.starts.last() == Some(&start)
            && let Some(last) = self.owners.last_mut()
        {
            *last = owner;
            return;
        }
        self.starts.push(start);
        self.owners.push(owner);
    }

    fn owner(&self, address: N) -> u32 {
        let head = address.head();
        let (from, to) = match (self.index.get(head), self.index.get(head + 1)) {
            (Some(from), Some(to)) => (*from as usize, *to as usize),
            _ => (0, self.starts.len()),
        };
        let within = self.starts.get(from..to).unwrap_or_default();
        let begun = from + within.partition_point(|start| *start <= address);
        begun
            .checked_sub(1)
            .and_then(|place| self.owners.get(place))
            .copied()
            .unwrap_or(NOBODY)
    }
}

fn index<N: Number>(starts: &[N]) -> Vec<u32> {
    let mut index = Vec::with_capacity((1 << INDEX_BITS) + 1);
    let mut place = 0;
    for head in 0..=1usize << INDEX_BITS {
        while starts.get(place).is_some_and(|start| start.head() < head) {
            place += 1;
        }
        index.push(place as u32);
    }
    index
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use ipnet::{Ipv4Net, Ipv6Net};
    use proptest::prelude::*;

    use super::*;

    fn map(networks: &[&str]) -> NetworkMap<usize> {
        let entries = networks.iter().enumerate();
        NetworkMap::new(
            entries
                .map(|(place, text)| (text.parse().unwrap(), place))
                .collect(),
        )
    }

    #[test]
    fn the_longest_prefix_wins() {
        let map = map(&[
            "10.0.0.0/8",
            "10.1.0.0/16",
            "10.1.2.3/32",
            "0.0.0.0/0",
            "255.255.255.255/32",
            "2001:db8::/32",
            "::ffff:192.0.2.0/120",
        ]);
        for (address, owner) in [
            ("10.0.0.1", Some(0)),
            ("10.1.0.1", Some(1)),
            ("10.1.2.3", Some(2)),
            ("10.1.2.4", Some(1)),
            ("10.2.0.0", Some(0)),
            ("11.0.0.0", Some(3)),
            ("255.255.255.255", Some(4)),
            ("2001:db8::1", Some(5)),
            ("2001:db9::1", None),
            ("192.0.2.7", Some(6)),
            ("::ffff:192.0.2.7", Some(6)),
        ] {
            let found = map.find(address.parse().unwrap()).map(|(_, owner)| *owner);
            assert_eq!(found, owner, "{address}");
        }
    }

    #[test]
    fn of_the_same_network_the_first_is_kept() {
        let map = map(&["192.0.2.1/24", "192.0.2.0/24"]);
        assert_eq!(map.len(), 1);
        assert_eq!(map.find("192.0.2.9".parse().unwrap()).unwrap().1, 0);
    }

    /// Few high bits, so that networks hold each other and addresses fall into them.
    fn v4() -> impl Strategy<Value = IpNet> {
        (any::<u32>(), 0u8..=32).prop_map(|(bits, length)| {
            let address = Ipv4Addr::from_bits(bits & 0xc300_ffff);
            Ipv4Net::new_assert(address, length).into()
        })
    }

    fn v6() -> impl Strategy<Value = IpNet> {
        (any::<u128>(), 0u8..=128).prop_map(|(bits, length)| {
            let address = Ipv6Addr::from_bits(bits & (0x3003 << 112 | 0xffff_ffff));
            Ipv6Net::new_assert(address, length).into()
        })
    }

    proptest! {
        #[test]
        fn it_finds_what_looking_at_every_network_finds(
            networks in proptest::collection::vec(prop_oneof![v4(), v6()], 0..200),
            more in proptest::collection::vec(prop_oneof![v4(), v6()], 0..20),
        ) {
            let map = NetworkMap::new(networks.iter().map(|network| (*network, ())).collect());
            let all = networks.iter().chain(&more);
            let addresses = all.flat_map(|network| [network.network(), network.broadcast(), network.addr()]);
            for address in addresses.filter(|address| address.to_canonical() == *address) {
                let wanted = networks
                    .iter()
                    .filter(|network| network.contains(&address))
                    .max_by_key(|network| network.prefix_len())
                    .map(IpNet::trunc);
                prop_assert_eq!(map.find(address).map(|(network, ())| *network), wanted, "{}", address);
            }
        }
    }
}
