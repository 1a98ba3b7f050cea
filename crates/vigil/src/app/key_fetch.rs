//! Fetches the keys that issuers publish, and fetches them again: now and then, and when a token
//! names one that is not known.
//!
//! Never holds: keys. What is fetched is bounded in size and time; a redirect is followed three times
//! at most, never to plain text on another machine, and to a private address only where that is
//! allowed, since the one who answers chooses where it leads.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use axum::http::Uri;
use prometheus::{IntCounterVec, Opts, Registry};
use tokio_util::sync::CancellationToken;
use ureq::Agent;
use ureq::config::Config as AgentConfig;
use ureq::tls::RootCerts;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use vigil_auth::{Issuer, KeyRing};
use vigil_event::text::visible;

use crate::config::{IssuerConfig, is_safe};
use crate::outward;

/// How long keys are used before they are fetched again.
const MAX_AGE: Duration = Duration::from_mins(10);

/// The largest set.
const MAX_BYTES: u64 = 256 * 1024;

/// How long an attempt may take, with its redirects.
const PATIENCE: Duration = Duration::from_secs(5);

/// At most this many redirects.
const MAX_REDIRECTS: usize = 3;

/// Fetches one issuer's keys.
pub(super) struct KeyFetch {
    issuer: Arc<Issuer>,
    url: String,
    allow_private: bool,
    fetches: IntCounterVec,
}

