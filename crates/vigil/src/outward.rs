//! How this program speaks TLS where it is the client: to a running server, to an issuer of tokens.
//!
//! Never holds: what is asked.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use ureq::config::Config as AgentConfig;
use ureq::http::Uri;
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

use crate::app::tls::{TlsError, certificates};

/// TLS with those roots.
pub(crate) fn tls(roots: RootCerts) -> TlsConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .root_certs(roots)
        .unversioned_rustls_crypto_provider(provider)
        .build()
}

/// The certificates in a PEM file as the only roots.
pub(crate) fn roots_of(path: &Path) -> Result<RootCerts, TlsError> {
    let certificates = certificates(path)?;
    Ok(certificates
        .iter()
        .map(|certificate| Certificate::from_der(certificate.as_ref()).to_owned())
        .into())
}

/// Leads every name to where it should be, if that is known.
#[derive(Debug, Default)]
pub(crate) struct Fixed {
    pub(crate) address: Option<SocketAddr>,
    resolver: DefaultResolver,
}

impl Fixed {
    pub(crate) fn new(address: Option<SocketAddr>) -> Self {
        Self {
            address,
            ..Self::default()
        }
    }
}

impl Resolver for Fixed {
    fn resolve(
        &self,
        uri: &Uri,
        config: &AgentConfig,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let Some(address) = self.address else {
            return self.resolver.resolve(uri, config, timeout);
        };
        let mut found = self.empty();
        found.push(address);
        Ok(found)
    }
}
