//! Under which names the server may be asked.
//!
//! A page of a stranger can have its own name point to this machine (DNS rebinding) and then speaks
//! with us as if we were its server; the browser still says that name in `Host`.

use std::net::IpAddr;

use axum::http::{HeaderMap, Uri, header};

use crate::{ApiError, ErrorCode};

/// The names under which the server may be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hosts {
    /// Any: for a server that listens for other machines.
    Any,
    /// `localhost`, loopback addresses and these names: for a server that listens on loopback.
    Loopback(Vec<String>),
}

impl Hosts {
    /// Refuses a request for another name.
    pub(super) fn check(&self, headers: &HeaderMap, uri: &Uri) -> Result<(), ApiError> {
        let Self::Loopback(names) = self else {
            return Ok(());
        };
        let mut said = headers
            .get_all(header::HOST)
            .iter()
            .map(|value| value.to_str().unwrap_or_default())
            .chain(uri.authority().map(axum::http::uri::Authority::as_str))
            .peekable();
        if said.peek().is_some() && said.all(|host| is_ours(name_of(host), names)) {
            return Ok(());
        }
        Err(ApiError::new(
            ErrorCode::WrongHost,
            "this server listens on loopback and does not answer to that name",
        )
        .hint("ask for localhost, or add the name to the allowed hosts in the configuration"))
    }
}

fn is_ours(name: &str, names: &[String]) -> bool {
    name.eq_ignore_ascii_case("localhost")
        || name
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
        || names
            .iter()
            .any(|known| name_of(known).eq_ignore_ascii_case(name))
}

/// A host without its port, the brackets of IPv6 and the final dot.
fn name_of(host: &str) -> &str {
    if let Some(bracketed) = host.strip_prefix('[') {
        return bracketed
            .split_once(']')
            .map_or(bracketed, |(name, _)| name);
    }
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    name.strip_suffix('.').unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(hosts: &Hosts, host: &str, uri: &'static str) -> bool {
        let mut headers = HeaderMap::new();
        if !host.is_empty() {
            headers.insert(header::HOST, host.parse().unwrap());
        }
        hosts.check(&headers, &Uri::from_static(uri)).is_ok()
    }

    #[test]
    fn loopback_has_few_names() {
        let hosts = Hosts::Loopback(vec!["vigil.example".into()]);
        for host in [
            "localhost",
            "LOCALHOST:8082",
            "127.0.0.1:8082",
            "[::1]:8082",
            "[::1]",
            "127.0.0.2",
            "Vigil.example:1",
            "localhost.",
        ] {
            assert!(passes(&hosts, host, "/"), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example",
            "192.0.2.1",
            "localhost@evil.example",
            "[2001:db8::1]",
            "127.0.0.1.evil",
            "evil:localhost",
        ] {
            assert!(!passes(&hosts, host, "/"), "{host}");
            assert!(passes(&Hosts::Any, host, "/"), "{host}");
        }
        assert!(passes(&hosts, "", "http://localhost:8082/"));
        assert!(!passes(&hosts, "localhost", "http://evil.example/"));
    }
}
