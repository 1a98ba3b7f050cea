//! Where addresses are: country, city, coordinates.
//!
//! What: the country of an address, and where the table has them its city and coordinates.
//! Input: a MaxMind DB file: GeoLite2-Country or -City and db-ip (`country.iso_code`), or one of
//! ip-location-db and IPinfo (`country_code`).
//! Output: [`Geo`].
//! Example: `{"country":{"iso_code":"NZ","names":{"en":"New Zealand"}}}` is New Zealand, `NZ`.
//! Limits: English names only; a country that is only the one an address is registered in counts
//! where there is no other; an entry without a country is no place.

use std::net::IpAddr;
use std::path::Path;

use vigil_event::threat::{Geo, Location};

use crate::database::{Database, EnrichError, Entry, decimal, text};

/// Where publishers put the country's code, and the name to it.
const COUNTRIES: [(&[&str], &[&str]); 3] = [
    (&["country", "iso_code"], &["country", "names", "en"]),
    (&["country_code"], &["country"]),
    (
        &["registered_country", "iso_code"],
        &["registered_country", "names", "en"],
    ),
];

/// Where publishers put the city's name.
const CITIES: [&[&str]; 2] = [&["city", "names", "en"], &["city"]];

/// Where publishers put the degrees north, and east.
const LOCATIONS: [(&[&str], &[&str]); 3] = [
    (&["location", "latitude"], &["location", "longitude"]),
    (&["latitude"], &["longitude"]),
    (&["lat"], &["lng"]),
];

/// A table of places.
#[derive(Debug)]
pub struct PlaceTable(Database);

impl PlaceTable {
    /// Reads a table of countries, or of more than that, into memory.
    pub fn of_countries(path: &Path) -> Result<Self, EnrichError> {
        Database::open(path, "countries", |entry| geo(entry).is_some()).map(Self)
    }

    /// Reads a table of cities or coordinates into memory.
    pub fn of_cities(path: &Path) -> Result<Self, EnrichError> {
        let holds = |entry: &Entry<'_>| city(entry).is_some() || location(entry).is_some();
        Database::open(path, "cities", holds).map(Self)
    }

    /// Where an address is.
    pub fn geo(&self, address: IpAddr) -> Option<Geo> {
        geo(&self.0.entry(address)?)
    }

    /// The same with the city and coordinates that this table has, where it has any.
    pub(crate) fn refine(&self, address: IpAddr, mut geo: Geo) -> Geo {
        if let Some(entry) = self.0.entry(address) {
            geo.city_name = city(&entry).or(geo.city_name);
            geo.location = location(&entry).or(geo.location);
        }
        geo
    }
}

fn geo(entry: &Entry<'_>) -> Option<Geo> {
    COUNTRIES.into_iter().find_map(|(code, name)| {
        let mut country_iso_code = text(entry, code)?;
        country_iso_code.make_ascii_uppercase();
        let is_code = country_iso_code.len() == 2
            && country_iso_code
                .bytes()
                .all(|byte| byte.is_ascii_uppercase());
        is_code.then(|| Geo {
            country_iso_code,
            country_name: text(entry, name),
            city_name: city(entry),
            location: location(entry),
        })
    })
}

fn city(entry: &Entry<'_>) -> Option<String> {
    CITIES.into_iter().find_map(|place| text(entry, place))
}

fn location(entry: &Entry<'_>) -> Option<Location> {
    LOCATIONS.into_iter().find_map(|(lat, lon)| {
        let (lat, lon) = (decimal(entry, lat)?, decimal(entry, lon)?);
        let is_on_earth = (-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lon);
        is_on_earth.then_some(Location { lat, lon })
    })
}
