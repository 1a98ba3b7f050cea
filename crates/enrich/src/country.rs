//! Countries of addresses.
//!
//! What: the country of an address.
//! Input: a MaxMind DB file: GeoLite2-Country or -City and db-ip (`country.iso_code`), or one of
//! ip-location-db and IPinfo (`country_code`).
//! Output: [`Geo`].
//! Example: `{"country":{"iso_code":"NZ","names":{"en":"New Zealand"}}}` is New Zealand, `NZ`.
//! Limits: English names only; a country that is only the one an address is registered in counts
//! where there is no other.

use std::net::IpAddr;
use std::path::Path;

use vigil_event::threat::Geo;

use crate::database::{Database, EnrichError, Entry, text};

/// Where publishers put the code, and the name to it.
const LAYOUTS: [(&[&str], &[&str]); 3] = [
    (&["country", "iso_code"], &["country", "names", "en"]),
    (&["country_code"], &["country"]),
    (
        &["registered_country", "iso_code"],
        &["registered_country", "names", "en"],
    ),
];

/// A table of countries.
#[derive(Debug)]
pub struct CountryTable(Database);

impl CountryTable {
    /// Reads the table into memory.
    pub fn open(path: &Path) -> Result<Self, EnrichError> {
        Database::open(path, "countries", |entry| geo(entry).is_some()).map(Self)
    }

    /// The country of an address.
    pub fn geo(&self, address: IpAddr) -> Option<Geo> {
        geo(&self.0.entry(address)?)
    }
}

fn geo(entry: &Entry<'_>) -> Option<Geo> {
    LAYOUTS.into_iter().find_map(|(code, name)| {
        let mut country_iso_code = text(entry, code)?;
        country_iso_code.make_ascii_uppercase();
        let is_code = country_iso_code.len() == 2
            && country_iso_code
                .bytes()
                .all(|byte| byte.is_ascii_uppercase());
        is_code.then(|| Geo {
            country_iso_code,
            country_name: text(entry, name),
        })
    })
}
