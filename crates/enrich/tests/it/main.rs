//! Tables from files, in every layout that is understood.

mod lists;
mod mmdb;
mod places;

use std::net::IpAddr;
use std::path::PathBuf;

use serde_json::{Value, json};
use vigil_enrich::{EnrichError, EnrichOptions, Enricher};
use vigil_event::threat::{AutonomousSystem, Geo};

pub(crate) struct Files(tempfile::TempDir);

impl Files {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary directory"))
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        fs_err::write(&path, bytes).expect("a written file");
        path
    }

    fn countries(&self, entries: &[(&str, Value)]) -> Result<Enricher, EnrichError> {
        let path = self.write("country.mmdb", &mmdb::database("Test-Country", entries));
        Enricher::open(&EnrichOptions {
            country_database: Some(path),
            ..EnrichOptions::default()
        })
    }

    fn networks(&self, entries: &[(&str, Value)]) -> Result<Enricher, EnrichError> {
        let path = self.write("asn.mmdb", &mmdb::database("Test-ASN", entries));
        Enricher::open(&EnrichOptions {
            asn_database: Some(path),
            ..EnrichOptions::default()
        })
    }
}

pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn country(code: &str, name: Option<&str>) -> Geo {
    Geo {
        country_iso_code: code.to_owned(),
        country_name: name.map(str::to_owned),
        city_name: None,
        location: None,
    }
}

#[test]
fn countries_in_every_layout() {
    let enricher = Files::new()
        .countries(&[
            ("198.51.100.0/24", json!({"country": {"iso_code": "NZ", "names": {"de": "Neuseeland", "en": "New Zealand"}}})),
            ("203.0.113.0/25", json!({"country_code": "us"})),
            ("203.0.113.128/25", json!({"country": "Chile", "country_code": "CL", "asn": "AS64496"})),
            ("192.0.2.0/24", json!({"registered_country": {"iso_code": "SE"}})),
            ("2001:db8::/32", json!({"country": {"iso_code": "JP"}})),
            ("198.18.0.0/15", json!({"country": {"iso_code": "??"}})),
            ("10.0.0.0/8", json!({"country": {"iso_code": "DE"}})),
        ])
        .unwrap();
    for (address, expected) in [
        ("198.51.100.7", Some(country("NZ", Some("New Zealand")))),
        (
            "::ffff:198.51.100.7",
            Some(country("NZ", Some("New Zealand"))),
        ),
        ("203.0.113.127", Some(country("US", None))),
        ("203.0.113.128", Some(country("CL", Some("Chile")))),
        ("192.0.2.255", Some(country("SE", None))),
        ("2001:db8:1::1", Some(country("JP", None))),
        ("198.18.0.1", None),
        ("192.0.3.1", None),
        ("2001:db9::1", None),
        ("10.0.0.1", None),
        ("127.0.0.1", None),
    ] {
        assert_eq!(enricher.geo(ip(address)), expected, "{address}");
    }
    assert_eq!(enricher.autonomous_system(ip("198.51.100.7")), None);
}

#[test]
fn networks_in_every_layout() {
    let enricher = Files::new()
        .networks(&[
            ("198.51.100.0/24", json!({"autonomous_system_number": 64496, "autonomous_system_organization": "Example"})),
            ("203.0.113.0/24", json!({"autonomous_system_number": 64497})),
            ("192.0.2.0/24", json!({"asn": "AS64498", "as_name": "Other"})),
            ("198.18.0.0/15", json!({"asn": "none"})),
        ])
        .unwrap();
    for (address, expected) in [
        ("198.51.100.7", Some((64496, Some("Example")))),
        ("203.0.113.1", Some((64497, None))),
        ("192.0.2.1", Some((64498, Some("Other")))),
        ("198.18.0.1", None),
        ("8.8.8.8", None),
    ] {
        let expected = expected.map(|(number, name)| AutonomousSystem {
            number,
            organization: name.map(str::to_owned),
        });
        assert_eq!(
            enricher.autonomous_system(ip(address)),
            expected,
            "{address}"
        );
    }
    assert_eq!(enricher.geo(ip("198.51.100.7")), None);
}

#[test]
fn without_tables_nothing_is_known() {
    let enricher = Enricher::open(&EnrichOptions::default()).unwrap();
    assert_eq!(enricher.geo(ip("198.51.100.7")), None);
    assert_eq!(enricher.autonomous_system(ip("198.51.100.7")), None);
}

#[test]
fn errors_name_the_file_and_what_to_do() {
    let files = Files::new();
    let open = |path: PathBuf| {
        let options = EnrichOptions {
            country_database: Some(path),
            ..EnrichOptions::default()
        };
        Enricher::open(&options).unwrap_err().to_string()
    };
    let missing = open(files.0.path().join("missing.mmdb"));
    assert!(
        missing.contains("missing.mmdb") && missing.contains("name a file"),
        "{missing}"
    );
    let text = open(files.write("text.mmdb", b"not a database"));
    assert!(
        text.contains("text.mmdb is no MaxMind DB file") && text.contains("download it again"),
        "{text}"
    );
    let empty = open(files.write("empty.mmdb", b""));
    assert!(
        empty.contains("empty.mmdb is no MaxMind DB file"),
        "{empty}"
    );
    let asn = mmdb::database(
        "Test-ASN",
        &[("192.0.2.0/24", json!({"autonomous_system_number": 64496}))],
    );
    let exchanged = open(files.write("exchanged.mmdb", &asn));
    assert!(
        exchanged.contains("exchanged.mmdb (Test-ASN) holds no countries"),
        "{exchanged}"
    );
}

#[test]
fn a_damaged_table_is_an_error_or_an_absent_answer() {
    let files = Files::new();
    let whole = mmdb::database(
        "Test-Country",
        &[("192.0.2.0/24", json!({"country_code": "SE"}))],
    );
    let mut opened = 0;
    for place in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[place] ^= 0xFF;
        let path = files.write("damaged.mmdb", &damaged);
        // Whatever the damage does: it does not panic.
        if let Ok(enricher) = Enricher::open(&EnrichOptions {
            country_database: Some(path),
            ..EnrichOptions::default()
        }) {
            opened += 1;
            _ = enricher.geo(ip("192.0.2.1"));
        }
    }
    assert!(
        (1..whole.len()).contains(&opened),
        "{opened} of {}",
        whole.len()
    );
}
