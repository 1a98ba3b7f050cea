//! Adds context from local tables: where an address is, whose network it is in, and which lists it
//! stands on.
//!
//! The tables are files that the user names: places and networks in the MaxMind DB format, lists as
//! text or JSON. They are read once, into memory, and looked up without touching disk or network. A
//! [`Stamp`] tells when a file was changed and is to be read again.
//!
//! Owns: opening the tables with errors that help, the layouts that publishers use. Never holds:
//! network access, tables of its own, anything about one event, what it means to stand on a list.

mod database;
pub mod list;
mod network;
mod place;
mod stamp;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use vigil_event::threat::{AutonomousSystem, Geo};

pub use database::EnrichError;
pub use list::{AddressFile, BadLine, Column, ListEntry, ListError, ListFormat};
pub use network::NetworkTable;
pub use place::PlaceTable;
pub use stamp::Stamp;

/// The files to take context from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnrichOptions {
    /// Countries, such as GeoLite2-Country or db-ip's country-lite.
    pub country_database: Option<PathBuf>,
    /// Cities and coordinates, such as GeoLite2-City or db-ip's city-lite.
    pub city_database: Option<PathBuf>,
    /// Networks, such as GeoLite2-ASN or db-ip's asn-lite.
    pub asn_database: Option<PathBuf>,
}

/// Looks addresses up. Without tables every answer is none.
#[derive(Debug, Default)]
pub struct Enricher {
    countries: Option<PlaceTable>,
    cities: Option<PlaceTable>,
    networks: Option<NetworkTable>,
}

impl Enricher {
    /// Reads the tables into memory.
    pub fn open(options: &EnrichOptions) -> Result<Self, EnrichError> {
        let open = |path: &Option<PathBuf>, open: fn(&Path) -> Result<PlaceTable, EnrichError>| {
            path.as_deref().map(open).transpose()
        };
        Ok(Self {
            countries: open(&options.country_database, PlaceTable::of_countries)?,
            cities: open(&options.city_database, PlaceTable::of_cities)?,
            networks: options
                .asn_database
                .as_deref()
                .map(NetworkTable::open)
                .transpose()?,
        })
    }

    /// Where an address is; none for one that belongs to no country, as private ones do.
    ///
    /// The country is the table of countries' where there is one that knows it, city and coordinates
    /// are the table of cities'.
    pub fn geo(&self, address: IpAddr) -> Option<Geo> {
        let address = public(address)?;
        let country = self.countries.as_ref().and_then(|table| table.geo(address));
        match (&self.cities, country) {
            (None, country) => country,
            (Some(cities), None) => cities.geo(address),
            (Some(cities), Some(geo)) => Some(cities.refine(address, geo)),
        }
    }

    /// Whose network an address is in; none for one that nobody announces.
    pub fn autonomous_system(&self, address: IpAddr) -> Option<AutonomousSystem> {
        self.networks.as_ref()?.autonomous_system(public(address)?)
    }
}

/// The address, IPv4 where it is mapped into IPv6, unless it means something else in each network.
fn public(address: IpAddr) -> Option<IpAddr> {
    let address = address.to_canonical();
    let is_local = match address {
        IpAddr::V4(address) => is_local_v4(address),
        IpAddr::V6(address) => is_local_v6(address),
    };
    (!is_local).then_some(address)
}

fn is_local_v4(address: Ipv4Addr) -> bool {
    // Shared between a provider and its customers: RFC 6598.
    let is_shared = matches!(address.octets(), [100, 64..=127, _, _]);
    is_shared
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_unspecified()
        || address.is_broadcast()
        || address.is_multicast()
}

fn is_local_v6(address: Ipv6Addr) -> bool {
    address.is_loopback()
        || address.is_unspecified()
        || address.is_unique_local()
        || address.is_unicast_link_local()
        || address.is_multicast()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_mean_something_else_everywhere_are_not_looked_up() {
        for text in [
            "127.0.0.1",
            "10.1.2.3",
            "192.168.0.1",
            "172.16.0.1",
            "169.254.1.1",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "::1",
            "::",
            "fd00::1",
            "fe80::1",
            "ff02::1",
            "::ffff:10.0.0.1",
        ] {
            assert_eq!(public(text.parse().unwrap()), None, "{text}");
        }
        for text in ["203.0.113.9", "100.63.0.1", "172.32.0.1", "2001:db8::1"] {
            let address: IpAddr = text.parse().unwrap();
            assert_eq!(public(address), Some(address));
        }
    }
}
