//! All issuers whose tokens are accepted.

use std::sync::Arc;

use vigil_event::Timestamp;

use crate::authority::ISSUER;
use crate::{AuthError, Issuer, Principal};

/// All issuers, each with a name of its own.
#[derive(Clone, Debug, Default)]
pub struct Issuers(Vec<Arc<Issuer>>);

impl Issuers {
    /// These; two may not share a name, and none may have ours.
    pub fn new(issuers: Vec<Issuer>) -> Result<Self, AuthError> {
        for (place, issuer) in issuers.iter().enumerate() {
            let name = issuer.name();
            let is_twice = issuers.iter().take(place).any(|other| other.name() == name);
            if is_twice || name == ISSUER {
                return Err(AuthError::DuplicateIssuer {
                    name: name.to_owned(),
                });
            }
        }
        Ok(Self(issuers.into_iter().map(Arc::new).collect()))
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each of them, in the order of their places.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Issuer>> {
        self.0.iter()
    }

    /// Who holds a token that says it comes from the issuer of that name.
    pub(crate) fn verify(
        &self,
        name: &str,
        token: &str,
        now: Timestamp,
    ) -> Result<Principal, AuthError> {
        let (place, issuer) = self
            .0
            .iter()
            .enumerate()
            .find(|(_, issuer)| issuer.name() == name)
            .ok_or(AuthError::Malformed("another program issued it"))?;
        issuer.verify(token, place, now)
    }

    /// Waits until the keys of the issuer at that place were fetched again; true if they may have
    /// changed.
    pub(crate) async fn refreshed(&self, place: usize) -> bool {
        match self.0.get(place) {
            Some(issuer) if issuer.is_fetched() => issuer.ring().refreshed().await,
            _ => false,
        }
    }
}
