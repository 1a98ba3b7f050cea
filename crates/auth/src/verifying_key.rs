//! Keys that verify, each for the algorithms of its kind only.
//!
//! A public key never verifies an HMAC and a secret never anything else: an algorithm is chosen among
//! those that the configuration allows *and* the key is made for, never by the token alone.

use std::fmt;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};

use crate::AuthError;

/// The most keys that are taken from one set.
const MAX_KEYS: usize = 100;

/// The longest key id, in bytes; a longer one names no key.
const MAX_ID_BYTES: usize = 256;

const HMAC: &[Algorithm] = &[Algorithm::HS256, Algorithm::HS384, Algorithm::HS512];
const RSA: &[Algorithm] = &[
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
];
const EDWARDS: &[Algorithm] = &[Algorithm::EdDSA];

/// A key, and what it may verify.
#[derive(Clone)]
pub(crate) struct VerifyingKey {
    /// Its `kid`, if it comes from a set.
    pub(crate) id: Option<String>,
    pub(crate) algorithms: Vec<Algorithm>,
    pub(crate) key: DecodingKey,
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey")
            .field("id", &self.id)
            .field("algorithms", &self.algorithms)
            .finish_non_exhaustive()
    }
}

impl VerifyingKey {
    /// A secret that both sides know. It must be as long as the digest (RFC 7518, 3.2).
    pub(crate) fn of_secret(secret: &[u8], wanted: &[Algorithm]) -> Result<Self, AuthError> {
        let needed = wanted
            .iter()
            .map(|algorithm| match algorithm {
                Algorithm::HS512 => 64,
                Algorithm::HS384 => 48,
                _ => 32,
            })
            .max()
            .unwrap_or(32);
        if secret.len() < needed {
            return Err(AuthError::ShortSecret { needed });
        }
        Ok(Self {
            id: None,
            algorithms: HMAC.to_vec(),
            key: DecodingKey::from_secret(secret),
        })
    }

    /// A public key as PEM.
    pub(crate) fn of_pem(pem: &[u8]) -> Result<Self, AuthError> {
        let made = |algorithms: &[Algorithm], key| Self {
            id: None,
            algorithms: algorithms.to_vec(),
            key,
        };
        if is_private(pem) {
            return Err(AuthError::PrivateKey);
        }
        if let Ok(key) = DecodingKey::from_rsa_pem(pem) {
            return Ok(made(RSA, key));
        }
        if let Ok(key) = DecodingKey::from_ed_pem(pem) {
            return Ok(made(EDWARDS, key));
        }
        let key = DecodingKey::from_ec_pem(pem).map_err(|_| AuthError::NotAPublicKey)?;
        // An uncompressed point is a byte and two coordinates.
        let algorithm = match key.try_get_as_bytes().map(<[u8]>::len) {
            Ok(65) => Algorithm::ES256,
            Ok(97) => Algorithm::ES384,
            _ => return Err(AuthError::NotAPublicKey),
        };
        Ok(made(&[algorithm], key))
    }

    /// The usable keys of a set (RFC 7517), and how many there are that are of no use here.
    pub(crate) fn of_set(json: &[u8]) -> Result<(Vec<Self>, usize), AuthError> {
        #[derive(serde::Deserialize)]
        struct Set {
            keys: Vec<serde_json::Value>,
        }
        let set: Set = serde_json::from_slice(json).map_err(|_| AuthError::NotAKeySet)?;
        let count = set.keys.len();
        let keys: Vec<_> = set
            .keys
            .into_iter()
            .take(MAX_KEYS)
            .filter_map(|key| serde_json::from_value(key).ok())
            .filter_map(|key| Self::of_jwk(&key))
            .collect();
        let unused = count - keys.len();
        Ok((keys, unused))
    }

    fn of_jwk(jwk: &Jwk) -> Option<Self> {
        let is_for_signing = jwk
            .common
            .public_key_use
            .as_ref()
            .is_none_or(|purpose| *purpose == PublicKeyUse::Signature);
        let id = jwk.common.key_id.clone();
        if !is_for_signing || id.as_ref().is_some_and(|id| id.len() > MAX_ID_BYTES) {
            return None;
        }
        let of_kind: &[Algorithm] = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => RSA,
            AlgorithmParameters::EllipticCurve(key) => match key.curve {
                EllipticCurve::P256 => &[Algorithm::ES256],
                EllipticCurve::P384 => &[Algorithm::ES384],
                _ => return None,
            },
            AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
                EDWARDS
            }
            // A secret that is published is none.
            _ => return None,
        };
        let algorithms: Vec<_> = match jwk.common.key_algorithm {
            None => of_kind.to_vec(),
            Some(said) => of_kind
                .iter()
                .copied()
                .filter(|algorithm| is_same(said, *algorithm))
                .collect(),
        };
        let key = DecodingKey::from_jwk(jwk).ok()?;
        (!algorithms.is_empty()).then_some(Self {
            id,
            algorithms,
            key,
        })
    }
}

fn is_same(said: KeyAlgorithm, algorithm: Algorithm) -> bool {
    said.to_string().parse() == Ok(algorithm)
}

/// Whether a PEM holds a private key: a server that only verifies should not have it.
fn is_private(pem: &[u8]) -> bool {
    let mark = b"PRIVATE KEY-----";
    pem.windows(mark.len()).any(|part| part == mark)
}
