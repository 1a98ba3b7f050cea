//! Networks of addresses.
//!
//! What: the autonomous system that announces an address.
//! Input: a MaxMind DB file: GeoLite2-ASN, db-ip and ip-location-db
//! (`autonomous_system_number`), or IPinfo (`asn`).
//! Output: [`AutonomousSystem`].
//! Example: `{"asn":"AS64496","as_name":"Example"}` is number 64496, run by Example.
//! Limits: an entry without a number is no network.

use std::net::IpAddr;
use std::path::Path;

use vigil_event::threat::AutonomousSystem;

use crate::database::{Database, EnrichError, Entry, number, text};

/// A table of networks.
#[derive(Debug)]
pub struct NetworkTable(Database);

impl NetworkTable {
    /// Reads the table into memory.
    pub fn open(path: &Path) -> Result<Self, EnrichError> {
        Database::open(path, "networks", |entry| autonomous_system(entry).is_some()).map(Self)
    }

    /// Whose network an address is in.
    pub fn autonomous_system(&self, address: IpAddr) -> Option<AutonomousSystem> {
        autonomous_system(&self.0.entry(address)?)
    }
}

fn autonomous_system(entry: &Entry<'_>) -> Option<AutonomousSystem> {
    if let Some(number) = number(entry, &["autonomous_system_number"]) {
        return Some(AutonomousSystem {
            number,
            organization: text(entry, &["autonomous_system_organization"]),
        });
    }
    let number = text(entry, &["asn"])?.strip_prefix("AS")?.parse().ok()?;
    Some(AutonomousSystem {
        number,
        organization: text(entry, &["as_name"]),
    })
}
