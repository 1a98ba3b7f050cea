//! How values are stored: addresses, times, documents.
//!
//! Never holds: statements.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;
use rusqlite::Row;
use rusqlite::types::FromSql;
use sha2::{Digest as _, Sha256};
use vigil_event::{AlertState, Id, Severity, Threat, Timestamp, text};

use super::failure::Failure;

/// The longest path that is counted as it is, in bytes.
const PATH_MAX_BYTES: usize = 512;

/// An address as it is stored: IPv4 in its mapped form.
pub(super) fn address(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

/// The address that was stored.
pub(super) fn to_address(octets: [u8; 16]) -> IpAddr {
    IpAddr::V6(Ipv6Addr::from(octets)).to_canonical()
}

/// The first and the last address of a network, as they are stored.
pub(super) fn range(network: IpNet) -> ([u8; 16], [u8; 16]) {
    let network = network.trunc();
    (address(network.network()), address(network.broadcast()))
}

/// The path that statistics tell.
pub(super) fn counted_path(threat: &Threat) -> &str {
    text::truncated(&threat.url.path, PATH_MAX_BYTES)
}

/// 64 bits that stand for a path. An attacker must not be able to make two paths count as one, hence
/// SHA-256.
pub(super) fn path_hash(path: &str) -> i64 {
    let digest = Sha256::digest(path.as_bytes());
    digest
        .iter()
        .take(8)
        .fold(0, |hash, byte| hash << 8 | i64::from(*byte))
}

/// The threat that a document describes.
pub(super) fn to_threat(document: &str) -> Result<Threat, Failure> {
    serde_json::from_str(document).map_err(|error| Failure::bad_row("a threat", &error))
}

pub(super) fn time(row: &Row<'_>, column: &str) -> rusqlite::Result<Timestamp> {
    Ok(Timestamp::from_millis(row.get(column)?))
}

pub(super) fn id(row: &Row<'_>, column: &str) -> rusqlite::Result<Id> {
    Ok(Id::from_bytes(row.get(column)?))
}

pub(super) fn severity(row: &Row<'_>, column: &str) -> rusqlite::Result<Severity> {
    Ok(Severity::from_rank(row.get(column)?))
}

/// The place of a state in the order that stands in the schema.
pub(super) const fn state_number(state: AlertState) -> u8 {
    match state {
        AlertState::Open => 0,
        AlertState::Acknowledged => 1,
        AlertState::Resolved => 2,
    }
}

pub(super) const fn to_state(number: u8) -> AlertState {
    match number {
        0 => AlertState::Open,
        1 => AlertState::Acknowledged,
        _ => AlertState::Resolved,
    }
}

/// The first column of the only row.
pub(super) fn only<T: FromSql>(sql: &rusqlite::Connection, statement: &str) -> rusqlite::Result<T> {
    sql.prepare_cached(statement)?
        .query_row([], |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_come_back_and_networks_are_ranges() {
        for text in ["192.0.2.7", "2001:db8::7", "::1", "0.0.0.0"] {
            let ip: IpAddr = text.parse().unwrap();
            assert_eq!(to_address(address(ip)), ip);
        }
        let (first, last) = range("192.0.2.77/24".parse().unwrap());
        assert_eq!(to_address(first), "192.0.2.0".parse::<IpAddr>().unwrap());
        assert_eq!(to_address(last), "192.0.2.255".parse::<IpAddr>().unwrap());
        let mapped = address("::ffff:192.0.2.9".parse().unwrap());
        assert!(first <= mapped && mapped <= last);
    }
}
