//! What the load program asks of a server by its REST interface: to publish, where the server runs
//! already, and what it has counted.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ureq::Agent;
use ureq::tls::RootCerts;
use vigil_event::Severity;

use super::BenchError;
use super::peer::Peer;
use super::stage::Sink;
use crate::outward;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server that runs already.
#[derive(Clone, Debug)]
pub struct Running {
    /// Such as `http://127.0.0.1:8082`.
    pub url: String,
    /// A token of role `admin`, which publishes.
    pub token: Arc<str>,
    /// The certificates that it is trusted by; needed for `https://`.
    pub ca: Option<PathBuf>,
}

impl Running {
    /// Its name and port.
    fn authority(&self) -> Result<String, BenchError> {
        let wrong = |reason: &str| BenchError::Server(self.url.clone(), reason.to_owned());
        let (rest, port) = match (self.url.split_once("://"), &self.ca) {
            (Some(("http", rest)), None) => (rest, 80),
            (Some(("https", rest)), Some(_)) => (rest, 443),
            (Some(("https", _)), None) => {
                return Err(wrong("name the authority of its certificate with --ca"));
            }
            _ => {
                return Err(wrong(
                    "it must begin with http:// (without --ca) or https://",
                ));
            }
        };
        let authority = rest.trim_end_matches('/');
        if authority.is_empty() || authority.contains('/') {
            return Err(wrong("it must end with the server's name or port"));
        }
        let has_port = authority
            .rsplit_once(':')
            .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        Ok(if has_port {
            authority.to_owned()
        } else {
            format!("{authority}:{port}")
        })
    }

    /// What clients connect to.
    pub(super) fn peer(&self) -> Result<Peer, BenchError> {
        Peer::new(&self.authority()?, &self.token, self.ca.as_deref())
    }

    /// Its REST interface.
    pub(super) fn rest(&self) -> Result<Rest, BenchError> {
        let roots = match &self.ca {
            None => RootCerts::PlatformVerifier,
            Some(path) => outward::roots_of(path)
                .map_err(|error| BenchError::Server(self.url.clone(), error.to_string()))?,
        };
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .max_redirects(0)
            .tls_config(outward::tls(roots))
            .build();
        Ok(Rest {
            agent: Agent::new_with_config(agent),
            url: self.url.trim_end_matches('/').to_owned(),
            token: format!("Bearer {}", self.token),
        })
    }
}

/// A server's REST interface. It publishes one message after the other.
#[derive(Clone)]
pub(super) struct Rest {
    agent: Agent,
    url: String,
    token: String,
}

impl Rest {
    /// What the server has counted under that name, with its labels as it shows them.
    pub(super) fn counted(&self, name: &str) -> Option<f64> {
        let answer = self
            .agent
            .get(format!("{}/metrics", self.url))
            .header("Authorization", &self.token)
            .call();
        let text = answer.ok()?.into_body().read_to_string().ok()?;
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
    }
}

impl Sink for Rest {
    fn send(&self, channel: &str, severity: Severity, _: u64, data: String) -> Result<(), String> {
        let channel = serde_json::Value::from(channel);
        let body = format!("{{\"channel\":{channel},\"severity\":\"{severity}\",\"data\":{data}}}");
        let answer = self
            .agent
            .post(format!("{}/ws/publish", self.url))
            .header("Authorization", &self.token)
            .header("Content-Type", "application/json")
            .send(body);
        match answer {
            Ok(answer) if answer.status().is_success() => {
                // Read to its end, so that the next message goes over the same connection.
                drop(answer.into_body().read_to_vec());
                Ok(())
            }
            Ok(answer) => Err(format!(
                "publishing was answered with {}: is it the token of an admin?",
                answer.status()
            )),
            Err(error) => Err(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_server() {
        let of = |url: &str, ca: Option<&str>| {
            let running = Running {
                url: url.to_owned(),
                token: Arc::from("x"),
                ca: ca.map(PathBuf::from),
            };
            running.authority().ok()
        };
        for (url, ca, authority) in [
            ("http://127.0.0.1:8082", None, Some("127.0.0.1:8082")),
            ("http://vigil.example/", None, Some("vigil.example:80")),
            ("http://[::1]", None, Some("[::1]:80")),
            (
                "https://vigil.example",
                Some("ca.pem"),
                Some("vigil.example:443"),
            ),
            ("https://vigil.example", None, None),
            ("http://vigil.example", Some("ca.pem"), None),
            ("http://vigil.example/ws", None, None),
            ("http://", None, None),
            ("ws://vigil.example", None, None),
            ("vigil.example:80", None, None),
        ] {
            assert_eq!(of(url, ca).as_deref(), authority, "{url}");
        }
    }
}
