//! The one door: any credential in, a principal or a refusal out.

use std::fmt;

use vigil_event::Timestamp;

use crate::authority::{ISSUER, MAX_TOKEN_BYTES};
use crate::{ApiKeys, AuthError, Authority, Issuers, Principal, Revocations, Tickets};

/// What somebody shows to prove who they are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Credential<'a> {
    /// A token.
    Bearer(&'a str),
    /// A machine's key.
    ApiKey(&'a str),
    /// A one-time ticket; verifying it uses it up.
    Ticket(&'a str),
}

impl fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bearer(_) => "Bearer(…)",
            Self::ApiKey(_) => "ApiKey(…)",
            Self::Ticket(_) => "Ticket(…)",
        })
    }
}

/// Everything that can prove who somebody is.
#[derive(Debug)]
pub struct Gatekeeper {
    /// Our own tokens.
    pub authority: Authority,
    /// Others' tokens.
    pub issuers: Issuers,
    /// Machines' keys.
    pub keys: ApiKeys,
    /// One-time tickets.
    pub tickets: Tickets,
    /// What no longer holds.
    pub revocations: Revocations,
}

impl Gatekeeper {
    /// One that knows our own tokens only.
    pub fn new(authority: Authority) -> Self {
        Self {
            authority,
            issuers: Issuers::default(),
            keys: ApiKeys::default(),
            tickets: Tickets::default(),
            revocations: Revocations::default(),
        }
    }

    /// Who shows this credential. Never blocks on the disk or the network.
    pub fn verify(
        &self,
        credential: Credential<'_>,
        now: Timestamp,
    ) -> Result<Principal, AuthError> {
        let principal = match credential {
            Credential::Bearer(token) => self.bearer(token, now),
            Credential::ApiKey(key) => self.keys.verify(key),
            Credential::Ticket(ticket) => self
                .tickets
                .redeem(ticket, now)
                .ok_or(AuthError::UnknownTicket),
        }?;
        if self.revocations.cover(&principal) {
            return Err(AuthError::Revoked);
        }
        Ok(principal)
    }

    /// As [`verify`](Self::verify), but a token that is signed with an unknown key waits for its
    /// issuer's keys to be fetched again, some seconds at most.
    pub async fn verify_patiently(
        &self,
        credential: Credential<'_>,
        now: Timestamp,
    ) -> Result<Principal, AuthError> {
        match self.verify(credential, now) {
            Err(AuthError::UnknownKeyId { issuer }) if self.issuers.refreshed(issuer).await => {
                self.verify(credential, now)
            }
            verified => verified,
        }
    }

    fn bearer(&self, token: &str, now: Timestamp) -> Result<Principal, AuthError> {
        if self.issuers.is_empty() {
            return self.authority.verify(token, now);
        }
        if token.len() > MAX_TOKEN_BYTES {
            return Err(AuthError::Malformed("it is too long"));
        }
        // Only to choose who verifies: what it says is not believed before.
        let said: Said = jsonwebtoken::dangerous::insecure_decode_claims(token)
            .map_err(|_| AuthError::Malformed("it is no JWT"))?;
        if said.iss == ISSUER {
            return self.authority.verify(token, now);
        }
        self.issuers.verify(&said.iss, token, now)
    }
}

/// Who a token says has issued it.
#[derive(serde::Deserialize)]
struct Said {
    #[serde(default)]
    iss: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ApiKey, Grant, Role};

    #[test]
    fn each_credential_finds_its_own_door() {
        let dir = tempfile::tempdir().unwrap();
        let (authority, _) = Authority::open(dir.path()).unwrap();
        let now = Timestamp::from_millis(1_000_000);
        let token = authority
            .issue(&Grant::new("anna", Role::Viewer), now)
            .unwrap();
        let key = "0123456789abcdef0123";
        let gatekeeper = Gatekeeper {
            keys: ApiKeys::new(vec![ApiKey::new("web", Role::Service, key).unwrap()]).unwrap(),
            ..Gatekeeper::new(authority)
        };
        let anna = gatekeeper.verify(Credential::Bearer(&token), now).unwrap();
        let ticket = gatekeeper.tickets.issue(anna.clone(), now).unwrap();
        assert_eq!(
            gatekeeper.verify(Credential::Ticket(&ticket), now).unwrap(),
            anna
        );
        assert_eq!(
            gatekeeper
                .verify(Credential::ApiKey(key), now)
                .unwrap()
                .subject,
            "web"
        );
        for wrong in [
            Credential::ApiKey(&token),
            Credential::Bearer(key),
            Credential::Ticket(&ticket),
        ] {
            assert!(gatekeeper.verify(wrong, now).unwrap_err().is_rejection());
            assert!(!format!("{wrong:?}").contains(key));
        }
    }
}
