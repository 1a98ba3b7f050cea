//! The JSON in which search engines publish their bots' networks:
//! `{"creationTime":"…","prefixes":[{"ipv6Prefix":"2001:db8::/64"},{"ipv4Prefix":"192.0.2.0/27"}]}`.

use serde::Deserialize;
use serde_json::Value;

use super::{AddressFile, ListEntry, Problem, network};

#[derive(Deserialize)]
struct Document {
    prefixes: Vec<Value>,
}

pub(super) fn read(bytes: &[u8], file: &mut AddressFile) -> Result<(), Problem> {
    let document: Document =
        serde_json::from_slice(bytes).map_err(|error| Problem::NoPrefixes(error.to_string()))?;
    for (place, prefix) in document.prefixes.iter().enumerate() {
        let text = ["ipv4Prefix", "ipv6Prefix"]
            .iter()
            .find_map(|key| prefix.get(key))
            .and_then(Value::as_str);
        match text.and_then(network) {
            Some(network) => file.push(ListEntry {
                network,
                score: None,
                label: None,
            })?,
            None => file.push_bad(
                place + 1,
                "it has neither an `ipv4Prefix` nor an `ipv6Prefix` that is a network".to_owned(),
            ),
        }
    }
    Ok(())
}
