//! Cities and coordinates, from made tables and from one that anybody can have.

use std::path::PathBuf;
use std::process::Command;

use serde_json::json;
use vigil_enrich::{EnrichOptions, Enricher};
use vigil_event::threat::{Geo, Location};

use crate::{Files, ip, mmdb};

fn place(country: &str, city: Option<&str>, location: Option<(f64, f64)>) -> Geo {
    Geo {
        country_iso_code: country.to_owned(),
        country_name: None,
        city_name: city.map(str::to_owned),
        location: location.map(|(lat, lon)| Location { lat, lon }),
    }
}

#[test]
fn cities_in_every_layout() {
    let files = Files::new();
    let entries = [
        (
            "198.51.100.0/24",
            json!({"country": {"iso_code": "NZ"}, "city": {"names": {"en": "Wellington"}}, "location": {"latitude": -41.25, "longitude": 174.75}}),
        ),
        (
            "203.0.113.0/25",
            json!({"country_code": "CL", "city": "Valdivia", "latitude": -39.5, "longitude": -73.25}),
        ),
        (
            "203.0.113.128/25",
            json!({"country_code": "CA", "city": "Halifax", "lat": "44.5", "lng": "-63.5"}),
        ),
        (
            "192.0.2.0/24",
            json!({"country_code": "SE", "latitude": 95.5, "longitude": 1.5}),
        ),
    ];
    let path = files.write("city.mmdb", &mmdb::database("Test-City", &entries));
    let options = EnrichOptions {
        city_database: Some(path.clone()),
        ..EnrichOptions::default()
    };
    let as_country = EnrichOptions {
        country_database: Some(path),
        ..EnrichOptions::default()
    };
    for options in [options, as_country] {
        let enricher = Enricher::open(&options).unwrap();
        for (address, wanted) in [
            (
                "198.51.100.7",
                place("NZ", Some("Wellington"), Some((-41.25, 174.75))),
            ),
            (
                "203.0.113.7",
                place("CL", Some("Valdivia"), Some((-39.5, -73.25))),
            ),
            (
                "203.0.113.200",
                place("CA", Some("Halifax"), Some((44.5, -63.5))),
            ),
            ("192.0.2.7", place("SE", None, None)),
        ] {
            assert_eq!(enricher.geo(ip(address)), Some(wanted), "{address}");
        }
    }
}

#[test]
fn a_table_of_cities_refines_a_table_of_countries() {
    let files = Files::new();
    let countries = [("198.51.100.0/23", json!({"country_code": "NZ"}))];
    let cities = [(
        "198.51.100.0/24",
        json!({"country_code": "AU", "city": "Sydney"}),
    )];
    let enricher = Enricher::open(&EnrichOptions {
        country_database: Some(
            files.write("country.mmdb", &mmdb::database("Test-Country", &countries)),
        ),
        city_database: Some(files.write("city.mmdb", &mmdb::database("Test-City", &cities))),
        asn_database: None,
    })
    .unwrap();
    assert_eq!(
        enricher.geo(ip("198.51.100.7")),
        Some(place("NZ", Some("Sydney"), None))
    );
    assert_eq!(
        enricher.geo(ip("198.51.101.7")),
        Some(place("NZ", None, None))
    );
}

#[test]
fn a_table_of_countries_is_no_table_of_cities() {
    let files = Files::new();
    let countries = [("198.51.100.0/24", json!({"country_code": "NZ"}))];
    let error = Enricher::open(&EnrichOptions {
        city_database: Some(
            files.write("country.mmdb", &mmdb::database("Test-Country", &countries)),
        ),
        ..EnrichOptions::default()
    })
    .unwrap_err()
    .to_string();
    assert!(error.contains("holds no cities"), "{error}");
}

/// A free table (CC0), fetched once by npm into the build directory.
fn published() -> PathBuf {
    const PACKAGE: &str = "@ip-location-db/geo-whois-asn-country-mmdb";
    const VERSION: &str = "2.3.2026061719";
    let home = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("published");
    let path = home.join(format!("node_modules/{PACKAGE}/geo-whois-asn-country.mmdb"));
    if !path.exists() {
        let status = Command::new("npm")
            .args(["install", "--no-audit", "--no-fund", "--ignore-scripts"])
            .arg("--prefix")
            .arg(&home)
            .arg(format!("{PACKAGE}@{VERSION}"))
            .status()
            .expect("npm is installed");
        assert!(status.success(), "npm could not fetch {PACKAGE}");
    }
    path
}

#[test]
fn a_published_table_knows_well_known_addresses() {
    let enricher = Enricher::open(&EnrichOptions {
        country_database: Some(published()),
        ..EnrichOptions::default()
    })
    .unwrap();
    for (address, country) in [
        // Registries, a root name server and a university.
        ("193.0.0.1", "NL"),
        ("202.12.27.33", "JP"),
        ("2001:67c:2e8::1", "NL"),
        ("18.9.22.69", "US"),
    ] {
        let geo = enricher.geo(ip(address));
        assert_eq!(
            geo.map(|geo| geo.country_iso_code).as_deref(),
            Some(country),
            "{address}"
        );
    }
}
