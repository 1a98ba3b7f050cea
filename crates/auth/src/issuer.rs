//! Issuers: others whose tokens are accepted, such as a company's identity provider.
//!
//! Times are checked here against the moment that is passed in, as for our own tokens.

use std::collections::BTreeMap;
use std::path::Path;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Header, Validation};
use serde::Deserialize;
use serde_json::Value;
use vigil_event::Timestamp;

use crate::authority::{LEEWAY_MS, is_subject};
use crate::key_ring::KeyRing;
use crate::verifying_key::VerifyingKey;
use crate::{AuthError, Principal, Rights, Role, secret};

/// A token without a key id is tried with at most this many keys.
const MAX_TRIED: usize = 8;

/// Where an issuer's keys come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource<'a> {
    /// A file with a secret that both sides know, which only its owner may read.
    Secret(&'a Path),
    /// A file with a public key as PEM.
    Pem(&'a Path),
    /// A set of keys that is fetched, and put in with [`Issuer::install`].
    Set,
}

/// What is accepted of an issuer.
#[derive(Clone, Debug)]
pub struct Trust {
    /// The claim `iss`; empty for tokens that name no issuer.
    pub name: String,
    /// The claim `aud` must have it; empty asks for none.
    pub audience: String,
    /// The algorithms, and no others.
    pub algorithms: Vec<Algorithm>,
    /// The claim that says what somebody is, with `.` before what is inside another. It may be a
    /// list; the role that may most is taken.
    pub role_claim: String,
    /// What the claim's values mean; a role's own name needs no entry.
    pub roles: BTreeMap<String, Role>,
    /// What somebody is of whom the claim says nothing; none refuses them.
    pub default_role: Option<Role>,
}

/// Verifies the tokens of one issuer.
#[derive(Debug)]
pub struct Issuer {
    trust: Trust,
    validation: Validation,
    ring: KeyRing,
    /// Whether a key id chooses among the keys.
    has_key_ids: bool,
}

#[derive(Deserialize)]
struct Registered {
    sub: String,
    exp: i64,
    #[serde(default)]
    iat: Option<f64>,
    #[serde(default)]
    nbf: Option<f64>,
    #[serde(default)]
    jti: Option<String>,
    #[serde(default)]
    vigil: Rights,
}

impl Issuer {
    /// An issuer that is trusted so far. May block on the disk.
    pub fn open(trust: Trust, source: &KeySource<'_>) -> Result<Self, AuthError> {
        let keys = match source {
            KeySource::Secret(path) => {
                let secret = secret::read_private(path)?;
                vec![VerifyingKey::of_secret(
                    secret.as_bytes(),
                    &trust.algorithms,
                )?]
            }
            KeySource::Pem(path) => vec![VerifyingKey::of_pem(&secret::read_public(path)?)?],
            KeySource::Set => Vec::new(),
        };
        let fits = |key: &VerifyingKey| {
            trust
                .algorithms
                .iter()
                .any(|algorithm| key.algorithms.contains(algorithm))
        };
        if let Some(key) = keys.iter().find(|key| !fits(key)) {
            return Err(AuthError::UselessKey {
                algorithms: key.algorithms.clone(),
            });
        }
        let mut validation = Validation::default();
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.set_required_spec_claims(&["exp", "sub"]);
        if trust.audience.is_empty() {
            validation.validate_aud = false;
        } else {
            validation.set_audience(&[&trust.audience]);
            validation.required_spec_claims.insert("aud".to_owned());
        }
        Ok(Self {
            validation,
            ring: KeyRing::new(keys),
            has_key_ids: matches!(source, KeySource::Set),
            trust,
        })
    }

    /// The claim `iss` of its tokens.
    pub fn name(&self) -> &str {
        &self.trust.name
    }

    /// Whether its keys are fetched.
    pub const fn is_fetched(&self) -> bool {
        self.has_key_ids
    }

    /// Its keys, for who fetches them.
    pub const fn ring(&self) -> &KeyRing {
        &self.ring
    }

    /// Who holds the token; `place` is the issuer's own, to be named in an error.
    pub(crate) fn verify(
        &self,
        token: &str,
        place: usize,
        now: Timestamp,
    ) -> Result<Principal, AuthError> {
        let header = jsonwebtoken::decode_header(token).map_err(|error| refusal(error.kind()))?;
        if header.crit.is_some() {
            return Err(AuthError::Malformed("it asks for an unknown extension"));
        }
        if !self.trust.algorithms.contains(&header.alg) {
            return Err(AuthError::Malformed("its algorithm is not allowed"));
        }
        let (claims, key) = self.signed(token, &header, place)?;
        let role = self.role(&claims)?;
        // The text may quote the claims, so it is not told.
        let claims: Registered = serde_json::from_value(claims)
            .map_err(|_| AuthError::Malformed("its claims are not of their usual types"))?;
        let principal = Principal {
            subject: claims.sub,
            role,
            expires_at: Some(Timestamp::from_millis(claims.exp.saturating_mul(1_000))),
            token_id: claims.jti,
            parent_id: None,
            key,
            issued_at: claims.iat.map(milliseconds),
            rights: claims.vigil,
        };
        let is_future = |at: Timestamp| at.as_millis() > now.as_millis() + LEEWAY_MS;
        if principal.is_expired(now) {
            Err(AuthError::Expired)
        } else if claims.nbf.map(milliseconds).is_some_and(is_future)
            || principal.issued_at.is_some_and(is_future)
        {
            Err(AuthError::NotYetValid)
        } else if !is_subject(&principal.subject) {
            Err(AuthError::Malformed("its `sub` is empty or too long"))
        } else if let Some(fault) = principal.rights.fault() {
            Err(AuthError::Malformed(fault))
        } else {
            Ok(principal)
        }
    }

    /// The claims, and the id of the key that signed them.
    fn signed(
        &self,
        token: &str,
        header: &Header,
        place: usize,
    ) -> Result<(Value, Option<String>), AuthError> {
        let keys = self.ring.keys();
        let wanted = header.kid.as_ref().filter(|_| self.has_key_ids);
        let mut fitting = keys
            .iter()
            .filter(|key| wanted.is_none() || key.id.as_ref() == wanted)
            .filter(|key| key.algorithms.contains(&header.alg))
            .take(MAX_TRIED)
            .peekable();
        if fitting.peek().is_none() && self.has_key_ids {
            return Err(AuthError::UnknownKeyId { issuer: place });
        }
        let mut validation = self.validation.clone();
        validation.algorithms = vec![header.alg];
        let mut refused = AuthError::Malformed("its algorithm is not allowed");
        for key in fitting {
            match jsonwebtoken::decode::<Value>(token, &key.key, &validation) {
                Ok(data) => return Ok((data.claims, key.id.clone())),
                Err(error) => refused = refusal(error.kind()),
            }
        }
        Err(refused)
    }

    fn role(&self, claims: &Value) -> Result<Role, AuthError> {
        let found = self
            .trust
            .role_claim
            .split('.')
            .try_fold(claims, |value, name| value.get(name));
        let role_of = |text: &str| {
            self.trust
                .roles
                .get(text)
                .copied()
                .or_else(|| text.parse().ok())
        };
        let role = match found {
            Some(Value::String(text)) => role_of(text),
            Some(Value::Array(list)) => list
                .iter()
                .filter_map(Value::as_str)
                .filter_map(role_of)
                .max_by_key(|role| role.rank()),
            _ => None,
        };
        role.or(self.trust.default_role)
            .ok_or(AuthError::Malformed("it says no role that is known here"))
    }
}

/// RFC 7519 lets a time have a fraction.
fn milliseconds(seconds: f64) -> Timestamp {
    Timestamp::from_millis((seconds * 1_000.0) as i64)
}

/// Our own words for the library's errors, which may quote the token.
fn refusal(kind: &ErrorKind) -> AuthError {
    match kind {
        ErrorKind::InvalidSignature => AuthError::BadSignature,
        ErrorKind::InvalidAlgorithm
        | ErrorKind::UnsupportedAlgorithm
        | ErrorKind::InvalidAlgorithmName => AuthError::Malformed("its algorithm is not allowed"),
        ErrorKind::InvalidAudience => AuthError::Malformed("it is for another audience"),
        ErrorKind::MissingRequiredClaim(_) => {
            AuthError::Malformed("it has no `sub`, no `exp` or no `aud`")
        }
        _ => AuthError::Malformed("it is no JWT"),
    }
}

#[cfg(test)]
#[path = "issuer_tests.rs"]
mod tests;
