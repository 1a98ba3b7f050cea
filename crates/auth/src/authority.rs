//! Tokens: signed statements of who somebody is and until when (JWT, RFC 7519, with HS256 only).
//!
//! Times are checked here against the moment that is passed in. The library's own checks read the
//! machine's clock, so they are off.

use std::fmt;
use std::path::Path;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use vigil_event::{Id, Timestamp};

use crate::{AuthError, Principal, Rights, Role, secret};

/// Who issued: tokens of other programs that happen to share a secret are refused.
pub(crate) const ISSUER: &str = "vigil";

/// A longer text is no token of ours.
pub(crate) const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// The longest subject.
pub(crate) const MAX_SUBJECT_BYTES: usize = 256;

/// How far another machine's clock may be ahead, for `nbf`. An end is an end: `exp` has no leeway,
/// or a connection would be opened only to be closed.
pub(crate) const LEEWAY_MS: i64 = 5_000;

/// What a token grants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// See [`Principal::subject`].
    pub subject: String,
    /// What they are.
    pub role: Role,
    /// Until when, to the second. None makes a token that lasts until the key is changed.
    pub expires_at: Option<Timestamp>,
    /// What it says of channels.
    pub rights: Rights,
    /// See [`Principal::parent_id`].
    pub parent_id: Option<String>,
    /// See [`Principal::key`].
    pub key: Option<String>,
}

impl Grant {
    /// All that the role may, without an end.
    pub fn new(subject: impl Into<String>, role: Role) -> Self {
        Self {
            subject: subject.into(),
            role,
            expires_at: None,
            rights: Rights::default(),
            parent_id: None,
            key: None,
        }
    }
}

/// Issues tokens and verifies them, with the key of one data directory.
pub struct Authority {
    signing: EncodingKey,
    verifying: DecodingKey,
    validation: Validation,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    role: Role,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    iat: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
    #[serde(default, skip_serializing_if = "Own::is_default")]
    vigil: Own,
}

/// The claims that only Vigil knows.
#[derive(Default, PartialEq, Serialize, Deserialize)]
struct Own {
    #[serde(flatten)]
    rights: Rights,
    /// Says that the missing `exp` is meant, and not forgotten.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    lasting: bool,
    /// What a session was opened with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

impl Own {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Authority {
    /// With the key in the data directory, which is made if there is none; `true` then says that
    /// this is the first start. May block on the disk.
    pub fn open(data_dir: &Path) -> Result<(Self, bool), AuthError> {
        let (key, first_start) = secret::open_or_make(data_dir)?;
        Ok((Self::with_key(&key), first_start))
    }

    fn with_key(key: &[u8]) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_required_spec_claims(&["iss", "sub"]);
        validation.set_issuer(&[ISSUER]);
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Self {
            signing: EncodingKey::from_secret(key),
            verifying: DecodingKey::from_secret(key),
            validation,
        }
    }

    /// A new token.
    pub fn issue(&self, grant: &Grant, now: Timestamp) -> Result<String, AuthError> {
        if !is_subject(&grant.subject) {
            return Err(AuthError::BadSubject);
        }
        if grant
            .expires_at
            .is_some_and(|end| seconds(end) <= seconds(now))
        {
            return Err(AuthError::EndsInThePast);
        }
        if let Some(fault) = grant.rights.fault() {
            return Err(AuthError::Malformed(fault));
        }
        let claims = Claims {
            iss: ISSUER.to_owned(),
            sub: grant.subject.clone(),
            role: grant.role,
            iat: Some(seconds(now)),
            nbf: None,
            exp: grant.expires_at.map(seconds),
            jti: Some(Id::derived(now, &[&secret::random::<16>()?]).to_string()),
            vigil: Own {
                rights: grant.rights.clone(),
                lasting: grant.expires_at.is_none(),
                parent: grant.parent_id.clone(),
                key: grant.key.clone(),
            },
        };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.signing)
            .map_err(|_| AuthError::Unsigned)?;
        if token.len() > MAX_TOKEN_BYTES {
            return Err(AuthError::Malformed("it grants too many channels"));
        }
        Ok(token)
    }

