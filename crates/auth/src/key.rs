//! API keys: long-lived texts that machines show instead of a token.
//!
//! Only the digest of a key is kept. Every key is compared, each in constant time, so the answer's
//! time says nothing about how near a guess was.

use std::path::Path;

use sha2::{Digest as _, Sha256};
use subtle::{ConditionallySelectable as _, ConstantTimeEq as _};

use crate::{AuthError, Principal, Role, secret};

/// A shorter key could be guessed.
pub(crate) const MIN_KEY_CHARS: usize = 20;

/// A longer text is no key.
pub(crate) const MAX_KEY_BYTES: usize = 1024;

/// One machine's key.
#[derive(Clone, Debug)]
pub struct ApiKey {
    name: String,
    role: Role,
    digest: [u8; 32],
}

impl ApiKey {
    /// The key of that name, as it stands in the environment or in the configuration.
    pub fn new(name: impl Into<String>, role: Role, key: &str) -> Result<Self, AuthError> {
        let name = name.into();
        if key.chars().count() < MIN_KEY_CHARS || key.len() > MAX_KEY_BYTES {
            return Err(AuthError::WeakKey { name });
        }
        Ok(Self {
            name,
            role,
            digest: digest(key),
        })
    }

    /// The key that stands in a file, which only its owner may read. May block on the disk.
    pub fn from_file(name: impl Into<String>, role: Role, path: &Path) -> Result<Self, AuthError> {
        Self::new(name, role, &secret::read_private(path)?)
    }

    /// The key's name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// All keys.
#[derive(Clone, Debug, Default)]
pub struct ApiKeys(Vec<ApiKey>);

impl ApiKeys {
    /// These keys; two may share neither name nor text.
    pub fn new(keys: Vec<ApiKey>) -> Result<Self, AuthError> {
        for (place, key) in keys.iter().enumerate() {
            let twice = |other: &ApiKey| other.name == key.name || other.digest == key.digest;
            if keys.iter().take(place).any(twice) {
                return Err(AuthError::DuplicateKey {
                    name: key.name.clone(),
                });
            }
        }
        Ok(Self(keys))
    }

    /// Who holds the key.
    pub fn verify(&self, key: &str) -> Result<Principal, AuthError> {
        if key.len() > MAX_KEY_BYTES {
            return Err(AuthError::UnknownKey);
        }
        let given = digest(key);
        let mut found = u32::MAX;
        for (place, key) in (0u32..).zip(&self.0) {
            found = u32::conditional_select(&found, &place, key.digest.ct_eq(&given));
        }
        let key = self.0.get(found as usize).ok_or(AuthError::UnknownKey)?;
        Ok(Principal {
            key: Some(key.name.clone()),
            ..Principal::new(key.name.clone(), key.role)
        })
    }
}

fn digest(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEB: &str = "web-key-0123456789abcdef";
    const LAB: &str = "lab-key-0123456789abcdef";

    fn keys() -> ApiKeys {
        ApiKeys::new(vec![
            ApiKey::new("web", Role::Service, WEB).unwrap(),
            ApiKey::new("lab", Role::Viewer, LAB).unwrap(),
        ])
        .unwrap()
    }

    #[test]
    fn each_key_has_its_name_and_role() {
        let principal = keys().verify(LAB).unwrap();
        assert_eq!(
            (principal.subject.as_str(), principal.role),
            ("lab", Role::Viewer)
        );
        assert_eq!(keys().verify(WEB).unwrap().subject, "web");
        for wrong in [
            "",
            "web-key-0123456789abcdeF",
            "web-key-0123456789ab",
            &"x".repeat(5_000),
        ] {
            assert!(matches!(keys().verify(wrong), Err(AuthError::UnknownKey)));
        }
        assert!(ApiKeys::default().verify(WEB).is_err());
    }

    #[test]
    fn a_key_has_at_least_twenty_characters() {
        let made = |key: &str| ApiKey::new("web", Role::Service, key);
        assert!(made(&"k".repeat(20)).is_ok());
        assert!(made(&"k".repeat(1024)).is_ok());
        for wrong in ["k".repeat(19), "é".repeat(19), "k".repeat(1025)] {
            assert!(matches!(made(&wrong), Err(AuthError::WeakKey { .. })));
        }
    }

    #[test]
    fn weak_and_double_keys_are_refused_by_name() {
        let error = ApiKey::new("web", Role::Service, "short")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("`web`") && !error.contains("short:"),
            "{error}"
        );
        let one = ApiKey::new("a", Role::Service, WEB).unwrap();
        let two = ApiKey::new("b", Role::Service, WEB).unwrap();
        assert!(
            matches!(ApiKeys::new(vec![one.clone(), two]), Err(AuthError::DuplicateKey { name }) if name == "b")
        );
        let same_name = ApiKey::new("a", Role::Service, LAB).unwrap();
        assert!(ApiKeys::new(vec![one, same_name]).is_err());
    }

    #[test]
    fn a_key_is_never_shown() {
        assert!(!format!("{:?}", keys()).contains("0123456789abcdef"));
    }
}
