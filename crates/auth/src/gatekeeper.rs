//! The one door: any credential in, a principal or a refusal out.

use std::fmt;

use vigil_event::Timestamp;

use crate::{ApiKeys, AuthError, Authority, Principal, Tickets};

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
    /// Tokens.
    pub authority: Authority,
    /// Machines' keys.
    pub keys: ApiKeys,
    /// One-time tickets.
    pub tickets: Tickets,
}

impl Gatekeeper {
    /// Who shows this credential. Never blocks on the disk or the network.
    pub fn verify(
        &self,
        credential: Credential<'_>,
        now: Timestamp,
    ) -> Result<Principal, AuthError> {
        match credential {
            Credential::Bearer(token) => self.authority.verify(token, now),
            Credential::ApiKey(key) => self.keys.verify(key),
            Credential::Ticket(ticket) => self
                .tickets
                .redeem(ticket, now)
                .ok_or(AuthError::UnknownTicket),
        }
    }
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
            authority,
            keys: ApiKeys::new(vec![ApiKey::new("web", Role::Service, key).unwrap()]).unwrap(),
            tickets: Tickets::default(),
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