    /// Who holds the token. Refuses every algorithm but HS256, a foreign issuer, and a token
    /// without an end that was not issued so.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Principal, AuthError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(AuthError::Malformed("it is too long"));
        }
        let claims = jsonwebtoken::decode::<Claims>(token, &self.verifying, &self.validation)
            .map_err(|error| refusal(error.kind()))?
            .claims;
        let expires_at = match claims.exp {
            Some(exp) => Some(Timestamp::from_millis(exp.saturating_mul(1_000))),
            None if claims.vigil.lasting => None,
            None => return Err(AuthError::Malformed("it has no `exp`")),
        };
        if expires_at.is_some_and(|end| end <= now) {
            return Err(AuthError::Expired);
        }
        if claims
            .nbf
            .is_some_and(|begin| begin.saturating_mul(1_000) > now.as_millis() + LEEWAY_MS)
        {
            return Err(AuthError::NotYetValid);
        }
        if !is_subject(&claims.sub) {
            return Err(AuthError::Malformed("its `sub` is empty or too long"));
        }
        if let Some(fault) = claims.vigil.rights.fault() {
            return Err(AuthError::Malformed(fault));
        }
        Ok(Principal {
            subject: claims.sub,
            role: claims.role,
            expires_at,
            token_id: claims.jti,
            parent_id: claims.vigil.parent,
            key: claims.vigil.key,
            issued_at: claims
                .iat
                .map(|at| Timestamp::from_millis(at.saturating_mul(1_000))),
            rights: claims.vigil.rights,
        })
    }
}

pub(crate) fn is_subject(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_SUBJECT_BYTES && !text.chars().any(char::is_control)
}

pub(crate) const fn seconds(at: Timestamp) -> i64 {
    at.as_millis() / 1_000
}