impl KeyFetch {
    /// For those issuers whose keys are published.
    pub(super) fn all<'a>(
        configs: &[IssuerConfig],
        issuers: impl Iterator<Item = &'a Arc<Issuer>>,
        registry: &Registry,
    ) -> prometheus::Result<Vec<Self>> {
        let fetches = IntCounterVec::new(
            Opts::new(
                "vigil_key_fetches_total",
                "Times that an issuer's published keys were fetched, by outcome.",
            ),
            &["outcome"],
        )?;
        for outcome in ["done", "failed"] {
            fetches.with_label_values(&[outcome]);
        }
        registry.register(Box::new(fetches.clone()))?;
        let all = configs
            .iter()
            .zip(issuers)
            .filter(|(config, _)| !config.jwks_url.is_empty())
            .map(|(config, issuer)| Self {
                issuer: Arc::clone(issuer),
                url: config.jwks_url.clone(),
                allow_private: config.allow_private_redirects,
                fetches: fetches.clone(),
            })
            .collect();
        Ok(all)
    }

    /// Keeps the keys fresh until the server stops. After a failure it tries again soon, and what was
    /// known stays in use.
    pub(super) async fn run(self, shutdown: CancellationToken) {
        loop {
            let is_fresh = self.attempt().await;
            let pause = if is_fresh {
                MAX_AGE
            } else {
                KeyRing::MIN_INTERVAL
            };
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.issuer.ring().wanted() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn attempt(&self) -> bool {
        let _attempt = self.issuer.ring().begin();
        let (url, allow_private) = (self.url.clone(), self.allow_private);
        let fetched = tokio::task::spawn_blocking(move || fetch(&url, allow_private)).await;
        let installed = fetched
            .unwrap_or_else(|error| Err(error.to_string()))
            .and_then(|set| {
                let ring = self.issuer.ring();
                ring.install(&set).map_err(|error| error.to_string())
            });
        let issuer = visible(self.issuer.name());
        let outcome = if installed.is_ok() { "done" } else { "failed" };
        self.fetches.with_label_values(&[outcome]).inc();
        match installed {
            Ok(keys) => tracing::debug!(%issuer, keys, "an issuer's keys were fetched"),
            Err(ref error) => {
                tracing::warn!(%issuer, error = %visible(error), "an issuer's keys were not fetched: those known before stay in use");
            }
        }
        installed.is_ok()
    }
}

/// What stands at that address.
fn fetch(url: &str, allow_private: bool) -> Result<Vec<u8>, String> {
    let mut next = url.to_owned();
    for redirects in 0..=MAX_REDIRECTS {
        let public_only = redirects > 0 && !allow_private;
        let mut response = agent(public_only)
            .get(&next)
            .header("Accept", "application/json")
            .call()
            .map_err(|error| error.to_string())?;
        if response.status().is_success() {
            let body = response.body_mut().with_config().limit(MAX_BYTES);
            return body.read_to_vec().map_err(|error| error.to_string());
        }
        if !response.status().is_redirection() {
            return Err(format!("the server answered {}", response.status()));
        }
        let location = response
            .headers()
            .get("location")
            .and_then(|location| location.to_str().ok())
            .ok_or("a redirect leads nowhere")?;
        next = target(&next, location)?;
    }
    Err(format!("it redirects more than {MAX_REDIRECTS} times"))
}

/// Where a redirect leads.
fn target(from: &str, location: &str) -> Result<String, String> {
    let target = if location.starts_with('/') && !location.starts_with("//") {
        let from: Uri = from.parse().map_err(|_| "the URL is odd")?;
        let scheme = from.scheme_str().unwrap_or("https");
        let authority = from.authority().map_or("", |authority| authority.as_str());
        format!("{scheme}://{authority}{location}")
    } else {
        location.to_owned()
    };
    let is_downgrade = from.starts_with("https://") && !target.starts_with("https://");
    if is_downgrade || !is_safe(&target) {
        return Err("a redirect leads to plain text".to_owned());
    }
    Ok(target)
}

fn agent(public_only: bool) -> Agent {
    // A proxy would resolve names itself, past the check of addresses.
    let config = Agent::config_builder()
        .tls_config(outward::tls(RootCerts::PlatformVerifier))
        .proxy(None)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .timeout_global(Some(PATIENCE))
        .user_agent("vigil")
        .build();
    let resolver = Addresses {
        public_only,
        resolver: DefaultResolver::default(),
    };
    Agent::with_parts(config, DefaultConnector::default(), resolver)
}

/// Resolves names; the addresses that were looked at are those that are connected to, so that a name
/// can't lead elsewhere between the two.
#[derive(Debug)]
struct Addresses {
    public_only: bool,
    resolver: DefaultResolver,
}

impl Resolver for Addresses {
    fn resolve(
        &self,
        uri: &Uri,
        config: &AgentConfig,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.resolver.resolve(uri, config, timeout)?;
        if self.public_only && !found.iter().all(|address| is_public(address.ip())) {
            return Err(ureq::Error::BadUri(
                "a redirect leads to a private address: see auth.issuers.allow_private_redirects"
                    .to_owned(),
            ));
        }
        Ok(found)
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || a == 0
        || a >= 240
        // Carriers' networks, protocol assignments, benchmarks.
        || (a == 100 && (64..128).contains(&b))
        || (a, b, c) == (192, 0, 0)
        || (a == 198 && (18..20).contains(&b)))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let within = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        // An IPv4 address within: mapped, by NAT64, by 6to4.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            within(high, low)
        }
        [0x2002, high, low, ..] => within(high, low),
        // Teredo, documentation.
        [0x2001, 0 | 0xdb8, ..] => false,
        // All that is routed begins with 2 or 3.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_known_in_every_dress() {
        for (address, is) in [
            ("8.8.8.8", true),
            ("2606:4700::1111", true),
            ("10.1.2.3", false),
            ("172.16.0.1", false),
            ("192.168.0.1", false),
            ("127.0.0.1", false),
            ("169.254.169.254", false),
            ("100.64.0.1", false),
            ("0.0.0.0", false),
            ("255.255.255.255", false),
            ("::1", false),
            ("::", false),
            ("fe80::1", false),
            ("fd00::1", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:8.8.8.8", true),
            ("64:ff9b::a00:1", false),
            ("2002:7f00:1::", false),
            ("2001:db8::1", false),
        ] {
            assert_eq!(is_public(address.parse().unwrap()), is, "{address}");
        }
    }

    #[test]
    fn redirects_never_lead_to_plain_text_elsewhere() {
        for (from, location, expected) in [
            ("https://a/k", "/keys?x=1", Some("https://a/keys?x=1")),
            ("https://a/k", "https://b/k", Some("https://b/k")),
            ("https://a/k", "http://b/k", None),
            ("https://a/k", "http://localhost/k", None),
            ("https://a/k", "//b/k", None),
            ("https://a/k", "file:///etc/passwd", None),
            (
                "http://localhost:1/k",
                "http://127.0.0.1:2/k",
                Some("http://127.0.0.1:2/k"),
            ),
            ("http://localhost:1/k", "http://b/k", None),
        ] {
            assert_eq!(
                target(from, location).ok().as_deref(),
                expected,
                "{from} {location}"
            );
        }
    }
}
