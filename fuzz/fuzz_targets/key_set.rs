//! Any bytes as an issuer's published keys, and any text as a token: no panic, and nothing opens.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use vigil_auth::{Algorithm, Issuer, KeySource, Role, Trust};

fuzz_target!(|set: &[u8]| {
    let trust = Trust {
        name: "https://id.example".to_owned(),
        audience: "vigil".to_owned(),
        algorithms: vec![Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA],
        role_claim: "role".to_owned(),
        roles: BTreeMap::new(),
        default_role: Some(Role::Viewer),
    };
    let Ok(issuer) = Issuer::open(trust, &KeySource::Set) else {
        unreachable!("a set needs no file");
    };
    match issuer.ring().install(set) {
        Ok(count) => assert!(count > 0),
        Err(reason) => assert!(!reason.to_string().is_empty()),
    }
});
