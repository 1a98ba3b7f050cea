//! How the other commands talk to a running server.

use std::fmt::{Display, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::http::Response;
use ureq::tls::RootCerts;
use ureq::unversioned::transport::DefaultConnector;
use ureq::{Agent, Body};
use vigil_auth::{Authority, Grant, Role};
use vigil_event::text::{truncated, visible};
use vigil_event::{Clock as _, SystemClock};

use super::{ConfigFlags, Failure};
use crate::outward::{self, Fixed};

/// How long a token lives that a command makes for itself.
const OWN_TOKEN_MS: i64 = 12 * 3_600_000;

/// Where the server is, and with what right it is asked.
#[derive(Clone, Debug, Args)]
pub(super) struct ServerFlags {
    #[command(flatten)]
    flags: ConfigFlags,
    /// The server [default: where the configuration listens]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// A PEM file with the authority of the server's certificate, or the certificate itself
    /// [default: the system's authorities; for the configured server, server.tls_certificate]
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The token [default: one made with the data directory's key]
    #[arg(long, env = "VIGIL_TOKEN", hide_env_values = true, hide = true)]
    token: Option<String>,
}

impl ServerFlags {
    /// Where the configuration comes from.
    pub(super) const fn config_flags(&self) -> &ConfigFlags {
        &self.flags
    }
}

/// A running server.
pub(super) struct Server {
    agent: Agent,
    url: String,
    token: String,
}

impl ServerFlags {
    /// The server, with a right of at least that role.
    pub(super) fn connect(&self, role: Role) -> Result<Server, Failure> {
        let config = self.flags.load()?;
        let listen = config.server.listen;
        let url = self.url.clone().unwrap_or_else(|| config.url(listen));
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(Failure::Input(format!(
                "`{url}`: the server's URL must begin with http:// or https://"
            )));
        }
        // The configured server is asked where it listens, by whatever name its certificate has.
        let is_configured = self.url.is_none();
        let roots = match &self.ca {
            Some(path) => {
                outward::roots_of(path).map_err(|error| Failure::Input(format!("--ca: {error}")))?
            }
            None if is_configured && config.has_tls() => {
                outward::roots_of(&config.server.tls_certificate)
                    .unwrap_or(RootCerts::PlatformVerifier)
            }
            None => RootCerts::PlatformVerifier,
        };
        let token = match &self.token {
            Some(token) => token.trim().to_owned(),
            None => own_token(&config.data_dir(), role)?,
        };
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(Duration::from_secs(5)))
            .max_redirects(0)
            .tls_config(outward::tls(roots))
            .build();
        let agent = Agent::with_parts(
            agent,
            DefaultConnector::default(),
            Fixed::new(is_configured.then_some(listen)),
        );
        Ok(Server {
            agent,
            url: url.trim_end_matches('/').to_owned(),
            token,
        })
    }
}

fn own_token(data_dir: &std::path::Path, role: Role) -> Result<String, Failure> {
    if !data_dir.join(vigil_auth::SECRET_FILE).exists() {
        return Err(Failure::Refused(format!(
            "no key in {}: name the server's --data-dir, or set VIGIL_TOKEN to a token",
            data_dir.display()
        )));
    }
    let (authority, _) =
        Authority::open(data_dir).map_err(|error| Failure::Refused(error.to_string()))?;
    let now = SystemClock.now();
    let grant = Grant {
        expires_at: Some(now.plus_millis(OWN_TOKEN_MS)),
        ..Grant::new("cli", role)
    };
    authority
        .issue(&grant, now)
        .map_err(|error| Failure::Refused(error.to_string()))
}

impl Server {
    /// Asks for a path.
    pub(super) fn get(&self, path: &str) -> Result<Response<Body>, Failure> {
        self.agent
            .get(format!("{}{path}", self.url))
            .header("Authorization", format!("Bearer {}", self.token))
            .call()
            .map_err(|error| self.unreachable(&error))
    }

    /// Deletes what stands at a path.
    pub(super) fn delete(&self, path: &str) -> Result<Response<Body>, Failure> {
        self.agent
            .delete(format!("{}{path}", self.url))
            .header("Authorization", format!("Bearer {}", self.token))
            .call()
            .map_err(|error| self.unreachable(&error))
    }

    /// Sends JSON to a path.
    pub(super) fn post(&self, path: &str, body: &Value) -> Result<Response<Body>, Failure> {
        self.agent
            .post(format!("{}{path}", self.url))
            .header("Authorization", format!("Bearer {}", self.token))
            .send_json(body)
            .map_err(|error| self.unreachable(&error))
    }

    fn unreachable(&self, error: &ureq::Error) -> Failure {
        let advice = if matches!(error, ureq::Error::Tls(_) | ureq::Error::Rustls(_))
            || error.to_string().contains("certificate")
        {
            "name its certificate's authority with --ca, and the server by the name in it with --url"
        } else {
            "is `vigil serve` running there?"
        };
        Failure::Environment(format!("{} does not answer ({error}): {advice}", self.url))
    }
}

/// A name, whatever is in it, as one segment of a path.
pub(super) fn encoded(name: &str) -> String {
    let mut segment = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            segment.push(char::from(byte));
        } else {
            _ = write!(segment, "%{byte:02X}");
        }
    }
    segment
}

/// What the server answers, or why it refuses.
pub(super) fn answer<T: DeserializeOwned>(mut response: Response<Body>) -> Result<T, Failure> {
    if !response.status().is_success() {
        return Err(refusal(&mut response));
    }
    response.body_mut().read_json().map_err(odd)
}

/// The answer is nothing that a server of this version gives.
pub(super) fn odd(error: impl Display) -> Failure {
    Failure::Environment(format!("the server's answer is odd: {error}"))
}

/// What a refused request means, with the server's own words.
pub(super) fn refusal(response: &mut Response<Body>) -> Failure {
    let status = response.status().as_u16();
    let body: Value = response.body_mut().read_json().unwrap_or_default();
    let message = body
        .pointer("/error/message")
        .and_then(Value::as_str)
        .unwrap_or("no reason given");
    let text = format!(
        "the server answered {status}: {}",
        visible(truncated(message, 500))
    );
    match status {
        401 | 403 => Failure::Refused(text + "; is the token or the --data-dir the server's?"),
        400 | 404 | 405 | 413 | 422 => Failure::Input(text),
        _ => Failure::Environment(text),
    }
}