/// Our own words for the library's errors, which may quote the token.
fn refusal(kind: &ErrorKind) -> AuthError {
    match kind {
        ErrorKind::InvalidSignature => AuthError::BadSignature,
        ErrorKind::InvalidAlgorithm
        | ErrorKind::UnsupportedAlgorithm
        | ErrorKind::InvalidAlgorithmName => AuthError::Malformed("only HS256 is accepted"),
        ErrorKind::InvalidIssuer => AuthError::Malformed("another program issued it"),
        ErrorKind::InvalidAudience => AuthError::Malformed("it is for another audience"),
        ErrorKind::MissingRequiredClaim(_) => AuthError::Malformed("it has no `iss` or no `sub`"),
        ErrorKind::Json(_) => AuthError::Malformed("its claims are not Vigil's"),
        _ => AuthError::Malformed("it is no JWT"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_795_176_000_123);

    fn authority() -> Authority {
        Authority::with_key(&[7; 32])
    }

    fn grant() -> Grant {
        Grant {
            expires_at: Some(NOW.plus_millis(60_000)),
            rights: Rights {
                subscribe: Some(vec!["threats".into()]),
                publish: Some(vec!["chat:*".into()]),
                filter: Some("severity == 'high'".into()),
            },
            parent_id: Some("parent".into()),
            key: Some("key".into()),
            ..Grant::new("anna", Role::Analyst)
        }
    }

    fn signed(header: &Header, claims: &serde_json::Value, key: &[u8]) -> String {
        jsonwebtoken::encode(header, claims, &EncodingKey::from_secret(key)).unwrap()
    }

    fn hs256(claims: &serde_json::Value) -> String {
        signed(&Header::new(Algorithm::HS256), claims, &[7; 32])
    }

    #[test]
    fn what_was_granted_comes_back() {
        let authority = authority();
        let token = authority.issue(&grant(), NOW).unwrap();
        let principal = authority.verify(&token, NOW).unwrap();
        assert_eq!(principal.subject, "anna");
        assert_eq!(principal.role, Role::Analyst);
        assert_eq!(
            principal.expires_at,
            Some(Timestamp::from_millis(1_795_176_060_000))
        );
        assert_eq!(principal.rights, grant().rights);
        assert_eq!(principal.parent_id, grant().parent_id);
        assert_eq!(principal.key, grant().key);
        assert_eq!(
            principal.issued_at,
            Some(Timestamp::from_millis(1_795_176_000_000))
        );
        let other = authority
            .verify(&authority.issue(&grant(), NOW).unwrap(), NOW)
            .unwrap();
        assert_ne!(principal.token_id, other.token_id);
    }

    #[test]
    fn expiry_follows_the_moment_that_is_passed_in() {
        let authority = authority();
        let token = authority.issue(&grant(), NOW).unwrap();
        let end = Timestamp::from_millis(1_795_176_060_000);
        assert!(authority.verify(&token, end.plus_millis(-1)).is_ok());
        assert!(matches!(
            authority.verify(&token, end),
            Err(AuthError::Expired)
        ));
        assert!(matches!(
            authority.issue(
                &Grant {
                    expires_at: Some(NOW),
                    ..grant()
                },
                NOW
            ),
            Err(AuthError::EndsInThePast)
        ));
    }

    #[test]
    fn a_token_without_an_end_must_be_meant_so() {
        let authority = authority();
        let lasting = authority
            .issue(
                &Grant {
                    expires_at: None,
                    ..grant()
                },
                NOW,
            )
            .unwrap();
        let principal = authority
            .verify(&lasting, NOW.plus_millis(i64::MAX / 2))
            .unwrap();
        assert_eq!(principal.expires_at, None);
        let forgotten = hs256(&json!({"iss": "vigil", "sub": "anna", "role": "admin"}));
        assert!(matches!(
            authority.verify(&forgotten, NOW),
            Err(AuthError::Malformed("it has no `exp`"))
        ));
    }

    #[test]
    fn other_algorithms_issuers_and_keys_are_refused() {
        let authority = authority();
        let good =
            json!({"iss": "vigil", "sub": "anna", "role": "admin", "exp": 4_000_000_000_i64});
        assert!(authority.verify(&hs256(&good), NOW).is_ok());
        for algorithm in [Algorithm::HS384, Algorithm::HS512] {
            let token = signed(&Header::new(algorithm), &good, &[7; 32]);
            assert!(matches!(
                authority.verify(&token, NOW),
                Err(AuthError::Malformed("only HS256 is accepted"))
            ));
        }
        let stranger = signed(&Header::new(Algorithm::HS256), &good, &[8; 32]);
        assert!(matches!(
            authority.verify(&stranger, NOW),
            Err(AuthError::BadSignature)
        ));
        // {"alg":"none"} with an empty signature.
        let claims = hs256(&good).split('.').nth(1).unwrap().to_owned();
        assert!(
            authority
                .verify(&format!("eyJhbGciOiJub25lIn0.{claims}."), NOW)
                .is_err()
        );
        for (name, value) in [
            ("iss", json!("other")),
            ("role", json!("root")),
            ("sub", json!("")),
            ("aud", json!("x")),
            ("nbf", json!(3_999_999_999_i64)),
            ("exp", json!(-1)),
        ] {
            let mut bad = good.clone();
            bad[name] = value;
            assert!(authority.verify(&hs256(&bad), NOW).is_err(), "{name}");
        }
        for name in ["iss", "sub", "role"] {
            let mut bad = good.clone();
            bad.as_object_mut().unwrap().remove(name);
            assert!(authority.verify(&hs256(&bad), NOW).is_err(), "{name}");
        }
    }

    #[test]
    fn a_changed_token_is_refused() {
        let authority = authority();
        let token = authority.issue(&grant(), NOW).unwrap();
        let mut parts: Vec<_> = token.split('.').map(str::to_owned).collect();
        let more = authority
            .issue(
                &Grant {
                    role: Role::Admin,
                    ..grant()
                },
                NOW,
            )
            .unwrap();
        parts[1] = more.split('.').nth(1).unwrap().to_owned();
        assert!(matches!(
            authority.verify(&parts.join("."), NOW),
            Err(AuthError::BadSignature)
        ));
    }

    #[test]
    fn subjects_have_a_size() {
        for subject in [String::new(), "a".repeat(257), "a\nb".to_owned()] {
            assert!(matches!(
                authority().issue(&Grant { subject, ..grant() }, NOW),
                Err(AuthError::BadSubject)
            ));
        }
    }

    #[test]
    fn nothing_secret_is_shown() {
        let authority = authority();
        assert_eq!(format!("{authority:?}"), "Authority { .. }");
        let token = authority.issue(&grant(), NOW).unwrap();
        let shown = format!("{:?}", authority.verify(&token, NOW).unwrap());
        assert!(!shown.contains(&token));
        let other = Authority::with_key(&[9; 32]);
        let error = other.verify(&token, NOW).unwrap_err();
        assert!(!format!("{error} {error:?}").contains(token.split('.').next_back().unwrap()));
    }

    proptest! {
        #[test]
        fn any_text_is_refused_without_a_panic(text in "\\PC{0,200}(\\.\\PC{0,40}){0,4}") {
            prop_assert!(authority().verify(&text, NOW).unwrap_err().is_rejection());
        }
    }
}
