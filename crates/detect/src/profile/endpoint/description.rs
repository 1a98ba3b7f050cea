//! What is known of a path, for people.

use serde::Serialize;

use super::Endpoint;
use crate::profile::parameter::ParameterDescription;
use crate::profile::seen;

/// What is known of a path, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EndpointDescription {
    /// Requests that were served.
    pub requests: u64,
    /// From about so many addresses.
    pub addresses: u64,
    /// The methods that are trusted.
    pub methods: Vec<String>,
    /// The classes of statuses that are usual.
    pub statuses: Vec<String>,
    /// The parameters that are trusted.
    pub parameters: Vec<ParameterDescription>,
}

impl Endpoint {
    /// What is known of it, for people: the parameters that are trusted.
    pub(crate) fn description(&self) -> EndpointDescription {
        let mut parameters: Vec<ParameterDescription> = self
            .parameters
            .iter()
            .filter(|(_, one)| one.is_trusted)
            .map(|(name, one)| ParameterDescription {
                name: name.to_string(),
                requests: one.requests,
                needed: self.is_needed(one),
                values: one.value.description(),
            })
            .collect();
        parameters.sort_by(|a, b| b.requests.cmp(&a.requests).then(a.name.cmp(&b.name)));
        let bits = |mask: u64| (0..64u8).filter(move |bit| mask & 1 << bit != 0);
        EndpointDescription {
            requests: self.count,
            addresses: self.crowd.addresses(),
            methods: bits(self.settled.methods)
                .map(|method| seen::method_name(method).to_owned())
                .collect(),
            statuses: bits(self.settled.statuses)
                .map(|digit| format!("{digit}xx"))
                .collect(),
            parameters,
        }
    }
}
