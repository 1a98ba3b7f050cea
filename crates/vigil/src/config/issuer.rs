//! Whose tokens are accepted beside Vigil's own.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigil_auth::{Algorithm, KeySource, Role, Trust};

/// The most issuers.
const MAX_ISSUERS: usize = 32;

/// Somebody else whose tokens (JWT) are accepted.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IssuerConfig {
    /// Their claim `iss`, such as `https://id.example`. Empty: tokens that name no issuer.
    #[serde(default)]
    pub name: String,
    /// What their claim `aud` must have. Must be given with `jwks_url`.
    #[serde(default)]
    pub audience: String,
    /// The algorithms that are accepted, and no others: HS256, HS384, HS512, RS256, RS384, RS512,
    /// PS256, PS384, PS512, ES256, ES384, EdDSA. They must go with the key.
    #[schemars(with = "Vec<String>")]
    pub algorithms: Vec<Algorithm>,
    /// The file with the secret that both sides know, readable by its owner only. Of this and the two
    /// below exactly one is given.
    #[serde(default)]
    pub secret_file: PathBuf,
    /// The file with their public key, as PEM.
    #[serde(default)]
    pub public_key_file: PathBuf,
    /// Where their public keys are published (JWKS). `https://`, or `http://` on this machine.
    #[serde(default)]
    pub jwks_url: String,
    /// Whether a redirect from there may lead to a private address.
    #[serde(default)]
    pub allow_private_redirects: bool,
    /// The claim that says what somebody may do, with `.` before what is inside another, such as
    /// `realm_access.roles`. Of a list the strongest role counts.
    #[serde(default = "role_claim")]
    pub role_claim: String,
    /// What the claim's values mean: viewer, analyst, admin or service. Those four need no entry.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub roles: BTreeMap<String, Role>,
    /// What somebody may do of whom the claim says nothing. Not given: they are refused.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub default_role: Option<Role>,
}

fn role_claim() -> String {
    "role".to_owned()
}

impl IssuerConfig {
    /// What is accepted of it.
    pub(crate) fn trust(&self) -> Trust {
        Trust {
            name: self.name.clone(),
            audience: self.audience.clone(),
            algorithms: self.algorithms.clone(),
            role_claim: self.role_claim.clone(),
            roles: self.roles.clone(),
            default_role: self.default_role,
        }
    }

    /// Where its keys come from.
    pub(crate) fn source(&self) -> KeySource<'_> {
        if !self.jwks_url.is_empty() {
            KeySource::Set
        } else if self.secret_file.as_os_str().is_empty() {
            KeySource::Pem(&self.public_key_file)
        } else {
            KeySource::Secret(&self.secret_file)
        }
    }

    /// What is wrong with the values.
    fn problem(&self) -> Option<&'static str> {
        let sources = [
            !self.secret_file.as_os_str().is_empty(),
            !self.public_key_file.as_os_str().is_empty(),
            !self.jwks_url.is_empty(),
        ];
        if sources.into_iter().filter(|is_given| *is_given).count() != 1 {
            Some("auth.issuers: give each exactly one of secret_file, public_key_file and jwks_url")
        } else if self.algorithms.is_empty() {
            Some("auth.issuers.algorithms: name at least one, such as RS256")
        } else if self.jwks_url.is_empty() {
            None
        } else if self.audience.is_empty() {
            Some(
                "auth.issuers.audience: must be given with jwks_url, or tokens that the issuer made for other programs would open this one",
            )
        } else if is_secret_only(&self.algorithms) {
            Some("auth.issuers.algorithms: a published key can't verify HS256, HS384 or HS512")
        } else if !is_safe(&self.jwks_url) {
            Some(
                "auth.issuers.jwks_url: must begin with https://, or with http://127.0.0.1 or http://localhost",
            )
        } else {
            None
        }
    }
}

fn is_secret_only(algorithms: &[Algorithm]) -> bool {
    algorithms.iter().all(|algorithm| {
        matches!(
            algorithm,
            Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512
        )
    })
}

/// Whether nobody on the way can exchange what is fetched from there.
pub(crate) fn is_safe(url: &str) -> bool {
    let is_local = |rest: &str| {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = authority
            .rsplit_once(':')
            .map_or(authority, |(host, _)| host);
        matches!(host, "127.0.0.1" | "localhost" | "[::1]")
    };
    url.starts_with("https://") || url.strip_prefix("http://").is_some_and(is_local)
}

/// What is wrong with the issuers.
pub(super) fn problems(issuers: &[IssuerConfig]) -> Vec<&'static str> {
    let mut problems: Vec<_> = issuers.iter().filter_map(IssuerConfig::problem).collect();
    if issuers.len() > MAX_ISSUERS {
        problems.push("auth.issuers: must be at most 32");
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> &'static str {
        let issuer: IssuerConfig = toml::from_str(text).unwrap();
        issuer.problem().unwrap_or("none")
    }

    #[test]
    fn what_is_wrong_is_said_with_its_key() {
        for (text, expected) in [
            ("algorithms = ['HS256']\nsecret_file = 's'", "none"),
            ("algorithms = ['RS256']", "exactly one"),
            (
                "algorithms = ['RS256']\nsecret_file = 's'\npublic_key_file = 'p'",
                "exactly one",
            ),
            ("algorithms = []\nsecret_file = 's'", "at least one"),
            (
                "algorithms = ['RS256']\njwks_url = 'https://id.example/k'",
                "audience",
            ),
            (
                "algorithms = ['HS256']\naudience = 'v'\njwks_url = 'https://id.example/k'",
                "a published key",
            ),
            (
                "algorithms = ['RS256']\naudience = 'v'\njwks_url = 'http://id.example/k'",
                "jwks_url",
            ),
            (
                "algorithms = ['RS256']\naudience = 'v'\njwks_url = 'http://127.0.0.1:1/k'",
                "none",
            ),
        ] {
            assert!(
                problem(text).contains(expected),
                "{text}: {}",
                problem(text)
            );
        }
        let unknown = toml::from_str::<IssuerConfig>("algorithms = ['none']\nsecret_file = 's'");
        assert!(unknown.unwrap_err().to_string().contains("HS256"));
    }

    #[test]
    fn only_this_machine_is_asked_in_plain_text() {
        for (url, is) in [
            ("https://id.example/keys", true),
            ("http://localhost/keys", true),
            ("http://localhost:8080/keys", true),
            ("http://[::1]:80/keys", true),
            ("http://localhost.evil.example/", false),
            ("http://localhost@evil.example/", false),
            ("http://evil.example/#localhost", false),
            ("ftp://localhost/", false),
            ("", false),
        ] {
            assert_eq!(is_safe(url), is, "{url}");
        }
    }
}
