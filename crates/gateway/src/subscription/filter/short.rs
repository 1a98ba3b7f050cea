//! The short forms of a filter: severity, network, technique, rule and host.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;
use vigil_event::Severity;

use super::NotAFilter;

/// The short forms that a filter has.
#[derive(Debug)]
pub(super) struct Short {
    severities: Vec<Severity>,
    networks: Vec<IpNet>,
    techniques: Vec<String>,
    rules: Vec<String>,
    hosts: Vec<String>,
}

impl Short {
    pub(super) fn new(asked: &vigil_protocol::Filter) -> Result<Self, NotAFilter> {
        Ok(Self {
            severities: asked
                .severity
                .iter()
                .map(|name| {
                    name.parse()
                        .map_err(|error| NotAFilter(format!("`severity`: {error}")))
                })
                .collect::<Result<_, _>>()?,
            networks: asked
                .network
                .iter()
                .map(|text| network(text))
                .collect::<Result<_, _>>()?,
            techniques: asked
                .technique
                .iter()
                .map(|text| technique(text))
                .collect::<Result<_, _>>()?,
            rules: asked.rule.clone(),
            hosts: asked.host.iter().map(|host| host.to_lowercase()).collect(),
        })
    }

    pub(super) fn fits_severity(&self, severity: Severity) -> bool {
        self.severities.is_empty() || self.severities.contains(&severity)
    }

    pub(super) fn looks_into_data(&self) -> bool {
        !(self.networks.is_empty()
            && self.techniques.is_empty()
            && self.rules.is_empty()
            && self.hosts.is_empty())
    }

    pub(super) fn fits_data(&self, data: &Value) -> bool {
        self.fits_network(data)
            && self.fits_host(data)
            && self.fits_rule(data)
            && self.fits_technique(data)
    }

    fn fits_network(&self, data: &Value) -> bool {
        if self.networks.is_empty() {
            return true;
        }
        // A threat has `source.ip`, an alert `source_ip`.
        let text = data
            .pointer("/source/ip")
            .or_else(|| data.get("source_ip"))
            .and_then(Value::as_str);
        let Some(address) = text.and_then(|text| text.parse::<IpAddr>().ok()) else {
            return false;
        };
        let address = address.to_canonical();
        self.networks
            .iter()
            .any(|network| network.contains(&address))
    }

    fn fits_host(&self, data: &Value) -> bool {
        if self.hosts.is_empty() {
            return true;
        }
        let Some(host) = data.pointer("/url/domain").and_then(Value::as_str) else {
            return false;
        };
        let host = host.to_lowercase();
        self.hosts
            .iter()
            .any(|wanted| match wanted.strip_prefix('*') {
                Some(below) => below.starts_with('.') && host.ends_with(below),
                None => *wanted == host,
            })
    }

    fn fits_rule(&self, data: &Value) -> bool {
        self.rules.is_empty()
            || detections(data).any(|detection| {
                let id = detection.get("rule_id").and_then(Value::as_str);
                id.is_some_and(|id| self.rules.iter().any(|rule| rule == id))
            })
    }

    fn fits_technique(&self, data: &Value) -> bool {
        self.techniques.is_empty()
            || detections(data)
                .filter_map(|detection| detection.get("techniques").and_then(Value::as_array))
                .flatten()
                .filter_map(Value::as_str)
                .any(|id| self.techniques.iter().any(|wanted| is_of(id, wanted)))
    }
}

fn detections(data: &Value) -> impl Iterator<Item = &Value> {
    data.get("detections")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// Whether a technique is the wanted one or a sub-technique of it.
fn is_of(id: &str, wanted: &str) -> bool {
    let mut rest = id.chars();
    for letter in wanted.chars() {
        if !rest
            .next()
            .is_some_and(|own| own.eq_ignore_ascii_case(&letter))
        {
            return false;
        }
    }
    matches!(rest.next(), None | Some('.'))
}

/// An address is the network of itself.
pub(super) fn network(text: &str) -> Result<IpNet, NotAFilter> {
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| {
            NotAFilter("`network` must be networks such as 10.0.0.0/8, or addresses".to_owned())
        })
}

fn technique(text: &str) -> Result<String, NotAFilter> {
    let mut letters = text.chars();
    let is_technique = letters
        .next()
        .is_some_and(|first| first.eq_ignore_ascii_case(&'T'))
        && text.len() >= 5
        && letters.all(|letter| letter.is_ascii_digit() || letter == '.');
    if is_technique {
        Ok(text.to_owned())
    } else {
        Err(NotAFilter(
            "`technique` must be ATT&CK techniques such as T1190 or T1059.004".to_owned(),
        ))
    }
}
